// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/plain_json.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <cameo/core/error.hpp>

namespace cameo::io::pickle {
namespace {

constexpr std::size_t max_depth = 16;
constexpr std::size_t max_value = std::size_t{256} << 10;
constexpr std::size_t cost_of_value = 8;  // bytes, besides those of a text

}  // namespace

std::optional<nlohmann::json> PlainJson::of(ValueId id, const std::string& name) {
    const auto allowed = std::min(max_value, room_);
    const auto names = left_out_.size();
    here_ = allowed;
    auto result = value(id, name, max_depth);
    if (result && here_ > 0) {
        room_ -= allowed - here_;
        return result;
    }
    left_out_.resize(names);  // the whole of it goes, not what was met on the way
    leave_out(name);
    return std::nullopt;
}

void PlainJson::leave_out(std::string name) {
    if (name.size() + cost_of_value > name_room_)
        throw Error(Errc::bad_file, graph_.subject +
                                        ": expected few entries that are neither tensors nor plain values, "
                                        "found more than 4 MiB of their names");
    name_room_ -= name.size() + cost_of_value;
    left_out_.push_back(std::move(name));
}

std::vector<std::string> PlainJson::take_left_out() { return std::exchange(left_out_, {}); }

/// False, and nothing left for the rest, when the present value has become too large.
bool PlainJson::spend(std::size_t bytes) {
    if (work_ == 0)
        throw Error(Errc::bad_file, graph_.subject +
                                        ": expected a few plain values, found more than 4 million "
                                        "(are they shared endlessly?)");
    --work_;
    here_ = bytes < here_ ? here_ - bytes : 0;
    return here_ > 0;
}

std::optional<nlohmann::json> PlainJson::value(ValueId id, const std::string& name, std::size_t depth) {
    if (!spend(cost_of_value)) return std::nullopt;
    if (graph_.as<None>(id)) return Json(nullptr);
    if (const auto* truth = graph_.as<bool>(id)) return Json(*truth);
    if (const auto* integer = graph_.as<std::int64_t>(id)) return Json(*integer);
    if (const auto* number = graph_.as<double>(id))
        return std::isfinite(*number) ? std::optional(Json(*number)) : std::nullopt;
    if (const auto* text = graph_.as<std::string_view>(id))
        return spend(text->size()) ? std::optional(Json(*text)) : std::nullopt;
    if (const auto* symbol = graph_.as<Symbol>(id); symbol && symbol->meaning == Meaning::dtype)
        return Json("torch." + std::string(symbol->name));
    if (depth == 0) return std::nullopt;
    if (const auto* tuple = graph_.as<Tuple>(id)) return list(tuple->items, name, depth - 1);
    if (const auto* items = graph_.as<List>(id)) return list(items->items, name, depth - 1);
    if (const auto* set = graph_.as<Set>(id)) return list(set->items, name, depth - 1);
    if (const auto* dict = graph_.as<Dict>(id)) return mapping(*dict, name, depth - 1);
    if (const auto* object = graph_.object(id);
        object && object->class_name == "Namespace" && object->state != no_value)
        return value(object->state, name, depth - 1);
    return std::nullopt;
}

std::optional<nlohmann::json> PlainJson::list(const std::vector<ValueId>& items, const std::string& name,
                                              std::size_t depth) {
    auto result = Json::array();
    for (const auto id : items) {
        auto item = value(id, name, depth);
        if (!item) return std::nullopt;
        result.push_back(std::move(*item));
    }
    return result;
}

std::optional<nlohmann::json> PlainJson::mapping(const Dict& dict, const std::string& name, std::size_t depth) {
    auto result = Json::object();
    for (const auto& [key, item] : dict.items) {
        const auto text = key_text(graph_, key);
        if (!text || !spend(text->size())) return std::nullopt;
        const auto place = name + "." + *text;
        if (auto plain = value(item, place, depth))
            result[*text] = std::move(*plain);
        else if (here_ > 0)
            leave_out(place);
        else
            return std::nullopt;
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
