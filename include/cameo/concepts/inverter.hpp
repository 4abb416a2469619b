// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string_view>

#include <cameo/concepts/generator.hpp>
#include <cameo/invert/inversion.hpp>

namespace cameo {

/// Finds what a generator must be given to draw a picture. Laws (testing/inverter_laws.hpp): the generator stays as it
/// is; equal arguments give equal bits; a run that was cancelled and resumed gives the bits of an unbroken one; ws is
/// [1, num_ws, w_dim] and finite; tuned parameters are all of the generator's, or none.
template <class I, class G>
concept InverterFor = InvertibleGenerator<G> && std::copyable<I> &&
    requires(const I& inverter, const G& generator, const InversionTarget& target, const InversionRun& run) {
    { I::name() } -> std::convertible_to<std::string_view>;
    { inverter.invert(generator, target, run) } -> std::same_as<Inversion>;
};

}  // namespace cameo
