// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/random.hpp>

#include <algorithm>
#include <mutex>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>

#include "core/tensor_check.hpp"

namespace cameo {
namespace {

at::TensorOptions checked(const at::TensorOptions& options) {
    if (!c10::isFloatingType(options.dtype().toScalarType()))
        throw Error(Errc::invalid_argument, std::string("random numbers: expected a floating point type, got ") +
                                                c10::toString(options.dtype().toScalarType()));
    return options;
}

at::TensorOptions on_device_of(const at::Generator& generator, const at::TensorOptions& options) {
    const auto device = generator.device();
    if (options.has_device() && options.device().type() != device.type())
        throw Error(Errc::invalid_argument, "random numbers: expected the generator's device " + device.str() +
                                                ", got " + options.device().str());
    return checked(options).device(device);
}

}  // namespace

RandomSource::~RandomSource() = default;

at::Tensor detail::draw(FillFunction fill, void* stream, at::IntArrayRef shape, const at::TensorOptions& options) {
    checked(options);
    auto numbers = at::empty(shape, at::kDouble);
    fill(stream, {numbers.mutable_data_ptr<double>(), static_cast<std::size_t>(numbers.numel())});
    return numbers.to(complete(options));
}

AtenSource::AtenSource(const at::Device& device, std::uint64_t seed) {
    if (!device.is_cpu() && !(device.is_cuda() && at::hasCUDA()))
        throw Error(Errc::device_unsupported, "random numbers: expected a device of this machine, got " + device.str());
    try {
        generator_ = std::make_shared<at::Generator>(at::globalContext().defaultGenerator(device).clone());
    } catch (const c10::Error& refused) {
        throw Error(Errc::device_unsupported, "random numbers: expected a device of this machine, got " + device.str() +
                                                  " (" + refused.what_without_backtrace() + ")");
    }
    generator_->set_current_seed(seed);
}

AtenSource::AtenSource(const at::Generator& generator) : generator_(std::make_shared<at::Generator>(generator)) {}

at::Tensor AtenSource::uniform(at::IntArrayRef shape, const at::TensorOptions& options) {
    return at::rand(shape, *generator_, on_device_of(*generator_, options));
}

at::Tensor AtenSource::normal(at::IntArrayRef shape, const at::TensorOptions& options) {
    return at::randn(shape, *generator_, on_device_of(*generator_, options));
}

std::vector<std::byte> AtenSource::save() const {
    const std::scoped_lock lock(generator_->mutex());
    const auto state = generator_->get_state();
    const auto bytes = std::as_bytes(std::span(state.const_data_ptr<std::uint8_t>(), state.nbytes()));
    return {bytes.begin(), bytes.end()};
}

void AtenSource::load(std::span<const std::byte> state) {
    auto bytes = at::empty({static_cast<std::int64_t>(state.size())}, at::kByte);
    std::ranges::copy(state, static_cast<std::byte*>(bytes.mutable_data_ptr()));
    try {
        const std::scoped_lock lock(generator_->mutex());
        generator_->set_state(bytes);
    } catch (const c10::Error& refused) {
        throw Error(Errc::bad_file,
                    std::string("random state: expected one of a LibTorch generator, got other bytes (") +
                        refused.what_without_backtrace() + ")");
    }
}

}  // namespace cameo
