// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <algorithm>
#include <fstream>

#include "support/catch.hpp"

#include "support/temporary_folder.hpp"

namespace support = cameo::support;

using cameo::apps::look_at_machine;
using cameo::apps::Machine;

namespace {

/// A made-up /proc and /sys.
class FakeRoot {
  public:
    void write(const std::string& path, const std::string& text) {
        std::filesystem::create_directories((folder_ / path).parent_path());
        std::ofstream(folder_ / path) << text;
    }
    [[nodiscard]] Machine look(int cores = 8) const { return look_at_machine(folder_.path(), cores); }

  private:
    support::TemporaryFolder folder_;
};

bool has(const Machine& machine, const std::string& name) {
    const auto feature = std::ranges::find(machine.features, name, &cameo::apps::CpuFeature::name);
    return feature != machine.features.end() && feature->is_there;
}

constexpr std::uint64_t mebi = 1 << 20;

}  // namespace

TEST_CASE("a machine of which nothing can be read is still one", "[apps][machine]") {
    const auto machine = FakeRoot().look(0);
    CHECK(machine.cpu == "unknown");
    CHECK(machine.features.empty());
    CHECK(machine.cores_usable >= 1);
    CHECK_FALSE(machine.cpu_quota.has_value());
    CHECK(machine.memory_total == 0);
    CHECK_FALSE(machine.memory_limit.has_value());
}

TEST_CASE("the processor's name and features come from its flags", "[apps][machine]") {
    FakeRoot root;
    root.write("proc/cpuinfo",
               "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Fast Chip 9000\nflags\t\t: fpu sse4_2 avx avx2 fma "
               "avx512f amx_tile\n"
               "vmx flags\t: nothing\n\nprocessor\t: 1\nmodel name\t: Another\nflags\t\t: fpu\n");
    const auto machine = root.look();
    CHECK(machine.cpu == "Fast Chip 9000");
    for (const auto* name : {"SSE4.2", "AVX", "AVX2", "FMA", "AVX512F", "AMX-TILE"}) CHECK(has(machine, name));
    for (const auto* name : {"AVX512BW", "AVX512-BF16", "AMX-INT8", "AVX-VNNI"}) CHECK_FALSE(has(machine, name));
}

TEST_CASE("memory is read in bytes", "[apps][machine]") {
    FakeRoot root;
    root.write("proc/meminfo", "MemTotal:       16384 kB\nMemFree:        1 kB\nMemAvailable:    8192 kB\n");
    const auto machine = root.look();
    CHECK(machine.memory_total == 16 * mebi);
    CHECK(machine.memory_available == 8 * mebi);
}

TEST_CASE("control groups of version 2 limit by the strictest of a group and those above", "[apps][machine]") {
    FakeRoot root;
    root.write("proc/meminfo", "MemTotal: 1048576 kB\n");
    root.write("proc/self/cgroup", "0::/outer/inner\n");
    root.write("sys/fs/cgroup/outer/memory.max", "104857600\n");
    root.write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
    root.write("sys/fs/cgroup/outer/cpu.max", "max 100000\n");
    root.write("sys/fs/cgroup/outer/inner/cpu.max", "250000 100000\n");
    const auto machine = root.look();
    CHECK(machine.memory_limit == 100 * mebi);
    CHECK(machine.cpu_quota == 2.5);
    CHECK(machine.cores_usable == 3);       // 2.5 cores need three threads to be used up
    CHECK(root.look(2).cores_usable == 2);  // affinity is stricter
}

TEST_CASE("control groups of version 1 are understood as well", "[apps][machine]") {
    FakeRoot root;
    root.write("proc/meminfo", "MemTotal: 1048576 kB\n");
    root.write("proc/self/cgroup", "9:memory:/box\n4:cpu,cpuacct:/box\n1:name=systemd:/box\n");
    root.write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "52428800\n");
    root.write("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "100000\n");
    root.write("sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
    const auto machine = root.look();
    CHECK(machine.memory_limit == 50 * mebi);
    CHECK(machine.cores_usable == 1);
}

TEST_CASE("inside a container the top of the mount speaks for the group", "[apps][machine]") {
    FakeRoot root;
    root.write("proc/meminfo", "MemTotal: 1048576 kB\n");
    root.write("proc/self/cgroup", "0::/docker/0123abcd\n");  // not visible below the mount
    root.write("sys/fs/cgroup/memory.max", "104857600\n");
    root.write("sys/fs/cgroup/cpu.max", "50000 100000\n");
    const auto machine = root.look();
    CHECK(machine.memory_limit == 100 * mebi);
    CHECK(machine.cores_usable == 1);  // half a core is still one
}

TEST_CASE("no limit is no limit", "[apps][machine]") {
    FakeRoot root;
    root.write("proc/meminfo", "MemTotal: 1048576 kB\n");
    root.write("proc/self/cgroup", "9:memory:/\n4:cpu:/\n");
    root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");  // how version 1 says none
    root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    root.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    const auto machine = root.look();
    CHECK_FALSE(machine.memory_limit.has_value());
    CHECK_FALSE(machine.cpu_quota.has_value());
    CHECK(machine.cores_usable == 8);
}

TEST_CASE("garbage in /proc is not believed", "[apps][machine]") {
    FakeRoot root;
    root.write("proc/cpuinfo", "model name\nflags:\n:::\n");
    root.write("proc/meminfo", "MemTotal: lots\nMemAvailable:\n");
    root.write("proc/self/cgroup", "\n::\nx\n0::/../../../..\n");
    const auto machine = root.look();
    CHECK(machine.cpu == "unknown");
    CHECK(machine.memory_total == 0);
    CHECK(machine.cores_usable == 8);
}

#if defined(__x86_64__)
TEST_CASE("what the kernel says of this machine is what the compiler's run time says", "[apps][machine]") {
    const auto machine = look_at_machine();
    REQUIRE_FALSE(machine.features.empty());
    CHECK(has(machine, "SSE4.2") == (__builtin_cpu_supports("sse4.2") != 0));
    CHECK(has(machine, "AVX") == (__builtin_cpu_supports("avx") != 0));
    CHECK(has(machine, "AVX2") == (__builtin_cpu_supports("avx2") != 0));
    CHECK(has(machine, "FMA") == (__builtin_cpu_supports("fma") != 0));
    CHECK(has(machine, "AVX512F") == (__builtin_cpu_supports("avx512f") != 0));
    CHECK(has(machine, "AVX512BW") == (__builtin_cpu_supports("avx512bw") != 0));
    CHECK(has(machine, "AVX512-VNNI") == (__builtin_cpu_supports("avx512vnni") != 0));
    CHECK(has(machine, "AVX512-BF16") == (__builtin_cpu_supports("avx512bf16") != 0));
    CHECK(machine.memory_total > machine.memory_available);
}
#endif
