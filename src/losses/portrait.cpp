// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/portrait.hpp>

#include <string>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

namespace cameo::losses {
namespace {

struct RawTruth {
    at::Tensor image, opacity, weighted_depth;
    at::Tensor sound;  // 1 where depth and opacity agree
};

std::int64_t checked_raw_side(const Portrait& portrait, const PortraitTruth& truth) {
    const auto shape = ShapeCheck()
                           .expect("portrait", portrait.image, "[N, 3, S, S]")
                           .expect("raw portrait", portrait.image_raw, "[N, 3, R, R]")
                           .expect("depth", portrait.depth, "[N, 1, R, R]")
                           .expect("weight", portrait.weight, "[N, 1, R, R]")
                           .expect("true image", truth.image, "[N, 3, S, S]")
                           .expect("true opacity", truth.opacity, "[N, 1, S, S]")
                           .expect("true depth", truth.depth, "[N, 1, S, S]");
    if (shape["S"] % shape["R"] != 0)
        throw Error(Errc::shape_mismatch, "portrait: expected a side that is a multiple of the raw image's " +
                                              std::to_string(shape["R"]) + ", got " + std::to_string(shape["S"]));
    return shape["R"];
}

RawTruth at_raw_side(const PortraitTruth& truth, std::int64_t side) {
    const auto pooled = [&](const at::Tensor& picture) { return at::adaptive_avg_pool2d(picture, {side, side}); };
    const auto agree = at::logical_or(truth.depth > 0, truth.opacity == 0).to(truth.image.scalar_type());
    return {pooled(truth.image), pooled(truth.opacity), pooled(truth.opacity * truth.depth),
            (pooled(agree) > 0.999).to(truth.image.scalar_type())};
}

}  // namespace

PortraitLosses portrait_losses(const Portrait& portrait, const PortraitTruth& truth) {
    const auto raw = at_raw_side(truth, checked_raw_side(portrait, truth));
    const auto distance = [](const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().mean(); };
    const auto depth = portrait.depth * portrait.weight;
    return {distance(portrait.image, truth.image), distance(portrait.image_raw, raw.image),
            ((depth - raw.weighted_depth).abs() * raw.sound).mean(), distance(portrait.weight, raw.opacity)};
}

PortraitScores portrait_scores(const Portrait& portrait, const PortraitTruth& truth) {
    const c10::NoGradGuard no_grad;
    const auto raw = at_raw_side(truth, checked_raw_side(portrait, truth));
    const auto mean_of = [](const at::Tensor& values, const at::Tensor& where) {
        return (values * where).sum({1, 2, 3}) / where.expand_as(values).sum({1, 2, 3}).clamp_min(1.0);
    };
    const auto psnr = [](const at::Tensor& error) {
        return (10.0 * at::log10(4.0 / error.clamp_min(1e-10))).mean().item<double>();
    };
    const auto squared = (portrait.image - truth.image).square();
    const auto head = (truth.opacity >= 0.5).to(squared.scalar_type());
    const auto mask = raw.opacity >= 0.5, own_mask = portrait.weight >= 0.5;
    const auto both = at::logical_and(mask, own_mask).sum({1, 2, 3}).to(at::kDouble),
               any = at::logical_or(mask, own_mask).sum({1, 2, 3}).to(at::kDouble);
    PortraitScores scores;
    scores.psnr = psnr(squared.mean({1, 2, 3}));
    scores.head_psnr = psnr(mean_of(squared, head));
    const auto error_of = [&](const at::Tensor& depth, const at::Tensor& expected) {
        return mean_of((depth - expected).abs(), mask.to(squared.scalar_type()) * raw.sound).mean().item<double>();
    };
    scores.depth_error = error_of(portrait.depth, raw.weighted_depth / raw.opacity.clamp_min(1e-6));
    scores.weighted_depth_error = error_of(portrait.depth * portrait.weight, raw.weighted_depth);
    scores.mask_iou = (both / any.clamp_min(1.0)).mean().item<double>();
    return scores;
}

}  // namespace cameo::losses
