// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/tensor_state.hpp>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::is_error;

namespace {

std::vector<std::byte> bytes_of(const std::vector<float>& values) {
    const auto view = std::as_bytes(std::span(values));
    return {view.begin(), view.end()};
}

/// Bytes without a whole, in runs that cut numbers apart.
class Runs final : public TensorSource {
  public:
    explicit Runs(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
    [[nodiscard]] std::span<const std::byte> contiguous() const noexcept override { return {}; }
    void stream(const ByteSink& sink) const override {
        for (std::size_t i = 0; i < bytes_.size(); i += 3)
            sink(std::span(bytes_).subspan(i, std::min<std::size_t>(3, bytes_.size() - i)));
    }

  private:
    std::vector<std::byte> bytes_;
};

}  // namespace

TEST_CASE("every stored type has its tensor type", "[core][tensor_state]") {
    for (const auto dtype : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::i64, DType::i32, DType::i16,
                             DType::i8, DType::u8, DType::boolean}) {
        CHECK(from_aten(to_aten(dtype)) == dtype);
        CHECK(c10::elementSize(to_aten(dtype)) == size_of(dtype));
    }
    CHECK(to_aten(DType::bf16) == at::kBFloat16);
    CHECK(to_aten(DType::u8) == at::kByte);
    CHECK_THROWS_MATCHES(from_aten(at::kComplexFloat), Error, is_error(Errc::invalid_argument, "ComplexFloat"));
}

TEST_CASE("bytes in memory are used where they lie, as long as the tensor lives", "[core][tensor_state]") {
    auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4, 5, 6});
    const std::weak_ptr<std::vector<float>> alive = owner;
    const auto* const data = owner->data();
    StoredTensor stored{DType::f32, {2, 3}, view_source(std::as_bytes(std::span(*owner)), owner)};
    owner.reset();
    auto values = tensor(stored, "x");
    stored.source.reset();
    CHECK_FALSE(alive.expired());
    CHECK(values.const_data_ptr<float>() == data);
    CHECK(values[1][0].item<float>() == 4);
    values = at::Tensor();
    CHECK(alive.expired());
}

TEST_CASE("bytes that do not lie right are copied", "[core][tensor_state]") {
    const auto expected = at::arange(6, at::kFloat).reshape({2, 3});
    const auto bytes = bytes_of({0, 1, 2, 3, 4, 5});
    SECTION("in runs") {
        CHECK(support::same(tensor({DType::f32, {2, 3}, std::make_shared<Runs>(bytes)}, "x"), expected));
    }
    SECTION("unaligned") {
        auto shifted = std::make_shared<std::vector<std::byte>>(bytes.size() + 1);
        std::ranges::copy(bytes, shifted->begin() + 1);
        const StoredTensor stored{DType::f32, {2, 3}, view_source(std::span(*shifted).subspan(1), shifted)};
        CHECK(support::same(tensor(stored, "x"), expected));
    }
    SECTION("wanted as one's own") {
        const StoredTensor stored{DType::f32, {2, 3}, memory_source(bytes)};
        auto own = owned_tensor(stored, "x");
        own.add_(1);
        CHECK(support::same(tensor(stored, "x"), expected));
    }
}

TEST_CASE("an empty tensor and a number are tensors too", "[core][tensor_state]") {
    CHECK(tensor({DType::f32, {0, 3}, memory_source({})}, "x").sizes() == at::IntArrayRef{0, 3});
    CHECK(tensor({DType::f32, {}, memory_source(bytes_of({7}))}, "x").item<float>() == 7);
}

TEST_CASE("a source that lied is refused with the tensor's name", "[core][tensor_state]") {
    const auto bytes = bytes_of({0, 1, 2});
    CHECK_THROWS_MATCHES(tensor({DType::f32, {4}, memory_source(bytes)}, "b4.const"), Error,
                         is_error(Errc::bad_file, "tensor 'b4.const': expected 16 bytes, found 12"));
    CHECK_THROWS_MATCHES(tensor({DType::f32, {4}, std::make_shared<Runs>(bytes)}, "x"), Error,
                         is_error(Errc::bad_file, "expected 16 bytes, found 12"));
    CHECK_THROWS_MATCHES(tensor({DType::f32, {2}, std::make_shared<Runs>(bytes)}, "x"), Error,
                         is_error(Errc::bad_file, "expected 8 bytes"));
    CHECK_THROWS_MATCHES(tensor({DType::boolean, {2}, memory_source({std::byte{1}, std::byte{2}})}, "x"), Error,
                         is_error(Errc::bad_file, "booleans"));
    CHECK_THROWS_MATCHES(owned_tensor({DType::u8, {std::int64_t{1} << 50}, memory_source({})}, "x"), Error,
                         is_error(Errc::out_of_memory, "tensor 'x'"));
}

TEST_CASE("a tensor can be stored and read back, bit by bit", "[core][tensor_state]") {
    const auto type = GENERATE(at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort,
                               at::kChar, at::kByte, at::kBool);
    const auto values = (at::arange(24) % 2).reshape({2, 3, 4}).to(type);
    const auto kept = stored(values);
    CHECK(kept.dtype == from_aten(type));
    CHECK(kept.shape == std::vector<std::int64_t>{2, 3, 4});
    CHECK(support::same(tensor(kept, "x"), values));
    CHECK(tensor(kept, "x").const_data_ptr() == values.const_data_ptr());
    const auto turned = values.permute({2, 0, 1});
    CHECK(support::same(tensor(stored(turned), "x"), turned));
}

TEST_CASE("gradients do not stop a tensor from being stored", "[core][tensor_state]") {
    const auto parameter = at::ones({3}).requires_grad_();
    CHECK_FALSE(tensor(stored(parameter), "x").requires_grad());
    CHECK_THROWS_MATCHES(stored(at::Tensor()), Error, is_error(Errc::invalid_argument, "no tensor"));
    CHECK_THROWS_MATCHES(stored(at::ones({2}).to_sparse()), Error, is_error(Errc::invalid_argument, "layout"));
    CHECK_THROWS_MATCHES(stored(at::ones({2}, at::kComplexDouble)), Error, is_error(Errc::invalid_argument));
}
