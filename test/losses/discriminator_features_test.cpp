// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/discriminator_features.hpp>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/losses/picture_loss.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/gradients.hpp"
#include "support/pictures.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;
using support::scalar;

namespace {

DualDiscriminator tiny() {
    DualDiscriminatorConfig config;
    config.image_resolution = 32;
    config.channel_base = 128;
    config.channel_max = 8;
    config.mapping_layers = 2;
    StreamSource<CounterRandom> random{CounterRandom(3)};
    return DualDiscriminator::initial(config, random);
}

}  // namespace

TEST_CASE("a discriminator's features are its blocks', each picture by itself", "[losses]") {
    const auto discriminator = tiny();
    const auto image = at::cat(
                   {support::smooth_picture(32, 1), support::smooth_picture(32, 2), support::smooth_picture(32, 3)}),
               raw = image.slice(2, 0, 8).slice(3, 0, 8);
    const auto labels = cameo::labels(support::some_cameras(3));
    const auto all = losses::discriminator_features(discriminator, image, raw, labels);
    REQUIRE(all.size() == 3);  // b32, b16, b8
    CHECK((all[0].sizes() == at::IntArrayRef({3, 8, 16, 16})));
    CHECK((all[2].sizes() == at::IntArrayRef({3, 8, 4, 4})));
    const auto second = losses::discriminator_features(discriminator, image.narrow(0, 1, 1), raw.narrow(0, 1, 1),
                                                       labels.narrow(0, 1, 1));
    for (std::size_t i = 0; i < 3; ++i) CHECK(support::same(all[i].narrow(0, 1, 1), second[i]));

    CHECK(scalar(losses::feature_difference(all, all).sum()) == 0.0);
    std::vector<at::Tensor> louder;
    for (const auto& layer : all) louder.push_back(layer * 3);
    // |3 f - f| over |f|
    CHECK(support::difference(losses::feature_difference(louder, all), at::full({3}, 2.0)) < 1e-5);
    CHECK_THROWS_MATCHES(losses::feature_difference({}, all), Error, support::is_error(Errc::shape_mismatch));
}

TEST_CASE("gradients flow through features and their differences as finite differences say", "[losses]") {
    const auto discriminator = tiny();
    const auto labels = cameo::labels(support::some_cameras(1));
    const auto from = support::smooth_picture(32, 2), to = support::smooth_picture(32, 3);
    const auto value = [&](const at::Tensor& position) {
        const auto image = from + position * (to - from), raw = image.slice(2, 0, 8).slice(3, 0, 8);
        return losses::discriminator_features(discriminator, image, raw, labels).front().square().mean();
    };
    const auto position = at::full({}, 0.3, at::kFloat).requires_grad_(true);
    value(position).backward();
    {
        const c10::NoGradGuard no_gradient;
        const auto step = 1e-3;
        const auto slope = (scalar(value(position + step)) - scalar(value(position - step))) / (2 * step);
        CHECK(scalar(position.grad()) == Approx(slope).epsilon(5e-3));  // float32
    }
    const auto a = support::normal_numbers({2, 3, 4, 4}, 1), b = support::normal_numbers({2, 2, 2, 2}, 2);
    const std::vector target{support::normal_numbers({2, 3, 4, 4}, 3), support::normal_numbers({2, 2, 2, 2}, 4)};
    CHECK(support::gradient_error([&] { return losses::feature_difference({a, b}, target).sum(); }, {a, b}) < 1e-6);
}

TEST_CASE("the default perceptual loss is the model's discriminator, or says that it is another", "[losses]") {
    const auto generator = support::tiny_eg3d();
    CHECK(losses::default_perceptual_loss(generator.state()).name == "multi-scale L1");
    CHECK(losses::default_perceptual_loss(tiny().state()).name == "discriminator features");
}
