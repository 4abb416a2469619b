// SPDX-License-Identifier: Apache-2.0
#include "kernels/device/triplane.hpp"

#include "block_team.cuh"
#include "launch.hpp"

namespace cameo::cuda {
namespace {

using namespace kernels::device;

constexpr int threads = 128;  // as many as a chunk's hidden layer has pairs of blocks, for 64 units

struct Tiles {
    int rays = 0;  ///< of a tile; 0 where not even one fits
    std::size_t memory = 0;
};

/// The largest tiles of which two blocks share a multiprocessor, or else one ray.
Tiles tiles_for(int device, const Sheets& sheets, const Decoder& decoder, int samples, bool backward) {
    const auto room = static_cast<std::size_t>(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
    for (const int rays : {4, 2, 1}) {
        const auto floats =
            backward ? backward_memory(sheets, decoder, rays, samples) : forward_memory(sheets, decoder, rays, samples);
        const auto memory = static_cast<std::size_t>(floats) * sizeof(float);
        if (memory <= room / 2 || (rays == 1 && memory <= room)) return {rays, memory};
    }
    return {};
}

__device__ __forceinline__ float* team_memory() {
    extern __shared__ float4 memory[];
    return reinterpret_cast<float*>(memory);
}

// Arguments stay where the launch puts them: copies in a thread's own memory would be read again and again.
__global__ void __launch_bounds__(threads)
    render_kernel(const __grid_constant__ Sheets sheets, const __grid_constant__ Decoder decoder,
                  const __grid_constant__ RayBatch rays, int tile) {
    const BlockTeam team;
    Carver memory(team_memory());
    const ForwardWork work(memory, sheets, decoder, tile, rays.coarse + rays.fine);
    work.weights.load(team, sheets.channels, decoder);
    for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * tile; first < rays.count;
         first += static_cast<std::int64_t>(gridDim.x) * tile) {
        const auto left = rays.count - first;
        render_tile(team, sheets, decoder, rays, first, static_cast<int>(left < tile ? left : tile), work);
    }
}

__global__ void __launch_bounds__(threads)
    backward_kernel(const __grid_constant__ Sheets sheets, const __grid_constant__ Decoder decoder,
                    const __grid_constant__ RayBatch rays, const __grid_constant__ RayGradients gradients, int tile) {
    const BlockTeam team;
    Carver memory(team_memory());
    const BackwardWork work(memory, sheets, decoder, tile, rays.coarse);
    work.weights.load(team, sheets.channels, decoder);
    clear_parameters(team, sheets, decoder, work);
    for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * tile; first < rays.count;
         first += static_cast<std::int64_t>(gridDim.x) * tile) {
        const auto left = rays.count - first;
        backward_tile(team, sheets, decoder, rays, gradients, first, static_cast<int>(left < tile ? left : tile), work);
    }
    if (gradients.parameters != nullptr) add_parameters(team, sheets, decoder, work, gradients.parameters);
}

template <bool backward>
__global__ void __launch_bounds__(threads)
    points_kernel(const __grid_constant__ Sheets sheets, const __grid_constant__ PointBatch points) {
    const BlockTeam team;
    for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * chunk; first < points.count;
         first += static_cast<std::int64_t>(gridDim.x) * chunk) {
        const auto left = points.count - first;
        const int count = static_cast<int>(left < chunk ? left : chunk);
        if constexpr (backward)
            sample_points_backward(team, sheets, points, first, count, team_memory());
        else
            sample_points(team, sheets, points, first, count, team_memory());
    }
}

template <bool backward>
Outcome points(Call& call, const Sheets& sheets, const PointBatch& points) {
    const OnDevice device(call.device);
    if (device.status() != cudaSuccess) return outcome_of(call, device.status());
    const auto memory = static_cast<std::size_t>(points_memory(sheets, backward)) * sizeof(float);
    if (const auto status = allow_memory(points_kernel<backward>, memory); status != cudaSuccess)
        return outcome_of(call, status);
    const auto blocks =
        blocks_for(points_kernel<backward>, call.device, threads, memory, (points.count + chunk - 1) / chunk);
    points_kernel<backward><<<blocks, threads, memory, static_cast<cudaStream_t>(call.stream)>>>(sheets, points);
    return outcome_of(call, cudaGetLastError());
}

}  // namespace

std::int32_t render_fits(std::int32_t device, const Sheets* sheets, const Decoder* decoder, std::int32_t samples,
                         std::int32_t backward) {
    return tiles_for(device, *sheets, *decoder, samples, backward != 0).rays > 0;
}

Outcome render(Call* call, const Sheets* sheets, const Decoder* decoder, const RayBatch* rays) {
    const OnDevice device(call->device);
    if (device.status() != cudaSuccess) return outcome_of(*call, device.status());
    const auto tiles = tiles_for(call->device, *sheets, *decoder, rays->coarse + rays->fine, false);
    if (tiles.rays == 0) return outcome_of(*call, cudaErrorInvalidConfiguration);
    if (const auto status = allow_memory(render_kernel, tiles.memory); status != cudaSuccess)
        return outcome_of(*call, status);
    const auto blocks =
        blocks_for(render_kernel, call->device, threads, tiles.memory, (rays->count + tiles.rays - 1) / tiles.rays);
    render_kernel<<<blocks, threads, tiles.memory, static_cast<cudaStream_t>(call->stream)>>>(*sheets, *decoder, *rays,
                                                                                              tiles.rays);
    return outcome_of(*call, cudaGetLastError());
}

Outcome render_backward(Call* call, const Sheets* sheets, const Decoder* decoder, const RayBatch* rays,
                        const RayGradients* gradients) {
    const OnDevice device(call->device);
    if (device.status() != cudaSuccess) return outcome_of(*call, device.status());
    const auto tiles = tiles_for(call->device, *sheets, *decoder, rays->coarse, true);
    if (tiles.rays == 0) return outcome_of(*call, cudaErrorInvalidConfiguration);
    if (const auto status = allow_memory(backward_kernel, tiles.memory); status != cudaSuccess)
        return outcome_of(*call, status);
    const auto blocks =
        blocks_for(backward_kernel, call->device, threads, tiles.memory, (rays->count + tiles.rays - 1) / tiles.rays);
    backward_kernel<<<blocks, threads, tiles.memory, static_cast<cudaStream_t>(call->stream)>>>(
        *sheets, *decoder, *rays, *gradients, tiles.rays);
    return outcome_of(*call, cudaGetLastError());
}

Outcome sample(Call* call, const Sheets* sheets, const PointBatch* batch) {
    return points<false>(*call, *sheets, *batch);
}
Outcome sample_backward(Call* call, const Sheets* sheets, const PointBatch* batch) {
    return points<true>(*call, *sheets, *batch);
}

}  // namespace cameo::cuda
