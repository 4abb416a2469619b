// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/random_stream.hpp>
#include <cameo/core/export.hpp>

namespace cameo {

/// Where a call takes its random numbers from. Whoever needs some draws whole tensors, before work is cut into chunks,
/// so that results do not depend on the chunks.
/// Threads  one at a time
class CAMEO_API RandomSource {
  public:
    RandomSource() = default;
    RandomSource(const RandomSource&) = default;
    RandomSource& operator=(const RandomSource&) = default;
    virtual ~RandomSource();

    /// A tensor of uniform numbers, and one of standard normal numbers, of the type and on the device of `options`.
    /// Errors   invalid_argument: a type that is not floating point
    /// Quirk    drawn as float64 and rounded, as NumPy does: in float32 a uniform number may be 1 (once in 2^25)
    [[nodiscard]] virtual at::Tensor uniform(at::IntArrayRef shape, const at::TensorOptions& options = {}) = 0;
    [[nodiscard]] virtual at::Tensor normal(at::IntArrayRef shape, const at::TensorOptions& options = {}) = 0;

    /// Everything that decides the numbers to come.
    /// Errors   load: bad_file: bytes of another kind of source
    [[nodiscard]] virtual std::vector<std::byte> save() const = 0;
    virtual void load(std::span<const std::byte> state) = 0;
};

namespace detail {
using FillFunction = void (*)(void* stream, std::span<double> out);
[[nodiscard]] CAMEO_API at::Tensor draw(FillFunction fill, void* stream, at::IntArrayRef shape,
                                        const at::TensorOptions& options);
}  // namespace detail

/// Random tensors from a stream in host memory: NumpyRandom (seeds as in published programs) or CounterRandom (training
/// and everything new). The numbers fill the tensor in C order.
template <RandomStream S>
class StreamSource final : public RandomSource {
  public:
    explicit StreamSource(S stream = S()) : stream_(std::move(stream)) {}

    [[nodiscard]] S& stream() noexcept { return stream_; }
    [[nodiscard]] const S& stream() const noexcept { return stream_; }

    [[nodiscard]] at::Tensor uniform(at::IntArrayRef shape, const at::TensorOptions& options = {}) override {
        const auto fill = [](void* stream, std::span<double> out) { static_cast<S*>(stream)->uniform(out); };
        return detail::draw(fill, &stream_, shape, options);
    }
    [[nodiscard]] at::Tensor normal(at::IntArrayRef shape, const at::TensorOptions& options = {}) override {
        const auto fill = [](void* stream, std::span<double> out) { static_cast<S*>(stream)->normal(out); };
        return detail::draw(fill, &stream_, shape, options);
    }
    [[nodiscard]] std::vector<std::byte> save() const override { return stream_.save(); }
    void load(std::span<const std::byte> state) override { stream_.load(state); }

  private:
    S stream_;
};

/// Random tensors from a generator of LibTorch: on a GPU drawn where they are used.
/// Quirk    numbers depend on the device, on a GPU also on its model; drawn in the type of `options`, so none is 1.
///          Copies of a source share its generator
class CAMEO_API AtenSource final : public RandomSource {
  public:
    /// A generator of its own for this device. Errors: device_unsupported
    AtenSource(const at::Device& device, std::uint64_t seed);

    /// Somebody else's generator, which goes on from where it stands.
    explicit AtenSource(const at::Generator& generator);

    /// Errors: also invalid_argument: `options` names another device than the generator's
    [[nodiscard]] at::Tensor uniform(at::IntArrayRef shape, const at::TensorOptions& options = {}) override;
    [[nodiscard]] at::Tensor normal(at::IntArrayRef shape, const at::TensorOptions& options = {}) override;
    [[nodiscard]] std::vector<std::byte> save() const override;
    void load(std::span<const std::byte> state) override;

  private:
    std::shared_ptr<at::Generator> generator_;
};

}  // namespace cameo
