// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/plain_json.hpp"

#include <cmath>

namespace cameo::io::pickle {

using nlohmann::json;

std::optional<json> PlainJson::of(ValueId id, const std::string& path, std::size_t depth) {
    spend(8, id);
    if (graph_.as<None>(id)) return json(nullptr);
    if (const auto* value = graph_.as<bool>(id)) return json(*value);
    if (const auto* value = graph_.as<std::int64_t>(id)) return json(*value);
    if (const auto* value = graph_.as<double>(id))
        return std::isfinite(*value) ? std::optional(json(*value)) : std::nullopt;
    if (const auto* value = graph_.as<std::string_view>(id)) {
        spend(value->size(), id);
        return json(*value);
    }
    if (const auto* value = graph_.as<Symbol>(id))
        return value->meaning == Meaning::dtype ? std::optional(json("torch." + std::string(value->name)))
                                                : std::nullopt;
    if (depth == 0) return std::nullopt;
    if (const auto* value = graph_.as<Tuple>(id)) return list(value->items, path, depth - 1);
    if (const auto* value = graph_.as<List>(id)) return list(value->items, path, depth - 1);
    if (const auto* value = graph_.as<Set>(id)) return list(value->items, path, depth - 1);
    if (const auto* value = graph_.as<Dict>(id)) return mapping(*value, path, depth - 1);
    if (const auto* value = graph_.object(id); value && !value->module_source && value->state != no_value)
        if (value->class_name == "Namespace") return of(value->state, path, depth);
    return std::nullopt;
}

void PlainJson::spend(std::size_t bytes, ValueId id) {
    if (bytes > left_) graph_.refuse(graph_.values[id].offset, "at most 4 MiB of plain values", "more");
    left_ -= bytes;
}

std::optional<json> PlainJson::list(const std::vector<ValueId>& items, const std::string& path, std::size_t depth) {
    json result = json::array();
    for (const auto id : items) {
        auto item = of(id, path, depth);
        if (!item) return std::nullopt;
        result.push_back(std::move(*item));
    }
    return result;
}

std::optional<json> PlainJson::mapping(const Dict& dict, const std::string& path, std::size_t depth) {
    json result = json::object();
    for (const auto& [key, value] : dict.items) {
        const auto name = key_text(graph_, key);
        if (!name) return std::nullopt;
        const auto place = path + "." + *name;
        spend(place.size(), key);
        if (auto item = of(value, place, depth))
            result[*name] = std::move(*item);
        else
            left_out.push_back(place);
    }
    return result;
}

std::optional<std::string> key_text(const Graph& graph, ValueId id) {
    if (const auto* text = graph.as<std::string_view>(id))
        return text->size() <= 512 ? std::optional(std::string(*text)) : std::nullopt;
    if (const auto* number = graph.as<std::int64_t>(id)) return std::to_string(*number);
    return std::nullopt;
}

}  // namespace cameo::io::pickle
