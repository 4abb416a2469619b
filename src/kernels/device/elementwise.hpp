// SPDX-License-Identifier: Apache-2.0
// What networks do between convolutions: norm, noise, bias, activation, gain and clamp; filters.
#pragma once

#include "kernels/device/platform.hpp"
#include "kernels/device/triplane_types.hpp"

namespace cameo::kernels::device {

/// Elements of a row that a team works on at a time.
inline constexpr int row_piece = 4096;

/// Elements `first` to first + count - 1 of a row.
template <class Team>
CAMEO_DEVICE void activate(const Team& team, const ActivationBatch& batch, std::int64_t row, std::int64_t first,
                           int count) {
    const std::int64_t picture = row / batch.channels, channel = row % batch.channels;
    const float norm = batch.norm == nullptr ? 1.0f : batch.norm[picture * batch.norm_step + channel];
    const float bias = batch.bias == nullptr ? 0.0f : batch.bias[channel];
    const float* const noise = batch.noise == nullptr ? nullptr : batch.noise + picture * batch.noise_step + first;
    const float* const x = batch.x + row * batch.length + first;
    float* const y = batch.y + row * batch.length + first;
    team.for_each(count, [&](int i) {
        // Rounded as operation after operation is.
        float value = batch.norm == nullptr ? x[i] : product_of(x[i], norm);
        if (noise != nullptr) value = sum_of(value, noise[i]);
        value = sum_of(value, bias);
        value = product_of(value > 0.0f ? value : product_of(value, batch.slope), batch.gain);
        y[i] = value > batch.limit ? batch.limit : (value < -batch.limit ? -batch.limit : value);  // NaN stays
    });
}

/// The gradients of the same elements.
template <class Team>
CAMEO_DEVICE void activate_backward(const Team& team, const ActivationBatch& batch, std::int64_t row,
                                    std::int64_t first, int count) {
    const std::int64_t picture = row / batch.channels, channel = row % batch.channels, at = row * batch.length + first;
    const float norm = batch.norm == nullptr ? 1.0f : batch.norm[picture * batch.norm_step + channel];
    const float above = batch.gain, below = batch.gain * batch.slope;
    team.total(
        count, Pair{0.0f, 0.0f}, Sum{},
        [&](int i) {
            const float y = batch.y[at + i];
            const float by = batch.gradient[at + i] * (fabsf(y) < batch.limit ? (y > 0.0f ? above : below) : 0.0f);
            if (batch.before != nullptr) batch.before[at + i] = by;
            if (batch.by_x != nullptr) batch.by_x[at + i] = by * norm;
            return Pair{by, batch.moments == nullptr ? 0.0f : by * batch.x[at + i]};
        },
        [&](Pair sum) {
            add_to(batch.sums + row, sum.first);
            if (batch.moments != nullptr) add_to(batch.moments + row, sum.second);
        });
}

/// One pixel of what fir_resample() gives.
CAMEO_DEVICE float filtered_pixel(const FirBatch& batch, std::int64_t picture, int row, int column) {
    const float* const x = batch.x + picture * batch.height * batch.width;
    // The first tap that meets a pixel and not a zero between two.
    const auto first_tap = [&](int start) {
        const int over = start % batch.up;
        return over == 0 ? 0 : (over > 0 ? batch.up - over : -over);
    };
    const int top = row * batch.down - batch.pad_y, left = column * batch.down - batch.pad_x;
    float sum = 0.0f;
    for (int i = first_tap(top); i < batch.rows; i += batch.up) {
        const int y = (top + i) / batch.up;
        if (top + i < 0 || y >= batch.height) continue;
        for (int j = first_tap(left); j < batch.columns; j += batch.up) {
            const int from = (left + j) / batch.up;
            if (left + j < 0 || from >= batch.width) continue;
            sum = fmaf(batch.taps[i * batch.columns + j], x[static_cast<std::int64_t>(y) * batch.width + from], sum);
        }
    }
    return sum;
}

}  // namespace cameo::kernels::device
