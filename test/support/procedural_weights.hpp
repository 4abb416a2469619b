// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <zlib.h>
#include <nlohmann/json.hpp>

#include <cameo/core/numpy_random.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/core/state_dict.hpp>

#include "support/golden.hpp"

namespace cameo::support {

/// A network whose weights follow from their names: scheme "pw1" of the golden data.
struct ProceduralNetwork {
    StateDict tensors;
    nlohmann::json config;  ///< what it was built from, where the manifest says it
};

inline std::vector<float> procedural_values(const nlohmann::json& entry, std::uint32_t base) {
    const auto name = entry.at("name").get<std::string>();
    std::size_t count = 1;
    for (const auto& size : entry.at("shape")) count *= size.get<std::size_t>();
    const auto kind = entry.at("kind").get<std::string>();
    if (kind == "values") return entry.at("values").get<std::vector<float>>();
    std::vector<double> numbers(count, 1.0);
    if (kind != "constant") {
        const auto crc = crc32(0, reinterpret_cast<const Bytef*>(name.data()), static_cast<uInt>(name.size()));
        NumpyRandom random(static_cast<std::uint32_t>(crc) ^ base);
        random.normal(numbers);
    }
    const auto offset = entry.at("offset").get<double>(), scale = entry.at("scale").get<double>();
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i)
        values[i] = static_cast<float>(offset + scale * (kind == "abs_normal" ? std::abs(numbers[i]) : numbers[i]));
    return values;
}

/// Empty, after saying so, when this set of golden data lacks `NAME.weights.json`.
inline std::optional<ProceduralNetwork> procedural_network(const std::string& name) {
    const auto path = golden(name + ".weights.json");
    if (!path) return std::nullopt;
    const auto manifest = nlohmann::json::parse(std::ifstream(*path));
    if (manifest.at("scheme") != "pw1") throw std::runtime_error(name + ": another scheme than pw1");
    const auto base = manifest.at("base").get<std::uint32_t>();
    const auto& entries = manifest.at("entries");

    std::vector<std::vector<std::byte>> bytes(entries.size());
    parallel_for(0, static_cast<std::int64_t>(entries.size()), 1, [&](std::int64_t first, std::int64_t last) {
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
            const auto values = procedural_values(entries[i], base);
            bytes[i].resize(values.size() * sizeof(float));
            std::memcpy(bytes[i].data(), values.data(), bytes[i].size());
        }
    });

    ProceduralNetwork network{{}, manifest.value("config", nlohmann::json())};
    for (std::size_t i = 0; i < entries.size(); ++i)
        network.tensors.add(
            entries[i].at("name").get<std::string>(),
            {DType::f32, entries[i].at("shape").get<std::vector<std::int64_t>>(), memory_source(std::move(bytes[i]))});
    return network;
}

/// The configuration as a model file's metadata has it.
inline std::string network_description(const nlohmann::json& config) {
    nlohmann::json description{{"class_name", config.at("class_name")}, {"init", {{"kwargs", config.at("args")}}}};
    if (config.contains("neural_rendering_resolution"))
        description["attributes"]["neural_rendering_resolution"] = config.at("neural_rendering_resolution");
    if (config.contains("plane_resolution")) description["cameo"]["plane_resolution"] = config.at("plane_resolution");
    return description.dump();
}

}  // namespace cameo::support
