// SPDX-License-Identifier: Apache-2.0
#include "head_files.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <cameo/core/error.hpp>
#include <cameo/core/state_dict.hpp>
#include <cameo/io/camera_file.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/file_tree.hpp>
#include <cameo/io/image.hpp>
#include <cameo/io/npz.hpp>
#include <nlohmann/json.hpp>

#include "outputs.hpp"

namespace cameo::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view run_name = "run.json", labels_name = "dataset.json";

std::string item_name(std::int64_t i) { return fmt::format("{:05d}/img{:08d}", i / 1000, i); }

/// What decides the bytes of a set.
Json description(const synth::HeadSet& set, bool with_truth) {
    const auto& o = set.options();
    return {{"made_by", "cameo dataset synth"},
            {"first_identity", o.first_identity},
            {"identities", o.identities},
            {"views_per_identity", o.views_per_identity},
            {"pose_seed", o.pose_seed},
            {"poses",
             {{"yaw_deviation", o.poses.yaw_deviation},
              {"pitch_deviation", o.poses.pitch_deviation},
              {"yaw_limit", o.poses.yaw_limit},
              {"pitch_limit", o.poses.pitch_limit},
              {"radius", o.poses.radius},
              {"focal", o.poses.focal}}},
            {"size", o.view.size},
            {"samples", o.view.samples},
            {"background", o.view.background},
            {"accessories",
             {{"glasses", o.accessories.glasses},
              {"hat", o.accessories.hat},
              {"face_mask", o.accessories.face_mask},
              {"hand", o.accessories.hand}}},
            {"truth", with_truth}};
}

/// Starts a folder, or finds that it holds the beginning of the very same set.
void enter(const fs::path& folder, const Json& run) {
    make_folder(folder);
    const auto file = folder / run_name;
    const std::string text = run.dump(2) + "\n";
    std::error_code ignored;
    if (fs::exists(file, ignored)) {
        const auto bytes = io::read_file(file, 1 << 20);
        if (std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) != text)
            throw Error(
                Errc::resume_mismatch,
                file.string() + ": expected the options of this run, got those of another; choose another output");
        return;
    }
    for (const auto& entry : fs::directory_iterator(folder))
        if (!io::is_temporary(entry.path()))
            throw Error(Errc::io_failure,
                        folder.string() + ": expected an empty folder, found " + entry.path().filename().string());
    io::write_file(file, text, io::Overwrite::no);
}

template <class T>
StoredTensor tensor(DType dtype, std::vector<std::int64_t> shape, std::span<const T> values) {
    const auto bytes = std::as_bytes(values);
    return {dtype, std::move(shape), memory_source({bytes.begin(), bytes.end()})};
}

StateDict truth_of(const synth::HeadView& view) {
    const auto size = view.rgb.width();
    StateDict out;
    std::vector<std::uint8_t> labels;
    for (const FaceLabel label : view.labels.labels()) labels.push_back(static_cast<std::uint8_t>(label));
    out.add("labels", tensor<std::uint8_t>(DType::u8, {size, size}, labels));
    out.add("depth", tensor(DType::f32, {size, size}, view.depth.values<float>()));
    out.add("depth_z", tensor(DType::f32, {size, size}, view.depth_z.values<float>()));
    out.add("normals", tensor(DType::f32, {size, size, 3}, view.normals.values<float>()));
    out.add("opacity", tensor(DType::f32, {size, size}, view.opacity.values<float>()));
    std::vector<float> picture, world;
    std::vector<std::uint8_t> visible;
    for (const auto& mark : view.landmarks) {
        picture.insert(picture.end(), {static_cast<float>(mark.u), static_cast<float>(mark.v)});
        for (const double c : mark.point) world.push_back(static_cast<float>(c));
        visible.push_back(mark.visible ? 1 : 0);
    }
    constexpr auto marks = static_cast<std::int64_t>(synth::landmark_count);
    out.add("landmarks_uv", tensor<float>(DType::f32, {marks, 2}, picture));
    out.add("landmarks_xyz", tensor<float>(DType::f32, {marks, 3}, world));
    out.add("landmarks_visible", tensor<std::uint8_t>(DType::boolean, {marks}, visible));
    out.add("numbers",
            tensor<float>(DType::f32, {static_cast<std::int64_t>(synth::number_count)}, view.numbers.values));
    const CameraLabel camera = label(view.camera);
    out.add("camera", tensor<double>(DType::f64, {static_cast<std::int64_t>(camera.size())}, camera));
    return out;
}

void write_labels(const synth::HeadSet& set, const fs::path& file) {
    std::vector<io::NamedCamera> cameras;
    for (std::int64_t i = 0; i < set.size(); ++i) cameras.push_back({item_name(i) + ".png", set.camera(i)});
    io::write_cameras(file, cameras, {.overwrite = io::Overwrite::yes});
}

}  // namespace

HeadFilesReport write_head_files(const synth::HeadSet& set, const fs::path& output, bool with_truth,
                                 const Context& context) {
    const bool packed = output.extension() == ".zip";
    auto stem = output;
    if (packed) stem.replace_extension();
    auto truth = stem, images = output;
    truth += "-truth";
    if (packed) images += ".parts";
    std::error_code ignored;
    if (packed && fs::exists(output, ignored))
        throw Error(Errc::io_failure, output.string() + ": there is a file of that name");

    const Json run = description(set, with_truth);
    enter(images, run);
    if (with_truth) enter(truth, run);

    HeadFilesReport report{.images = output, .truth = with_truth ? truth : fs::path()};
    for (std::int64_t i = 0; i < set.size(); ++i) {
        context.report("heads", i, set.size());
        const std::string name = item_name(i);
        const auto picture = images / (name + ".png"), facts = truth / (name + ".npz");
        // The picture is written last: where it is, everything of this item is.
        if (fs::exists(picture, ignored)) {
            ++report.found;
            continue;
        }
        const auto view = set.view(i);
        if (with_truth) {
            make_folder(facts.parent_path());
            io::write_npz(facts, truth_of(*view), io::Compression::deflate, io::Overwrite::yes);
        }
        make_folder(picture.parent_path());
        io::write_image(picture, view->rgb);
        ++report.made;
    }
    write_labels(set, images / labels_name);
    context.report("heads", set.size(), set.size());
    if (packed) {
        io::pack_folder(images, output, io::Overwrite::no);
        fs::remove_all(images, ignored);
    }
    return report;
}

}  // namespace cameo::apps
