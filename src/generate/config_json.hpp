// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include <cameo/core/camera.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/state_dict.hpp>

namespace cameo::config_json {

using nlohmann::json;

[[noreturn]] inline void refuse(const std::string& subject, const std::string& expected, const std::string& found) {
    throw Error(Errc::model_mismatch, subject + ": expected " + expected + ", got " + found);
}

/// A JSON object whose keys are all known, read value by value. Errors name the key with its path.
class Options {
  public:
    Options(const json& object, std::string path, std::initializer_list<std::string_view> known)
        : object_(object), path_(std::move(path)) {
        if (!object.is_object()) throw Error(Errc::bad_file, path_ + ": expected an object, got " + object.dump());
        for (const auto& [key, value] : object.items())
            if (std::ranges::find(known, key) == known.end())
                refuse(path_, "known options only", "'" + key + "': " + value.dump());
    }

    [[nodiscard]] bool has(const char* key) const { return object_.contains(key) && !object_.at(key).is_null(); }

    template <class T>
    void read(const char* key, T& value) const {
        if (!object_.contains(key)) return;
        const auto& found = object_.at(key);
        const auto wrong = [&](const char* expected) { refuse(path_ + "." + key, expected, found.dump()); };
        if constexpr (std::is_same_v<T, bool>) {
            if (!found.is_boolean()) wrong("true or false");
            value = found.get<bool>();
        } else if constexpr (std::is_same_v<T, double>) {
            if (!found.is_number()) wrong("a number");
            value = found.get<double>();
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
            if (!found.is_number_integer()) wrong("a whole number");
            value = found.get<std::int64_t>();
        } else if constexpr (std::is_same_v<T, std::string>) {
            if (!found.is_string()) wrong("a text");
            value = found.get<std::string>();
        } else if constexpr (std::is_same_v<T, Vector3>) {
            if (!found.is_array() || found.size() != 3) wrong("three numbers");
            for (std::size_t i = 0; i < 3; ++i) {
                if (!found[i].is_number()) wrong("three numbers");
                value[i] = found[i].get<double>();
            }
        } else {  // std::optional
            if (found.is_null()) return value.reset();
            read(key, value.emplace());
        }
    }

    // A value that the mathematics here is written for.
    template <class T>
    void must_be(const char* key, const T& expected) const {
        if (!object_.contains(key)) return;
        if (object_.at(key) != json(expected)) refuse(path_ + "." + key, json(expected).dump(), object_.at(key).dump());
    }

  private:
    const json& object_;
    std::string path_;
};

inline const json& member(const json& object, const char* key) {
    static const json none = json::object();
    return object.contains(key) && !object.at(key).is_null() ? object.at(key) : none;
}

/// The entry of a network in a model file's metadata, as text.
[[nodiscard]] inline std::string network_description(const StateDict& model, std::string_view network) {
    const auto metadata = model.metadata.find("cameo");
    if (metadata == model.metadata.end())
        throw Error(Errc::bad_file, "model file: expected a description under 'cameo' in its metadata, got none");
    const auto all = json::parse(metadata->second, nullptr, false);
    const auto& networks = all.is_object() ? member(all, "networks") : all;
    if (!networks.is_object() || !networks.contains(std::string(network)))
        throw Error(Errc::bad_file, "model file: expected the network '" + std::string(network) + "', got none");
    return networks.at(std::string(network)).dump();
}

}  // namespace cameo::config_json
