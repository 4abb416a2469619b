// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/fir.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/gradients.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::difference;

namespace {

// The definition, pixel by pixel, on one axis of a line.
std::vector<double> by_definition(const std::vector<double>& line, const std::vector<double>& taps, int up, int down,
                                  int before, int after, double gain) {
    std::vector<double> padded(static_cast<std::size_t>(std::max(before, 0)), 0.0);
    for (const auto value : line) {
        padded.push_back(value);
        padded.insert(padded.end(), static_cast<std::size_t>(up - 1), 0.0);
    }
    padded.resize(padded.size() + static_cast<std::size_t>(std::max(after, 0)), 0.0);
    if (before < 0) padded.erase(padded.begin(), padded.begin() - before);
    if (after < 0) padded.resize(padded.size() - static_cast<std::size_t>(-after));
    std::vector<double> out;
    for (std::size_t at = 0; at + taps.size() <= padded.size(); at += static_cast<std::size_t>(down)) {
        double sum = 0;
        for (std::size_t k = 0; k < taps.size(); ++k) sum += padded[at + k] * taps[taps.size() - 1 - k];
        out.push_back(gain * sum);
    }
    return out;
}

}  // namespace

TEST_CASE("resampling follows its definition for all options", "[ops][fir]") {
    const auto up = GENERATE(1, 2, 3), down = GENERATE(1, 2);
    const auto before = GENERATE(-1, 0, 3), after = GENERATE(-2, 1);
    const std::vector<double> taps{0.5, -1.0, 2.0}, line{3, 1, -4, 1, 5, -9};
    const auto expected = by_definition(line, taps, up, down, before, after, 1.5);
    // Along x the taps; along y a single one, so that rows stay themselves.
    const auto filter = at::tensor(taps, at::kDouble).view({1, 3});
    const auto picture = at::tensor(line, at::kDouble).view({1, 1, 1, 6}).expand({2, 3, 1, 6});
    const auto result =
        ops::fir_resample(picture, filter, {.up = up, .down = down, .pad_x = {before, after}, .gain = 1.5});
    REQUIRE(result.size(3) == static_cast<std::int64_t>(expected.size()));
    CHECK(difference(result[1][2][0], at::tensor(expected, at::kDouble)) < 1e-12);
}

TEST_CASE("trap 22: enlarging twofold has zero borders, and is bilinear inside", "[ops][fir]") {
    const auto x = support::normal_numbers({1, 2, 5, 6}, 1);
    const auto y = ops::fir_upsample_2x(x, ops::fir_filter());
    REQUIRE(y.sizes() == at::IntArrayRef({1, 2, 10, 12}));
    // One axis after the other: y[2m] = x[m-1] / 4 + 3 x[m] / 4, y[2m+1] = 3 x[m] / 4 + x[m+1] / 4.
    const auto enlarged = [](const at::Tensor& line, std::int64_t axis) {
        const auto length = line.size(axis);
        const auto zero = at::zeros_like(line.narrow(axis, 0, 1));
        const auto before = at::cat({zero, line.narrow(axis, 0, length - 1)}, axis);
        const auto after = at::cat({line.narrow(axis, 1, length - 1), zero}, axis);
        return at::stack({0.25 * before + 0.75 * line, 0.75 * line + 0.25 * after}, axis + 1).flatten(axis, axis + 1);
    };
    CHECK(difference(y, enlarged(enlarged(x, 2), 3)) < 1e-7);  // the filter is float32
    const auto bilinear = at::upsample_bilinear2d(x, {10, 12}, false);
    const auto inside = [](const at::Tensor& t) { return t.narrow(2, 1, 8).narrow(3, 1, 10); };
    CHECK(difference(inside(y), inside(bilinear)) < 1e-7);
    CHECK(difference(y, bilinear) > 0.01);
}

TEST_CASE("resampling gives the published numbers", "[golden][ops][fir]") {
    const auto golden = support::golden_arrays("eg3d/cameras.npz");
    if (!golden) return;
    const auto x = (*golden)["resize_input"];
    const auto filter = ops::fir_filter();
    CHECK(difference(ops::fir_upsample_2x(x, filter), (*golden)["fir_up"]) < 1e-5);
    CHECK(difference(ops::fir_downsample_2x(x, filter), (*golden)["fir_down"]) < 1e-5);
    CHECK(difference(ops::fir_resample(x, filter, {.pad_x = {1, 1}, .pad_y = {1, 1}, .gain = 4.0}),
                     (*golden)["fir_filter_pad1"]) < 1e-5);
    for (const std::int64_t size : {9, 16, 20, 32, 33, 64}) {
        const auto twice = ops::fir_upsample_2x(x, filter);
        const auto between = at::upsample_bilinear2d(twice, {2 * size + 2, 2 * size + 2}, false);
        CHECK(difference(ops::fir_downsample_2x(between, filter, 1, true),
                         (*golden)["resize.classic." + std::to_string(size)]) < 1e-5);
    }
}

TEST_CASE("pieces of many channels are the whole, and half precision rounds once", "[ops][fir]") {
    const auto x = support::normal_numbers({1, 40, 520, 521}, 2).to(at::kFloat);
    const auto filter = ops::fir_filter();
    const auto whole = ops::fir_resample(x, filter, {.pad_x = {1, 1}, .pad_y = {1, 1}, .gain = 4.0});
    const auto some = ops::fir_resample(x.narrow(1, 17, 2), filter, {.pad_x = {1, 1}, .pad_y = {1, 1}, .gain = 4.0});
    CHECK(difference(whole.narrow(1, 17, 2), some) < 1e-5);
    const auto small = x.narrow(1, 0, 2).narrow(2, 0, 20).to(at::kHalf);
    const auto half = ops::fir_upsample_2x(small, filter);
    CHECK(half.scalar_type() == at::kHalf);
    CHECK(support::same(half, ops::fir_upsample_2x(small.to(at::kFloat), filter).to(at::kHalf)));
}

TEST_CASE("the first and second derivatives of resampling are those of finite differences", "[ops][fir]") {
    const auto options = GENERATE(
        ops::FirOptions{.up = 2, .pad_x = {2, 1}, .pad_y = {1, 1}, .gain = 4.0},
        ops::FirOptions{.down = 2, .pad_x = {1, 1}, .pad_y = {0, 2}},
        ops::FirOptions{.up = 3, .down = 2, .pad_x = {-1, 2}, .pad_y = {3, -1}, .gain = 0.5, .flip_filter = true});
    const auto filter = support::normal_numbers({3, 4}, 3);
    const auto x = support::normal_numbers({2, 2, 5, 6}, 4);
    const auto weights = support::normal_numbers(ops::fir_resample(x, filter, options).sizes(), 5);
    CHECK(support::gradient_error([&] { return (ops::fir_resample(x, filter, options).pow(2) * weights).sum(); }, {x}) <
          1e-6);
    CHECK(support::second_derivative_error(
              [&] { return (ops::fir_resample(x, filter, options).pow(3) * weights).sum(); }, {x}) < 1e-6);
}

TEST_CASE("resampling names what it cannot do", "[ops][fir]") {
    const auto x = at::zeros({1, 1, 2, 2});
    CHECK_THROWS_MATCHES(ops::fir_resample(x, ops::fir_filter(), {}), Error,
                         support::is_error(Errc::shape_mismatch, "at least as many padded pixels as taps"));
    CHECK_THROWS_MATCHES(ops::fir_resample(x, ops::fir_filter(), {.up = 0}), Error,
                         support::is_error(Errc::invalid_argument));
    CHECK_THROWS_MATCHES(ops::fir_resample(x[0], ops::fir_filter(), {}), Error,
                         support::is_error(Errc::shape_mismatch, "picture: expected [N, C, H, W]"));
}
