// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/core/camera.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/image.hpp>
#include <cameo/core/state_dict.hpp>
#include <cameo/io/file.hpp>

namespace cameo::io {

/// Somebody's head, as a generator knows it: what a `.cameo` file holds (docs/identity-file.md).
struct Identity {
    StoredTensor ws;              ///< [1, num_ws, w_dim] float32
    std::vector<Camera> cameras;  ///< of the pictures that it was made from
    StateDict tuned;              ///< what the generator's parameters became, by weight_delta(); may be empty
    StateDict noise;              ///< what its noise became; may be empty
    Image thumbnail;              ///< srgb8, 3 channels; may be empty

    std::string generator;         ///< its file's name
    std::string generator_digest;  ///< who draws with another one gets another head
    std::string licence;           ///< of the generator's weights
    std::string method;            ///< how it was found: "pti"
    std::map<std::string, double> metrics;

    /// For messages: "tiny.safetensors (0123456789ab)".
    [[nodiscard]] CAMEO_API std::string generator_words() const;
};

/// Reads an identity; nothing of it is looked at that has not been checked but whether it fits a generator.
/// Errors   io_failure; bad_file: no identity, damaged, a NaN or an infinity
[[nodiscard]] CAMEO_API Identity read_identity(const std::filesystem::path& path);

/// The same of bytes that `owner` keeps alive; `subject` stands for the file's name in messages.
[[nodiscard]] CAMEO_API Identity parse_identity(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                                std::string_view subject);

/// Errors   invalid_argument: what read_identity() would refuse; io_failure
CAMEO_API void write_identity(const std::filesystem::path& path, const Identity& identity,
                              Overwrite overwrite = Overwrite::no);

/// "name (first digits of the digest)".
[[nodiscard]] CAMEO_API std::string generator_words(std::string_view name, std::string_view digest);

}  // namespace cameo::io
