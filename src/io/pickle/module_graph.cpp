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

namespace cameo::io::pickle {
namespace {

constexpr std::size_t max_depth = 64;          // of modules in modules
constexpr std::uint64_t max_steps = 1u << 21;  // entries looked at, in all networks of a file
constexpr std::size_t max_tensors = 65536;     // as many as a model file may have
constexpr std::size_t max_attributes = 1024;   // of one module

std::string joined(std::string_view prefix, std::string_view name) {
    return prefix.empty() ? std::string(name) : std::string(prefix) + "." + std::string(name);
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

Network ModuleWalk::network(const Object& object, std::string_view label) {
    Network network;
    network.description = {{"class_name", object.class_name},
                           {"attributes", nlohmann::json::object()},
                           {"layers", nlohmann::json::object()}};
    json_.left_out.clear();
    visit(object, {std::string(label), {}, 0}, network);
    std::ranges::move(json_.left_out, std::back_inserter(network.dropped));
    json_.left_out.clear();
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
            attribute(site, *name, value, attributes, network);
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
        if (network.tensors.size() == max_tensors)
            throw Error(Errc::bad_file, graph_.subject + ": expected at most 65536 tensors, found more");
        network.tensors.push_back({joined(site.path, *name), index->index});
    }
}

void ModuleWalk::attribute(const Site& site, std::string_view key, ValueId value, nlohmann::json& attributes,
                           Network& network) {
    const bool top = site.path.empty();
    const auto place = site.shown(key.substr(0, 512));
    if (const auto* tensor = graph_.tensor(value)) {
        if (key == "plane_axes" && tensor->shape == std::vector<std::int64_t>{3, 3, 3} && tensor->dtype == DType::f32)
            network.description["plane_axes"] = plane_axes(*tensor);
        else
            network.dropped.push_back(place);
        return;
    }
    const bool arguments = top && (key == "_init_args" || key == "_init_kwargs");
    if (key == "training" || (key.starts_with('_') && !arguments)) return;  // hooks and caches
    if (key.size() > 512 || (graph_.as<List>(value) && graph_.as<List>(value)->items.size() > max_attributes)) {
        network.dropped.push_back(place);
        return;
    }
    auto plain = json_.of(value, place);
    if (!plain)
        network.dropped.push_back(place);
    else if (arguments)
        network.description["init"][key == "_init_args" ? "args" : "kwargs"] = std::move(*plain);
    else if (top && key == "rendering_kwargs")
        network.description["rendering"] = std::move(*plain);
    else
        attributes[std::string(key)] = std::move(*plain);
}

void ModuleWalk::flatten(ValueId id, const std::string& name, std::vector<NamedTensor>& tensors,
                         std::vector<std::string>& dropped) {
    flatten(id, name, 0, tensors, dropped);
}

void ModuleWalk::flatten(ValueId id, const std::string& name, std::size_t depth, std::vector<NamedTensor>& tensors,
                         std::vector<std::string>& dropped) {
    count(1);
    if (const auto* index = graph_.as<TensorIndex>(id)) {
        if (tensors.size() == max_tensors)
            throw Error(Errc::bad_file, graph_.subject + ": expected at most 65536 tensors, found more");
        tensors.push_back({name, index->index});
        return;
    }
    if (graph_.as<None>(id)) return;
    const auto into = [&](std::string_view part, ValueId item) {
        if (name.size() > 512) graph_.refuse(graph_.values[id].offset, "names of at most 512 bytes", in_quotes(name));
        flatten(item, joined(name, part), depth + 1, tensors, dropped);
    };
    const auto into_each = [&](const std::vector<ValueId>& items) {
        for (std::size_t i = 0; i < items.size(); ++i) into(std::to_string(i), items[i]);
    };
    if (depth < max_depth) {
        if (const auto* list = graph_.as<List>(id)) return into_each(list->items);
        if (const auto* tuple = graph_.as<Tuple>(id)) return into_each(tuple->items);
        if (const auto* dict = graph_.as<Dict>(id)) {
            for (const auto& [key, value] : dict->items) {
                const auto part = key_text(graph_, key);
                if (!part) graph_.refuse(graph_.values[key].offset, "the name of a tensor", graph_.describe(key));
                into(*part, value);
            }
            return;
        }
        if (const auto* object = graph_.object(id); object && object->state != no_value)
            return flatten(object->state, name, depth + 1, tensors, dropped);
    }
    dropped.push_back(name);
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
