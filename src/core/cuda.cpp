// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/cuda.hpp>

#include <array>
#include <filesystem>

#include <dlfcn.h>

#include "kernels/module_abi.hpp"

namespace cameo {
namespace {

std::filesystem::path folder_of_this_library() {
    Dl_info info{};
    if (dladdr(reinterpret_cast<const void*>(&cuda_status), &info) == 0 || info.dli_fname == nullptr) return {};
    std::error_code ignored;
    return std::filesystem::canonical(info.dli_fname, ignored).parent_path();
}

}  // namespace

CudaStatus cuda_status() {
    CudaStatus result;
    const auto path = folder_of_this_library() / "libcameo_cuda.so";
    if (std::error_code ignored; !std::filesystem::exists(path, ignored)) {
        result.problem = "cameo was built without its CUDA module";
        return result;
    }
    result.module_path = path.string();
    // Never closed: the CUDA runtime inside does not survive it.
    void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (module == nullptr) {
        result.problem = dlerror();
        return result;
    }
    const auto probe = reinterpret_cast<cuda::ProbeFunction>(dlsym(module, cuda::probe_symbol));
    if (probe == nullptr) {
        result.problem = path.string() + " is not cameo's CUDA module";
        return result;
    }
    std::array<cuda::DeviceRecord, 64> records{};
    std::array<char, 512> message{};
    const auto count = probe(cuda::module_abi, records.data(), static_cast<std::int32_t>(records.size()),
                             message.data(), static_cast<std::int32_t>(message.size()));
    if (count < 0) result.problem = message.data();
    for (std::int32_t index = 0; index < count; ++index) {
        const auto& record = records[static_cast<std::size_t>(index)];
        result.devices.push_back(
            {record.name, record.memory_bytes, record.major, record.minor, record.has_kernels != 0});
    }
    if (count == 0) result.problem = "no CUDA device found";
    if (count > 0 && !result.devices.front().has_kernels)
        result.problem = "the CUDA module has no code for compute capability " +
                         std::to_string(result.devices.front().compute_major) + "." +
                         std::to_string(result.devices.front().compute_minor);
    return result;
}

}  // namespace cameo
