// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/context.hpp>

#include <algorithm>
#include <string>

#include <cameo/core/error.hpp>

namespace cameo {

void Context::check_cancelled() const {
    if (stop.stop_requested()) throw Error(Errc::cancelled, "task: expected to finish, got a request to stop");
}

void Context::report(std::string_view task, std::int64_t done, std::int64_t total) const {
    if (progress) progress({task, done, total});
    check_cancelled();
}

std::int64_t ray_chunk(const Context& context, std::int64_t rays, std::uint64_t bytes_per_ray,
                       std::uint64_t fixed_bytes) {
    if (rays < 0 || context.max_rays < 0)
        throw Error(Errc::invalid_argument,
                    "rays: expected no negative count, got " + std::to_string(std::min(rays, context.max_rays)));
    auto chunk = std::max<std::int64_t>(rays, 1);
    if (context.max_rays > 0) chunk = std::min(chunk, context.max_rays);
    if (context.memory_budget == 0 || bytes_per_ray == 0) return chunk;
    if (context.memory_budget < fixed_bytes || context.memory_budget - fixed_bytes < bytes_per_ray)
        throw Error(Errc::out_of_memory, "memory budget: expected at least " +
                                             std::to_string(fixed_bytes + bytes_per_ray) + " bytes for one ray, got " +
                                             std::to_string(context.memory_budget));
    const auto room = (context.memory_budget - fixed_bytes) / bytes_per_ray;
    return static_cast<std::int64_t>(std::min(static_cast<std::uint64_t>(chunk), room));
}

}  // namespace cameo
