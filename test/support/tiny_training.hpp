// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

namespace cameo::support {

/// A configuration (docs/training.md) whose steps take milliseconds.
inline nlohmann::json tiny_training() {
    return {{"batch", 2},
            {"report_interval", 1},
            {"model",
             {{"w_dim", 16},
              {"channel_base", 64},
              {"channel_max", 8},
              {"plane_resolution", 16},
              {"plane_channels", 4},
              {"decoder_hidden", 8},
              {"features", 4},
              {"raw_resolution", 8},
              {"samples", 4},
              {"fine_samples", 4},
              {"image_resolution", 16},
              {"upsampler", {4}}}},
            {"data", {{"near_points", 40}, {"free_points", 20}, {"antialiasing", 1}}}};
}

}  // namespace cameo::support
