// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <nlohmann/json.hpp>
#include "support/catch.hpp"

#include <sched.h>

#include "program.hpp"
#include "support/temporary_folder.hpp"

namespace support = cameo::support;

using Catch::Contains;
using support::run_cameo;

namespace {

nlohmann::json examined(const std::map<std::string, std::string>& environment = {}) {
    const auto result = run_cameo({"doctor", "--json"}, {.environment = environment});
    REQUIRE(result.exit_code == 0);
    REQUIRE(support::lines(result.out).size() == 1);
    return nlohmann::json::parse(result.out);
}

}  // namespace

TEST_CASE("doctor finds what this machine has", "[apps][doctor]") {
    const auto record = examined();
    CHECK(record.at("schema") == 1);
    CHECK(record.at("command") == "doctor");
    CHECK_THAT(record.at("libraries").at("LibTorch").get<std::string>(), Catch::Matches("[0-9]+\\.[0-9]+.*"));
    CHECK_THAT(record.at("libraries").at("OpenImageIO").get<std::string>(), Catch::Matches("[0-9]+\\.[0-9]+.*"));
    CHECK(record.at("memory").at("total").get<std::uint64_t>() > 0);
    const auto formats = record.at("image_formats").get<std::vector<std::string>>();
    for (const auto* format : {"PNG", "JPEG"}) CHECK(std::ranges::find(formats, format) != formats.end());

    cpu_set_t set;
    REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
    CHECK(record.at("cpu").at("cores_usable") <= CPU_COUNT(&set));
    CHECK(record.at("cpu").at("cores_usable") >= 1);
}

TEST_CASE("doctor's report for people has the same facts", "[apps][doctor]") {
    const auto record = examined();
    const auto result = run_cameo({"doctor"});
    CHECK(result.exit_code == 0);
    for (const auto& [name, version] : record.at("libraries").items())
        CHECK_THAT(result.out, Contains(name) && Contains(version.get<std::string>()));
    CHECK_THAT(result.out, Contains(record.at("cpu").at("name").get<std::string>()));
    for (const auto& warning : record.at("warnings"))
        CHECK_THAT(result.err, Contains("warning: " + warning.get<std::string>()));
    CHECK(run_cameo({"doctor", "--quiet"}).err.empty());
    CHECK_FALSE(run_cameo({"doctor", "--quiet"}).out.empty());
}

TEST_CASE("doctor notices threads that are kept from working", "[apps][doctor]") {
    const auto record = examined({{"OMP_NUM_THREADS", "1"}});
    CHECK(record.at("cpu").at("libtorch_threads") == 1);
    if (record.at("cpu").at("cores_usable") == 1) return;
    CHECK_THAT(record.at("warnings").dump(), Contains("OMP_NUM_THREADS is 1"));
}

TEST_CASE("doctor shows which model and which cache would be used", "[apps][doctor]") {
    const support::TemporaryFolder folder;
    const auto model = (folder / "model.safetensors").string();
    CHECK_THAT(examined({{"CAMEO_MODEL", model}}).at("warnings").dump(), Contains("CAMEO_MODEL names no file"));
    support::write(model, "x");
    const auto record = examined({{"CAMEO_MODEL", model}, {"CAMEO_CACHE", "/some/cache"}});
    CHECK(record.at("default_model") == model);
    CHECK(record.at("cache") == "/some/cache");
    CHECK_THAT(record.at("warnings").dump(), !Contains("CAMEO_MODEL"));
    CHECK(examined({{"XDG_CACHE_HOME", "/xdg"}}).at("cache") == "/xdg/cameo");
    CHECK(examined({{"XDG_CACHE_HOME", ""}, {"HOME", "/home/me"}}).at("cache") == "/home/me/.cache/cameo");
    CHECK(examined({{"XDG_CACHE_HOME", "relative"}, {"HOME", "/home/me"}}).at("cache") == "/home/me/.cache/cameo");
    CHECK(examined({{"XDG_CACHE_HOME", ""}, {"HOME", ""}}).at("cache").is_null());
}
