// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/core/state_dict.hpp>

namespace cameo::losses {

/// Who is seen, as a direction: ArcFace with the IR-SE-50 body. The weights (model_ir_se50.pth) are the user's, put through
/// `cameo convert`.
/// Threads  const functions are re-entrant
/// Source   Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019
class CAMEO_API FaceIdentity {
  public:
    /// What squeezes a channel into one number: published models average; 3DpSp's takes the maximum.
    enum class Squeeze : std::uint8_t { average, maximum };

    /// Errors   bad_file: a tensor, by its name, that is missing, of another shape or not finite
    [[nodiscard]] static FaceIdentity load(const StateDict& tensors, Squeeze squeeze = Squeeze::average,
                                           const at::Device& device = at::kCPU);

    /// Shapes   faces [N, 3, 112, 112]; returns [N, 512] of length 1. Units: colours in [-1, 1]
    /// Errors   shape_mismatch
    [[nodiscard]] at::Tensor embedding(const at::Tensor& faces) const;

    /// Before it is scaled to length 1, and what the body makes of faces [N, 512, 7, 7].
    [[nodiscard]] at::Tensor unscaled(const at::Tensor& faces) const;
    [[nodiscard]] at::Tensor body(const at::Tensor& faces) const;

    /// One less the cosine between those seen in two aligned pictures.
    /// Shapes   [N, 3, S, S]; returns [N]
    [[nodiscard]] at::Tensor distance(const at::Tensor& picture, const at::Tensor& target) const;

  private:
    struct Normalisation {
        at::Tensor weight, bias, mean, variance;
        [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const;
    };
    struct Unit {
        std::int64_t stride = 1;
        Normalisation before, after, shortcut_norm;
        at::Tensor first, slope, second, squeeze, excite, shortcut;
    };

    FaceIdentity() = default;

    Squeeze squeeze_ = Squeeze::average;
    at::Tensor stem_, stem_slope_, linear_, linear_bias_;
    Normalisation stem_norm_, out_norm_, last_norm_;
    std::vector<Unit> units_;
};

/// The middle of an aligned picture as FaceIdentity takes it: rows 35 to 222 and columns 32 to 219 of 256, averaged to
/// 112 x 112.
/// Shapes   picture [N, 3, S, S], S at least 32
/// Quirk    the published window, not symmetric under mirroring and only roughly placed
[[nodiscard]] CAMEO_API at::Tensor face_crop(const at::Tensor& picture);

}  // namespace cameo::losses
