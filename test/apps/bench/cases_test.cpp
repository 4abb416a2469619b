// SPDX-License-Identifier: Apache-2.0
#include "bench/cases.hpp"

#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/io/file.hpp>
#include <cameo/ops/reference_ops.hpp>
#include <nlohmann/json.hpp>

#include "bench/difference.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_eg3d.hpp"
#include "support/tiny_training.hpp"

using namespace cameo;
using namespace cameo::apps::bench;

namespace {

Outcome by_reference(const Case& work) {
    const ops::ReferenceOps guard;
    return work.run();
}

}  // namespace

TEST_CASE("every case of a model is the same by the reference policy and by cameo, each time", "[apps][bench]") {
    const Subject subject(support::tiny_eg3d());
    for (const auto name : case_names()) {
        if (!is_of_model(name)) continue;
        INFO(name);
        const auto work = model_case(name, subject, 2);
        CHECK(work.gflop > 0.0);
        CHECK(work.batch == 2);
        const auto expected = by_reference(work), actual = work.run(), again = work.run();
        if (work.loss) {
            CHECK(difference(expected.losses, actual.losses).max_abs < 1e-5);
            CHECK(difference(expected.gradient, actual.gradient).rel_l2 < 1e-4);
            CHECK(difference(actual.gradient, again.gradient).rel_l2 < 1e-5);
            CHECK(actual.gradient.abs().max().item<float>() > 0.0f);
            CHECK(work.loss().requires_grad());
        } else {
            CHECK(difference(expected.result, actual.result).max_abs < 2e-3);
            CHECK(difference(expected.result, actual.result).rel_l2 < 1e-4);
            CHECK(at::equal(actual.result, again.result));
            CHECK_FALSE(actual.result.requires_grad());
        }
        std::vector<std::string> names;
        for (const auto& each : work.inputs()) names.push_back(each.name);
        CHECK(names.size() >= 1);
    }
}

TEST_CASE("convolutions in every way are the one in float64, of which only the upper rows are computed",
          "[apps][bench]") {
    for (const auto doubles : {false, true})
        for (const std::int64_t batch : {1, 2}) {
            const auto work = convolution_case("small", {6, 4, 80, doubles}, batch);
            const auto truth = work.truth();
            CHECK(truth.scalar_type() == at::kDouble);
            CHECK(truth.size(2) == 64);
            CHECK(truth.size(3) == (doubles ? 160 : 80));
            const auto check = [&](const Outcome& outcome) {
                CHECK(difference(truth, work.part(outcome.result)).rel_l2 < 1e-5);
            };
            check(by_reference(work));
            check(work.run());
            REQUIRE(work.plain.size() == 2);
            for (const auto& way : work.plain) check(way.run());
            CHECK(work.plain[1].run().result.is_contiguous(at::MemoryFormat::ChannelsLast));
        }
    CHECK(convolution_named("conv_up_256").doubles);
}

TEST_CASE("a training step has the losses and gradients of the reference policy", "[apps][bench]") {
    const support::TemporaryFolder folder;
    io::write_file(folder / "heads.json", support::tiny_training().dump(), io::Overwrite::no);
    const auto work = train_case(folder / "heads.json");
    CHECK(work.batch == 2);
    const auto expected = by_reference(work), actual = work.run();
    CHECK(expected.losses.numel() == 6);
    CHECK(difference(expected.losses, actual.losses).max_abs < 1e-4);
    CHECK(difference(expected.gradient, actual.gradient).rel_l2 < 1e-3);
}
