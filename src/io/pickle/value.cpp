// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/value.hpp"

#include <cameo/core/error.hpp>

#include "io/name.hpp"

namespace cameo::io::pickle {
namespace {

struct Describe {
    std::string operator()(None) const { return "None"; }
    std::string operator()(bool value) const { return value ? "True" : "False"; }
    std::string operator()(std::int64_t value) const { return "the integer " + std::to_string(value); }
    std::string operator()(const BigInteger&) const { return "an integer of more than 64 bits"; }
    std::string operator()(double value) const { return "the number " + std::to_string(value); }
    std::string operator()(std::string_view value) const { return "the text " + in_quotes(value); }
    std::string operator()(Bytes value) const { return std::to_string(value.size()) + " bytes"; }
    std::string operator()(const Tuple& value) const { return "a tuple of " + std::to_string(value.items.size()); }
    std::string operator()(const List& value) const { return "a list of " + std::to_string(value.items.size()); }
    std::string operator()(const Set& value) const { return "a set of " + std::to_string(value.items.size()); }
    std::string operator()(const Dict& value) const { return "a mapping of " + std::to_string(value.items.size()); }
    std::string operator()(const Symbol& value) const { return "the global " + in_quotes(value.name); }
    std::string operator()(NumpyType) const { return "a NumPy type"; }
    std::string operator()(PendingArray) const { return "an unfinished NumPy array"; }
    std::string operator()(const StorageView&) const { return "a storage"; }
    std::string operator()(TensorIndex) const { return "a tensor"; }
    std::string operator()(ObjectIndex) const { return "an object"; }
};

}  // namespace

const Tensor* Graph::tensor(ValueId id) const noexcept {
    const auto* index = as<TensorIndex>(id);
    return index ? &tensors[index->index] : nullptr;
}

const Object* Graph::object(ValueId id) const noexcept {
    const auto* index = as<ObjectIndex>(id);
    return index ? &objects[index->index] : nullptr;
}

std::string Graph::describe(ValueId id) const {
    if (const auto* instance = object(id)) return "an object of class " + in_quotes(instance->class_name);
    return std::visit(Describe{}, values[id].data);
}

std::optional<ValueId> Graph::find(const Dict& dict, std::string_view key) const {
    constexpr std::size_t most = 1024;
    if (dict.items.size() > most)
        throw Error(Errc::bad_file, subject + ": expected at most " + std::to_string(most) +
                                        " entries beside the key " + in_quotes(key) + ", found " +
                                        std::to_string(dict.items.size()));
    std::optional<ValueId> found;
    for (const auto& [name, value] : dict.items) {
        const auto* text = as<std::string_view>(name);
        if (!text || *text != key) continue;
        if (found) refuse(values[name].offset, "the key " + in_quotes(key) + " once", "a second one");
        found = value;
    }
    return found;
}

void Graph::refuse(std::uint64_t offset, std::string_view expected, std::string_view found) const {
    throw Error(Errc::bad_file, subject + ": expected " + std::string(expected) + " at byte " + std::to_string(offset) +
                                    ", found " + std::string(found));
}

}  // namespace cameo::io::pickle
