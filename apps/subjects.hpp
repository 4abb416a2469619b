// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <cameo/core/camera.hpp>
#include <cameo/core/latent.hpp>
#include <cameo/generate/eg3d.hpp>
#include <nlohmann/json.hpp>

#include "options.hpp"

namespace cameo::apps {

/// One identity to be made.
struct Subject {
    std::string name;               ///< of its files: "seed0007"
    nlohmann::ordered_json origin;  ///< {"seed": 7}
    at::Tensor z, ws;               ///< one of them, [1, ...]
};

/// The options by which verbs take identities.
struct SubjectOptions {
    std::optional<std::string> seeds;
    std::optional<std::filesystem::path> latents, conditioning;
    std::optional<double> psi;
    std::optional<std::int64_t> cutoff;

    void declare(OptionTable& table);

    /// What can be told before anything is read. Errors: UsageError
    void check() const;

    /// Errors   UsageError; bad_file: latents that this model does not take
    [[nodiscard]] std::vector<Subject> load(const Eg3dConfig& model) const;

    /// The camera that latents z are mapped for: that of --conditioning, else `front`. Errors: those of the file
    [[nodiscard]] Camera conditioned_on(const Camera& front) const;

    /// ws of one subject, mapped for that camera.
    [[nodiscard]] WLatent latent(const Eg3d& model, const Subject& subject, const Camera& conditioned_on) const;

    /// For run.json.
    [[nodiscard]] nlohmann::ordered_json record(const std::vector<Subject>& subjects) const;
};

/// The published program's field of view, unless another is asked for.
inline constexpr double default_fov_degrees = 18.837;

}  // namespace cameo::apps
