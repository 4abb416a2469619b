// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/convert.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stop_token>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/io/digest.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/safetensors.hpp>
#include "support/errors.hpp"
#include "support/failing_disk.hpp"
#include "support/golden.hpp"
#include "support/memory.hpp"
#include "support/pickle_writer.hpp"
#include "support/stored_tensors.hpp"
#include "support/temporary_folder.hpp"

using namespace std::string_literals;
using namespace cameo::io;
using namespace cameo::support;
using cameo::Context;
using cameo::DType;
using cameo::Errc;
using cameo::Error;
using nlohmann::json;
namespace fs = std::filesystem;
using Names = std::vector<std::string>;

namespace {

struct Converted {
    ConvertReport report;
    cameo::StateDict tensors;
    json ours;  ///< the metadata "cameo"
};

Converted convert_and_read(const fs::path& in, const fs::path& out, const ConvertOptions& options = {}) {
    Converted result{convert(in, out, options), read_safetensors(out, {.require_finite = true}), {}};
    result.ours = json::parse(result.tensors.metadata.at("cameo"));
    return result;
}

/// A folder with one file to convert in it.
class Workplace {
  public:
    explicit Workplace(const std::string& file) { write_file(in(), std::string_view(file), Overwrite::no); }
    explicit Workplace(const Py& value) : Workplace(pickle(value)) {}

    [[nodiscard]] fs::path in() const { return folder_ / "weights.pkl"; }
    [[nodiscard]] fs::path out() const { return folder_ / "model.safetensors"; }

    [[nodiscard]] Converted converted(const ConvertOptions& options = {}) const {
        return convert_and_read(in(), out(), options);
    }

    void refuses(Errc code, const std::string& part, const ConvertOptions& options = {}) const {
        CHECK_THROWS_MATCHES(convert(in(), out(), options), Error, is_error(code, part));
        CHECK(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()) == 1);
    }

  private:
    TemporaryFolder folder_;
};

Py numbers(std::vector<float> values) {
    const auto size = static_cast<std::int64_t>(values.size());
    return tensor_of<float>(DType::f32, {size}, values);
}

Names names(const cameo::StateDict& tensors) {
    Names result;
    for (const auto& entry : tensors.entries()) result.push_back(entry.name);
    return result;
}

std::string digest_of_file(const fs::path& path) {
    Sha256 sha;
    sha.update(MappedFile::open(path)->bytes());
    return hex(sha.finish());
}

bool warns_of(const ConvertReport& report, const std::string& part) {
    return std::ranges::any_of(report.warnings, [&](const auto& text) { return text.find(part) != text.npos; });
}

Py generator(float axis = 1.0f) {
    std::vector<float> axes{1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, axis, 1, 0, 0, 0, 1, 0};
    const auto renderer =
        Py::instance(Py::global("training.volumetric_rendering.renderer", "ImportanceRenderer"),
                     module_state({}, {}, {}, {{"plane_axes", tensor_of<float>(DType::f32, {3, 3, 3}, axes)}}));
    return persistent_object("TriPlaneGenerator",
                             module_state({{"w", numbers({1, 2})}}, {}, {{"renderer", renderer}},
                                          {{"rendering_kwargs", Py::dict({{"box_warp", 1}})}}),
                             "stripped");
}

}  // namespace

TEST_CASE("the reference's pickles become model files, bit by bit", "[io][convert][golden]") {
    for (const std::string name : {"eg3d-cars-tiny", "eg3d-ffhq-small"}) {
        const auto path = golden(name + ".pkl");
        const auto listing = golden(name + ".tensors.json");
        if (!path || !listing) continue;
        const TemporaryFolder folder;
        const auto [report, tensors, ours] = convert_and_read(*path, folder / "m", {.keep_all = true});
        const auto expected = json::parse(std::ifstream(*listing));
        std::size_t count = 0;
        for (const auto& [network, lines] : expected.items())
            for (const auto& line : lines) {
                const auto& tensor = tensors.at(network + "." + line.at("name").get<std::string>());
                CHECK(tensor.shape == line.at("shape").get<std::vector<std::int64_t>>());
                CHECK(tensor.dtype == DType::f32);
                Sha256 sha;
                sha.update(cameo::read_bytes(tensor));
                CHECK(hex(sha.finish()) == line.at("sha256"));
                ++count;
            }
        CHECK(count == tensors.size());
        CHECK(report.tensors == count);
        CHECK(report.warnings.empty());  // published axes, no source to wonder about
        CHECK(report.dropped.empty());
        CHECK(report.dtypes.size() == 1);
        CHECK(report.digest == *digest_of(tensors));
        CHECK(report.source_digest == digest_of_file(*path));
        CHECK(ours["source"]["sha256"] == report.source_digest);
        CHECK(ours["source"]["bytes"] == fs::file_size(*path));
        CHECK(ours["source"]["file"] == name + ".pkl");
        CHECK(ours["source"]["format"] == "eg3d-pickle");
        CHECK(ours["architecture"] == "eg3d");
        CHECK(ours["licence"] == "unknown");
        CHECK(ours["networks"]["G_ema"]["layers"].size() > 70);
    }
}

TEST_CASE("G_ema and D are kept, and other networks when they are asked for", "[io][convert]") {
    const Workplace place(eg3d_like({.blocks = 1, .channels = 4}));
    const auto of_networks = [](const Converted& converted) {
        Names found;
        for (const auto& name : names(converted.tensors))
            if (const auto network = name.substr(0, name.find('.')); found.empty() || found.back() != network)
                found.push_back(network);
        return found;
    };
    const auto usual = place.converted();
    CHECK(of_networks(usual) == Names{"D", "G_ema"});
    CHECK(usual.report.dropped == Names{"G"});
    CHECK(usual.ours["dropped"] == json{"G"});
    CHECK(usual.ours["networks"].size() == 2);
    CHECK(usual.ours["training_set"]["resolution"] == 512);
    const auto all = place.converted({.keep_all = true, .overwrite = Overwrite::yes});
    CHECK(of_networks(all) == Names{"G", "D", "G_ema"});
    const auto one = place.converted({.networks = {"G"}, .overwrite = Overwrite::yes});
    CHECK(of_networks(one) == Names{"G"});
    CHECK(one.report.dropped == Names{"D", "G_ema"});
    CHECK_FALSE(one.ours.contains("missing"));
}

TEST_CASE("a network that is not there is an error, or recorded", "[io][convert]") {
    const Workplace place(Py::dict({{"G_ema", generator()}}));
    CHECK_NOTHROW(place.converted());
    fs::remove(place.out());
    place.refuses(Errc::bad_file, "expected the network 'D', found G_ema", {.networks = {"G_ema", "D"}});
    const auto converted = place.converted({.networks = {"G_ema", "D"}, .allow_missing = true});
    CHECK(converted.ours["missing"] == json{"D"});
    CHECK(warns_of(converted.report, "'D' is missing"));

    const Workplace discriminator(
        Py::dict({{"D", persistent_object("X", module_state({{"w", numbers({1})}}, {}, {}))}}));
    discriminator.refuses(Errc::bad_file, "expected the network 'G_ema', found D");
    CHECK_NOTHROW(discriminator.converted({.allow_missing = true}));
}

TEST_CASE("an optimiser's state goes unless everything is kept", "[io][convert]") {
    const Py optimizer =
        Py::dict({{"state", Py::dict({{0, Py::dict({{"exp_avg", numbers({9})}})}})}, {"param_groups", Py::list({})}});
    const Workplace place(Py::dict({{"state_dict", Py::dict({{"a.weight", numbers({1})}})},
                                    {"opts", Py::dict({{"device", "cuda:1"}})},
                                    {"optimizer", optimizer},
                                    {"latent_avg", numbers({2})}}));
    const auto usual = place.converted();
    CHECK(names(usual.tensors) == Names{"a.weight", "latent_avg"});
    CHECK(usual.ours["dropped"] == json{"optimizer"});
    CHECK(usual.ours["values"]["opts"]["device"] == "cuda:1");
    CHECK(usual.ours["architecture"] == "unknown");
    const auto all = place.converted({.keep_all = true, .overwrite = Overwrite::yes});
    CHECK(names(all.tensors) == Names{"a.weight", "optimizer.state.0.exp_avg", "latent_avg"});
}

TEST_CASE("weights that are not finite are refused and named, and nothing is written", "[io][convert]") {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
        std::vector<float> values(600'000, 1.0f);  // longer than one piece
        values[500'123] = bad;
        const Workplace place(Py::dict({{"a", numbers({1})}, {"b.weight", numbers(values)}}));
        place.refuses(Errc::bad_file, "tensor 'b.weight': expected finite numbers, found another at flat index 500123");
    }
    const Workplace half(Py::dict({{"a", tensor_of<std::uint16_t>(DType::f16, {2}, {0x3c00, 0x7c00})}}));
    half.refuses(Errc::bad_file, "'a': expected finite numbers, found another at flat index 1");
    const Workplace truth(Py::dict({{"a", tensor_of<std::uint8_t>(DType::boolean, {2}, {1, 2})}}));
    truth.refuses(Errc::bad_file, "'a'");
    const Workplace dropped(
        Py::dict({{"G", persistent_object("X", module_state({{"w", numbers({std::nanf("")})}}, {}, {}))},
                  {"G_ema", generator()}}));
    CHECK_NOTHROW(dropped.converted());  // what is not kept is not looked at
}

TEST_CASE("tensors with strides are put in order, and that is told", "[io][convert]") {
    const std::vector<float> data{0, 1, 2, 3, 4, 5};
    const Py storage = nested_storage(DType::f32, std::string(reinterpret_cast<const char*>(data.data()), 24));
    const Workplace place(Py::dict(
        {{"turned", tensor(storage, {DType::f32, {3, 2}, {1, 3}})}, {"plain", tensor(storage, {DType::f32, {2, 3}})}}));
    const auto converted = place.converted();
    CHECK(values_of<float>(converted.tensors.at("turned")) == std::vector<float>{0, 3, 1, 4, 2, 5});
    CHECK(values_of<float>(converted.tensors.at("plain")) == data);
    CHECK(warns_of(converted.report, "1 tensors were stored with strides"));
    CHECK(warns_of(converted.report, "'turned'"));
}

TEST_CASE("every type of element is kept as it is, and counted", "[io][convert]") {
    Py::Pairs entries;
    std::vector<std::pair<std::string, std::string>> expected;
    for (int i = 0; i <= static_cast<int>(DType::boolean); ++i) {
        const auto dtype = static_cast<DType>(i);
        const std::string bytes(5 * cameo::size_of(dtype), '\x01');
        entries.emplace_back(std::string(name_of(dtype)), tensor(nested_storage(dtype, bytes), {dtype, {5}}));
        expected.emplace_back(std::string(name_of(dtype)), bytes);
    }
    for (const int protocol : {2, 3, 4, 5}) {
        const Workplace place(pickle(Py::dict(entries), protocol));
        const auto converted = place.converted();
        REQUIRE(converted.tensors.size() == expected.size());
        for (const auto& [name, bytes] : expected)
            CHECK(cameo::read_bytes(converted.tensors.at(name)) ==
                  bytes_of(std::vector<char>(bytes.begin(), bytes.end())));
        REQUIRE(converted.report.dtypes.size() == expected.size());
        std::uint64_t bytes = 0;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            CHECK(converted.report.dtypes[i].dtype == static_cast<DType>(i));
            CHECK(converted.report.dtypes[i].tensors == 1);
            CHECK(converted.report.dtypes[i].bytes == expected[i].second.size());
            bytes += expected[i].second.size();
        }
        CHECK(converted.report.bytes == bytes);
    }
}

TEST_CASE("plane axes that differ or are missing, and lost arguments, are warned of", "[io][convert]") {
    CHECK(Workplace(Py::dict({{"G_ema", generator()}})).converted().report.warnings.empty());
    const auto other = Workplace(Py::dict({{"G_ema", generator(-1.0f)}})).converted();
    CHECK(warns_of(other.report, "plane_axes differ"));
    CHECK(other.ours["networks"]["G_ema"]["plane_axes"][2][0][2] == -1);
    const Workplace bare(Py::dict({{"G_ema", Py::dict({{"backbone.synthesis.b4.const", numbers({1})},
                                                       {"decoder.net.0.weight", numbers({1})}})}}));
    const auto converted = bare.converted();
    CHECK(warns_of(converted.report, "plane_axes are missing"));
    CHECK(warns_of(converted.report, "rendering_kwargs are missing"));
    CHECK_FALSE(converted.ours["networks"]["G_ema"].contains("plane_axes"));
}

TEST_CASE("source texts that cameo does not know are warned of and recorded", "[io][convert]") {
    const Workplace place(eg3d_like({.blocks = 1, .channels = 4, .complete = false}));
    const auto converted = place.converted();
    REQUIRE(converted.ours["source"]["module_sources"].size() == 1);
    CHECK(warns_of(converted.report, converted.ours["source"]["module_sources"][0].get<std::string>()));
}

TEST_CASE("the licence is recorded, and stays when a model file is converted again", "[io][convert]") {
    const Workplace place(Py::dict({{"G_ema", generator()}}));
    const auto first = place.converted({.licence = "CC-BY-4.0, by \"somebody\" \xc3\xa9"});
    CHECK(first.ours["licence"] == "CC-BY-4.0, by \"somebody\" \xc3\xa9");
    const TemporaryFolder folder;
    const auto second = convert_and_read(place.out(), folder / "m");
    CHECK(second.report.format == CheckpointFormat::safetensors);
    CHECK(second.ours["licence"] == first.ours["licence"]);
    CHECK(second.ours["networks"] == first.ours["networks"]);
    CHECK(second.ours["source"]["format"] == "safetensors");
    check_equal(second.tensors, first.tensors);
    Workplace(Py::dict({{"G_ema", generator()}})).refuses(Errc::invalid_argument, "licence", {.licence = "\xff"});
}

TEST_CASE("a file of that name stays unless it may be replaced, also the source itself", "[io][convert]") {
    const Workplace place(Py::dict({{"a", numbers({1})}}));
    write_file(place.out(), std::string_view("precious"), Overwrite::no);
    CHECK_THROWS_MATCHES(convert(place.in(), place.out()), Error, is_error(Errc::io_failure, "model.safetensors"));
    CHECK(fs::file_size(place.out()) == 8);
    CHECK_NOTHROW(convert(place.in(), place.out(), {.overwrite = Overwrite::yes}));
    CHECK_NOTHROW(convert(place.in(), place.in(), {.overwrite = Overwrite::yes}));
    CHECK(names(read_safetensors(place.in())) == Names{"a"});
    CHECK_THROWS_MATCHES(convert("/nonexistent/a", place.out()), Error, is_error(Errc::io_failure, "/nonexistent/a"));
}

TEST_CASE("a full disk or a refused rename leaves nothing behind", "[io][convert]") {
    const Workplace place(Py::dict({{"a", numbers({1, 2, 3})}}));
    check_writer_is_safe(
        [&](const fs::path& path, Overwrite overwrite) { convert(place.in(), path, {.overwrite = overwrite}); });
}

TEST_CASE("converting tells how far it is and can be stopped", "[io][convert]") {
    const Workplace place(Py::dict({{"a", numbers(std::vector<float>(1'000'000, 1.0f))}}));
    std::vector<std::int64_t> done;
    Context context;
    context.progress = [&](const cameo::Progress& progress) {
        CHECK(progress.task == "convert");
        CHECK(progress.total == static_cast<std::int64_t>(fs::file_size(place.in())) + 4'000'000);
        done.push_back(progress.done);
    };
    (void)convert(place.in(), place.out(), {}, context);
    REQUIRE(done.size() > 6);
    CHECK(std::ranges::is_sorted(done));
    CHECK(done.back() == static_cast<std::int64_t>(fs::file_size(place.in())) + 4'000'000);
    fs::remove(place.out());

    for (const std::size_t steps : {1u, 3u, 6u}) {  // while the source is hashed, and while tensors are written
        std::stop_source stop;
        std::size_t seen = 0;
        Context stopped;
        stopped.stop = stop.get_token();
        stopped.progress = [&](const cameo::Progress&) {
            if (++seen == steps) stop.request_stop();
        };
        CHECK_THROWS_MATCHES(convert(place.in(), place.out(), {}, stopped), Error, is_error(Errc::cancelled));
        CHECK(seen == steps);
        CHECK_FALSE(fs::exists(place.out()));
    }
}

TEST_CASE("the same file gives the same model file", "[io][convert]") {
    const Workplace place(eg3d_like({.blocks = 1, .channels = 4}));
    const auto first = place.converted();
    const auto bytes = read_file(place.out(), 1 << 24);
    const auto second = place.converted({.overwrite = Overwrite::yes});
    CHECK(first.report.digest == second.report.digest);
    CHECK(read_file(place.out(), 1 << 24) == bytes);
}

TEST_CASE("converting takes little memory of its own, in archives too", "[io][convert]") {
    const TemporaryFolder folder;
    constexpr std::int64_t rows = 1500;
    constexpr std::uint64_t largest = rows * rows * 4;
    const auto check = [&](const fs::path& in) {
        std::uint64_t most = 0;
        Context context;
        context.progress = [&](const cameo::Progress&) { most = std::max(most, process_status("RssAnon")); };
        const auto before = process_status("RssAnon");
        (void)convert(in, folder / "m", {.overwrite = Overwrite::yes}, context);
        CHECK(most > 0);
        CHECK(most - std::min(before, most) < largest * 13 / 10 + (32u << 20));
    };
    {
        std::ofstream file(folder / "a.pkl", std::ios::binary);
        write_pickle(file, eg3d_like({.blocks = 7, .channels = 200}), 4);
    }
    check(folder / "a.pkl");
    {
        const std::string bytes(largest, '\0');
        const auto id = Py::persistent(storage_id(DType::f32, "0", rows * rows, false));
        const auto archive = raw_zip(torch_members(Py::dict({{"a", tensor(id, {DType::f32, {rows, rows}, {1, rows}})},
                                                             {"b", tensor(id, {DType::f32, {rows, rows}})}}),
                                                   {{"0", bytes}}));
        write_file(folder / "a.pt", std::string_view(archive), Overwrite::no);
    }
    check(folder / "a.pt");
}
