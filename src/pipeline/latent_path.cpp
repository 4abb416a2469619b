// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/latent_path.hpp>

#include <cmath>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>

namespace cameo {

LatentPath::LatentPath(const WLatent& keyframes)
    : value_(keyframes.tensor().detach().to(at::kDouble)), options_(keyframes.tensor().options()) {
    // Slopes agree at every keyframe: bend[k - 1] + 4 bend[k] + bend[k + 1] = 6 (value[k - 1] - 2 value[k] + value[k + 1])
    const auto count = value_.size(0);
    const auto next = [](const at::Tensor& all) { return all.roll(-1, 0); };
    const auto last = [](const at::Tensor& all) { return all.roll(1, 0); };
    const auto one = at::eye(count, value_.options());
    const auto right = 6 * (last(value_) - 2 * value_ + next(value_));
    bend_ = at::linalg_solve(4 * one + last(one) + next(one), right.reshape({count, -1})).reshape_as(value_);
}

WLatent LatentPath::at(double time) const {
    if (!std::isfinite(time))
        throw Error(Errc::invalid_argument, "latent path: expected a finite time, got " + std::to_string(time));
    const auto count = keyframes();
    const auto whole = std::floor(time), u = time - whole, v = 1 - u;
    const auto from =
        static_cast<std::int64_t>(whole - static_cast<double>(count) * std::floor(whole / static_cast<double>(count)));
    const auto to = (from + 1) % count;
    const auto at =
        v * value_[from] + u * value_[to] + (v * v * v - v) / 6 * bend_[from] + (u * u * u - u) / 6 * bend_[to];
    return WLatent(at.unsqueeze(0).to(options_));
}

}  // namespace cameo
