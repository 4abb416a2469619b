// SPDX-License-Identifier: Apache-2.0
#include "kernels/device/elementwise.hpp"

#include "block_team.cuh"
#include "launch.hpp"

namespace cameo::cuda {
namespace {

using namespace kernels::device;

constexpr int threads = 256;

template <bool backward>
__global__ void __launch_bounds__(threads) activation_kernel(const __grid_constant__ ActivationBatch batch) {
    const BlockTeam team;
    const std::int64_t pieces = (batch.length + row_piece - 1) / row_piece;
    for (std::int64_t item = blockIdx.x; item < batch.rows * pieces; item += gridDim.x) {
        const std::int64_t row = item / pieces, first = item % pieces * row_piece, left = batch.length - first;
        const int count = static_cast<int>(left < row_piece ? left : row_piece);
        if constexpr (backward)
            activate_backward(team, batch, row, first, count);
        else
            activate(team, batch, row, first, count);
    }
}

__global__ void __launch_bounds__(threads) filter_kernel(const __grid_constant__ FirBatch batch) {
    const std::int64_t pixels = static_cast<std::int64_t>(batch.out_height) * batch.out_width;
    const std::int64_t all = batch.pictures * pixels;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < all;
         i += static_cast<std::int64_t>(gridDim.x) * blockDim.x) {
        const auto pixel = static_cast<int>(i % pixels);
        batch.y[i] = filtered_pixel(batch, i / pixels, pixel / batch.out_width, pixel % batch.out_width);
    }
}

template <bool backward>
Outcome activation(Call& call, const ActivationBatch& batch) {
    const OnDevice device(call.device);
    if (device.status() != cudaSuccess) return outcome_of(call, device.status());
    const auto tiles = batch.rows * ((batch.length + row_piece - 1) / row_piece);
    const auto blocks = blocks_for(activation_kernel<backward>, call.device, threads, 0, tiles);
    activation_kernel<backward><<<blocks, threads, 0, static_cast<cudaStream_t>(call.stream)>>>(batch);
    return outcome_of(call, cudaGetLastError());
}

}  // namespace

Outcome activate(Call* call, const ActivationBatch* batch) { return activation<false>(*call, *batch); }
Outcome activate_backward(Call* call, const ActivationBatch* batch) { return activation<true>(*call, *batch); }

Outcome filter(Call* call, const FirBatch* batch) {
    const OnDevice device(call->device);
    if (device.status() != cudaSuccess) return outcome_of(*call, device.status());
    const auto all = batch->pictures * batch->out_height * batch->out_width;
    const auto blocks = blocks_for(filter_kernel, call->device, threads, 0, (all + threads - 1) / threads);
    filter_kernel<<<blocks, threads, 0, static_cast<cudaStream_t>(call->stream)>>>(*batch);
    return outcome_of(*call, cudaGetLastError());
}

}  // namespace cameo::cuda
