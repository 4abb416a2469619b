// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/lpips.hpp>

#include <string>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/tensor_state.hpp>
#include <cameo/losses/picture_loss.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/gradients.hpp"
#include "support/pictures.hpp"
#include "support/procedural_weights.hpp"
#include "support/sampled.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using losses::Lpips;
using support::scalar;

namespace {

std::optional<Lpips> made(Lpips::Trunk trunk) {
    const auto network =
        support::procedural_network(trunk == Lpips::Trunk::alexnet ? "invert/lpips-alex" : "invert/lpips-vgg");
    if (!network) return std::nullopt;
    return Lpips::load(trunk, network->tensors, network->tensors);
}

void check_distance(const support::GoldenArrays& golden, const Lpips& lpips, const std::string& size,
                    bool with_gradient) {
    const auto key = [&](const std::string& name) { return size + "." + name; };
    const c10::AutoGradMode gradients(with_gradient);
    const auto x = support::symmetric(golden[key("x_u8")]);
    const auto y = (0.85 * x.roll(5, 2) - 0.05).requires_grad_(with_gradient);
    const auto a = lpips.embedding(x.detach()), b = lpips.embedding(y);
    at::Tensor total;
    for (std::size_t i = 0; i < 5; ++i) {
        const auto layer = (a[i] - b[i]).square().sum({1, 2, 3});
        support::check_close("layer", layer, golden[key("layers")][static_cast<std::int64_t>(i)], {1e-5});
        total = total.defined() ? total + layer : layer;
    }
    support::check_close("total", total, golden[key("total")], {1e-5});
    if (!with_gradient) return;
    total.mean().backward();
    const auto norm = scalar(golden[key("grad_norm")].sum());
    CHECK(scalar(y.grad().norm()) == Approx(norm).epsilon(1e-3));
    support::check_sampled(golden, key("grad"), y.grad(), {1e-3});
}

void check_taps(const support::GoldenArrays& golden, const Lpips& lpips, const std::string& size) {
    const c10::NoGradGuard no_gradient;
    const auto x = support::symmetric(golden[size + ".x_u8"]);
    const auto taps = lpips.taps(0.85 * x.roll(5, 2) - 0.05);
    for (std::size_t i = 0; i < 5; ++i)
        support::check_sampled(golden, size + ".feature" + std::to_string(i), taps[i], {1e-4});
}

}  // namespace

TEST_CASE("LPIPS with AlexNet gives the published numbers", "[golden][losses]") {
    const auto golden = support::golden_arrays("invert/lpips-alex.npz");
    const auto lpips = made(Lpips::Trunk::alexnet);
    if (!golden || !lpips) return;
    check_taps(*golden, *lpips, "256");
    check_distance(*golden, *lpips, "256", true);
    check_distance(*golden, *lpips, "512", false);
}

TEST_CASE("LPIPS with VGG16 gives the published numbers, and the projector's vector", "[golden][losses]") {
    const auto golden = support::golden_arrays("invert/lpips-vgg.npz");
    const auto projector = support::golden_arrays("invert/projector.npz");
    const auto lpips = made(Lpips::Trunk::vgg16);
    if (!golden || !projector || !lpips) return;
    check_distance(*golden, *lpips, "256", true);

    // Pictures that are larger are averaged first. All layers' vectors, one after the other.
    const c10::NoGradGuard no_gradient;
    const auto bytes = (*projector)["area.a_u8"].to(at::kFloat).unsqueeze(0);
    const auto a = bytes / 127.5 - 1, b = (0.9 * bytes.roll(7, 3) + 3) / 127.5 - 1;
    const auto loss = losses::lpips_loss(*lpips, 256);
    const auto of_a = loss.features({a, {}, {}, {}}, {}), of_b = loss.features({b, {}, {}, {}}, {});
    std::vector<at::Tensor> flat;
    for (const auto& layer : of_a) flat.push_back(layer.flatten(1));
    support::check_sampled(*projector, "area.feature_vector", at::cat(flat, 1), {1e-4});
    CHECK(scalar(loss.distance(of_a, of_b).sum()) == Approx(scalar((*projector)["area.dist"].sum())).epsilon(1e-4));
}

TEST_CASE("all LPIPS layers, and the distance's gradient at 512, are the published ones", "[.][slow][golden][losses]") {
    for (const auto trunk : {Lpips::Trunk::alexnet, Lpips::Trunk::vgg16}) {
        const auto golden =
            support::golden_arrays(trunk == Lpips::Trunk::alexnet ? "invert/lpips-alex.npz" : "invert/lpips-vgg.npz");
        const auto lpips = made(trunk);
        if (!golden || !lpips) return;
        const std::string size = trunk == Lpips::Trunk::alexnet ? "512" : "256";
        check_taps(*golden, *lpips, size);
        check_distance(*golden, *lpips, size, true);
    }
}

TEST_CASE("LPIPS is zero for equal pictures, with a finite gradient where nothing is seen", "[losses]") {
    const auto network = support::procedural_network("invert/lpips-alex");
    if (!network) return;
    const auto lpips = Lpips::load(Lpips::Trunk::alexnet, network->tensors, network->tensors);
    const auto x = support::smooth_picture(64, 1);
    CHECK(scalar(lpips.distance(x, x).sum()) == 0.0);
    const auto leaf = x.clone().requires_grad_(true);
    lpips.distance(leaf, x).sum().backward();
    CHECK(leaf.grad().isfinite().all().item<bool>());

    // Along a line, in double.
    const auto from = support::smooth_picture(40, 2, at::kDouble), to = support::smooth_picture(40, 3, at::kDouble);
    const auto position = at::full({}, 0.4, at::kDouble);
    CHECK(support::gradient_error([&] { return lpips.distance(from + position * (to - from), to).sum(); }, {position}) <
          1e-5);
}

TEST_CASE("LPIPS refuses files and pictures that do not fit", "[losses]") {
    using support::is_error;
    const auto network = support::procedural_network("invert/lpips-alex");
    if (!network) return;
    const auto& whole = network->tensors;
    const auto with = [&](const std::string& name, const at::Tensor& tensor) {
        StateDict changed;
        for (const auto& entry : whole.entries())
            if (entry.name != name)
                changed.add(entry.name, entry.tensor);
            else if (tensor.defined())
                changed.add(name, stored(tensor));
        return changed;
    };
    const auto load = [&](const StateDict& heads) { return Lpips::load(Lpips::Trunk::alexnet, whole, heads); };
    const std::string head = "lin2.model.1.weight";
    CHECK_THROWS_MATCHES(load(with(head, {})), Error, is_error(Errc::bad_file, head));
    CHECK_THROWS_MATCHES(load(with(head, at::full({1, 384, 1, 1}, -1.0))), Error, is_error(Errc::bad_file, "negative"));
    CHECK_THROWS_MATCHES(load(with(head, at::full({1, 384, 1, 1}, NAN))), Error, is_error(Errc::bad_file, "finite"));
    CHECK_THROWS_MATCHES(Lpips::load(Lpips::Trunk::vgg16, whole, whole), Error, is_error(Errc::bad_file, "features.0"));
    const auto lpips = load(whole);
    CHECK_THROWS_MATCHES(lpips.taps(at::zeros({1, 3, 16, 64})), Error, is_error(Errc::invalid_argument, "32"));
    CHECK_THROWS_MATCHES(lpips.taps(at::zeros({1, 1, 64, 64})), Error, is_error(Errc::shape_mismatch, "picture"));
}
