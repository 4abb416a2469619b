// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace cameo {

double LearningRate::factor(std::int64_t step, std::int64_t steps) const {
    const auto place = static_cast<double>(step), all = static_cast<double>(std::max<std::int64_t>(steps, 1));
    const auto rise = warm_up > 0 ? std::min((place + 1) / static_cast<double>(warm_up), 1.0) : 1.0;
    if (shape == Shape::constant) return rise;
    const auto wave = 0.5 * (1 + std::cos(std::numbers::pi * std::min(place / all, 1.0)));
    return rise * (last + (1 - last) * wave);
}

double Fade::at(std::int64_t images) const {
    const auto share = over > 0 ? std::min(static_cast<double>(images) / over, 1.0) : 1.0;
    return from * (1 - share) + to * share;
}

double MovingAverage::remaining(std::int64_t images, std::int64_t batch) const {
    auto life = half_life;
    if (ramp_up > 0) life = std::min(life, ramp_up * static_cast<double>(images));
    return std::pow(0.5, static_cast<double>(batch) / std::max(life, 1e-8));
}

void MovingAverage::update(const NamedTensors& average, const NamedTensors& current, std::int64_t images,
                           std::int64_t batch) const {
    const c10::NoGradGuard no_grad;
    std::vector<at::Tensor> to, from;
    for (std::size_t i = 0; i < average.size(); ++i) {
        to.push_back(average[i].tensor);
        from.push_back(current[i].tensor);
    }
    at::_foreach_lerp_(to, from, at::Scalar(1.0 - remaining(images, batch)));
}

void copy_tensors(const NamedTensors& to, const NamedTensors& from) {
    const c10::NoGradGuard no_grad;
    for (std::size_t i = 0; i < to.size(); ++i) to[i].tensor.copy_(from[i].tensor);
}

}  // namespace cameo
