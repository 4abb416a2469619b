// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/pickle/plain_json.hpp"
#include "io/pickle/value.hpp"

namespace cameo::io::pickle {

struct NamedTensor {
    std::string name;
    std::uint32_t index;  ///< into Graph::tensors
};

/// A network taken out of its module graph.
struct Network {
    std::vector<NamedTensor> tensors;         ///< parameters, then buffers, then children, module by module
    nlohmann::json description;               ///< one entry of "networks" in docs/model-file.md
    std::vector<std::string> module_sources;  ///< SHA-256 of each embedded source text, without repetition
    std::vector<std::string> dropped;         ///< attributes that are neither tensors of the network nor plain values
};

/// Walks the objects of one graph. Keeps count over all calls, so that shared or cyclic objects cannot make a small
/// file describe an endless network.
class ModuleWalk {
  public:
    explicit ModuleWalk(const Graph& graph);

    /// Whether the value is a tensor, or holds one at whatever distance.
    [[nodiscard]] bool holds_tensors(ValueId id) const { return holds_tensors_[id]; }

    /// The network under an object; tensors are named as from the object itself, `label` stands before them in messages
    /// and in `dropped`.
    /// Errors   bad_file: no state, entries of the wrong kind, names that repeat or are no names
    /// Source   spec of the checkpoint formats, section 7.3
    [[nodiscard]] Network network(const Object& object, std::string_view label);

    /// Every tensor in a nest of mappings, lists and tuples, named by the keys on the way joined with dots. What holds
    /// none is left out by json().
    [[nodiscard]] std::vector<NamedTensor> flatten(ValueId id, const std::string& name);

    [[nodiscard]] PlainJson& json() noexcept { return json_; }

  private:
    struct Site;

    void count(std::uint64_t steps);
    void visit(const Object& object, const Site& site, Network& network);
    void add(const Site& site, std::string_view kind, ValueId map, Network& network);
    void attribute(const Site& site, std::string_view key, ValueId value, nlohmann::json& attributes,
                   nlohmann::json& description);
    void flatten(ValueId id, const std::string& name, std::size_t depth, std::vector<NamedTensor>& tensors);
    void append(std::string name, std::uint32_t index, std::vector<NamedTensor>& tensors) const;
    void record_source(std::string_view source, Network& network);
    [[nodiscard]] nlohmann::json plane_axes(const Tensor& tensor);

    const Graph& graph_;
    PlainJson json_;
    std::vector<bool> holds_tensors_;
    std::uint64_t steps_ = 0;
    std::size_t modules_ = 0;
    std::unordered_map<const char*, std::string> hash_of_source_;  // one text is shared by many objects
};

}  // namespace cameo::io::pickle
