// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <cameo/core/device.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/io/identity_file.hpp>
#include <cameo/io/image.hpp>

#include "options.hpp"

namespace cameo::apps {

/// A generator and what its file says of it.
struct ModelFile {
    std::filesystem::path path;
    std::string digest, licence;  ///< empty when the file does not say
    Eg3d generator;

    /// What pictures made with it carry.
    [[nodiscard]] io::ImageMetadata provenance() const { return io::provenance(digest, licence); }

    /// For messages.
    [[nodiscard]] std::string words() const { return io::generator_words(path.filename().string(), digest); }
};

/// The options by which verbs take a generator.
struct ModelOptions {
    std::optional<std::filesystem::path> network;
    std::string device = "cpu";

    void declare(OptionTable& table);

    /// Reads the file that was named, or the default model.
    /// Errors   invalid_argument: none was named and there is no default; those of read_safetensors() and Eg3d::load()
    [[nodiscard]] ModelFile load() const;

    /// The model that an identity belongs to: the file that was named, the default model, or one beside that.
    /// Errors   also model_mismatch, naming both generators
    [[nodiscard]] ModelFile load_for(const io::Identity& identity) const;
};

}  // namespace cameo::apps
