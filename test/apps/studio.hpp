// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/numpy_random.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/io/safetensors.hpp>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_eg3d.hpp"
#include "views.hpp"

namespace cameo::support {

/// A folder with a small model of made-up weights in it.
struct Studio {
    TemporaryFolder folder;
    Eg3d model = tiny_eg3d(config());
    std::string digest = io::write_safetensors(folder / "tiny.safetensors", described(model));

    static Eg3dConfig config() {
        auto config = tiny_eg3d_config();
        config.camera_pivot = {0, 0, 0.2};
        return config;
    }
    static StateDict described(const Eg3d& model) {
        auto state = model.state();
        auto facts = nlohmann::ordered_json::parse(state.metadata.at("cameo"));
        facts["licence"] = "CC0-1.0";
        state.metadata["cameo"] = facts.dump();
        return state;
    }

    [[nodiscard]] ProcessResult run(std::vector<std::string> more, const std::string& verb = "generate") const {
        std::vector<std::string> words{verb, "--network", (folder / "tiny.safetensors").string(), "-o",
                                       (folder / "out").string()};
        words.insert(words.end(), more.begin(), more.end());
        return run_cameo(words);
    }

    /// What the library draws of these latents, all cameras together.
    [[nodiscard]] Portrait drawn(const WLatent& ws, const std::vector<Camera>& views, RenderOptions options = {},
                                 std::uint32_t jitter = 0) const {
        const c10::NoGradGuard no_gradient;
        StreamSource random{NumpyRandom(jitter)};
        return model.render(model.scene(ws), ws, cameras(views, at::kFloat), options, random, {});
    }

    [[nodiscard]] WLatent mapped(std::uint32_t seed, const Truncation& truncation = {}) const {
        const c10::NoGradGuard no_gradient;
        StreamSource random{NumpyRandom(seed)};
        const auto front = apps::frontal_view(intrinsics(), model.config());
        return model.map(ZLatent(random.normal({1, model.config().z_dim}, at::kFloat)),
                         cameras({&front, 1}, at::kFloat), truncation);
    }

    static Matrix3 intrinsics() { return intrinsics_from_focal(focal_from_published_fov(18.837)); }
};

}  // namespace cameo::support
