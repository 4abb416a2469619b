// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <cameo/core/export.hpp>

namespace cameo::synth {

/// The 64 numbers of a head, in their order. Each is standard normal; 0 is the average. docs/heads.md says what each does.
enum class Number : std::uint8_t {
    // shape
    build,
    weight,
    skull_width,
    skull_height,
    skull_depth,
    forehead,
    brow_ridge,
    face_width,
    cheekbones,
    cheeks,
    jaw_width,
    face_length,
    chin_length,
    chin_forward,
    chin_width,
    nose_length,
    nose_width,
    nose_forward,
    nose_bridge,
    nose_turn,
    nose_tip,
    mouth_width,
    upper_lip,
    lower_lip,
    eye_size,
    eye_spacing,
    eye_tilt,
    eye_depth,
    eye_fold,
    brow_height,
    brow_arch,
    ear_size,
    ear_out,
    neck_width,
    // expression
    smile,
    smirk,
    jaw_open,
    lids,
    brow_raise,
    brow_frown,
    gaze_side,
    gaze_up,
    // appearance
    skin_tone,
    skin_warmth,
    blush,
    lip_colour,
    freckles,
    age,
    make_up,
    brow_weight,
    beard,
    iris_colour,
    // hair
    hair_tone,
    hair_red,
    hair_length,
    hair_volume,
    hair_curl,
    fringe,
    part,
    hairline,
    // light
    key_side,
    key_height,
    key_strength,
    key_warmth,
};

inline constexpr std::size_t number_count = 64;
static_assert(static_cast<std::size_t>(Number::key_warmth) + 1 == number_count);

/// What one of the 64 numbers does.
struct NumberInfo {
    Number number;
    std::string_view name;   ///< as the enumerator is spelt
    std::string_view group;  ///< "shape", "expression", "appearance", "hair", "light"
    std::string_view low;    ///< the head at -2
    std::string_view high;   ///< the head at +2
    bool odd;                ///< speaks of a side: its sign turns when the picture is mirrored
};

/// The whole table, in the order of the numbers.
[[nodiscard]] CAMEO_API std::span<const NumberInfo, number_count> number_table() noexcept;
[[nodiscard]] CAMEO_API const NumberInfo& info(Number number) noexcept;

/// A head that never was, as 64 numbers; a plain value.
struct HeadNumbers {
    std::array<float, number_count> values{};

    [[nodiscard]] constexpr float& operator[](Number number) noexcept {
        return values[static_cast<std::size_t>(number)];
    }
    [[nodiscard]] constexpr float operator[](Number number) const noexcept {
        return values[static_cast<std::size_t>(number)];
    }
    friend bool operator==(const HeadNumbers&, const HeadNumbers&) = default;
};

/// Identity seeds from here on are for tests and measurements only: never train on them.
inline constexpr std::uint32_t first_test_seed = 900'000;

/// The head of a seed: what NumPy's RandomState(seed).randn(64) gives, rounded to float32.
[[nodiscard]] CAMEO_API HeadNumbers numbers_of_seed(std::uint32_t seed);

/// The numbers of the mirrored head: odd numbers change sign. Rendered with the mirrored camera (and labels left and
/// right exchanged) it gives the mirrored picture, bit for bit.
[[nodiscard]] CAMEO_API HeadNumbers mirrored(const HeadNumbers& numbers) noexcept;

}  // namespace cameo::synth
