// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include <ATen/core/Tensor.h>

namespace cameo::detail {

/// Floats at the start of a page, in large pages where the system has them: what fast loops touch is spread over more
/// small pages than a processor remembers, and the system takes long to hand those out.
/// Errors   out_of_memory
class WorkMemory {
  public:
    WorkMemory() = default;
    explicit WorkMemory(std::int64_t count);
    [[nodiscard]] float* data() const { return memory_.get(); }
    [[nodiscard]] std::int64_t size() const { return count_; }
    void clear() const;

  private:
    struct Free {
        void operator()(float* memory) const { std::free(memory); }
    };
    std::unique_ptr<float, Free> memory_;
    std::int64_t count_ = 0;
};

/// The calling thread's, at least that large, kept for its next call. What it holds may be anything that is finite.
[[nodiscard]] float* thread_scratch(std::int64_t count);

/// at::empty() of float32 on the CPU. Large ones come from memory that such tensors had before, so that a second picture
/// asks the system for none; up to half a gigabyte waits for reuse.
/// Threads  any
[[nodiscard]] at::Tensor pooled_empty(at::IntArrayRef sizes);

}  // namespace cameo::detail
