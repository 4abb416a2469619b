// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include <cameo/core/export.hpp>
#include <cameo/core/labels.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/image.hpp>

namespace cameo::io {

struct LabelReadOptions {
    std::size_t allowed = generator_label_count;  ///< labels from this one on are refused; label_count allows all
    bool nearest_colour = false;                  ///< a colour that is not in the palette counts as the nearest that is
    ImageLimits limits{};
};

/// Reads a mask. A PNG of one channel holds ids, as CelebAMask-HQ's do, with 1, 2, 4 or 8 bits; a PNG of three, or one
/// with a palette, holds the colours of label_table().
/// Errors   bad_file: any other file, a JPEG or WebP above all (their compression invents labels between neighbours);
/// an
///          id or a colour that is not allowed, or a pixel that is not opaque, naming it; else as read_image()
[[nodiscard]] CAMEO_API LabelMap read_label_image(const std::filesystem::path& path,
                                                  const LabelReadOptions& options = {});

/// The same from memory; `subject` names the mask in messages.
[[nodiscard]] CAMEO_API LabelMap decode_label_image(std::span<const std::byte> bytes, std::string_view subject,
                                                    const LabelReadOptions& options = {});

struct LabelWriteOptions {
    ImageMetadata metadata{};
    Overwrite overwrite = Overwrite::no;
};

/// Writes ids, one channel of 8 bits: what read_label_image() and the programs of the field read.
/// Errors   invalid_argument: an empty map, or a name that does not end in .png; those of write_image()
CAMEO_API void write_label_image(const std::filesystem::path& path, const LabelMap& map,
                                 const LabelWriteOptions& options = {});

/// Writes the palette's colours, for people; it can be read back too. Errors: as above
CAMEO_API void write_label_preview(const std::filesystem::path& path, const LabelMap& map,
                                   const LabelWriteOptions& options = {});

}  // namespace cameo::io
