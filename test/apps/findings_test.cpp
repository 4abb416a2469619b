// SPDX-License-Identifier: Apache-2.0
#include "findings.hpp"

#include <algorithm>
#include <fstream>

#include <nlohmann/json.hpp>
#include "support/catch.hpp"

#include "support/temporary_folder.hpp"

namespace support = cameo::support;

using namespace cameo::apps;
using Catch::Contains;

namespace {

Findings healthy() {
    Findings found;
    found.libraries = {{"LibTorch", "2.11.0"}};
    found.machine.cpu = "Fast Chip";
    found.machine.features = {{"AVX2", true}, {"AVX512F", false}};
    found.machine.cores_online = found.machine.cores_usable = 8;
    found.machine.memory_total = std::uint64_t{16} << 30;
    found.threads = found.libtorch_threads = 8;
    found.cuda.problem = "cameo was built without its CUDA module";
    found.image_formats = {"PNG", "JPEG"};
    found.cache = "/home/me/.cache/cameo";
    return found;
}

bool any_contains(const std::vector<std::string>& texts, const std::string& part) {
    return std::ranges::any_of(texts, [&](const auto& text) { return text.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("a healthy machine without a GPU has no troubles", "[apps][doctor]") {
    CHECK(troubles(healthy()).empty());
    const auto text = text_of(healthy());
    for (const auto* part :
         {"LibTorch      2.11.0", "Fast Chip", "8 usable of 8", "can do        AVX2", "cannot do     AVX512F",
          "16.0 GiB", "PNG, JPEG", "/home/me/.cache/cameo", "none comes with cameo yet",
          "not usable: cameo was built without its CUDA module", "no NVIDIA driver found"})
        CHECK_THAT(text, Contains(part));
}

TEST_CASE("doctor says plainly what CUDA would need", "[apps][doctor]") {
    auto found = healthy();
    SECTION("neither a driver nor the module") {
        CHECK_THAT(text_of(found),
                   Contains("needed: an NVIDIA GPU with its driver, and cameo built where nvcc is found"));
    }
    SECTION("a driver, but no module") {
        found.nvidia_driver = "580.65.06";
        CHECK_THAT(text_of(found),
                   Contains("NVIDIA driver 580.65.06 found") && Contains("needed: cameo built where nvcc"));
        CHECK(any_contains(troubles(found), "there is an NVIDIA GPU, but cameo cannot use it"));
    }
    SECTION("the module, but no driver") {
        found.cuda = {.module_path = "/usr/lib/libcameo_cuda.so",
                      .devices = {},
                      .problem = "no CUDA device found",
                      .architectures = "sm_80, sm_90, compute_90"};
        CHECK_THAT(text_of(found), Contains("cuda module   has kernels for sm_80, sm_90, compute_90\n"));
        CHECK(record_of(found).at("cuda").at("architectures") == "sm_80, sm_90, compute_90");
        CHECK_THAT(text_of(found), Contains("needed: an NVIDIA GPU with its driver\n"));
    }
    SECTION("all of it") {
        found.nvidia_driver = "580.65.06";
        found.cuda = {.module_path = "/usr/lib/libcameo_cuda.so",
                      .devices = {{.name = "H200",
                                   .memory_bytes = std::uint64_t{140} << 30,
                                   .compute_major = 9,
                                   .compute_minor = 0,
                                   .has_kernels = true}},
                      .problem = "",
                      .architectures = ""};
        CHECK_THAT(text_of(found), Contains("H200, 140.0 GiB, compute capability 9.0: ready") && !Contains("needed"));
        CHECK(troubles(found).empty());
        CHECK(record_of(found).at("cuda").at("usable") == true);
        CHECK(record_of(found).at("cuda").at("needed").is_null());
    }
}

TEST_CASE("doctor warns of what is known to hurt", "[apps][doctor]") {
    auto found = healthy();
    SECTION("an old OpenImageIO") {
        found.openimageio_is_outdated = true;
        CHECK(any_contains(troubles(found), "no security fixes"));
        CHECK(any_contains(troubles(found), "3.1"));
    }
    SECTION("fewer threads than cores, and why") {
        found.libtorch_threads = 1;
        found.omp_num_threads = "1";
        CHECK(any_contains(troubles(found), "1 of 8 cores: OMP_NUM_THREADS is 1"));
    }
    SECTION("more threads than cores") {
        found.machine.cores_usable = 2;
        CHECK(any_contains(troubles(found), "set OMP_NUM_THREADS=2"));
    }
    SECTION("a model that is not there") {
        found.model = "/nowhere/model.safetensors";
        CHECK(any_contains(troubles(found), "CAMEO_MODEL names no file: /nowhere/model.safetensors"));
    }
    CHECK(record_of(found).at("warnings").size() == 1);
}

TEST_CASE("the record for programs has every field, null where nothing is known", "[apps][doctor]") {
    const auto record = record_of(healthy());
    for (const auto* field : {"version", "compiler", "libraries", "cpu", "memory", "cuda", "image_formats",
                              "default_model", "cache", "warnings"})
        CHECK(record.contains(field));
    CHECK(record.at("libraries").at("LibTorch") == "2.11.0");
    CHECK(record.at("cpu").at("features").at("AVX2") == true);
    CHECK(record.at("cpu").at("quota_cores").is_null());
    CHECK(record.at("memory").at("limit").is_null());
    CHECK(record.at("default_model").is_null());
    CHECK(record.at("cuda").at("driver").is_null());
}

TEST_CASE("the driver's version is read from the kernel", "[apps][doctor]") {
    const support::TemporaryFolder root;
    CHECK(nvidia_driver(root.path()).empty());
    std::filesystem::create_directories(root / "proc/driver/nvidia");
    std::ofstream(root / "proc/driver/nvidia/version") << "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  "
                                                          "580.65.06  Release Build\nGCC version:  gcc 12.2.0\n";
    CHECK(nvidia_driver(root.path()) == "580.65.06");
}
