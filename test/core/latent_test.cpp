// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/latent.hpp>

#include <type_traits>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::is_error;

TEST_CASE("latents know their sizes", "[core][latent]") {
    const ZLatent z(at::zeros({2, 512}));
    CHECK(z.count() == 2);
    CHECK(z.z_dim() == 512);
    const WLatent ws(at::zeros({3, 14, 512}));
    CHECK(ws.count() == 3);
    CHECK(ws.num_ws() == 14);
    CHECK(ws.w_dim() == 512);
}

TEST_CASE("one w stands in every row and collects every row's gradient", "[core][latent]") {
    const auto w = at::arange(6, at::kFloat).reshape({2, 3}).requires_grad_();
    const auto ws = WLatent::repeated(w, 4);
    CHECK(ws.num_ws() == 4);
    for (std::int64_t i = 0; i < 4; ++i) CHECK(support::same(ws.tensor().select(1, i), w));
    ws.tensor().sum().backward();
    CHECK(support::same(w.grad(), at::full({2, 3}, 4.F)));
    CHECK_THROWS_MATCHES(WLatent::repeated(w, 0), Error, is_error(Errc::invalid_argument, "num_ws"));
    CHECK_THROWS_MATCHES(WLatent::repeated(at::zeros({2, 3, 4}), 2), Error,
                         is_error(Errc::shape_mismatch, "w: expected"));
}

TEST_CASE("a tensor of another shape or type is no latent, and none turns into one by itself", "[core][latent]") {
    CHECK_THROWS_MATCHES(ZLatent(at::zeros({2, 14, 512})), Error,
                         is_error(Errc::shape_mismatch, "z: expected [N, z_dim]"));
    CHECK_THROWS_MATCHES(ZLatent(at::Tensor()), Error, is_error(Errc::shape_mismatch, "no tensor"));
    CHECK_THROWS_MATCHES(WLatent(at::zeros({2, 512})), Error,
                         is_error(Errc::shape_mismatch, "ws: expected [N, num_ws, w_dim], got [2, 512]"));
    CHECK_THROWS_MATCHES(WLatent(at::zeros({2, 14, 512}, at::kLong)), Error, is_error(Errc::invalid_argument, "ws"));
    STATIC_REQUIRE_FALSE(std::is_convertible_v<at::Tensor, WLatent>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<ZLatent, WLatent>);
}
