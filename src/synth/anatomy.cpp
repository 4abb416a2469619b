// SPDX-License-Identifier: Apache-2.0
#include "anatomy.hpp"

namespace cameo::synth {
namespace {

/// Linear light of an sRGB-encoded colour.
Vec3 linear(float r, float g, float b) noexcept {
    const auto one = [](float v) {  // v^2.2 by a polynomial that is exact at 0 and 1; the palette was chosen through it
        return v * (0.012522878F + v * (0.682171111F + v * 0.305306011F));
    };
    return {one(r), one(g), one(b)};
}

/// A smooth curve through colours at 0, 1, 2, ...: Catmull-Rom, held at its ends.
template <int N>
Vec3 along(const Vec3 (&stops)[N], float t) noexcept {
    t = std::clamp(t, 0.0F, static_cast<float>(N - 1));
    const int i = std::min(static_cast<int>(t), N - 2);
    const float u = t - static_cast<float>(i);
    const Vec3 a = stops[std::max(i - 1, 0)], b = stops[i], c = stops[i + 1], d = stops[std::min(i + 2, N - 1)];
    const Vec3 v = (b * 2.0F + (c - a) * u + (a * 2.0F - b * 5.0F + c * 4.0F - d) * (u * u) +
                    (b * 3.0F - a - c * 3.0F + d) * (u * u * u)) *
                   0.5F;
    return {std::max(v.x, 0.002F), std::max(v.y, 0.002F), std::max(v.z, 0.002F)};
}

/// v where it is well above `floor`, never below it, smooth between.
float at_least(float floor, float v, float soft) noexcept {
    const float over = v - floor;
    return floor + 0.5F * (over + std::sqrt(over * over + soft * soft));
}

Vec3 inverse(Vec3 v) noexcept { return {1.0F / v.x, 1.0F / v.y, 1.0F / v.z}; }

}  // namespace

Anatomy make_anatomy(const HeadNumbers& numbers, const Accessories& accessories) noexcept {
    // Bounded, so that four standard deviations are still human; the slope at 0 is 1, or 1.3 for what shapes the face.
    const auto n = [&](Number which) {
        constexpr float bound = 2.5F;
        const bool sculpts = which > Number::build && which <= Number::neck_width;
        return (sculpts ? 1.3F : 1.0F) * bound * tanh_of(numbers[which] * (1.0F / bound));
    };
    using enum Number;
    Anatomy s;
    s.accessories = accessories;
    const float build_ = n(build), weight_ = n(weight), age_ = n(age), smile_ = n(smile) + 0.6F,
                open_ = softplus(n(jaw_open) * 1.6F - 1.6F);
    const float masculine = build_;
    const float grin = smooth_step(0.2F, 2.4F, smile_);
    s.age = smooth_step(-0.8F, 2.6F, age_);

    // Skull.
    s.cranium_radii = {0.200F + 0.0075F * n(skull_width) + 0.002F * masculine, 0.225F + 0.009F * n(skull_height),
                       0.258F + 0.011F * n(skull_depth)};
    s.cranium = {0.0F, 0.168F + 0.004F * n(skull_height), -0.022F - 0.006F * n(skull_depth)};
    // The forehead stays where it is whatever the depth of the skull: only the back of the head moves.
    s.cranium_inverse = inverse(s.cranium_radii);

    // Face: horizontal cross-sections that narrow towards the chin, cut from below along the jaw.
    const float length_ = n(face_length), chin_long = n(chin_length);
    s.face_width = 0.178F + 0.0065F * n(face_width) + 0.003F * weight_ + 0.001F * masculine;
    s.face_taper = 8.8F * exp_of(-0.24F * n(jaw_width) - 0.24F * masculine - 0.14F * weight_ + 0.06F * length_);
    s.face_front = 0.206F;
    s.face_back = 0.125F;
    s.menton_y = -0.217F - 0.010F * length_ - 0.006F * chin_long - 0.003F * masculine - 0.022F * open_;
    const float slope = 0.50F - 0.04F * masculine + 0.035F * weight_;  // rise of the jaw line towards the ear
    const float slope_length = std::sqrt(1.0F + slope * slope);
    s.jaw_slope_y = -1.0F / slope_length;
    s.jaw_slope_z = -slope / slope_length;
    s.jaw_round = 0.065F + 0.012F * (softplus(weight_) - 0.5F) - 0.006F * masculine;

    const float neck_ = n(neck_width);
    s.neck_rx = 0.110F + 0.008F * neck_ + 0.009F * masculine + 0.007F * weight_;
    s.neck_rz = 0.116F + 0.006F * neck_ + 0.007F * masculine + 0.007F * weight_;
    s.throat = 0.010F * smooth_step(-0.3F, 2.0F, masculine);

    // Mouth; the lower face follows its length and the open jaw.
    s.mouth_y = -0.095F - 0.0045F * length_;
    s.mouth_half = 0.066F + 0.0062F * n(mouth_width) + 0.012F * grin + 0.003F * smile_ - 0.003F * open_;
    s.mouth_z = 0.222F;
    s.lip_up = at_least(0.010F, 0.0208F + 0.0042F * n(upper_lip) - 0.0020F * masculine - 0.003F * grin - 0.003F * s.age,
                        0.004F);
    s.lip_down = at_least(
        0.013F, 0.0245F + 0.0045F * n(lower_lip) - 0.0020F * masculine - 0.002F * grin - 0.003F * s.age, 0.004F);
    s.lip_out_up = at_least(0.004F, 0.0082F + 0.0022F * n(upper_lip) - 0.003F * grin, 0.003F);
    s.lip_out_down = at_least(0.005F, 0.0090F + 0.0024F * n(lower_lip) - 0.002F * grin, 0.003F);
    s.corner_lift = 0.0065F * smile_ + 0.008F * grin - 0.003F;
    s.corner_skew = 0.0065F * n(smirk);
    const float parted = 0.014F * grin;
    s.gap_up = 0.001F + 0.5F * parted + 0.006F * open_ - 0.004F;
    s.gap_down = 0.001F + 0.6F * parted + 0.026F * open_ - 0.005F;
    s.nasolabial = 0.0005F + 0.0018F * s.age + 0.0030F * grin + 0.0008F * softplus(n(smirk) * n(smirk) - 1.0F);

    // Nose.
    const float nose_l = n(nose_length), nose_f = n(nose_forward), turn = n(nose_turn), nose_w = n(nose_width),
                tip = n(nose_tip);
    const float nose_y = -0.008F - 0.0065F * nose_l + 0.005F * turn - 0.001F * masculine;
    s.nose_tip_r = 0.0202F + 0.0016F * tip + 0.0008F * masculine + 0.0006F * nose_w;
    s.nose_tip = {0.0F, nose_y, 0.2870F + 0.0075F * nose_f + 0.0015F * masculine - 0.0006F * tip};
    s.nose_root = {0.0F, 0.128F + 0.002F * nose_l, 0.2085F + 0.003F * n(nose_bridge) + 0.0018F * masculine};
    s.nose_root_r = 0.0152F + 0.0012F * nose_w + 0.001F * masculine;
    s.nose_bridge = {0.0F, mix(0.112F, nose_y, 0.52F),
                     mix(s.nose_root.z, s.nose_tip.z, 0.50F) + 0.004F + 0.0058F * n(nose_bridge)};
    s.nose_bridge_r = 0.0172F + 0.0013F * nose_w + 0.0006F * masculine;
    const float wing_y = -0.0195F - 0.0065F * nose_l - 0.0015F * turn;
    s.nose_wing = {0.0280F + 0.0042F * nose_w + 0.0012F * grin + 0.0008F * masculine, wing_y,
                   0.2545F + 0.003F * nose_f};
    s.nose_wing_inverse = inverse({0.0160F + 0.0012F * nose_w, 0.0165F + 0.0006F * tip, 0.026F});
    s.nose_base = {0.0F, wing_y - 0.0165F, 0.2585F + 0.002F * nose_f};
    s.nostril = {0.0165F + 0.0028F * nose_w, wing_y - 0.0135F + 0.0012F * turn, 0.2665F + 0.005F * nose_f};

    // Eyes.
    const float size = n(eye_size) - 0.3F * masculine;
    s.eye = {0.0835F + 0.0042F * n(eye_spacing) + 0.001F * n(face_width), 0.084F, 0.1535F - 0.0035F * n(eye_depth)};
    s.eye_radii = {0.0610F, 0.0415F, 0.0430F};
    s.eye_inverse = inverse(s.eye_radii);
    s.lid_inverse = inverse(s.eye_radii + Vec3{0.0050F, 0.0055F, 0.0058F});
    const float blink = n(lids) + 0.3F;
    const float squint = 0.0018F * grin + 0.0006F * smile_;
    s.eye_half = 0.0415F + 0.0018F * size;
    s.eye_up = 0.0180F + 0.0018F * size + 0.0024F * blink - 0.0045F * softplus(-blink * 2.0F - 1.5F) - 0.4F * squint +
               0.0016F * n(gaze_up) - 0.0018F * s.age;
    s.eye_down = 0.0132F + 0.0010F * size + 0.0010F * blink - squint - 0.0006F * n(gaze_up);
    s.eye_up = at_least(0.0F, s.eye_up, 0.002F);  // lids meet, they never cross
    s.eye_down = at_least(0.0F, s.eye_down, 0.002F);
    const float tilt = 0.075F + 0.055F * n(eye_tilt) - 0.04F * s.age;
    s.eye_cos = cos_of(tilt);
    s.eye_sin = sin_of(tilt);
    s.crease = 0.0030F + 0.0014F * n(eye_fold) + 0.0008F * n(eye_depth);
    s.crease_narrow = 0.55F / at_least(0.0037F, s.crease, 0.001F);  // no steeper than a fold is
    s.crease_height = 0.0105F + 0.0016F * n(eye_fold) + 0.10F * s.eye_up;
    s.bag = 0.0001F + 0.0024F * s.age;
    s.iris_r = 0.0186F;
    s.gaze = normalized({0.105F * n(gaze_side), 0.075F * n(gaze_up) - 0.01F, 1.0F});

    // Brows: curves in the face, drawn as hair.
    s.brow_y =
        0.1365F + 0.0038F * n(brow_height) + 0.0065F * n(brow_raise) - 0.0038F * n(brow_frown) - 0.0032F * masculine;
    s.brow_arch = 0.0100F + 0.0042F * n(brow_arch) - 0.0016F * masculine + 0.0022F * n(brow_raise);
    s.brow_tilt = 0.0045F * n(brow_frown) - 0.0020F * n(brow_raise) + 0.002F;  // inner end sinks when frowning
    s.brow_inner = 0.030F - 0.0022F * n(brow_frown) - 0.0010F * masculine;
    s.brow_half = 0.102F;
    s.brow_thick = 0.0098F * exp_of(0.20F * n(brow_weight) + 0.13F * masculine);
    s.brow_density = saturate(0.78F + 0.14F * n(brow_weight) + 0.05F * masculine);

    // Ears.
    s.ear_scale = 0.94F * exp_of(0.075F * n(ear_size) + 0.03F * s.age);
    s.ear = {0.185F + 0.006F * n(skull_width) + 0.002F * n(face_width), 0.056F, -0.014F};
    const float out = 0.50F + 0.16F * n(ear_out);
    s.ear_turn_cos = cos_of(out);
    s.ear_turn_sin = sin_of(out);

    // Swellings, in order: what a sculptor adds to the egg.
    const float lower_y = 0.35F * (s.menton_y + 0.217F);  // the chin follows the jaw
    const float cheek = n(cheeks) * 0.7F + weight_ * 0.6F;
    const float eye_x = s.eye.x;
    const auto add = [&](Vec3 centre, Vec3 radii, float amplitude) { s.swellings.add(centre, radii, amplitude); };
    add({0.070F, 0.140F, 0.215F}, {0.105F, 0.045F, 0.075F}, 0.0085F + 0.0038F * n(brow_ridge) + 0.0028F * masculine);
    add({0.0F, 0.135F, 0.235F}, {0.060F, 0.050F, 0.060F}, 0.0050F + 0.0022F * n(brow_ridge) + 0.0015F * masculine);
    add({0.0F, 0.240F, 0.195F}, {0.170F, 0.095F, 0.100F}, 0.0020F + 0.0068F * n(forehead) - 0.0012F * masculine);
    add({0.185F, 0.165F, 0.115F}, {0.070F, 0.095F, 0.105F}, -0.0120F + 0.002F * weight_);
    add({eye_x - 0.004F, 0.080F, 0.205F}, {0.070F, 0.048F, 0.085F}, -0.0240F - 0.0032F * n(eye_depth) - 0.002F * s.age);
    add({0.036F, 0.088F, 0.215F}, {0.032F, 0.045F, 0.050F}, -0.0150F - 0.0015F * n(eye_depth));
    add({0.126F, 0.022F, 0.150F}, {0.090F, 0.062F, 0.105F}, 0.0110F + 0.0055F * n(cheekbones));
    add({0.092F, -0.012F, 0.200F}, {0.066F, 0.062F, 0.075F},
        0.0050F + 0.0028F * cheek + 0.0110F * grin + 0.003F * smile_);
    add({0.138F, -0.075F, 0.110F}, {0.078F, 0.090F, 0.120F}, -0.0020F + 0.0062F * cheek - 0.004F * s.age);
    add({0.0F, -0.085F, 0.225F}, {0.105F, 0.080F, 0.085F}, 0.0190F);
    add({0.0F, -0.184F + lower_y * 1.6F, 0.215F},
        {0.070F + 0.008F * n(chin_width) + 0.004F * masculine, 0.060F, 0.078F},
        0.0265F + 0.0080F * n(chin_forward) + 0.003F * masculine);
    add({0.030F + 0.006F * n(chin_width), -0.189F + lower_y * 1.8F, 0.200F}, {0.048F, 0.045F, 0.070F},
        0.0045F + 0.0040F * n(chin_width) + 0.002F * masculine);
    add({0.0F, -0.141F + lower_y, 0.250F}, {0.070F, 0.026F, 0.055F}, -0.0065F - 0.001F * n(chin_forward));
    add({0.134F, -0.110F, 0.035F}, {0.095F, 0.095F, 0.110F},
        0.0040F + 0.0030F * n(jaw_width) + 0.0030F * masculine - 0.001F * cheek);
    add({0.0F, -0.058F, 0.280F}, {0.013F, 0.022F, 0.050F}, -0.0040F);   // philtrum
    add({0.012F, -0.060F, 0.275F}, {0.009F, 0.022F, 0.050F}, 0.0016F);  // its ridges
    add({eye_x, 0.122F, 0.205F}, {0.056F, 0.026F, 0.060F},
        0.0050F - 0.0036F * n(eye_fold) - 0.0020F * n(eye_depth) + 0.003F * s.age);
    add({eye_x - 0.012F, 0.052F, 0.200F}, {0.050F, 0.020F, 0.060F}, 0.0008F + 0.0020F * s.age);   // lower lid
    add({eye_x - 0.018F, 0.034F, 0.205F}, {0.046F, 0.019F, 0.060F}, -0.0002F - 0.0030F * s.age);  // tear trough
    add({0.100F, -0.150F, 0.165F}, {0.060F, 0.060F, 0.090F},
        0.0028F * cheek + 0.0050F * s.age + 0.002F * weight_);  // jowl
    add({s.mouth_half + 0.012F, s.mouth_y + s.corner_lift, 0.215F}, {0.022F, 0.030F, 0.050F}, -0.0045F - 0.004F * grin);
    add({0.0F, -0.225F, 0.10F}, {0.11F, 0.07F, 0.11F},
        0.012F * (softplus(weight_ * 1.2F) - 0.5F) + 0.004F * s.age);  // under the chin

    // Hair.
    const float long_ = n(hair_length) - 0.55F * masculine + 0.1F;
    const float volume = n(hair_volume), curl_ = n(hair_curl);
    const float grown = smooth_step(-2.6F, -0.4F, long_);
    s.hair_curl = smooth_step(0.2F, 2.3F, curl_);
    s.hair_wave = smooth_step(-0.8F, 0.9F, curl_);
    s.hair_thick = 0.004F + grown * (0.025F + 0.009F * volume + 0.024F * s.hair_curl * (1.0F + 0.3F * volume));
    s.hair_top = s.hair_thick + grown * (0.010F + 0.005F * volume);
    s.hair_long = smooth_step(-0.5F, 1.6F, long_);
    s.hair_end = mix(0.06F, -0.46F, smooth_step(-0.5F, 2.2F, long_));
    s.hair_side = 0.022F + 0.010F * volume + 0.03F * s.hair_curl;
    s.hair_roots = mix(0.80F, 0.42F, grown);
    s.hair_fringe = smooth_step(-0.2F, 2.2F, n(fringe)) * grown;
    s.hair_part = n(part);
    s.hair_sweep = n(part) * 0.5F;
    s.hairline = 0.013F * n(hairline) + 0.030F * smooth_step(0.6F, 2.5F, n(hairline)) +
                 0.012F * s.age * (1.0F + 0.4F * masculine);
    s.hair_round = 0.012F + 0.55F * s.hair_thick;
    s.hair_taper = mix(0.085F, 0.022F, s.hair_fringe);
    s.hair_lump = grown * (0.0045F + 0.004F * s.hair_wave + 0.005F * s.hair_curl);

    // Colours.
    const Vec3 skins[] = {linear(0.930F, 0.785F, 0.715F), linear(0.905F, 0.735F, 0.635F),
                          linear(0.870F, 0.665F, 0.540F), linear(0.745F, 0.530F, 0.400F),
                          linear(0.575F, 0.385F, 0.280F), linear(0.405F, 0.260F, 0.190F),
                          linear(0.275F, 0.175F, 0.135F)};
    const float tone = 1.95F + 1.40F * n(skin_tone);
    s.melanin = saturate(tone / 6.0F);
    const float warm = n(skin_warmth);
    s.skin = along(skins, std::max(0.5F * (tone + std::sqrt(tone * tone + 0.15F)), 0.0F));
    s.skin = s.skin * Vec3{1.0F + 0.025F * warm, 1.0F - 0.008F * warm, 1.0F - 0.055F * warm};
    const float made = n(make_up) - 0.55F * masculine;
    s.make_up = smooth_step(0.0F, 2.4F, made);
    s.blush = 0.058F * exp_of(0.55F * n(blush));
    const float rouge = n(lip_colour);
    const Vec3 bare = s.skin * Vec3{0.88F - 0.045F * rouge, 0.610F - 0.115F * rouge, 0.620F - 0.085F * rouge};
    const Vec3 lipsticks[] = {linear(0.72F, 0.45F, 0.40F), linear(0.78F, 0.36F, 0.36F), linear(0.74F, 0.16F, 0.20F),
                              linear(0.50F, 0.08F, 0.18F)};
    s.lip = mix(bare, along(lipsticks, 1.4F + 0.7F * rouge), 0.85F * s.make_up);
    s.freckles = smooth_step(0.2F, 2.4F, n(freckles)) * (1.0F - 0.6F * s.melanin);
    const Vec3 irises[] = {linear(0.42F, 0.55F, 0.66F), linear(0.40F, 0.55F, 0.52F), linear(0.45F, 0.47F, 0.28F),
                           linear(0.48F, 0.33F, 0.16F), linear(0.32F, 0.19F, 0.10F), linear(0.18F, 0.10F, 0.06F)};
    const float eye_tone = 2.7F + 1.0F * n(iris_colour) + 0.7F * n(skin_tone);
    s.iris = along(irises, eye_tone);
    s.iris_inner = along(irises, eye_tone + 0.8F) * 1.15F;
    const Vec3 hairs[] = {linear(0.90F, 0.78F, 0.56F), linear(0.78F, 0.60F, 0.36F),  linear(0.55F, 0.38F, 0.22F),
                          linear(0.34F, 0.22F, 0.14F), linear(0.19F, 0.125F, 0.09F), linear(0.095F, 0.075F, 0.07F)};
    const float dark = 2.95F + 0.85F * n(hair_tone) + 0.95F * n(skin_tone);
    const Vec3 natural = along(hairs, dark);
    const float red = smooth_step(0.3F, 2.3F, n(hair_red));
    const Vec3 coppers[] = {linear(0.86F, 0.55F, 0.30F), linear(0.72F, 0.36F, 0.16F), linear(0.50F, 0.21F, 0.10F),
                            linear(0.26F, 0.10F, 0.07F)};
    s.hair = mix(natural, along(coppers, 1.0F + 0.5F * (dark - 2.2F)), 0.8F * red);
    s.hair = s.hair * Vec3{1.0F + 0.05F * n(hair_red), 1.0F, 1.0F - 0.04F * n(hair_red)};
    const float grey = smooth_step(0.9F, 2.5F, age_);
    s.hair = mix(s.hair, Vec3{0.52F, 0.51F, 0.50F}, 0.85F * grey);
    s.brow = mix(s.hair, Vec3{0.030F, 0.020F, 0.016F}, 0.55F);
    s.beard = smooth_step(0.5F, 2.3F, n(beard) + 0.75F * masculine - 0.25F);
    s.beard_shadow = smooth_step(-1.2F, 1.2F, n(beard) + 1.0F * masculine - 0.4F);
    s.lash = 0.55F - 0.12F * masculine + 0.45F * s.make_up;
    s.shadow_lid = linear(0.36F, 0.26F, 0.30F);
    // Clothes are not a number of their own: a soft function of colours that are.
    const float hue = 0.9F * n(iris_colour) + 0.7F * n(hair_red) - 0.6F * n(skin_warmth) + 0.5F * n(hair_tone);
    s.cloth =
        Vec3{0.24F + 0.13F * sin_of(hue), 0.24F + 0.045F * sin_of(hue + 2.3F), 0.27F + 0.10F * sin_of(hue + 4.1F)} *
        (1.0F + 0.35F * sin_of(1.7F * hue + 1.0F));

    // Light: a soft key from a side, sky and ground.
    const float azimuth = 0.42F * n(key_side), height = 0.52F + 0.20F * n(key_height);
    s.key = {sin_of(azimuth) * cos_of(height), sin_of(height), cos_of(azimuth) * cos_of(height)};
    const float strength = n(key_strength), kelvin = n(key_warmth);
    const float key_power = 1.27F * exp_of(0.18F * strength), fill_power = 0.72F * exp_of(-0.24F * strength);
    s.key_colour = Vec3{1.02F + 0.045F * kelvin, 1.0F, 0.97F - 0.065F * kelvin} * key_power;
    s.fill_colour = Vec3{0.96F + 0.02F * kelvin, 1.0F, 1.06F - 0.03F * kelvin} * fill_power;
    s.ground_colour = Vec3{1.05F, 0.96F, 0.88F} * (0.55F * fill_power);

    s.side = tanh_of(0.9F * n(part) + 0.7F * n(smirk) + 0.5F * n(key_side) + 0.3F * n(gaze_side));
    return s;
}

}  // namespace cameo::synth
