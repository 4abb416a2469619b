// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <cameo/core/export.hpp>

namespace cameo {

/// Where a process stands among those of its run, and where they meet.
struct ProcessPlace {
    std::int64_t rank = 0, size = 1;
    std::int64_t local_rank = 0;  ///< among the processes of its machine: which GPU is its own
    std::string host{};           ///< of process 0, which listens on `port`
    std::uint16_t port = 0;
    bool hosted = false;           ///< a launcher listens there in its stead, for every attempt at the run
    std::int64_t attempt = 0;      ///< which of them this is
    std::filesystem::path file{};  ///< where they meet instead, unless it is empty: on a disk that all of them see
    friend bool operator==(const ProcessPlace&, const ProcessPlace&) = default;
};

/// What a variable of the environment says; nothing where it is not set.
using Variables = std::function<std::optional<std::string>(const std::string& name)>;

/// Reads what launchers leave in the environment, the first of
///   torchrun  RANK, WORLD_SIZE, LOCAL_RANK: these may also be set by hand; its TORCHELASTIC_USE_AGENT_STORE and
///             TORCHELASTIC_RESTART_COUNT
///   OpenMPI   OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_LOCAL_RANK
///   Slurm     SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID
/// and, for more than one process, where they meet: CAMEO_RENDEZVOUS, a file that does not exist yet, or MASTER_ADDR and
/// MASTER_PORT. One process where there is nothing of all that.
/// Errors   invalid_argument, naming the variable: missing beside its companions, no such number, or contradicting others
/// Quirk    a batch script of Slurm that asked for no tasks is one process, though it is told to be number 0 of something
[[nodiscard]] CAMEO_API ProcessPlace process_place(const Variables& variables);

/// The same with the environment of this process.
[[nodiscard]] CAMEO_API ProcessPlace process_place();

}  // namespace cameo
