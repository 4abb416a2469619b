// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/cuda.hpp>

#include <array>
#include <filesystem>
#include <map>
#include <mutex>

#include <dlfcn.h>

#include <cameo/core/error.hpp>

#include "core/cuda_module.hpp"

namespace cameo {
namespace {

std::filesystem::path folder_of_this_library() {
    Dl_info info{};
    if (dladdr(reinterpret_cast<const void*>(&cuda_status), &info) == 0 || info.dli_fname == nullptr) return {};
    std::error_code ignored;
    return std::filesystem::canonical(info.dli_fname, ignored).parent_path();
}

struct Opened {
    std::string path, problem;  ///< path: empty when there is no such file
    cuda::ProbeFunction probe = nullptr;
    const cuda::Functions* functions = nullptr;
};

Opened open_module() {
    Opened result;
    const auto path = folder_of_this_library() / "libcameo_cuda.so";
    if (std::error_code ignored; !std::filesystem::exists(path, ignored)) {
        result.problem = "cameo was built without its CUDA module";
        return result;
    }
    result.path = path.string();
    // Never closed: the CUDA runtime inside does not survive it.
    void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (module == nullptr) {
        result.problem = dlerror();
        return result;
    }
    result.probe = reinterpret_cast<cuda::ProbeFunction>(dlsym(module, cuda::probe_symbol));
    const auto functions = reinterpret_cast<cuda::FunctionsFunction>(dlsym(module, cuda::functions_symbol));
    if (result.probe == nullptr || functions == nullptr) {
        result.problem = path.string() + " is not cameo's CUDA module";
        result.probe = nullptr;
        return result;
    }
    result.functions = functions(cuda::module_abi);
    return result;
}

std::string without_code(const CudaDevice& device, const std::string& architectures) {
    return "the CUDA module has no code for compute capability " + std::to_string(device.compute_major) + "." +
           std::to_string(device.compute_minor) + ", only " + architectures;
}

}  // namespace

CudaStatus cuda_status() {
    const auto opened = open_module();
    CudaStatus result;
    result.module_path = opened.path;
    result.problem = opened.problem;
    if (opened.functions != nullptr) result.architectures = opened.functions->architectures;
    if (opened.probe == nullptr) return result;
    std::array<cuda::DeviceRecord, 64> records{};
    std::array<char, 512> message{};
    const auto count = opened.probe(cuda::module_abi, records.data(), static_cast<std::int32_t>(records.size()),
                                    message.data(), static_cast<std::int32_t>(message.size()));
    if (count < 0) result.problem = message.data();
    for (std::int32_t index = 0; index < count; ++index) {
        const auto& record = records[static_cast<std::size_t>(index)];
        result.devices.push_back(
            {record.name, record.memory_bytes, record.major, record.minor, record.has_kernels != 0});
    }
    if (count == 0) result.problem = "no CUDA device found";
    if (count > 0 && !result.devices.front().has_kernels)
        result.problem = without_code(result.devices.front(), result.architectures);
    return result;
}

namespace detail {
namespace {

CudaModule module_for(int device) {
    CudaModule result;
    const auto status = cuda_status();
    const auto index = static_cast<std::size_t>(device);
    if (status.devices.empty())
        result.problem = status.problem;
    else if (device < 0 || index >= status.devices.size())
        result.problem = "there are " + std::to_string(status.devices.size()) + " CUDA devices, none of number " +
                         std::to_string(device);
    else if (!status.devices[index].has_kernels)
        result.problem = without_code(status.devices[index], status.architectures);
    else
        result.functions = open_module().functions;
    return result;
}

}  // namespace

const CudaModule& cuda_module(int device) {
    static std::mutex mutex;
    static std::map<int, CudaModule> known;  // whose entries stay where they are
    const std::scoped_lock lock(mutex);
    const auto found = known.find(device);
    return found != known.end() ? found->second : known.emplace(device, module_for(device)).first->second;
}

const cuda::Functions& cuda_functions(int device) {
    const auto& module = cuda_module(device);
    if (module.functions == nullptr)
        throw Error(Errc::device_unsupported,
                    "cuda:" + std::to_string(device) + ": expected kernels for this device, but " + module.problem);
    return *module.functions;
}

void check(cuda::Outcome outcome, const cuda::Call& call) {
    const auto place = "cuda:" + std::to_string(call.device) + ": ";
    switch (outcome) {
        case cuda::Outcome::done:
            return;
        case cuda::Outcome::out_of_memory:
            throw Error(Errc::out_of_memory, place + "expected room on the device, got \"" + call.message + "\"");
        case cuda::Outcome::no_kernel:
            throw Error(Errc::device_unsupported,
                        place + "expected a kernel for the device, got \"" + call.message + "\"");
        case cuda::Outcome::failed:
            break;
    }
    throw Error(Errc::internal, place + "expected a kernel to start, got \"" + call.message + "\"");
}

}  // namespace detail
}  // namespace cameo
