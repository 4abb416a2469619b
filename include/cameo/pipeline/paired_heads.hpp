// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include <cameo/concepts/dataset.hpp>
#include <cameo/core/export.hpp>
#include <cameo/synth/field_samples.hpp>
#include <cameo/synth/head_set.hpp>
#include <cameo/train/paired.hpp>

namespace cameo {

struct PairedHeadsOptions {
    synth::HeadSetOptions heads{.identities = synth::first_test_seed, .cache_bytes = 0};
    std::int64_t picture_interval = 4;  ///< items whose number is a multiple of it have a picture
    synth::FieldSampling points{};
    std::uint64_t point_seed = 0;
};

/// Procedural heads as what a paired objective learns from: z are a head's 64 numbers. Item i is the set's item i, from
/// the beginning again after the last, each time with other points.
/// Threads  a value; const calls may run at the same time
class CAMEO_API PairedHeads {
  public:
    using Batch = PairedBatch;

    /// Errors   invalid_argument: those of HeadSet and field_samples()
    explicit PairedHeads(const PairedHeadsOptions& options);

    /// Items first, first + stride and so on, on the CPU.
    /// Errors   invalid_argument: an item below 0, a count or stride below 1; out_of_memory
    [[nodiscard]] PairedBatch batch(std::int64_t first, std::int64_t count, std::int64_t stride = 1) const;

    [[nodiscard]] RunOptions options() const;

  private:
    PairedHeadsOptions options_;
    std::shared_ptr<const synth::HeadSet> heads_;
};
static_assert(Dataset<PairedHeads>);
static_assert(!Dataset<synth::HeadSet>);

}  // namespace cameo
