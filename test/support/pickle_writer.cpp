// SPDX-License-Identifier: Apache-2.0
#include "support/pickle_writer.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <unordered_map>
#include <variant>

namespace cameo::support {

struct Large {
    std::string opening;
    std::uint64_t size;
    std::function<void(std::ostream&)> write;
};
struct Items {
    char kind;  ///< 't', 'l', 's'
    std::vector<Py> items;
};
struct Mapping {
    Py::Pairs items;
};
struct Named {
    std::string module, name;
};
struct Applied {
    char kind;  ///< 'R' REDUCE, 'b' BUILD, 'O' NEWOBJ and BUILD, 'Q' BINPERSID
    Py first, second;
};
struct Filled {
    Py mapping;
    Py::Pairs items;
};
struct Raw {
    std::string opcodes;
};
struct Content {
    std::string bytes;
};

struct Py::Node {
    std::variant<std::monostate, bool, std::int64_t, double, std::string, Content, Large, Items, Mapping, Named,
                 Applied, Filled, Raw>
        data;
};

namespace {

std::string latin1_as_utf8(const std::string& bytes) {
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80)
            text += c;
        else
            text += {static_cast<char>(0xc0u | byte >> 6), static_cast<char>(0x80u | (byte & 0x3fu))};
    }
    return text;
}

class Writer {
  public:
    Writer(std::ostream& out, int protocol) : out_(out), protocol_(protocol) {
        out_ << '\x80' << static_cast<char>(protocol);
    }

    void value(const Py& value) {
        if (const auto place = memo_.find(value.node()); place != memo_.end()) {
            if (place->second < 256)
                out_ << 'h' << little_endian(place->second, 1);
            else
                out_ << 'j' << little_endian(place->second, 4);
            return;
        }
        std::visit([&](const auto& data) { write(data, value); }, value.node()->data);
    }

    void stop() { out_ << '.'; }

  private:
    void remember(const Py& value) {
        const auto index = memo_.size();
        memo_.emplace(value.node(), index);
        kept_.push_back(value);
        put(index);
    }

    void put(std::size_t index) {
        if (protocol_ >= 4)
            out_ << '\x94';
        else if (index < 256)
            out_ << 'q' << little_endian(index, 1);
        else
            out_ << 'r' << little_endian(index, 4);
    }

    void write(std::monostate, const Py&) { out_ << 'N'; }
    void write(bool value, const Py&) { out_ << (value ? '\x88' : '\x89'); }

    void write(std::int64_t value, const Py&) {
        if (value >= 0 && value < 256)
            out_ << 'K' << little_endian(static_cast<std::uint64_t>(value), 1);
        else if (value >= 0 && value < 65536)
            out_ << 'M' << little_endian(static_cast<std::uint64_t>(value), 2);
        else if (value >= INT32_MIN && value <= INT32_MAX)
            out_ << 'J' << little_endian(static_cast<std::uint64_t>(value), 4);
        else
            out_ << "\x8a\x08" << little_endian(static_cast<std::uint64_t>(value), 8);
    }

    void write(double value, const Py&) {
        auto bytes = little_endian(std::bit_cast<std::uint64_t>(value), 8);
        std::ranges::reverse(bytes);
        out_ << 'G' << bytes;
    }

    void text(const std::string& value) {
        if (protocol_ >= 4 && value.size() < 256)
            out_ << '\x8c' << little_endian(value.size(), 1);
        else
            out_ << 'X' << little_endian(value.size(), 4);
        out_ << value;
    }

    void write(const std::string& value, const Py& self) {
        text(value);
        remember(self);
    }

    void write(const Content& content, const Py& self) {
        const auto size = content.bytes.size();
        if (protocol_ < 3) {
            value(Py::global("_codecs", "encode"));
            text(latin1_as_utf8(content.bytes));
            text("latin1");
            out_ << "\x86R";
        } else if (size < 256) {
            out_ << 'C' << little_endian(size, 1) << content.bytes;
        } else {
            out_ << 'B' << little_endian(size, 4) << content.bytes;
        }
        remember(self);
    }

    void write(const Large& large, const Py& self) {
        if (protocol_ < 4) throw std::logic_error("large bytes need protocol 4");
        out_ << '\x8e' << little_endian(large.opening.size() + large.size, 8) << large.opening;
        large.write(out_);
        remember(self);
    }

    void write(const Items& items, const Py& self) {
        const auto each = [&] {
            for (const auto& item : items.items) value(item);
        };
        switch (items.kind) {
            case 't':
                if (items.items.empty()) {
                    out_ << ')';
                    return;
                }
                if (items.items.size() > 3) out_ << '(';
                each();
                out_ << (items.items.size() > 3 ? 't' : static_cast<char>(0x84 + items.items.size()));
                return remember(self);
            case 'l':
                out_ << ']';
                remember(self);
                if (items.items.empty()) return;
                out_ << '(';
                each();
                out_ << 'e';
                return;
            default:
                if (protocol_ < 4) {
                    value(Py::call(Py::global("__builtin__", "set"), {Py::list(items.items)}));
                    return;
                }
                out_ << '\x8f';
                remember(self);
                if (items.items.empty()) return;
                out_ << '(';
                each();
                out_ << '\x90';
        }
    }

    void set_items(const Py::Pairs& items) {
        if (items.empty()) return;
        if (items.size() == 1) {
            value(items[0].first);
            value(items[0].second);
            out_ << 's';
            return;
        }
        out_ << '(';
        for (const auto& [key, item] : items) {
            value(key);
            value(item);
        }
        out_ << 'u';
    }

    void write(const Mapping& mapping, const Py& self) {
        out_ << '}';
        remember(self);
        set_items(mapping.items);
    }

    void write(const Filled& filled, const Py& self) {
        value(filled.mapping);
        remember(self);
        set_items(filled.items);
    }

    void write(const Named& named, const Py&) {
        const auto [place, fresh] = globals_.try_emplace(named.module + "\n" + named.name, memo_.size());
        if (!fresh) {
            out_ << 'j' << little_endian(place->second, 4);
            return;
        }
        if (protocol_ >= 4) {
            text(named.module);
            text(named.name);
            out_ << '\x93';
        } else {
            out_ << 'c' << named.module << '\n' << named.name << '\n';
        }
        remember(Py::tuple({}));  // a place in the memo that no value finds
    }

    void write(const Applied& applied, const Py& self) {
        value(applied.first);
        switch (applied.kind) {
            case 'Q':
                out_ << 'Q';
                return;
            case 'O':
                out_ << ")\x81";
                remember(self);
                value(applied.second);
                out_ << 'b';
                return;
            case 'b':
                remember(self);
                value(applied.second);
                out_ << 'b';
                return;
            default:
                value(applied.second);
                out_ << 'R';
                remember(self);
        }
    }

    void write(const Raw& raw, const Py&) { out_ << raw.opcodes; }

    std::ostream& out_;
    int protocol_;
    std::unordered_map<const Py::Node*, std::size_t> memo_;
    std::unordered_map<std::string, std::size_t> globals_;
    std::vector<Py> kept_;  // so that no later value takes a remembered one's address
};

std::string storage_name(DType dtype) {
    switch (dtype) {
        case DType::f64:
            return "DoubleStorage";
        case DType::f32:
            return "FloatStorage";
        case DType::f16:
            return "HalfStorage";
        case DType::bf16:
            return "BFloat16Storage";
        case DType::i64:
            return "LongStorage";
        case DType::i32:
            return "IntStorage";
        case DType::i16:
            return "ShortStorage";
        case DType::i8:
            return "CharStorage";
        case DType::u8:
            return "ByteStorage";
        default:
            return "BoolStorage";
    }
}

std::string stream_opening(const Py& object, const std::vector<std::string>& keys, int protocol) {
    std::ostringstream out;
    write_pickle(out, Py::raw(std::string("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12)), protocol);
    write_pickle(out, 1001, protocol);
    write_pickle(out,
                 Py::dict({{"protocol_version", 1001},
                           {"little_endian", true},
                           {"type_sizes", Py::dict({{"short", 2}, {"int", 4}, {"long", 4}})}}),
                 protocol);
    write_pickle(out, object, protocol);
    std::vector<Py> listed(keys.begin(), keys.end());
    write_pickle(out, Py::list(std::move(listed)), protocol);
    return out.str();
}

std::int64_t numel_of(const std::vector<std::int64_t>& shape) {
    std::int64_t numel = 1;
    for (const auto size : shape) numel *= size;
    return numel;
}

Py symbol(const char* name) { return Py::global("torch._utils", name); }

}  // namespace

template <class T>
static std::shared_ptr<const Py::Node> node_of(T&& data) {
    return std::make_shared<const Py::Node>(Py::Node{std::forward<T>(data)});
}

Py::Py() : node_(node_of(std::monostate{})) {}
Py::Py(bool value) : node_(node_of(value)) {}
Py::Py(int value) : Py(std::int64_t{value}) {}
Py::Py(std::int64_t value) : node_(node_of(value)) {}
Py::Py(double value) : node_(node_of(value)) {}
Py::Py(const char* text) : Py(std::string(text)) {}
Py::Py(std::string text) : node_(node_of(std::move(text))) {}

Py Py::bytes(std::string content) { return Py(node_of(Content{std::move(content)})); }
Py Py::large_bytes(std::string opening, std::uint64_t size, std::function<void(std::ostream&)> write) {
    return Py(node_of(Large{std::move(opening), size, std::move(write)}));
}
Py Py::tuple(std::vector<Py> items) { return Py(node_of(Items{'t', std::move(items)})); }
Py Py::list(std::vector<Py> items) { return Py(node_of(Items{'l', std::move(items)})); }
Py Py::set(std::vector<Py> items) { return Py(node_of(Items{'s', std::move(items)})); }
Py Py::dict(Pairs items) { return Py(node_of(Mapping{std::move(items)})); }
Py Py::global(std::string module, std::string name) { return Py(node_of(Named{std::move(module), std::move(name)})); }
Py Py::call(Py callee, std::vector<Py> arguments) {
    return Py(node_of(Applied{'R', std::move(callee), tuple(std::move(arguments))}));
}
Py Py::filled(Py mapping, Pairs items) { return Py(node_of(Filled{std::move(mapping), std::move(items)})); }
Py Py::built(Py object, Py state) { return Py(node_of(Applied{'b', std::move(object), std::move(state)})); }
Py Py::instance(Py of_class, Py state) { return Py(node_of(Applied{'O', std::move(of_class), std::move(state)})); }
Py Py::persistent(Py id) { return Py(node_of(Applied{'Q', std::move(id), {}})); }
Py Py::raw(std::string opcodes) { return Py(node_of(Raw{std::move(opcodes)})); }
Py Py::ordered_dict(Pairs items) { return filled(call(global("collections", "OrderedDict"), {}), std::move(items)); }

void write_pickle(std::ostream& out, const Py& value, int protocol) {
    Writer writer(out, protocol);
    writer.value(value);
    writer.stop();
}

std::string pickle(const Py& value, int protocol) {
    std::ostringstream out;
    write_pickle(out, value, protocol);
    return out.str();
}

Py storage_class(DType dtype) { return Py::global("torch", storage_name(dtype)); }

Py storage_id(DType dtype, const std::string& key, std::int64_t numel, bool with_view) {
    std::vector<Py> id{"storage", storage_class(dtype), key, "cpu", numel};
    if (with_view) id.emplace_back();
    return Py::tuple(std::move(id));
}

Py nested_storage(DType dtype, const std::string& bytes) {
    const auto stream = legacy_stream(
        Py::persistent(storage_id(dtype, "94", static_cast<std::int64_t>(bytes.size() / size_of(dtype)), true)),
        {{"94", bytes, dtype}});
    return Py::call(Py::global("torch.storage", "_load_from_bytes"), {Py::bytes(stream)});
}

Py tensor(const Py& storage, const TensorSpec& spec) {
    auto stride = spec.stride;
    if (stride.empty()) {
        stride.resize(spec.shape.size());
        std::int64_t step = 1;
        for (std::size_t i = stride.size(); i-- > 0; step *= std::max<std::int64_t>(spec.shape[i], 1)) stride[i] = step;
    }
    const std::vector<Py> shape(spec.shape.begin(), spec.shape.end()), strides(stride.begin(), stride.end());
    return Py::call(symbol("_rebuild_tensor_v2"),
                    {storage, spec.offset, Py::tuple(shape), Py::tuple(strides), false, Py::ordered_dict({})});
}

Py parameter(const Py& tensor) { return Py::call(symbol("_rebuild_parameter"), {tensor, true, Py::ordered_dict({})}); }

Py numpy_dtype(const std::string& code, const std::string& order) {
    return Py::built(Py::call(Py::global("numpy", "dtype"), {code, false, true}),
                     Py::tuple({3, order, {}, {}, {}, -1, -1, 0}));
}

Py numpy_scalar(double value) {
    return Py::call(Py::global("numpy.core.multiarray", "scalar"),
                    {numpy_dtype("f8"), Py::bytes(little_endian(std::bit_cast<std::uint64_t>(value), 8))});
}

Py module_state(Py::Pairs parameters, Py::Pairs buffers, Py::Pairs modules, Py::Pairs attributes) {
    Py::Pairs state{{"training", false},
                    {"_parameters", Py::ordered_dict(std::move(parameters))},
                    {"_buffers", Py::ordered_dict(std::move(buffers))},
                    {"_non_persistent_buffers_set", Py::set({})},
                    {"_backward_hooks", Py::ordered_dict({})},
                    {"_is_full_backward_hook", {}},
                    {"_modules", Py::ordered_dict(std::move(modules))}};
    for (auto& attribute : attributes) state.push_back(std::move(attribute));
    return Py::dict(std::move(state));
}

Py persistent_object(const std::string& class_name, const Py& state, const Py& source, int version) {
    return Py::call(Py::global("torch_utils.persistence", "_reconstruct_persistent_obj"),
                    {Py::dict({{"type", "class"},
                               {"version", version},
                               {"module_src", source},
                               {"class_name", class_name},
                               {"state", state}})});
}

std::string legacy_stream(const Py& object, const std::vector<StoredBytes>& storages, int protocol) {
    std::vector<std::string> keys;
    for (const auto& storage : storages) keys.push_back(storage.key);
    auto stream = stream_opening(object, keys, protocol);
    for (const auto& storage : storages)
        stream += little_endian(storage.bytes.size() / size_of(storage.dtype), 8) + storage.bytes;
    return stream;
}

std::vector<RawMember> torch_members(const Py& object, const std::vector<StoredBytes>& storages,
                                     const std::string& root) {
    std::vector<RawMember> members{{.name = root + "/data.pkl", .data = pickle(object, 2)},
                                   {.name = root + "/byteorder", .data = "little"}};
    for (const auto& storage : storages)
        members.push_back({.name = root + "/data/" + storage.key, .data = storage.bytes});
    members.push_back({.name = root + "/version", .data = "3\n"});
    return members;
}

namespace {

/// A tensor of numbers that are made when they are written: value i is sin(i + seed).
Py made_up_tensor(std::vector<std::int64_t> shape, std::uint64_t seed) {
    const auto numel = numel_of(shape);
    const auto opening = stream_opening(Py::persistent(storage_id(DType::f32, "94", numel, true)), {"94"}, 2) +
                         little_endian(static_cast<std::uint64_t>(numel), 8);
    const auto write = [numel, seed](std::ostream& out) {
        std::vector<float> period(4096);
        for (std::size_t i = 0; i < period.size(); ++i)
            period[i] = static_cast<float>(std::sin(static_cast<double>(i + seed)));
        for (std::int64_t done = 0; done < numel; done += 4096)
            out.write(reinterpret_cast<const char*>(period.data()), 4 * std::min<std::int64_t>(numel - done, 4096));
    };
    const auto storage = Py::call(Py::global("torch.storage", "_load_from_bytes"),
                                  {Py::large_bytes(opening, static_cast<std::uint64_t>(numel) * 4, write)});
    return tensor(storage, {DType::f32, std::move(shape)});
}

class Eg3dBuilder {
  public:
    explicit Eg3dBuilder(const Eg3dLike& spec) : spec_(spec), source_(std::string(spec.source_size, '#')) {}

    Py generator() {
        Py::Pairs blocks;
        std::int64_t resolution = 4;
        for (int i = 0; i < spec_.blocks; ++i, resolution *= 2)
            blocks.emplace_back("b" + std::to_string(resolution), block(i == 0, resolution));
        const auto synthesis =
            persistent_object("SynthesisNetwork",
                              module_state({}, {}, std::move(blocks), {{"num_ws", 14}, {"num_fp16_res", 0}}), source_);
        const auto mapping =
            persistent_object("MappingNetwork",
                              module_state({}, {{"w_avg", made_up_tensor({512}, 3)}}, {{"fc0", dense(512, 64)}},
                                           {{"num_layers", 2}, {"w_avg_beta", 0.998}}),
                              source_);
        const auto backbone = persistent_object(
            "Generator", module_state({}, {}, {{"synthesis", synthesis}, {"mapping", mapping}}), source_);
        const auto renderer = Py::instance(
            Py::global("training.volumetric_rendering.renderer", "ImportanceRenderer"),
            module_state(
                {}, {}, {},
                {{"plane_axes", tensor_of<float>(DType::f32, {3, 3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0,
                                                                         1, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0})}}));
        const auto decoder = Py::instance(
            Py::global("training.triplane", "OSGDecoder"),
            module_state({}, {},
                         {{"net", Py::instance(Py::global("torch.nn.modules.container", "Sequential"),
                                               module_state({}, {}, {{"0", dense(32, 64)}, {"2", dense(64, 33)}}))}},
                         {{"hidden_dim", 64}}));
        const auto rendering = Py::dict({{"depth_resolution", 48}, {"box_warp", 1}, {"ray_start", 2.25}});
        return persistent_object(
            "TriPlaneGenerator",
            module_state({}, {}, {{"renderer", renderer}, {"backbone", backbone}, {"decoder", decoder}},
                         {{"z_dim", 512},
                          {"neural_rendering_resolution", 128},
                          {"rendering_kwargs", rendering},
                          {"_last_planes", {}},
                          {"_init_args", Py::tuple({})},
                          {"_init_kwargs", Py::dict({{"z_dim", 512}, {"rendering_kwargs", rendering}})}}),
            source_);
    }

    Py discriminator() {
        return persistent_object("DualDiscriminator",
                                 module_state({}, {{"resample_filter", made_up_tensor({4, 4}, 5)}},
                                              {{"fc", dense(spec_.channels, spec_.channels)}}, {{"c_dim", 25}}),
                                 source_);
    }

  private:
    Py dense(std::int64_t in, std::int64_t out) {
        return persistent_object(
            "FullyConnectedLayer",
            module_state(
                {{"weight", parameter(made_up_tensor({out, in}, 1))}, {"bias", parameter(made_up_tensor({out}, 2))}},
                {}, {},
                {{"weight_gain", numpy_scalar(1 / std::sqrt(static_cast<double>(in)))}, {"activation", "linear"}}),
            source_);
    }

    Py layer(std::int64_t resolution) {
        const auto c = spec_.channels;
        return persistent_object(
            "SynthesisLayer",
            module_state(
                {{"weight", parameter(made_up_tensor({c, c, 3, 3}, 7))}, {"bias", parameter(made_up_tensor({c}, 8))}},
                {{"noise_const", made_up_tensor({resolution, resolution}, 9)}}, {{"affine", dense(512, c)}},
                {{"act_gain", numpy_scalar(std::sqrt(2.0))}, {"conv_clamp", {}}, {"up", 1}}),
            source_);
    }

    Py block(bool first, std::int64_t resolution) {
        Py::Pairs parameters, layers;
        if (first)
            parameters.emplace_back("const", parameter(made_up_tensor({spec_.channels, 4, 4}, 6)));
        else
            layers.emplace_back("conv0", layer(resolution));
        layers.emplace_back("conv1", layer(resolution));
        return persistent_object("SynthesisBlock",
                                 module_state(std::move(parameters), {{"resample_filter", made_up_tensor({4, 4}, 5)}},
                                              std::move(layers), {{"use_fp16", false}}),
                                 source_);
    }

    const Eg3dLike& spec_;
    Py source_;
};

}  // namespace

Py eg3d_like(const Eg3dLike& spec) {
    Eg3dBuilder builder(spec);
    Py::Pairs networks{{"training_set_kwargs", Py::dict({{"resolution", 512}})}};
    if (spec.complete) {
        networks.emplace_back("G", builder.generator());
        networks.emplace_back("D", builder.discriminator());
    }
    networks.emplace_back("G_ema", builder.generator());
    networks.emplace_back("augment_pipe", Py());
    return Py::dict(std::move(networks));
}

}  // namespace cameo::support
