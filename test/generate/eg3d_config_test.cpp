// SPDX-License-Identifier: Apache-2.0
#include <cameo/generate/eg3d_config.hpp>

#include <string>
#include <variant>

#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/procedural_weights.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;
using nlohmann::json;

namespace {

json ffhq() {
    return json::parse(R"({
        "class_name": "TriPlaneGenerator",
        "init": {"args": [], "kwargs": {
            "z_dim": 512, "c_dim": 25, "w_dim": 512, "img_resolution": 512, "img_channels": 3,
            "mapping_kwargs": {"num_layers": 2}, "channel_base": 32768, "channel_max": 512,
            "fused_modconv_default": "inference_only", "num_fp16_res": 0, "conv_clamp": null, "sr_num_fp16_res": 4,
            "sr_kwargs": {"channel_base": 32768, "channel_max": 512, "fused_modconv_default": "inference_only"}}},
        "attributes": {"neural_rendering_resolution": 128, "z_dim": 512},
        "rendering": {"depth_resolution": 48, "depth_resolution_importance": 48, "ray_start": 2.25, "ray_end": 3.3,
            "box_warp": 1, "avg_camera_radius": 2.7, "avg_camera_pivot": [0, 0, 0.2], "image_resolution": 512,
            "disparity_space_sampling": false, "clamp_mode": "softplus", "c_gen_conditioning_zero": false,
            "superresolution_module": "training.superresolution.SuperresolutionHybrid8XDC", "c_scale": 1.0,
            "superresolution_noise_mode": "none", "decoder_lr_mul": 1.0, "sr_antialias": true},
        "plane_axes": [[[1,0,0],[0,1,0],[0,0,1]], [[1,0,0],[0,0,1],[0,1,0]], [[0,0,1],[1,0,0],[0,1,0]]]})");
}

Eg3dConfig read(const json& description) { return eg3d_config(description.dump()); }

std::string refusal(const json& description) {
    try {
        (void)read(description);
    } catch (const Error& error) {
        CHECK(error.code() == Errc::model_mismatch);
        return error.what();
    }
    return "accepted";
}

using Catch::Matchers::Contains;

}  // namespace

TEST_CASE("the published FFHQ configuration is the default", "[generate][config]") {
    const auto config = read(ffhq());
    Eg3dConfig expected;
    expected.camera_pivot = {0, 0, 0.2};
    expected.upsampler.half = true;
    expected.upsampler.clamp = 256.0;
    CHECK(config == expected);
    CHECK(config.num_ws() == 14);
    CHECK(config.channels(4) == 512);
    CHECK(config.channels(256) == 128);
}

TEST_CASE("configurations survive being written and read", "[generate][config]") {
    auto config = support::tiny_eg3d_config();
    config.normalize_z = false;
    config.conditions_on_camera = false;
    config.camera_scale = 0.5;
    config.range = GENERATE(DepthRange(FixedRange{0.5, 2.0, true}), DepthRange(BoxRange{1.5}));
    config.box_side = 1.5;
    config.white_background = true;
    config.density_noise = 0.25;
    config.plane_axes = corrected_plane_axes;
    config.upsampler.noise = GENERATE(NoiseMode::none, NoiseMode::constant, NoiseMode::random);
    config.upsampler.clamp = 128.0;
    config.backbone_clamp = GENERATE(std::optional<double>(), std::optional(64.0));
    config.half_blocks = 2;
    config.pose_swap_probability = 0.5;
    config.regularization_type = "l1";
    CHECK(eg3d_config(describe(config)) == config);
}

TEST_CASE("trap 18: a missing c_scale is 0", "[generate][config]") {
    auto description = ffhq();
    description["rendering"].erase("c_scale");
    CHECK(read(description).camera_scale == 0.0);
}

TEST_CASE("trap 2: axes that a file has lost are the published ones, others are taken", "[generate][config]") {
    auto description = ffhq();
    description.erase("plane_axes");
    CHECK(read(description).plane_axes == official_plane_axes);
    description["plane_axes"] =
        json::parse("[[[1,0,0],[0,1,0],[0,0,1]],[[1,0,0],[0,0,1],[0,1,0]],[[0,0,1],[0,1,0],[1,0,0]]]");
    CHECK(read(description).plane_axes == corrected_plane_axes);
    description["plane_axes"] = json::parse("[[1,2,3]]");
    CHECK_THAT(refusal(description), Contains("plane_axes"));
}

TEST_CASE("trap 29: the raw resolution is the stored one, 64 when that is lost", "[generate][config]") {
    auto description = ffhq();
    CHECK(read(description).raw_resolution == 128);
    description["attributes"].erase("neural_rendering_resolution");
    CHECK(read(description).raw_resolution == 64);
}

TEST_CASE("automatic limits, background and conditioning come from the rendering options", "[generate][config]") {
    auto description = ffhq();
    description["rendering"]["ray_start"] = description["rendering"]["ray_end"] = "auto";
    description["rendering"]["box_warp"] = 1.6;
    description["rendering"]["white_back"] = true;
    description["rendering"]["c_gen_conditioning_zero"] = true;
    description["rendering"]["gpc_reg_prob"] = nullptr;
    const auto config = read(description);
    CHECK(std::get<BoxRange>(config.range) == BoxRange{1.6});
    CHECK(config.white_background);
    CHECK_FALSE(config.conditions_on_camera);
    CHECK_FALSE(config.pose_swap_probability);
    description["rendering"]["ray_end"] = 3.3;
    CHECK_THAT(refusal(description), Contains("both or none"));
}

TEST_CASE("what is unknown, or known and of another value, is refused by name", "[generate][config]") {
    const auto with = [](const char* where, const char* key, const json& value) {
        auto description = ffhq();
        description[json::json_pointer(where)][key] = value;
        return refusal(description);
    };
    CHECK_THAT(with("/rendering", "depth_resolutoin", 3),
               Contains("rendering: expected known options only, got 'depth_resolutoin'"));
    CHECK_THAT(with("/init/kwargs", "new_trick", true), Contains("init.kwargs") && Contains("new_trick"));
    CHECK_THAT(with("/init/kwargs/mapping_kwargs", "activation", "relu"), Contains("mapping_kwargs.activation"));
    CHECK_THAT(with("/rendering", "clamp_mode", "relu"), Contains("rendering.clamp_mode: expected \"softplus\""));
    CHECK_THAT(with("/rendering", "superresolution_module", "training.superresolution.SuperresolutionHybrid16X"),
               Contains("SuperresolutionHybrid16X"));
    CHECK_THAT(with("/rendering", "depth_resolution", "many"), Contains("depth_resolution: expected a whole number"));
    CHECK_THAT(with("", "class_name", "StyleGAN2"), Contains("class_name: expected TriPlaneGenerator, got StyleGAN2"));
    CHECK_THAT(with("/attributes", "w_dim", 256), Contains("attributes.w_dim"));
    CHECK_THAT(with("/init/kwargs", "img_resolution", 256), Contains("img_resolution") || Contains("image resolution"));
    CHECK_THAT(with("/init/kwargs", "c_dim", 24), Contains("c_dim"));
    CHECK_THAT(with("", "layers", {{"backbone.synthesis.b8", {{"architecture", "resnet"}}}}), Contains("architecture"));
    CHECK_THAT(with("", "layers",
                    {{"superresolution.block0.conv0", {{"class_name", "SynthesisLayer"}, {"conv_clamp", 256.0}}},
                     {"superresolution.block1.conv0", {{"class_name", "SynthesisLayer"}, {"conv_clamp", 10.0}}}}),
               Contains("block1.conv0.conv_clamp"));
    CHECK_THROWS_MATCHES(eg3d_config("[1]"), Error, support::is_error(Errc::bad_file));
    CHECK_THROWS_MATCHES(eg3d_config("{"), Error, support::is_error(Errc::bad_file));
}

TEST_CASE("trap 25: clamps are those that the layers were stored with", "[generate][config]") {
    auto description = ffhq();
    const json clamp{{"class_name", "SynthesisLayer"}, {"conv_clamp", 32}};
    description["layers"] = {{"superresolution.block0.conv0", clamp}, {"superresolution.block1.torgb", clamp}};
    CHECK(read(description).upsampler.clamp == 32.0);
    CHECK_FALSE(read(description).backbone_clamp);
}

TEST_CASE("the published upsamplers have the published sizes", "[generate][config]") {
    CHECK(published_upsampler("SuperresolutionHybrid8XDC").output_resolution() == 512);
    CHECK(published_upsampler("SuperresolutionHybrid8X").output_resolution() == 512);
    CHECK(published_upsampler("SuperresolutionHybrid4X").output_resolution() == 256);
    CHECK(published_upsampler("SuperresolutionHybrid2X").output_resolution() == 128);
    CHECK(published_upsampler("SuperresolutionHybridDeepfp32").output_resolution() == 256);
    CHECK_FALSE(published_upsampler("SuperresolutionHybridDeepfp32").antialias);
}
