// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/shape.hpp>

#include <catch2/catch.hpp>

#include <vector>

#include "support/errors.hpp"

using namespace cameo;
using support::is_error;
using Sizes = std::vector<std::int64_t>;

namespace {

/// Stands for a tensor, which this part of the library does not know.
struct Block {
    Sizes shape;
    bool there = true;
    [[nodiscard]] bool defined() const { return there; }
    [[nodiscard]] const Sizes& sizes() const { return shape; }
};

}  // namespace

TEST_CASE("a shape that fits binds the names of its pattern", "[core][shape]") {
    const auto shape = ShapeCheck()
                           .expect("planes", Sizes{2, 3, 32, 256, 128}, "[N, 3, C, H, W]")
                           .expect("points", Block{{2, 77, 3}}, "[N, M, 3]");
    CHECK(shape["N"] == 2);
    CHECK(shape["C"] == 32);
    CHECK(shape["H"] == 256);
    CHECK(shape["W"] == 128);
    CHECK(shape["M"] == 77);
}

TEST_CASE("a shape that does not fit is told with expectation and fact", "[core][shape]") {
    CHECK_THROWS_MATCHES(ShapeCheck().expect("planes", Sizes{2, 96, 256, 256}, "[N, 3, C, H, W]"), Error,
                         is_error(Errc::shape_mismatch, "planes: expected [N, 3, C, H, W], got [2, 96, 256, 256]"));
    CHECK_THROWS_MATCHES(ShapeCheck().expect("points", Sizes{2, 77, 2}, "[N, M, 3]"), Error,
                         is_error(Errc::shape_mismatch, "points: expected [N, M, 3], got [2, 77, 2]"));
    CHECK_THROWS_MATCHES(ShapeCheck().expect("scalar", Sizes{1}, "[]"), Error,
                         is_error(Errc::shape_mismatch, "scalar: expected [], got [1]"));
}

TEST_CASE("a name means one size everywhere and the message says which", "[core][shape]") {
    ShapeCheck shape;
    shape.expect("planes", Sizes{2, 3, 32, 8, 8}, "[N, 3, C, H, W]");
    CHECK_THROWS_MATCHES(shape.expect("points", Sizes{3, 5, 3}, "[N, M, 3]"), Error,
                         is_error(Errc::shape_mismatch, "points: expected [N, M, 3] with N = 2, got [3, 5, 3]"));
    CHECK_THROWS_MATCHES(shape.expect("pairs", Sizes{9, 32, 2}, "[C, N, 2]"), Error,
                         is_error(Errc::shape_mismatch, "[C, N, 2] with N = 2, C = 32, got [9, 32, 2]"));
    CHECK_THROWS_MATCHES(ShapeCheck().expect("square", Sizes{4, 5}, "[S, S]"), Error,
                         is_error(Errc::shape_mismatch, "square: expected [S, S], got [4, 5]"));
}

TEST_CASE("a star is any size, and zero is a size", "[core][shape]") {
    CHECK_NOTHROW(ShapeCheck().expect("x", Sizes{4, 5, 6}, "[*, 5, *]"));
    CHECK(ShapeCheck().expect("x", Sizes{0, 5}, "[N, 5]")["N"] == 0);
}

TEST_CASE("a size known from elsewhere can be bound first", "[core][shape]") {
    auto shape = ShapeCheck().bind("w_dim", 512);
    CHECK_NOTHROW(shape.expect("w", Sizes{3, 512}, "[N, w_dim]"));
    CHECK_THROWS_MATCHES(
        shape.expect("w", Sizes{3, 256}, "[N, w_dim]"), Error,
        is_error(Errc::shape_mismatch, "w: expected [N, w_dim] with w_dim = 512, N = 3, got [3, 256]"));
    CHECK_NOTHROW(shape.bind("N", 3));
    CHECK_THROWS_MATCHES(shape.bind("N", 4), Error, is_error(Errc::shape_mismatch, "N: expected 3, got 4"));
}

TEST_CASE("an absent tensor is told as such", "[core][shape]") {
    CHECK_THROWS_MATCHES(ShapeCheck().expect("points", Block{{}, false}, "[N, M, 3]"), Error,
                         is_error(Errc::shape_mismatch, "points: expected [N, M, 3], got no tensor"));
}

TEST_CASE("a name that no pattern used is a fault of the caller", "[core][shape]") {
    CHECK_THROWS_MATCHES(ShapeCheck().expect("x", Sizes{1}, "[N]")["M"], Error, is_error(Errc::internal, "'M'"));
}

TEST_CASE("only what has sizes and may be absent is shaped", "[core][shape]") {
    STATIC_REQUIRE(Shaped<Block>);
    STATIC_REQUIRE_FALSE(Shaped<Sizes>);
    STATIC_REQUIRE_FALSE(Shaped<int>);
}
