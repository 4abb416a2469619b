// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/snapshot_folder.hpp>

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>

#include <cameo/core/error.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/safetensors.hpp>

namespace cameo::io {
namespace {

constexpr std::string_view head = "snapshot-", tail = ".safetensors";
constexpr std::size_t digits = 9;

std::vector<std::filesystem::path> names_in(const std::filesystem::path& folder) {
    std::error_code problem;
    std::vector<std::filesystem::path> names;
    for (std::filesystem::directory_iterator entry(folder, problem), end; !problem && entry != end;
         entry.increment(problem))
        names.push_back(entry->path().filename());
    if (problem) throw Error(Errc::io_failure, folder.string() + ": " + problem.message());
    return names;
}

}  // namespace

SnapshotFolder::SnapshotFolder(std::filesystem::path folder, std::size_t keep)
    : folder_(std::move(folder)), keep_(keep) {
    if (keep_ < 1) throw Error(Errc::invalid_argument, "snapshots to keep: expected at least 1, got 0");
    std::error_code problem;
    std::filesystem::create_directories(folder_, problem);
    if (problem) throw Error(Errc::io_failure, folder_.string() + ": " + problem.message());
    for (const auto& name : names_in(folder_))
        if (is_temporary(name) && name.string().starts_with("." + std::string(head)))
            std::filesystem::remove(folder_ / name, problem);
}

std::filesystem::path SnapshotFolder::path_of(std::int64_t step) const {
    auto number = std::to_string(step);
    if (number.size() < digits) number.insert(0, digits - number.size(), '0');
    return folder_ / (std::string(head) + number + std::string(tail));
}

void SnapshotFolder::save(std::int64_t step, const StateDict& state) {
    write_safetensors(path_of(step), state, Overwrite::yes);
    const auto all = steps();
    std::error_code ignored;  // a file too many does no harm
    for (std::size_t i = 0; i + keep_ < all.size(); ++i) std::filesystem::remove(path_of(all[i]), ignored);
}

StateDict SnapshotFolder::load(std::int64_t step) const {
    auto state = read_safetensors(path_of(step));
    if (!digest_of(state))
        throw Error(Errc::bad_file, path_of(step).string() + ": expected a file with a digest, got one without");
    return state;
}

std::vector<std::int64_t> SnapshotFolder::steps() const {
    std::vector<std::int64_t> steps;
    for (const auto& path : names_in(folder_)) {
        const auto name = path.string();
        if (!name.starts_with(head) || !name.ends_with(tail)) continue;
        const auto* const end = name.data() + name.size() - tail.size();
        std::int64_t step = 0;
        const auto [stop, problem] = std::from_chars(name.data() + head.size(), end, step);
        if (problem == std::errc() && stop == end && path_of(step).filename() == path) steps.push_back(step);
    }
    std::ranges::sort(steps);
    return steps;
}

}  // namespace cameo::io
