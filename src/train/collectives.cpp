// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/collectives.hpp>

#include <algorithm>
#include <cstring>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace cameo::detail {

at::Tensor packed_gradients(const NamedTensors& parameters) {
    const c10::NoGradGuard no_grad;
    std::vector<at::Tensor> pieces;
    std::vector<float> present;
    for (const auto& [name, tensor] : parameters) {
        const auto& gradient = tensor.grad();
        present.push_back(gradient.defined() ? 1.0F : 0.0F);
        pieces.push_back(gradient.defined() ? gradient.reshape(-1)
                                            : at::zeros({tensor.numel()}, tensor.options().requires_grad(false)));
    }
    if (pieces.empty()) return at::empty({0});
    pieces.push_back(at::tensor(present).to(pieces.front().options()));
    return at::cat(pieces);
}

void unpack_gradients(const NamedTensors& parameters, const at::Tensor& sum, std::int64_t processes) {
    const c10::NoGradGuard no_grad;
    const auto count = static_cast<std::int64_t>(parameters.size());
    const auto mean = sum.narrow(0, 0, sum.size(0) - count).div(static_cast<double>(processes));
    const auto present = sum.narrow(0, sum.size(0) - count, count).to(at::kCPU, at::kDouble);
    std::int64_t first = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        const auto& tensor = parameters[static_cast<std::size_t>(i)].tensor;
        tensor.mutable_grad() =
            number(present, i) > 0.0 ? mean.narrow(0, first, tensor.numel()).view(tensor.sizes()) : at::Tensor();
        first += tensor.numel();
    }
}

at::Tensor numbers(std::int64_t count) { return at::zeros({count}, at::kDouble); }
double number(const at::Tensor& numbers, std::int64_t index) { return numbers.const_data_ptr<double>()[index]; }
void set_number(const at::Tensor& numbers, std::int64_t index, double value) {
    numbers.mutable_data_ptr<double>()[index] = value;
}

void divide(const at::Tensor& tensor, std::int64_t by) {
    const c10::NoGradGuard no_grad;
    tensor.div_(static_cast<double>(by));
}

at::Tensor padded_bytes(const std::string& text, std::int64_t row, std::int64_t rows, std::int64_t width) {
    auto bytes = at::zeros({rows, width}, at::kByte);
    std::memcpy(bytes.mutable_data_ptr<std::uint8_t>() + row * width, text.data(), text.size());
    return bytes;
}

std::vector<std::string> texts_of(const at::Tensor& bytes, const at::Tensor& lengths) {
    std::vector<std::string> texts;
    const auto width = bytes.size(1);
    const auto* const data = reinterpret_cast<const char*>(bytes.const_data_ptr<std::uint8_t>());
    for (std::int64_t row = 0; row < bytes.size(0); ++row)
        texts.emplace_back(data + row * width, static_cast<std::size_t>(number(lengths, row)));
    return texts;
}

}  // namespace cameo::detail
