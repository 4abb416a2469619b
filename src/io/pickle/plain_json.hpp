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
/// texts, data types, and tuples, lists and mappings of these. Shared and cyclic values cost what they would cost on
/// paper, against one allowance for the whole file.
class PlainJson {
  public:
    explicit PlainJson(const Graph& graph) : graph_(graph) {}

    /// Empty for what is not plain: tensors, objects, bytes, NaN, and what is nested more than `depth` deep. Such
    /// entries of a mapping are left out of it and named in left_out, after `path`.
    /// Errors   bad_file when the allowance is used up
    [[nodiscard]] std::optional<nlohmann::json> of(ValueId id, const std::string& path, std::size_t depth = 16);

    std::vector<std::string> left_out;

  private:
    void spend(std::size_t bytes, ValueId id);
    [[nodiscard]] std::optional<nlohmann::json> list(const std::vector<ValueId>& items, const std::string& path,
                                                     std::size_t depth);
    [[nodiscard]] std::optional<nlohmann::json> mapping(const Dict& dict, const std::string& path, std::size_t depth);

    const Graph& graph_;
    std::size_t left_ = std::size_t{4} << 20;
};

/// The key of a mapping as JSON and tensors' names spell it: a text of at most 512 bytes, or an integer's digits. Empty
/// for other keys.
[[nodiscard]] std::optional<std::string> key_text(const Graph& graph, ValueId id);

}  // namespace cameo::io::pickle
