// SPDX-License-Identifier: Apache-2.0
#include "core/work_memory.hpp"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>

namespace cameo::detail {
namespace {

constexpr std::int64_t least_pooled = std::int64_t{1} << 18, most_idle = std::int64_t{1} << 27;  // floats

class Pool {
  public:
    WorkMemory take(std::int64_t count) {
        {
            const std::lock_guard lock(mutex_);
            const auto found = std::ranges::find(idle_, count, &WorkMemory::size);
            if (found != idle_.end()) {
                auto memory = std::move(*found);
                idle_.erase(found);
                total_ -= count;
                return memory;
            }
        }
        return WorkMemory(count);
    }

    void give(WorkMemory memory) {
        const std::lock_guard lock(mutex_);
        total_ += memory.size();
        idle_.push_back(std::move(memory));
        while (total_ > most_idle) {  // what waited longest goes
            total_ -= idle_.front().size();
            idle_.erase(idle_.begin());
        }
    }

  private:
    std::mutex mutex_;
    std::vector<WorkMemory> idle_;
    std::int64_t total_ = 0;
};

Pool& pool() {
    static auto* const only = new Pool;  // outlives every tensor, whatever is destroyed first
    return *only;
}

}  // namespace

WorkMemory::WorkMemory(std::int64_t count) : count_(count) {
    constexpr std::size_t page = std::size_t{2} << 20, line = 64;
    const auto bytes = static_cast<std::size_t>(count) * sizeof(float);
    const auto unit = bytes >= page ? page : line;
    memory_.reset(static_cast<float*>(std::aligned_alloc(unit, (bytes / unit + 1) * unit)));
    if (!memory_)
        throw Error(Errc::out_of_memory, "work memory: expected " + std::to_string(bytes) + " bytes, got none");
#if defined(__linux__)
    if (unit == page) (void)madvise(memory_.get(), (bytes / unit + 1) * unit, MADV_HUGEPAGE);
#endif
}

void WorkMemory::clear() const { std::fill_n(memory_.get(), count_, 0.0F); }

float* thread_scratch(std::int64_t count) {
    thread_local WorkMemory memory;
    if (memory.size() < count) {
        memory = WorkMemory(count);
        memory.clear();
    }
    return memory.data();
}

at::Tensor pooled_empty(at::IntArrayRef sizes) {
    const auto count = c10::multiply_integers(sizes);
    if (count < least_pooled) return at::empty(sizes, at::kFloat);
    auto memory = std::make_shared<WorkMemory>(pool().take(count));
    auto* const data = memory->data();
    return at::from_blob(
        data, sizes, [memory = std::move(memory)](void*) { pool().give(std::move(*memory)); },
        at::TensorOptions().dtype(at::kFloat));
}

}  // namespace cameo::detail
