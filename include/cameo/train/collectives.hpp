// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/process_group.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/export.hpp>
#include <cameo/generate/parameters.hpp>

/// What a trainer does with other processes, made of a group's two calls.
namespace cameo::detail {

/// The gradients of all parameters in one vector, zeros where there is none, and behind them a 1 for each that there is.
[[nodiscard]] CAMEO_API at::Tensor packed_gradients(const NamedTensors& parameters);
/// The other way round with the sum over `processes`: the mean where one of them had a gradient, none where nobody had.
CAMEO_API void unpack_gradients(const NamedTensors& parameters, const at::Tensor& sum, std::int64_t processes);

[[nodiscard]] CAMEO_API at::Tensor numbers(std::int64_t count);  ///< float64 [count], zeros
[[nodiscard]] CAMEO_API double number(const at::Tensor& numbers, std::int64_t index);
CAMEO_API void set_number(const at::Tensor& numbers, std::int64_t index, double value);
CAMEO_API void divide(const at::Tensor& tensor, std::int64_t by);
[[nodiscard]] CAMEO_API at::Tensor padded_bytes(const std::string& text, std::int64_t row, std::int64_t rows,
                                                std::int64_t width);
[[nodiscard]] CAMEO_API std::vector<std::string> texts_of(const at::Tensor& bytes, const at::Tensor& lengths);

template <ProcessGroup P>
void average_gradients(P& group, const NamedTensors& parameters) {
    const auto all = packed_gradients(parameters);
    group.sum(all);
    unpack_gradients(parameters, all, group.size());
}

/// Every process's text, by rank.
template <ProcessGroup P>
[[nodiscard]] std::vector<std::string> texts_of_all(P& group, const std::string& own) {
    const auto lengths = numbers(group.size());
    set_number(lengths, group.rank(), static_cast<double>(own.size()));
    group.sum(lengths);
    double width = 0;
    for (std::int64_t i = 0; i < group.size(); ++i) width = std::max(width, number(lengths, i));
    const auto bytes = padded_bytes(own, group.rank(), group.size(), static_cast<std::int64_t>(width));
    group.sum(bytes);
    return texts_of(bytes, lengths);
}

/// Whether any process says so.
template <ProcessGroup P>
[[nodiscard]] bool any(P& group, bool own) {
    if (group.size() == 1) return own;
    const auto votes = numbers(1);
    set_number(votes, 0, own ? 1.0 : 0.0);
    group.sum(votes);
    return number(votes, 0) > 0.0;
}

/// Process 0 works, and the others wait for as long as it takes: it tells them now and then that it is alive, so that a
/// group's patience need not be that of a disk.
/// Errors   those of the work, on process 0; peer_lost on the others, also when the work failed
template <ProcessGroup P, class Work>
void first_works(P& group, const Work& work, std::chrono::milliseconds interval = std::chrono::seconds(5)) {
    if (group.size() == 1) return work();
    constexpr double done = 1.0, failed = 2.0;
    const auto told = [&](double own) {
        const auto state = numbers(1);
        set_number(state, 0, own);
        group.sum(state);
        return number(state, 0);
    };
    if (group.rank() != 0) {
        double state = 0.0;
        while (state == 0.0) state = told(0.0);
        if (state == failed)
            throw Error(Errc::peer_lost, "process 0: expected it to go on, got a failure, which it tells itself");
        return;
    }
    std::mutex mutex;
    std::condition_variable changed;
    bool ended = false;
    std::exception_ptr lost;
    std::jthread sign_of_life([&] {
        try {
            std::unique_lock lock(mutex);
            while (!changed.wait_for(lock, interval, [&] { return ended; })) {
                lock.unlock();
                (void)told(0.0);
                lock.lock();
            }
        } catch (...) {
            lost = std::current_exception();
        }
    });
    std::exception_ptr problem;
    try {
        work();
    } catch (...) {
        problem = std::current_exception();
    }
    {
        const std::lock_guard lock(mutex);
        ended = true;
    }
    changed.notify_all();
    sign_of_life.join();
    if (!lost) try {
            (void)told(problem ? failed : done);
        } catch (...) {
            lost = std::current_exception();
        }
    if (problem) std::rethrow_exception(problem);
    if (lost) std::rethrow_exception(lost);
}

}  // namespace cameo::detail
