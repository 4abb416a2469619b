// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/labels.hpp>

#include <algorithm>
#include <range/v3/view/enumerate.hpp>
#include <utility>

#include <cameo/core/error.hpp>

namespace cameo {
namespace {

using enum FaceLabel;

constexpr std::array<LabelInfo, label_count> table{{
    {background, "background", {0, 0, 0}}, {skin, "skin", {204, 0, 0}},
    {nose, "nose", {76, 153, 0}},          {eye_g, "eye_g", {204, 204, 0}},
    {l_eye, "l_eye", {51, 51, 255}},       {r_eye, "r_eye", {204, 0, 204}},
    {l_brow, "l_brow", {0, 255, 255}},     {r_brow, "r_brow", {255, 204, 204}},
    {l_ear, "l_ear", {102, 51, 0}},        {r_ear, "r_ear", {255, 0, 0}},
    {mouth, "mouth", {102, 204, 0}},       {u_lip, "u_lip", {255, 255, 0}},
    {l_lip, "l_lip", {0, 0, 153}},         {hair, "hair", {0, 0, 204}},
    {hat, "hat", {255, 51, 153}},          {ear_r, "ear_r", {0, 204, 204}},
    {neck_l, "neck_l", {0, 51, 0}},        {neck, "neck", {255, 153, 51}},
    {cloth, "cloth", {0, 204, 0}},         {face_mask, "face_mask", {153, 153, 255}},
    {other, "other", {128, 128, 128}},
}};

constexpr std::array<FaceLabel, 20> parser20{background, skin,  l_brow, r_brow, l_eye, r_eye, nose,
                                             nose,       mouth, u_lip,  l_lip,  l_ear, r_ear, ear_r,
                                             eye_g,      neck,  neck_l, cloth,  hair,  hat};

constexpr std::array<FaceLabel, 19> parser19{background, skin,   l_brow, r_brow, l_eye, r_eye, eye_g,
                                             l_ear,      r_ear,  ear_r,  nose,   mouth, u_lip, l_lip,
                                             neck,       neck_l, cloth,  hair,   hat};

constexpr std::array<std::uint8_t, 20> sofgan17{0, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 9, 10, 11, 12, 13, 14, 15, 16};

std::string pixel(std::size_t index, std::int64_t width) {
    const auto place = static_cast<std::int64_t>(index);
    return "x " + std::to_string(place % width) + ", y " + std::to_string(place / width);
}

void check_format(const Image& image, const PixelFormat& format, std::int64_t channels) {
    if (image.format() != format || image.channels() != channels)
        throw Error(Errc::invalid_argument,
                    "mask: expected " + to_string(format) + " with " + std::to_string(channels) + " channels, got " +
                        to_string(image.format()) + " with " + std::to_string(image.channels()));
}

}  // namespace

std::span<const LabelInfo, label_count> label_table() noexcept { return table; }

const LabelInfo& info(FaceLabel label) noexcept {
    return table[std::min(static_cast<std::size_t>(label), label_count - 1)];
}

std::optional<FaceLabel> label_named(std::string_view name) noexcept {
    const auto place = std::ranges::find(table, name, &LabelInfo::name);
    return place == table.end() ? std::nullopt : std::optional(place->label);
}

std::optional<FaceLabel> label_coloured(const Rgb8& colour) noexcept {
    const auto place = std::ranges::find(table, colour, &LabelInfo::colour);
    return place == table.end() ? std::nullopt : std::optional(place->label);
}

FaceLabel mirrored(FaceLabel label) noexcept {
    for (const auto& [left, right] : {std::pair(l_eye, r_eye), std::pair(l_brow, r_brow), std::pair(l_ear, r_ear)}) {
        if (label == left) return right;
        if (label == right) return left;
    }
    return label;
}

std::span<const FaceLabel, 20> labels_of_parser20() noexcept { return parser20; }
std::span<const FaceLabel, 19> labels_of_parser19() noexcept { return parser19; }
std::span<const std::uint8_t, 20> sofgan17_of_parser20() noexcept { return sofgan17; }

LabelMap::LabelMap(std::int64_t width, std::int64_t height) : width_(width), height_(height) {
    if (std::min(width, height) < 1 || std::max(width, height) > Image::max_side)
        throw Error(Errc::invalid_argument, "label map: expected sides of 1 to " + std::to_string(Image::max_side) +
                                                " pixels, got " + std::to_string(width) + " x " +
                                                std::to_string(height));
    try {
        labels_.resize(static_cast<std::size_t>(width * height));
    } catch (const std::bad_alloc&) {
        throw Error(Errc::out_of_memory,
                    "label map: expected room for " + std::to_string(width * height) + " bytes, got none");
    }
}

std::size_t LabelMap::index(std::int64_t x, std::int64_t y) const {
    if (x < 0 || x >= width_ || y < 0 || y >= height_)
        throw Error(Errc::invalid_argument, "label map: expected a pixel inside " + std::to_string(width_) + " x " +
                                                std::to_string(height_) + ", got x " + std::to_string(x) + ", y " +
                                                std::to_string(y));
    return static_cast<std::size_t>(y * width_ + x);
}

FaceLabel& LabelMap::at(std::int64_t x, std::int64_t y) { return labels_[index(x, y)]; }
FaceLabel LabelMap::at(std::int64_t x, std::int64_t y) const { return labels_[index(x, y)]; }

LabelMap label_map(const Image& ids, std::size_t allowed) {
    std::array<FaceLabel, label_count> identity{};
    std::ranges::transform(table, identity.begin(), &LabelInfo::label);
    if (allowed > label_count)
        throw Error(Errc::invalid_argument, "mask: expected at most " + std::to_string(label_count) +
                                                " labels to be allowed, got " + std::to_string(allowed));
    return label_map(ids, std::span<const FaceLabel>(identity).first(allowed));
}

LabelMap label_map(const Image& classes, std::span<const FaceLabel> table_of_classes) {
    check_format(classes, data8, 1);
    LabelMap map(classes.width(), classes.height());
    for (const auto [i, id] : ranges::views::enumerate(classes.values<std::uint8_t>())) {
        if (id >= table_of_classes.size())
            throw Error(Errc::invalid_argument, "mask: expected labels below " +
                                                    std::to_string(table_of_classes.size()) + ", got " +
                                                    std::to_string(id) + " at " + pixel(i, map.width()));
        map.labels()[i] = table_of_classes[id];
    }
    return map;
}

LabelMap label_map_from_colours(const Image& colours) {
    check_format(colours, srgb8, 3);
    LabelMap map(colours.width(), colours.height());
    const auto values = colours.values<std::uint8_t>();
    for (std::size_t i = 0; i < map.labels().size(); ++i) {
        const Rgb8 colour{values[3 * i], values[3 * i + 1], values[3 * i + 2]};
        const auto label = label_coloured(colour);
        if (!label)
            throw Error(Errc::invalid_argument, "mask: expected a colour of the palette, got (" +
                                                    std::to_string(colour[0]) + ", " + std::to_string(colour[1]) +
                                                    ", " + std::to_string(colour[2]) + ") at " + pixel(i, map.width()));
        map.labels()[i] = *label;
    }
    return map;
}

Image ids(const LabelMap& map) {
    if (map.width() == 0) return {};
    Image image(map.width(), map.height(), 1, data8);
    std::ranges::transform(map.labels(), image.values<std::uint8_t>().begin(),
                           [](FaceLabel label) { return static_cast<std::uint8_t>(label); });
    return image;
}

Image colours(const LabelMap& map) {
    if (map.width() == 0) return {};
    Image image(map.width(), map.height(), 3, srgb8);
    auto out = image.values<std::uint8_t>().begin();
    for (const auto label : map.labels()) out = std::ranges::copy(info(label).colour, out).out;
    return image;
}

LabelMap mirrored(const LabelMap& map) {
    auto result = map;
    const auto width = static_cast<std::size_t>(map.width());
    for (std::size_t start = 0; start < result.labels().size(); start += width) {
        const auto row = result.labels().subspan(start, width);
        std::ranges::reverse(row);
        std::ranges::transform(row, row.begin(), [](FaceLabel label) { return mirrored(label); });
    }
    return result;
}

}  // namespace cameo
