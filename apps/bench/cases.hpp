// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/cameras.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/generate/parameters.hpp>

namespace cameo::apps::bench {

/// What a call computed. Of a step: the losses, and all gradients in a row; otherwise the result alone.
struct Outcome {
    at::Tensor result, losses, gradient;
};

/// A piece of work that is done in several ways.
struct Case {
    struct Way {
        std::string name;
        std::function<Outcome()> run;
    };

    std::string name;
    std::int64_t batch = 1;
    double gflop = 0.0, samples = 0.0, rays = 0.0;  ///< of one call; 0: does not apply
    std::function<Outcome()> run;                   ///< under ops::ReferenceOps or not
    std::function<at::Tensor()> loss{};             ///< of a step: what has a gradient
    std::vector<Way> plain{};  ///< LibTorch's own, in several layouts; the best of them is what ratios are over
    /// What results are held to, and the part of a result that it speaks of; empty: the reference's, all of it.
    std::function<at::Tensor()> truth{};
    std::function<at::Tensor(const at::Tensor&)> part{};
    std::function<NamedTensors()> inputs{};  ///< for a peer, after the first run; empty: no peer can do it
};

/// The generator that is measured, and what it is given.
class Subject {
  public:
    /// EG3D's FFHQ 512-128 in full size with random weights: dense work takes as long as with any others.
    [[nodiscard]] static Subject full_size();

    explicit Subject(Eg3d model) : model_(std::make_shared<Eg3d>(std::move(model))) {}

    [[nodiscard]] const Eg3d& model() const noexcept { return *model_; }
    [[nodiscard]] std::shared_ptr<const Eg3d> shared() const noexcept { return model_; }

    /// The same for each batch, on a sphere around the head.
    [[nodiscard]] Cameras cameras(std::int64_t batch) const;
    /// Mapped from random z for the frontal camera.
    [[nodiscard]] WLatent latents(std::int64_t batch) const;

  private:
    std::shared_ptr<Eg3d> model_;
};

/// All names, in the order of the table.
[[nodiscard]] std::span<const std::string_view> case_names();

/// Whether a case needs a Subject.
[[nodiscard]] bool is_of_model(std::string_view name);

/// A case of the generator: frame, cached, raw, raw_step, backbone, upsampler, step_latent, step_weights.
[[nodiscard]] Case model_case(std::string_view name, const Subject& subject, std::int64_t batch);

/// A modulated convolution, held to float64; doubling is the transposed one with its filter.
struct ConvolutionSize {
    std::int64_t inputs = 0, outputs = 0, side = 0;
    bool doubles = false;
};
[[nodiscard]] Case convolution_case(std::string name, const ConvolutionSize& size, std::int64_t batch);
[[nodiscard]] ConvolutionSize convolution_named(std::string_view name);

/// A step of the paired objective, without the optimiser's, as docs/training.md configures it.
/// Errors   those of read_config()
[[nodiscard]] Case train_case(const std::filesystem::path& config);

}  // namespace cameo::apps::bench
