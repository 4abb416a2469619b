// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <cameo/core/camera.hpp>
#include <cameo/core/latent.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/io/identity_file.hpp>
#include <nlohmann/json.hpp>

#include "model_file.hpp"
#include "options.hpp"

namespace cameo::apps {

/// One identity to be made.
struct Subject {
    std::string name;                                ///< of its files: "seed0007"
    nlohmann::ordered_json origin;                   ///< {"seed": 7}
    at::Tensor z, ws;                                ///< one of them, [1, ...]
    std::shared_ptr<const io::Identity> identity{};  ///< where it came from, if from one

    /// Whether an identity has tuned weights or noise, so that another than the model's generator draws it.
    [[nodiscard]] bool has_own_generator() const {
        return identity && (identity->tuned.size() > 0 || identity->noise.size() > 0);
    }
};

/// The options by which verbs take identities.
struct SubjectOptions {
    std::optional<std::string> seeds;
    std::optional<std::filesystem::path> latents, conditioning;
    std::optional<double> psi;
    std::optional<std::int64_t> cutoff;
    std::vector<std::filesystem::path> identities;

    void declare(OptionTable& table);

    /// What can be told before anything is read. Errors: UsageError
    void check() const;

    /// The model to draw them with: that of the identities, if there are any.
    /// Errors   those of ModelOptions and read_identity(); model_mismatch: identities of several models
    [[nodiscard]] ModelFile open(const ModelOptions& options);

    /// After open().
    /// Errors   UsageError; bad_file: latents that this model does not take
    [[nodiscard]] std::vector<Subject> load(const Eg3dConfig& model) const;

    /// The camera that latents z are mapped for: that of --conditioning, else `front`. Errors: those of the file
    [[nodiscard]] Camera conditioned_on(const Camera& front) const;

    /// ws of one subject, mapped for that camera.
    [[nodiscard]] WLatent latent(const Eg3d& model, const Subject& subject, const Camera& conditioned_on) const;

    /// What draws a subject: the model's generator, or a copy that was tuned for it. Lifetime: the generator's
    /// Errors   model_mismatch: what was tuned is not this generator
    [[nodiscard]] std::shared_ptr<const Eg3d> generator(const Eg3d& model, const Subject& subject) const;

    /// For run.json.
    [[nodiscard]] nlohmann::ordered_json record(const std::vector<Subject>& subjects) const;

  private:
    std::vector<std::shared_ptr<const io::Identity>> loaded_;  ///< of `identities`
};

/// The published program's field of view, unless another is asked for.
inline constexpr double default_fov_degrees = 18.837;

}  // namespace cameo::apps
