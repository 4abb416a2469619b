// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace cameo {

/// A reproducible stream of random numbers in host memory, a value: copy it to draw the same numbers twice. Laws
/// (test/core/random_stream_laws.hpp): equal streams give equal bits; uniform numbers are in [0, 1); a fill in pieces
/// is the fill as a whole; load(save()) goes on where the saved one stood.
template <class S>
concept RandomStream = std::regular<S> &&
    requires(S& stream, const S& saved, std::span<double> out, std::span<const std::byte> state) {
    { S::name() } -> std::convertible_to<std::string_view>;
    { stream.uniform(out) } -> std::same_as<void>;
    { stream.normal(out) } -> std::same_as<void>;
    { saved.save() } -> std::same_as<std::vector<std::byte>>;
    { stream.load(state) } -> std::same_as<void>;
};

}  // namespace cameo
