// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/snapshot.hpp>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"

using namespace cameo;

namespace {

Snapshot made(float value) {
    return {{7, 56},
            {{"batch", "8"}, {"seed", "1"}},
            {{"a", at::full({2, 3}, value)}, {"b", at::full({}, value)}},
            {std::byte{1}, std::byte{2}}};
}

}  // namespace

TEST_CASE("what was stored is restored", "[train][snapshot]") {
    const auto snapshot = made(3.0F);
    auto other = made(0.0F);
    other.state = {};
    other.random.clear();
    restore(stored(snapshot), other);
    CHECK((other.state == snapshot.state));
    CHECK((other.random == snapshot.random));
    for (std::size_t i = 0; i < 2; ++i) CHECK(support::same(other.tensors[i].tensor, snapshot.tensors[i].tensor));
}

TEST_CASE("a snapshot of a run with other options is refused by their names", "[train][snapshot]") {
    auto other = made(0.0F);
    other.options = {{"batch", "16"}, {"seed", "1"}, {"dual", "true"}};
    const auto error = support::is_error(Errc::resume_mismatch, "batch was 8, is 16; dual was not there, is true");
    CHECK_THROWS_MATCHES(restore(stored(made(3.0F)), other), Error, error);
    CHECK(support::same(other.tensors[0].tensor, at::zeros({2, 3})));
}

TEST_CASE("a snapshot that lacks something changes nothing", "[train][snapshot]") {
    auto other = made(0.0F);
    const auto refused = [&](const Snapshot& snapshot, const std::string& part) {
        CHECK_THROWS_MATCHES(restore(stored(snapshot), other), Error, support::is_error(Errc::bad_file, part));
        CHECK(support::same(other.tensors[0].tensor, at::zeros({2, 3})));
    };
    auto missing = made(1.0F);
    missing.tensors.pop_back();
    refused(missing, "b");
    auto shaped = made(1.0F);
    shaped.tensors[1].tensor = at::ones({1});
    refused(shaped, "tensor 'b': expected F32 [], got F32 [1]");
    auto more = made(1.0F);
    more.tensors.push_back({"c", at::ones({1})});
    refused(more, "expected 3, got 4");
    auto state = stored(made(1.0F));
    state.metadata["training"] = "{";
    CHECK_THROWS_MATCHES(restore(state, other), Error, support::is_error(Errc::bad_file, "metadata"));
    state.metadata.clear();
    CHECK_THROWS_MATCHES(restore(state, other), Error, support::is_error(Errc::bad_file, "'training'"));
}

TEST_CASE("numbers among the options keep their bits", "[train][snapshot]") {
    CHECK(option_text(1e-8) == "1e-08");
    CHECK(option_text(0.1) == "0.1");
    CHECK(option_text(0.1F) == "0.10000000149011612");
    CHECK(model_options("G", R"({"a": {"b": [1, "x"]}})") == RunOptions{{"G/a/b/0", "1"}, {"G/a/b/1", "\"x\""}});
}
