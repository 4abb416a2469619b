// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/snapshot.hpp>

#include <array>
#include <charconv>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/core/tensor_state.hpp>

namespace cameo {
namespace {

using nlohmann::json;

constexpr const char* key = "training";
constexpr const char* random_name = "random";
constexpr int version = 1;

[[noreturn]] void refuse(const std::string& subject, const std::string& expected, const std::string& found) {
    throw Error(Errc::bad_file, "snapshot: " + subject + ": expected " + expected + ", got " + found);
}

void check_same(const RunOptions& kept, const RunOptions& own) {
    std::string different;
    const auto add = [&](const std::string& name, const std::string& was, const std::string& is) {
        different += (different.empty() ? "" : "; ") + name + " was " + was + ", is " + is;
    };
    for (const auto& [name, value] : kept) {
        const auto place = own.find(name);
        if (place == own.end())
            add(name, value, "not there");
        else if (place->second != value)
            add(name, value, place->second);
    }
    for (const auto& [name, value] : own)
        if (!kept.contains(name)) add(name, "not there", value);
    if (!different.empty()) throw Error(Errc::resume_mismatch, "snapshot: of a run with other options: " + different);
}

}  // namespace

std::string option_text(double value) {
    std::array<char, 32> text{};
    return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

RunOptions model_options(const std::string& network, const std::string& description) {
    const auto parsed = json::parse(description, nullptr, false);
    if (parsed.is_discarded()) refuse("description of " + network, "JSON", "something else");
    RunOptions result;
    const auto flat = parsed.flatten();
    for (const auto& [place, value] : flat.items()) result[network + place] = value.dump();
    return result;
}

StateDict stored(const Snapshot& snapshot) {
    StateDict result;
    for (const auto& [name, tensor] : snapshot.tensors) result.add(name, stored(tensor.detach()));
    result.add(random_name,
               {DType::u8, {static_cast<std::int64_t>(snapshot.random.size())}, memory_source(snapshot.random)});
    result.metadata[key] = json{
        {"version", version},
        {"step", snapshot.state.step},
        {"images", snapshot.state.images},
        {"options",
         snapshot.options}}.dump();
    return result;
}

void restore(const StateDict& stored, Snapshot& into) {
    const auto text = stored.metadata.find(key);
    if (text == stored.metadata.end()) refuse("metadata", std::string("a text '") + key + "'", "none");
    const auto description = json::parse(text->second, nullptr, false);
    TrainState state;
    RunOptions options;
    try {
        if (description.at("version") != version)
            refuse("version", std::to_string(version), description.at("version").dump());
        state = {description.at("step").get<std::int64_t>(), description.at("images").get<std::int64_t>()};
        options = description.at("options").get<RunOptions>();
    } catch (const json::exception& wrong) {
        refuse("metadata", "version, step, images and options", wrong.what());
    }
    check_same(options, into.options);

    std::vector<std::pair<at::Tensor, at::Tensor>> copies;
    for (const auto& [name, target] : into.tensors) {
        const auto& source = stored.at(name);
        if (at::IntArrayRef(source.shape) != target.sizes() || source.dtype != from_aten(target.scalar_type()))
            refuse("tensor '" + name + "'",
                   std::string(name_of(from_aten(target.scalar_type()))) + " " + shape_text(target.sizes()),
                   std::string(name_of(source.dtype)) + " " + shape_text(source.shape));
        copies.emplace_back(target, tensor(source, name));
    }
    auto random = read_bytes(stored.at(random_name));
    if (stored.size() != into.tensors.size() + 1)
        refuse("tensors", std::to_string(into.tensors.size() + 1), std::to_string(stored.size()));

    const c10::NoGradGuard no_grad;
    for (auto& [target, source] : copies) target.copy_(source);
    into.state = state;
    into.random = std::move(random);
}

}  // namespace cameo
