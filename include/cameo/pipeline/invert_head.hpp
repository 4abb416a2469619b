// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/invert/pti.hpp>

namespace cameo {

/// An inversion as programs make it: the policies with settings that suit models of any size.
struct HeadInversionOptions {
    enum class Method : std::uint8_t { w, w_plus, pti };

    Method method = Method::pti;
    std::int64_t steps = 200;            ///< of the search for a latent
    std::int64_t tuning_steps = 200;     ///< with Method::pti
    std::vector<LossTerm> perceptual{};  ///< besides pixels: default_perceptual_loss() of the model's file, for one
    bool free_cameras = false;           ///< cameras are looked for too
    bool local = false;                  ///< tuning keeps what lies near the latent as it was
    std::vector<std::string> parts{};    ///< of the generator that are tuned; all when empty
    Camera front{};                      ///< what latents are conditioned on
};

/// Errors   those of the policies
[[nodiscard]] CAMEO_API Inversion invert_head(const Eg3d& generator, const InversionTarget& target,
                                              const HeadInversionOptions& options, const InversionRun& run);

/// What an inversion gives, in numbers.
/// Units    dB with a peak of 2; degrees; distance: root mean squared distance of the rows of ws from the mean, over the
///          latents' own deviation
struct InversionFigures {
    double psnr = 0.0;          ///< of the pictures it was made from, as drawn now
    double untuned_psnr = 0.0;  ///< as the generator draws them that nobody has tuned; equal to psnr without tuning
    double distance = 0.0;      ///< about 1 for the generator's own heads
    double angle = 0.0;         ///< from the front, of the camera that is nearest to it
    std::int64_t pictures = 1;
};

/// Draws the pictures again. Shapes: as the target
[[nodiscard]] CAMEO_API at::Tensor redrawn(const Eg3d& generator, const WLatent& ws, const Cameras& cameras,
                                           const Context& context);

/// Peak signal to noise. Units: dB, colours in [-1, 1]; at most 99
[[nodiscard]] CAMEO_API double psnr(const at::Tensor& picture, const at::Tensor& target);

/// `drawn` is what redrawn() gives of the inversion, tuning and noise applied.
/// Shapes   drawn: as the target. Errors: shape_mismatch; those of the generator
[[nodiscard]] CAMEO_API InversionFigures figures_of(const Eg3d& generator, const InversionTarget& target,
                                                    const Inversion& found, const at::Tensor& drawn,
                                                    const HeadInversionOptions& options, const Context& context);

/// Whether to believe views that no picture shows.
struct Trust {
    std::string_view level;  ///< "good", "fair", "poor"
    std::string sentence;
};
[[nodiscard]] CAMEO_API Trust trust_of(const InversionFigures& figures);

}  // namespace cameo
