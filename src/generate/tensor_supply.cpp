// SPDX-License-Identifier: Apache-2.0
#include "generate/tensor_supply.hpp"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/core/tensor_state.hpp>
#include <cameo/ops/fir.hpp>

namespace cameo {

at::Tensor TensorSupply::parameter(const std::string& name, at::IntArrayRef shape, const Initial& initial) {
    return parameters.emplace_back(NamedTensor{name, take(name, shape, initial)}).tensor;
}

at::Tensor TensorSupply::buffer(const std::string& name, at::IntArrayRef shape, const Initial& initial) {
    return buffers.emplace_back(NamedTensor{name, take(name, shape, initial)}).tensor;
}

at::Tensor TensorSupply::optional_buffer(const std::string& name, at::IntArrayRef shape) {
    return has(name) ? buffer(name, shape, {}) : at::Tensor();
}

at::Tensor FileSupply::take(const std::string& name, at::IntArrayRef shape, const Initial&) {
    const auto full = prefix_ + name;
    const auto* stored = file_.find(full);
    if (!stored) throw Error(Errc::bad_file, "tensor '" + full + "': expected " + shape_text(shape) + ", got none");
    if (at::IntArrayRef(stored->shape) != shape)
        throw Error(Errc::bad_file,
                    "tensor '" + full + "': expected " + shape_text(shape) + ", got " + shape_text(stored->shape));
    auto tensor = cameo::tensor(*stored, full);
    if (!tensor.is_floating_point())
        throw Error(Errc::bad_file, "tensor '" + full + "': expected floating point numbers, got " +
                                        std::string(name_of(stored->dtype)));
    tensor = tensor.to(at::TensorOptions(device_).dtype(at::kFloat), /*non_blocking=*/false, /*copy=*/true);
    if (!at::isfinite(tensor).all().item<bool>())
        throw Error(Errc::bad_file, "tensor '" + full + "': expected finite numbers, got a NaN or an infinity");
    taken_.insert(full);
    return tensor;
}

void FileSupply::finish() const {
    std::string first;
    std::size_t count = 0;
    for (const auto& entry : file_.entries())
        if (entry.name.starts_with(prefix_) && !taken_.contains(entry.name) && count++ == 0) first = entry.name;
    if (count > 0)
        throw Error(Errc::bad_file, "tensor '" + first + "': expected no such tensor in this network, got " +
                                        std::to_string(count) + " that do not belong to it");
}

CopySupply::CopySupply(const NamedTensors& from, const NamedTensors& also_from, at::Device device) : device_(device) {
    for (const auto* list : {&from, &also_from})
        for (const auto& [name, tensor] : *list) tensors_.emplace(name, tensor);
}

at::Tensor CopySupply::take(const std::string& name, at::IntArrayRef, const Initial&) {
    const auto& source = tensors_.at(name);
    auto copy = source.detach().to(device_, source.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
    return copy.requires_grad_(source.requires_grad());
}

at::Tensor InitialSupply::take(const std::string&, at::IntArrayRef shape, const Initial& initial) {
    if (initial.kind == Initial::Kind::fir) return ops::fir_filter();
    if (initial.kind == Initial::Kind::constant) return at::full(shape, initial.scale, at::kFloat);
    return random_.normal(shape, at::kFloat).mul_(initial.scale);
}

StateDict state_of(const NamedTensors& parameters, const NamedTensors& buffers, const std::string& prefix,
                   const std::string& description) {
    StateDict result;
    for (const auto* list : {&parameters, &buffers})
        for (const auto& [name, tensor] : *list) result.add(prefix + name, stored(tensor.detach()));
    const auto network = prefix.substr(0, prefix.find('.'));
    result.metadata["cameo"] =
        nlohmann::json{{"architecture", "eg3d"}, {"networks", {{network, nlohmann::json::parse(description)}}}}.dump();
    return result;
}

}  // namespace cameo
