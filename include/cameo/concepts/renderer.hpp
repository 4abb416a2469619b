// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string_view>

#include <cameo/concepts/field.hpp>
#include <cameo/core/context.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/rays.hpp>
#include <cameo/ops/integrate.hpp>

namespace cameo {

/// Integrates field F along rays. A renderer may serve one field only: write `template <Field F, RendererFor<F> R>`.
/// Laws (testing/renderer_laws.hpp): cutting the rays into chunks changes rounding alone; equal inputs and random numbers give
/// equal bits on one device; renderers of equal options draw the same random numbers; weight stays in [0, 1].
template <class R, class F>
concept RendererFor = Field<F> && std::regular<R> &&
    requires(const R& renderer, const F& field, const RayBundle& rays, RandomSource& random, const Context& context) {
    { R::name() } -> std::convertible_to<std::string_view>;
    { renderer.render(field, rays, random, context) } -> std::same_as<RayFeatures>;
};

}  // namespace cameo
