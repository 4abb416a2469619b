// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/pickle/machine.hpp"
#include "io/pickle/value.hpp"

namespace cameo::io::pickle {

/// Whether the bytes begin like the first of a legacy stream's five pickles.
[[nodiscard]] bool is_legacy_stream(Bytes input) noexcept;

/// Reads what torch.save wrote before its archives: five pickles back to back (a magic number, the version of the
/// protocol, facts about the machine, the object, the keys of its storages), then the raw elements of each storage.
/// Errors   bad_file, also for elements in big-endian order and for bytes after the last storage
/// Source   spec of the checkpoint formats, section 7.6
[[nodiscard]] Graph read_legacy_stream(Bytes input, std::uint64_t offset, const std::string& subject,
                                       std::shared_ptr<Backing> backing, const Limits& limits = {});

/// Reads a pickle whose tensors carry their storages with them, each in a legacy stream of its own, and nothing after
/// the pickle: what EG3D's training program writes.
[[nodiscard]] Graph read_pickle(Bytes input, const std::string& subject, std::shared_ptr<Backing> backing,
                                const Limits& limits = {});

}  // namespace cameo::io::pickle
