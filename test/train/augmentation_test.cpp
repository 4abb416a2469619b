// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/augmentation.hpp>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/core/numpy_random.hpp>
#include <cameo/train/adversarial.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/gradients.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using nlohmann::json;
using support::difference;
using support::normal_numbers;
using support::scalar;

namespace {

constexpr double pi = 3.14159265358979323846;

Augmentations kinds_of(const json& options) {
    const auto on = [&](const char* name) { return options.contains(name); };
    return {.flip = on("xflip"),
            .quarter_turn = on("rotate90"),
            .whole_shift = on("xint"),
            .scale = on("scale"),
            .rotation = on("rotate"),
            .aspect = on("aniso"),
            .shift = on("xfrac"),
            .brightness = on("brightness"),
            .contrast = on("contrast"),
            .luma_flip = on("lumaflip"),
            .hue = on("hue"),
            .saturation = on("saturation")};
}

bool has_more(const json& options) {
    return options.contains("imgfilter") || options.contains("noise") || options.contains("cutout");
}

/// What the published hook for tests sets: everything at one place of its distribution (golden/eg3d/README.md).
AugmentationValues at_percentile(const Augmentations& kinds, double q) {
    const auto value = [](double number) { return at::full({1}, number, at::kFloat); };
    const auto normal = at::erfinv(at::full({}, 2 * q - 1, at::kDouble)).item<double>();
    const auto both = [&](double number) { return value(number).view({1, 1}).expand({1, 2}).contiguous(); };
    const auto power = [](double exponent) { return std::exp2(exponent); };
    AugmentationValues values;
    if (kinds.flip) values.flip = value(std::floor(2 * q));
    if (kinds.quarter_turn) values.quarter_turn = value(std::floor(4 * q));
    if (kinds.whole_shift) values.whole_shift = both((2 * q - 1) * 0.125);
    if (kinds.scale) values.scale = value(power(0.2 * normal));
    if (kinds.rotation) values.rotation_before = value((2 * q - 1) * pi);
    if (kinds.aspect) values.aspect = value(power(0.2 * normal));
    if (kinds.shift) values.shift = both(0.125 * normal);
    if (kinds.brightness) values.brightness = value(0.2 * normal);
    if (kinds.contrast) values.contrast = value(power(0.5 * normal));
    if (kinds.luma_flip) values.luma_flip = value(std::floor(2 * q));
    if (kinds.hue) values.hue = value((2 * q - 1) * pi);
    if (kinds.saturation) values.saturation = value(power(normal));
    return values;
}

at::Tensor smooth_pictures(std::int64_t side) {
    const auto x = at::linspace(-3, 3, side, at::kDouble).view({1, 1, 1, side}), y = x.view({1, 1, side, 1});
    return at::cat({(x + 0.5 * y).sin(), (x * y * 0.3).cos(), (0.7 * y - x).sin()}, 1)
        .expand({2, 3, side, side})
        .clone();
}

}  // namespace

TEST_CASE("augmentation gives the published pictures", "[golden][train][augmentation]") {
    const auto golden = support::golden_arrays("eg3d/augment.npz");
    const auto path = support::golden("eg3d/augment.json");
    if (!golden || !path) return;
    const auto description = json::parse(std::ifstream(*path));
    const auto input = (*golden)["input"];
    int cases = 0;
    const auto options_of = [&](const json& entry) {
        return description.at("presets").at(entry.at("preset").get<std::string>());
    };
    const auto compare = [&](const std::string& key, const at::Tensor& found) {
        INFO(key);
        const auto expected = (*golden)[key];
        CHECK(difference(found, expected) < 1e-4 * scalar(expected.abs().max()));
        ++cases;
    };
    for (const auto& entry : description.at("percentile")) {
        if (has_more(options_of(entry))) continue;  // changes that the published training never uses
        compare(entry.at("key").get<std::string>(),
                augmented(input.narrow(0, 0, 1),
                          at_percentile(kinds_of(options_of(entry)), entry.at("debug_percentile").get<double>())));
    }
    for (const auto& entry : description.at("random")) {
        if (has_more(options_of(entry))) continue;
        const auto picture = entry.contains("input") ? input.narrow(0, 0, 2).narrow(1, 0, 3).narrow(2, 0, 48) : input;
        StreamSource random{NumpyRandom(entry.at("seed").get<std::uint32_t>())};
        const auto values = draw_augmentations(kinds_of(options_of(entry)), picture.size(0),
                                               entry.at("p").get<double>(), random, input.options());
        compare(entry.at("key").get<std::string>(), augmented(picture, values));
    }
    for (const auto& [option, unused] : description.at("presets").at("bgc").items())
        for (const std::string q : {"0.2", "0.65", "0.9"}) {
            const auto key = "step." + option + "." + q;
            if (!golden->contains(key)) continue;
            const auto found =
                augmented(input.narrow(0, 0, 1).narrow(1, 0, 3), at_percentile(kinds_of({{option, 1}}), std::stod(q)));
            compare(key, found.narrow(2, 8, 32).narrow(3, 16, 32));
        }
    CHECK(cases == 51);
}

TEST_CASE("strength 0 changes next to nothing, but for the borders' filter", "[train][augmentation]") {
    StreamSource random{NumpyRandom(1)};
    const auto picture = smooth_pictures(64).to(at::kFloat);
    const auto values = draw_augmentations({}, 2, 0.0, random, picture.options());
    CHECK(difference(augmented(picture, values), picture) < 1e-3);
    AugmentationValues none;
    CHECK(support::same(augmented(picture, none), picture));
}

// The wavelet is not symmetric: turned or flipped pictures come back a little blurred.
TEST_CASE("turns by quarters, flips and whole shifts move pixels as they are", "[train][augmentation]") {
    const auto picture = smooth_pictures(64);
    const auto of = [](double value) { return at::full({2}, value, at::kDouble); };
    const auto inner = [](const at::Tensor& x) { return x.narrow(2, 12, 40).narrow(3, 12, 40); };
    AugmentationValues flipped, turned, shifted;
    flipped.flip = of(1);
    CHECK(difference(inner(augmented(picture, flipped)), inner(picture.flip({3}))) < 0.02);
    turned.quarter_turn = of(1);
    // From pixels of the result to those of the picture by +90 degrees with y down: what was right is now above.
    CHECK(difference(inner(augmented(picture, turned)), inner(picture.rot90(1, {2, 3}))) < 0.02);
    shifted.whole_shift = at::tensor({0.0625, -0.03125}, at::kDouble).expand({2, 2});
    CHECK(difference(inner(augmented(picture, shifted)), inner(picture.roll({-2, 4}, {2, 3}))) < 1e-3);
}

TEST_CASE("colours change about the grey axis", "[train][augmentation]") {
    const auto picture = normal_numbers({2, 6, 4, 4}, 3);
    const auto of = [](double value) { return at::full({2}, value, at::kDouble); };
    const auto grey = [](const at::Tensor& x) { return x.view({2, 2, 3, 16}).mean(2); };
    AugmentationValues hue, third, saturation, luma, brightness;
    hue.hue = of(1.1);
    CHECK(difference(grey(augmented(picture, hue)), grey(picture)) < 1e-12);
    third.hue = of(2 * pi / 3);  // red becomes green, green blue
    CHECK(difference(augmented(picture, third), picture.view({2, 2, 3, 4, 4}).roll(1, 2).reshape({2, 6, 4, 4})) <
          1e-12);
    saturation.saturation = of(0.0);
    CHECK(difference(augmented(picture, saturation),
                     grey(picture).unsqueeze(2).expand({2, 2, 3, 16}).reshape({2, 6, 4, 4})) < 1e-12);
    luma.luma_flip = of(1.0);
    CHECK(difference(grey(augmented(picture, luma)), -grey(picture)) < 1e-12);
    brightness.brightness = of(0.25);
    CHECK(difference(augmented(picture, brightness), picture + 0.25) < 1e-12);
}

TEST_CASE("gradients flow through augmentation as finite differences say", "[train][augmentation]") {
    const auto image = normal_numbers({1, 3, 8, 8}, 5), raw = normal_numbers({1, 3, 4, 4}, 6);
    StreamSource random{NumpyRandom(8)};
    const auto values = draw_augmentations({}, 1, 1.0, random, image.options());
    const auto loss = [&] {
        const auto pair = augmented(image, raw, values);
        return pair.image.pow(3).sum() + pair.raw.pow(3).sum();
    };
    CHECK(support::gradient_error(loss, {image, raw}) < 1e-6);
}

TEST_CASE("the strength follows the share of real pictures that are told as real", "[train][augmentation]") {
    const AugmentationOptions options{.target = 0.5, .interval = 4, .over = 800};
    const cameo::detail::AugmentationState state(0.1);
    const auto strength = [&] { return scalar(state.strength); };
    state.look(options, 8);  // nothing was seen
    CHECK(strength() == 0.1);
    state.count(at::tensor({1.0, 2.0, 3.0, -1.0}));  // mean sign 0.5: as it should be
    state.look(options, 8);
    CHECK(strength() == 0.1);
    state.count(at::tensor({1.0, 2.0, 3.0}));
    state.look(options, 8);
    CHECK(strength() == Approx(0.1 + 8 * 4 / 800.0));
    for (int i = 0; i < 10; ++i) {
        state.count(at::tensor({1.0, -2.0}));
        state.look(options, 8);
    }
    CHECK(strength() == 0.0);
    const cameo::detail::AugmentationState fixed(0.3);
    fixed.count(at::tensor({1.0}));
    fixed.look({.target = {}}, 8);
    CHECK(scalar(fixed.strength) == 0.3);
}

TEST_CASE("channels that are no colours are refused", "[train][augmentation]") {
    CHECK_THROWS_MATCHES(augmented(at::zeros({1, 4, 8, 8}), AugmentationValues{}), Error,
                         support::is_error(Errc::shape_mismatch, "triples"));
}
