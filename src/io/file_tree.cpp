// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/file_tree.hpp>

#include <algorithm>
#include <limits>
#include <system_error>
#include <utility>

#include <cameo/core/error.hpp>

#include "io/name.hpp"
#include "zip.hpp"

namespace cameo::io {
namespace {

namespace fs = std::filesystem;

class Folder final : public FileTree {
  public:
    Folder(fs::path path, std::vector<std::string> names) : FileTree(std::move(names)), path_(std::move(path)) {}

    [[nodiscard]] static std::vector<std::string> list(const fs::path& path) {
        std::vector<std::string> names;
        try {
            for (const auto& entry : fs::recursive_directory_iterator(path))
                if (entry.is_regular_file() && !is_temporary(entry.path()))
                    names.push_back(entry.path().lexically_relative(path).generic_string());
        } catch (const fs::filesystem_error& error) {
            throw Error(Errc::io_failure, path.string() + ": " + error.code().message());
        }
        return names;
    }

    [[nodiscard]] std::vector<std::byte> read(std::string_view name, std::uint64_t max_bytes) const override {
        if (!contains(name)) throw Error(Errc::invalid_argument, path_.string() + ": no file " + std::string(name));
        return read_file(path_ / name, max_bytes);
    }

  private:
    fs::path path_;
};

class Archive final : public FileTree {
  public:
    explicit Archive(std::shared_ptr<const ZipArchive> zip) : FileTree(list(*zip)), zip_(std::move(zip)) {}

    [[nodiscard]] std::vector<std::byte> read(std::string_view name, std::uint64_t max_bytes) const override {
        const ZipMember* member = zip_->find(name);
        if (member == nullptr) throw Error(Errc::invalid_argument, zip_->subject() + ": no file " + std::string(name));
        return zip_->read_all(*member, max_bytes);
    }

  private:
    [[nodiscard]] static std::vector<std::string> list(const ZipArchive& zip) {
        std::vector<std::string> names;
        for (const ZipMember& member : zip.members()) names.push_back(member.name);
        return names;
    }

    std::shared_ptr<const ZipArchive> zip_;
};

bool is_archive(const fs::path& path) { return lower_extension(path) == ".zip"; }

}  // namespace

FileTree::FileTree(std::vector<std::string> names) : names_(std::move(names)) { std::ranges::sort(names_); }
FileTree::~FileTree() = default;

bool FileTree::contains(std::string_view name) const noexcept { return std::ranges::binary_search(names_, name); }

std::unique_ptr<const FileTree> FileTree::open(const fs::path& path) {
    if (is_archive(path)) return std::make_unique<Archive>(ZipArchive::open(path));
    std::error_code code;
    if (!fs::is_directory(path, code))
        throw Error(Errc::io_failure, path.string() + ": " + (code ? code.message() : "there is no such folder"));
    return std::make_unique<Folder>(path, Folder::list(path));
}

void pack_folder(const fs::path& folder, const fs::path& archive, Overwrite overwrite) {
    const auto tree = FileTree::open(folder);
    const auto writer = ZipWriter::create(archive, overwrite);
    for (const std::string& name : tree->names())
        writer->add(
            name, [&tree, name] { return tree->read(name, std::numeric_limits<std::uint64_t>::max()); },
            ZipCompression::stored);
    writer->commit();
}

}  // namespace cameo::io
