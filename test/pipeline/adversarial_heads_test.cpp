// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/adversarial_heads.hpp>

#include <ATen/ATen.h>

#include <cameo/core/cameras.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"
#include "train/dataset_laws.hpp"

using namespace cameo;
using support::same;
using support::scalar;

namespace {

AdversarialHeads tiny_heads(std::uint64_t label_seed = 0) {
    AdversarialHeadsOptions options{.label_seed = label_seed};
    options.heads.identities = 50;
    options.heads.view = {.size = 16, .samples = 1};
    return AdversarialHeads(options);
}

at::Tensor by_item(const at::Tensor& generated_labels) {
    return generated_labels.view({4, -1, 25}).transpose(0, 1).contiguous();
}

}  // namespace

TEST_CASE("heads are real pictures, seen by their cameras, and bring cameras for generated ones", "[pipeline]") {
    const auto heads = tiny_heads();
    support::check_dataset_laws(heads, [](const AdversarialBatch& batch) {
        return std::vector{batch.image, batch.labels, by_item(batch.generated_labels)};
    });
    const auto batch = heads.batch(7, 3);
    CHECK(batch.image.sizes() == at::IntArrayRef{3, 3, 16, 16});
    CHECK(scalar(batch.image.max()) == 1.0);  // the white background
    CHECK(scalar(batch.image.min()) < 0.5);
    const auto again = heads.batch(57, 1);
    CHECK(same(again.image, heads.batch(7, 1).image));  // the set begins anew
    CHECK_FALSE(same(again.generated_labels, heads.batch(7, 1).generated_labels));

    // Cameras of all four parts differ, stand on the heads' sphere and look at its pivot.
    const auto generated = by_item(batch.generated_labels);
    for (std::int64_t part = 1; part < 4; ++part)
        CHECK_FALSE(same(generated.select(1, 0).contiguous(), generated.select(1, part).contiguous()));
    const auto poses = generated.view({-1, 25}).narrow(1, 0, 16).view({-1, 4, 4});
    const auto& pivot_at = ffhq_cameras.pivot;
    const auto pivot = at::tensor(std::vector<float>(pivot_at.begin(), pivot_at.end()));
    const auto position = poses.slice(1, 0, 3).select(2, 3), forward = poses.slice(1, 0, 3).select(2, 2);
    const auto length = [](const at::Tensor& vectors) { return vectors.square().sum(-1, true).sqrt(); };
    CHECK(support::difference(length(position), at::full({12, 1}, ffhq_cameras.radius)) < 1e-5);
    const auto towards = pivot - position;
    CHECK(support::difference(forward, towards / length(towards)) < 1e-5);

    CHECK_FALSE(same(tiny_heads(1).batch(7, 3).generated_labels, batch.generated_labels));
    CHECK(same(tiny_heads(1).batch(7, 3).image, batch.image));
    CHECK(tiny_heads(1).options() != heads.options());
    CHECK_THROWS_MATCHES(heads.batch(0, 0), Error, support::is_error(Errc::invalid_argument, "batch"));
}
