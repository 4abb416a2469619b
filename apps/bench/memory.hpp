// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace cameo::apps::bench {

/// Bytes of memory that this process holds now; 0: unknown.
[[nodiscard]] std::uint64_t resident_bytes();

/// The most that it held while `action` ran, after free memory was given back. Empty where the system does not tell.
/// Quirk    includes what was held before: the model, and whatever else the run has made
[[nodiscard]] std::optional<std::uint64_t> peak_bytes(const std::function<void()>& action);

/// By how much it grows while the result of `make` lives: for a loss, what is kept for its gradient.
template <class Make>
std::optional<std::uint64_t> kept_bytes(const Make& make);

/// Gives free memory back to the system.
void release_free_memory();

template <class Make>
std::optional<std::uint64_t> kept_bytes(const Make& make) {
    release_free_memory();
    const auto before = resident_bytes();
    const auto kept = make();
    release_free_memory();
    const auto after = resident_bytes();
    if (before == 0 || after == 0) return std::nullopt;
    return after > before ? after - before : 0;
}

}  // namespace cameo::apps::bench
