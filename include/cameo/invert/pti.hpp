// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/concepts/inverter.hpp>
#include <cameo/core/export.hpp>
#include <cameo/invert/latent_search.hpp>

namespace cameo {

/// Keeps what lies near a tuned latent as it was: each step, a latent on the way to a random one must look as before.
struct Locality {
    double distance = 30.0;  ///< from the pivot, over all rows together
    double psi = 0.5;        ///< of the random latent
    double weight = 0.1;     ///< of all terms
    friend bool operator==(const Locality&, const Locality&) = default;
};

/// How a copy of the generator is tuned. The defaults are the published ones.
struct Tuning {
    std::vector<LossTerm> terms{};  ///< at least one
    std::int64_t steps = 350;
    double learning_rate = 3e-4;
    std::int64_t patience = 0;

    /// Ends before the step at which the term of that index is at most `reached`.
    std::optional<std::size_t> reached_term{};
    double reached = 0.06;

    std::vector<std::string> parts{};  ///< parameters whose names begin with one of these; all when empty
    std::optional<Locality> locality{};
    RenderOptions render{.jitter = RenderOptions::Jitter::random};
};

namespace detail {

[[nodiscard]] CAMEO_API std::string checked_description(const LatentSearch& search, LatentSpace space,
                                                        const Tuning& tuning, const InversionTarget& target,
                                                        const std::optional<WLatent>& pivot);

/// The parameters to tune. Errors: model_mismatch: none of that name
[[nodiscard]] CAMEO_API NamedTensors tunable(const NamedTensors& parameters, const std::vector<std::string>& parts);

/// Tunes `copy` for the pivot that `found` has, and puts its parameters there.
CAMEO_API void tune(Session& session, const GeneratorCalls& copy, const GeneratorCalls& original,
                    const InversionTarget& target, const Tuning& tuning, Inversion& found);

}  // namespace detail

/// Pivotal tuning: a latent is looked for, then a copy of the generator is tuned until it draws the picture from it.
/// Source   Roich et al., "Pivotal Tuning for Latent-based Editing of Real Images", TOG 2022
/// Quirk    from a single view the tuned head may become flat or distorted in others
struct PtiInverter {
    LatentSearch search{};
    bool plus = true;  ///< the pivot has a w for each layer
    Tuning tuning{};
    double search_share = 0.4;       ///< of the budget
    std::optional<WLatent> pivot{};  ///< instead of a search: an encoder's latent, for one

    static constexpr std::string_view name() noexcept { return "pti"; }

    /// Errors   as WInverter::invert(); model_mismatch: the generator has nothing of what is to be tuned, or draws
    ///          without it
    template <InvertibleGenerator G>
    [[nodiscard]] Inversion invert(const G& generator, const InversionTarget& target, const InversionRun& run) const {
        const auto space = plus ? detail::LatentSpace::w_plus : detail::LatentSpace::w;
        detail::Session session(run, target, detail::checked_description(search, space, tuning, target, pivot));
        (void)detail::tunable(generator.parameters(), tuning.parts);  // before minutes of search
        auto copy = generator.clone();
        const auto of_copy = detail::calls_of(copy), original = detail::calls_of(generator);
        auto found = pivot ? Inversion{*pivot, target.cameras}
                           : detail::search_latent(session, of_copy, target, search, space, search_share);
        detail::tune(session, of_copy, original, target, tuning, found);
        return found;
    }
};

}  // namespace cameo
