// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/parallel.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <dlfcn.h>
#include <sched.h>
#endif

#include <cameo/core/error.hpp>

namespace cameo {
namespace {

constexpr int max_threads = 1024;

int usable_cores() noexcept {
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return std::clamp(CPU_COUNT(&allowed), 1, max_threads);
#endif
    return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, max_threads);
}

// How OpenMP, if this process has it, calls a function on so many threads at once. LibTorch brings it, and its threads
// spin for a while after each of LibTorch's operations: other threads would have to share the cores with them.
using OpenMpParallel = void (*)(void (*)(void*), void*, unsigned threads, unsigned flags);
OpenMpParallel openmp_parallel() noexcept {
#if defined(__linux__) && !defined(__SANITIZE_THREAD__)  // which knows nothing of OpenMP's locks
    static const auto found = reinterpret_cast<OpenMpParallel>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
    return found;
#else
    return nullptr;
#endif
}

thread_local bool inside_a_body = false;

/// One call of parallel_for: its pieces are claimed one after the other by whoever has time.
class Job {
  public:
    Job(std::int64_t begin, std::int64_t end, std::int64_t grain, detail::PieceFunction piece, void* body)
        : begin_(begin), end_(end), grain_(grain), pieces_((end - begin - 1) / grain + 1), piece_(piece), body_(body) {}

    [[nodiscard]] std::int64_t pieces() const noexcept { return pieces_; }
    [[nodiscard]] bool has_work() const noexcept { return next_.load(std::memory_order_relaxed) < pieces_; }

    /// Works until every piece has been claimed.
    void work() noexcept {
        const auto was_inside = std::exchange(inside_a_body, true);
        for (;;) {
            const auto index = next_.fetch_add(1, std::memory_order_relaxed);
            if (index >= pieces_) break;
            const auto first = begin_ + index * grain_;
            try {
                piece_(body_, first, std::min(end_ - first, grain_) + first);
            } catch (...) {
                next_.store(pieces_, std::memory_order_relaxed);
                const std::scoped_lock lock(failure_mutex_);
                if (index < failed_index_) {
                    failed_index_ = index;
                    failure_ = std::current_exception();
                }
            }
        }
        inside_a_body = was_inside;
    }

    void rethrow() const {
        if (failure_) std::rethrow_exception(failure_);
    }

    int helpers = 0;  ///< pool threads that work on this job; guarded by the pool's mutex

  private:
    std::int64_t begin_, end_, grain_, pieces_;
    detail::PieceFunction piece_;
    void* body_;
    std::atomic<std::int64_t> next_{0};
    std::mutex failure_mutex_;
    std::int64_t failed_index_ = std::numeric_limits<std::int64_t>::max();
    std::exception_ptr failure_;
};

/// One job at a time goes to OpenMP's threads, others to threads that sleep until there is one; the caller of
/// parallel_for works too, so N threads need N - 1 of them.
class Pool {
  public:
    static Pool& instance() {
        static Pool pool;
        return pool;
    }

    Pool() = default;
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool() {
        {
            const std::scoped_lock lock(mutex_);
            ending_ = true;
        }
        wake_.notify_all();
        for (auto& worker : workers_) worker.join();
    }

    [[nodiscard]] int threads() const noexcept { return threads_.load(std::memory_order_relaxed); }
    void set_threads(int count) noexcept { threads_.store(count, std::memory_order_relaxed); }

    void run(Job& job) {
        if (const auto parallel = openmp_parallel(); parallel != nullptr && !openmp_works_.exchange(true)) {
            // Always as many, since OpenMP ends threads that one team does not need.
            parallel([](void* work) { static_cast<Job*>(work)->work(); }, &job, static_cast<unsigned>(threads()), 0);
            openmp_works_ = false;
            return;
        }
        {
            const std::scoped_lock lock(mutex_);
            grow(std::min<std::int64_t>(threads(), job.pieces()) - 1);
            jobs_.push_back(&job);
        }
        wake_.notify_all();
        job.work();
        std::unique_lock lock(mutex_);
        std::erase(jobs_, &job);
        finished_.wait(lock, [&] { return job.helpers == 0; });
    }

  private:
    /// A machine that grants no more threads leaves the work to those there are.
    void grow(std::int64_t count) {
        try {
            while (static_cast<std::int64_t>(workers_.size()) < count) {
                const auto number = static_cast<int>(workers_.size()) + 1;
                workers_.emplace_back([this, number] { serve(number); });
            }
        } catch (const std::system_error&) {
        }
    }

    void serve(int number) {
        std::unique_lock lock(mutex_);
        for (;;) {
            Job* job = nullptr;
            wake_.wait(lock, [&] {
                job = number < threads() ? find_job() : nullptr;
                return ending_ || job != nullptr;
            });
            if (job == nullptr) return;
            ++job->helpers;
            lock.unlock();
            job->work();
            lock.lock();
            if (--job->helpers == 0) finished_.notify_all();
        }
    }

    Job* find_job() {
        const auto place = std::ranges::find_if(jobs_, [](const Job* job) { return job->has_work(); });
        return place == jobs_.end() ? nullptr : *place;
    }

    std::atomic<int> threads_{usable_cores()};
    std::atomic<bool> openmp_works_{false};
    std::mutex mutex_;
    std::condition_variable wake_, finished_;
    std::vector<Job*> jobs_;
    std::vector<std::thread> workers_;
    bool ending_ = false;
};

}  // namespace

int thread_count() noexcept { return Pool::instance().threads(); }

void set_thread_count(int count) {
    if (count < 1 || count > max_threads)
        throw Error(Errc::invalid_argument,
                    "threads: expected 1 to " + std::to_string(max_threads) + ", got " + std::to_string(count));
    Pool::instance().set_threads(count);
}

namespace detail {

void parallel_for(std::int64_t begin, std::int64_t end, std::int64_t grain, PieceFunction piece, void* body) {
    if (grain < 1)
        throw Error(Errc::invalid_argument,
                    "parallel_for: expected a grain of at least 1, got " + std::to_string(grain));
    if (begin >= end) return;
    if (end - begin <= grain) {  // nothing to share, so a parallel_for inside may use the threads
        piece(body, begin, end);
        return;
    }
    Job job(begin, end, grain, piece, body);
    if (inside_a_body || thread_count() == 1)
        job.work();
    else
        Pool::instance().run(job);
    job.rethrow();
}

}  // namespace detail
}  // namespace cameo
