// SPDX-License-Identifier: Apache-2.0
// head_sheets FOLDER: heads-8x8.png, head-15-views.png, head-numbers.png, head-truth.png.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <vector>

#include <cameo/core/error.hpp>
#include <cameo/core/labels.hpp>
#include <cameo/io/image.hpp>
#include <cameo/synth/head_set.hpp>

namespace {

using namespace cameo;
using namespace cameo::synth;

class Sheet {
  public:
    Sheet(std::int64_t columns, std::int64_t rows, std::int64_t side)
        : columns_(columns), side_(side), image_(columns * side, rows * side, 3, srgb8) {}

    void add(const Image& tile) {
        for (std::int64_t y = 0; y < side_; ++y)
            std::ranges::copy(tile.row<std::uint8_t>(y),
                              image_.row<std::uint8_t>((next_ / columns_) * side_ + y)
                                  .subspan(static_cast<std::size_t>(3 * (next_ % columns_) * side_))
                                  .begin());
        ++next_;
    }

    void write(const std::filesystem::path& path) const {
        io::write_image(path, image_, {.overwrite = io::Overwrite::yes});
    }

  private:
    std::int64_t columns_, side_, next_ = 0;
    Image image_;
};

Camera camera_at(double yaw, double pitch) {
    return {orbit_degrees(yaw, pitch, ffhq_cameras.radius, ffhq_cameras.pivot),
            intrinsics_from_focal(ffhq_cameras.focal)};
}

Image picture(const HeadNumbers& numbers, double yaw, double pitch, std::int64_t side, const Accessories& worn = {}) {
    return view(Head(numbers, worn), camera_at(yaw, pitch), {.size = side}).rgb;
}

void eight_by_eight(const std::filesystem::path& folder) {
    HeadSetOptions options;
    options.identities = 64;
    options.view.size = 96;
    const HeadSet set(options);
    Sheet sheet(8, 8, 96);
    for (std::int64_t i = 0; i < set.size(); ++i) sheet.add(set.view(i)->rgb);
    sheet.write(folder / "heads-8x8.png");
}

void fifteen_views(const std::filesystem::path& folder) {
    Sheet sheet(5, 3, 160);
    for (const double pitch : {18.0, 0.0, -18.0})
        for (const double yaw : {-50.0, -25.0, 0.0, 25.0, 50.0})
            sheet.add(picture(numbers_of_seed(59), yaw, pitch, 160));
    sheet.write(folder / "head-15-views.png");
}

/// Eight numbers a row, each at -2, 0 and 2.
void all_numbers(const std::filesystem::path& folder) {
    Sheet sheet(24, 8, 60);
    for (const NumberInfo& row : number_table())
        for (const float value : {-2.0F, 0.0F, 2.0F}) {
            HeadNumbers numbers;
            numbers[row.number] = value;
            sheet.add(picture(numbers, row.group == "shape" ? 25.0 : 0.0, 0.0, 60));
        }
    sheet.write(folder / "head-numbers.png");
}

void truth(const std::filesystem::path& folder) {
    constexpr std::int64_t side = 160;
    Sheet sheet(4, 2, side);
    const HeadNumbers numbers = numbers_of_seed(17);
    const HeadView v = view(Head(numbers), camera_at(-18, 4), {.size = side});
    Image depth(side, side, 3, srgb8), normals(side, side, 3, srgb8), marks = v.rgb;
    for (std::size_t i = 0; i < static_cast<std::size_t>(side * side); ++i) {
        const float d = v.depth.values<float>()[i];
        for (std::size_t c = 0; c < 3; ++c) {
            depth.values<std::uint8_t>()[3 * i + c] =
                d > 0 ? static_cast<std::uint8_t>(std::clamp((2.95F - d) * 400.0F, 0.0F, 255.0F)) : 255;
            normals.values<std::uint8_t>()[3 * i + c] =
                d > 0 ? static_cast<std::uint8_t>(127.5F + 127.0F * v.normals.values<float>()[3 * i + c]) : 255;
        }
    }
    for (const ViewLandmark& mark : v.landmarks)
        for (int k = 0; k < 4; ++k) {
            const auto x = std::clamp<std::int64_t>(static_cast<std::int64_t>(mark.u * side) + k % 2, 0, side - 1),
                       y = std::clamp<std::int64_t>(static_cast<std::int64_t>(mark.v * side) + k / 2, 0, side - 1);
            const Rgb8 colour = mark.visible ? Rgb8{20, 220, 60} : Rgb8{230, 40, 40};
            std::ranges::copy(colour, marks.row<std::uint8_t>(y).subspan(static_cast<std::size_t>(3 * x)).begin());
        }
    for (const Image* image : {&marks, &depth, &normals}) sheet.add(*image);
    sheet.add(colours(v.labels));
    sheet.add(picture(numbers, -18, 4, side, {.glasses = true}));
    sheet.add(picture(numbers, -18, 4, side, {.hat = true}));
    sheet.add(picture(numbers, -18, 4, side, {.face_mask = true}));
    sheet.add(picture(numbers, -18, 4, side, {.hand = true}));
    sheet.write(folder / "head-truth.png");
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::fputs("usage: head_sheets FOLDER\n", stderr);
        return 2;
    }
    try {
        const std::filesystem::path folder = arguments[1];
        eight_by_eight(folder);
        fifteen_views(folder);
        all_numbers(folder);
        truth(folder);
    } catch (const Error& error) {
        std::fprintf(stderr, "head_sheets: %s\n", error.what());
        return info(error.code()).exit_code;
    }
}
