// SPDX-License-Identifier: Apache-2.0
#include <cameo/synth/numbers.hpp>

#include <cameo/core/numpy_random.hpp>

namespace cameo::synth {
namespace {

constexpr std::array<NumberInfo, number_count> table{{
    {Number::build, "build", "shape", "delicate", "strong", false},
    {Number::weight, "weight", "shape", "lean", "full", false},
    {Number::skull_width, "skull_width", "shape", "narrow", "wide", false},
    {Number::skull_height, "skull_height", "shape", "low", "high", false},
    {Number::skull_depth, "skull_depth", "shape", "short", "long", false},
    {Number::forehead, "forehead", "shape", "sloping", "domed", false},
    {Number::brow_ridge, "brow_ridge", "shape", "smooth", "strong", false},
    {Number::face_width, "face_width", "shape", "narrow", "wide", false},
    {Number::cheekbones, "cheekbones", "shape", "flat", "prominent", false},
    {Number::cheeks, "cheeks", "shape", "hollow", "round", false},
    {Number::jaw_width, "jaw_width", "shape", "narrow", "wide", false},
    {Number::face_length, "face_length", "shape", "short", "long", false},
    {Number::chin_length, "chin_length", "shape", "short", "long", false},
    {Number::chin_forward, "chin_forward", "shape", "receding", "protruding", false},
    {Number::chin_width, "chin_width", "shape", "pointed", "square", false},
    {Number::nose_length, "nose_length", "shape", "short", "long", false},
    {Number::nose_width, "nose_width", "shape", "narrow", "wide", false},
    {Number::nose_forward, "nose_forward", "shape", "flat", "prominent", false},
    {Number::nose_bridge, "nose_bridge", "shape", "hollow", "arched", false},
    {Number::nose_turn, "nose_turn", "shape", "tip down", "tip up", false},
    {Number::nose_tip, "nose_tip", "shape", "fine tip", "round tip", false},
    {Number::mouth_width, "mouth_width", "shape", "narrow", "wide", false},
    {Number::upper_lip, "upper_lip", "shape", "thin", "full", false},
    {Number::lower_lip, "lower_lip", "shape", "thin", "full", false},
    {Number::eye_size, "eye_size", "shape", "small", "large", false},
    {Number::eye_spacing, "eye_spacing", "shape", "close", "wide", false},
    {Number::eye_tilt, "eye_tilt", "shape", "outer corners down", "outer corners up", false},
    {Number::eye_depth, "eye_depth", "shape", "shallow", "deep-set", false},
    {Number::eye_fold, "eye_fold", "shape", "no fold", "deep fold", false},
    {Number::brow_height, "brow_height", "shape", "low", "high", false},
    {Number::brow_arch, "brow_arch", "shape", "straight", "arched", false},
    {Number::ear_size, "ear_size", "shape", "small", "large", false},
    {Number::ear_out, "ear_out", "shape", "close to the head", "standing out", false},
    {Number::neck_width, "neck_width", "shape", "slender", "thick", false},
    {Number::smile, "smile", "expression", "corners down", "grin", false},
    {Number::smirk, "smirk", "expression", "right corner up", "left corner up", true},
    {Number::jaw_open, "jaw_open", "expression", "closed", "open", false},
    {Number::lids, "lids", "expression", "nearly shut", "wide open", false},
    {Number::brow_raise, "brow_raise", "expression", "lowered", "raised", false},
    {Number::brow_frown, "brow_frown", "expression", "relaxed", "frowning", false},
    {Number::gaze_side, "gaze_side", "expression", "to the right", "to the left", true},
    {Number::gaze_up, "gaze_up", "expression", "down", "up", false},
    {Number::skin_tone, "skin_tone", "appearance", "very light", "deep", false},
    {Number::skin_warmth, "skin_warmth", "appearance", "rosy", "golden", false},
    {Number::blush, "blush", "appearance", "pale", "ruddy", false},
    {Number::lip_colour, "lip_colour", "appearance", "pale", "red", false},
    {Number::freckles, "freckles", "appearance", "none", "many", false},
    {Number::age, "age", "appearance", "young", "old", false},
    {Number::make_up, "make_up", "appearance", "none", "full", false},
    {Number::brow_weight, "brow_weight", "appearance", "thin brows", "bushy brows", false},
    {Number::beard, "beard", "appearance", "clean", "bearded", false},
    {Number::iris_colour, "iris_colour", "appearance", "light iris", "dark iris", false},
    {Number::hair_tone, "hair_tone", "hair", "blond", "black", false},
    {Number::hair_red, "hair_red", "hair", "ash", "copper", false},
    {Number::hair_length, "hair_length", "hair", "cropped", "long", false},
    {Number::hair_volume, "hair_volume", "hair", "flat", "full", false},
    {Number::hair_curl, "hair_curl", "hair", "straight", "curly", false},
    {Number::fringe, "fringe", "hair", "none", "over the forehead", false},
    {Number::part, "part", "hair", "parted right", "parted left", true},
    {Number::hairline, "hairline", "hair", "low", "receding", false},
    {Number::key_side, "key_side", "light", "from the right", "from the left", true},
    {Number::key_height, "key_height", "light", "low", "high", false},
    {Number::key_strength, "key_strength", "light", "soft", "contrasty", false},
    {Number::key_warmth, "key_warmth", "light", "cool", "warm", false},
}};

}  // namespace

std::span<const NumberInfo, number_count> number_table() noexcept { return table; }
const NumberInfo& info(Number number) noexcept { return table[static_cast<std::size_t>(number)]; }

HeadNumbers numbers_of_seed(std::uint32_t seed) {
    NumpyRandom random(seed);
    HeadNumbers out;
    for (float& value : out.values) value = static_cast<float>(random.normal());
    return out;
}

HeadNumbers mirrored(const HeadNumbers& numbers) noexcept {
    HeadNumbers out = numbers;
    for (const NumberInfo& row : table)
        if (row.odd) out[row.number] = -out[row.number];
    return out;
}

}  // namespace cameo::synth
