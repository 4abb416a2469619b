// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/core/dtype.hpp>
#include <cameo/core/export.hpp>

namespace cameo {

/// Receives a tensor's bytes, run after run, in C order and little-endian.
using ByteSink = std::function<void(std::span<const std::byte>)>;

/// Where the bytes of one stored tensor are: a mapped file, a member of an archive, a strided view of a storage,
/// memory.
/// Threads  const calls may run at the same time
class CAMEO_API TensorSource {
  public:
    virtual ~TensorSource();

    /// The whole tensor as one run of bytes when it lies in memory or in a mapped file like that, else empty.
    /// Lifetime: that of this source.
    [[nodiscard]] virtual std::span<const std::byte> contiguous() const noexcept = 0;

    /// Hands all bytes to `sink`. Errors: bad_file when the file lied about them, io_failure; whatever `sink` throws.
    virtual void stream(const ByteSink& sink) const = 0;
};

/// A tensor as a file holds it. The shape has been checked: sizes are not negative, their product does not overflow.
struct StoredTensor {
    DType dtype = DType::f32;
    std::vector<std::int64_t> shape;
    std::shared_ptr<const TensorSource> source;

    [[nodiscard]] CAMEO_API std::int64_t numel() const noexcept;
    [[nodiscard]] CAMEO_API std::uint64_t byte_size() const noexcept;
};

/// Named tensors in the order of their file, with textual metadata; knows nothing of LibTorch, reads nothing by itself.
/// Bytes stay where they are until somebody streams them.
class CAMEO_API StateDict {
  public:
    struct Entry {
        std::string name;
        StoredTensor tensor;
    };

    /// Errors: bad_file when the name is already there.
    void add(std::string name, StoredTensor tensor);

    [[nodiscard]] std::span<const Entry> entries() const noexcept { return entries_; }
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] bool contains(std::string_view name) const noexcept { return find(name) != nullptr; }

    /// Null when there is none.
    [[nodiscard]] const StoredTensor* find(std::string_view name) const noexcept;

    /// Errors: bad_file, naming the missing tensor.
    [[nodiscard]] const StoredTensor& at(std::string_view name) const;

    /// The tensors whose names start with `prefix`, without it, in order; the metadata is copied.
    [[nodiscard]] StateDict with_prefix(std::string_view prefix) const;

    /// Texts by key; the key "cameo" holds JSON (docs/architecture.md, "The model file").
    std::map<std::string, std::string> metadata;

  private:
    std::vector<Entry> entries_;
    std::map<std::string, std::size_t, std::less<>> index_;
};

/// All bytes of `tensor`, C order. Errors: those of TensorSource::stream(), out_of_memory.
[[nodiscard]] CAMEO_API std::vector<std::byte> read_bytes(const StoredTensor& tensor);

/// A source that owns its bytes.
[[nodiscard]] CAMEO_API std::shared_ptr<const TensorSource> memory_source(std::vector<std::byte> bytes);

/// A source of bytes that `owner` keeps alive (a mapped file, another tensor).
[[nodiscard]] CAMEO_API std::shared_ptr<const TensorSource> view_source(std::span<const std::byte> bytes,
                                                                        std::shared_ptr<const void> owner);

}  // namespace cameo
