// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <cameo/core/context.hpp>
#include <cameo/core/dtype.hpp>
#include <cameo/core/export.hpp>
#include <cameo/io/checkpoint.hpp>
#include <cameo/io/file.hpp>

namespace cameo::io {

struct ConvertOptions {
    std::vector<std::string> networks = {};  ///< what to keep; empty: G_ema, and D where there is one
    bool keep_all = false;                   ///< keep G, augment_pipe and optimisers too
    std::string licence = {};                ///< of the weights, in UTF-8; empty: what the file says, else "unknown"
    bool allow_missing = false;              ///< go on without a network that was asked for, and record that
    Overwrite overwrite = Overwrite::no;
};

struct ConvertReport {
    struct Row {
        DType dtype = DType::f32;
        std::size_t tensors = 0;
        std::uint64_t bytes = 0;
    };

    CheckpointFormat format = CheckpointFormat::pickle;
    std::size_t tensors = 0;
    std::uint64_t bytes = 0;            ///< of the tensors
    std::vector<Row> dtypes;            ///< the same by type, in the order of DType
    std::string source_digest;          ///< SHA-256 of the file that was read
    std::string digest;                 ///< of the model file; by this it is referred to
    std::string description;            ///< the model file's "cameo", as JSON text
    std::vector<std::string> dropped;   ///< what was left out
    std::vector<std::string> warnings;  ///< for people: what a wise user looks into before trusting pictures
};

/// Turns a file of weights into a model file, which is the only kind that the rest of cameo loads: safetensors whose
/// metadata "cameo" is this JSON (docs/model-file.md explains each key):
///
///     {"format_version": 1, "digest": SHA-256 of the file without these digits,
///      "architecture": "eg3d" | "fenerf" | "unknown",
///      "networks": {"G_ema": {"class_name": "TriPlaneGenerator",
///                             "init": {"args": [...], "kwargs": {...}},
///                             "attributes": {"z_dim": 512, "neural_rendering_resolution": 128, ...},
///                             "rendering": {"depth_resolution": 48, "box_warp": 1, ...},
///                             "plane_axes": [[[...], ...], ...],
///                             "layers": {"backbone.synthesis.b4.conv1": {"class_name": "SynthesisLayer", "up": 1,
///                             ...}}}},
///      "training_set": {...},                         where the file has one
///      "values": {"opts": {...}, "step": 1000, ...},  other plain values of the file
///      "licence": "unknown",
///      "source": {"file": name, "format": "eg3d-pickle", "sha256": ..., "bytes": ..., "module_sources": [...]},
///      "dropped": ["G", "augment_pipe", ...],
///      "missing": ["D"]}                              only with allow_missing
///
/// Tensors become contiguous and keep their type and their bits. The file is written aside and renamed. Memory beyond
/// the mapped file is a few MiB; a tensor with strides in an archive costs its storage besides.
/// Units    progress counts bytes, of the source and of the tensors
/// Errors   those of read_checkpoint(); bad_file also for a NaN or an infinity, naming the tensor, and for a network
///          that is not there; io_failure; invalid_argument: a licence that is not UTF-8; cancelled
CAMEO_API ConvertReport convert(const std::filesystem::path& in, const std::filesystem::path& out,
                                const ConvertOptions& options = {}, const Context& context = {});

/// What convert() would report, without reading the tensors' bytes or writing anything: no digests, and what is wrong
/// inside a tensor is not found.
/// Errors   those of convert() that come before its first byte is written
[[nodiscard]] CAMEO_API ConvertReport plan_conversion(const std::filesystem::path& in,
                                                      const ConvertOptions& options = {});

}  // namespace cameo::io
