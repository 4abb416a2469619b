// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/identity_file.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include <cameo/core/error.hpp>
#include <cameo/io/safetensors.hpp>

#include "io/json.hpp"

namespace cameo::io {
namespace {

using nlohmann::json;

constexpr std::size_t max_pictures = 64, max_metrics = 256;
constexpr std::int64_t max_thumbnail = 1024;
constexpr std::string_view tuned_prefix = "tuned.", noise_prefix = "noise.";

/// Reads members of the metadata that must be there.
struct Facts {
    const json& object;
    std::string subject;

    [[noreturn]] void refuse(const std::string& what) const { throw Error(Errc::bad_file, subject + ": " + what); }

    [[nodiscard]] const json& member(const char* key) const {
        const auto place = object.find(key);
        if (place == object.end()) refuse("expected '" + std::string(key) + "' in an identity, found none");
        return *place;
    }
    [[nodiscard]] std::string text(const char* key) const {
        const auto& value = member(key);
        if (!value.is_string()) refuse("'" + std::string(key) + "': expected a text, found " + value.type_name());
        return value.get<std::string>();
    }
};

std::vector<Camera> cameras_of(const Facts& facts) {
    const auto& labels = facts.member("cameras");
    if (!labels.is_array() || labels.empty() || labels.size() > max_pictures)
        facts.refuse("'cameras': expected 1 to " + std::to_string(max_pictures) + " of them");
    std::vector<Camera> cameras;
    for (const auto& numbers : labels) {
        if (!numbers.is_array() || !std::ranges::all_of(numbers, [](const json& n) { return n.is_number(); }))
            facts.refuse("'cameras': expected lists of numbers");
        try {
            cameras.push_back(camera_from_label(numbers.get<std::vector<double>>()));
        } catch (const Error& problem) {
            facts.refuse(problem.what());
        }
    }
    return cameras;
}

Image thumbnail_of(const StateDict& tensors, const Facts& facts) {
    const auto* const found = tensors.find("thumbnail");
    if (!found) return {};
    const auto& shape = found->shape;
    const auto fits = [](std::int64_t side) { return side >= 1 && side <= max_thumbnail; };
    if (found->dtype != DType::u8 || shape.size() != 3 || !fits(shape[0]) || !fits(shape[1]) || shape[2] != 3)
        facts.refuse("'thumbnail': expected bytes [H, W, 3], found another tensor");
    Image image(shape[1], shape[0], 3, srgb8);
    const auto bytes = read_bytes(*found);
    std::memcpy(image.bytes().data(), bytes.data(), bytes.size());
    return image;
}

Identity checked(const StateDict& tensors, const std::string& subject) {
    const auto metadata = tensors.metadata.find("cameo");
    if (metadata == tensors.metadata.end() || !digest_of(tensors))
        throw Error(Errc::bad_file, subject + ": expected an identity, found another safetensors file");
    const auto whole = parse_json(metadata->second, subject);
    const auto kind = whole.find("kind");
    if (kind == whole.end() || *kind != "identity")
        throw Error(Errc::bad_file, subject + ": expected an identity, found another file of cameo's");
    const Facts facts{whole, subject};
    const auto& generator = facts.member("generator");
    if (!generator.is_object()) facts.refuse("'generator': expected an object");
    const Facts of_generator{generator, subject};

    Identity identity;
    identity.generator = of_generator.text("name");
    identity.generator_digest = of_generator.text("digest");
    identity.licence = of_generator.text("licence");
    identity.method = facts.text("method");
    identity.cameras = cameras_of(facts);
    const auto& metrics = facts.member("metrics");
    if (!metrics.is_object() || metrics.size() > max_metrics) facts.refuse("'metrics': expected an object of numbers");
    for (const auto& [name, value] : metrics.items()) {
        if (!value.is_number()) facts.refuse("'metrics': expected numbers, found " + std::string(value.type_name()));
        identity.metrics[name] = value.get<double>();
    }

    const auto* const ws = tensors.find("ws");
    if (!ws || ws->dtype != DType::f32 || ws->shape.size() != 3 || ws->shape[0] != 1 || ws->numel() < 1)
        facts.refuse("'ws': expected float32 [1, L, D], found " + std::string(ws ? "another tensor" : "none"));
    identity.ws = *ws;
    identity.thumbnail = thumbnail_of(tensors, facts);
    for (const auto& [name, tensor] : tensors.entries()) {
        if (name.starts_with(tuned_prefix))
            identity.tuned.add(name.substr(tuned_prefix.size()), tensor);
        else if (name.starts_with(noise_prefix))
            identity.noise.add(name.substr(noise_prefix.size()), tensor);
        else if (name != "ws" && name != "thumbnail")
            facts.refuse("tensor '" + name + "': expected no such tensor in an identity");
    }
    return identity;
}

}  // namespace

std::string generator_words(std::string_view name, std::string_view digest) {
    return std::string(name) + " (" + std::string(digest.substr(0, 12)) + ")";
}

std::string Identity::generator_words() const { return io::generator_words(generator, generator_digest); }

Identity read_identity(const std::filesystem::path& path) {
    return checked(read_safetensors(path, {.require_finite = true}), path.string());
}

Identity parse_identity(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, std::string_view subject) {
    return checked(parse_safetensors(bytes, std::move(owner), subject, {.require_finite = true}), std::string(subject));
}

void write_identity(const std::filesystem::path& path, const Identity& identity, Overwrite overwrite) {
    const auto refuse = [&](const std::string& what) { throw Error(Errc::invalid_argument, "identity: " + what); };
    if (identity.ws.dtype != DType::f32 || identity.ws.shape.size() != 3 || identity.ws.shape[0] != 1)
        refuse("ws: expected float32 [1, L, D], got another tensor");
    if (identity.cameras.empty() || identity.cameras.size() > max_pictures)
        refuse("expected 1 to " + std::to_string(max_pictures) + " cameras, got " +
               std::to_string(identity.cameras.size()));
    if (identity.metrics.size() > max_metrics) refuse("expected fewer metrics");
    json cameras = json::array(), metrics = json::object();
    for (const auto& camera : identity.cameras) {
        check(camera);
        cameras.push_back(label(camera));
    }
    for (const auto& [name, value] : identity.metrics) {
        if (!std::isfinite(value)) refuse("metric '" + name + "': expected a finite number");
        metrics[name] = value;
    }
    StateDict tensors;
    tensors.add("ws", identity.ws);
    if (const auto& picture = identity.thumbnail; !picture.empty()) {
        if (picture.format() != srgb8 || picture.channels() != 3 || picture.width() > max_thumbnail ||
            picture.height() > max_thumbnail)
            refuse("thumbnail: expected 8-bit RGB up to " + std::to_string(max_thumbnail) + " pixels a side");
        const auto bytes = picture.bytes();
        tensors.add("thumbnail", {DType::u8,
                                  {picture.height(), picture.width(), 3},
                                  memory_source(std::vector<std::byte>(bytes.begin(), bytes.end()))});
    }
    for (const auto& [name, tensor] : identity.tuned.entries()) tensors.add(std::string(tuned_prefix) + name, tensor);
    for (const auto& [name, tensor] : identity.noise.entries()) tensors.add(std::string(noise_prefix) + name, tensor);
    tensors.metadata["cameo"] = json{
        {"kind", "identity"},
        {"description", "synthetic, made with cameo"},
        {"generator",
         {{"name", identity.generator}, {"digest", identity.generator_digest}, {"licence", identity.licence}}},
        {"method", identity.method},
        {"cameras", cameras},
        {"metrics", metrics}}.dump();
    write_safetensors(path, tensors, overwrite);
}

}  // namespace cameo::io
