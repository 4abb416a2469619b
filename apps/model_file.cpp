// SPDX-License-Identifier: Apache-2.0
#include "model_file.hpp"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <cameo/core/error.hpp>
#include <cameo/core/tensor_device.hpp>
#include <cameo/io/safetensors.hpp>
#include <nlohmann/json.hpp>

#include "places.hpp"

namespace cameo::apps {
namespace {

/// What needs `cameo convert` first, by its name: nothing of it has been read here.
bool looks_foreign(const std::filesystem::path& path) {
    static constexpr std::array endings{".pkl", ".pt", ".pth", ".ckpt"};
    return std::ranges::find(endings, path.extension()) != endings.end();
}

ModelFile load_from(const std::optional<std::filesystem::path>& path, const std::string& device) {
    const auto where = ready_device(device_named(device));
    if (!path) throw UsageError("which model? Name one with --network FILE or CAMEO_MODEL; none came with this cameo");
    if (looks_foreign(*path))
        throw Error(Errc::bad_file, fmt::format("{}: expected a model file, got a checkpoint of another program. "
                                                "Convert it once: cameo convert {}",
                                                path->string(), path->string()));
    const auto tensors = io::read_safetensors(*path);
    std::string licence;
    if (const auto found = tensors.metadata.find("cameo"); found != tensors.metadata.end())
        if (const auto facts = nlohmann::json::parse(found->second, nullptr, false); facts.is_object())
            licence = facts.value("licence", "");
    return {*path, io::digest_of(tensors).value_or(""), std::move(licence), Eg3d::load(tensors, "G_ema", where)};
}

}  // namespace

void ModelOptions::declare(OptionTable& table) {
    table.option("network", network,
                 {.value = "FILE",
                  .help = "the model, as cameo convert writes it; left out, the one that came with cameo",
                  .aliases = {"model"},
                  .completes = Completes::file,
                  .endings = {"safetensors"}});
    table.option("device", device, {.value = "DEVICE", .help = "where to compute: cpu, cuda, cuda:1"});
}

ModelFile ModelOptions::load() const { return load_from(network ? network : default_model(), device); }

ModelFile ModelOptions::load_for(const io::Identity& identity) const {
    const auto mismatch = [&](const std::string& got) {
        return Error(Errc::model_mismatch,
                     fmt::format("generator: expected the identity's {}, got {}", identity.generator_words(), got));
    };
    if (network) {
        auto model = load();
        if (model.digest != identity.generator_digest) throw mismatch(model.words());
        return model;
    }
    const auto usual = default_model();
    if (!usual)
        throw UsageError(
            fmt::format("which model? The identity's is {}; name its file with --network", identity.generator_words()));
    std::vector<std::filesystem::path> files{*usual};
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(usual->parent_path(), ignored))
        if (entry.path().extension() == ".safetensors" && entry.path() != *usual) files.push_back(entry.path());
    std::ranges::sort(files.begin() + 1, files.end());
    for (const auto& file : files) {
        try {
            if (io::digest_of(io::read_safetensors(file, {.verify_digest = false})) != identity.generator_digest)
                continue;
        } catch (const Error&) {
            continue;  // somebody else's file
        }
        return load_from(file, device);
    }
    throw mismatch(
        io::generator_words(usual->filename().string(),
                            io::digest_of(io::read_safetensors(*usual, {.verify_digest = false})).value_or("")));
}

}  // namespace cameo::apps
