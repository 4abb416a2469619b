// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/module_graph.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <set>

#include <cameo/core/error.hpp>
#include <cameo/io/digest.hpp>

#include "io/name.hpp"
#include "io/pickle/tensor.hpp"
#include "io/tensor_checks.hpp"

namespace cameo::io::pickle {
namespace {

constexpr std::size_t max_depth = 64;          // of modules in modules
constexpr std::uint64_t max_steps = 1u << 21;  // entries looked at, in all networks of a file
constexpr std::size_t max_modules = 16384;     // in all networks of a file
constexpr std::size_t max_name = 512;          // bytes of a module's path
constexpr std::size_t max_attributes = 1024;   // of one module

std::string joined(std::string_view prefix, std::string_view name) {
    return prefix.empty() ? std::string(name) : std::string(prefix) + "." + std::string(name);
}

/// Which values are tensors or hold such: found from below, each value once.
std::vector<bool> holders_of_tensors(const Graph& graph) {
    std::vector<std::pair<ValueId, ValueId>> links;  // what is held, by what
    std::vector<ValueId> open;
    const auto each_item = [&](ValueId holder, const std::vector<ValueId>& items) {
        for (const auto item : items) links.emplace_back(item, holder);
    };
    for (ValueId id = 0; id < graph.values.size(); ++id) {
        if (graph.as<TensorIndex>(id)) open.push_back(id);
        if (const auto* tuple = graph.as<Tuple>(id)) each_item(id, tuple->items);
        if (const auto* list = graph.as<List>(id)) each_item(id, list->items);
        if (const auto* dict = graph.as<Dict>(id))
            for (const auto& [key, value] : dict->items) links.emplace_back(value, id);
        if (const auto* object = graph.object(id); object && object->state != no_value)
            links.emplace_back(object->state, id);
    }
    std::ranges::sort(links);
    std::vector<bool> holds(graph.values.size(), false);
    while (!open.empty()) {
        const auto id = open.back();
        open.pop_back();
        if (holds[id]) continue;
        holds[id] = true;
        for (auto link = std::ranges::lower_bound(links, std::pair(id, ValueId{0}));
             link != links.end() && link->first == id; ++link)
            open.push_back(link->second);
    }
    return holds;
}

}  // namespace

/// Where the walk is.
struct ModuleWalk::Site {
    std::string label;  ///< of the network, for messages
    std::string path;   ///< qualified name of the module, empty for the network itself
    std::size_t depth;

    [[nodiscard]] std::string shown(std::string_view name = {}) const {
        const auto place = path.empty() ? label : joined(label, path);
        return name.empty() ? place : joined(place, name);
    }
};

void ModuleWalk::count(std::uint64_t steps) {
    steps_ += steps;
    if (steps_ > max_steps)
        throw Error(Errc::bad_file, graph_.subject + ": expected networks of at most " + std::to_string(max_steps) +
                                        " entries, found more (are objects shared endlessly?)");
}

ModuleWalk::ModuleWalk(const Graph& graph) : graph_(graph), json_(graph), holds_tensors_(holders_of_tensors(graph)) {}

Network ModuleWalk::network(const Object& object, std::string_view label) {
    Network network;
    network.description = {{"class_name", object.class_name},
                           {"attributes", nlohmann::json::object()},
                           {"layers", nlohmann::json::object()}};
    visit(object, {std::string(label), {}, 0}, network);
    network.dropped = json_.take_left_out();
    return network;
}

void ModuleWalk::visit(const Object& object, const Site& site, Network& network) {
    if (site.depth > max_depth) graph_.refuse(0, "modules nested at most 64 deep in " + site.shown(), "deeper ones");
    const auto* state = object.state == no_value ? nullptr : graph_.as<Dict>(object.state);
    if (!state)
        throw Error(Errc::bad_file,
                    graph_.subject + ": module " + in_quotes(site.shown()) + ": expected a state, found none");
    if (state->items.size() > max_attributes)
        graph_.refuse(graph_.values[object.state].offset, "at most 1024 attributes of " + in_quotes(site.shown()),
                      std::to_string(state->items.size()));
    if (++modules_ > max_modules || site.path.size() > max_name)
        throw Error(Errc::bad_file, graph_.subject + ": module " + in_quotes(site.shown()) +
                                        ": expected networks of at most 16384 modules with names of 512 bytes, found "
                                        "more (are objects shared endlessly?)");
    count(1 + state->items.size());
    if (object.module_source) record_source(*object.module_source, network);

    std::optional<ValueId> parameters, buffers, modules;
    auto attributes = nlohmann::json::object();
    std::set<std::string_view> seen;
    for (const auto& [key, value] : state->items) {
        const auto* name = graph_.as<std::string_view>(key);
        if (!name) graph_.refuse(graph_.values[key].offset, "the name of an attribute", graph_.describe(key));
        if (!seen.insert(*name).second)
            graph_.refuse(graph_.values[value].offset,
                          "one attribute " + in_quotes(*name) + " of " + in_quotes(site.shown()), "two");
        if (*name == "_parameters")
            parameters = value;
        else if (*name == "_buffers")
            buffers = value;
        else if (*name == "_modules")
            modules = value;
        else
            attribute(site, *name, value, attributes, network.description);
    }

    auto& description = network.description;
    if (site.path.empty()) {
        description["attributes"] = std::move(attributes);
    } else {
        attributes["class_name"] = object.class_name;
        if (!description["layers"].emplace(site.path, std::move(attributes)).second)
            throw Error(Errc::bad_file,
                        graph_.subject + ": module " + in_quotes(site.shown()) + ": expected once, found twice");
    }

    if (parameters) add(site, "a parameter", *parameters, network);
    if (buffers) add(site, "a buffer", *buffers, network);
    if (!modules) return;
    const auto* children = graph_.as<Dict>(*modules);
    if (!children) graph_.refuse(graph_.values[*modules].offset, "a mapping of modules", graph_.describe(*modules));
    for (const auto& [key, value] : children->items) {
        count(1);
        const auto name = key_text(graph_, key);
        if (!name || !is_sound_name(*name))
            graph_.refuse(graph_.values[key].offset, "the name of a module", graph_.describe(key));
        if (graph_.as<None>(value)) continue;
        const auto* child = graph_.object(value);
        if (!child)
            graph_.refuse(graph_.values[value].offset, "the module " + in_quotes(site.shown(*name)),
                          graph_.describe(value));
        visit(*child, {site.label, joined(site.path, *name), site.depth + 1}, network);
    }
}

void ModuleWalk::add(const Site& site, std::string_view kind, ValueId map, Network& network) {
    const auto* entries = graph_.as<Dict>(map);
    if (!entries) graph_.refuse(graph_.values[map].offset, "a mapping of tensors", graph_.describe(map));
    for (const auto& [key, value] : entries->items) {
        count(1);
        const auto name = key_text(graph_, key);
        if (!name) graph_.refuse(graph_.values[key].offset, "the name of " + std::string(kind), graph_.describe(key));
        if (graph_.as<None>(value)) continue;
        const auto* index = graph_.as<TensorIndex>(value);
        if (!index)
            graph_.refuse(graph_.values[value].offset, std::string(kind) + " " + in_quotes(site.shown(*name)),
                          graph_.describe(value));
        append(joined(site.path, *name), index->index, network.tensors);
    }
}

void ModuleWalk::attribute(const Site& site, std::string_view key, ValueId value, nlohmann::json& attributes,
                           nlohmann::json& description) {
    const bool top = site.path.empty();
    const auto place = site.shown(key.substr(0, max_name));
    if (const auto* tensor = graph_.tensor(value)) {
        if (key == "plane_axes" && tensor->shape == std::vector<std::int64_t>{3, 3, 3} && tensor->dtype == DType::f32)
            description["plane_axes"] = plane_axes(*tensor);
        else
            json_.leave_out(place);
        return;
    }
    const bool arguments = top && (key == "_init_args" || key == "_init_kwargs");
    if (key == "training" || (key.starts_with('_') && !arguments)) return;  // hooks and caches
    auto plain = json_.of(value, place);
    if (!plain) return;
    if (arguments)
        description["init"][key == "_init_args" ? "args" : "kwargs"] = std::move(*plain);
    else if (top && key == "rendering_kwargs")
        description["rendering"] = std::move(*plain);
    else if (key.size() <= max_name)
        attributes[std::string(key)] = std::move(*plain);
    else
        json_.leave_out(place);
}

std::vector<NamedTensor> ModuleWalk::flatten(ValueId id, const std::string& name) {
    std::vector<NamedTensor> tensors;
    flatten(id, name, 0, tensors);
    return tensors;
}

void ModuleWalk::flatten(ValueId id, const std::string& name, std::size_t depth, std::vector<NamedTensor>& tensors) {
    count(1);
    if (const auto* index = graph_.as<TensorIndex>(id)) return append(name, index->index, tensors);
    if (graph_.as<None>(id)) return;
    if (!holds_tensors_[id] || depth == max_depth) return json_.leave_out(name);
    const auto into = [&](std::string_view part, ValueId item) {
        if (name.size() > max_name)
            graph_.refuse(graph_.values[id].offset, "names of at most 512 bytes", in_quotes(name));
        flatten(item, joined(name, part), depth + 1, tensors);
    };
    const auto into_each = [&](const std::vector<ValueId>& items) {
        for (std::size_t i = 0; i < items.size(); ++i) into(std::to_string(i), items[i]);
    };
    if (const auto* list = graph_.as<List>(id)) return into_each(list->items);
    if (const auto* tuple = graph_.as<Tuple>(id)) return into_each(tuple->items);
    if (const auto* object = graph_.object(id)) return flatten(object->state, name, depth + 1, tensors);
    for (const auto& [key, value] : graph_.as<Dict>(id)->items) {
        const auto part = key_text(graph_, key);
        if (!part) graph_.refuse(graph_.values[key].offset, "the name of a tensor", graph_.describe(key));
        into(*part, value);
    }
}

void ModuleWalk::append(std::string name, std::uint32_t index, std::vector<NamedTensor>& tensors) const {
    if (tensors.size() == max_tensors)
        throw Error(Errc::bad_file, graph_.subject + ": expected at most 65536 tensors, found more");
    tensors.push_back({std::move(name), index});
}

void ModuleWalk::record_source(std::string_view source, Network& network) {
    auto& hash = hash_of_source_[source.data()];
    if (hash.empty()) {
        Sha256 sha;
        sha.update(std::as_bytes(std::span(source)));
        hash = hex(sha.finish());
    }
    if (std::ranges::find(network.module_sources, hash) == network.module_sources.end())
        network.module_sources.push_back(hash);
}

nlohmann::json ModuleWalk::plane_axes(const Tensor& tensor) {
    count(graph_.storages[tensor.storage].byte_size() >> 10u);  // an archive may have to unpack all of it
    const auto bytes = read_bytes(stored(graph_, tensor));
    auto planes = nlohmann::json::array();
    for (std::size_t plane = 0; plane < 3; ++plane) {
        auto rows = nlohmann::json::array();
        for (std::size_t row = 0; row < 3; ++row) {
            std::array<float, 3> values{};
            std::memcpy(values.data(), bytes.data() + (plane * 9 + row * 3) * sizeof(float), sizeof values);
            for (const auto value : values)
                if (!std::isfinite(value))
                    throw Error(Errc::bad_file,
                                graph_.subject + ": plane_axes: expected finite numbers, found another");
            rows.push_back(values);
        }
        planes.push_back(std::move(rows));
    }
    return planes;
}

}  // namespace cameo::io::pickle
