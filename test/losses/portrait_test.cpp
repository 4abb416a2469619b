// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/portrait.hpp>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::scalar;

namespace {

/// A head that fills the left half of the picture, 2.5 away.
losses::PortraitTruth half_head(std::int64_t side) {
    losses::PortraitTruth truth{at::ones({2, 3, side, side}), at::zeros({2, 1, side, side}),
                                at::zeros({2, 1, side, side})};
    truth.image.narrow(3, 0, side / 2).fill_(-0.5);
    truth.opacity.narrow(3, 0, side / 2).fill_(1.0);
    truth.depth.narrow(3, 0, side / 2).fill_(2.5);
    return truth;
}

Portrait perfect(const losses::PortraitTruth& truth, std::int64_t side) {
    const auto pooled = [&](const at::Tensor& picture) { return at::adaptive_avg_pool2d(picture, {side, side}); };
    // Where a ray meets nothing, depth is anything at all.
    const auto empty = (pooled(truth.opacity) == 0).to(at::kFloat);
    return {truth.image.clone(), pooled(truth.image), pooled(truth.depth) + 3.3 * empty, pooled(truth.opacity)};
}

}  // namespace

TEST_CASE("a portrait that is the truth costs nothing and has the best scores", "[losses][portrait]") {
    const auto truth = half_head(16);
    const auto portrait = perfect(truth, 8);
    const auto found = losses::portrait_losses(portrait, truth);
    for (const auto& loss : {found.image, found.image_raw, found.depth, found.mask}) CHECK(scalar(loss) == 0.0);
    const auto scores = losses::portrait_scores(portrait, truth);
    CHECK(scores.psnr > 90);
    CHECK(scores.depth_error < 1e-6);
    CHECK(scores.weighted_depth_error == 0.0);
    CHECK(scores.mask_iou == 1.0);
}

TEST_CASE("known mistakes cost what they are", "[losses][portrait]") {
    const auto truth = half_head(16);
    auto portrait = perfect(truth, 8);
    portrait.image = portrait.image + 0.2;
    portrait.depth = portrait.depth + 0.1;
    const auto found = losses::portrait_losses(portrait, truth);
    CHECK(scalar(found.image) == Approx(0.2));
    CHECK(scalar(found.depth) == Approx(0.05));  // half of the rays meet nothing
    const auto scores = losses::portrait_scores(portrait, truth);
    CHECK(scores.psnr == Approx(20.0));  // 4 / 0.04
    CHECK(scores.head_psnr == Approx(20.0));
    CHECK(scores.depth_error == Approx(0.1));
    CHECK(scores.weighted_depth_error == Approx(0.1));
    auto faint = perfect(truth, 8);
    faint.weight = faint.weight * 0.9;
    CHECK(losses::portrait_scores(faint, truth).depth_error < 1e-6);
    CHECK(losses::portrait_scores(faint, truth).weighted_depth_error > 0.1);
    portrait.weight.narrow(3, 0, 6).fill_(1.0);  // 6 of 8 columns instead of 4
    CHECK(losses::portrait_scores(portrait, truth).mask_iou == Approx(4.0 / 6.0));
}

TEST_CASE("an empty ray gives no infinite gradient", "[losses][portrait]") {
    const auto truth = half_head(8);
    auto portrait = perfect(truth, 8);
    portrait.weight.zero_();
    for (auto* tensor : {&portrait.depth, &portrait.weight}) tensor->requires_grad_(true);
    losses::portrait_losses(portrait, truth).depth.backward();
    CHECK(scalar(at::isfinite(portrait.weight.grad()).all().to(at::kDouble)) == 1.0);
    CHECK(scalar(portrait.depth.grad().abs().max()) == 0.0);
}

TEST_CASE("outlines where depth and opacity contradict each other do not count for depth", "[losses][portrait]") {
    auto truth = half_head(8);
    const auto portrait = perfect(truth, 8);
    truth.opacity.select(3, 4).fill_(0.4);  // seen in part, but not in the middle of the pixel
    CHECK(scalar(losses::portrait_losses(portrait, truth).depth) == 0.0);
}

TEST_CASE("portraits of other shapes than the truth are refused", "[losses][portrait]") {
    const auto truth = half_head(16);
    auto portrait = perfect(truth, 8);
    portrait.image = at::zeros({2, 3, 8, 8});
    CHECK_THROWS_MATCHES(losses::portrait_losses(portrait, truth), Error,
                         support::is_error(Errc::shape_mismatch, "true image"));
    const auto odd = half_head(12);
    CHECK_THROWS_MATCHES(losses::portrait_losses(perfect(odd, 8), odd), Error,
                         support::is_error(Errc::shape_mismatch, "a multiple of the raw image's 8"));
}
