// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include <cameo/invert/latent_search.hpp>

namespace cameo::detail {

using Json = nlohmann::json;

/// Errors   shape_mismatch; invalid_argument
void check_target(const InversionTarget& target);
void check_terms(const std::vector<LossTerm>& terms);

/// Everything that decides how a run goes.
[[nodiscard]] Json describe_terms(const std::vector<LossTerm>& terms);
[[nodiscard]] Json describe_render(const RenderOptions& render);
[[nodiscard]] Json describe_search(const LatentSearch& search, LatentSpace space);

}  // namespace cameo::detail
