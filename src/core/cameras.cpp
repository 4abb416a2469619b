// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/cameras.hpp>

#include <algorithm>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

#include "core/tensor_check.hpp"

namespace cameo {
namespace {

constexpr std::int64_t pose_size = 16;
constexpr std::int64_t label_size = camera_label_size;

}  // namespace

Cameras Cameras::to(const at::TensorOptions& options) const {
    return {world_from_camera.to(options), intrinsics.to(options)};
}

Cameras Cameras::slice(std::int64_t first, std::int64_t count) const {
    if (first < 0 || count < 0 || first > size() - count)
        throw Error(Errc::invalid_argument, "cameras: expected a part of " + std::to_string(size()) + ", got " +
                                                std::to_string(count) + " from number " + std::to_string(first));
    return {world_from_camera.narrow(0, first, count), intrinsics.narrow(0, first, count)};
}

void check(const Cameras& cameras) {
    ShapeCheck()
        .expect("cameras.world_from_camera", cameras.world_from_camera, "[N, 4, 4]")
        .expect("cameras.intrinsics", cameras.intrinsics, "[N, 3, 3]");
    check_floating("cameras.world_from_camera", cameras.world_from_camera);
    check_alike("cameras.intrinsics", cameras.intrinsics, "cameras.world_from_camera", cameras.world_from_camera);
}

Cameras cameras_from_labels(const at::Tensor& labels) {
    const auto count = ShapeCheck().expect("camera labels", labels, "[N, 25]")["N"];
    check_floating("camera labels", labels);
    return {labels.narrow(1, 0, pose_size).reshape({count, 4, 4}),
            labels.narrow(1, pose_size, label_size - pose_size).reshape({count, 3, 3})};
}

at::Tensor labels(const Cameras& cameras) {
    check(cameras);
    return at::cat({cameras.world_from_camera.flatten(1), cameras.intrinsics.flatten(1)}, 1);
}

Cameras cameras(std::span<const Camera> plain, const at::TensorOptions& options) {
    auto numbers = at::empty({static_cast<std::int64_t>(plain.size()), label_size}, at::kDouble);
    auto* out = numbers.mutable_data_ptr<double>();
    for (std::size_t i = 0; i < plain.size(); ++i) {
        check(plain[i], "camera " + std::to_string(i));
        out = std::ranges::copy(label(plain[i]), out).out;
    }
    return cameras_from_labels(numbers.to(complete(options)));
}

std::vector<Camera> to_cameras(const Cameras& cameras) {
    const auto numbers = labels(cameras).detach().to(at::kCPU, at::kDouble).contiguous();
    std::vector<Camera> result(static_cast<std::size_t>(cameras.size()));
    const auto* in = numbers.const_data_ptr<double>();
    for (std::size_t i = 0; i < result.size(); ++i, in += label_size)
        result[i] = camera_from_label({in, camera_label_size}, "camera " + std::to_string(i));
    return result;
}

}  // namespace cameo
