// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include <cameo/core/camera.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/labels.hpp>
#include <cameo/synth/numbers.hpp>

namespace cameo::synth {

struct Anatomy;

/// What a head may wear or hold before it. Never part of the default set.
struct Accessories {
    bool glasses = false;    ///< frames and temples with clear lenses; label eye_g on the frames
    bool hat = false;        ///< a knitted cap; label hat
    bool face_mask = false;  ///< over nose and mouth; label face_mask
    bool hand = false;       ///< a hand before the mouth; label other

    friend bool operator==(const Accessories&, const Accessories&) = default;
};

/// What is known of a point of space near a head.
struct PointSample {
    double distance = 0;            ///< to the nearest surface, negative inside, see Head::distance()
    FaceLabel label{};              ///< of the nearest surface
    std::array<float, 3> albedo{};  ///< linear RGB
    std::array<float, 3> colour{};  ///< as seen from straight before the surface, sRGB-encoded, in [0, 1]
    Vector3 normal{};               ///< direction in which the distance grows fastest, unit
};

inline constexpr std::size_t landmark_count = 68;

/// A procedural head: the solid that 64 numbers describe.
/// Units    world units of the published face models: +y up, face towards +z, everything within [-0.5, 0.5]^3; the
///          average eyes near (+-0.084, 0.084, 0.197). About 0.37 m to the unit
/// Threads  a value; const access from many threads at once
class CAMEO_API Head {
  public:
    /// Errors   invalid_argument: a number that is not finite
    explicit Head(const HeadNumbers& numbers, const Accessories& accessories = {});

    [[nodiscard]] const HeadNumbers& numbers() const noexcept { return numbers_; }
    [[nodiscard]] const Accessories& accessories() const noexcept { return accessories_; }

    /// Signed distance to the surface, 0 on it: on the whole a little short of the true one, so that a step of that length
    /// is safe; in creases it may grow up to two and a half times as fast. A smooth density for training is
    /// 1 / (1 + exp(distance / width)).
    [[nodiscard]] double distance(const Vector3& point) const noexcept;

    [[nodiscard]] PointSample sample(const Vector3& point) const noexcept;

    /// The 68 points of iBUG's scheme in its order, on the skin, whatever hair or accessories lie before them.
    /// 0 to 16 jaw from the subject's right to left, 17 to 26 brows, 27 to 35 nose, 36 to 47 eyes, 48 to 67 mouth.
    [[nodiscard]] std::array<Vector3, landmark_count> landmarks() const noexcept;

    [[nodiscard]] const Anatomy& anatomy() const noexcept { return *anatomy_; }  ///< opaque outside cameo

  private:
    HeadNumbers numbers_;
    Accessories accessories_;
    std::shared_ptr<const Anatomy> anatomy_;
};

}  // namespace cameo::synth
