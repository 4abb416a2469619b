// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <cameo/generate/discriminator.hpp>
#include <cameo/generate/eg3d_config.hpp>
#include <cameo/pipeline/paired_heads.hpp>
#include <cameo/train/adversarial.hpp>
#include <cameo/train/paired.hpp>
#include <cameo/train/trainer.hpp>

namespace cameo::apps {

/// What docs/training.md describes.
struct TrainConfig {
    enum class Objective : std::uint8_t { paired, adversarial };

    Objective objective = Objective::paired;
    std::filesystem::path output;
    std::filesystem::path start;  ///< a model to begin with; empty: random weights
    double start_density = 1.0;   ///< what densities of `start` are multiplied by
    std::string licence;          ///< of the model, for whoever reads its metadata
    std::string device = "cpu";
    int threads = 0;  ///< 0: as many as there are cores
    bool tf32 = true;
    std::uint64_t seed = 0;
    std::int64_t patience = 25;  ///< seconds that processes of one run wait for each other
    std::size_t keep_snapshots = 2;
    std::int64_t validation_heads = 8, validation_interval = 0;
    TrainerOptions trainer{};
    Eg3dConfig model{};
    PairedHeadsOptions data{};
    PairedOptions paired{};
    AdversarialOptions adversarial{};
    DualDiscriminatorConfig discriminator{};
};

/// Reads a configuration; relative paths in it are relative to the file's folder.
/// Errors   io_failure; invalid_argument, naming the key: unknown, of another type, outside its range; model_mismatch:
///          sizes that do not fit together
[[nodiscard]] TrainConfig read_config(const std::filesystem::path& path);

}  // namespace cameo::apps
