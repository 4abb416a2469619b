// SPDX-License-Identifier: Apache-2.0
#include "train/config.hpp"

#include <algorithm>
#include <concepts>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/io/file.hpp>

namespace cameo::apps {
namespace {

using nlohmann::json;

/// One object of the file. Whoever read all keys calls finish(), which refuses the others.
class Section {
  public:
    Section(const json& values, std::string name) : values_(values), name_(std::move(name)) {
        if (!values_.is_object()) refuse(name_, "an object", values_);
    }

    template <std::integral T>
    void read(const std::string& key, T& into, std::int64_t least, std::int64_t most) {
        const auto* value = find(key);
        if (!value) return;
        const auto expected = "an integer from " + std::to_string(least) + " to " + std::to_string(most);
        if (!value->is_number_integer() ||
            (value->is_number_unsigned() && value->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()))
            refuse(path(key), expected, *value);
        const auto number = value->get<std::int64_t>();
        if (number < least || number > most) refuse(path(key), expected, *value);
        into = static_cast<T>(number);
    }

    void read(const std::string& key, double& into, double least, double most) {
        const auto* value = find(key);
        if (!value) return;
        if (!value->is_number() || !(value->get<double>() >= least && value->get<double>() <= most))
            refuse(path(key), "a number from " + json(least).dump() + " to " + json(most).dump(), *value);
        into = value->get<double>();
    }

    void read(const std::string& key, bool& into) {
        const auto* value = find(key);
        if (!value) return;
        if (!value->is_boolean()) refuse(path(key), "true or false", *value);
        into = value->get<bool>();
    }

    void read(const std::string& key, std::string& into) {
        const auto* value = find(key);
        if (!value) return;
        if (!value->is_string()) refuse(path(key), "a text", *value);
        into = value->get<std::string>();
    }

    /// One of several words, each of which stands for a value.
    template <class T>
    void choose(const std::string& key, T& into, const std::vector<std::pair<std::string, T>>& words) {
        const auto* value = find(key);
        if (!value) return;
        std::string expected;
        for (const auto& [word, meaning] : words) {
            if (*value == word) {
                into = meaning;
                return;
            }
            expected += (expected.empty() ? "'" : " or '") + word + "'";
        }
        refuse(path(key), expected, *value);
    }

    [[nodiscard]] Section section(const std::string& key) {
        static const json none = json::object();
        const auto* value = find(key);
        return {value ? *value : none, path(key)};
    }

    [[nodiscard]] const json* find(const std::string& key) {
        known_.insert(key);
        const auto place = values_.find(key);
        return place == values_.end() ? nullptr : &*place;
    }

    [[nodiscard]] std::string path(const std::string& key) const { return name_ + ": " + key; }

    void finish() const {
        for (const auto& [key, value] : values_.items())
            if (!known_.contains(key)) {
                std::string expected;
                for (const auto& each : known_) expected += (expected.empty() ? "" : ", ") + each;
                throw Error(Errc::invalid_argument,
                            name_ + ": expected keys among " + expected + "; got an unknown one, '" + key + "'");
            }
    }

    [[noreturn]] static void refuse(const std::string& subject, const std::string& expected, const json& found) {
        auto text = found.dump(-1, ' ', true, json::error_handler_t::replace);
        if (text.size() > 80) text = text.substr(0, 77) + "...";
        throw Error(Errc::invalid_argument, subject + ": expected " + expected + ", got " + text);
    }

  private:
    const json& values_;
    std::string name_;
    std::set<std::string> known_;
};

constexpr std::int64_t many = std::int64_t{1} << 40;

void read_model(Section section, Eg3dConfig& model) {
    section.read("w_dim", model.w_dim, 1, 4096);
    section.read("mapping_layers", model.mapping_layers, 1, 32);
    section.read("mapping_rate", model.mapping_lr_multiplier, 1e-6, 100);
    section.read("channel_base", model.channel_base, 1, 1 << 20);
    section.read("channel_max", model.channel_max, 1, 1 << 14);
    section.read("plane_resolution", model.plane_resolution, 4, 1024);
    section.read("plane_channels", model.plane_channels, 1, 1024);
    section.read("box_side", model.box_side, 1e-3, 1e3);
    section.read("decoder_hidden", model.decoder_hidden, 1, 4096);
    section.read("decoder_rate", model.decoder_lr_multiplier, 1e-6, 100);
    section.read("features", model.feature_channels, 3, 4096);
    section.read("raw_resolution", model.raw_resolution, 1, 1024);
    section.read("samples", model.samples, 4, 1024);
    section.read("fine_samples", model.fine_samples, 0, 1024);
    FixedRange range{2.3, 3.1};
    section.read("near", range.near, 1e-3, 1e3);
    section.read("far", range.far, 1e-3, 1e3);
    model.range = range;
    section.read("image_resolution", model.image_resolution, 4, 1024);

    std::vector<std::int64_t> widths{32, 16};
    if (const auto* value = section.find("upsampler")) {
        const auto is_width = [](const json& each) {
            return each.is_number_integer() && each.get<std::int64_t>() >= 1 && each.get<std::int64_t>() <= 4096;
        };
        if (!value->is_array() || value->empty() || value->size() > 8 || !std::ranges::all_of(*value, is_width))
            Section::refuse(section.path("upsampler"), "1 to 8 channel counts from 1 to 4096", *value);
        widths = value->get<std::vector<std::int64_t>>();
    }
    section.finish();
    // The last blocks double the resolution, as often as it takes; those before keep it.
    model.upsampler = {.name = "trained", .input_resolution = model.raw_resolution, .blocks = {}};
    std::size_t doublings = 0;
    while ((model.raw_resolution << doublings) < model.image_resolution) ++doublings;
    for (std::size_t i = 0; i < widths.size(); ++i)
        model.upsampler.blocks.push_back({widths[i], i + doublings >= widths.size()});
}

void read_data(Section section, PairedHeadsOptions& data, std::int64_t size) {
    auto& heads = data.heads;
    section.read("first_identity", heads.first_identity, 0, synth::first_test_seed - 1);
    heads.identities = synth::first_test_seed - heads.first_identity;
    section.read("identities", heads.identities, 1, synth::first_test_seed);
    section.read("views_per_identity", heads.views_per_identity, 1, 4096);
    section.read("pose_seed", heads.pose_seed, 0, many);
    section.read("yaw_deviation", heads.poses.yaw_deviation, 0, 1e6);
    section.read("yaw_limit", heads.poses.yaw_limit, 0, 180);
    section.read("pitch_deviation", heads.poses.pitch_deviation, 0, 1e6);
    section.read("pitch_limit", heads.poses.pitch_limit, 0, 80);
    section.read("antialiasing", heads.view.samples, 1, 8);
    section.read("picture_interval", data.picture_interval, 1, many);
    section.read("near_points", data.points.near, 0, 1 << 20);
    section.read("free_points", data.points.free, 0, 1 << 20);
    section.read("spread", data.points.spread, 1e-6, 1);
    section.read("cube_side", data.points.cube_side, 1e-3, 1e3);
    section.read("footprint", data.points.footprint, 1e-6, 1);
    section.read("at_landmarks", data.points.at_landmarks, 0, 1);
    section.finish();
    heads.view.size = size;
    heads.cache_bytes = 0;
}

void read_paired(Section section, PairedOptions& paired) {
    section.read("learning_rate", paired.adam.learning_rate, 0, 10);
    section.read("beta1", paired.adam.beta1, 0, 0.999999);
    section.read("beta2", paired.adam.beta2, 0, 0.999999);
    section.read("surface_width", paired.surface.width, 1e-6, 1);
    section.read("surface_scale", paired.surface.scale, 1e-6, 1e6);
    section.read("density", paired.density, 0, 1e6);
    section.read("colour", paired.colour, 0, 1e6);
    section.read("image", paired.image, 0, 1e6);
    section.read("image_raw", paired.image_raw, 0, 1e6);
    section.read("depth", paired.depth, 0, 1e6);
    section.read("mask", paired.mask, 0, 1e6);
    section.finish();
}

void read_discriminator(Section section, DualDiscriminatorConfig& discriminator) {
    section.read("channel_base", discriminator.channel_base, 1, 1 << 20);
    section.read("channel_max", discriminator.channel_max, 1, 1 << 14);
    section.read("group_size", discriminator.group_size, 1, 4096);
    section.read("mapping_layers", discriminator.mapping_layers, 1, 32);
    section.read("mapping_rate", discriminator.mapping_lr_multiplier, 1e-6, 100);
    section.finish();
}

void read_fade(Section section, Fade& fade, double most) {
    section.read("from", fade.from, 0, most);
    section.read("to", fade.to, 0, most);
    section.read("images", fade.over, 0, 1e12);
    section.finish();
}

void read_adversarial(Section section, AdversarialOptions& adversarial) {
    auto& generator = adversarial.generator;
    auto& discriminator = adversarial.discriminator;
    section.read("generator_rate", generator.learning_rate, 0, 10);
    section.read("discriminator_rate", discriminator.learning_rate, 0, 10);
    section.read("beta1", generator.beta1, 0, 0.999999);
    section.read("beta2", generator.beta2, 0, 0.999999);
    discriminator.beta1 = generator.beta1;
    discriminator.beta2 = generator.beta2;
    section.read("penalty", adversarial.penalty, 0, 1e6);
    section.read("penalty_interval", adversarial.penalty_interval, 1, many);
    section.read("density", adversarial.density.weight, 0, 1e6);
    using Kind = DensitySmoothness::Kind;
    section.choose<Kind>(
        "density_kind", adversarial.density.kind,
        {{"l1", Kind::l1}, {"monotonic_detach", Kind::monotonic_detach}, {"monotonic_fixed", Kind::monotonic_fixed}});
    section.read("density_distance", adversarial.density.distance, 0, 10);
    section.read("density_interval", adversarial.density_interval, 1, many);
    section.read("style_mixing", adversarial.style_mixing, 0, 1);
    read_fade(section.section("blur"), adversarial.blur, 1000);
    read_fade(section.section("raw_resolution"), adversarial.raw_resolution, 1024);
    if (section.find("augmentation")) {
        auto& augmentation = adversarial.augmentation.emplace();
        augmentation.target.reset();
        auto values = section.section("augmentation");
        values.read("strength", augmentation.strength, 0, 1);
        if (values.find("target")) values.read("target", augmentation.target.emplace(), -1, 1);
        values.read("images", augmentation.over, 1, 1e12);
        values.finish();
    }
    section.finish();
}

}  // namespace

TrainConfig read_config(const std::filesystem::path& path) {
    const auto bytes = io::read_file(path, std::uint64_t{1} << 20);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::set<std::pair<int, std::string>> seen;
    std::optional<std::string> twice;
    const auto unique = [&](int depth, json::parse_event_t event, json& value) {
        // The library takes the last of two equal keys; a typing error should not pass like that.
        if (event == json::parse_event_t::object_end)
            std::erase_if(seen, [&](const auto& entry) { return entry.first > depth; });
        if (event == json::parse_event_t::key && !seen.emplace(depth, value.get<std::string>()).second)
            twice = value.get<std::string>();
        return true;
    };
    const auto parsed = json::parse(text, unique, /*allow_exceptions=*/false, /*ignore_comments=*/true);
    if (parsed.is_discarded())
        throw Error(Errc::invalid_argument, path.string() + ": expected JSON, got something else");
    if (twice)
        throw Error(Errc::invalid_argument, path.string() + ": expected each key once, got '" + *twice + "' twice");

    TrainConfig config;
    config.model.z_dim = synth::number_count;
    config.model.c_dim = 0;
    config.model.w_dim = 128;
    config.model.mapping_lr_multiplier = 1.0;
    config.model.normalize_z = false;
    config.model.white_background = true;
    config.model.plane_axes = corrected_plane_axes;
    config.model.camera_pivot = ffhq_cameras.pivot;
    config.model.channel_base = 4096;
    config.model.channel_max = 64;
    config.model.plane_resolution = 128;
    config.model.plane_channels = 16;
    config.model.box_side = 0.8;
    config.model.decoder_hidden = 48;
    config.model.feature_channels = 16;
    config.model.raw_resolution = 32;
    config.model.image_resolution = 64;
    config.model.samples = 12;
    config.model.fine_samples = 12;
    config.data.points.cube_side = 0.8;
    config.discriminator.channel_base = 2048;
    config.discriminator.channel_max = 96;
    config.discriminator.mapping_layers = 2;
    config.discriminator.mapping_lr_multiplier = 1.0;
    config.adversarial.blur = {};
    config.adversarial.density.weight = 0.0;

    Section root(parsed, path.filename().string());
    std::string output = "run", start;
    using Objective = TrainConfig::Objective;
    root.choose<Objective>("objective", config.objective,
                           {{"paired", Objective::paired}, {"adversarial", Objective::adversarial}});
    root.read("output", output);
    root.read("start", start);
    root.read("start_density", config.start_density, 1e-6, 1e6);
    if (start.empty() && config.start_density != 1.0)
        throw Error(Errc::invalid_argument, path.filename().string() + ": start_density: expected \"start\" beside it");
    root.read("licence", config.licence);
    root.choose<std::string>("device", config.device, {{"cpu", "cpu"}, {"cuda", "cuda"}});
    root.read("threads", config.threads, 0, 1024);
    root.read("tf32", config.tf32);
    root.read("seed", config.seed, 0, many);
    root.read("patience", config.patience, 1, 86400);
    root.read("batch", config.trainer.batch, 1, 4096);
    root.read("steps", config.trainer.steps, 1, many);
    root.read("snapshot_interval", config.trainer.snapshot_interval, 1, many);
    root.read("keep_snapshots", config.keep_snapshots, 1, 1000);
    root.read("report_interval", config.trainer.report_interval, 1, many);
    root.read("data_threads", config.trainer.data_threads, 0, 256);
    auto rate = root.section("learning_rate");
    config.trainer.learning_rate.shape = LearningRate::Shape::cosine;
    rate.choose("shape", config.trainer.learning_rate.shape,
                std::vector<std::pair<std::string, LearningRate::Shape>>{{"constant", LearningRate::Shape::constant},
                                                                         {"cosine", LearningRate::Shape::cosine}});
    rate.read("warm_up", config.trainer.learning_rate.warm_up, 0, many);
    rate.read("last", config.trainer.learning_rate.last, 0, 1);
    rate.finish();
    auto average = root.section("average");
    average.read("half_life", config.trainer.average.half_life, 0, 1e12);
    average.read("ramp_up", config.trainer.average.ramp_up, 0, 1);
    average.finish();
    auto validation = root.section("validation");
    validation.read("heads", config.validation_heads, 1, 4096);
    validation.read("interval", config.validation_interval, 0, many);
    validation.finish();
    read_model(root.section("model"), config.model);
    read_data(root.section("data"), config.data, config.model.image_resolution);
    if (config.objective == Objective::paired) {
        read_paired(root.section("paired"), config.paired);
    } else {
        config.discriminator.image_resolution = config.model.image_resolution;
        read_discriminator(root.section("discriminator"), config.discriminator);
        read_adversarial(root.section("adversarial"), config.adversarial);
        if (config.trainer.batch % config.discriminator.group_size != 0)
            throw Error(Errc::invalid_argument, path.filename().string() +
                                                    ": batch: expected a multiple of the discriminator's group_size " +
                                                    std::to_string(config.discriminator.group_size) + ", got " +
                                                    std::to_string(config.trainer.batch));
    }
    root.finish();
    check(config.model);
    config.data.point_seed = config.seed;
    config.output = path.parent_path() / output;
    if (!start.empty()) config.start = path.parent_path() / start;
    return config;
}

}  // namespace cameo::apps
