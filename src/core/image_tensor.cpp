// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/image_tensor.hpp>

#include <algorithm>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

#include "core/tensor_check.hpp"

namespace cameo {
namespace {

void check_float(const PixelFormat& format) {
    if (format.type != PixelType::f32)
        throw Error(Errc::invalid_argument, "image tensor: expected a float format, got " + to_string(format));
}

void check_pixels(bool empty) {
    if (empty) throw Error(Errc::invalid_argument, "image tensor: expected pixels, got an empty image");
}

}  // namespace

at::Tensor to_tensor(const Image& image, const PixelFormat& format) {
    check_float(format);
    check_pixels(image.empty());
    const auto pixels = converted(image, format);
    auto rows = at::empty({image.height(), image.width(), image.channels()}, at::kFloat);
    std::ranges::copy(pixels.values<float>(), rows.mutable_data_ptr<float>());
    return rows.permute({2, 0, 1}).contiguous();
}

Image to_image(const at::Tensor& picture, const PixelFormat& to, const PixelFormat& from) {
    check_float(from);
    const auto shape = ShapeCheck().expect("picture", picture, "[C, H, W]");
    check_floating("picture", picture);
    Image image(shape["W"], shape["H"], shape["C"], from);
    const auto rows = picture.detach().to(at::kCPU, at::kFloat).permute({1, 2, 0}).contiguous();
    std::ranges::copy_n(rows.const_data_ptr<float>(), rows.numel(), image.values<float>().begin());
    return converted(image, to);
}

at::Tensor to_tensor(const LabelMap& map) {
    check_pixels(map.labels().empty());
    auto labels = at::empty({map.height(), map.width()}, at::kLong);
    std::ranges::transform(map.labels(), labels.mutable_data_ptr<std::int64_t>(),
                           [](FaceLabel label) { return static_cast<std::int64_t>(label); });
    return labels;
}

LabelMap to_label_map(const at::Tensor& labels) {
    const auto shape = ShapeCheck().expect("labels", labels, "[H, W]");
    if (labels.scalar_type() != at::kLong)
        throw Error(Errc::invalid_argument,
                    std::string("labels: expected Long, got ") + c10::toString(labels.scalar_type()));
    LabelMap map(shape["W"], shape["H"]);
    const auto numbers = labels.to(at::kCPU).contiguous();
    const auto* in = numbers.const_data_ptr<std::int64_t>();
    for (auto& label : map.labels()) {
        if (*in < 0 || *in >= static_cast<std::int64_t>(label_count))
            throw Error(Errc::invalid_argument,
                        "labels: expected 0 to " + std::to_string(label_count - 1) + ", got " + std::to_string(*in));
        label = static_cast<FaceLabel>(*in++);
    }
    return map;
}

}  // namespace cameo
