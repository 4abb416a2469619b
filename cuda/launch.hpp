// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include <cuda_runtime.h>

#include "kernels/module_abi.hpp"

namespace cameo::cuda {

/// Makes the call's device the thread's; gives back the one that was when it goes.
class OnDevice {
  public:
    explicit OnDevice(int device) {
        if (cudaGetDevice(&before_) != cudaSuccess) before_ = device;
        status_ = before_ == device ? cudaSuccess : cudaSetDevice(device);
        moved_ = before_ != device;
    }
    ~OnDevice() {
        if (moved_) (void)cudaSetDevice(before_);
    }
    OnDevice(const OnDevice&) = delete;
    OnDevice& operator=(const OnDevice&) = delete;
    [[nodiscard]] cudaError_t status() const { return status_; }

  private:
    int before_ = 0;
    bool moved_ = false;
    cudaError_t status_ = cudaSuccess;
};

inline Outcome outcome_of(Call& call, cudaError_t status) {
    if (status == cudaSuccess) return Outcome::done;
    (void)cudaGetLastError();  // told here, so no later call shall be blamed for it
    std::snprintf(call.message, sizeof call.message, "%s", cudaGetErrorString(status));
    if (status == cudaErrorMemoryAllocation) return Outcome::out_of_memory;
    if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction)
        return Outcome::no_kernel;
    return Outcome::failed;
}

inline int attribute(cudaDeviceAttr which, int device) {
    int value = 0;
    return cudaDeviceGetAttribute(&value, which, device) == cudaSuccess ? value : 0;
}

/// Blocks that fill the device, or as many as there are tiles: each goes on with further tiles.
template <class Kernel>
int blocks_for(Kernel kernel, int device, int threads, std::size_t memory, std::int64_t tiles) {
    int resident = 1;
    if (cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, kernel, threads, memory) != cudaSuccess) resident = 1;
    const auto room = static_cast<std::int64_t>(std::max(resident, 1)) *
                      std::max(attribute(cudaDevAttrMultiProcessorCount, device), 1);
    return static_cast<int>(std::clamp<std::int64_t>(tiles, 1, room));
}

/// Lets a kernel have as much of a block's memory as the device allows.
template <class Kernel>
cudaError_t allow_memory(Kernel kernel, std::size_t memory) {
    return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(memory));
}

// triplane.cu
std::int32_t render_fits(std::int32_t device, const kernels::device::Sheets*, const kernels::device::Decoder*,
                         std::int32_t samples, std::int32_t backward);
Outcome render(Call*, const kernels::device::Sheets*, const kernels::device::Decoder*,
               const kernels::device::RayBatch*);
Outcome render_backward(Call*, const kernels::device::Sheets*, const kernels::device::Decoder*,
                        const kernels::device::RayBatch*, const kernels::device::RayGradients*);
Outcome sample(Call*, const kernels::device::Sheets*, const kernels::device::PointBatch*);
Outcome sample_backward(Call*, const kernels::device::Sheets*, const kernels::device::PointBatch*);

// elementwise.cu
Outcome activate(Call*, const kernels::device::ActivationBatch*);
Outcome activate_backward(Call*, const kernels::device::ActivationBatch*);
Outcome filter(Call*, const kernels::device::FirBatch*);

}  // namespace cameo::cuda
