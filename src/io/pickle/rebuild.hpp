// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/pickle/value.hpp"

namespace cameo::io::pickle {

struct MachineOptions;

/// What the known globals would have made, as records in a graph: the part of the value machine behind REDUCE, NEWOBJ,
/// BUILD and BINPERSID. `offset` is that of the op-code, for messages.
class Rebuild {
  public:
    Rebuild(Graph& graph, const MachineOptions& options) : graph_(graph), options_(options) {}

    template <class T>
    ValueId make(T&& data, std::uint64_t offset, std::size_t depth = 0) {
        check_room(offset, depth);
        graph_.values.push_back({std::forward<T>(data), offset, static_cast<std::uint8_t>(depth)});
        return static_cast<ValueId>(graph_.values.size() - 1);
    }

    /// Counts entries of containers before they are stored.
    void count_links(std::size_t count, std::uint64_t offset);

    /// Notes that a container has come to hold something `depth` levels high.
    void deepen(ValueId container, std::size_t depth, std::uint64_t offset);

    [[nodiscard]] ValueId reduce(ValueId callee, ValueId arguments, std::uint64_t offset);
    [[nodiscard]] ValueId instance(ValueId callee, ValueId arguments, std::uint64_t offset);
    void build(ValueId target, ValueId state, std::uint64_t offset);
    [[nodiscard]] ValueId persistent(ValueId tuple, std::uint64_t offset);

  private:
    class Arguments;

    void check_room(std::uint64_t offset, std::size_t depth) const;
    void check_count(std::size_t count, std::string_view what, std::uint64_t offset) const;
    [[nodiscard]] const Symbol& symbol(ValueId callee, std::uint64_t offset) const;

    [[nodiscard]] ValueId add_object(Object object, std::uint64_t offset);
    [[nodiscard]] ValueId add_tensor(Tensor tensor, std::uint64_t offset);
    [[nodiscard]] std::uint32_t add_storage(Storage storage, std::uint64_t offset);
    [[nodiscard]] ValueId add_bytes(std::vector<std::byte> bytes, std::uint64_t offset);

    [[nodiscard]] ValueId persistent_object(const Arguments& arguments);
    [[nodiscard]] ValueId mapping(const Arguments& arguments);
    [[nodiscard]] ValueId tensor(const Arguments& arguments, bool with_dtype);
    [[nodiscard]] ValueId nested_stream(const Arguments& arguments);
    [[nodiscard]] ValueId device(const Arguments& arguments);
    [[nodiscard]] ValueId numpy_scalar(const Arguments& arguments);
    [[nodiscard]] ValueId numpy_dtype(const Arguments& arguments);
    [[nodiscard]] ValueId byte_array(const Arguments& arguments);
    [[nodiscard]] ValueId encode(const Arguments& arguments);
    void build_object(ValueId target, ValueId state, std::uint64_t offset);
    void build_dtype(ValueId target, ValueId state, std::uint64_t offset);
    void build_array(ValueId target, ValueId state, std::uint64_t offset);
    [[nodiscard]] TensorIndex array(Bytes bytes, const NumpyType& type, std::vector<std::int64_t> shape, bool fortran,
                                    std::uint64_t offset);

    Graph& graph_;
    const MachineOptions& options_;
    std::unordered_map<std::string_view, std::uint32_t> storage_by_key_;
    std::unordered_map<ValueId, std::uint32_t> storage_by_bytes_;  // a stream that is rebuilt twice is parsed once
    std::unordered_map<ValueId, ValueId> bytes_by_text_;
    std::size_t links_ = 0;
    std::size_t decoded_ = 0;  // bytes made of text so far
};

}  // namespace cameo::io::pickle
