// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/modulated_conv2d.hpp>

#include <cmath>
#include <cstdint>

#include <ATen/ATen.h>

#include <cameo/ops/conv2d_resample.hpp>
#include <cameo/ops/fir.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using ops::Modulation;
using ops::Resample;
using support::difference;
using support::normal_numbers;
using support::relative_difference;

TEST_CASE("a modulated convolution is a convolution with scaled and normalised weights", "[ops][modulated_conv]") {
    const auto demodulate = GENERATE(true, false);
    const auto x = normal_numbers({3, 4, 6, 5}, 1), weight = normal_numbers({2, 4, 3, 3}, 2);
    const auto styles = normal_numbers({3, 4}, 3);
    const auto modulation = GENERATE(Modulation::weights, Modulation::activations);
    const auto y = ops::modulated_conv2d(x, weight, styles, ops::fir_filter(),
                                         {.demodulate = demodulate, .modulation = modulation});
    for (std::int64_t n = 0; n < 3; ++n) {
        auto w = weight * styles[n].view({1, 4, 1, 1});
        if (demodulate) w = w / (w.square().sum({1, 2, 3}, true) + 1e-8).sqrt();
        CHECK(difference(y[n], at::conv2d(x[n].unsqueeze(0), w, {}, 1, 1)[0]) < 1e-12);
    }
}

TEST_CASE("one style for all pictures is that style for each", "[ops][modulated_conv]") {
    const auto resample = GENERATE(Resample::none, Resample::up_2x);
    const auto x = normal_numbers({3, 4, 6, 5}, 4), weight = normal_numbers({2, 4, 3, 3}, 5);
    const auto style = normal_numbers({1, 4}, 6);
    const auto filter = ops::fir_filter();
    for (const auto modulation : {Modulation::weights, Modulation::activations}) {
        const ops::ModulatedConvOptions options{.resample = resample, .modulation = modulation};
        CHECK(difference(ops::modulated_conv2d(x, weight, style, filter, options),
                         ops::modulated_conv2d(x, weight, style.expand({3, 4}), filter, options)) < 1e-12);
    }
}

TEST_CASE("trap 21: enlarging convolves with the filtered kernel, keeping correlates", "[ops][modulated_conv]") {
    // One line through the middle: z[n] = sum over i of x[i] h[n - 2 i + 2], h = w * (2 taps), six taps.
    const auto x = normal_numbers({1, 1, 1, 7}, 7), w = normal_numbers({1, 1, 1, 3}, 8);
    const auto y =
        ops::conv2d_resample(x.expand({1, 1, 9, 7}), at::cat({w * 0, w, w * 0}, 2), ops::fir_filter(), Resample::up_2x);
    const double taps[] = {0.25, 0.75, 0.75, 0.25};
    double h[6] = {};
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 4; ++j) h[i + j] += w[0][0][0][i].item<double>() * taps[j];
    for (std::int64_t n = 0; n < 14; ++n) {
        double expected = 0;
        for (std::int64_t i = 0; i < 7; ++i)
            if (const auto k = n - 2 * i + 2; k >= 0 && k < 6) expected += x[0][0][0][i].item<double>() * h[k];
        // Rows are copies of each other; enlarging interpolates between equal rows, away from the border.
        CHECK(y[0][0][8][n].item<double>() == Approx(expected).margin(1e-6));
    }
    const auto kept = ops::conv2d_resample(
        x, w.expand({1, 1, 3, 3}) * at::tensor({0., 1., 0.}, at::kDouble).view({3, 1}), {}, Resample::none);
    const auto at = [&](std::int64_t i) { return x[0][0][0][i].item<double>(); };
    const auto weight = [&](std::int64_t i) { return w[0][0][0][i].item<double>(); };
    CHECK(kept[0][0][0][3].item<double>() == Approx(weight(0) * at(2) + weight(1) * at(3) + weight(2) * at(4)));
}

TEST_CASE("shrinking filters first, and keeps every second pixel", "[ops][modulated_conv]") {
    const auto x = normal_numbers({2, 3, 8, 8}, 9), filter = ops::fir_filter();
    const auto wide = normal_numbers({4, 3, 3, 3}, 10), narrow = normal_numbers({4, 3, 1, 1}, 11);
    const auto filtered = ops::fir_resample(x, filter, {.pad_x = {2, 2}, .pad_y = {2, 2}});
    CHECK(difference(ops::conv2d_resample(x, wide, filter, Resample::down_2x), at::conv2d(filtered, wide, {}, 2)) <
          1e-12);
    const auto all = at::conv2d(ops::fir_resample(x, filter, {.pad_x = {1, 1}, .pad_y = {1, 1}}), narrow);
    using at::indexing::None, at::indexing::Slice;
    CHECK(difference(ops::conv2d_resample(x, narrow, filter, Resample::down_2x),
                     all.index({Slice(), Slice(), Slice(0, None, 2), Slice(0, None, 2)})) < 1e-12);
}

TEST_CASE("trap 24: half precision normalises weights and styles first, with demodulation only",
          "[ops][modulated_conv]") {
    const auto x = normal_numbers({2, 8, 6, 6}, 12).to(at::kFloat),
               weight = normal_numbers({4, 8, 3, 3}, 13).to(at::kFloat);
    // Without the division by the largest, these weights would leave half precision's range.
    const auto styles = normal_numbers({2, 8}, 14).to(at::kFloat) * 1e6;
    const auto filter = ops::fir_filter();
    const auto modulation = GENERATE(Modulation::weights, Modulation::activations);
    const auto single = ops::modulated_conv2d(x, weight, styles, filter, {.modulation = modulation});
    const auto half = ops::modulated_conv2d(x.to(at::kHalf), weight, styles, filter, {.modulation = modulation});
    CHECK(half.scalar_type() == at::kHalf);
    CHECK(relative_difference(half, single) < 2e-3);
    const auto plain = ops::modulated_conv2d(x.to(at::kHalf), weight, styles, filter,
                                             {.demodulate = false, .modulation = Modulation::weights});
    CHECK_FALSE(at::isfinite(plain).all().item<bool>());
}

TEST_CASE("both forms of modulation have the same first and second derivatives as finite differences",
          "[ops][modulated_conv]") {
    const auto resample = GENERATE(Resample::none, Resample::up_2x);
    const auto modulation = GENERATE(Modulation::weights, Modulation::activations);
    const auto x = normal_numbers({2, 2, 3, 3}, 15), weight = normal_numbers({2, 2, 3, 3}, 16);
    const auto styles = normal_numbers({2, 2}, 17), filter = ops::fir_filter();
    const auto loss = [&] {
        return ops::modulated_conv2d(x, weight, styles, filter, {.resample = resample, .modulation = modulation})
            .pow(3)
            .sum();
    };
    CHECK(support::gradient_error(loss, {x, weight, styles}) < 1e-6);
    CHECK(support::second_derivative_error(loss, {x, weight, styles}) < 1e-5);
}

TEST_CASE("convolutions name what does not fit", "[ops][modulated_conv]") {
    const auto x = at::zeros({2, 4, 8, 8}), weight = at::zeros({3, 4, 3, 3}), filter = ops::fir_filter();
    CHECK_THROWS_MATCHES(ops::modulated_conv2d(x, weight, at::zeros({3, 4}), filter), Error,
                         support::is_error(Errc::shape_mismatch, "styles: expected [N, I] or [1, I] with N = 2"));
    CHECK_THROWS_MATCHES(ops::conv2d_resample(x, at::zeros({3, 5, 3, 3}), filter, Resample::none), Error,
                         support::is_error(Errc::shape_mismatch));
    CHECK_THROWS_MATCHES(ops::conv2d_resample(x, at::zeros({3, 4, 5, 5}), filter, Resample::none), Error,
                         support::is_error(Errc::shape_mismatch, "side of 1 or 3"));
    CHECK_THROWS_MATCHES(ops::conv2d_resample(x, at::zeros({3, 4, 1, 1}), filter, Resample::up_2x), Error,
                         support::is_error(Errc::invalid_argument));
}
