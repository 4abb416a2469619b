// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include <ATen/core/Tensor.h>

#include <cameo/core/random.hpp>
#include <cameo/core/state_dict.hpp>
#include <cameo/generate/parameters.hpp>

namespace cameo {

/// How a tensor begins in a network that was not loaded.
struct Initial {
    enum class Kind : std::uint8_t { normal, constant, fir };
    Kind kind = Kind::constant;
    double scale = 0.0;  ///< deviation, or the constant
};

/// Where the layers of a network take their tensors from while it is built. Remembers them, so that the network can
/// list them: parameters and buffers in the order of building.
class TensorSupply {
  public:
    virtual ~TensorSupply() = default;

    at::Tensor parameter(const std::string& name, at::IntArrayRef shape, const Initial& initial);
    at::Tensor buffer(const std::string& name, at::IntArrayRef shape, const Initial& initial);

    /// A buffer that published files may lack; undefined when it is not there. Never made anew.
    at::Tensor optional_buffer(const std::string& name, at::IntArrayRef shape);

    /// After the network is built. Errors: bad_file: tensors that nobody asked for
    virtual void finish() const {}

    NamedTensors parameters, buffers;

  protected:
    virtual at::Tensor take(const std::string& name, at::IntArrayRef shape, const Initial& initial) = 0;
    virtual bool has(const std::string& name) const = 0;
};

/// From a file. Tensors become float32 in memory of their own.
/// Errors   bad_file, naming the tensor: missing, of another shape, not floating point, with a NaN or an infinity
class FileSupply final : public TensorSupply {
  public:
    FileSupply(const StateDict& file, std::string prefix, at::Device device)
        : file_(file), prefix_(std::move(prefix)), device_(device) {}
    void finish() const override;

  protected:
    at::Tensor take(const std::string& name, at::IntArrayRef shape, const Initial& initial) override;
    bool has(const std::string& name) const override { return file_.contains(prefix_ + name); }

  private:
    const StateDict& file_;
    std::string prefix_;
    at::Device device_;
    std::unordered_set<std::string> taken_;
};

/// Copies of another network's tensors, with their requires_grad.
class CopySupply final : public TensorSupply {
  public:
    CopySupply(const NamedTensors& from, const NamedTensors& also_from, at::Device device);

  protected:
    at::Tensor take(const std::string& name, at::IntArrayRef shape, const Initial& initial) override;
    bool has(const std::string& name) const override { return tensors_.contains(name); }

  private:
    std::unordered_map<std::string, at::Tensor> tensors_;
    at::Device device_;
};

/// As training begins.
class InitialSupply final : public TensorSupply {
  public:
    explicit InitialSupply(RandomSource& random) : random_(random) {}

  protected:
    at::Tensor take(const std::string& name, at::IntArrayRef shape, const Initial& initial) override;
    bool has(const std::string&) const override { return false; }

  private:
    RandomSource& random_;
};

/// Tensors under `prefix`, which begins with the network's name, and the network's description: a model file's content.
[[nodiscard]] StateDict state_of(const NamedTensors& parameters, const NamedTensors& buffers, const std::string& prefix,
                                 const std::string& description);

}  // namespace cameo
