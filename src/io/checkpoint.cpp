// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/checkpoint.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/npy.hpp>
#include <cameo/io/safetensors.hpp>
#include "io/json.hpp"
#include "io/pickle/contents.hpp"
#include "io/pickle/legacy_stream.hpp"
#include "io/torch_zip.hpp"

namespace cameo::io {
namespace {

using namespace std::string_view_literals;
using nlohmann::json;
using Kind = CheckpointPart::Kind;

/// Files that people mistake for checkpoints, by how they begin.
struct Stranger {
    std::string_view opening;
    std::string_view what;
};
constexpr std::array strangers{
    Stranger{"version https://git-lfs", "a pointer of Git LFS; fetch the file itself with 'git lfs pull'"},
    Stranger{"<!DOCTYPE", "a web page; the download needs a browser or a licence accepted"},
    Stranger{"<!doctype", "a web page; the download needs a browser or a licence accepted"},
    Stranger{"<html", "a web page; the download needs a browser or a licence accepted"},
    Stranger{"\x1f\x8b", "a file compressed by gzip; unpack it first"},
    Stranger{"\x89HDF", "an HDF5 file"},
    Stranger{"PK\x05\x06", "an empty ZIP archive"},
    Stranger{"\x80\x01", "a pickle of protocol 1"},
    Stranger{"(dp", "a pickle of the text protocol 0"},
    Stranger{"ccollections\n", "a pickle of the text protocol 0"},
};

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool looks_like_pickle(std::string_view text) {
    return text.size() >= 2 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5;
}

bool looks_like_safetensors(std::string_view text) {
    constexpr std::size_t prefix = 8;  // the header's size: below 16 MiB, so that its upper bytes are zero
    return text.size() > prefix && text.substr(3, 5) == "\0\0\0\0\0"sv && text[prefix] == '{';
}

bool looks_like_tar(std::string_view text) { return text.size() > 512 && text.substr(257, 5) == "ustar"; }

[[noreturn]] void refuse(std::string_view subject, std::string_view found) {
    throw Error(Errc::bad_file, std::string(subject) +
                                    ": expected a pickle, an archive or stream of torch.save, a NumPy array or a "
                                    "safetensors file, found " +
                                    std::string(found));
}

[[noreturn]] void refuse_metadata(std::string_view subject, std::string_view key) {
    throw Error(Errc::bad_file, std::string(subject) +
                                    ": metadata 'cameo': expected the published kind of value under '" +
                                    std::string(key) + "', found another");
}

json empty_description() {
    return {{"architecture", "unknown"},
            {"networks", json::object()},
            {"training_set", nullptr},
            {"values", json::object()}};
}

/// Networks of a safetensors file by the first part of their tensors' names.
std::vector<CheckpointPart> parts_by_prefix(const StateDict& tensors) {
    std::vector<CheckpointPart> parts;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const std::string& name = tensors.entries()[i].name;
        std::string network;
        for (const auto known : {"G_ema", "G", "D", "augment_pipe"})
            if (name.starts_with(std::string(known) + ".")) network = known;
        if (parts.empty() || parts.back().name != network)
            parts.push_back({network.empty() ? Kind::tensor : Kind::state_dict, network, i, 0, {}, {}});
        ++parts.back().count;
    }
    return parts;
}

Checkpoint from_array(StoredTensor array) {
    Checkpoint result;
    result.format = CheckpointFormat::npy;
    result.tensors.add("tensor", std::move(array));
    result.parts.push_back({Kind::tensor, "", 0, 1, {}, {}});
    result.description = empty_description().dump();
    return result;
}

Checkpoint from_safetensors(StateDict tensors, std::string_view subject) {
    Checkpoint result;
    result.format = CheckpointFormat::safetensors;
    auto ours = empty_description();
    if (const auto place = tensors.metadata.find("cameo"); place != tensors.metadata.end()) {
        ours.update(parse_json(place->second, std::string(subject) + ": metadata 'cameo'"));
        for (const auto* key : {"networks", "values"})
            if (!ours[key].is_object()) refuse_metadata(subject, key);
        if (!ours["architecture"].is_string()) refuse_metadata(subject, "architecture");
    }
    result.parts = parts_by_prefix(tensors);
    result.description = ours.dump();
    result.tensors = std::move(tensors);
    return result;
}

}  // namespace

std::string_view name_of(CheckpointFormat format) noexcept {
    switch (format) {
        case CheckpointFormat::pickle:
            return "eg3d-pickle";
        case CheckpointFormat::torch_zip:
            return "torch-zip";
        case CheckpointFormat::torch_legacy:
            return "torch-legacy";
        case CheckpointFormat::npy:
            return "npy";
        case CheckpointFormat::safetensors:
            return "safetensors";
    }
    return "unknown";
}

Checkpoint parse_checkpoint(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            std::string_view subject) {
    const std::string name(subject);
    const auto text = as_text(bytes);
    if (looks_like_pickle(text)) {
        auto backing = std::make_shared<pickle::Backing>();
        backing->file = std::move(owner);
        if (pickle::is_legacy_stream(bytes))
            return pickle::contents_of(pickle::read_legacy_stream(bytes, 0, name, std::move(backing)),
                                       CheckpointFormat::torch_legacy);
        return pickle::contents_of(pickle::read_pickle(bytes, name, std::move(backing)), CheckpointFormat::pickle);
    }
    if (text.starts_with("PK\x03\x04"))
        return pickle::contents_of(read_torch_zip(ZipArchive::open(bytes, std::move(owner), name)),
                                   CheckpointFormat::torch_zip);
    if (text.starts_with("\x93NUMPY")) return from_array(parse_npy(bytes, std::move(owner), subject));
    if (looks_like_safetensors(text))
        return from_safetensors(parse_safetensors(bytes, std::move(owner), subject), subject);

    for (const auto& [opening, what] : strangers)
        if (text.starts_with(opening)) refuse(subject, what);
    if (looks_like_tar(text)) refuse(subject, "a tar archive, as PyTorch wrote before 2017");
    refuse(subject, bytes.empty() ? "an empty file" : "something else");
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
    auto file = MappedFile::open(path);
    const auto bytes = file->bytes();
    return parse_checkpoint(bytes, std::move(file), path.string());
}

}  // namespace cameo::io
