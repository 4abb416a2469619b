// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include <cameo/generate/eg3d.hpp>
#include <cameo/generate/eg3d_config.hpp>

#include "support/procedural_weights.hpp"

namespace cameo::support {

/// The generator of a golden manifest ("eg3d/small"), made once in a process; null when this set lacks it. Shared:
/// whoever changes it takes a clone().
inline std::shared_ptr<const Eg3d> golden_eg3d(const std::string& name) {
    static std::map<std::string, std::shared_ptr<const Eg3d>> made;
    if (const auto found = made.find(name); found != made.end()) return found->second;
    const auto network = procedural_network(name);
    if (!network) return nullptr;
    made.clear();  // one at a time: they are large
    const auto config = eg3d_config(network_description(network->config));
    return made[name] = std::make_shared<const Eg3d>(Eg3d::load(network->tensors, config, ""));
}

}  // namespace cameo::support
