// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/file.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <random>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cameo/core/error.hpp>
#include "io/file_calls.hpp"

namespace cameo::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view temporary_suffix = ".cameo-tmp";
constexpr std::size_t buffer_size = 64 << 10;

[[noreturn]] void fail(const fs::path& path, const std::string& expected, const std::string& found) {
    throw Error(Errc::io_failure, path.string() + ": expected " + expected + ", got '" + found + "'");
}

[[noreturn]] void fail_by_system(const fs::path& path, const std::string& expected, int code = errno) {
    fail(path, expected, std::generic_category().message(code));
}

class Descriptor {
  public:
    explicit Descriptor(int value) noexcept : value_(value) {}
    Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Descriptor() { (void)close(); }

    [[nodiscard]] int get() const noexcept { return value_; }
    [[nodiscard]] int close() noexcept { return value_ < 0 ? 0 : ::close(std::exchange(value_, -1)); }

  private:
    int value_;
};

struct OpenedFile {
    Descriptor descriptor;
    std::uint64_t size;
};

OpenedFile open_regular(const fs::path& path) {
    // Without O_NONBLOCK the opening of a pipe would wait for a writer.
    OpenedFile file{Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)), 0};
    if (file.descriptor.get() < 0) fail_by_system(path, "to open the file");
    struct stat status {};
    if (::fstat(file.descriptor.get(), &status) != 0) fail_by_system(path, "to open the file");
    if (S_ISDIR(status.st_mode)) fail(path, "a regular file", "a folder");
    if (!S_ISREG(status.st_mode)) fail(path, "a regular file", "a device, pipe or socket");
    file.size = static_cast<std::uint64_t>(status.st_size);
    return file;
}

fs::path folder_of(const fs::path& path) {
    const auto folder = path.parent_path();
    return folder.empty() ? fs::path(".") : folder;
}

std::string random_digits() {
    std::random_device device;
    auto bits = static_cast<std::uint32_t>(device());
    std::string digits(8, '0');
    for (auto& digit : digits) {
        digit = "0123456789abcdef"[bits & 15u];
        bits >>= 4u;
    }
    return digits;
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const fs::path& path) {
    const auto file = open_regular(path);
    if (file.size == 0) return std::shared_ptr<const MappedFile>(new MappedFile({}));
    if (file.size > std::numeric_limits<std::size_t>::max()) fail_by_system(path, "to map the file", EFBIG);
    const auto size = static_cast<std::size_t>(file.size);
    void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor.get(), 0);
    if (start == MAP_FAILED) fail_by_system(path, "to map the file");
    (void)::madvise(start, size, MADV_SEQUENTIAL);  // a hint only
    return std::shared_ptr<const MappedFile>(new MappedFile({static_cast<const std::byte*>(start), size}));
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) (void)::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

std::vector<std::byte> read_file(const fs::path& path, std::uint64_t max_bytes) {
    const auto file = open_regular(path);
    const auto refuse_size = [&](const std::string& found) {
        throw Error(Errc::bad_file,
                    path.string() + ": expected at most " + std::to_string(max_bytes) + " bytes, found " + found);
    };
    if (file.size > max_bytes) refuse_size(std::to_string(file.size));
    std::vector<std::byte> bytes;
    try {
        // One more than the size: the read that finds nothing more needs no further room.
        bytes.resize(static_cast<std::size_t>(file.size) + 1);
        for (std::size_t filled = 0;;) {
            const auto count = ::read(file.descriptor.get(), bytes.data() + filled, bytes.size() - filled);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) fail_by_system(path, "to read the file");
            filled += static_cast<std::size_t>(count);
            if (filled > max_bytes) refuse_size("more");
            if (count == 0) {
                bytes.resize(filled);
                return bytes;
            }
            if (filled == bytes.size()) bytes.resize(filled + buffer_size);
        }
    } catch (const std::bad_alloc&) {
        throw Error(Errc::out_of_memory,
                    path.string() + ": expected room for " + std::to_string(file.size) + " bytes, got none");
    }
}

struct AtomicFile::State {
    fs::path path;
    Overwrite overwrite;
    fs::path temporary;
    Descriptor descriptor{-1};
    std::vector<std::byte> buffer;
    std::uint64_t flushed = 0;
    bool failed = false;

    State(fs::path path_, Overwrite overwrite_) : path(std::move(path_)), overwrite(overwrite_) {
        create(mode_of_new_file());
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (!temporary.empty()) (void)::unlink(temporary.c_str());
    }

    [[nodiscard]] mode_t mode_of_new_file() const {
        struct stat status {};
        if (::lstat(path.c_str(), &status) != 0) {
            if (errno == ENOENT) return 0666;
            fail_by_system(path, "to write the file");
        }
        if (S_ISDIR(status.st_mode)) fail(path, "to write a file", "a folder of that name");
        if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
            fail(path, "to write a regular file", "a device, pipe or socket of that name");
        if (overwrite == Overwrite::no) fail_taken();
        return S_ISREG(status.st_mode) ? status.st_mode & 0777u : 0666;  // what was private stays private
    }

    [[noreturn]] void fail_taken() const { fail(path, "a name not yet taken", "a file of that name"); }

    void create(mode_t mode) {
        const auto name = path.filename().string();
        if (name.empty() || name == "." || name == "..") fail(path, "the name of a file", "the name of a folder");
        for (int attempt = 0; attempt < 100; ++attempt) {
            auto candidate =
                folder_of(path) / ("." + name.substr(0, 200) + "." + random_digits() + std::string(temporary_suffix));
            descriptor = Descriptor(::open(candidate.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
            if (descriptor.get() >= 0) {
                temporary = std::move(candidate);
                buffer.reserve(buffer_size);
                return;
            }
            if (errno != EEXIST && errno != EINTR) break;
        }
        fail_by_system(path, "to create a file in its folder");
    }

    void put(std::uint64_t offset, std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const auto count =
                FileCalls::current().pwrite(descriptor.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) {
                failed = true;
                fail_by_system(path, "to write the file", count == 0 ? ENOSPC : errno);
            }
            offset += static_cast<std::uint64_t>(count);
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
    }

    void get(std::uint64_t offset, std::span<std::byte> bytes) {
        while (!bytes.empty()) {
            const auto count = ::pread(descriptor.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) {
                failed = true;
                fail_by_system(path, "to read the file back", count == 0 ? EIO : errno);
            }
            offset += static_cast<std::uint64_t>(count);
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
    }

    void flush() {
        put(flushed, buffer);
        flushed += buffer.size();
        buffer.clear();
    }

    void require_usable() const {
        if (temporary.empty()) throw Error(Errc::internal, path.string() + ": expected a file in work, got one done");
        if (failed) fail_by_system(path, "to write the file", EIO);
    }

    void require_inside(std::uint64_t offset, std::uint64_t count) const {
        const auto size = flushed + buffer.size();
        if (offset > size || count > size - offset)
            throw Error(Errc::invalid_argument, path.string() + ": expected bytes inside the " + std::to_string(size) +
                                                    " written, got " + std::to_string(count) + " at " +
                                                    std::to_string(offset));
    }

    void write(std::span<const std::byte> bytes) {
        require_usable();
        if (buffer.size() + bytes.size() > buffer_size) flush();
        if (bytes.size() < buffer_size) {
            buffer.insert(buffer.end(), bytes.begin(), bytes.end());
            return;
        }
        put(flushed, bytes);
        flushed += bytes.size();
    }

    void commit() {
        require_usable();
        failed = true;  // until all is done
        flush();
        if (FileCalls::current().fsync(descriptor.get()) != 0) fail_by_system(path, "to flush the file to the disk");
        if (descriptor.close() != 0) fail_by_system(path, "to close the file");
        take_name();
        temporary.clear();
        flush_folder();
    }

    void take_name() const {
        auto& calls = FileCalls::current();
        if (overwrite == Overwrite::yes) {
            if (calls.rename(temporary, path) != 0) fail_by_system(path, "to give the file its name");
            return;
        }
        if (calls.rename_to_new(temporary, path) == 0) return;
        if (errno == EINVAL || errno == ENOSYS) {  // NFS is one without it; links, too, are made to free names only
            if (calls.link(temporary, path) == 0) {
                (void)::unlink(temporary.c_str());
                return;
            }
        }
        if (errno == EEXIST) fail_taken();
        fail_by_system(path, "to give the file its name");
    }

    void flush_folder() const {
        const Descriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (folder.get() < 0) return;  // a folder that may be written but not read: the rename stands all the same
        if (FileCalls::current().fsync(folder.get()) != 0 && errno != EINVAL && errno != ENOTSUP)
            fail_by_system(path, "to flush the folder to the disk (the file itself is complete)");
    }
};

AtomicFile::AtomicFile(const fs::path& path, Overwrite overwrite) : state_(std::make_unique<State>(path, overwrite)) {}
AtomicFile::~AtomicFile() = default;

void AtomicFile::write(std::span<const std::byte> bytes) { state_->write(bytes); }

void AtomicFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    state_->require_usable();
    state_->require_inside(offset, bytes.size());
    state_->flush();
    state_->put(offset, bytes);
}

void AtomicFile::read_at(std::uint64_t offset, std::span<std::byte> bytes) {
    state_->require_usable();
    state_->require_inside(offset, bytes.size());
    state_->flush();
    state_->get(offset, bytes);
}

std::uint64_t AtomicFile::size() const noexcept { return state_->flushed + state_->buffer.size(); }

void AtomicFile::commit() { state_->commit(); }

void write_file(const fs::path& path, std::span<const std::byte> bytes, Overwrite overwrite) {
    AtomicFile file(path, overwrite);
    file.write(bytes);
    file.commit();
}

void write_file(const fs::path& path, std::string_view text, Overwrite overwrite) {
    write_file(path, std::as_bytes(std::span(text)), overwrite);
}

bool is_temporary(const fs::path& path) {
    const auto name = path.filename().string();
    return name.starts_with('.') && name.ends_with(temporary_suffix);
}

}  // namespace cameo::io
