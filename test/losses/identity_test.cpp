// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/identity.hpp>

#include <string>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/pictures.hpp"
#include "support/procedural_weights.hpp"
#include "support/sampled.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using losses::FaceIdentity;
using support::scalar;

namespace {

void check_gradient(const support::GoldenArrays& golden, const FaceIdentity& identity, const std::string& prefix) {
    const auto y = support::symmetric(golden["y_u8"]);
    const auto estimate = (0.8 * y.roll(3, 3) + 0.1).requires_grad_(true);
    const auto loss = identity.distance(estimate, y).mean();
    CHECK(std::abs(scalar(loss) - scalar(golden[prefix + "id_loss"].sum())) < 1e-5);
    loss.backward();
    const auto norm = scalar(golden[prefix + "grad_norm"].sum());
    CHECK(scalar(estimate.grad().norm()) == Approx(norm).epsilon(1e-3));
    support::check_sampled(golden, prefix + "grad", estimate.grad(), {1e-3}, norm);
}

}  // namespace

TEST_CASE("ArcFace gives the published numbers with either squeeze", "[golden][losses]") {
    const auto golden = support::golden_arrays("invert/arcface-ir-se50.npz");
    const auto terms = support::golden_arrays("invert/loss-3dpsp.npz");
    const auto network = support::procedural_network("invert/arcface-ir-se50");
    if (!golden || !terms || !network) return;
    const auto average = FaceIdentity::load(network->tensors);
    const auto maximum = FaceIdentity::load(network->tensors, FaceIdentity::Squeeze::maximum);
    check_gradient(*golden, average, "avg.");

    const c10::NoGradGuard no_gradient;
    const auto faces = support::symmetric((*golden)["crop112_u8"]);
    support::check_sampled(*golden, "max.body", maximum.body(faces), {1e-4});
    support::check_close("max", maximum.embedding(faces), (*golden)["max.embedding112"], {1e-4});
    support::check_close("pre_norm", average.unscaled(faces), (*golden)["avg.pre_norm"], {1e-4});

    const auto cropped = losses::face_crop(support::symmetric((*golden)["image256_u8"]));
    support::check_sampled(*golden, "crop256_pooled", cropped, {1e-5});
    support::check_close("256", average.embedding(cropped), (*golden)["avg.embedding256"], {1e-4});
    support::check_sampled(*golden, "crop512_pooled", losses::face_crop(support::symmetric((*golden)["y_u8"])), {1e-5});

    const auto x = support::symmetric((*terms)["x_u8"]), xm = x.flip(3);
    const auto y = 0.9 * x.roll(2, 3) + 0.05, ym = 0.8 * xm.roll(-4, 2) - 0.02;
    const auto expected = (*terms)["avgpool.loss_id"];
    CHECK(std::abs(scalar(average.distance(y, x).mean()) - scalar(expected[0])) < 1e-5);
    CHECK(std::abs(scalar(average.distance(ym, xm).mean()) - scalar(expected[1])) < 1e-5);
}

TEST_CASE("ArcFace's gradient with the maximum's squeeze is the published one", "[.][slow][golden][losses]") {
    const auto golden = support::golden_arrays("invert/arcface-ir-se50.npz");
    const auto network = support::procedural_network("invert/arcface-ir-se50");
    if (!golden || !network) return;
    check_gradient(*golden, FaceIdentity::load(network->tensors, FaceIdentity::Squeeze::maximum), "max.");
}

TEST_CASE("ArcFace refuses files and pictures that do not fit", "[losses]") {
    using support::is_error;
    CHECK_THROWS_MATCHES(FaceIdentity::load(StateDict{}), Error, is_error(Errc::bad_file, "input_layer.0.weight"));
    CHECK_THROWS_MATCHES(losses::face_crop(at::zeros({1, 3, 64, 32})), Error, is_error(Errc::shape_mismatch));
    CHECK_THROWS_MATCHES(losses::face_crop(at::zeros({1, 3, 16, 16})), Error, is_error(Errc::invalid_argument));
}
