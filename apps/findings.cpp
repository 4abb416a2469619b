// SPDX-License-Identifier: Apache-2.0
#include "findings.hpp"

#include <algorithm>
#include <fstream>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "terminal.hpp"
#include "values.hpp"
#include "version.hpp"

namespace cameo::apps {
namespace {

using Json = nlohmann::ordered_json;

/// What one has to do to compute on CUDA; empty when nothing is missing.
std::string needed_for_cuda(const CudaStatus& cuda, const std::string& driver) {
    if (cuda.problem.empty()) return "";
    if (driver.empty())
        return "an NVIDIA GPU with its driver" +
               std::string(cuda.module_path.empty() ? ", and cameo built where nvcc is found" : "");
    if (cuda.module_path.empty()) return "cameo built where nvcc is found (CAMEO_WITH_CUDA=ON says why it is not)";
    return "cameo's CUDA module built for this GPU and this version";
}

}  // namespace

std::string nvidia_driver(const std::filesystem::path& root) {
    std::ifstream file(root / "proc/driver/nvidia/version");  // "NVRM version: NVIDIA UNIX ... Module  580.65.06  ..."
    for (std::string word; file >> word;)
        if (word.find_first_not_of("0123456789.") == std::string::npos && std::ranges::count(word, '.') >= 1)
            return word;
    return "";
}

std::vector<std::string> troubles(const Findings& found) {
    std::vector<std::string> list;
    if (found.openimageio_is_outdated)
        list.emplace_back(
            "this OpenImageIO gets no security fixes from its makers any more; where pictures come from "
            "strangers, build cameo against 3.1");
    const int cores = found.machine.cores_usable;
    if (found.libtorch_threads < cores)
        list.push_back(
            fmt::format("LibTorch works with {} of {} cores{}", found.libtorch_threads, cores,
                        found.omp_num_threads.empty() ? "" : ": OMP_NUM_THREADS is " + found.omp_num_threads));
    if (found.libtorch_threads > cores)
        list.push_back(
            fmt::format("LibTorch works with {} threads, but may use {} cores only, which is slow; "
                        "set OMP_NUM_THREADS={}",
                        found.libtorch_threads, cores, cores));
    std::error_code ignored;
    if (found.model && !std::filesystem::is_regular_file(*found.model, ignored))
        list.push_back("CAMEO_MODEL names no file: " + found.model->string());
    if (!found.nvidia_driver.empty() && !found.cuda.problem.empty())
        list.push_back("there is an NVIDIA GPU, but cameo cannot use it: " + found.cuda.problem);
    return list;
}

nlohmann::ordered_json record_of(const Findings& found) {
    const auto& machine = found.machine;
    const auto path = [](const auto& value) { return value ? Json(value->string()) : Json(nullptr); };
    Json record{{"version", version()}, {"compiler", compiler()}};
    for (const auto& [name, number] : found.libraries) record["libraries"][name] = number;

    Json features = Json::object();
    for (const auto& feature : machine.features) features[feature.name] = feature.is_there;
    record["cpu"] = {{"name", machine.cpu},
                     {"cores_online", machine.cores_online},
                     {"cores_usable", machine.cores_usable},
                     {"quota_cores", machine.cpu_quota ? Json(*machine.cpu_quota) : Json(nullptr)},
                     {"threads", found.threads},
                     {"libtorch_threads", found.libtorch_threads},
                     {"features", features}};
    record["memory"] = {{"total", machine.memory_total},
                        {"available", machine.memory_available},
                        {"limit", machine.memory_limit ? Json(*machine.memory_limit) : Json(nullptr)}};

    Json devices = Json::array();
    for (const auto& device : found.cuda.devices)
        devices.push_back({{"name", device.name},
                           {"memory", device.memory_bytes},
                           {"compute_capability", fmt::format("{}.{}", device.compute_major, device.compute_minor)},
                           {"usable", device.has_kernels}});
    const auto text = [](const std::string& value) { return value.empty() ? Json(nullptr) : Json(value); };
    record["cuda"] = {{"usable", found.cuda.problem.empty()},
                      {"module", text(found.cuda.module_path)},
                      {"architectures", text(found.cuda.architectures)},
                      {"driver", text(found.nvidia_driver)},
                      {"devices", devices},
                      {"problem", text(found.cuda.problem)},
                      {"needed", text(needed_for_cuda(found.cuda, found.nvidia_driver))}};
    record["image_formats"] = found.image_formats;
    record["default_model"] = path(found.model);
    record["cache"] = path(found.cache);
    record["warnings"] = troubles(found);
    return record;
}

std::string text_of(const Findings& found) {
    const auto& machine = found.machine;
    std::string text = fmt::format("{}, made with {}\n", version_line(), compiler());
    const auto line = [&](std::string_view name, const std::string& value) {
        text += fmt::format("  {:<14}{}\n", name, wrapped(value, 16));
    };

    text += "\nLibraries\n";
    for (const auto& [name, number] : found.libraries) line(name, number);

    text += "\nProcessor\n";
    line("name", machine.cpu);
    line("cores",
         fmt::format("{} usable of {}{}", machine.cores_usable, machine.cores_online,
                     machine.cpu_quota ? fmt::format(" (the control group allows {:.1f})", *machine.cpu_quota) : ""));
    line("threads", fmt::format("{} by cameo, {} by LibTorch", found.threads, found.libtorch_threads));
    std::vector<std::string_view> present, absent;
    for (const auto& feature : machine.features) (feature.is_there ? present : absent).push_back(feature.name);
    if (!present.empty()) line("can do", fmt::format("{}", fmt::join(present, " ")));
    if (!absent.empty()) line("cannot do", fmt::format("{}", fmt::join(absent, " ")));

    text += "\nMemory\n";
    line("total", memory_text(machine.memory_total));
    line("free", memory_text(machine.memory_available));
    if (machine.memory_limit) line("limit", memory_text(*machine.memory_limit) + " (of the control group)");

    text += "\nDevices\n";
    line("cpu", "ready");
    if (!found.cuda.architectures.empty()) line("cuda module", "has kernels for " + found.cuda.architectures);
    for (const auto& device : found.cuda.devices)
        line("cuda",
             fmt::format("{}, {}, compute capability {}.{}: {}", device.name, memory_text(device.memory_bytes),
                         device.compute_major, device.compute_minor, device.has_kernels ? "ready" : "not usable"));
    if (!found.cuda.problem.empty()) {
        line("cuda", "not usable: " + found.cuda.problem);
        line("", found.nvidia_driver.empty() ? "no NVIDIA driver found"
                                             : "NVIDIA driver " + found.nvidia_driver + " found");
        line("", "needed: " + needed_for_cuda(found.cuda, found.nvidia_driver));
    }

    text += "\nFiles\n";
    line("pictures", fmt::format("{}", fmt::join(found.image_formats, ", ")));
    line("model", found.model ? found.model->string() : "none comes with cameo yet; CAMEO_MODEL can name one");
    line("cache", found.cache ? found.cache->string() : "none: HOME is not set");
    return text;
}

}  // namespace cameo::apps
