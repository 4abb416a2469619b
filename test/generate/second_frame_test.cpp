// SPDX-License-Identifier: Apache-2.0
#include <cameo/generate/eg3d.hpp>

#include <cstddef>
#include <mutex>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#include <c10/core/GradMode.h>

#include <cameo/core/counter_random.hpp>

#include "support/catch.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;

namespace {

/// Stands before LibTorch's allocator and writes down what is large.
class Ledger final : public c10::Allocator {
  public:
    explicit Ledger(std::size_t least) : least_(least), inner_(c10::GetAllocator(c10::kCPU)) {
        c10::SetAllocator(c10::kCPU, this, 1);
    }
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;
    ~Ledger() override { c10::SetAllocator(c10::kCPU, inner_, 1); }

    c10::DataPtr allocate(std::size_t bytes) override {
        if (bytes >= least_) {
            const std::lock_guard lock(mutex_);
            sizes.push_back(bytes);
        }
        return inner_->allocate(bytes);
    }
    c10::DeleterFnPtr raw_deleter() const override { return inner_->raw_deleter(); }
    void copy_data(void* to, const void* from, std::size_t count) const override { inner_->copy_data(to, from, count); }

    std::vector<std::size_t> sizes;

  private:
    std::size_t least_;
    c10::Allocator* inner_;
    std::mutex mutex_;
};

}  // namespace

TEST_CASE("a further frame asks LibTorch for no piece of memory of 1 MiB or more", "[generate]") {
    const c10::NoGradGuard guard;
    auto config = support::tiny_eg3d_config();
    config.channel_base = 1024;
    config.plane_resolution = 128;
    config.raw_resolution = 128;
    config.image_resolution = 512;
    config.channel_max = 16;
    config.feature_channels = 16;
    config.plane_channels = 16;
    config.upsampler = {.name = "tiny", .input_resolution = 128, .blocks = {{16, true}, {16, true}}};
    const auto model = support::tiny_eg3d(config);
    StreamSource<CounterRandom> random{CounterRandom(2)};
    const auto z = random.normal({1, config.z_dim});
    const auto cameras = support::some_cameras(1);
    const auto frame = [&] {
        const auto ws = model.map(ZLatent(z), cameras);
        return model.render(model.scene(ws), ws, cameras, {}, random, {});
    };
    (void)frame();
    (void)frame();
    const Ledger ledger(std::size_t{1} << 20);
    const auto portrait = frame();
    for (const auto size : ledger.sizes) UNSCOPED_INFO(size);
    CHECK(ledger.sizes.empty());
}
