// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/core/export.hpp>
#include <cameo/core/state_dict.hpp>

namespace cameo::io {

enum class CheckpointFormat : std::uint8_t {
    pickle,        ///< an ordinary pickle whose tensors carry their storages: EG3D's .pkl
    torch_zip,     ///< torch.save since 1.6: .pt, .pth
    torch_legacy,  ///< torch.save before: .pth
    npy,           ///< one NumPy array
    safetensors,
};

/// As the metadata of a model file spells it: "eg3d-pickle", "torch-zip", "torch-legacy", "npy", "safetensors".
[[nodiscard]] CAMEO_API std::string_view name_of(CheckpointFormat format) noexcept;

/// A run of tensors that belong together in the file.
struct CheckpointPart {
    enum class Kind : std::uint8_t {
        network,     ///< a network with its classes and attributes
        state_dict,  ///< a mapping of names to tensors and nothing more
        tensor,      ///< tensors that stand by themselves: "latent_avg"
        optimizer,   ///< an optimiser's state
    };
    Kind kind = Kind::tensor;
    std::string name;                         ///< the key in the file, "G_ema"; empty for a file that is one part
    std::size_t first = 0, count = 0;         ///< in the entries of Checkpoint::tensors
    std::vector<std::string> module_sources;  ///< SHA-256 of the source texts that came with a network
    std::vector<std::string> dropped;         ///< what is neither tensor nor plain value
};

/// What a file of weights holds. Nothing of it was executed; the tensors' bytes are still where they were.
struct Checkpoint {
    CheckpointFormat format = CheckpointFormat::pickle;
    /// Networks' tensors as "NAME.qualified.name", in the order in which the network lists them. Those of a bare state
    /// dict, also of one under the key "state_dict", have their own names alone; a single array is called "tensor".
    StateDict tensors;
    std::vector<CheckpointPart> parts;
    /// JSON text: "architecture", "networks", "training_set" and "values" as in docs/model-file.md, of the whole file.
    std::string description;
    std::vector<std::string> dropped;  ///< entries of the file that belong to no part
    std::vector<std::string> strided;  ///< tensors that the file holds in another order than C's
};

/// Reads a file of weights: a pickle of protocol 2 to 5, an archive or a stream of torch.save, a NumPy array or a
/// safetensors file, told apart by their content and never by their name. A reader of its own executes nothing: it
/// knows an allow-list of op-codes and of globals, and refuses all else; texts of program code are hashed at most.
/// Limits: nesting 64, a memo of 2^20, 65 536 tensors, rank 8; sizes are checked before memory is taken.
/// Errors   io_failure; bad_file, naming the file and the byte, the global or the tensor that is at fault
/// Threads  re-entrant
/// Source   spec of the checkpoint formats, section 7
[[nodiscard]] CAMEO_API Checkpoint read_checkpoint(const std::filesystem::path& path);

/// The same of bytes that `owner` keeps alive; `subject` stands for the file's name in messages.
[[nodiscard]] CAMEO_API Checkpoint parse_checkpoint(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                                    std::string_view subject);

}  // namespace cameo::io
