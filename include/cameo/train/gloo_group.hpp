// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/process_group.hpp>
#include <cameo/core/export.hpp>
#include <cameo/train/process_place.hpp>

namespace cameo {

/// Whether this build has Gloo: its headers (Debian: libgloo-dev) were there and LibTorch has the rest.
[[nodiscard]] CAMEO_API bool gloo_available() noexcept;

/// Processes that talk over TCP, by Gloo as LibTorch has it. Tensors of a GPU go through host memory.
/// Quirk    the address on which others reach this process is that of its host's name; GLOO_SOCKET_IFNAME names another
///          network interface
class CAMEO_API GlooGroup {
  public:
    /// Meets the others. `patience` is for how long each call waits for them.
    /// Errors   device_unsupported: not in this build; peer_lost: not all of them came; io_failure: the file to meet at
    ///          cannot be opened
    /// Quirk    LibTorch's log is quiet meanwhile, in the whole process: it would tell every attempt
    explicit GlooGroup(const ProcessPlace& place, std::chrono::milliseconds patience = std::chrono::seconds(25));
    GlooGroup(GlooGroup&&) noexcept;
    GlooGroup& operator=(GlooGroup&&) noexcept;
    ~GlooGroup();

    [[nodiscard]] std::int64_t rank() const noexcept { return rank_; }
    [[nodiscard]] std::int64_t size() const noexcept { return size_; }

    /// As ProcessGroup says. Dense tensors of numbers.
    void sum(const at::Tensor& tensor);
    void broadcast(const at::Tensor& tensor);

  private:
    struct State;
    std::unique_ptr<State> state_;
    std::int64_t rank_ = 0, size_ = 1;
};
static_assert(ProcessGroup<GlooGroup>);

}  // namespace cameo
