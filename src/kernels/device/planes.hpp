// SPDX-License-Identifier: Apache-2.0
// Sampling sheets of texels at points, and back: what rendering and plane sampling share.
#pragma once

#include "kernels/device/platform.hpp"
#include "kernels/device/triplane_types.hpp"

namespace cameo::kernels::device {

/// Samples that a team works on at a time, and the length of its arrays of them: four more, so that rows of different
/// channels begin in different banks of a device's shared memory.
inline constexpr int chunk = 64, row_length = chunk + 4;

/// Where the samples of a chunk lie on each sheet.
struct Places {
    std::int32_t* texel;  ///< [sheets, chunk]: the first of four, counted in texels of the sheet
    float* across;        ///< [sheets, 2, chunk]: share of the second in a row, of the second row

    CAMEO_HOST_DEVICE Places(Carver& memory, const Sheets& sheets)
        : texel(memory.integers(sheets.sheets * chunk)), across(memory.floats(sheets.sheets * 2 * chunk)) {}
};

/// Where coordinate `x` of a sheet of `size` texels falls: the texel before it, counted with the border, and its share
/// of the way to the next. Rounded as the reference rounds; what is no number lies outside.
CAMEO_DEVICE std::int32_t place_along(const float* axis, const float* point, int size, float& share) {
    const float projected =
        sum_of(sum_of(product_of(point[0], axis[0]), product_of(point[1], axis[1])), product_of(point[2], axis[2]));
    const auto texels = static_cast<float>(size);
    const float x = sum_of(product_of(sum_of(projected, 1.0f), texels / 2), -0.5f);
    const float bounded = x > -1.0f ? (x < texels ? x : texels) : -1.0f;
    float below = floorf(bounded);
    if (below > texels - 1) below -= 1.0f;  // on the far border the second texel, which is zero, takes all
    share = bounded - below;
    return static_cast<std::int32_t>(below) + 1;
}

/// Finds the places of a chunk's samples: point(m, coordinate) for m below `count`, the rest somewhere.
template <class Team, class Point>
CAMEO_DEVICE void locate(const Team& team, const Sheets& sheets, int count, const Places& at, const Point& point) {
    team.for_each(sheets.sheets * chunk, [&](int item) {
        const int s = item / chunk, m = item % chunk;
        std::int32_t texel = 0;
        float x = 0.0f, y = 0.0f;
        if (m < count) {
            const float scaled[3] = {product_of(point(m, 0), sheets.scale), product_of(point(m, 1), sheets.scale),
                                     product_of(point(m, 2), sheets.scale)};
            const auto column = place_along(sheets.axes[s][0], scaled, sheets.width, x);
            const auto row = place_along(sheets.axes[s][1], scaled, sheets.height, y);
            texel = row * (sheets.width + 2) + column;
        }
        at.texel[item] = texel;
        at.across[(2 * s + 0) * chunk + m] = x;
        at.across[(2 * s + 1) * chunk + m] = y;
    });
}

CAMEO_DEVICE std::int64_t sheet_size(const Sheets& sheets) {
    return static_cast<std::int64_t>(sheets.height + 2) * (sheets.width + 2) * sheets.channels;
}

/// What a chunk's samples see: take(m, c, four channels beginning with c).
template <class Team, class Take>
CAMEO_DEVICE void gather(const Team& team, const Sheets& sheets, const Places& at, int count, const Take& take) {
    const int quads = sheets.channels / 4;
    const std::int64_t row = static_cast<std::int64_t>(sheets.width + 2) * sheets.channels;
    team.for_each(count * quads, [&](int item) {
        const int m = item / quads, c = item % quads * 4;  // neighbours in a team read neighbours in memory
        float sum[4] = {};
        for (int s = 0; s < sheets.sheets; ++s) {
            const float* const from = sheets.texels + s * sheet_size(sheets) +
                                      static_cast<std::int64_t>(at.texel[s * chunk + m]) * sheets.channels + c;
            const float x = at.across[(2 * s + 0) * chunk + m], y = at.across[(2 * s + 1) * chunk + m];
            const auto add = [&](const float* texel, float weight) {
                const Quad t = load4(texel);
                sum[0] = fmaf(weight, t.x, sum[0]);
                sum[1] = fmaf(weight, t.y, sum[1]);
                sum[2] = fmaf(weight, t.z, sum[2]);
                sum[3] = fmaf(weight, t.w, sum[3]);
            };
            add(from, (1 - x) * (1 - y));
            add(from + sheets.channels, x * (1 - y));
            add(from + row, (1 - x) * y);
            add(from + row + sheets.channels, x * y);
        }
        take(m, c, sum);
    });
}

/// Adds what samples' channels, towards(m, c), give to the texels that they came from, and what it gives to a point,
/// four channels at a time: point(m, quad, three coordinates). Either may be null or false.
template <class Team, class Towards, class Point>
CAMEO_DEVICE void scatter(const Team& team, const Sheets& sheets, const Places& at, int count, float* texels,
                          bool points, const Towards& towards, const Point& point) {
    const int quads = sheets.channels / 4;
    const std::int64_t row = static_cast<std::int64_t>(sheets.width + 2) * sheets.channels;
    team.for_each(count * quads, [&](int item) {
        const int m = item / quads, quad = item % quads, c = quad * 4;
        const float by[4] = {towards(m, c), towards(m, c + 1), towards(m, c + 2), towards(m, c + 3)};
        float moved[3] = {};
        for (int s = 0; s < sheets.sheets; ++s) {
            const std::int32_t texel = at.texel[s * chunk + m];
            const std::int64_t place = s * sheet_size(sheets) + static_cast<std::int64_t>(texel) * sheets.channels + c;
            const float x = at.across[(2 * s + 0) * chunk + m], y = at.across[(2 * s + 1) * chunk + m];
            const int first_row = texel / (sheets.width + 2), first_column = texel % (sheets.width + 2);
            // The border is not anybody's, and all that lies outside would meet there.
            const bool left = first_column > 0, right = first_column < sheets.width;
            const bool top = first_row > 0, bottom = first_row < sheets.height;
            if (texels != nullptr) {
                const auto add = [&](std::int64_t to, float weight) {
                    if (weight == 0.0f) return;
                    CAMEO_UNROLL for (int i = 0; i < 4; ++i) add_to(texels + to + i, weight * by[i]);
                };
                if (left && top) add(place, (1 - x) * (1 - y));
                if (right && top) add(place + sheets.channels, x * (1 - y));
                if (left && bottom) add(place + row, (1 - x) * y);
                if (right && bottom) add(place + row + sheets.channels, x * y);
            }
            if (!points) continue;
            const float* const from = sheets.texels + place;
            const Quad a = load4(from), b = load4(from + sheets.channels), d = load4(from + row),
                       e = load4(from + row + sheets.channels);
            const auto along = [&](const Quad& p, const Quad& q) {
                return by[0] * (q.x - p.x) + by[1] * (q.y - p.y) + by[2] * (q.z - p.z) + by[3] * (q.w - p.w);
            };
            // Moving a sample that lies outside changes nothing.
            const bool inside_x = !(first_column == 0 && x == 0.0f) && !(first_column == sheets.width && x == 1.0f);
            const bool inside_y = !(first_row == 0 && y == 0.0f) && !(first_row == sheets.height && y == 1.0f);
            const float texels_x = static_cast<float>(sheets.width) / 2 * sheets.scale;
            const float texels_y = static_cast<float>(sheets.height) / 2 * sheets.scale;
            const float by_x = inside_x ? ((1 - y) * along(a, b) + y * along(d, e)) * texels_x : 0.0f;
            const float by_y = inside_y ? ((1 - x) * along(a, d) + x * along(b, e)) * texels_y : 0.0f;
            CAMEO_UNROLL for (int j = 0; j < 3; ++j) moved[j] +=
                by_x * sheets.axes[s][0][j] + by_y * sheets.axes[s][1][j];
        }
        if (points) point(m, quad, moved);
    });
}

// ---- Points without a decoder: ops::sample_planes_mean ----

CAMEO_HOST_DEVICE std::int64_t points_memory(const Sheets& sheets, bool backward) {
    Carver memory(nullptr);
    const Places at(memory, sheets);
    if (backward) memory.floats(static_cast<std::int64_t>(sheets.channels) / 4 * 3 * chunk);
    return memory.used();
}

/// Samples points `first` to first + count - 1, at most a chunk.
template <class Team>
CAMEO_DEVICE void sample_points(const Team& team, const Sheets& sheets, const PointBatch& points, std::int64_t first,
                                int count, float* memory) {
    Carver carver(memory);
    const Places at(carver, sheets);
    locate(team, sheets, count, at, [&](int m, int j) { return points.point[(first + m) * 3 + j]; });
    gather(team, sheets, at, count, [&](int m, int c, const float* sum) {
        store4(points.feature + (first + m) * sheets.channels + c, sum[0], sum[1], sum[2], sum[3]);
    });
}

template <class Team>
CAMEO_DEVICE void sample_points_backward(const Team& team, const Sheets& sheets, const PointBatch& points,
                                         std::int64_t first, int count, float* memory) {
    Carver carver(memory);
    const Places at(carver, sheets);
    const int quads = sheets.channels / 4;
    float* const moved = carver.floats(static_cast<std::int64_t>(quads) * 3 * chunk);
    locate(team, sheets, count, at, [&](int m, int j) { return points.point[(first + m) * 3 + j]; });
    scatter(
        team, sheets, at, count, points.texels, points.by_point != nullptr,
        [&](int m, int c) { return points.gradient[(first + m) * sheets.channels + c]; },
        [&](int m, int quad, const float* by) {
            for (int j = 0; j < 3; ++j) moved[(quad * 3 + j) * chunk + m] = by[j];
        });
    if (points.by_point == nullptr) return;
    team.for_each(count * 3, [&](int item) {
        const int m = item / 3, j = item % 3;
        float sum = 0.0f;
        for (int quad = 0; quad < quads; ++quad) sum += moved[(quad * 3 + j) * chunk + m];
        points.by_point[(first + m) * 3 + j] = sum;
    });
}

}  // namespace cameo::kernels::device
