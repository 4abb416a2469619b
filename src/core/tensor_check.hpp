// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/core/error.hpp>

namespace cameo {

/// With a type and a device, LibTorch's defaults where none is named: to() would keep a tensor's own.
inline at::TensorOptions complete(const at::TensorOptions& options) {
    return options.dtype(options.dtype()).device(options.device());
}

/// Errors   invalid_argument: not floating point
inline void check_floating(std::string_view subject, const at::Tensor& tensor) {
    if (!tensor.is_floating_point())
        throw Error(Errc::invalid_argument, std::string(subject) + ": expected a floating point type, got " +
                                                c10::toString(tensor.scalar_type()));
}

/// Errors   invalid_argument: two types or two devices
inline void check_alike(std::string_view subject, const at::Tensor& tensor, std::string_view other_subject,
                        const at::Tensor& other) {
    const auto words = [](const at::Tensor& t) {
        return std::string(c10::toString(t.scalar_type())) + " on " + t.device().str();
    };
    if (tensor.scalar_type() != other.scalar_type() || tensor.device() != other.device())
        throw Error(Errc::invalid_argument, std::string(subject) + ": expected " + words(other) + " as " +
                                                std::string(other_subject) + ", got " + words(tensor));
}

}  // namespace cameo
