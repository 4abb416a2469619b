// SPDX-License-Identifier: Apache-2.0
#include "model_file.hpp"

#include <algorithm>
#include <array>
#include <utility>

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

}  // namespace

void ModelOptions::declare(OptionTable& table) {
    table.option("network", network,
                 {.value = "FILE",
                  .help = "the model, as cameo convert writes it; left out, the one that came with cameo",
                  .completes = Completes::file,
                  .endings = {"safetensors"}});
    table.option("device", device, {.value = "DEVICE", .help = "where to compute: cpu, cuda, cuda:1"});
}

ModelFile ModelOptions::load() const {
    const auto where = to_aten(device_named(device));
    const auto path = network ? network : default_model();
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

}  // namespace cameo::apps
