// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/latent_path.hpp>

#include <cmath>
#include <cstdint>

#include <ATen/ATen.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/random.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::difference;

namespace {

WLatent keyframes(std::int64_t count) {
    StreamSource<CounterRandom> random{CounterRandom(21)};
    return WLatent(random.normal({count, 2, 3}, at::kDouble));
}

/// What the spec says of the published program (8.5): values laid side by side five times, a cubic spline with
/// not-a-knot ends through them, as one dense system in its pieces' coefficients.
at::Tensor published(const WLatent& keys, double time) {
    const auto count = keys.count(), knots = 5 * count, pieces = knots - 1;
    const auto values = keys.tensor().reshape({count, -1}).repeat({5, 1});
    auto left = at::zeros({4 * pieces, 4 * pieces}, at::kDouble), right = at::zeros({4 * pieces, 6}, at::kDouble);
    std::int64_t row = 0;
    const auto put = [&](std::int64_t piece, std::initializer_list<double> coefficients) {
        std::int64_t c = 0;
        for (const double value : coefficients) left[row][4 * piece + c++] += value;
    };
    for (std::int64_t p = 0; p < pieces; ++p) {  // a + b u + c u^2 + d u^3 on piece p
        put(p, {1, 0, 0, 0});
        right[row++] = values[p];
        put(p, {1, 1, 1, 1});
        right[row++] = values[p + 1];
    }
    for (std::int64_t p = 0; p + 1 < pieces; ++p) {
        put(p, {0, 1, 2, 3});
        put(p + 1, {0, -1, 0, 0});
        ++row;
        put(p, {0, 0, 2, 6});
        put(p + 1, {0, 0, -2, 0});
        ++row;
    }
    for (const auto p : {std::int64_t{0}, pieces - 2}) {
        put(p, {0, 0, 0, 6});
        put(p + 1, {0, 0, 0, -6});
        ++row;
    }
    const auto solved = at::linalg_solve(left, right);
    const auto from = static_cast<std::int64_t>(std::floor(time));
    const auto piece = from + 2 * count;
    const auto u = time - static_cast<double>(from);
    const auto part = [&](std::int64_t c) { return solved[4 * piece + c]; };
    return (part(0) + u * part(1) + u * u * part(2) + u * u * u * part(3)).reshape({1, 2, 3});
}

}  // namespace

TEST_CASE("a latent path meets its keyframes and closes with two derivatives", "[pipeline][latent_path]") {
    const auto count = GENERATE(std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, std::int64_t{7});
    const auto keys = keyframes(count);
    const LatentPath path(keys);
    CHECK(path.keyframes() == count);
    for (std::int64_t k = 0; k < count; ++k)
        CHECK(difference(path.at(static_cast<double>(k)).tensor()[0], keys.tensor()[k]) < 1e-12);
    const auto period = static_cast<double>(count);
    for (const double t : {0.3, 0.9, -0.4})
        CHECK(difference(path.at(t).tensor(), path.at(t + period).tensor()) < 1e-12);
    // One-sided differences of a cubic are exact up to the next derivative, which jumps.
    const auto slope = [&](double t, double h) { return (path.at(t + h).tensor() - path.at(t).tensor()) / h; };
    const auto bend = [&](double t, double h) {
        return (path.at(t + 2 * h).tensor() - 2 * path.at(t + h).tensor() + path.at(t).tensor()) / (h * h);
    };
    for (std::int64_t k = 0; k <= count; ++k) {
        const auto t = static_cast<double>(k);
        CHECK(difference(slope(t, 1e-5), slope(t, -1e-5)) < 1e-3);
        CHECK(difference(bend(t, 1e-3), bend(t, -1e-3)) < 0.2);
    }
    CHECK_THROWS_MATCHES(path.at(NAN), Error, support::is_error(Errc::invalid_argument, "finite time"));
}

TEST_CASE("a latent path is the published spline but for its far ends", "[pipeline][latent_path]") {
    const auto [count, bound] = GENERATE(table<std::int64_t, double>({{2, 3e-2}, {4, 3e-4}, {8, 1e-8}}));
    const auto keys = keyframes(count);
    const LatentPath path(keys);
    for (double t = 0; t < static_cast<double>(count); t += 0.23)
        CHECK(difference(path.at(t).tensor(), published(keys, t)) < bound);
}

TEST_CASE("a latent path keeps the latents' type", "[pipeline][latent_path]") {
    const LatentPath path(WLatent(keyframes(3).tensor().to(at::kFloat)));
    CHECK(path.at(1.5).tensor().scalar_type() == at::kFloat);
}
