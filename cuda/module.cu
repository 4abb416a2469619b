// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "launch.hpp"

namespace {

// Never launched: its image tells whether this module carries code for a device.
__global__ void presence() {}

}  // namespace

extern "C" __attribute__((visibility("default"))) std::int32_t cameo_cuda_probe(std::int32_t abi,
                                                                                cameo::cuda::DeviceRecord* devices,
                                                                                std::int32_t capacity, char* message,
                                                                                std::int32_t message_size) {
    const auto fail = [&](const char* reason) {
        std::snprintf(message, static_cast<std::size_t>(message_size), "%s", reason);
        return -1;
    };
    if (abi != cameo::cuda::module_abi) return fail("the CUDA module belongs to another build of cameo");
    int count = 0;
    if (const auto status = cudaGetDeviceCount(&count); status != cudaSuccess) return fail(cudaGetErrorString(status));
    count = std::min(count, static_cast<int>(capacity));
    for (int index = 0; index < count; ++index) {
        cudaDeviceProp properties{};
        if (const auto status = cudaGetDeviceProperties(&properties, index); status != cudaSuccess)
            return fail(cudaGetErrorString(status));
        auto& record = devices[index];
        std::memset(&record, 0, sizeof record);
        std::snprintf(record.name, sizeof record.name, "%s", properties.name);
        record.memory_bytes = properties.totalGlobalMem;
        record.major = properties.major;
        record.minor = properties.minor;
        cudaFuncAttributes attributes{};
        record.has_kernels =
            cudaSetDevice(index) == cudaSuccess && cudaFuncGetAttributes(&attributes, presence) == cudaSuccess;
        (void)cudaGetLastError();  // a device without our code is an answer, not a failure
    }
    return count;
}

extern "C" __attribute__((visibility("default"))) const cameo::cuda::Functions* cameo_cuda_functions(std::int32_t abi) {
    using namespace cameo::cuda;
    static const Functions functions{
        CAMEO_CUDA_ARCHITECTURES, render_fits, render, render_backward, sample, sample_backward, activate,
        activate_backward,        filter};
    return abi == module_abi ? &functions : nullptr;
}
