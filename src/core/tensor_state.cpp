// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/tensor_state.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>

namespace cameo {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian and are used where they lie");

constexpr std::array types{
    std::pair(DType::f64, at::kDouble),    std::pair(DType::f32, at::kFloat), std::pair(DType::f16, at::kHalf),
    std::pair(DType::bf16, at::kBFloat16), std::pair(DType::i64, at::kLong),  std::pair(DType::i32, at::kInt),
    std::pair(DType::i16, at::kShort),     std::pair(DType::i8, at::kChar),   std::pair(DType::u8, at::kByte),
    std::pair(DType::boolean, at::kBool),
};

std::string quoted(std::string_view name) { return "tensor '" + std::string(name) + "'"; }

void check_booleans(DType dtype, std::span<const std::byte> bytes, std::string_view name) {
    if (dtype == DType::boolean && std::ranges::any_of(bytes, [](std::byte b) { return b > std::byte{1}; }))
        throw Error(Errc::bad_file, quoted(name) + ": expected booleans of 0 or 1, found another byte");
}

void check_size(const StoredTensor& stored, std::uint64_t found, std::string_view name) {
    if (found != stored.byte_size())
        throw Error(Errc::bad_file, quoted(name) + ": expected " + std::to_string(stored.byte_size()) +
                                        " bytes, found " + std::to_string(found));
}

at::Tensor copied(const StoredTensor& stored, std::string_view name) {
    at::Tensor result;
    try {
        result = at::empty(stored.shape, to_aten(stored.dtype));
    } catch (const c10::Error&) {  // what LibTorch's allocator throws
        throw Error(Errc::out_of_memory,
                    quoted(name) + ": expected room for " + std::to_string(stored.byte_size()) + " bytes, got none");
    }
    const std::span room(static_cast<std::byte*>(result.mutable_data_ptr()), stored.byte_size());
    std::uint64_t filled = 0;
    stored.source->stream([&](std::span<const std::byte> run) {
        if (run.size() > room.size() - filled) check_size(stored, filled + run.size(), name);
        std::ranges::copy(run, room.subspan(filled).begin());
        filled += run.size();
    });
    check_size(stored, filled, name);
    check_booleans(stored.dtype, room, name);
    return result;
}

/// A tensor's memory as a source of bytes.
class MemoryOfTensor final : public TensorSource {
  public:
    explicit MemoryOfTensor(at::Tensor tensor) : tensor_(std::move(tensor)) {}
    std::span<const std::byte> contiguous() const noexcept override {
        return {static_cast<const std::byte*>(tensor_.const_data_ptr()), tensor_.nbytes()};
    }
    void stream(const ByteSink& sink) const override { sink(contiguous()); }

  private:
    at::Tensor tensor_;
};

}  // namespace

at::ScalarType to_aten(DType dtype) noexcept {
    return std::ranges::find(types, dtype, &decltype(types)::value_type::first)->second;
}

DType from_aten(at::ScalarType type) {
    const auto* const place = std::ranges::find(types, type, &decltype(types)::value_type::second);
    if (place == types.end())
        throw Error(Errc::invalid_argument,
                    std::string("tensor: expected a type that files hold, got ") + c10::toString(type));
    return place->first;
}

at::Tensor tensor(const StoredTensor& stored, std::string_view name) {
    const auto bytes = stored.source->contiguous();
    const auto is_aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(stored.dtype) == 0;
    if (bytes.empty() || !is_aligned) return copied(stored, name);
    check_size(stored, bytes.size(), name);
    check_booleans(stored.dtype, bytes, name);
    return at::from_blob(
        const_cast<std::byte*>(bytes.data()), stored.shape, [owner = stored.source](void*) {}, to_aten(stored.dtype));
}

at::Tensor owned_tensor(const StoredTensor& stored, std::string_view name) { return copied(stored, name); }

StoredTensor stored(const at::Tensor& tensor) {
    if (!tensor.defined() || tensor.layout() != at::kStrided)
        throw Error(Errc::invalid_argument, "tensor: expected a strided one to store, got " +
                                                std::string(tensor.defined() ? "another layout" : "no tensor"));
    const auto on_host = tensor.detach().to(at::kCPU).contiguous();
    return {from_aten(tensor.scalar_type()), tensor.sizes().vec(), std::make_shared<MemoryOfTensor>(on_host)};
}

}  // namespace cameo
