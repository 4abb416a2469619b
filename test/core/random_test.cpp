// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/random.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/numpy_random.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::is_error;

namespace {

using NumpySource = StreamSource<NumpyRandom>;
using CounterSource = StreamSource<CounterRandom>;

struct Kind {
    const char* name;
    std::function<std::unique_ptr<RandomSource>(std::uint32_t seed)> make;
};

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all{
        {"numpy", [](std::uint32_t seed) { return std::make_unique<NumpySource>(NumpyRandom(seed)); }},
        {"counter", [](std::uint32_t seed) { return std::make_unique<CounterSource>(CounterRandom(seed)); }},
        {"aten", [](std::uint32_t seed) { return std::make_unique<AtenSource>(at::kCPU, seed); }}};
    return all;
}

}  // namespace

TEST_CASE("every source gives what its seed says, in the shape and type asked for", "[core][random]") {
    for (const auto& kind : kinds()) {
        INFO(kind.name);
        const auto a = kind.make(3);
        const auto b = kind.make(3);
        const auto c = kind.make(4);
        const auto u = a->uniform({2, 5, 1}, at::kDouble);
        CHECK(u.sizes() == at::IntArrayRef{2, 5, 1});
        CHECK(u.scalar_type() == at::kDouble);
        CHECK(support::same(u, b->uniform({2, 5, 1}, at::kDouble)));
        CHECK_FALSE(support::same(u, c->uniform({2, 5, 1}, at::kDouble)));
        const auto n = a->normal({7});
        CHECK(n.scalar_type() == at::kFloat);
        CHECK(support::same(n, b->normal({7})));
        CHECK(a->normal({0, 3}).numel() == 0);
        CHECK(a->uniform({}).dim() == 0);
        CHECK_THROWS_MATCHES(a->normal({2}, at::kLong), Error, is_error(Errc::invalid_argument, "floating point"));
    }
}

TEST_CASE("every source goes on where its saved state stood", "[core][random]") {
    for (const auto& kind : kinds()) {
        INFO(kind.name);
        const auto a = kind.make(3);
        (void)a->normal({5});
        const auto state = a->save();
        const auto expected = a->normal({9});
        const auto b = kind.make(77);
        b->load(state);
        CHECK(support::same(b->normal({9}), expected));
        for (const auto& other : kinds())
            if (&other != &kind)
                CHECK_THROWS_MATCHES(b->load(other.make(1)->save()), Error, is_error(Errc::bad_file, "random state"));
    }
}

TEST_CASE("numbers of a stream fill tensors in order, rounded from double", "[core][random]") {
    NumpySource source(NumpyRandom(5));
    NumpyRandom stream(5);
    const auto numbers = source.normal({2, 3});
    for (std::int64_t i = 0; i < 6; ++i)
        CHECK(numbers.flatten()[i].item<float>() == static_cast<float>(stream.normal()));
    CHECK(source.stream() == stream);
    CHECK(source.uniform({}, at::kDouble).item<double>() == stream.uniform());
}

TEST_CASE("a batch drawn in one piece is the batch drawn camera by camera", "[core][random]") {
    CounterSource whole{CounterRandom(8)};
    CounterSource parts{CounterRandom(8)};
    const auto all = whole.uniform({4, 6}, at::kDouble);
    for (std::int64_t i = 0; i < 4; ++i) CHECK(support::same(parts.uniform({6}, at::kDouble), all[i]));
}

TEST_CASE("a generator of LibTorch is a source as it stands", "[core][random]") {
    auto generator = at::globalContext().defaultGenerator(at::kCPU).clone();
    generator.set_current_seed(12);
    const auto expected = at::randn({4}, generator.clone());
    AtenSource source(generator);
    CHECK(support::same(source.normal({4}), expected));
    CHECK_FALSE(support::same(source.normal({4}), expected));
    CHECK_THROWS_MATCHES(source.normal({4}, at::Device("cuda:0")), Error, is_error(Errc::invalid_argument, "device"));
    CHECK_THROWS_MATCHES(AtenSource(at::Device("meta"), 1), Error, is_error(Errc::device_unsupported, "meta"));
}

TEST_CASE("seeds give the published programs' z", "[core][random][golden]") {
    for (const auto* name : {"eg3d/ffhq512-128.npz", "eg3d/shapenet128.npz"}) {
        const auto arrays = support::golden_arrays(name);
        if (!arrays) continue;
        const auto seed = (*arrays)["z_seed"].item<std::int64_t>();
        NumpySource source(NumpyRandom(static_cast<std::uint32_t>(seed)));
        const auto expected = (*arrays)["z"];
        CHECK(support::same(source.normal(expected.sizes(), expected.options()), expected));
    }
    for (const auto* name : {"eg3d-ffhq-small.npz", "eg3d-cars-tiny.npz"}) {
        const auto arrays = support::golden_arrays(name);
        if (!arrays) continue;
        NumpySource source(NumpyRandom(7));
        CHECK(support::same(source.normal({1, 512}), (*arrays)["z"]));
    }
}

TEST_CASE("jitter is NumPy's rand of the shape of the samples", "[core][random][golden]") {
    const auto arrays = support::golden_arrays("eg3d/cameras.npz");
    if (!arrays) return;
    const auto depths = (*arrays)["stratified_fixed"];  // [1, 6, 48]: linspace + U * delta
    const auto delta = (3.3 - 2.25) / 47;
    NumpySource source(NumpyRandom(101));
    const auto jitter = source.uniform({1, 6, 48, 1}, at::kDouble).squeeze(3);
    CHECK(support::difference(at::linspace(2.25, 3.3, 48, at::kDouble) + jitter * delta, depths) < 1e-6);
}

TEST_CASE("subsets are the first of NumPy's permutations", "[core][random][golden]") {
    const auto arrays = support::golden_arrays("eg3d/metrics.npz");
    if (!arrays) return;
    NumpyRandom stream(static_cast<std::uint32_t>((*arrays)["kid_seed"].item<std::int64_t>()));
    const auto first_of = [&](std::size_t count) {
        const auto order = stream.permutation(count);
        return at::tensor(at::ArrayRef<std::int64_t>(order.data(), 100));
    };
    const auto generated = (*arrays)["kid_indices_gen"];
    const auto real = (*arrays)["kid_indices_real"];
    for (std::int64_t i = 0; i < generated.size(0); ++i) {
        CHECK(support::difference(first_of(500), generated[i]) == 0);
        CHECK(support::difference(first_of(600), real[i]) == 0);
    }
}
