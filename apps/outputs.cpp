// SPDX-License-Identifier: Apache-2.0
#include "outputs.hpp"

#include <string>
#include <system_error>
#include <utility>

#include <cameo/core/error.hpp>
#include <cameo/io/file.hpp>

#include "version.hpp"

namespace cameo::apps {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

void check_free(const fs::path& path) {
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(path, ignored)))
        throw Error(Errc::io_failure, path.string() + ": there is a file of that name; --force replaces it");
}

void make_folder(const fs::path& folder) {
    if (folder.empty()) return;
    std::error_code code;
    fs::create_directories(folder, code);
    if (code) throw Error(Errc::io_failure, folder.string() + ": " + code.message());
}

RunRecord::RunRecord(const fs::path& folder) : path_(folder / "run.json"), all_{{"runs", Json::array()}} {
    std::error_code ignored;
    if (!fs::exists(path_, ignored)) return;
    const auto bytes = io::read_file(path_, std::uint64_t{64} << 20);
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    all_ = Json::parse(text, text + bytes.size(), nullptr, false);
    if (!all_.is_object() || !all_.contains("runs") || !all_["runs"].is_array())
        throw Error(Errc::bad_file, path_.string() + ": expected a record of runs, got something else");
}

void RunRecord::add(const Json& facts) {
    Json run{{"cameo", version()}};
    run.update(facts);
    all_["runs"].push_back(std::move(run));
    io::write_file(path_, all_.dump(2) + "\n", io::Overwrite::yes);
}

}  // namespace cameo::apps
