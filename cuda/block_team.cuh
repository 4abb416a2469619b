// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/device/platform.hpp"

namespace cameo::kernels::device {

/// The team of host_team.hpp played by a block of threads, a multiple of 32. Scans and sums of rows are a warp's each.
class BlockTeam {
  public:
    static constexpr int lanes = 32;

    template <class Act>
    __device__ __forceinline__ void for_each(int count, const Act& act) const {
        for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) act(i);
        __syncthreads();
    }

    template <class T, class Combine, class Read, class Write>
    __device__ __forceinline__ void scan(int rows, int count, T identity, const Combine& combine, const Read& read,
                                         const Write& write) const {
        const int lane = static_cast<int>(threadIdx.x) % lanes;
        for (int row = static_cast<int>(threadIdx.x) / lanes; row < rows; row += static_cast<int>(blockDim.x) / lanes) {
            T carry = identity;
            for (int base = 0; base < count; base += lanes) {
                const int i = base + lane;
                T value = i < count ? read(row, i) : identity;
                for (int offset = 1; offset < lanes; offset *= 2) {
                    const T earlier = moved(value, lane - offset);
                    if (lane >= offset) value = combine(earlier, value);
                }
                T before = moved(value, lane - 1);
                if (lane == 0) before = identity;
                if (i < count) write(row, i, combine(carry, before), combine(carry, value));
                carry = combine(carry, moved(value, lanes - 1));
            }
        }
        __syncthreads();
    }

    template <class T, class Combine, class Read, class Write>
    __device__ __forceinline__ void reduce(int rows, int count, T identity, const Combine& combine, const Read& read,
                                           const Write& write) const {
        const int lane = static_cast<int>(threadIdx.x) % lanes;
        for (int row = static_cast<int>(threadIdx.x) / lanes; row < rows; row += static_cast<int>(blockDim.x) / lanes) {
            T value = identity;
            for (int i = lane; i < count; i += lanes) value = combine(value, read(row, i));
            value = of_warp(value, combine);
            if (lane == 0) write(row, value);
        }
        __syncthreads();
    }

    template <class T, class Combine, class Read, class Write>
    __device__ __forceinline__ void total(int count, T identity, const Combine& combine, const Read& read,
                                          const Write& write) const {
        __shared__ T parts[lanes];
        const int lane = static_cast<int>(threadIdx.x) % lanes, warp = static_cast<int>(threadIdx.x) / lanes;
        T value = identity;
        for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x))
            value = combine(value, read(i));
        value = of_warp(value, combine);
        if (lane == 0) parts[warp] = value;
        __syncthreads();
        if (warp == 0) {
            value = lane < static_cast<int>(blockDim.x) / lanes ? parts[lane] : identity;
            value = of_warp(value, combine);
            if (lane == 0) write(value);
        }
        __syncthreads();  // before `parts` is written again
    }

  private:
    /// The value of lane `from`; of any lane where that is below 0. Asked for by all lanes of a warp.
    template <class T>
    __device__ __forceinline__ static T moved(const T& value, int from) {
        constexpr int words = sizeof(T) / sizeof(unsigned);
        static_assert(words * sizeof(unsigned) == sizeof(T));
        unsigned word[words];
        memcpy(word, &value, sizeof value);
#pragma unroll
        for (int i = 0; i < words; ++i) word[i] = __shfl_sync(0xffffffffu, word[i], from < 0 ? 0 : from);
        T result;
        memcpy(&result, word, sizeof result);
        return result;
    }

    /// In lane 0, the whole warp's.
    template <class T, class Combine>
    __device__ __forceinline__ static T of_warp(T value, const Combine& combine) {
        const int lane = static_cast<int>(threadIdx.x) % lanes;
        for (int half = lanes / 2; half > 0; half /= 2) {
            const T other = moved(value, lane + half < lanes ? lane + half : lane);
            if (lane < half) value = combine(value, other);
        }
        return value;
    }
};

}  // namespace cameo::kernels::device
