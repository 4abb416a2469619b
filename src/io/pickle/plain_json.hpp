// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/pickle/value.hpp"

namespace cameo::io::pickle {

/// Turns plain values into JSON, as much as a model file has room for: None, truth values, integers, finite numbers,
/// texts, data types, and tuples, lists and mappings of these. What is not plain is left out, and its name is kept.
/// Shared and cyclic values count as often as they would stand on paper.
class PlainJson {
  public:
    explicit PlainJson(const Graph& graph) : graph_(graph) {}

    /// The value called `name`. Empty, and `name` left out, for what is not plain (tensors, objects, bytes, NaN), for
    /// nesting beyond 16 levels, and for values of more than 256 KiB or beyond 4 MiB in all. Of a mapping only those
    /// entries are left out that are not plain. Errors: bad_file when a file keeps this busy without end
    [[nodiscard]] std::optional<nlohmann::json> of(ValueId id, const std::string& name);

    /// Notes that something is not in the description. Errors: bad_file when all names together exceed 4 MiB
    void leave_out(std::string name);

    /// The names that were left out since the last call.
    [[nodiscard]] std::vector<std::string> take_left_out();

  private:
    using Json = nlohmann::json;

    [[nodiscard]] bool spend(std::size_t bytes);
    [[nodiscard]] std::optional<Json> value(ValueId id, const std::string& name, std::size_t depth);
    [[nodiscard]] std::optional<Json> list(const std::vector<ValueId>& items, const std::string& name,
                                           std::size_t depth);
    [[nodiscard]] std::optional<Json> mapping(const Dict& dict, const std::string& name, std::size_t depth);

    const Graph& graph_;
    std::size_t room_ = std::size_t{4} << 20;       // bytes, for all values that are kept
    std::size_t name_room_ = std::size_t{4} << 20;  // bytes, for the names of the others
    std::size_t work_ = std::size_t{1} << 22;       // values that may be looked at
    std::size_t here_ = 0;                          // bytes left for the present value
    std::vector<std::string> left_out_;
};

/// The key of a mapping as JSON and tensors' names spell it: a text of at most 512 bytes, or an integer's digits. Empty
/// for other keys.
[[nodiscard]] std::optional<std::string> key_text(const Graph& graph, ValueId id);

}  // namespace cameo::io::pickle
