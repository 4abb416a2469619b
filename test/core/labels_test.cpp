// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/labels.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "support/errors.hpp"

using namespace cameo;
using support::is_error;
using enum FaceLabel;

namespace {

Image id_image(std::vector<std::uint8_t> ids, std::int64_t width) {
    Image image(width, static_cast<std::int64_t>(ids.size()) / width, 1, data8);
    std::ranges::copy(ids, image.values<std::uint8_t>().begin());
    return image;
}

std::vector<int> numbers(std::span<const FaceLabel> labels) {
    std::vector<int> result;
    for (const auto label : labels) result.push_back(static_cast<int>(label));
    return result;
}

}  // namespace

TEST_CASE("the table is in the order of its labels, and no name or colour stands twice", "[core][labels]") {
    std::set<std::string_view> names;
    std::set<Rgb8> colours;
    for (std::size_t i = 0; i < label_count; ++i) {
        const auto& row = label_table()[i];
        CHECK(static_cast<std::size_t>(row.label) == i);
        CHECK(&info(row.label) == &row);
        CHECK(label_named(row.name) == row.label);
        CHECK(label_coloured(row.colour) == row.label);
        names.insert(row.name);
        colours.insert(row.colour);
    }
    CHECK(names.size() == label_count);
    CHECK(colours.size() == label_count);
    CHECK_FALSE(label_named("tail"));
    CHECK_FALSE(label_coloured({1, 2, 3}));
}

TEST_CASE("colours and ids are those of CelebAMask-HQ's palette", "[core][labels]") {
    CHECK(info(skin).colour == Rgb8{204, 0, 0});
    CHECK(info(l_eye).colour == Rgb8{51, 51, 255});
    CHECK(info(r_brow).colour == Rgb8{255, 204, 204});
    CHECK(info(hair).colour == Rgb8{0, 0, 204});
    CHECK(static_cast<int>(hair) == 13);
    CHECK(static_cast<int>(cloth) == 18);
    CHECK(static_cast<int>(face_mask) == 19);
    CHECK(static_cast<int>(other) == 20);
    CHECK(info(ear_r).name == "ear_r");
}

TEST_CASE("mirroring exchanges eyes, brows and ears and nothing else", "[core][labels]") {
    CHECK(mirrored(l_eye) == r_eye);
    CHECK(mirrored(r_brow) == l_brow);
    CHECK(mirrored(l_ear) == r_ear);
    CHECK(mirrored(ear_r) == ear_r);  // an earring, not a right ear
    CHECK(mirrored(l_lip) == l_lip);  // the lower lip
    for (const auto& row : label_table()) CHECK(mirrored(mirrored(row.label)) == row.label);
}

TEST_CASE("the parsers' orders are the published ones", "[core][labels]") {
    CHECK(numbers(labels_of_parser20()) ==
          std::vector{0, 1, 6, 7, 4, 5, 2, 2, 10, 11, 12, 8, 9, 15, 3, 17, 16, 18, 13, 14});
    CHECK(numbers(labels_of_parser19()) ==
          std::vector{0, 1, 6, 7, 4, 5, 3, 8, 9, 15, 2, 10, 11, 12, 17, 16, 18, 13, 14});
    CHECK(std::ranges::max(sofgan17_of_parser20()) == 16);
    CHECK(std::set<int>(sofgan17_of_parser20().begin(), sofgan17_of_parser20().end()).size() == 17);
    CHECK(sofgan17_of_parser20()[18] == 15);  // hair
}

TEST_CASE("ids make a map and come back", "[core][labels]") {
    std::vector<std::uint8_t> every(19);
    std::iota(every.begin(), every.end(), std::uint8_t{0});
    const auto image = id_image(every, 19);
    const auto map = label_map(image);
    CHECK(map.at(13, 0) == hair);
    CHECK(ids(map) == image);
    CHECK(label_map_from_colours(colours(map)) == map);
}

TEST_CASE("ids beyond those allowed are refused with their pixel", "[core][labels]") {
    const auto image = id_image({0, 1, 2, 19}, 2);
    CHECK_THROWS_MATCHES(label_map(image), Error,
                         is_error(Errc::invalid_argument, "mask: expected labels below 19, got 19 at x 1, y 1"));
    CHECK(label_map(image, label_count).at(1, 1) == face_mask);
    CHECK_THROWS_MATCHES(label_map(image, label_count + 1), Error, is_error(Errc::invalid_argument, "21"));
    CHECK_THROWS_MATCHES(label_map(Image(2, 2, 3, data8)), Error, is_error(Errc::invalid_argument, "1 channel"));
    CHECK_THROWS_MATCHES(label_map(Image(2, 2, 1, srgb8)), Error, is_error(Errc::invalid_argument, "u8 data"));
}

TEST_CASE("a parser's classes become labels", "[core][labels]") {
    const auto map = label_map(id_image({18, 7, 14}, 3), labels_of_parser20());
    CHECK(numbers(map.labels()) == std::vector{13, 2, 3});
    CHECK_THROWS_MATCHES(label_map(id_image({19}, 1), labels_of_parser19()), Error,
                         is_error(Errc::invalid_argument, "below 19"));
}

TEST_CASE("a colour outside the palette is refused with its pixel", "[core][labels]") {
    auto picture = colours(LabelMap(3, 2));
    picture.row<std::uint8_t>(1)[2 * 3 + 1] = 9;
    CHECK_THROWS_MATCHES(label_map_from_colours(picture), Error,
                         is_error(Errc::invalid_argument, "(0, 9, 0) at x 2, y 1"));
}

TEST_CASE("a mirrored map has its sides exchanged", "[core][labels]") {
    const auto map = label_map(id_image({4, 1, 0, 5, 13, 9}, 3));
    CHECK(numbers(mirrored(map).labels()) == std::vector{0, 1, 5, 8, 13, 4});
    CHECK(mirrored(mirrored(map)) == map);
    CHECK(mirrored(LabelMap()).labels().empty());
}

TEST_CASE("a label map refuses sizes and pixels that cannot be", "[core][labels]") {
    CHECK_THROWS_MATCHES(LabelMap(0, 4), Error, is_error(Errc::invalid_argument, "0 x 4"));
    CHECK_THROWS_MATCHES(LabelMap(4, 20000), Error, is_error(Errc::invalid_argument));
    LabelMap map(4, 3);
    map.at(3, 2) = hat;
    CHECK(map.labels().back() == hat);
    CHECK_THROWS_MATCHES(map.at(4, 0), Error, is_error(Errc::invalid_argument, "x 4, y 0"));
    CHECK_THROWS_MATCHES(map.at(0, -1), Error, is_error(Errc::invalid_argument));
}
