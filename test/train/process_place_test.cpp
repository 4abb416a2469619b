// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/process_place.hpp>

#include <map>
#include <string>

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;

namespace {

using Environment = std::map<std::string, std::string>;

ProcessPlace place_in(const Environment& environment) {
    return process_place([&](const std::string& name) -> std::optional<std::string> {
        const auto found = environment.find(name);
        if (found == environment.end()) return {};
        return found->second;
    });
}

Environment with(Environment environment, const Environment& others) {
    for (const auto& [name, value] : others) environment[name] = value;
    return environment;
}

Environment without(Environment environment, const std::string& name) {
    environment.erase(name);
    return environment;
}

const Environment meeting{{"MASTER_ADDR", "node7"}, {"MASTER_PORT", "29500"}};
const Environment torchrun = with(meeting, {{"RANK", "3"}, {"LOCAL_RANK", "1"}, {"WORLD_SIZE", "4"}});
const Environment slurm = with(meeting, {{"SLURM_PROCID", "2"}, {"SLURM_LOCALID", "0"}, {"SLURM_NTASKS", "8"}});
const Environment open_mpi =
    with(meeting, {{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}});

}  // namespace

TEST_CASE("launchers tell a process its place", "[train][processes]") {
    CHECK((place_in({}) == ProcessPlace{}));
    CHECK((place_in(torchrun) == ProcessPlace{3, 4, 1, "node7", 29500}));
    CHECK((place_in(slurm) == ProcessPlace{2, 8, 0, "node7", 29500}));
    CHECK((place_in(open_mpi) == ProcessPlace{1, 2, 1, "node7", 29500}));
    CHECK((place_in(with(slurm, {{"CAMEO_RENDEZVOUS", "/all/see/this"}})) ==
           ProcessPlace{.rank = 2, .size = 8, .file = "/all/see/this"}));
    // torchrun listens itself, also for those that it starts again.
    const Environment agent{{"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"TORCHELASTIC_RESTART_COUNT", "2"}};
    CHECK((place_in(with(torchrun, agent)) == ProcessPlace{3, 4, 1, "node7", 29500, true, 2}));
    CHECK_FALSE(place_in(with(torchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "False"}})).hosted);
    // One process meets nobody.
    CHECK((place_in({{"RANK", "0"}, {"LOCAL_RANK", "0"}, {"WORLD_SIZE", "1"}}) == ProcessPlace{}));
    CHECK((process_place() == ProcessPlace{}));  // the tests are not started by any of them
}

TEST_CASE("the launcher nearest to the process is believed", "[train][processes]") {
    // torchrun under srun, one for each machine.
    CHECK(place_in(with(slurm, torchrun)).rank == 3);
    CHECK(place_in(with(slurm, open_mpi)).rank == 1);
    CHECK(
        place_in(with(with(torchrun, open_mpi), {{"OMPI_COMM_WORLD_SIZE", "4"}, {"TORCHELASTIC_RUN_ID", "x"}})).rank ==
        3);
}

TEST_CASE("an allocation of Slurm alone starts nothing", "[train][processes]") {
    CHECK((place_in({{"SLURM_NTASKS", "4"}}) == ProcessPlace{}));
    CHECK((place_in({{"SLURM_PROCID", "0"}, {"SLURM_LOCALID", "0"}}) == ProcessPlace{}));
}

TEST_CASE("a place that is told by halves, or in two ways, is refused by name", "[train][processes]") {
    const auto refused = [](const Environment& environment, const std::string& part) {
        INFO(part);
        CHECK_THROWS_MATCHES(place_in(environment), Error, support::is_error(Errc::invalid_argument, part));
    };
    refused(without(torchrun, "RANK"), "RANK: expected a number, since WORLD_SIZE is set, got nothing");
    refused(without(torchrun, "WORLD_SIZE"), "WORLD_SIZE: expected a number, since RANK is set");
    refused(without(torchrun, "LOCAL_RANK"), "LOCAL_RANK: expected a number");
    refused(without(torchrun, "MASTER_ADDR"), "MASTER_ADDR: expected the host of process 0");
    refused(without(torchrun, "MASTER_PORT"), "MASTER_PORT: expected a number, since MASTER_ADDR is set");
    refused(without(slurm, "SLURM_NTASKS"), "SLURM_NTASKS");
    refused(without(slurm, "SLURM_LOCALID"), "SLURM_LOCALID");
    refused(without(open_mpi, "OMPI_COMM_WORLD_SIZE"), "OMPI_COMM_WORLD_SIZE");
    refused(with(torchrun, {{"RANK", "4"}}), "RANK: expected less than the 4 of WORLD_SIZE, got 4");
    refused(with(torchrun, {{"LOCAL_RANK", "4"}}), "LOCAL_RANK: expected less than");
    refused(with(torchrun, {{"RANK", "-1"}}), "RANK: expected an integer from 0");
    for (const auto* wrong : {"two", "", "1.5", "0x2", "99999999999999999999", " 2"})
        refused(with(torchrun, {{"WORLD_SIZE", wrong}}), "WORLD_SIZE: expected an integer from 1");
    refused(with(torchrun, {{"MASTER_PORT", "70000"}}), "MASTER_PORT: expected an integer from 1 to 65535");
    refused(with(torchrun, {{"CAMEO_RENDEZVOUS", ""}}), "CAMEO_RENDEZVOUS");
    refused(with(torchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "True"}}),
            "TORCHELASTIC_RESTART_COUNT: expected a number");
    // Exported once in a shell that then starts many.
    refused(with(with(torchrun, open_mpi), {{"OMPI_COMM_WORLD_SIZE", "4"}}),
            "RANK: expected 1, as OMPI_COMM_WORLD_RANK says, got 3");
}
