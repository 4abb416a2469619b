// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <cameo/concepts/dataset.hpp>
#include <cameo/train/shard.hpp>

namespace cameo {

/// Makes a data set's batches on threads of its own before they are asked for, and hands them out in their order,
/// whatever the order in which they become ready. Without threads, each is made when it is asked for.
/// Threads  next() from one thread
template <Dataset D>
class Prefetcher {
  public:
    /// The shard's items of batches of `size`, the first beginning with item `first`; at most two for each thread wait.
    /// Lifetime: `data` must outlive this object.
    Prefetcher(const D& data, std::int64_t first, std::int64_t size, int threads, const Shard& shard = {})
        : data_(data),
          first_(first + shard.rank),
          size_(size),
          stride_(shard.count),
          ahead_(2 * static_cast<std::int64_t>(threads)) {
        for (int i = 0; i < threads; ++i) threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
    Prefetcher(const Prefetcher&) = delete;
    Prefetcher& operator=(const Prefetcher&) = delete;
    ~Prefetcher() {
        for (auto& thread : threads_) thread.request_stop();
        changed_.notify_all();
    }

    /// Errors   those of the data set, when the batch is asked for that it could not make
    [[nodiscard]] typename D::Batch next() {
        if (threads_.empty()) return batch(next_++);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return ready_.contains(next_); });
        auto made = std::move(ready_.extract(next_++).mapped());
        lock.unlock();
        changed_.notify_all();
        if (made.problem) std::rethrow_exception(made.problem);
        return std::move(*made.batch);
    }

  private:
    struct Made {
        std::optional<typename D::Batch> batch;
        std::exception_ptr problem;
    };

    [[nodiscard]] typename D::Batch batch(std::int64_t number) const {
        return data_.batch(first_ + size_ * number, size_ / stride_, stride_);
    }

    void work(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        while (true) {
            changed_.wait(lock, stop, [&] { return taken_ < next_ + ahead_; });
            if (stop.stop_requested()) return;
            const auto number = taken_++;
            lock.unlock();
            Made made;
            try {
                made.batch = batch(number);
            } catch (...) {
                made.problem = std::current_exception();
            }
            lock.lock();
            ready_.emplace(number, std::move(made));
            changed_.notify_all();
        }
    }

    const D& data_;
    std::int64_t first_, size_, stride_, ahead_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::int64_t taken_ = 0, next_ = 0;  // batches begun and handed out
    std::map<std::int64_t, Made> ready_;
    std::vector<std::jthread> threads_;  // last: they end first
};

}  // namespace cameo
