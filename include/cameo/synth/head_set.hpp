// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <cameo/core/camera.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/export.hpp>
#include <cameo/synth/view.hpp>

namespace cameo::synth {

/// From where heads are seen: angles of orbit_degrees(), normally distributed about the front and never beyond the
/// limits.
/// Units    degrees
struct HeadPoses {
    double yaw_deviation = 18, pitch_deviation = 9;
    double yaw_limit = 50, pitch_limit = 25;
    double radius = ffhq_cameras.radius, focal = ffhq_cameras.focal;

    friend bool operator==(const HeadPoses&, const HeadPoses&) = default;
};

/// One of them: two positions of the stream, whatever comes out.
[[nodiscard]] CAMEO_API Camera random_camera(const HeadPoses& poses, CounterRandom& random);

struct HeadSetOptions {
    std::uint32_t first_identity = 0;     ///< its seed; the next identity has the next one
    std::int64_t identities = 1000;       ///< 1 to first_test_seed
    std::int64_t views_per_identity = 1;  ///< 1 to 4 096
    std::uint64_t pose_seed = 0;
    HeadPoses poses{};
    ViewOptions view{};
    Accessories accessories{};
    bool for_tests = false;  ///< identities from first_test_seed on, which are refused otherwise
    std::size_t cache_bytes = std::size_t{256} << 20;  ///< the latest views stay in memory; 0 keeps none
};

/// A data set of heads that are made when they are asked for. Item i is view i % views_per_identity of identity
/// first_identity + i / views_per_identity, and a function of the options and i alone.
/// Threads  const calls may run at the same time
class CAMEO_API HeadSet {
  public:
    /// Errors   invalid_argument: an option outside its range, training identities that reach into the test seeds or
    ///          test identities that do not start there
    explicit HeadSet(const HeadSetOptions& options);
    HeadSet(const HeadSet&) = delete;
    HeadSet& operator=(const HeadSet&) = delete;
    ~HeadSet();

    [[nodiscard]] const HeadSetOptions& options() const noexcept;
    [[nodiscard]] std::int64_t size() const noexcept;

    /// The seed of item i's identity, and its camera. Errors: invalid_argument: no such item; so for view()
    [[nodiscard]] std::uint32_t identity(std::int64_t i) const;
    [[nodiscard]] Camera camera(std::int64_t i) const;
    /// Item i's head, without a picture. Errors: invalid_argument: no such item
    [[nodiscard]] Head head(std::int64_t i) const;

    /// The picture and the truth of item i, from the cache if it is there. Errors: also out_of_memory
    [[nodiscard]] std::shared_ptr<const HeadView> view(std::int64_t i) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace cameo::synth
