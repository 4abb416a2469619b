// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/core/export.hpp>
#include <cameo/core/image.hpp>

namespace cameo {

/// What a pixel of a face shows. 0 to 18 are CelebAMask-HQ's classes, which the generators learn and mask files hold;
/// 19 and 20 occur in accessory sets only. Left and right are the subject's own: l_eye is on the viewer's right.
enum class FaceLabel : std::uint8_t {
    background,
    skin,
    nose,
    eye_g,  ///< eyeglasses
    l_eye,
    r_eye,
    l_brow,
    r_brow,
    l_ear,
    r_ear,
    mouth,  ///< the mouth's interior
    u_lip,
    l_lip,  ///< the lower lip
    hair,
    hat,
    ear_r,   ///< earring
    neck_l,  ///< necklace
    neck,
    cloth,
    face_mask,  ///< accessory sets only
    other,      ///< a hand, a cup, a microphone; accessory sets only
};

inline constexpr std::size_t generator_label_count = 19;  ///< background to cloth
inline constexpr std::size_t label_count = 21;

using Rgb8 = std::array<std::uint8_t, 3>;

/// One row of the table of labels.
struct LabelInfo {
    FaceLabel label;
    std::string_view name;  ///< as the enumerator is spelt: CelebAMask-HQ's own names
    Rgb8 colour;            ///< sRGB: the palette that mask editors show
};

/// The whole table; row i speaks of label i.
[[nodiscard]] CAMEO_API std::span<const LabelInfo, label_count> label_table() noexcept;
[[nodiscard]] CAMEO_API const LabelInfo& info(FaceLabel label) noexcept;

/// Empty for a name or colour that is not in the table.
[[nodiscard]] CAMEO_API std::optional<FaceLabel> label_named(std::string_view name) noexcept;
[[nodiscard]] CAMEO_API std::optional<FaceLabel> label_coloured(const Rgb8& colour) noexcept;

/// The label after mirroring: left and right eye, brow and ear change places.
[[nodiscard]] CAMEO_API FaceLabel mirrored(FaceLabel label) noexcept;

/// The classes of the parser with 20 outputs (SofGAN's order), as our labels: element i is class i.
/// Quirk    both halves of its nose become `nose`
[[nodiscard]] CAMEO_API std::span<const FaceLabel, 20> labels_of_parser20() noexcept;

/// The classes of the widespread parser with 19 outputs, in another order: element i is class i.
[[nodiscard]] CAMEO_API std::span<const FaceLabel, 19> labels_of_parser19() noexcept;

/// SofGAN's 17 classes for the outputs of the parser with 20: element i is class i. It joins left with right.
[[nodiscard]] CAMEO_API std::span<const std::uint8_t, 20> sofgan17_of_parser20() noexcept;

/// One label per pixel, row after row from the top.
/// Shapes   height x width, sides as for an Image
class CAMEO_API LabelMap {
  public:
    /// No pixels.
    LabelMap() = default;

    /// Background everywhere. Errors: invalid_argument: a size that cannot be; out_of_memory
    LabelMap(std::int64_t width, std::int64_t height);

    [[nodiscard]] std::int64_t width() const noexcept { return width_; }
    [[nodiscard]] std::int64_t height() const noexcept { return height_; }
    [[nodiscard]] std::span<FaceLabel> labels() noexcept { return labels_; }
    [[nodiscard]] std::span<const FaceLabel> labels() const noexcept { return labels_; }

    /// Errors: invalid_argument: no such pixel
    [[nodiscard]] FaceLabel& at(std::int64_t x, std::int64_t y);
    [[nodiscard]] FaceLabel at(std::int64_t x, std::int64_t y) const;

    friend bool operator==(const LabelMap&, const LabelMap&) = default;

  private:
    [[nodiscard]] std::size_t index(std::int64_t x, std::int64_t y) const;

    std::int64_t width_ = 0, height_ = 0;
    std::vector<FaceLabel> labels_;
};

/// The labels of a mask image whose one channel holds ids, as mask files do.
/// Errors   invalid_argument: not data8 with one channel; an id of `allowed` or more, naming its pixel
[[nodiscard]] CAMEO_API LabelMap label_map(const Image& ids, std::size_t allowed = generator_label_count);

/// The same with a parser's class numbers, put through one of the tables above.
[[nodiscard]] CAMEO_API LabelMap label_map(const Image& classes, std::span<const FaceLabel> table);

/// The labels of a picture painted in the palette's colours.
/// Errors   invalid_argument: not srgb8 with 3 channels; a colour outside the palette, naming its pixel
[[nodiscard]] CAMEO_API LabelMap label_map_from_colours(const Image& colours);

/// Ids as data8, one channel: what goes into a mask file. Never write it lossily.
[[nodiscard]] CAMEO_API Image ids(const LabelMap& map);

/// The palette's colours as srgb8, three channels.
[[nodiscard]] CAMEO_API Image colours(const LabelMap& map);

/// Mirrored left to right, with the labels of each side exchanged.
[[nodiscard]] CAMEO_API LabelMap mirrored(const LabelMap& map);

}  // namespace cameo
