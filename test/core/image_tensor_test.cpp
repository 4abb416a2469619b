// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/image_tensor.hpp>

#include <cmath>
#include <numeric>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::is_error;

namespace {

Image counting_image(std::int64_t width, std::int64_t height, std::int64_t channels) {
    Image image(width, height, channels, srgb8);
    const auto values = image.values<std::uint8_t>();
    std::iota(values.begin(), values.end(), std::uint8_t{0});
    return image;
}

}  // namespace

TEST_CASE("an image becomes planes in [-1, 1] and comes back", "[core][image]") {
    const auto image = counting_image(5, 4, 3);
    const auto planes = to_tensor(image);
    CHECK(planes.sizes() == at::IntArrayRef{3, 4, 5});
    CHECK(planes.is_contiguous());
    CHECK(planes[1][2][3].item<float>() == static_cast<float>((2 * 5 + 3) * 3 + 1) / 127.5F - 1);
    CHECK(to_image(planes) == image);
    CHECK(to_image(planes.to(at::kDouble)) == image);
    CHECK(to_image(at::stack({planes, planes}, 3).select(3, 0)) == image);  // strides do not matter
}

TEST_CASE("a tensor may come from and go to other ranges", "[core][image]") {
    const auto image = counting_image(2, 2, 3);
    const auto unit = to_tensor(image, srgb_unit);
    CHECK(unit.max().item<float>() == Approx(11 / 255.0));
    CHECK(to_image(unit, srgb8, srgb_unit) == image);
    CHECK(to_image(at::full({1, 2, 3}, 2.5), data_float, data_float).values<float>()[5] == 2.5F);
}

TEST_CASE("a picture with gradients can be written", "[core][image]") {
    CHECK(to_image(at::zeros({3, 1, 1}).requires_grad_()).values<std::uint8_t>()[2] == 128);
}

TEST_CASE("what is no picture is refused", "[core][image]") {
    CHECK_THROWS_MATCHES(to_image(at::zeros({1, 3, 4, 4})), Error,
                         is_error(Errc::shape_mismatch, "picture: expected [C, H, W], got [1, 3, 4, 4]"));
    CHECK_THROWS_MATCHES(to_image(at::zeros({3, 4, 4}, at::kByte)), Error,
                         is_error(Errc::invalid_argument, "floating"));
    CHECK_THROWS_MATCHES(to_image(at::zeros({3, 0, 4})), Error, is_error(Errc::invalid_argument, "sides"));
    CHECK_THROWS_MATCHES(to_image(at::full({3, 2, 2}, NAN)), Error, is_error(Errc::invalid_argument, "finite"));
    CHECK_THROWS_MATCHES(to_image(at::zeros({3, 4, 4}), srgb8, srgb8), Error,
                         is_error(Errc::invalid_argument, "float format"));
    CHECK_THROWS_MATCHES(to_tensor(Image()), Error, is_error(Errc::invalid_argument, "empty"));
}

TEST_CASE("a label map becomes numbers and comes back", "[core][image]") {
    LabelMap map(3, 2);
    map.at(2, 1) = FaceLabel::other;
    map.at(0, 1) = FaceLabel::hair;
    const auto numbers = to_tensor(map);
    CHECK(numbers.scalar_type() == at::kLong);
    CHECK(numbers.sizes() == at::IntArrayRef{2, 3});
    CHECK(numbers[1][0].item<std::int64_t>() == 13);
    CHECK(to_label_map(numbers) == map);
    CHECK_THROWS_MATCHES(to_label_map(numbers + 1), Error, is_error(Errc::invalid_argument, "0 to 20, got 21"));
    CHECK_THROWS_MATCHES(to_label_map(numbers - 1), Error, is_error(Errc::invalid_argument, "got -1"));
    CHECK_THROWS_MATCHES(to_label_map(numbers.to(at::kFloat)), Error, is_error(Errc::invalid_argument, "Long"));
    CHECK_THROWS_MATCHES(to_label_map(numbers[0]), Error, is_error(Errc::shape_mismatch, "[H, W]"));
    CHECK_THROWS_MATCHES(to_tensor(LabelMap()), Error, is_error(Errc::invalid_argument));
}
