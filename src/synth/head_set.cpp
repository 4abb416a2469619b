// SPDX-License-Identifier: Apache-2.0
#include <cameo/synth/head_set.hpp>

#include <algorithm>
#include <cmath>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/error.hpp>

namespace cameo::synth {
namespace {

void expect(bool good, const std::string& message) {
    if (!good) throw Error(Errc::invalid_argument, message);
}

void check(const HeadSetOptions& o) {
    const auto text = [](auto v) { return std::to_string(v); };
    expect(o.identities >= 1 && o.identities <= first_test_seed,
           "identities: expected 1 to " + text(first_test_seed) + ", got " + text(o.identities));
    expect(o.views_per_identity >= 1 && o.views_per_identity <= 4096,
           "views_per_identity: expected 1 to 4096, got " + text(o.views_per_identity));
    const auto last = std::int64_t{o.first_identity} + o.identities - 1;
    expect(last <= 0xFFFFFFFFLL, "first_identity: expected seeds below 2^32, the last would be " + text(last));
    if (o.for_tests)
        expect(o.first_identity >= first_test_seed, "first_identity: expected a seed from " + text(first_test_seed) +
                                                        " on for tests, got " + text(o.first_identity));
    else
        expect(last < first_test_seed, "identities: expected seeds below " + text(first_test_seed) +
                                           ", which are kept for tests; the last would be " + text(last));
    const auto angle = [&](double deviation, double limit, double most, const char* name) {
        expect(std::isfinite(deviation) && deviation >= 0,
               std::string(name) + "_deviation: expected 0 or more degrees, got " + text(deviation));
        expect(limit >= 0 && limit <= most,
               std::string(name) + "_limit: expected 0 to " + text(most) + " degrees, got " + text(limit));
    };
    angle(o.poses.yaw_deviation, o.poses.yaw_limit, 180, "yaw");
    angle(o.poses.pitch_deviation, o.poses.pitch_limit, 80, "pitch");
    expect(o.poses.radius >= 1 && o.poses.radius <= 100, "radius: expected 1 to 100, got " + text(o.poses.radius));
    expect(o.poses.focal > 0 && std::isfinite(o.poses.focal),
           "focal: expected a positive number, got " + text(o.poses.focal));
    expect(o.view.size >= 1 && o.view.size <= 4096, "size: expected 1 to 4096, got " + text(o.view.size));
    expect(o.view.samples >= 1 && o.view.samples <= 8, "samples: expected 1 to 8, got " + text(o.view.samples));
}

/// A normal number within the limit, by the inverse of its distribution: one position of the stream whatever happens.
double bounded_normal(CounterRandom& random, double deviation, double limit) {
    const double u = random.uniform();
    if (deviation == 0) return 0;
    const double tail = 0.5 * std::erfc(limit / deviation / std::sqrt(2.0));
    return std::clamp(deviation * normal_quantile(tail + u * (1 - 2 * tail)), -limit, limit);
}

}  // namespace

Camera random_camera(const HeadPoses& poses, CounterRandom& random) {
    const double yaw = bounded_normal(random, poses.yaw_deviation, poses.yaw_limit);
    const double pitch = bounded_normal(random, poses.pitch_deviation, poses.pitch_limit);
    return {orbit_degrees(yaw, pitch, poses.radius, ffhq_cameras.pivot), intrinsics_from_focal(poses.focal)};
}

struct HeadSet::State {
    HeadSetOptions options;

    struct Entry {
        std::shared_ptr<const HeadView> view;
        std::list<std::int64_t>::iterator place;
    };
    std::mutex mutex;
    std::list<std::int64_t> order;  // latest first
    std::unordered_map<std::int64_t, Entry> entries;

    [[nodiscard]] std::size_t capacity() const noexcept {
        const auto pixels = static_cast<std::size_t>(options.view.size * options.view.size);
        return options.cache_bytes / (pixels * 28 + sizeof(HeadView));  // bytes of all pictures of one pixel
    }

    [[nodiscard]] std::shared_ptr<const HeadView> find(std::int64_t i) {
        const std::lock_guard lock(mutex);
        const auto found = entries.find(i);
        if (found == entries.end()) return nullptr;
        order.splice(order.begin(), order, found->second.place);
        return found->second.view;
    }

    void keep(std::int64_t i, std::shared_ptr<const HeadView> view) {
        const std::lock_guard lock(mutex);
        if (capacity() == 0 || entries.contains(i)) return;
        while (entries.size() >= capacity()) {
            entries.erase(order.back());
            order.pop_back();
        }
        order.push_front(i);
        entries.emplace(i, Entry{std::move(view), order.begin()});
    }

    void check_item(std::int64_t i) const {
        const auto count = options.identities * options.views_per_identity;
        expect(i >= 0 && i < count, "item: expected 0 to " + std::to_string(count - 1) + ", got " + std::to_string(i));
    }
};

HeadSet::HeadSet(const HeadSetOptions& options) : state_(std::make_unique<State>()) {
    check(options);
    state_->options = options;
}

HeadSet::~HeadSet() = default;

const HeadSetOptions& HeadSet::options() const noexcept { return state_->options; }

std::int64_t HeadSet::size() const noexcept { return state_->options.identities * state_->options.views_per_identity; }

std::uint32_t HeadSet::identity(std::int64_t i) const {
    state_->check_item(i);
    return state_->options.first_identity + static_cast<std::uint32_t>(i / state_->options.views_per_identity);
}

Camera HeadSet::camera(std::int64_t i) const {
    const auto view_index = static_cast<std::uint64_t>(i % state_->options.views_per_identity);
    // A stream per identity and view, so that a longer set starts with the shorter one.
    CounterRandom random(state_->options.pose_seed, (std::uint64_t{identity(i)} << 12) + view_index);
    return random_camera(state_->options.poses, random);
}

Head HeadSet::head(std::int64_t i) const { return Head(numbers_of_seed(identity(i)), state_->options.accessories); }

std::shared_ptr<const HeadView> HeadSet::view(std::int64_t i) const {
    state_->check_item(i);
    if (auto kept = state_->find(i)) return kept;
    auto made = std::make_shared<const HeadView>(synth::view(head(i), camera(i), state_->options.view));
    state_->keep(i, made);
    return made;
}

}  // namespace cameo::synth
