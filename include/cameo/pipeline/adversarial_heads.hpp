// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include <cameo/concepts/dataset.hpp>
#include <cameo/core/export.hpp>
#include <cameo/synth/head_set.hpp>
#include <cameo/train/adversarial.hpp>

namespace cameo {

struct AdversarialHeadsOptions {
    synth::HeadSetOptions heads{.identities = synth::first_test_seed, .cache_bytes = 0};
    std::uint64_t label_seed = 0;  ///< of the cameras that generated pictures are seen by
};

/// Procedural heads as the real pictures of an adversarial objective, which is not told their numbers. Item i is the
/// set's item i, from the beginning again after the last; cameras of generated pictures are distributed as the set's.
/// Threads  a value; const calls may run at the same time
class CAMEO_API AdversarialHeads {
  public:
    using Batch = AdversarialBatch;

    /// Errors   invalid_argument: those of HeadSet
    explicit AdversarialHeads(const AdversarialHeadsOptions& options);

    /// Items first, first + stride and so on, on the CPU.
    /// Errors   invalid_argument: an item below 0, a count or stride below 1; out_of_memory
    [[nodiscard]] AdversarialBatch batch(std::int64_t first, std::int64_t count, std::int64_t stride = 1) const;

    [[nodiscard]] RunOptions options() const;

  private:
    AdversarialHeadsOptions options_;
    std::shared_ptr<const synth::HeadSet> heads_;
};
static_assert(Dataset<AdversarialHeads>);

}  // namespace cameo
