// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/state_dict.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "support/errors.hpp"

using namespace cameo;
using support::is_error;

namespace {

std::vector<std::byte> counting(std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i);
    return bytes;
}

StoredTensor counting_tensor(std::vector<std::int64_t> shape) {
    StoredTensor tensor{DType::i16, std::move(shape), nullptr};
    tensor.source = memory_source(counting(tensor.byte_size()));
    return tensor;
}

/// Hands its bytes out in runs and has no whole.
class Runs final : public TensorSource {
  public:
    explicit Runs(std::size_t size) : bytes_(counting(size)) {}
    [[nodiscard]] std::span<const std::byte> contiguous() const noexcept override { return {}; }
    void stream(const ByteSink& sink) const override {
        for (std::size_t i = 0; i < bytes_.size(); i += 3)
            sink(std::span(bytes_).subspan(i, std::min<std::size_t>(3, bytes_.size() - i)));
    }

  private:
    std::vector<std::byte> bytes_;
};

}  // namespace

TEST_CASE("tensors are found by name and listed in order", "[core][state_dict]") {
    StateDict state;
    state.add("b.weight", counting_tensor({2, 3}));
    state.add("a", counting_tensor({}));
    CHECK(state.size() == 2);
    CHECK(state.entries()[0].name == "b.weight");
    CHECK(state.contains("a"));
    CHECK(state.find("c") == nullptr);
    CHECK(state.at("b.weight").numel() == 6);
    CHECK(state.at("b.weight").byte_size() == 12);
    CHECK(state.at("a").numel() == 1);
    CHECK_THROWS_MATCHES(state.at("c"), Error, is_error(Errc::bad_file, "'c'"));
    CHECK_THROWS_MATCHES(state.add("a", counting_tensor({1})), Error, is_error(Errc::bad_file, "'a': expected once"));
    CHECK(state.at("a").shape.empty());
}

TEST_CASE("a prefix selects its tensors without it", "[core][state_dict]") {
    StateDict state;
    state.metadata["cameo"] = "{}";
    for (const auto* name : {"G.x", "G_ema.b", "G_ema.a", "D.x"}) state.add(name, counting_tensor({1}));
    const auto part = state.with_prefix("G_ema.");
    REQUIRE(part.size() == 2);
    CHECK(part.entries()[0].name == "b");
    CHECK(part.contains("a"));
    CHECK(part.metadata.at("cameo") == "{}");
}

TEST_CASE("bytes are read whole from one run or from many", "[core][state_dict]") {
    CHECK(read_bytes(counting_tensor({2, 5})) == counting(20));
    CHECK(read_bytes({DType::u8, {7}, std::make_shared<Runs>(7)}) == counting(7));
    CHECK_THROWS_MATCHES(read_bytes({DType::u8, {8}, std::make_shared<Runs>(7)}), Error,
                         is_error(Errc::bad_file, "expected 8 bytes, found 7"));
    CHECK(read_bytes(counting_tensor({0, 4})).empty());
}

TEST_CASE("a view keeps its owner alive", "[core][state_dict]") {
    auto owner = std::make_shared<std::vector<std::byte>>(counting(4));
    const std::weak_ptr<std::vector<std::byte>> alive = owner;
    auto source = view_source(*owner, owner);
    owner.reset();
    CHECK_FALSE(alive.expired());
    CHECK(source->contiguous()[3] == std::byte{3});
    source.reset();
    CHECK(alive.expired());
}
