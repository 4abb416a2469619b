// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/exr.hpp>

#include <OpenImageIO/filesystem.h>
#include <OpenImageIO/imageio.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "image_samples.hpp"
#include "support/errors.hpp"
#include "support/failing_disk.hpp"

using namespace cameo;
using namespace cameo::io;
using namespace cameo::support;

namespace {

/// A camera whose numbers need every digit.
Camera awkward_camera() {
    Camera camera;
    camera.world_from_camera = orbit(std::numbers::pi / 2 + 0.1, std::numbers::pi / 3, 2.7, {0.01, 0.02, 0.2});
    camera.intrinsics = intrinsics_from_focal(4.2647 + 1.0 / 3);
    return camera;
}

ExrView whole_view() {
    return {.colour = pattern(21, 17, 4, linear_light),
            .depth = pattern(21, 17, 1, data_float),
            .normals = pattern(21, 17, 3, data_float),
            .camera = awkward_camera(),
            .metadata = provenance("abc", "CC0-1.0")};
}

/// One row of EXR byte by byte, without compression.
struct PlainChannel {
    std::string name;
    std::uint32_t type;                  ///< 0 integers, 2 float
    std::vector<std::uint32_t> numbers;  ///< bits
};

FileBytes exr_file(const std::vector<PlainChannel>& channels, std::uint32_t flags = 2, std::int32_t left = 0) {
    constexpr auto little = std::endian::little;
    FileBytes file, list, windows, pixels;
    const auto attribute = [&](std::string_view name, std::string_view type, const FileBytes& value) {
        append(file, std::string(name) + '\0' + std::string(type) + '\0');
        append(file, static_cast<std::uint32_t>(value.size()), little);
        append(file, value);
    };
    const auto width = static_cast<std::uint32_t>(channels.front().numbers.size());
    for (const auto& channel : channels) {
        append(list, channel.name + '\0');
        for (const std::uint32_t number : {channel.type, 0U, 1U, 1U}) append(list, number, little);
        for (const auto number : channel.numbers) append(pixels, number, little);
    }
    list.push_back({});
    for (const std::uint32_t number :
         {static_cast<std::uint32_t>(left), 0U, static_cast<std::uint32_t>(left) + width - 1, 0U})
        append(windows, number, little);
    append(file, std::uint32_t{20000630}, little);
    append(file, flags, little);
    attribute("channels", "chlist", list);
    attribute("compression", "compression", {std::byte{0}});
    attribute("dataWindow", "box2i", windows);
    attribute("displayWindow", "box2i", windows);
    attribute("lineOrder", "lineOrder", {std::byte{0}});
    const auto one = std::bit_cast<std::uint32_t>(1.F);
    FileBytes unit, centre(8);
    append(unit, one, little);
    attribute("pixelAspectRatio", "float", unit);
    attribute("screenWindowCenter", "v2f", centre);
    attribute("screenWindowWidth", "float", unit);
    file.push_back({});
    append(file, std::uint64_t{file.size() + 8}, little);
    append(file, std::uint32_t{0}, little);
    append(file, static_cast<std::uint32_t>(pixels.size()), little);
    append(file, pixels);
    return file;
}

std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

}  // namespace

TEST_CASE("a view comes back bit for bit with its camera", "[io][exr]") {
    const TemporaryFolder folder;
    const auto path = folder / "view.exr";
    const auto view = whole_view();
    write_exr(path, view);
    const auto back = read_exr(path);
    CHECK((back == view));
    REQUIRE(back.camera);
    CHECK(label(*back.camera) == label(*view.camera));
    CHECK_THROWS_MATCHES(write_exr(path, view), Error, is_error(Errc::io_failure, "view.exr"));
    CHECK_NOTHROW(write_exr(path, view, {.overwrite = Overwrite::yes}));

    // The colours are an ordinary picture to everyone else.
    const auto picture = read_image(path, {.data = true});
    CHECK(std::ranges::equal(picture.image.values<float>(), view.colour.values<float>()));
    CHECK(picture.metadata.at("Description") == "synthetic, made with cameo");
    CHECK(picture.metadata.at(std::string(exr_camera_axes_key)).starts_with("opencv"));
}

TEST_CASE("every part of a view may be missing but not all", "[io][exr]") {
    for (const int parts : {1, 2, 3, 4, 5, 6, 7}) {
        auto view = whole_view();
        if ((parts & 1) == 0) view.colour = {};
        if ((parts & 2) == 0) view.depth = {};
        if ((parts & 4) == 0) view.normals = {};
        view.camera.reset();
        view.metadata.clear();
        CHECK((decode_exr(encode_exr(view), "view") == view));
    }
    auto opaque = whole_view();
    opaque.colour = pattern(21, 17, 3, linear_light);
    CHECK((decode_exr(encode_exr(opaque), "view") == opaque));
    CHECK_THROWS_MATCHES(encode_exr({}), Error, is_error(Errc::invalid_argument, "got none"));
}

TEST_CASE("extreme finite numbers survive", "[io][exr]") {
    using Limits = std::numeric_limits<float>;
    const std::array values{0.F, -0.F, Limits::max(), Limits::lowest(), Limits::min(), Limits::denorm_min(),
                            1.F, -1.F, 1e-30F,        16777217.F,       65504.F,       65536.F};
    Image depth(static_cast<std::int64_t>(values.size()), 1, 1, data_float);
    std::ranges::copy(values, depth.values<float>().begin());
    const auto back = decode_exr(encode_exr({.depth = depth}), "view").depth;
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(bits(back.values<float>()[i]) == bits(values[i]));
}

TEST_CASE("half rounds colour and normals to 11 bits and leaves depth alone", "[io][exr]") {
    const auto view = whole_view();
    const auto small = encode_exr(view, {.half = true});
    const auto back = decode_exr(small, "view");
    CHECK(small.size() < encode_exr(view).size());
    CHECK((back.depth == view.depth));
    CHECK(back.camera == view.camera);
    for (const auto image : {&ExrView::colour, &ExrView::normals}) {
        const auto rounded = (back.*image).values<float>(), exact = (view.*image).values<float>();
        REQUIRE(rounded.size() == exact.size());
        for (std::size_t i = 0; i < exact.size(); ++i)
            CHECK(rounded[i] == Approx(exact[i]).epsilon(0x1p-11).margin(0x1p-25));
    }
    auto bright = view;
    bright.colour.values<float>()[5] = 65520.F;
    CHECK_THROWS_MATCHES(encode_exr(bright, {.half = true}), Error, is_error(Errc::invalid_argument, "65504"));
    bright.colour.values<float>()[5] = 65519.F;
    CHECK(decode_exr(encode_exr(bright, {.half = true}), "view").colour.values<float>()[5] == 65504.F);
}

TEST_CASE("views that contradict themselves are not written", "[io][exr]") {
    const auto refused = [](const ExrView& view, const std::string& part) {
        CHECK_THROWS_MATCHES(encode_exr(view), Error, is_error(Errc::invalid_argument, part));
    };
    auto view = whole_view();
    view.depth = pattern(20, 17, 1, data_float);
    refused(view, "EXR channel Z");
    view = whole_view();
    view.normals = pattern(21, 17, 1, data_float);
    refused(view, "EXR channel N.X");
    view = whole_view();
    view.colour = pattern(21, 17, 4, srgb_symmetric);
    refused(view, "EXR channel R");
    view = whole_view();
    view.depth.values<float>()[21 * 4 + 3] = std::numeric_limits<float>::quiet_NaN();
    refused(view, "EXR channel Z: expected finite numbers, found nan at pixel (3, 4)");
    view = whole_view();
    view.camera->world_from_camera[0] += 0.1;
    refused(view, "camera");
    view = whole_view();
    view.metadata.emplace(exr_camera_key, "[]");
    refused(view, "camera");
}

TEST_CASE("EXR files of other programs are read or refused by what is in them", "[io][exr]") {
    const auto refused = [](const FileBytes& file, const std::string& part) {
        CHECK_THROWS_MATCHES(decode_exr(file, "view"), Error, is_error(Errc::bad_file, part));
    };
    const std::vector<std::uint32_t> one{bits(1.5F), bits(-2.F)};
    const auto inf = bits(std::numeric_limits<float>::infinity()), nan = bits(std::numeric_limits<float>::quiet_NaN());

    const auto plain = decode_exr(exr_file({{"Z", 2, one}, {"id", 0, {7, 8}}}), "view");
    CHECK(plain.depth.width() == 2);
    CHECK(plain.depth.values<float>()[1] == -2.F);
    CHECK(plain.colour.empty());
    CHECK_FALSE(plain.camera);
    CHECK(decode_exr(exr_file({{"Z", 2, one}}, 2, -40), "view").depth.values<float>()[0] == 1.5F);

    refused(exr_file({{"Z", 2, {bits(1.F), nan}}}), "nan at pixel (1, 0)");
    refused(exr_file({{"Z", 2, {inf, bits(1.F)}}}), "inf at pixel (0, 0)");
    refused(exr_file({{"Z", 0, {1, 2}}}), "integers");
    refused(exr_file({{"U", 2, one}}), "none of them");
    refused(exr_file({{"G", 2, one}, {"R", 2, one}}), "EXR channel B beside R");
    refused(exr_file({{"N.X", 2, one}, {"N.Y", 2, one}}), "EXR channel N.Z");
    refused(exr_file({{"Z", 2, one}, {"A", 2, one}}), "in order");
    refused(exr_file({{"Z", 2, one}, {"Z", 2, one}}), "in order");
    refused(exr_file({{"Z", 2, one}}, 2 | 0x1000), "multi-part");
    refused(exr_file({{"Z", 2, one}}, 2 | 0x800), "deep");
    refused(exr_file({{"Z", 2, one}}, 3), "version");
    refused(sample_file(ImageFormat::png), "found PNG");
    CHECK_THROWS_MATCHES(read_image("/nowhere.exr"), Error, is_error(Errc::io_failure, "/nowhere.exr"));

    const auto good = exr_file({{"Z", 2, one}});
    const auto window = as_text(good).find("displayWindow") + 14 + 6 + 4;
    refused(replaced(good, window, "\x01"), "display window");
    const auto table = good.size() - 8 - 8 - 8;
    using namespace std::string_view_literals;
    refused(replaced(good, table, "\0\0\0\0\0\0\0\0"sv), "chunk 0");
    refused(replaced(good, table, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"sv), "cut short");
    refused(replaced(good, table + 12, "\x09"sv), "chunk 0");
}

TEST_CASE("a camera in a file must be one", "[io][exr]") {
    const auto with = [](const std::string& numbers, const std::string& axes) {
        return encode_image(pattern(2, 2, 3, linear_light), {.format = ImageFormat::exr,
                                                             .metadata = {{std::string(exr_camera_key), numbers},
                                                                          {std::string(exr_camera_axes_key), axes}}});
    };
    const std::string good = "[1,0,0,0,0,1,0,0,0,0,1,2.5,0,0,0,1,4,0,0.5,0,4,0.5,0,0,1]";
    CHECK(decode_exr(with(good, "opencv"), "view").camera->world_from_camera[11] == 2.5);
    for (const auto& [numbers, axes] : {std::pair<std::string, std::string>{good, "blender"},
                                        {"[1,2,3]", "opencv"},
                                        {"{}", "opencv"},
                                        {"[" + good + "]", "opencv"},
                                        {"[\"a\"]", "opencv"},
                                        {"[1e999]", "opencv"},
                                        {"2" + good, "opencv"},
                                        {"[2" + good.substr(2), "opencv"},
                                        {"", "opencv"}})
        CHECK_THROWS_MATCHES(decode_exr(with(numbers, axes), "view"), Error,
                             is_error(Errc::bad_file, "view: cameo:camera"));
}

TEST_CASE("every cut of a view is refused and no flipped byte does harm", "[io][exr]") {
    const auto file = encode_exr(whole_view(), {.half = true});
    const auto outcome = [](const FileBytes& bytes) {
        try {
            (void)decode_exr(bytes, "view");
            return true;
        } catch (const Error& error) {
            CHECK(error.code() == Errc::bad_file);
            return false;
        }
    };
    for (std::size_t size = 0; size < file.size(); ++size)
        if (outcome({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)})) FAIL_CHECK("cut to " << size);
    for (std::size_t at = 0; at < file.size(); ++at) {
        auto flipped = file;
        flipped[at] ^= std::byte{0xFF};
        (void)outcome(flipped);
    }
}

TEST_CASE("writing a view survives every fault of the disk", "[io][exr]") {
    check_writer_is_safe([](const std::filesystem::path& path,
                            Overwrite overwrite) { write_exr(path, whole_view(), {.overwrite = overwrite}); },
                         "view.exr");
}
