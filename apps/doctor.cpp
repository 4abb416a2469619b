// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdlib>
#include <string>
#include <utility>

// No fmt in this file: OpenImageIO and LibTorch each bring headers of their own.
#include <ATen/Parallel.h>
#include <OpenImageIO/imageio.h>
#include <torch/version.h>
#include <boost/version.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/io/image.hpp>
#include <nlohmann/json.hpp>

#include "findings.hpp"
#include "places.hpp"
#include "verbs.hpp"

namespace cameo::apps {
namespace {

std::string boost_version() {
    return std::to_string(BOOST_VERSION / 100000) + '.' + std::to_string(BOOST_VERSION / 100 % 1000) + '.' +
           std::to_string(BOOST_VERSION % 100);
}

/// Those of cameo's formats for which this OpenImageIO has a plug-in.
std::vector<std::string> image_formats() {
    using io::ImageFormat;
    constexpr std::array<std::pair<ImageFormat, const char*>, 5> plug_ins{{{ImageFormat::png, "png"},
                                                                           {ImageFormat::jpeg, "jpeg"},
                                                                           {ImageFormat::webp, "webp"},
                                                                           {ImageFormat::tiff, "tiff"},
                                                                           {ImageFormat::exr, "openexr"}}};
    const auto available = ',' + std::string(OIIO::get_string_attribute("format_list")) + ',';
    std::vector<std::string> formats;
    for (const auto& [format, plug_in] : plug_ins)
        if (available.find(',' + std::string(plug_in) + ',') != std::string::npos)
            formats.emplace_back(io::name(format));
    return formats;
}

Findings look() {
    const auto* omp_num_threads = std::getenv("OMP_NUM_THREADS");
    return {
        .libraries = {{"LibTorch", TORCH_VERSION}, {"OpenImageIO", OIIO_VERSION_STRING}, {"Boost", boost_version()}},
        .machine = look_at_machine(),
        .threads = thread_count(),
        .libtorch_threads = at::get_num_threads(),
        .omp_num_threads = omp_num_threads != nullptr ? omp_num_threads : "",
        .cuda = cuda_status(),
        .nvidia_driver = nvidia_driver(),
        .image_formats = image_formats(),
        .model = default_model(),
        .cache = cache_folder(),
        .openimageio_is_outdated = OIIO_VERSION < 20500};
}

class Doctor final : public Command {
  public:
    void declare(OptionTable& table) override {
        table.example("cameo doctor", "tells what cameo runs on, and what stands in its way");
        table.example("cameo doctor --json", "the same for programs; good to have in a bug report");
    }

    void run(Terminal& terminal) override {
        const auto found = look();
        terminal.answer(record_of(found), text_of(found));
        for (const auto& trouble : troubles(found)) terminal.warning(trouble);
    }
};

}  // namespace

constinit const Verb doctor = verb<Doctor>("doctor", "shows whether this machine is fit for cameo");

}  // namespace cameo::apps
