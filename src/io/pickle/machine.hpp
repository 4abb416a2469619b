// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "io/pickle/value.hpp"

namespace cameo::io::pickle {

/// The bounds of one pickle. All are checked before memory is taken.
struct Limits {
    std::size_t depth = 64;           ///< nesting of containers, and open marks
    std::size_t memo = 1u << 20;      ///< remembered values, and the height of the stack
    std::size_t values = 1u << 20;    ///< values in all
    std::size_t links = 1u << 22;     ///< entries of all containers
    std::size_t tensors = 1u << 18;   ///< tensors, storages, objects: of each
    std::size_t decoded = 64u << 20;  ///< bytes that protocol 2 spells as text
    std::size_t rank = 8;             ///< of a tensor
    std::size_t name = 512;           ///< bytes of a global's module or name, of a storage's key
};

/// Which persistent ids the stream may use.
enum class PersistentIds : std::uint8_t {
    none,     ///< an ordinary pickle
    legacy,   ///< ("storage", class, key, location, numel, view), ("module", class, file, source)
    archive,  ///< ("storage", class, key, location, numel)
};

/// Reads the legacy stream that a _load_from_bytes wraps. `offset` is where it begins in the file.
using NestedReader = std::function<Storage(Bytes stream, std::uint64_t offset)>;

struct MachineOptions {
    std::string subject;       ///< the file's name, for messages
    std::uint64_t offset = 0;  ///< of the input inside the file, for messages
    PersistentIds persistent_ids = PersistentIds::none;
    NestedReader nested;               ///< empty: nested streams are refused
    std::shared_ptr<Backing> backing;  ///< must own the input's bytes
    Limits limits = {};
};

struct Parsed {
    Graph graph;
    std::size_t size;  ///< bytes of the input that the pickle took, its STOP included
};

/// Runs the op-codes of one pickle, protocol 2 to 5, and records what it describes. No name is resolved to code and
/// nothing is called: an op-code or a global that is not on the list of known ones ends the reading. Time and memory
/// are linear in the input and bounded by `limits`; bytes and texts stay where they are and are viewed.
/// Errors   bad_file, naming the byte offset and what was met there
/// Source   spec of the checkpoint formats, section 7.5
[[nodiscard]] Parsed parse(Bytes input, const MachineOptions& options);

}  // namespace cameo::io::pickle
