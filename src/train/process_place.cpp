// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/process_place.hpp>

#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include <cameo/core/error.hpp>

namespace cameo {
namespace {

struct Names {
    const char *rank, *size, *local_rank;
};
constexpr Names torchrun{"RANK", "WORLD_SIZE", "LOCAL_RANK"};
constexpr Names open_mpi{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"};
constexpr Names slurm{"SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"};
constexpr std::int64_t most_processes = 1 << 20, most_attempts = 1 << 30;

[[noreturn]] void refuse_place(const std::string& name, const std::string& expected, const std::string& found) {
    throw Error(Errc::invalid_argument, "environment: " + name + ": expected " + expected + ", got " + found);
}

std::int64_t number(const Variables& variables, const char* name, std::int64_t least, std::int64_t most,
                    const std::string& companions) {
    const auto text = variables(name);
    if (!text) refuse_place(name, "a number, since " + companions + " is set", "nothing");
    std::int64_t value = 0;
    const auto* const end = text->data() + text->size();
    const auto [stop, problem] = std::from_chars(text->data(), end, value);
    if (problem != std::errc() || stop != end || value < least || value > most)
        refuse_place(name, "an integer from " + std::to_string(least) + " to " + std::to_string(most),
                     "'" + *text + "'");
    return value;
}

std::optional<ProcessPlace> told_by(const Names& names, const Variables& variables) {
    const char* present = nullptr;
    for (const auto* name : {names.rank, names.size, names.local_rank})
        if (!present && variables(name)) present = name;
    if (!present) return {};
    ProcessPlace place;
    place.size = number(variables, names.size, 1, most_processes, present);
    place.rank = number(variables, names.rank, 0, most_processes, present);
    place.local_rank = number(variables, names.local_rank, 0, most_processes, present);
    for (const auto& [name, value] : {std::pair(names.rank, place.rank), std::pair(names.local_rank, place.local_rank)})
        if (value >= place.size)
            refuse_place(name, "less than the " + std::to_string(place.size) + " of " + names.size,
                         std::to_string(value));
    return place;
}

// Slurm tells every shell of an allocation how many tasks it has room for, and a batch script that it is number 0:
// neither was started as one of many.
bool started_by_srun(const Variables& variables) {
    const auto rank = variables(slurm.rank);
    return rank && (variables(slurm.size) || *rank != "0");
}

void find_meeting_place(ProcessPlace& place, const Variables& variables, bool by_torchrun) {
    if (const auto file = variables("CAMEO_RENDEZVOUS")) {
        if (file->empty()) refuse_place("CAMEO_RENDEZVOUS", "the name of a file", "''");
        place.file = *file;
        return;
    }
    const auto host = variables("MASTER_ADDR");
    if (!host || host->empty())
        refuse_place("MASTER_ADDR",
                     "the host of process 0 (and its MASTER_PORT), or CAMEO_RENDEZVOUS, a file that all of the " +
                         std::to_string(place.size) + " processes see",
                     "nothing");
    place.host = *host;
    place.port = static_cast<std::uint16_t>(number(variables, "MASTER_PORT", 1, 65535, "MASTER_ADDR"));
    place.hosted = by_torchrun && variables("TORCHELASTIC_USE_AGENT_STORE") == "True";
    if (place.hosted)
        place.attempt =
            number(variables, "TORCHELASTIC_RESTART_COUNT", 0, most_attempts, "TORCHELASTIC_USE_AGENT_STORE");
}

}  // namespace

ProcessPlace process_place(const Variables& variables) {
    const auto by_hand = told_by(torchrun, variables), by_mpi = told_by(open_mpi, variables);
    // Under torchrun, another launcher may have started one torchrun for each machine and number those.
    if (by_hand && by_mpi && !variables("TORCHELASTIC_RUN_ID") && by_hand->size == by_mpi->size &&
        by_hand->rank != by_mpi->rank)
        refuse_place("RANK", std::to_string(by_mpi->rank) + ", as OMPI_COMM_WORLD_RANK says",
                     std::to_string(by_hand->rank));
    ProcessPlace place;
    if (by_hand)
        place = *by_hand;
    else if (by_mpi)
        place = *by_mpi;
    else if (started_by_srun(variables))
        place = told_by(slurm, variables).value_or(place);
    if (place.size > 1) find_meeting_place(place, variables, by_hand.has_value());
    return place;
}

ProcessPlace process_place() {
    return process_place([](const std::string& name) -> std::optional<std::string> {
        const auto* value = std::getenv(name.c_str());
        if (value == nullptr) return {};
        return value;
    });
}

}  // namespace cameo
