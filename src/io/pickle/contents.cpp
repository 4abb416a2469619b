// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/contents.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include <cameo/core/error.hpp>

#include "io/name.hpp"
#include "io/pickle/module_graph.hpp"
#include "io/pickle/tensor.hpp"
#include "io/tensor_checks.hpp"

namespace cameo::io::pickle {
namespace {

using nlohmann::json;
using Kind = CheckpointPart::Kind;

constexpr std::uint64_t max_repetition = 4;  // how often, on average, a stored byte may be used
constexpr std::uint64_t free_unpacking = std::uint64_t{64} << 30;
constexpr std::uint64_t free_repetition = 64u << 20;  // bytes that may be repeated beyond that
constexpr std::string_view main_network = "G_ema";

class Sorter {
  public:
    Sorter(const Graph& graph, CheckpointFormat format) : graph_(graph), walk_(graph) {
        result_.format = format;
        for (const auto& storage : graph.storages) stored_ += max_repetition * storage.byte_size();
    }

    Checkpoint sort() {
        const auto root = graph_.root;
        if (const auto* tuple = graph_.as<Tuple>(root); tuple && tuple->items.size() == 3)
            fail("a mapping of networks",
                 "a tuple of three, as TensorFlow's exports are; convert it with its own tools first");
        const auto* object = graph_.object(root);
        if (object && is_network(*object))
            add_network(object->class_name == "TriPlaneGenerator" ? std::string(main_network) : "", *object);
        else if (graph_.as<TensorIndex>(root))
            add_tensor("tensor", root);
        else if (const auto* dict = graph_.as<Dict>(object && object->state != no_value ? object->state : root);
                 dict && !is_optimizer(*dict))
            sort_entries(*dict);
        else if (walk_.holds_tensors(root))
            add_nest(Kind::state_dict, "", "", root);
        if (result_.tensors.size() == 0) fail("networks or tensors", graph_.describe(root) + " without any");
        attach_arguments();
        result_.description = json{
            {"architecture", architecture()},
            {"networks", std::move(networks_)},
            {"training_set", std::move(training_set_)},
            {"values",
             std::move(values_)}}.dump();
        return std::move(result_);
    }

  private:
    [[noreturn]] void fail(std::string_view expected, std::string_view found) const {
        throw Error(Errc::bad_file,
                    graph_.subject + ": expected " + std::string(expected) + ", found " + std::string(found));
    }

    /// What PyTorch calls a module. Other objects, such as averages of weights, are mappings of their attributes.
    bool is_network(const Object& object) const {
        const auto* state = object.state == no_value ? nullptr : graph_.as<Dict>(object.state);
        return state && graph_.find(*state, "_modules");
    }

    bool is_optimizer(const Dict& dict) const {
        if (dict.items.size() != 2) return false;
        std::vector<std::string> keys;
        for (const auto& [key, value] : dict.items) keys.push_back(key_text(graph_, key).value_or(""));
        std::ranges::sort(keys);
        return keys[0] == "param_groups" && keys[1] == "state";
    }

    void sort_entries(const Dict& dict) {
        for (const auto& [key, value] : dict.items) {
            const auto name = key_text(graph_, key);
            if (!name || !is_sound_name(*name))
                graph_.refuse(graph_.values[key].offset, "the name of an entry", graph_.describe(key));
            sort_entry(*name, value);
        }
    }

    void sort_entry(const std::string& name, ValueId value) {
        const auto* dict = graph_.as<Dict>(value);
        if (const auto* object = graph_.object(value); object && is_network(*object)) return add_network(name, *object);
        if (graph_.as<TensorIndex>(value)) return add_tensor(name, value);
        if (dict && is_optimizer(*dict)) return add_nest(Kind::optimizer, name, name, value);
        if (walk_.holds_tensors(value))
            return add_nest(Kind::state_dict, name, dict && name == "state_dict" ? "" : name, value);

        auto plain = walk_.json().of(value, name);
        std::ranges::move(walk_.json().take_left_out(), std::back_inserter(result_.dropped));
        if (!plain || plain->is_null()) return;
        if (name == "training_set_kwargs")
            training_set_ = std::move(*plain);
        else
            values_[name] = std::move(*plain);
    }

    void add_network(const std::string& name, const Object& object) {
        auto network = walk_.network(object, name);
        CheckpointPart part{Kind::network,
                            name,
                            result_.tensors.size(),
                            0,
                            std::move(network.module_sources),
                            std::move(network.dropped)};
        add_all(network.tensors, name);
        part.count = result_.tensors.size() - part.first;
        result_.parts.push_back(std::move(part));
        if (networks_.contains(name)) fail("the network " + in_quotes(name) + " once", "a second one");
        networks_[name] = std::move(network.description);
    }

    void add_nest(Kind kind, const std::string& name, const std::string& prefix, ValueId value) {
        CheckpointPart part{kind, name, result_.tensors.size(), 0, {}, {}};
        add_all(walk_.flatten(value, prefix), "");
        part.dropped = walk_.json().take_left_out();
        part.count = result_.tensors.size() - part.first;
        result_.parts.push_back(std::move(part));
    }

    void add_tensor(const std::string& name, ValueId value) {
        if (result_.parts.empty() || result_.parts.back().kind != Kind::tensor)
            result_.parts.push_back({Kind::tensor, "", result_.tensors.size(), 0, {}, {}});
        add_all({{name, graph_.as<TensorIndex>(value)->index}}, "");
        ++result_.parts.back().count;
    }

    void add_all(const std::vector<NamedTensor>& tensors, const std::string& prefix) {
        for (const auto& [name, index] : tensors) {
            const auto full = prefix.empty() ? name : prefix + "." + name;
            if (!is_sound_name(full))
                fail("names of tensors of 1 to 512 bytes of UTF-8 without control characters", in_quotes(full));
            if (result_.tensors.size() == max_tensors) fail("at most 65536 tensors", "more");
            if (result_.tensors.contains(full)) fail("one tensor " + in_quotes(full), "two");
            auto tensor = stored(graph_, graph_.tensors[index]);
            charge(tensor, graph_.storages[graph_.tensors[index].storage], full);
            if (!is_contiguous(graph_.tensors[index])) result_.strided.push_back(full);
            result_.tensors.add(full, std::move(tensor));
        }
    }

    /// Tensors may share and repeat their storages' bytes within reason. One in an archive unpacks its whole storage.
    void charge(const StoredTensor& tensor, const Storage& storage, const std::string& name) {
        const auto spend = [&](std::uint64_t& used, std::uint64_t bytes, std::uint64_t room) {
            if (bytes > room || used > room - bytes)
                fail("tensors of about the size of the file",
                     "views that repeat its bytes far beyond that, up to " + in_quotes(name));
            used += bytes;
        };
        spend(used_, tensor.byte_size(), stored_ + free_repetition);
        if (storage.payload->contiguous().empty()) spend(unpacked_, storage.byte_size(), stored_ + free_unpacking);
    }

    /// Arguments that stand beside a bare state dict belong to its network.
    void attach_arguments() {
        const auto part = std::ranges::find_if(result_.parts, [](const auto& candidate) {
            return candidate.kind == Kind::state_dict && candidate.name == main_network;
        });
        if (part == result_.parts.end()) return;
        auto& network = networks_[part->name] = json::object();
        if (const auto place = values_.find("init_kwargs"); place != values_.end() && place->is_object()) {
            if (const auto rendering = place->find("rendering_kwargs"); rendering != place->end())
                network["rendering"] = *rendering;
            network["init"]["kwargs"] = std::move(*place);
            values_.erase("init_kwargs");
        }
        if (const auto place = values_.find("rendering_kwargs"); place != values_.end()) {
            network["rendering"] = std::move(*place);
            values_.erase("rendering_kwargs");
        }
    }

    std::string architecture() const {
        const auto network = networks_.find(main_network);
        if (network != networks_.end() && network->value("class_name", "") == "TriPlaneGenerator") return "eg3d";
        const auto has = [&](std::string_view name) {
            return result_.tensors.contains(std::string(main_network) + "." + std::string(name));
        };
        if (has("backbone.synthesis.b4.const") && has("decoder.net.0.weight")) return "eg3d";
        if (const auto whole = networks_.find(""); whole != networks_.end())
            if (whole->value("class_name", "") == "DoubleImplicitGenerator3d") return "fenerf";
        return "unknown";
    }

    const Graph& graph_;
    ModuleWalk walk_;
    Checkpoint result_;
    json networks_ = json::object();
    json training_set_;
    json values_ = json::object();
    std::uint64_t stored_ = 0;               // bytes of all storages, times max_repetition
    std::uint64_t used_ = 0, unpacked_ = 0;  // bytes of all tensors so far, and what they have an archive unpack
};

}  // namespace

Checkpoint contents_of(const Graph& graph, CheckpointFormat format) { return Sorter(graph, format).sort(); }

}  // namespace cameo::io::pickle
