// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <cameo/core/state_dict.hpp>

namespace cameo::support {

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    return {bytes.begin(), bytes.end()};
}

template <class T>
StoredTensor stored(DType dtype, std::vector<std::int64_t> shape, const std::vector<T>& values) {
    return {dtype, std::move(shape), memory_source(bytes_of(values))};
}

template <class T>
std::vector<T> values_of(const StoredTensor& tensor) {
    const auto bytes = read_bytes(tensor);
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
}

/// Hands its bytes on in runs of a length that fits no element.
class PiecewiseSource final : public TensorSource {
  public:
    explicit PiecewiseSource(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
    std::span<const std::byte> contiguous() const noexcept override { return {}; }
    void stream(const ByteSink& sink) const override {
        for (std::span<const std::byte> rest(bytes_); !rest.empty();) {
            const auto run = std::min<std::size_t>(rest.size(), 7);
            sink(rest.first(run));
            rest = rest.subspan(run);
        }
    }

  private:
    std::vector<std::byte> bytes_;
};

/// A tensor of every type that a file may hold, a scalar and an empty one among them; values differ from byte to byte.
inline StateDict one_of_each_type() {
    StateDict tensors;
    std::uint32_t seed = 1;
    const auto add = [&](const std::string& name, DType dtype, std::vector<std::int64_t> shape) {
        StoredTensor tensor{dtype, std::move(shape), nullptr};
        std::vector<std::byte> bytes(tensor.byte_size());
        for (auto& byte : bytes) {
            seed = seed * 1664525u + 1013904223u;
            // No exponent of ones: every bit pattern is a finite number.
            byte = static_cast<std::byte>(dtype == DType::boolean ? seed >> 31u : seed >> 24u & 0xb7u);
        }
        tensor.source = memory_source(std::move(bytes));
        tensors.add(name, std::move(tensor));
    };
    add("u8", DType::u8, {3});
    add("f64", DType::f64, {2, 3});
    add("f32", DType::f32, {4, 1, 2});
    add("f16", DType::f16, {5});
    add("bf16", DType::bf16, {1, 1, 1, 1, 1, 1, 1, 3});
    add("scalar", DType::f32, {});
    add("empty", DType::i64, {3, 0, 2});
    add("i64", DType::i64, {2});
    add("i32", DType::i32, {1, 3});
    add("i16", DType::i16, {7});
    add("i8", DType::i8, {5});
    add("mask", DType::boolean, {3, 3});
    return tensors;
}

inline void check_equal(const StateDict& found, const StateDict& expected) {
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto& [name, tensor] = expected.entries()[i];
        INFO(name);
        CHECK(found.entries()[i].name == name);
        CHECK(found.entries()[i].tensor.dtype == tensor.dtype);
        CHECK(found.entries()[i].tensor.shape == tensor.shape);
        CHECK((read_bytes(found.entries()[i].tensor) == read_bytes(tensor)));
    }
}

}  // namespace cameo::support
