// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <cameo/core/dtype.hpp>
#include <cameo/core/state_dict.hpp>

#include "io/pickle/symbols.hpp"

/// The values of a pickle, as inert records. Values name each other by index into one arena, so that cycles neither
/// leak nor hang and destruction never recurses.
namespace cameo::io::pickle {

/// Index of a value in its Graph.
using ValueId = std::uint32_t;
inline constexpr ValueId no_value = ~ValueId{0};

using Bytes = std::span<const std::byte>;

struct None {};
struct BigInteger {
    Bytes digits;  ///< two's complement, little-endian; does not fit into 64 bits
};
struct Tuple {
    std::vector<ValueId> items;
};
struct List {
    std::vector<ValueId> items;
};
struct Set {
    std::vector<ValueId> items;
};
struct Dict {
    std::vector<std::pair<ValueId, ValueId>> items;
};
struct NumpyType {
    char kind;          ///< 'f', 'i', 'u' or 'b'
    std::uint8_t size;  ///< bytes of one element
    bool big_endian;
};
struct PendingArray {};  ///< numpy's _reconstruct before its BUILD
struct StorageView {     ///< elements [first, first + numel) of Graph::storages[storage]
    std::uint32_t storage;
    std::int64_t first;
    std::int64_t numel;
};
struct TensorIndex {
    std::uint32_t index;  ///< into Graph::tensors
};
struct ObjectIndex {
    std::uint32_t index;  ///< into Graph::objects
};

struct Value {
    std::variant<None, bool, std::int64_t, BigInteger, double, std::string_view, Bytes, Tuple, List, Set, Dict, Symbol,
                 NumpyType, PendingArray, StorageView, TensorIndex, ObjectIndex>
        data;
    std::uint64_t offset;    ///< where the file makes it, for messages
    std::uint8_t depth = 0;  ///< levels of containers below it
};

/// A run of elements that tensors share. Its bytes are never copied.
struct Storage {
    std::string key;             ///< as the file names it; empty in a nested stream
    std::optional<DType> dtype;  ///< empty: untyped, `numel` counts bytes
    std::int64_t numel = 0;
    std::shared_ptr<const TensorSource> payload;  ///< null until the stream or archive has shown where it is

    [[nodiscard]] std::uint64_t byte_size() const noexcept {
        return static_cast<std::uint64_t>(numel) * (dtype ? size_of(*dtype) : 1);
    }
};

/// A checked view of a storage: every index that shape and stride allow lies inside it.
struct Tensor {
    std::uint32_t storage;
    DType dtype;
    std::int64_t first;  ///< in elements of `dtype`
    std::vector<std::int64_t> shape, stride;
};

/// An instance: of a persistent class, of a module class or of a record class.
struct Object {
    std::string_view class_name;
    std::optional<std::string_view> module_source;  ///< persistent classes only; never interpreted
    ValueId state = no_value;                       ///< a Dict, once it is there
};

/// What keeps the bytes alive that values and tensors point into.
struct Backing {
    std::shared_ptr<const void> file;
    std::deque<std::vector<std::byte>> decoded;  ///< bytes that protocol 2 spelt as text
};

struct Graph {
    std::string subject;  ///< the file's name, for messages
    std::shared_ptr<Backing> backing;
    std::vector<Value> values;
    std::vector<Storage> storages;
    std::vector<Tensor> tensors;
    std::vector<Object> objects;
    ValueId root = no_value;

    /// The value as a T, or null when it is something else.
    template <class T>
    [[nodiscard]] const T* as(ValueId id) const noexcept {
        return std::get_if<T>(&values[id].data);
    }
    [[nodiscard]] const Tensor* tensor(ValueId id) const noexcept;
    [[nodiscard]] const Object* object(ValueId id) const noexcept;

    /// What kind of thing a value is, in words: "a tuple", "the global 'torch.device'".
    [[nodiscard]] std::string describe(ValueId id) const;

    /// The value under a text key. Empty when there is none. Errors: bad_file when there are two, or when the mapping
    /// has more than 1024 entries, which none that is looked up by name has.
    [[nodiscard]] std::optional<ValueId> find(const Dict& dict, std::string_view key) const;

    /// Throws bad_file, "`subject`: expected `expected` at byte N, found `found`".
    [[noreturn]] void refuse(std::uint64_t offset, std::string_view expected, std::string_view found) const;
};

}  // namespace cameo::io::pickle
