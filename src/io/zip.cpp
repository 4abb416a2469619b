// SPDX-License-Identifier: Apache-2.0
#include "io/zip.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include <sys/stat.h>
#include <zip.h>

#include <cameo/core/error.hpp>
#include "io/name.hpp"

namespace cameo::io {
namespace {

constexpr std::uint64_t max_total_size = std::uint64_t{64} << 30;
constexpr std::uint64_t max_ratio = 1100;               // deflate reaches 1 032
constexpr std::uint64_t bytes_around_member = 30 + 46;  // the fixed parts of its two headers
constexpr std::uint64_t bytes_of_end = 22;

struct Discard {
    void operator()(zip_t* archive) const noexcept { zip_discard(archive); }
};
using ArchiveHandle = std::unique_ptr<zip_t, Discard>;

class ScopedError {
  public:
    ScopedError() noexcept { zip_error_init(&error_); }
    ScopedError(const ScopedError&) = delete;
    ScopedError& operator=(const ScopedError&) = delete;
    ~ScopedError() { zip_error_fini(&error_); }

    [[nodiscard]] zip_error_t* get() noexcept { return &error_; }
    [[nodiscard]] std::string text() { return zip_error_strerror(&error_); }

  private:
    zip_error_t error_;
};

/// Why a member may not be called so, if it may not.
std::optional<std::string> fault_of_name(std::string_view name) {
    if (!is_sound_name(name)) return "a name of 1 to 512 bytes of UTF-8 without control characters";
    if (name.find('\\') != name.npos) return "a name with forward slashes";
    if (name.front() == '/' || (name.size() > 2 && name.substr(1, 2) == ":/")) return "a relative name";
    for (std::string_view rest = name; !rest.empty();) {
        const auto end = std::min(rest.find('/'), rest.size());
        if (rest.substr(0, end) == "..") return "a name without '..'";
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return std::nullopt;
}

class Archive final : public ZipArchive {
  public:
    Archive(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, std::string subject)
        : subject_(std::move(subject)), owner_(std::move(owner)) {
        if (bytes.size() < bytes_of_end)  // libzip takes an empty file for an archive still to be written
            refuse("a ZIP archive", std::to_string(bytes.size()) + " bytes");
        ScopedError error;
        zip_source_t* const source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, error.get());
        if (!source) refuse("a ZIP archive", error.text());
        handle_.reset(zip_open_from_source(source, ZIP_RDONLY, error.get()));
        if (!handle_) {
            zip_source_free(source);
            refuse("a ZIP archive", error.text());
        }
        list_members(bytes.size());
    }

    std::span<const ZipMember> members() const noexcept override { return members_; }
    const std::string& subject() const noexcept override { return subject_; }

    const ZipMember* find(std::string_view name) const noexcept override {
        const auto place = places_.find(name);
        return place == places_.end() ? nullptr : &members_[place->second];
    }

    std::unique_ptr<ZipReader> read(const ZipMember& member) const override;

    [[noreturn]] void refuse(const std::string& expected, const std::string& found) const {
        throw Error(Errc::bad_file, subject_ + ": expected " + expected + ", found " + found);
    }
    [[noreturn]] void refuse(const ZipMember& member, const std::string& expected, const std::string& found) const {
        throw Error(Errc::bad_file,
                    subject_ + ": member " + in_quotes(member.name) + ": expected " + expected + ", found " + found);
    }

    [[nodiscard]] zip_t* handle() const noexcept { return handle_.get(); }
    [[nodiscard]] std::mutex& mutex() const noexcept { return mutex_; }

  private:
    void list_members(std::uint64_t archive_size) {
        const auto count = static_cast<std::uint64_t>(zip_get_num_entries(handle_.get(), ZIP_FL_UNCHANGED));
        std::uint64_t total = 0;
        std::uint64_t occupied = bytes_of_end;
        for (std::uint64_t index = 0; index < count; ++index) {
            auto member = member_at(index);
            if (member.size > max_total_size - total) refuse("at most 64 GiB in all", "more");
            total += member.size;
            // Members that share their bytes make a small archive swell without end.
            if (archive_size < occupied + bytes_around_member ||
                archive_size - occupied - bytes_around_member < member.stored_size)
                refuse(member, "bytes of its own inside the archive's " + std::to_string(archive_size), "too many");
            occupied += bytes_around_member + member.stored_size;
            if (member.name.ends_with('/')) {
                if (member.size != 0) refuse(member, "a folder without content", "some");
                continue;
            }
            if (!places_.try_emplace(member.name, members_.size()).second) refuse(member, "one of this name", "two");
            members_.push_back(std::move(member));
            indices_.push_back(index);
        }
    }

    [[nodiscard]] ZipMember member_at(std::uint64_t index) const {
        zip_stat_t status;
        zip_stat_init(&status);
        constexpr zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_CRC |
                                        ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
        if (zip_stat_index(handle_.get(), index, ZIP_FL_ENC_GUESS | ZIP_FL_UNCHANGED, &status) != 0 ||
            (status.valid & needed) != needed)
            refuse("a readable directory", zip_strerror(handle_.get()));
        const ZipMember member{.name = status.name,
                               .size = status.size,
                               .stored_size = status.comp_size,
                               .crc = status.crc,
                               .deflated = status.comp_method == ZIP_CM_DEFLATE};
        if (const auto fault = fault_of_name(member.name)) refuse(member, *fault, "another");
        if (status.encryption_method != ZIP_EM_NONE) refuse(member, "no encryption", "some");
        if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE)
            refuse(member, "to be stored or deflated", "method " + std::to_string(status.comp_method));
        if (!member.deflated && member.size != member.stored_size)
            refuse(member, std::to_string(member.size) + " stored bytes", std::to_string(member.stored_size));
        if (member.size / max_ratio > member.stored_size || (member.size > 0 && member.stored_size == 0))
            refuse(member, "at most 1100 bytes from one",
                   std::to_string(member.size) + " from " + std::to_string(member.stored_size));
        zip_uint8_t system = 0;
        zip_uint32_t attributes = 0;
        if (zip_file_get_external_attributes(handle_.get(), index, ZIP_FL_UNCHANGED, &system, &attributes) != 0)
            refuse(member, "readable attributes", zip_strerror(handle_.get()));
        const auto type = (attributes >> 16u) & S_IFMT;
        if ((system == ZIP_OPSYS_UNIX || system == ZIP_OPSYS_OS_X) && type != 0 && type != S_IFREG && type != S_IFDIR)
            refuse(member, "a regular file or a folder", "a link or a device");
        return member;
    }

    std::string subject_;
    std::shared_ptr<const void> owner_;
    mutable std::mutex mutex_;  // libzip's handles know no threads
    ArchiveHandle handle_;
    std::vector<ZipMember> members_;
    std::vector<std::uint64_t> indices_;  // libzip's, of the members
    std::map<std::string, std::size_t, std::less<>> places_;
};

class Reader final : public ZipReader {
  public:
    Reader(std::shared_ptr<const Archive> archive, const ZipMember& member, std::uint64_t index)
        : archive_(std::move(archive)), member_(&member) {
        const std::lock_guard lock(archive_->mutex());
        file_ = zip_fopen_index(archive_->handle(), index, ZIP_FL_UNCHANGED);
        if (!file_) archive_->refuse(member, "to be readable", zip_strerror(archive_->handle()));
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() override {
        const std::lock_guard lock(archive_->mutex());
        (void)zip_fclose(file_);
    }

    std::size_t read(std::span<std::byte> buffer) override {
        std::size_t filled = 0;
        while (filled < buffer.size() && !at_end_) {
            const auto count = read_once(buffer.subspan(filled));
            if (count > member_->size - done_) refuse_size("more");
            filled += count;
            done_ += count;
            at_end_ = count == 0;
        }
        if (at_end_ && done_ != member_->size) refuse_size(std::to_string(done_));
        return filled;
    }

  private:
    std::size_t read_once(std::span<std::byte> buffer) {
        const std::lock_guard lock(archive_->mutex());
        const auto count = zip_fread(file_, buffer.data(), buffer.size());
        if (count < 0) archive_->refuse(*member_, "sound data", zip_file_strerror(file_));
        return static_cast<std::size_t>(count);
    }

    [[noreturn]] void refuse_size(const std::string& found) const {
        archive_->refuse(*member_, std::to_string(member_->size) + " bytes", found);
    }

    std::shared_ptr<const Archive> archive_;
    const ZipMember* member_;
    zip_file_t* file_ = nullptr;
    std::uint64_t done_ = 0;
    bool at_end_ = false;
};

std::unique_ptr<ZipReader> Archive::read(const ZipMember& member) const {
    const auto place = static_cast<std::size_t>(&member - members_.data());
    if (place >= members_.size()) throw Error(Errc::internal, subject_ + ": expected a member of this archive");
    return std::make_unique<Reader>(std::static_pointer_cast<const Archive>(shared_from_this()), member,
                                    indices_[place]);
}

/// Keeps the first exception that would have passed through libzip, which is C.
class Failure {
  public:
    template <class Action>
    zip_int64_t guard(Action&& action) noexcept {
        try {
            return action();
        } catch (...) {
            if (!first_) first_ = std::current_exception();
            return -1;
        }
    }
    void rethrow() const {
        if (first_) std::rethrow_exception(first_);
    }

  private:
    std::exception_ptr first_;
};

class Writer final : public ZipWriter {
  public:
    Writer(const std::filesystem::path& path, Overwrite overwrite) : path_(path), file_(path, overwrite) {
        ScopedError error;
        zip_source_t* const target = zip_source_function_create(&Writer::on_target, this, error.get());
        if (!target) fail(error.text());
        handle_.reset(zip_open_from_source(target, ZIP_CREATE | ZIP_TRUNCATE, error.get()));
        if (!handle_) {
            zip_source_free(target);
            fail(error.text());
        }
    }

    void add(const std::string& name, std::function<std::vector<std::byte>()> content,
             ZipCompression compression) override {
        const auto refuse = [&](const std::string& expected) {
            throw Error(Errc::invalid_argument,
                        path_.string() + ": member " + in_quotes(name) + ": expected " + expected + ", got another");
        };
        if (const auto fault = fault_of_name(name)) refuse(*fault);
        auto& member = *members_.emplace_back(std::make_unique<Member>(failure_, std::move(content)));
        zip_source_t* const source = zip_source_function(handle_.get(), &Writer::on_member, &member);
        if (!source) fail(zip_strerror(handle_.get()));
        const auto index = zip_file_add(handle_.get(), name.c_str(), source, ZIP_FL_ENC_UTF_8);
        if (index < 0) {
            zip_source_free(source);
            refuse("a name of its own");
        }
        const auto place = static_cast<zip_uint64_t>(index);
        const bool deflates = compression == ZipCompression::deflated;
        constexpr zip_uint16_t first_day = 1u << 5u | 1u;  // 1980-01-01
        if (zip_set_file_compression(handle_.get(), place, deflates ? ZIP_CM_DEFLATE : ZIP_CM_STORE,
                                     deflates ? 6 : 0) != 0 ||
            zip_file_set_dostime(handle_.get(), place, 0, first_day, 0) != 0)
            fail(zip_strerror(handle_.get()));
    }

    void commit() override {
        if (members_.empty()) {  // libzip would rather remove the file
            constexpr std::array<unsigned char, bytes_of_end> end{'P', 'K', 5, 6};
            file_.write(std::as_bytes(std::span(end)));
        } else {
            if (zip_close(handle_.get()) != 0) {
                failure_.rethrow();
                fail(zip_strerror(handle_.get()));
            }
            (void)handle_.release();  // zip_close() has freed it
        }
        file_.commit();
    }

  private:
    struct Member {
        Member(Failure& failure_, std::function<std::vector<std::byte>()> content_)
            : failure(&failure_), content(std::move(content_)) {}

        /// libzip asks for the size before it opens the source.
        const std::vector<std::byte>& made() {
            if (!bytes) bytes = std::exchange(content, nullptr)();
            return *bytes;
        }

        Failure* failure;
        std::function<std::vector<std::byte>()> content;
        std::optional<std::vector<std::byte>> bytes;
        std::size_t done = 0;
    };

    [[noreturn]] void fail(const std::string& reason) const {
        throw Error(Errc::io_failure, path_.string() + ": expected to write an archive, got '" + reason + "'");
    }

    /// What libzip knows of an error that is on its way past it.
    static zip_int64_t report(int code, int system_code, void* data, zip_uint64_t size) {
        ScopedError error;
        zip_error_set(error.get(), code, system_code);
        return zip_error_to_data(error.get(), data, size);
    }

    static zip_int64_t on_target(void* user, void* data, zip_uint64_t size, zip_source_cmd_t command) {
        auto& self = *static_cast<Writer*>(user);
        switch (command) {
            case ZIP_SOURCE_WRITE:
                return self.failure_.guard([&] {
                    self.put({static_cast<const std::byte*>(data), static_cast<std::size_t>(size)});
                    return static_cast<zip_int64_t>(size);
                });
            case ZIP_SOURCE_SEEK_WRITE: {
                ScopedError error;
                const auto offset =
                    zip_source_seek_compute_offset(self.position_, self.file_.size(), data, size, error.get());
                if (offset < 0) return -1;
                self.position_ = static_cast<std::uint64_t>(offset);
                return 0;
            }
            case ZIP_SOURCE_TELL_WRITE:
                return static_cast<zip_int64_t>(self.position_);
            case ZIP_SOURCE_STAT:  // there is no archive yet
            case ZIP_SOURCE_OPEN:
                return -1;
            case ZIP_SOURCE_ERROR:
                return self.opened_ ? report(ZIP_ER_WRITE, EIO, data, size) : report(ZIP_ER_READ, ENOENT, data, size);
            case ZIP_SOURCE_BEGIN_WRITE:
                self.opened_ = true;
                return 0;
            case ZIP_SOURCE_COMMIT_WRITE:
            case ZIP_SOURCE_ROLLBACK_WRITE:
            case ZIP_SOURCE_FREE:
                return 0;
            case ZIP_SOURCE_SUPPORTS:
                return zip_source_make_command_bitmap(
                    ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
                    ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, ZIP_SOURCE_BEGIN_WRITE,
                    ZIP_SOURCE_COMMIT_WRITE, ZIP_SOURCE_ROLLBACK_WRITE, ZIP_SOURCE_WRITE, ZIP_SOURCE_SEEK_WRITE,
                    ZIP_SOURCE_TELL_WRITE, ZIP_SOURCE_REMOVE, -1);
            default:
                return -1;
        }
    }

    static zip_int64_t on_member(void* user, void* data, zip_uint64_t size, zip_source_cmd_t command) {
        auto& member = *static_cast<Member*>(user);
        switch (command) {
            case ZIP_SOURCE_STAT:
                return member.failure->guard([&]() -> zip_int64_t {
                    zip_stat_t status;
                    zip_stat_init(&status);
                    status.valid = ZIP_STAT_SIZE;
                    status.size = member.made().size();
                    std::memcpy(data, &status, sizeof status);
                    return sizeof status;
                });
            case ZIP_SOURCE_OPEN:
                return member.failure->guard([&]() -> zip_int64_t {
                    (void)member.made();
                    member.done = 0;
                    return 0;
                });
            case ZIP_SOURCE_READ: {
                const auto rest = std::span(*member.bytes).subspan(member.done);
                const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), size));
                if (count > 0) std::memcpy(data, rest.data(), count);
                member.done += count;
                return static_cast<zip_int64_t>(count);
            }
            case ZIP_SOURCE_CLOSE:
                member.bytes.emplace();  // its content is in the archive now
                return 0;
            case ZIP_SOURCE_ERROR:
                return report(ZIP_ER_READ, EIO, data, size);
            case ZIP_SOURCE_FREE:
                return 0;
            case ZIP_SOURCE_SUPPORTS:
                return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE,
                                                      ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
                                                      ZIP_SOURCE_SUPPORTS, -1);
            default:
                return -1;
        }
    }

    /// libzip goes back to complete a member's header when it knows the sizes.
    void put(std::span<const std::byte> bytes) {
        const auto behind = static_cast<std::size_t>(std::min<std::uint64_t>(file_.size() - position_, bytes.size()));
        if (behind > 0) file_.write_at(position_, bytes.first(behind));
        file_.write(bytes.subspan(behind));
        position_ += bytes.size();
    }

    std::filesystem::path path_;
    AtomicFile file_;
    Failure failure_;
    std::vector<std::unique_ptr<Member>> members_;
    ArchiveHandle handle_;  // goes first: it speaks to all of the above
    std::uint64_t position_ = 0;
    bool opened_ = false;
};

}  // namespace

std::shared_ptr<const ZipArchive> ZipArchive::open(const std::filesystem::path& path) {
    auto file = MappedFile::open(path);
    const auto bytes = file->bytes();
    return open(bytes, std::move(file), path.string());
}

std::shared_ptr<const ZipArchive> ZipArchive::open(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                                   std::string subject) {
    return std::make_shared<const Archive>(bytes, std::move(owner), std::move(subject));
}

std::vector<std::byte> ZipArchive::read_all(const ZipMember& member, std::uint64_t max_bytes) const {
    if (member.size > max_bytes)
        throw Error(Errc::bad_file, subject() + ": member " + in_quotes(member.name) + ": expected at most " +
                                        std::to_string(max_bytes) + " bytes, found " + std::to_string(member.size));
    const auto reader = read(member);
    std::vector<std::byte> bytes;
    try {
        // Room grows with what really comes, not with what the archive declares.
        for (std::size_t filled = 0;;) {
            bytes.resize(static_cast<std::size_t>(
                std::min<std::uint64_t>(member.size + 1, std::max<std::uint64_t>(2 * filled, 1u << 20u))));
            filled += reader->read(std::span(bytes).subspan(filled));
            if (filled < bytes.size()) {
                bytes.resize(filled);
                return bytes;
            }
        }
    } catch (const std::bad_alloc&) {
        throw Error(Errc::out_of_memory, subject() + ": member " + in_quotes(member.name) + ": expected room for " +
                                             std::to_string(member.size) + " bytes, got none");
    }
}

void ZipReader::read_exactly(std::span<std::byte> buffer) {
    if (const auto count = read(buffer); count != buffer.size())
        throw Error(Errc::bad_file, "ZIP member: expected " + std::to_string(buffer.size()) + " more bytes, found " +
                                        std::to_string(count));
}

void ZipReader::skip(std::uint64_t count) {
    std::array<std::byte, 16384> buffer;
    for (; count > 0; count -= std::min<std::uint64_t>(count, buffer.size()))
        read_exactly(std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(count, buffer.size()))));
}

std::unique_ptr<ZipWriter> ZipWriter::create(const std::filesystem::path& path, Overwrite overwrite) {
    return std::make_unique<Writer>(path, overwrite);
}

}  // namespace cameo::io
