// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#include <cameo/core/export.hpp>

namespace cameo {

/// Calls `body(first, last)` for consecutive pieces of [begin, end), `grain` long each but the last, on all threads.
/// The pieces depend on `grain` alone, never on the number of threads: what a body sums up per piece is reproducible.
/// Threads  may be called from many threads at once; a call from inside a body runs on the calling thread. State that
///          belongs to a thread (LibTorch's grad mode, for one) is not carried over to the others
/// Errors   invalid_argument: grain below 1; whatever a body throws: that of the earliest piece that threw, after all
///          running pieces have ended; pieces not yet begun are then left out
template <class Body>
void parallel_for(std::int64_t begin, std::int64_t end, std::int64_t grain, Body&& body);

/// How many threads work, the calling one included. Initially one for each core that this process may use.
[[nodiscard]] CAMEO_API int thread_count() noexcept;

/// Takes effect with the next parallel_for of any thread. Errors: invalid_argument: outside 1 to 1 024
CAMEO_API void set_thread_count(int count);

namespace detail {
using PieceFunction = void (*)(void* body, std::int64_t first, std::int64_t last);
CAMEO_API void parallel_for(std::int64_t begin, std::int64_t end, std::int64_t grain, PieceFunction piece, void* body);
}  // namespace detail

template <class Body>
void parallel_for(std::int64_t begin, std::int64_t end, std::int64_t grain, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    static_assert(std::is_invocable_v<Plain&, std::int64_t, std::int64_t>);
    detail::parallel_for(
        begin, end, grain,
        [](void* pointer, std::int64_t first, std::int64_t last) { (*static_cast<Plain*>(pointer))(first, last); },
        const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

}  // namespace cameo
