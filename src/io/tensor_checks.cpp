// SPDX-License-Identifier: Apache-2.0
#include "io/tensor_checks.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string>

#include <cameo/core/error.hpp>

namespace cameo::io {
namespace {

/// Whether an element is bad is asked of whole runs first, in a loop without a branch that compilers turn into SIMD.
template <class Bits, class IsBad>
std::optional<std::size_t> first_where(std::span<const std::byte> bytes, IsBad is_bad) noexcept {
    constexpr std::size_t run = 1024;
    const auto count = bytes.size() / sizeof(Bits);
    for (std::size_t start = 0; start < count; start += run) {
        std::array<Bits, run> values{};  // zeros behind the end are good
        const auto here = std::min(run, count - start);
        std::memcpy(values.data(), bytes.data() + start * sizeof(Bits), here * sizeof(Bits));
        Bits any = 0;
        for (std::size_t i = 0; i < run; ++i)
            any = static_cast<Bits>(any | static_cast<Bits>(is_bad(values[i]) ? 1 : 0));
        if (any == 0) continue;
        return start + static_cast<std::size_t>(std::ranges::find_if(values, is_bad) - values.begin());
    }
    return std::nullopt;
}

/// An exponent of ones alone is a NaN's or an infinity's.
template <class Bits, Bits exponent>
std::optional<std::size_t> first_non_finite(std::span<const std::byte> bytes) noexcept {
    return first_where<Bits>(bytes, [](Bits bits) { return (bits & exponent) == exponent; });
}

}  // namespace

std::optional<std::uint64_t> byte_size_of(DType dtype, std::span<const std::int64_t> shape) noexcept {
    if (shape.size() > max_rank) return std::nullopt;
    bool empty = false;
    auto room = std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(size_of(dtype));
    std::uint64_t bytes = size_of(dtype);
    for (const auto size : shape) {
        if (size < 0) return std::nullopt;
        empty = empty || size == 0;
        const auto factor = std::max<std::int64_t>(size, 1);
        if (factor > room) return std::nullopt;
        room /= factor;
        bytes *= static_cast<std::uint64_t>(factor);
    }
    return empty ? 0 : bytes;
}

std::optional<std::size_t> first_bad_value(DType dtype, std::span<const std::byte> bytes) noexcept {
    switch (dtype) {
        case DType::f64:
            return first_non_finite<std::uint64_t, 0x7ff0'0000'0000'0000>(bytes);
        case DType::f32:
            return first_non_finite<std::uint32_t, 0x7f80'0000>(bytes);
        case DType::f16:
            return first_non_finite<std::uint16_t, 0x7c00>(bytes);
        case DType::bf16:
            return first_non_finite<std::uint16_t, 0x7f80>(bytes);
        case DType::boolean:
            return first_where<std::uint8_t>(bytes, [](std::uint8_t value) { return value > 1; });
        default:
            return std::nullopt;
    }
}

std::string_view good_values(DType dtype) noexcept {
    return dtype == DType::boolean ? "booleans of 0 or 1" : "finite numbers";
}

void stream_exactly(const StoredTensor& tensor, std::string_view subject, const ByteSink& sink) {
    const auto expected = tensor.byte_size();
    std::uint64_t found = 0;
    tensor.source->stream([&](std::span<const std::byte> run) {
        found += run.size();
        if (found <= expected) sink(run);
    });
    if (found != expected)
        throw Error(Errc::bad_file, std::string(subject) + ": expected " + std::to_string(expected) + " bytes, found " +
                                        std::to_string(found));
}

}  // namespace cameo::io
