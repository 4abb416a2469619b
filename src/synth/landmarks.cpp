// SPDX-License-Identifier: Apache-2.0
#include "landmarks.hpp"

namespace cameo::synth {
namespace {

/// Skin and eyes only: what hair and accessories hide has landmarks all the same.
float bare(const Anatomy& s, Vec3 p) noexcept {
    const float skin = skin_distance(s, p, cranium_distance(s, p));
    return p.z > 0.05F ? std::min(skin, part_distance(s, p, Part::eye)) : skin;
}

Vec3 first_meeting(const Anatomy& s, Vec3 from, Vec3 direction) noexcept {
    float t = 0.0F;
    for (int i = 0; i < 200 && t < 1.0F; ++i) {
        const float d = bare(s, from + direction * t);
        if (d < 2e-5F) break;
        t += d;
    }
    return from + direction * t;
}

/// The point of the face at (x, y), seen from straight before it.
Vec3 on_face(const Anatomy& s, float x, float y) noexcept {
    return first_meeting(s, {x, y, 0.5F}, {0.0F, 0.0F, -1.0F});
}

}  // namespace

std::array<Vec3, landmark_count> landmarks_of(const Anatomy& s) noexcept {
    std::array<Vec3, landmark_count> out{};
    // Jaw: from ear to ear along the edge of the face. Right (x < 0) first.
    const float chin = first_meeting(s, {0.0F, -0.5F, 0.185F}, {0.0F, 1.0F, 0.0F}).y;
    struct Station {
        float azimuth, height;
    };  // height: 0 chin, 1 eye level
    constexpr Station jaw[] = {{0.0F, 0.0F},   {0.24F, 0.025F}, {0.46F, 0.085F}, {0.68F, 0.18F}, {0.90F, 0.31F},
                               {1.12F, 0.47F}, {1.28F, 0.64F},  {1.38F, 0.80F},  {1.43F, 0.96F}};
    for (std::size_t k = 0; k < 9; ++k) {
        const float y = mix(chin + 0.006F, s.eye.y, jaw[k].height);
        const Vec3 out_of_axis{sin_of(jaw[k].azimuth), 0.0F, cos_of(jaw[k].azimuth)};
        const auto meet = [&](float height) {
            return first_meeting(s, Vec3{0.0F, height, 0.02F} + out_of_axis * 0.48F, -out_of_axis);
        };
        const auto under = [&](Vec3 p) { return jaw_edge(s, p) > -0.010F; };
        Vec3 left = meet(y);
        if (under(left)) {  // a jaw that rises faster than the stations: its edge is higher up
            float low = y, high = y + 0.12F;
            for (int i = 0; i < 12; ++i) {
                const float middle = 0.5F * (low + high);
                (under(meet(middle)) ? low : high) = middle;
            }
            left = meet(high);
        }
        out[8 + k] = left;
        out[8 - k] = {-left.x, left.y, left.z};
    }
    // Brows: middle lines.
    constexpr float brow[] = {0.96F, 0.74F, 0.51F, 0.28F, 0.06F};
    for (std::size_t k = 0; k < 5; ++k) {
        const float x = s.brow_inner + brow[k] * s.brow_half;
        const float y = -brow_place(s, {x, 0.0F, 0.2F}).offset;
        out[17 + k] = on_face(s, -x, y);
        out[26 - k] = on_face(s, x, y);
    }
    // Nose: ridge, then base.
    for (std::size_t k = 0; k < 4; ++k)
        out[27 + k] = on_face(s, 0.0F, mix(s.nose_root.y - 0.038F, s.nose_tip.y, static_cast<float>(k) / 3.0F));
    constexpr float base[] = {-1.0F, -0.5F, 0.0F, 0.5F, 1.0F};
    for (std::size_t k = 0; k < 5; ++k) {
        const float out_ = std::abs(base[k]);
        out[31 + k] =
            on_face(s, base[k] * (s.nose_wing.x + 0.010F), mix(s.nose_base.y, s.nose_wing.y - 0.006F, out_ * out_));
    }
    // Eyes: corners and lids.
    const auto lid = [&](float t, float side, bool upper) {
        const float u = t * s.eye_half, arch = 1.0F - t * t;
        const float v =
            upper ? s.eye_up * arch * (1.0F - 0.22F * t) : -s.eye_down * arch * (1.0F + 0.28F * t) - 0.0015F * t;
        return on_face(s, side * (s.eye.x + s.eye_cos * u - s.eye_sin * v), s.eye.y + s.eye_sin * u + s.eye_cos * v);
    };
    struct Lid {
        float t;
        bool upper;
    };
    constexpr Lid right_eye[] = {{1.0F, true},  {0.38F, true},   {-0.38F, true},
                                 {-1.0F, true}, {-0.38F, false}, {0.38F, false}};
    constexpr Lid left_eye[] = {{-1.0F, true}, {-0.38F, true}, {0.38F, true},
                                {1.0F, true},  {0.38F, false}, {-0.38F, false}};
    for (std::size_t k = 0; k < 6; ++k) {
        out[36 + k] = lid(right_eye[k].t, -1.0F, right_eye[k].upper);
        out[42 + k] = lid(left_eye[k].t, 1.0F, left_eye[k].upper);
    }
    // Mouth: outer line clockwise from the subject's right corner, then the inner one.
    const auto lip = [&](float xm, float MouthPlace::*line,
                         float inwards = 0.0F) {  // inwards: onto the lip, off its very edge
        const float x = xm * s.mouth_half;
        return on_face(s, x, mouth_place(s, {x, s.mouth_y, 0.23F}).*line + inwards);
    };
    constexpr float upper[] = {-1.0F, -0.62F, -0.24F, 0.0F, 0.24F, 0.62F, 1.0F},
                    lower[] = {0.62F, 0.28F, 0.0F, -0.28F, -0.62F};
    for (std::size_t k = 0; k < 7; ++k) out[48 + k] = lip(upper[k], &MouthPlace::outer_up);
    for (std::size_t k = 0; k < 5; ++k) out[55 + k] = lip(lower[k], &MouthPlace::outer_down);
    constexpr float inner[] = {-0.88F, -0.36F, 0.0F, 0.36F, 0.88F}, inner_low[] = {0.36F, 0.0F, -0.36F};
    for (std::size_t k = 0; k < 5; ++k) out[60 + k] = lip(inner[k], &MouthPlace::inner_up, 0.003F);
    for (std::size_t k = 0; k < 3; ++k) out[65 + k] = lip(inner_low[k], &MouthPlace::inner_down, -0.003F);
    return out;
}

}  // namespace cameo::synth
