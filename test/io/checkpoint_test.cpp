// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/checkpoint.hpp>

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/io/digest.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/npy.hpp>
#include <cameo/io/safetensors.hpp>
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/memory.hpp"
#include "support/pickle_writer.hpp"
#include "support/stored_tensors.hpp"
#include "support/temporary_folder.hpp"

using namespace std::string_literals;
using namespace cameo::io;
using namespace cameo::support;
using cameo::DType;
using cameo::Errc;
using cameo::Error;
using nlohmann::json;
using Kind = CheckpointPart::Kind;

namespace {

Checkpoint parse(const std::string& file, std::string_view subject = "x") {
    auto bytes = std::make_shared<std::vector<std::byte>>(bytes_of(std::vector<char>(file.begin(), file.end())));
    return parse_checkpoint(*bytes, bytes, subject);
}

Checkpoint parse(const Py& value) { return parse(pickle(value)); }

void refuses(const std::string& file, const std::string& part) {
    CHECK_THROWS_MATCHES(parse(file), Error, is_error(Errc::bad_file, part));
}
void refuses(const Py& value, const std::string& part) { refuses(pickle(value), part); }

json description(const Checkpoint& checkpoint) { return json::parse(checkpoint.description); }

std::vector<std::string> names(const Checkpoint& checkpoint) {
    std::vector<std::string> result;
    for (const auto& entry : checkpoint.tensors.entries()) result.push_back(entry.name);
    return result;
}

/// "kind name first count" of every part.
std::vector<std::string> parts(const Checkpoint& checkpoint) {
    static const std::vector<std::string> kinds{"network", "state_dict", "tensor", "optimizer"};
    std::vector<std::string> result;
    for (const auto& part : checkpoint.parts)
        result.push_back(kinds.at(static_cast<std::size_t>(part.kind)) + " '" + part.name + "' " +
                         std::to_string(part.first) + " " + std::to_string(part.count));
    return result;
}

using Names = std::vector<std::string>;

Py numbers(std::vector<float> values) {
    const auto size = static_cast<std::int64_t>(values.size());
    return tensor_of<float>(DType::f32, {size}, values);
}

Py module(const std::string& name, Py::Pairs parameters, Py::Pairs modules = {}, Py::Pairs attributes = {}) {
    return persistent_object(name, module_state(std::move(parameters), {}, std::move(modules), std::move(attributes)));
}

std::string sha256(const cameo::StoredTensor& tensor) {
    Sha256 sha;
    tensor.source->stream([&](std::span<const std::byte> run) { sha.update(run); });
    return hex(sha.finish());
}

const std::vector<std::string> golden_pickles{"eg3d-cars-tiny", "eg3d-ffhq-small"};

}  // namespace

TEST_CASE("every tensor of the reference's pickles arrives, in its order and bit by bit", "[io][checkpoint][golden]") {
    for (const auto& name : golden_pickles) {
        const auto path = golden(name + ".pkl");
        const auto listing = golden(name + ".tensors.json");
        if (!path || !listing) continue;
        const auto checkpoint = read_checkpoint(*path);
        CHECK(checkpoint.format == CheckpointFormat::pickle);
        CHECK(checkpoint.strided.empty());
        const auto expected = json::parse(std::ifstream(*listing));
        std::size_t count = 0;
        for (const auto& part : checkpoint.parts) {
            REQUIRE(part.kind == Kind::network);
            const auto& lines = expected.at(part.name);
            REQUIRE(part.count == lines.size());
            for (std::size_t i = 0; i < part.count; ++i) {
                const auto& [full, tensor] = checkpoint.tensors.entries()[part.first + i];
                INFO(full);
                CHECK(full == part.name + "." + lines[i].at("name").get<std::string>());
                CHECK(tensor.shape == lines[i].at("shape").get<std::vector<std::int64_t>>());
                CHECK(lines[i].at("dtype") == "float32");
                CHECK(tensor.dtype == DType::f32);
                CHECK(sha256(tensor) == lines[i].at("sha256"));
                ++count;
            }
        }
        CHECK(count == checkpoint.tensors.size());
        CHECK(checkpoint.parts.size() == expected.size());
    }
}

TEST_CASE("the attributes of the reference's generators arrive", "[io][checkpoint][golden]") {
    const auto published_axes =
        json::parse("[[[1,0,0],[0,1,0],[0,0,1]], [[1,0,0],[0,0,1],[0,1,0]], [[0,0,1],[1,0,0],[0,1,0]]]");
    struct Expected {
        std::string name;
        int resolution, raw, coarse, fine;
        std::string upsampler;
    };
    for (const auto& [name, resolution, raw, coarse, fine, upsampler] :
         {Expected{"eg3d-cars-tiny", 128, 64, 10, 14, "SuperresolutionHybrid2X"},
          Expected{"eg3d-ffhq-small", 512, 128, 12, 12, "SuperresolutionHybrid8XDC"}}) {
        const auto path = golden(name + ".pkl");
        if (!path) continue;
        const auto checkpoint = read_checkpoint(*path);
        const auto whole = description(checkpoint);
        CHECK(whole["architecture"] == "eg3d");
        CHECK(whole["training_set"]["resolution"] == resolution);
        const auto& generator = whole["networks"]["G_ema"];
        CHECK(generator["class_name"] == "TriPlaneGenerator");
        CHECK(generator["plane_axes"] == published_axes);
        const auto& attributes = generator["attributes"];
        CHECK(attributes["z_dim"] == 512);
        CHECK(attributes["c_dim"] == 25);
        CHECK(attributes["w_dim"] == 512);
        CHECK(attributes["img_resolution"] == resolution);
        CHECK(attributes["img_channels"] == 3);
        CHECK(attributes["neural_rendering_resolution"] == raw);
        const auto& rendering = generator["rendering"];
        CHECK(rendering["depth_resolution"] == coarse);
        CHECK(rendering["depth_resolution_importance"] == fine);
        CHECK(rendering["superresolution_module"] == "training.superresolution." + upsampler);
        CHECK(rendering.contains("white_back") == (resolution == 128));
        CHECK(rendering["c_gen_conditioning_zero"] == (resolution == 128));
        CHECK(generator["init"]["args"] == json::array());
        CHECK(generator["init"]["kwargs"]["mapping_kwargs"] == json{{"num_layers", 2}});
        CHECK(generator["init"]["kwargs"]["sr_num_fp16_res"] == 4);

        const auto& layers = generator["layers"];
        const auto& synthesis = layers["backbone.synthesis"];
        CHECK(synthesis["num_ws"] == 14);
        CHECK(synthesis["block_resolutions"] == json{4, 8, 16, 32, 64, 128, 256});
        CHECK(synthesis["num_fp16_res"] == 0);
        const auto& mapping = layers["backbone.mapping"];
        CHECK(mapping["num_layers"] == 2);
        CHECK(mapping["num_ws"] == 14);
        CHECK(mapping["w_avg_beta"] == 0.998);
        const auto& conv = layers["backbone.synthesis.b8.conv0"];
        CHECK(conv["class_name"] == "SynthesisLayer");
        CHECK(conv["up"] == 2);
        CHECK(conv["padding"] == 1);
        CHECK(conv["use_noise"] == true);
        CHECK(conv["resolution"] == 8);
        CHECK(conv["activation"] == "lrelu");
        CHECK(conv["conv_clamp"].is_null());
        CHECK(conv["act_gain"].get<double>() == std::sqrt(2.0));  // bit by bit, through the text of JSON
        const auto& block = layers["superresolution.block1"];
        CHECK(block["use_fp16"] == true);
        CHECK(block["channels_last"] == false);
        CHECK(block["architecture"] == "skip");
        CHECK(block["is_last"] == true);
        CHECK(block["num_conv"] == 2);
        CHECK(block["num_torgb"] == 1);
        CHECK(block["fused_modconv_default"] == "inference_only");
        const auto& torgb = layers["superresolution.block1.torgb"];
        CHECK(torgb["conv_clamp"] == 256);
        CHECK(torgb["weight_gain"].get<double>() == 1 / std::sqrt(torgb["in_channels"].get<double>()));
        CHECK(layers["superresolution"]["class_name"] == upsampler);
        CHECK(layers["superresolution"]["input_resolution"] == raw);
        CHECK(layers["superresolution"]["sr_antialias"] == true);
        const auto& affine = layers["backbone.synthesis.b4.conv1.affine"];
        CHECK(affine["weight_gain"].get<double>() == 1 / std::sqrt(512.0));
        CHECK(affine["bias_gain"] == 1);
        CHECK(affine["activation"] == "linear");
        CHECK(layers["decoder"]["hidden_dim"] == 64);
        CHECK(layers["decoder.net.1"] == json{{"class_name", "Softplus"}, {"beta", 1}, {"threshold", 20}});
        CHECK(checkpoint.dropped.empty());
        for (const auto& part : checkpoint.parts) {
            CHECK(part.dropped.empty());
            CHECK(part.module_sources.size() == 1);  // SHA-256 of "stripped"
            CHECK(part.module_sources[0] == "8531d8960e7f2447508d80e80d48fd96730cf89a9987268971d858fc49cba71a");
        }
    }
}

TEST_CASE("the reference's pickles, cut at 1000 places, are refused every time", "[io][checkpoint][golden]") {
    for (const auto& name : golden_pickles) {
        const auto path = golden(name + ".pkl");
        if (!path) continue;
        const auto file = MappedFile::open(*path);
        const auto size = file->bytes().size();
        for (std::size_t i = 0; i < 1000; ++i) {
            // Half of the cuts in even steps, half in the last 64 KiB, where the attributes are.
            const auto cut = i % 2 ? size - 1 - 65'536 * i / 1000 : (size - 1) * i / 1000;
            CHECK_THROWS_MATCHES(parse_checkpoint(file->bytes().first(cut), file, name), Error,
                                 is_error(Errc::bad_file, name + ": expected "));
        }
    }
}

TEST_CASE("no flipped byte of the reference's pickles does harm", "[io][checkpoint][golden]") {
    for (const auto& name : golden_pickles) {
        const auto path = golden(name + ".pkl");
        if (!path) continue;
        const auto original = read_file(*path, 1u << 30);
        auto bytes = std::make_shared<std::vector<std::byte>>(original);
        int refused = 0;
        const auto flip = [&](std::size_t place, std::byte with) {
            (*bytes)[place] ^= with;
            try {
                const auto checkpoint = parse_checkpoint(*bytes, bytes, name);
                CHECK(json::parse(checkpoint.description).is_object());
            } catch (const Error& error) {
                CHECK(error.code() == Errc::bad_file);
                ++refused;
            }
            (*bytes)[place] ^= with;
        };
        for (std::size_t place = 0; place < 1000; ++place) flip(place, std::byte{0x81});
        for (std::size_t i = 0; i < 200; ++i) flip(original.size() - 1 - 37 * i, std::byte{0x01});
        CHECK(refused > 300);
        CHECK(*bytes == original);
    }
}

TEST_CASE("the kind of a file is seen in its content, never in its name", "[io][checkpoint]") {
    const TemporaryFolder folder;
    const auto weights = numbers({1, 2});
    const auto check = [&](const std::string& content, CheckpointFormat format, const std::string& kind) {
        const auto path = folder / "model.safetensors.pkl.npy";
        write_file(path, std::string_view(content), Overwrite::yes);
        const auto checkpoint = read_checkpoint(path);
        CHECK(checkpoint.format == format);
        CHECK(name_of(checkpoint.format) == kind);
        REQUIRE(checkpoint.tensors.size() == 1);
        CHECK(values_of<float>(checkpoint.tensors.entries()[0].tensor) == std::vector<float>{1, 2});
    };
    for (const int protocol : {2, 3, 4, 5})
        check(pickle(Py::dict({{"a", weights}}), protocol), CheckpointFormat::pickle, "eg3d-pickle");
    const std::vector<StoredBytes> storages{{"0", std::string("\0\0\x80\x3f\0\0\0\x40", 8)}};
    check(legacy_stream(
              Py::dict({{"a", tensor(Py::persistent(storage_id(DType::f32, "0", 2, true)), {DType::f32, {2}})}}),
              storages),
          CheckpointFormat::torch_legacy, "torch-legacy");
    check(raw_zip(torch_members(
              Py::dict({{"a", tensor(Py::persistent(storage_id(DType::f32, "0", 2, false)), {DType::f32, {2}})}}),
              storages)),
          CheckpointFormat::torch_zip, "torch-zip");
    const auto stored = cameo::support::stored(DType::f32, {2}, std::vector<float>{1, 2});
    write_npy(folder / "a", stored);
    const auto array = read_file(folder / "a", 1000);
    check({reinterpret_cast<const char*>(array.data()), array.size()}, CheckpointFormat::npy, "npy");
    cameo::StateDict tensors;
    tensors.add("a", stored);
    write_safetensors(folder / "b", tensors);
    const auto own = read_file(folder / "b", 10'000);
    check({reinterpret_cast<const char*>(own.data()), own.size()}, CheckpointFormat::safetensors, "safetensors");
}

TEST_CASE("files that people mistake for checkpoints are told for what they are", "[io][checkpoint]") {
    refuses(""s, "an empty file");
    refuses("version https://git-lfs.github.com/spec/v1\noid sha256:1"s, "Git LFS");
    refuses("<!DOCTYPE html><html>"s, "a web page");
    refuses("\x1f\x8b\x08"s, "gzip");
    refuses("PK\x05\x06" + std::string(18, '\0'), "an empty ZIP archive");
    refuses("(dp0\n."s, "protocol 0");
    refuses("\x80\x01N."s, "protocol 1");
    std::string tar(1024, '\0');
    tar.replace(257, 5, "ustar");
    refuses(tar, "a tar archive");
    refuses("hello"s, "something else");
    CHECK_THROWS_MATCHES(read_checkpoint("/nonexistent/x.pkl"), Error,
                         is_error(Errc::io_failure, "/nonexistent/x.pkl"));
}

TEST_CASE("trap 34: a training pickle is sorted into its networks, whichever comes first", "[io][checkpoint]") {
    const auto checkpoint = parse(eg3d_like({.blocks = 2, .channels = 4}));
    CHECK(parts(checkpoint).size() == 3);
    CHECK(checkpoint.parts[0].name == "G");
    CHECK(checkpoint.parts[1].name == "D");
    CHECK(checkpoint.parts[2].name == "G_ema");
    CHECK(checkpoint.tensors.contains("G_ema.backbone.synthesis.b8.conv0.affine.weight"));
    const auto whole = description(checkpoint);
    CHECK(whole["networks"].size() == 3);
    CHECK(whole["networks"]["G_ema"]["rendering"]["box_warp"] == 1);
    CHECK(whole["networks"]["D"]["class_name"] == "DualDiscriminator");
    CHECK_FALSE(whole["networks"]["D"].contains("plane_axes"));
    CHECK(checkpoint.parts[0].module_sources == checkpoint.parts[2].module_sources);
}

TEST_CASE("tensors come parameters first, then buffers, then children; None is passed over", "[io][checkpoint]") {
    const auto inner = persistent_object(
        "Layer", module_state({{"weight", parameter(numbers({3}))}, {"bias", {}}}, {{"table", numbers({4})}}, {}));
    const auto network = persistent_object(
        "Net", module_state({{"scale", parameter(numbers({1}))}}, {{"mean", numbers({2})}, {"absent", {}}},
                            {{"first", inner}, {"none", {}}, {"0", inner}}));
    const auto checkpoint = parse(Py::dict({{"net", network}}));
    CHECK(names(checkpoint) ==
          Names{"net.scale", "net.mean", "net.first.weight", "net.first.table", "net.0.weight", "net.0.table"});
    CHECK(values_of<float>(checkpoint.tensors.at("net.0.weight")) == std::vector<float>{3});  // shared, so listed twice
}

TEST_CASE("a bare state dict keeps its names", "[io][checkpoint]") {
    const auto state = Py::built(Py::ordered_dict({{"conv.weight", numbers({1})}, {"conv.bias", numbers({2})}}),
                                 Py::dict({{"_metadata", Py::ordered_dict({})}}));
    const auto checkpoint = parse(state);
    CHECK(names(checkpoint) == Names{"conv.weight", "conv.bias"});
    CHECK(parts(checkpoint) == Names{"tensor '' 0 2"});
    CHECK(description(checkpoint)["architecture"] == "unknown");
}

TEST_CASE("a checkpoint of an encoder is taken apart", "[io][checkpoint]") {
    const Py optimizer = Py::dict({{"state", Py::dict({{0, Py::dict({{"exp_avg", numbers({9})}, {"step", 5}})}})},
                                   {"param_groups", Py::list({Py::dict({{"lr", 1e-4}, {"params", Py::list({0})}})})}});
    const Py options =
        Py::dict({{"device", Py::call(Py::global("torch", "device"), {"cuda", 1})},
                  {"learning_rate", 0.0001},
                  {"paths", Py::tuple({"a", "b"})},
                  {"dtype", Py::global("torch", "float32")},
                  {"extra", Py::instance(Py::global("argparse", "Namespace"), Py::dict({{"seed", 3}}))}});
    const auto checkpoint = parse(Py::dict({{"state_dict", Py::ordered_dict({{"body.0.weight", numbers({1})}})},
                                            {"opts", options},
                                            {"best_val_loss", {}},
                                            {"step", 5000},
                                            {"optimizer", optimizer},
                                            {"latent_avg", numbers({2, 3})}}));
    CHECK(names(checkpoint) == Names{"body.0.weight", "optimizer.state.0.exp_avg", "latent_avg"});
    CHECK(parts(checkpoint) == Names{"state_dict 'state_dict' 0 1", "optimizer 'optimizer' 1 1", "tensor '' 2 1"});
    const auto values = description(checkpoint)["values"];
    CHECK(values["step"] == 5000);
    CHECK(values["opts"] == json{{"device", "cuda:1"},
                                 {"learning_rate", 0.0001},
                                 {"paths", {"a", "b"}},
                                 {"dtype", "torch.float32"},
                                 {"extra", {{"seed", 3}}}});
    CHECK_FALSE(values.contains("best_val_loss"));
}

TEST_CASE("a converted generator with its arguments beside it is put together again", "[io][checkpoint]") {
    const Py weights =
        Py::ordered_dict({{"backbone.synthesis.b4.const", numbers({1})}, {"decoder.net.0.weight", numbers({2})}});
    const auto plain = parse(Py::dict({{"G_ema", weights}, {"rendering_kwargs", Py::dict({{"box_warp", 1}})}}));
    CHECK(names(plain) == Names{"G_ema.backbone.synthesis.b4.const", "G_ema.decoder.net.0.weight"});
    CHECK(description(plain)["architecture"] == "eg3d");
    CHECK(description(plain)["networks"]["G_ema"] == json{{"rendering", {{"box_warp", 1}}}});
    CHECK(description(plain)["values"] == json::object());

    const auto arguments = Py::dict({{"z_dim", 512}, {"rendering_kwargs", Py::dict({{"box_warp", 2}})}});
    const auto full = parse(Py::dict({{"G_ema", weights}, {"init_kwargs", arguments}, {"latent_avg", numbers({3})}}));
    CHECK(parts(full) == Names{"state_dict 'G_ema' 0 2", "tensor '' 2 1"});
    CHECK(description(full)["networks"]["G_ema"]["rendering"] == json{{"box_warp", 2}});
    CHECK(description(full)["networks"]["G_ema"]["init"]["kwargs"]["z_dim"] == 512);
}

TEST_CASE("single tensors, lists of them and networks by themselves have names", "[io][checkpoint]") {
    CHECK(names(parse(numbers({1}))) == Names{"tensor"});
    CHECK(names(parse(Py::list({numbers({1}), numbers({2})}))) == Names{"0", "1"});
    CHECK(names(parse(Py::dict({{"w", Py::list({numbers({1}), Py::dict({{5, numbers({2})}})})}}))) ==
          Names{"w.0", "w.1.5"});
    CHECK(names(parse(module("TriPlaneGenerator", {{"a", numbers({1})}}))) == Names{"G_ema.a"});
    CHECK(names(parse(module("Encoder", {{"a", numbers({1})}}))) == Names{"a"});
}

TEST_CASE("a whole module of known classes is read, and one of unknown classes is refused", "[io][checkpoint]") {
    const auto layer = [](const char* of_module, const char* name, Py::Pairs parameters, Py::Pairs modules,
                          Py::Pairs attributes) {
        return Py::instance(Py::global(of_module, name),
                            module_state(std::move(parameters), {}, std::move(modules), std::move(attributes)));
    };
    const auto linear =
        layer("torch.nn.modules.linear", "Linear", {{"weight", parameter(numbers({1}))}}, {}, {{"in_features", 1}});
    const auto siren = layer("siren.siren", "TextureEmbeddingPiGAN256SEMANTICDISENTANGLE_DIM_96", {},
                             {{"network", layer("torch.nn.modules.container", "ModuleList", {}, {{"0", linear}}, {})}},
                             {{"device", Py::call(Py::global("torch", "device"), {"cuda", 0})}});
    const auto whole = layer("generators.generators", "DoubleImplicitGenerator3d", {}, {{"siren", siren}},
                             {{"z_geo_dim", 256}, {"avg_frequencies_geo", numbers({1})}});
    const auto checkpoint = parse(whole);
    CHECK(names(checkpoint) == Names{"siren.network.0.weight"});
    CHECK(description(checkpoint)["architecture"] == "fenerf");
    CHECK(description(checkpoint)["networks"][""]["attributes"]["z_geo_dim"] == 256);
    CHECK(description(checkpoint)["networks"][""]["layers"]["siren"]["device"] == "cuda:0");
    CHECK(checkpoint.parts[0].dropped == Names{"avg_frequencies_geo"});
    refuses(layer("my.models", "MyGenerator", {}, {{"siren", siren}}, {}), "global 'my.models.MyGenerator' at byte ");

    const auto average = parse(Py::instance(Py::global("torch_ema.ema", "ExponentialMovingAverage"),
                                            Py::dict({{"decay", 0.999},
                                                      {"num_updates", 7},
                                                      {"shadow_params", Py::list({numbers({1}), numbers({2})})},
                                                      {"collected_params", Py::list({})}})));
    CHECK(names(average) == Names{"shadow_params.0", "shadow_params.1"});
    CHECK(description(average)["values"]["decay"] == 0.999);
}

TEST_CASE("what holds no weights, and TensorFlow's exports, are refused", "[io][checkpoint]") {
    refuses(Py::dict({}), "expected networks or tensors");
    refuses(Py(5), "expected networks or tensors");
    refuses(Py::dict({{"a", 1}, {"b", "c"}}), "expected networks or tensors");
    refuses(Py::tuple({1, 2, 3}), "TensorFlow");
    refuses(Py::tuple({numbers({1}), numbers({1}), numbers({1})}), "TensorFlow");
}

TEST_CASE("names that repeat, or that no model file can hold, are refused", "[io][checkpoint]") {
    refuses(module("A", {{"x", numbers({1})}, {"x", numbers({2})}}), "one tensor 'x'");
    refuses(module("A", {{"m.x", numbers({1})}}, {{"m", module("B", {{"x", numbers({2})}})}}), "one tensor 'm.x'");
    refuses(module("A", {}, {{"m", module("B", {{"x", numbers({1})}})}, {"m", module("B", {})}}), "once, found twice");
    refuses(Py::dict({{"a", numbers({1})}, {"a", numbers({1})}}), "one tensor 'a'");
    refuses(Py::dict({{"state_dict", Py::dict({{"a", numbers({1})}})}, {"a", numbers({1})}}), "one tensor 'a'");
    refuses(Py::dict({{"net", module("A", {{"a", numbers({1})}})}, {"net", module("A", {{"b", numbers({1})}})}}),
            "once");
    for (const auto& name : {std::string(600, 'x'), "a\nb"s, ""s, "\x1b[2J"s}) {
        refuses(Py::dict({{name, numbers({1})}}), "x: expected");
        refuses(module("A", {{name, numbers({1})}}), "x: expected");
        refuses(module("A", {}, {{name, module("B", {})}}), "x: expected");
    }
    refuses(Py::dict({{Py::tuple({1}), numbers({1})}}), "the name of an entry");
}

TEST_CASE("modules of another build than modules have are refused", "[io][checkpoint]") {
    const auto with = [](Py::Pairs state) { return persistent_object("A", Py::dict(std::move(state))); };
    refuses(with({{"_modules", 5}, {"_parameters", Py::dict({{"a", numbers({1})}})}}), "a mapping of modules");
    refuses(with({{"_modules", Py::dict({})}, {"_parameters", Py::list({})}}), "a mapping of tensors");
    refuses(with({{"_modules", Py::dict({})}, {"_parameters", Py::dict({{"a", "text"}})}}), "a parameter 'a'");
    refuses(with({{"_modules", Py::dict({{"m", 5}})}}), "the module 'm'");
    refuses(with({{"_modules", Py::dict({})}, {"_modules", Py::dict({})}}), "once");
    refuses(with({{"_modules", Py::dict({})}, {"up", 1}, {"up", 2}}), "one attribute 'up'");
    refuses(with({{"_modules", Py::dict({})}, {5, 1}}), "the name of an attribute");
    refuses(module("A", {}, {{"m", Py::raw("ctorch.nn\nSequential\n)\x81")}}), "expected a state");
}

TEST_CASE("networks that hold themselves, or share modules without end, are refused", "[io][checkpoint]") {
    // _modules: {'m': the module itself}
    const auto cyclic =
        "\x80\x02"
        "ctorch.nn.modules.container\nSequential\n)\x81q\1}q\2X\x08\0\0\0_modules}X\1\0\0\0mh\1ssb."s;
    refuses(cyclic, "expected");
    // Each of 20 levels holds the next one twice: a million modules on paper.
    const auto doubled = [](Py level) {
        for (int i = 0; i < 20; ++i) level = module("Node", {}, {{"a", level}, {"b", level}});
        return level;
    };
    const auto growth = resident_growth([&] {
        refuses(doubled(module("Leaf", {})), "shared endlessly");
        refuses(Py::dict({{"w", numbers({1})}, {"net", doubled(module("Leaf", {}))}}), "shared endlessly");
        refuses(doubled(module("Leaf", {{"x", numbers({1})}})), "shared endlessly");
    });
    CHECK(growth < (256u << 20));
    // The same with plain values: one that is too long is left out, and 4 million of them are too many.
    Py value = Py::list({1});
    for (int i = 0; i < 10; ++i) value = Py::list({value, value, value, value});
    const auto checkpoint = parse(Py::dict({{"a", numbers({1})}, {"step", 5}, {"long", value}, {"last", 6}}));
    CHECK(checkpoint.dropped == Names{"long"});
    CHECK(description(checkpoint)["values"] == json{{"step", 5}, {"last", 6}});
    Py::Pairs many{{"a", numbers({1})}};
    for (int i = 0; i < 200; ++i) many.emplace_back("long" + std::to_string(i), value);
    refuses(Py::dict(many), "more than 4 million");
}

TEST_CASE("views that repeat their bytes are taken within reason only", "[io][checkpoint]") {
    const Py storage = nested_storage(DType::f32, std::string(4096, '\0'));
    const auto view = [&](std::int64_t rows) { return tensor(storage, {DType::f32, {rows, 1024}, {0, 1}}); };
    const auto checkpoint = parse(Py::dict({{"w", view(14)}}));
    CHECK(checkpoint.tensors.at("w").byte_size() == 14 * 4096);
    CHECK(checkpoint.strided == Names{"w"});
    const auto growth = resident_growth([&] {
        refuses(Py::dict({{"w", view(std::int64_t{1} << 40)}}), "views that repeat its bytes");
        Py::Pairs many;
        for (int i = 0; i < 200; ++i) many.emplace_back("w" + std::to_string(i), view(128));
        refuses(Py::dict(many), "views that repeat its bytes");
    });
    CHECK(growth < (16u << 20));
}

TEST_CASE("what is neither tensor nor plain value is left out and named", "[io][checkpoint]") {
    const auto inner = module("B", {{"x", numbers({1})}}, {}, {{"cache", numbers({1})}, {"_hidden", numbers({1})}});
    const auto network =
        module("A", {}, {{"m", inner}},
               {{"limit", std::numeric_limits<double>::infinity()},
                {"raw", Py::bytes("abc")},
                {"nested", Py::dict({{"good", 1}, {"bad", Py::bytes("x")}})},
                {"helper", Py::instance(Py::global("torch.nn.modules.activation", "ReLU"), Py::dict({}))},
                {"rendering_kwargs", Py::dict({{"start", 0.5}, {"end", std::nan("")}})}});
    const auto checkpoint = parse(Py::dict({{"net", network}, {"blob", Py::bytes("abc")}}));
    CHECK_THAT(checkpoint.parts[0].dropped,
               Catch::UnorderedEquals(Names{"net.limit", "net.raw", "net.helper", "net.nested.bad",
                                            "net.rendering_kwargs.end", "net.m.cache", "net.m._hidden"}));
    CHECK(checkpoint.dropped == Names{"blob"});
    const auto described = description(checkpoint)["networks"]["net"];
    CHECK(described["attributes"] == json{{"nested", {{"good", 1}}}});
    CHECK(described["rendering"] == json{{"start", 0.5}});
}

TEST_CASE("plane axes that are no finite numbers are refused, and those of another shape left out",
          "[io][checkpoint]") {
    const auto with = [](const Py& axes) {
        return parse(Py::dict(
            {{"G_ema", module("TriPlaneGenerator", {{"x", numbers({1})}},
                              {{"renderer", module("ImportanceRenderer", {}, {}, {{"plane_axes", axes}})}})}}));
    };
    std::vector<float> values(27, 0.1f);
    CHECK(description(with(tensor_of<float>(DType::f32, {3, 3, 3}, values)))["networks"]["G_ema"]["plane_axes"][2][1][0]
              .get<float>() == 0.1f);
    CHECK(with(tensor_of<float>(DType::f32, {27}, values)).parts[0].dropped == Names{"G_ema.renderer.plane_axes"});
    values[5] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_MATCHES(with(tensor_of<float>(DType::f32, {3, 3, 3}, values)), Error,
                         is_error(Errc::bad_file, "plane_axes"));
}

TEST_CASE("trap 35: source texts are hashed, each once, and never looked into", "[io][checkpoint]") {
    const auto of_source = [](const std::string& source) {
        return persistent_object("A", module_state({{"x", numbers({1})}}, {}, {}), source);
    };
    const auto checkpoint = parse(Py::dict({{"a", of_source("abc")}, {"b", of_source("\x00\xc3\xa9"s)}}));
    CHECK(checkpoint.parts[0].module_sources ==
          Names{"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"});  // FIPS 180-4, example 1
    CHECK(checkpoint.parts[1].module_sources.size() == 1);
}

TEST_CASE("a safetensors file is read as it is, its metadata of ours included", "[io][checkpoint]") {
    const TemporaryFolder folder;
    cameo::StateDict tensors;
    tensors.add("G_ema.a", stored(DType::f32, {1}, std::vector<float>{1}));
    tensors.add("D.a", stored(DType::f32, {1}, std::vector<float>{1}));
    tensors.add("latent_avg", stored(DType::f32, {1}, std::vector<float>{1}));
    tensors.metadata["cameo"] =
        R"({"architecture": "eg3d", "networks": {"G_ema": {"plane_axes": 1}}, "licence": "CC0-1.0"})";
    tensors.metadata["format"] = "pt";
    write_safetensors(folder / "a", tensors);
    const auto checkpoint = read_checkpoint(folder / "a");
    CHECK(parts(checkpoint) == Names{"state_dict 'G_ema' 0 1", "state_dict 'D' 1 1", "tensor '' 2 1"});
    CHECK(description(checkpoint)["licence"] == "CC0-1.0");
    CHECK(description(checkpoint)["networks"]["G_ema"]["plane_axes"] == 1);
    CHECK(checkpoint.tensors.metadata.at("format") == "pt");
    tensors.metadata["cameo"] = R"({"networks": []})";
    write_safetensors(folder / "b", tensors);
    CHECK_THROWS_MATCHES(read_checkpoint(folder / "b"), Error, is_error(Errc::bad_file, "networks"));
}
