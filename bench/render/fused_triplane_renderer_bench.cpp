// SPDX-License-Identifier: Apache-2.0
// The fused tri-plane renderer against the reference, taking turns in one run with the same planes, decoder, camera and
// random numbers:
//
//     bench_render [rounds 7] [threads 2] [side of the picture 128]
//
// Shares of the machine count float32 multiply-adds that it does on those threads at the time (P, measured before and
// after each turn), so that other work on the machine weighs on both.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <cameo/core/camera.hpp>
#include <cameo/core/cameras.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/ops/rays.hpp>
#include <cameo/render/fused_triplane_renderer.hpp>
#include <cameo/render/volume_renderer.hpp>

namespace {

using namespace cameo;

double seconds(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

constexpr std::int64_t fma_steps = 8'000'000, fma_chains = 12;

#if defined(__x86_64__)
#define CAMEO_STEP(fma)                                                                                 \
    c0 = fma(c0, a, b), c1 = fma(c1, a, b), c2 = fma(c2, a, b), c3 = fma(c3, a, b), c4 = fma(c4, a, b), \
    c5 = fma(c5, a, b), c6 = fma(c6, a, b), c7 = fma(c7, a, b), c8 = fma(c8, a, b), c9 = fma(c9, a, b), \
    c10 = fma(c10, a, b), c11 = fma(c11, a, b)

__attribute__((target("avx512f"))) float chains_avx512() {
    const auto a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-6f);
    auto c0 = a, c1 = a, c2 = a, c3 = a, c4 = a, c5 = a, c6 = a, c7 = a, c8 = a, c9 = a, c10 = a, c11 = a;
    for (std::int64_t i = 0; i < fma_steps; ++i) CAMEO_STEP(_mm512_fmadd_ps);
    float out[16];
    _mm512_storeu_ps(out, c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11);
    return out[0];
}

__attribute__((target("avx2,fma"))) float chains_avx2() {
    const auto a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-6f);
    auto c0 = a, c1 = a, c2 = a, c3 = a, c4 = a, c5 = a, c6 = a, c7 = a, c8 = a, c9 = a, c10 = a, c11 = a;
    for (std::int64_t i = 0; i < fma_steps; ++i) CAMEO_STEP(_mm256_fmadd_ps);
    float out[8];
    _mm256_storeu_ps(out, c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11);
    return out[0];
}
#endif

/// float32 GFLOP/s of independent multiply-adds on that many threads; 0 where there is no code for the machine.
double multiply_adds(int threads) {
#if defined(__x86_64__)
    const bool wide = __builtin_cpu_supports("avx512f");
    if (!wide && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) return 0.0;
    std::vector<float> sink(static_cast<std::size_t>(threads) * 16);
    const auto begin = seconds(CLOCK_MONOTONIC);
    std::vector<std::thread> others;
    const auto work = [&](std::size_t i) { sink[16 * i] = wide ? chains_avx512() : chains_avx2(); };
    for (int i = 1; i < threads; ++i) others.emplace_back(work, static_cast<std::size_t>(i));
    work(0);
    for (auto& other : others) other.join();
    const auto operations = 2.0 * (wide ? 16 : 8) * fma_chains * fma_steps * threads;
    return operations / (seconds(CLOCK_MONOTONIC) - begin) / 1e9;
#else
    return 0.0 * threads;
#endif
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    const auto half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// Gives out the same tensors again and again: drawing them is not what is timed.
class Drawn final : public RandomSource {
  public:
    explicit Drawn(std::vector<at::Tensor> tensors) : tensors_(std::move(tensors)) {}
    at::Tensor uniform(at::IntArrayRef shape, const at::TensorOptions&) override {
        return tensors_[next_++ % tensors_.size()].view(shape);
    }
    at::Tensor normal(at::IntArrayRef shape, const at::TensorOptions& options) override {
        return uniform(shape, options);
    }
    std::vector<std::byte> save() const override { return {}; }
    void load(std::span<const std::byte>) override {}

  private:
    std::vector<at::Tensor> tensors_;
    std::size_t next_ = 0;
};

struct Turns {
    std::vector<double> wall, cpu, peak;

    /// Also tells whether both threads worked.
    void take(int threads, const std::function<void()>& action) {
        const auto before = multiply_adds(threads);
        const auto begin = seconds(CLOCK_MONOTONIC), begin_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
        action();
        wall.push_back(seconds(CLOCK_MONOTONIC) - begin);
        cpu.push_back(seconds(CLOCK_PROCESS_CPUTIME_ID) - begin_cpu);
        peak.push_back((before + multiply_adds(threads)) / 2);
    }
};

struct Sizes {
    int rounds = 7, threads = 2;
    std::int64_t side = 128;
    double samples = 0;
};

void compare(const char* title, const Sizes& sizes, const std::function<void()>& reference,
             const std::function<void()>& fused) {
    reference();
    fused();
    Turns slow, fast;
    for (int round = 0; round < sizes.rounds; ++round) {
        const bool first = round % 2 == 0;
        if (first) slow.take(sizes.threads, reference);
        fast.take(sizes.threads, fused);
        fast.take(sizes.threads, fused);
        if (!first) slow.take(sizes.threads, reference);
    }
    std::vector<double> ratios, shares;
    for (std::size_t i = 0; i < slow.wall.size(); ++i)
        ratios.push_back(slow.wall[i] / ((fast.wall[2 * i] + fast.wall[2 * i + 1]) / 2));
    for (std::size_t i = 0; i < fast.wall.size(); ++i)
        shares.push_back(sizes.samples / fast.wall[i] / fast.peak[i] / 1e3);
    const auto tell = [&](const char* name, const Turns& turns) {
        const auto [least, most] = std::ranges::minmax(turns.wall);
        std::vector<double> busy;
        for (std::size_t i = 0; i < turns.wall.size(); ++i) busy.push_back(turns.cpu[i] / turns.wall[i]);
        const auto time = median(turns.wall);
        std::printf("  %-9s %8.1f ms (%.1f to %.1f), cpu/wall %.2f, P %.0f GFLOP/s, %.0f rays/s, %.2f M samples/s\n",
                    name, 1e3 * time, 1e3 * least, 1e3 * most, median(busy), median(turns.peak),
                    static_cast<double>(sizes.side * sizes.side) / time, sizes.samples / time / 1e6);
    };
    std::printf("%s\n", title);
    tell("reference", slow);
    tell("fused", fast);
    const auto [least, most] = std::ranges::minmax(ratios);
    const auto [few, many] = std::ranges::minmax(shares);
    std::printf("  ratio %.1f (%.1f to %.1f); fused: %.1f k samples/s per GFLOP/s of P (%.1f to %.1f)\n",
                median(ratios), least, most, median(shares), few, many);
}

}  // namespace

int main(int count, char** arguments) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    Sizes sizes;
    if (count > 1) sizes.rounds = std::max(1, std::atoi(arguments[1]));
    if (count > 2) sizes.threads = std::max(1, std::atoi(arguments[2]));
    if (count > 3) sizes.side = std::max(1, std::atoi(arguments[3]));
    set_thread_count(sizes.threads);
    at::set_num_threads(sizes.threads);
    constexpr std::int64_t coarse = 48, fine = 48;
    const auto rays_count = sizes.side * sizes.side;
    sizes.samples = static_cast<double>(rays_count * (coarse + fine));

    StreamSource<CounterRandom> random{CounterRandom(1)};
    const auto normal = [&](at::IntArrayRef shape, double deviation) { return random.normal(shape) * deviation; };
    TriplaneView parts{
        .planes = normal({1, 3, 32, 256, 256}, 1.0),
        .decoder = {normal({64, 32}, 0.18), normal({64}, 0.1), normal({33, 64}, 0.125), normal({33}, 0.1)}};
    Camera camera{orbit_degrees(15, -10, 2.7, {0, 0, 0.2}), intrinsics_from_focal(4.2647)};
    auto rays = ops::rays(cameras(std::vector{camera}), sizes.side);
    Drawn drawn({random.uniform({1, rays_count, coarse, 1}), random.uniform({1, rays_count, fine})});
    const FusedTriplaneRenderer<> fused{{{coarse, FixedRange{}}, fine}};
    const VolumeRenderer<ImportanceSampler<StratifiedSampler>, MidpointQuadrature, BlackBackground> reference{
        fused.sampler, {}, {}};

    std::printf("P = %.0f GFLOP/s of float32 multiply-adds on %d threads, %.0f on one\n", multiply_adds(sizes.threads),
                sizes.threads, multiply_adds(1));
    std::printf(
        "%lld x %lld rays, %lld + %lld samples, planes 3 x 32 x 256 x 256, decoder 32 - 64 - 33; random numbers "
        "drawn before\n",
        static_cast<long long>(sizes.side), static_cast<long long>(sizes.side), static_cast<long long>(coarse),
        static_cast<long long>(fine));
    {
        const c10::NoGradGuard guard;
        const TriplaneField field(parts);
        const auto expected = reference.render(field, rays, drawn, {}), actual = fused.render(field, rays, drawn, {});
        const auto worst = (expected.feature - actual.feature).abs().amax(2);
        const auto error = (expected.feature - actual.feature).to(at::kDouble).square().mean().item<double>();
        const auto peak = (expected.feature.max() - expected.feature.min()).item<double>();
        std::printf("features: max abs %.2e, %.3f %% of the rays beyond 1e-5, PSNR %.1f dB; depth: max abs %.2e\n",
                    worst.max().item<double>(), 100 * worst.gt(1e-5).to(at::kDouble).mean().item<double>(),
                    10 * std::log10(peak * peak / error), (expected.depth - actual.depth).abs().max().item<double>());
        compare(
            "a picture", sizes, [&] { (void)reference.render(field, rays, drawn, {}); },
            [&] { (void)fused.render(field, rays, drawn, {}); });
    }
    parts.planes.requires_grad_(true);
    for (auto* leaf : {&parts.decoder.hidden_weight, &parts.decoder.hidden_bias, &parts.decoder.output_weight,
                       &parts.decoder.output_bias, &rays.origin, &rays.direction}) {
        *leaf = leaf->clone();
        leaf->requires_grad_(true);
    }
    const auto step = [&](const auto& renderer) {
        return [&] { renderer.render(TriplaneField(parts), rays, drawn, {}).feature.square().sum().backward(); };
    };
    compare("a picture and its gradient in planes, decoder and rays", sizes, step(reference), step(fused));
}
