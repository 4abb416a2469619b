// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/rebuild.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include <cameo/core/error.hpp>

#include "io/name.hpp"
#include "io/pickle/machine.hpp"
#include "io/pickle/tensor.hpp"

namespace cameo::io::pickle {

/// The arguments of one call, taken out by position and kind.
class Rebuild::Arguments {
  public:
    Arguments(const Graph& graph, ValueId tuple, std::string_view callee, std::uint64_t offset)
        : graph_(graph), callee_(callee), offset_(offset) {
        const auto* found = graph.as<Tuple>(tuple);
        if (!found) refuse("a tuple of arguments", graph.describe(tuple));
        if (found->items.size() > 16) refuse("at most 16 arguments", std::to_string(found->items.size()));
        items_ = found->items;  // a copy: making values moves what they lie in
    }

    [[noreturn]] void refuse(std::string_view expected, std::string_view found) const {
        graph_.refuse(offset_, std::string(expected) + " for " + in_quotes(callee_), found);
    }

    void count(std::size_t least, std::size_t most) const {
        if (items_.size() < least || items_.size() > most)
            refuse(std::to_string(least) + " to " + std::to_string(most) + " arguments", std::to_string(items_.size()));
    }

    [[nodiscard]] std::size_t size() const { return items_.size(); }
    [[nodiscard]] std::uint64_t offset() const { return offset_; }
    [[nodiscard]] ValueId operator[](std::size_t i) const { return items_[i]; }

    template <class T>
    [[nodiscard]] const T& get(std::size_t i, std::string_view what) const {
        const auto* value = graph_.as<T>(items_[i]);
        if (!value) refuse(what, graph_.describe(items_[i]));
        return *value;
    }

    [[nodiscard]] std::int64_t integer(std::size_t i, std::string_view what) const {
        return get<std::int64_t>(i, what);
    }

    /// A tuple or list of integers.
    [[nodiscard]] std::vector<std::int64_t> integers(std::size_t i, std::string_view what, std::size_t most) const {
        const std::vector<ValueId>* items = nullptr;
        if (const auto* tuple = graph_.as<Tuple>(items_[i])) items = &tuple->items;
        if (const auto* list = graph_.as<List>(items_[i])) items = &list->items;
        if (!items) refuse(what, graph_.describe(items_[i]));
        if (items->size() > most)
            refuse(std::string(what) + " of at most " + std::to_string(most), graph_.describe(items_[i]));
        std::vector<std::int64_t> result;
        result.reserve(items->size());
        for (const auto id : *items) {
            const auto* value = graph_.as<std::int64_t>(id);
            if (!value) refuse(what, graph_.describe(id));
            result.push_back(*value);
        }
        return result;
    }

    /// Bytes, also as Python 2 wrote them: as a string that happens to be text.
    [[nodiscard]] Bytes bytes(std::size_t i, std::string_view what) const {
        if (const auto* text = graph_.as<std::string_view>(items_[i])) return std::as_bytes(std::span(*text));
        return get<Bytes>(i, what);
    }

  private:
    const Graph& graph_;
    std::string_view callee_;
    std::uint64_t offset_;
    std::vector<ValueId> items_;
};

namespace {

std::optional<NumpyType> numpy_type(std::string_view code) {
    if (code.size() != 2) return std::nullopt;
    const auto size = static_cast<std::uint8_t>(code[1] - '0');
    const NumpyType type{code[0], size, false};
    switch (code[0]) {
        case 'f':
            return size == 2 || size == 4 || size == 8 ? std::optional(type) : std::nullopt;
        case 'i':
        case 'u':
            return size == 1 || size == 2 || size == 4 || size == 8 ? std::optional(type) : std::nullopt;
        case 'b':
            return size == 1 ? std::optional(type) : std::nullopt;
        default:
            return std::nullopt;
    }
}

std::optional<DType> dtype_of(const NumpyType& type) {
    switch (type.kind) {
        case 'f':
            return type.size == 8 ? DType::f64 : type.size == 4 ? DType::f32 : DType::f16;
        case 'i':
            return type.size == 8 ? DType::i64 : type.size == 4 ? DType::i32 : type.size == 2 ? DType::i16 : DType::i8;
        case 'u':
            return type.size == 1 ? std::optional(DType::u8) : std::nullopt;
        default:
            return DType::boolean;
    }
}

double half_to_double(std::uint16_t bits) {
    const int exponent = bits >> 10 & 31;
    const int fraction = bits & 1023;
    const double magnitude =
        exponent == 31 ? (fraction ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity())
        : exponent == 0 ? std::ldexp(fraction, -24)
                        : std::ldexp(1024 + fraction, exponent - 25);
    return bits & 0x8000u ? -magnitude : magnitude;
}

std::int64_t sign_extended(std::uint64_t bits, std::size_t size) {
    const auto unused = static_cast<int>(64 - 8 * size);
    return static_cast<std::int64_t>(bits << unused) >> unused;
}

/// The bytes that a text of code points below 256 stands for.
std::optional<std::vector<std::byte>> latin1(std::string_view utf8) {
    std::vector<std::byte> bytes;
    bytes.reserve(utf8.size());
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const auto lead = static_cast<std::uint8_t>(utf8[i]);
        if (lead < 0x80) {
            bytes.push_back(static_cast<std::byte>(lead));
        } else if (lead == 0xc2 || lead == 0xc3) {  // two bytes for U+0080 to U+00FF; the text is known to be UTF-8
            const auto next = static_cast<std::uint8_t>(utf8[++i]);
            bytes.push_back(static_cast<std::byte>((lead & 3u) << 6 | (next & 0x3fu)));
        } else {
            return std::nullopt;
        }
    }
    return bytes;
}

}  // namespace

void Rebuild::check_room(std::uint64_t offset, std::size_t depth) const {
    if (graph_.values.size() >= options_.limits.values)
        graph_.refuse(offset, "at most " + std::to_string(options_.limits.values) + " values", "more");
    if (depth > options_.limits.depth)
        graph_.refuse(offset, "values nested at most " + std::to_string(options_.limits.depth) + " deep",
                      "deeper ones");
}

void Rebuild::check_count(std::size_t count, std::string_view what, std::uint64_t offset) const {
    if (count >= options_.limits.tensors)
        graph_.refuse(offset, "at most " + std::to_string(options_.limits.tensors) + " " + std::string(what), "more");
}

void Rebuild::count_links(std::size_t count, std::uint64_t offset) {
    if (count > options_.limits.links - links_)
        graph_.refuse(offset, "at most " + std::to_string(options_.limits.links) + " entries in all containers",
                      "more");
    links_ += count;
}

void Rebuild::deepen(ValueId container, std::size_t depth, std::uint64_t offset) {
    check_room(offset, depth);
    auto& value = graph_.values[container];
    value.depth = std::max(value.depth, static_cast<std::uint8_t>(depth));
}

const Symbol& Rebuild::symbol(ValueId callee, std::uint64_t offset) const {
    const auto* found = graph_.as<Symbol>(callee);
    if (!found) graph_.refuse(offset, "a known global to rebuild with", graph_.describe(callee));
    return *found;
}

ValueId Rebuild::add_object(Object object, std::uint64_t offset) {
    check_count(graph_.objects.size(), "objects", offset);
    const std::size_t depth = object.state == no_value ? 0 : graph_.values[object.state].depth + std::size_t{1};
    graph_.objects.push_back(std::move(object));
    return make(ObjectIndex{static_cast<std::uint32_t>(graph_.objects.size() - 1)}, offset, depth);
}

ValueId Rebuild::add_tensor(Tensor tensor, std::uint64_t offset) {
    check_count(graph_.tensors.size(), "tensors", offset);
    graph_.tensors.push_back(std::move(tensor));
    return make(TensorIndex{static_cast<std::uint32_t>(graph_.tensors.size() - 1)}, offset);
}

std::uint32_t Rebuild::add_storage(Storage storage, std::uint64_t offset) {
    check_count(graph_.storages.size(), "storages", offset);
    graph_.storages.push_back(std::move(storage));
    return static_cast<std::uint32_t>(graph_.storages.size() - 1);
}

ValueId Rebuild::add_bytes(std::vector<std::byte> bytes, std::uint64_t offset) {
    return make(Bytes(graph_.backing->decoded.emplace_back(std::move(bytes))), offset);
}

ValueId Rebuild::reduce(ValueId callee, ValueId tuple, std::uint64_t offset) {
    const Symbol known = symbol(callee, offset);
    const Arguments arguments(graph_, tuple, known.name, offset);
    switch (known.meaning) {
        case Meaning::persistent_object:
            return persistent_object(arguments);
        case Meaning::mapping:
            return mapping(arguments);
        case Meaning::parameter:
            arguments.count(2, 4);
            (void)arguments.get<TensorIndex>(0, "a tensor");
            return arguments[0];
        case Meaning::tensor:
            return tensor(arguments, false);
        case Meaning::tensor_of_dtype:
            return tensor(arguments, true);
        case Meaning::nested_stream:
            return nested_stream(arguments);
        case Meaning::size:
            arguments.count(1, 1);
            (void)arguments.integers(0, "a tuple of integers", options_.limits.rank);
            return arguments[0];
        case Meaning::device:
            return device(arguments);
        case Meaning::numpy_scalar:
            return numpy_scalar(arguments);
        case Meaning::numpy_dtype:
            return numpy_dtype(arguments);
        case Meaning::numpy_reconstruct:
            arguments.count(3, 3);
            if (arguments.get<Symbol>(0, "numpy.ndarray").meaning != Meaning::numpy_array_class)
                arguments.refuse("numpy.ndarray", graph_.describe(arguments[0]));
            return make(PendingArray{}, offset);
        case Meaning::numpy_frombuffer: {
            arguments.count(4, 4);
            const auto order = arguments.get<std::string_view>(3, "an order");
            if (order != "C" && order != "F") arguments.refuse("the order 'C' or 'F'", in_quotes(order));
            const auto index = array(arguments.bytes(0, "bytes"), arguments.get<NumpyType>(1, "a NumPy type"),
                                     arguments.integers(2, "a shape", options_.limits.rank), order == "F", offset);
            return make(index, offset);
        }
        case Meaning::set: {
            arguments.count(0, 1);
            if (arguments.size() == 0) return make(Set{}, offset);
            count_links(arguments.get<List>(0, "a list").items.size(), offset);
            Set set{arguments.get<List>(0, "a list").items};
            return make(std::move(set), offset, graph_.values[arguments[0]].depth);
        }
        case Meaning::byte_array:
            return byte_array(arguments);
        case Meaning::encode:
            return encode(arguments);
        case Meaning::reconstructor:
            arguments.count(3, 3);
            if (arguments.get<Symbol>(1, "the class 'object'").meaning != Meaning::object_class)
                arguments.refuse("the class 'object'", graph_.describe(arguments[1]));
            (void)arguments.get<None>(2, "None");
            return instance(arguments[0], no_value, offset);
        case Meaning::storage_class:
        case Meaning::untyped_storage_class:
        case Meaning::dtype:
        case Meaning::numpy_array_class:
        case Meaning::object_class:
        case Meaning::record_class:
        case Meaning::module_class:
            break;
    }
    graph_.refuse(offset, "a global that rebuilds values", graph_.describe(callee));
}

ValueId Rebuild::instance(ValueId callee, ValueId tuple, std::uint64_t offset) {
    const Symbol known = symbol(callee, offset);
    if (tuple != no_value) Arguments(graph_, tuple, known.name, offset).count(0, 0);
    switch (known.meaning) {
        case Meaning::mapping:
            return make(Dict{}, offset);
        case Meaning::module_class:
        case Meaning::record_class:
            return add_object({known.name, std::nullopt, no_value}, offset);
        default:
            graph_.refuse(offset, "the class of a known object", graph_.describe(callee));
    }
}

void Rebuild::build(ValueId target, ValueId state, std::uint64_t offset) {
    if (graph_.as<ObjectIndex>(target)) return build_object(target, state, offset);
    if (graph_.as<NumpyType>(target)) return build_dtype(target, state, offset);
    if (graph_.as<PendingArray>(target)) return build_array(target, state, offset);
    // An ordered map's attributes (`_metadata` of a state dict) say nothing that the entries do not.
    if (graph_.as<Dict>(target) && graph_.as<Dict>(state)) return;
    graph_.refuse(offset, "an object to give a state to", graph_.describe(target) + " and " + graph_.describe(state));
}

ValueId Rebuild::persistent(ValueId tuple, std::uint64_t offset) {
    if (options_.persistent_ids == PersistentIds::none)
        throw Error(Errc::bad_file, graph_.subject + ": op-code BINPERSID at byte " + std::to_string(offset) +
                                        ": refused, there is nothing outside this pickle to refer to");
    const Arguments id(graph_, tuple, "a persistent id", offset);
    id.count(1, 6);
    const auto kind = id.get<std::string_view>(0, "a kind");
    if (kind == "module" && options_.persistent_ids == PersistentIds::legacy) {
        id.count(4, 4);
        if (id.get<Symbol>(1, "a class").meaning != Meaning::module_class)
            id.refuse("the class of a network", graph_.describe(id[1]));
        return id[1];  // the source that follows is not looked at
    }
    if (kind != "storage") id.refuse("'storage'", in_quotes(kind));
    const bool with_view = options_.persistent_ids == PersistentIds::legacy;
    id.count(5, with_view ? 6 : 5);

    const auto& type = id.get<Symbol>(1, "the class of a storage");
    if (type.meaning != Meaning::storage_class && type.meaning != Meaning::untyped_storage_class)
        id.refuse("the class of a storage", graph_.describe(id[1]));
    const auto key = id.get<std::string_view>(2, "the key of a storage");
    if (key.empty() || key.size() > options_.limits.name) id.refuse("a key of 1 to 512 bytes", in_quotes(key));
    const auto numel = id.integer(4, "a number of elements");
    const auto item = static_cast<std::int64_t>(type.dtype ? size_of(*type.dtype) : 1);
    if (numel < 0 || numel > std::numeric_limits<std::int64_t>::max() / item)
        id.refuse("a number of elements that can be", std::to_string(numel));

    const auto place = storage_by_key_.find(key);
    std::uint32_t index = 0;
    if (place != storage_by_key_.end()) {
        index = place->second;
        const auto& known = graph_.storages[index];
        if (known.dtype != type.dtype || known.numel != numel)
            id.refuse("the storage " + in_quotes(key) + " as before", "another type or number of elements");
    } else {
        index = add_storage({std::string(key), type.dtype, numel, nullptr}, offset);
        storage_by_key_.emplace(key, index);
    }

    StorageView view{index, 0, numel};
    if (id.size() == 6 && !graph_.as<None>(id[5])) {
        const Arguments part(graph_, id[5], "a view of a storage", offset);
        part.count(3, 3);
        view.first = part.integer(1, "the offset of a view");
        view.numel = part.integer(2, "the size of a view");
        if (view.first < 0 || view.numel < 0 || view.first > numel || view.numel > numel - view.first)
            part.refuse("a view inside its storage of " + std::to_string(numel) + " elements",
                        std::to_string(view.numel) + " from " + std::to_string(view.first));
    }
    return make(view, offset);
}

ValueId Rebuild::persistent_object(const Arguments& arguments) {
    arguments.count(1, 1);
    const auto& meta = arguments.get<Dict>(0, "a mapping");
    if (meta.items.size() > 16) arguments.refuse("a mapping of a few entries", graph_.describe(arguments[0]));
    const auto entry = [&](std::string_view key) {
        const auto id = graph_.find(meta, key);
        if (!id) arguments.refuse("the key " + in_quotes(key), "none");
        return *id;
    };
    const auto text = [&](std::string_view key) {
        const auto id = entry(key);
        const auto* value = graph_.as<std::string_view>(id);
        if (!value) arguments.refuse("a text under " + in_quotes(key), graph_.describe(id));
        return *value;
    };
    const auto version = entry("version");
    const auto* number = graph_.as<std::int64_t>(version);
    if (!number || *number != 6)
        arguments.refuse("version 6 of the format of persistent objects", graph_.describe(version));
    if (text("type") != "class") arguments.refuse("the type 'class'", in_quotes(text("type")));
    const auto class_name = text("class_name");
    if (class_name.size() > options_.limits.name) arguments.refuse("a shorter name of a class", in_quotes(class_name));
    const auto state = entry("state");
    if (!graph_.as<Dict>(state)) arguments.refuse("a mapping under 'state'", graph_.describe(state));
    return add_object({class_name, text("module_src"), state}, arguments.offset());
}

ValueId Rebuild::mapping(const Arguments& arguments) {
    arguments.count(0, 1);
    if (arguments.size() == 0) return make(Dict{}, arguments.offset());
    // Python 2 hands OrderedDict a list of [key, value] lists.
    Dict dict;
    std::size_t depth = 0;
    const auto& pairs = arguments.get<List>(0, "a list of pairs").items;
    count_links(2 * pairs.size(), arguments.offset());
    dict.items.reserve(pairs.size());
    for (const auto id : pairs) {
        const std::vector<ValueId>* pair = nullptr;
        if (const auto* list = graph_.as<List>(id)) pair = &list->items;
        if (const auto* tuple = graph_.as<Tuple>(id)) pair = &tuple->items;
        if (!pair || pair->size() != 2) arguments.refuse("a pair", graph_.describe(id));
        dict.items.emplace_back((*pair)[0], (*pair)[1]);
        depth = std::max<std::size_t>(depth, graph_.values[id].depth);
    }
    return make(std::move(dict), arguments.offset(), depth);
}

ValueId Rebuild::tensor(const Arguments& arguments, bool with_dtype) {
    arguments.count(with_dtype ? 7 : 4, with_dtype ? 8 : 7);
    const auto& view = arguments.get<StorageView>(0, "a storage");
    const auto& storage = graph_.storages[view.storage];
    Tensor result{view.storage, {}, 0, {}, {}};
    auto available = view.numel;
    if (with_dtype) {
        const auto& type = arguments.get<Symbol>(6, "a data type");
        if (!type.dtype || type.meaning != Meaning::dtype)
            arguments.refuse("a data type", graph_.describe(arguments[6]));
        result.dtype = *type.dtype;
    } else if (storage.dtype) {
        result.dtype = *storage.dtype;
    } else {
        arguments.refuse("a typed storage", "an untyped one");
    }
    const auto item = static_cast<std::int64_t>(size_of(result.dtype));
    const auto stored_item = static_cast<std::int64_t>(storage.dtype ? size_of(*storage.dtype) : 1);
    if (storage.dtype ? *storage.dtype != result.dtype : view.first % item != 0)
        arguments.refuse("a storage of " + std::string(name_of(result.dtype)), "another");
    available = available / (item / stored_item);

    const auto offset = arguments.integer(1, "an offset");
    result.shape = arguments.integers(2, "a shape", options_.limits.rank);
    result.stride = arguments.integers(3, "strides", options_.limits.rank);
    if (const auto fault = fault_of(offset, result.shape, result.stride, available, options_.limits.rank))
        arguments.refuse("a tensor inside its storage of " + std::to_string(available) + " elements", *fault);
    result.first = view.first / (item / stored_item) + offset;
    return add_tensor(std::move(result), arguments.offset());
}

ValueId Rebuild::nested_stream(const Arguments& arguments) {
    arguments.count(1, 1);
    const auto bytes = arguments.bytes(0, "the bytes of a stream");
    if (!options_.nested) arguments.refuse("no further stream inside this one", "one");
    const auto place = storage_by_bytes_.find(arguments[0]);
    if (place != storage_by_bytes_.end()) {
        const auto& storage = graph_.storages[place->second];
        return make(StorageView{place->second, 0, storage.numel}, arguments.offset());
    }
    auto storage = options_.nested(bytes, graph_.values[arguments[0]].offset);
    const auto numel = storage.numel;
    const auto index = add_storage(std::move(storage), arguments.offset());
    storage_by_bytes_.emplace(arguments[0], index);
    return make(StorageView{index, 0, numel}, arguments.offset());
}

ValueId Rebuild::device(const Arguments& arguments) {
    arguments.count(1, 2);
    const auto type = arguments.get<std::string_view>(0, "the name of a device");
    if (arguments.size() == 1) return arguments[0];
    const auto name = std::string(type.substr(0, 32)) + ":" + std::to_string(arguments.integer(1, "a number"));
    std::vector<std::byte> bytes(name.size());
    std::memcpy(bytes.data(), name.data(), name.size());
    const auto& kept = graph_.backing->decoded.emplace_back(std::move(bytes));
    return make(std::string_view(reinterpret_cast<const char*>(kept.data()), kept.size()), arguments.offset());
}

ValueId Rebuild::numpy_dtype(const Arguments& arguments) {
    arguments.count(1, 3);
    const auto code = arguments.get<std::string_view>(0, "the code of a NumPy type");
    const auto type = numpy_type(code);
    if (!type) arguments.refuse("a NumPy type of numbers", in_quotes(code));
    return make(*type, arguments.offset());
}

ValueId Rebuild::numpy_scalar(const Arguments& arguments) {
    arguments.count(2, 2);
    const auto& type = arguments.get<NumpyType>(0, "a NumPy type");
    const auto bytes = arguments.bytes(1, "the bytes of a scalar");
    if (bytes.size() != type.size) arguments.refuse(std::to_string(type.size) + " bytes", std::to_string(bytes.size()));
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bits |= static_cast<std::uint64_t>(bytes[type.big_endian ? bytes.size() - 1 - i : i]) << 8 * i;
    const auto offset = arguments.offset();
    switch (type.kind) {
        case 'f':
            if (type.size == 8) return make(std::bit_cast<double>(bits), offset);
            if (type.size == 4) return make(double{std::bit_cast<float>(static_cast<std::uint32_t>(bits))}, offset);
            return make(half_to_double(static_cast<std::uint16_t>(bits)), offset);
        case 'i':
            return make(sign_extended(bits, type.size), offset);
        case 'u':
            if (bits > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
                arguments.refuse("an integer of at most 63 bits", "a larger one");
            return make(static_cast<std::int64_t>(bits), offset);
        default:
            return make(bits != 0, offset);
    }
}

ValueId Rebuild::byte_array(const Arguments& arguments) {
    arguments.count(0, 1);
    if (arguments.size() == 0) return make(Bytes{}, arguments.offset());
    (void)arguments.get<Bytes>(0, "bytes");
    return arguments[0];
}

ValueId Rebuild::encode(const Arguments& arguments) {
    arguments.count(2, 2);
    const auto text = arguments.get<std::string_view>(0, "a text");
    const auto encoding = arguments.get<std::string_view>(1, "an encoding");
    if (encoding != "latin1" && encoding != "latin-1") arguments.refuse("the encoding 'latin1'", in_quotes(encoding));
    if (const auto known = bytes_by_text_.find(arguments[0]); known != bytes_by_text_.end()) return known->second;
    if (text.size() > options_.limits.decoded - decoded_)
        arguments.refuse("at most " + std::to_string(options_.limits.decoded >> 20) +
                             " MiB of bytes spelt as text (save the file with protocol 4)",
                         "more");
    decoded_ += text.size();
    auto bytes = latin1(text);
    if (!bytes) arguments.refuse("a text of characters below 256", in_quotes(text));
    const auto id = add_bytes(std::move(*bytes), arguments.offset());
    bytes_by_text_.emplace(arguments[0], id);
    return id;
}

void Rebuild::build_object(ValueId target, ValueId state, std::uint64_t offset) {
    auto& object = graph_.objects[graph_.as<ObjectIndex>(target)->index];
    if (object.module_source || object.state != no_value)
        graph_.refuse(offset, "one state for an object", "a second one");
    if (!graph_.as<Dict>(state)) graph_.refuse(offset, "a mapping as the state of an object", graph_.describe(state));
    object.state = state;
    deepen(target, graph_.values[state].depth + std::size_t{1}, offset);
}

void Rebuild::build_dtype(ValueId target, ValueId state, std::uint64_t offset) {
    const Arguments parts(graph_, state, "numpy.dtype", offset);
    parts.count(8, 9);
    if (parts.integer(0, "a version") < 1) parts.refuse("a version", graph_.describe(parts[0]));
    const auto order = parts.get<std::string_view>(1, "a byte order");
    if (order != "<" && order != ">" && order != "|" && order != "=") parts.refuse("a byte order", in_quotes(order));
    for (std::size_t i = 2; i < 5; ++i) (void)parts.get<None>(i, "no sub-type, names or fields");
    std::get<NumpyType>(graph_.values[target].data).big_endian = order == ">";
}

void Rebuild::build_array(ValueId target, ValueId state, std::uint64_t offset) {
    const Arguments parts(graph_, state, "numpy.ndarray", offset);
    parts.count(5, 5);
    (void)parts.integer(0, "a version");
    const auto index = array(parts.bytes(4, "the bytes of an array"), parts.get<NumpyType>(2, "a NumPy type"),
                             parts.integers(1, "a shape", options_.limits.rank),
                             parts.get<bool>(3, "whether the array is in Fortran's order"), offset);
    graph_.values[target].data = index;
}

TensorIndex Rebuild::array(Bytes bytes, const NumpyType& type, std::vector<std::int64_t> shape, bool fortran,
                           std::uint64_t offset) {
    const auto dtype = dtype_of(type);
    if (!dtype || (type.big_endian && type.size > 1))
        graph_.refuse(offset, "an array of little-endian numbers of a known type", "another");
    const auto item = size_of(*dtype);
    const auto numel = static_cast<std::int64_t>(bytes.size() / item);
    const std::vector<std::int64_t> reversed(shape.rbegin(), shape.rend());
    auto stride = c_order(fortran ? reversed : shape);
    if (fortran) std::ranges::reverse(stride);
    if (const auto fault = fault_of(0, shape, stride, numel, options_.limits.rank))
        graph_.refuse(offset, "an array inside its " + std::to_string(bytes.size()) + " bytes", *fault);
    std::int64_t expected = 1;
    for (const auto size : shape) expected *= size;
    if (bytes.size() != static_cast<std::uint64_t>(expected) * item)
        graph_.refuse(offset, std::to_string(expected) + " elements of an array",
                      std::to_string(bytes.size()) + " bytes");
    const auto storage = add_storage({{}, dtype, numel, view_source(bytes, graph_.backing)}, offset);
    check_count(graph_.tensors.size(), "tensors", offset);
    graph_.tensors.push_back({storage, *dtype, 0, std::move(shape), std::move(stride)});
    return {static_cast<std::uint32_t>(graph_.tensors.size() - 1)};
}

}  // namespace cameo::io::pickle
