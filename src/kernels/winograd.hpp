// SPDX-License-Identifier: Apache-2.0
// The arithmetic of winograd_kernels.hpp, for files that are compiled for one kind of machine each.
// Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, F(4x4, 3x3) at the points
// 0, 1, -1, 2, -2 and infinity.
#pragma once

#include <utility>

#include "kernels/vector.hpp"
#include "kernels/winograd_kernels.hpp"

namespace cameo::kernels::CAMEO_VECTOR_NAMESPACE {
namespace {

#if defined(__AVX512F__)
constexpr int panel = 8;  // rows of a product that stay in registers, `wide` vectors each
#else
constexpr int panel = 4;
#endif
constexpr int wide = 3;
constexpr int most_sets = 2;              // of as many vectors, which share what is read of the weights
constexpr std::int64_t input_block = 64;  // inputs that are summed at a time, so that tiles stay in the first cache
constexpr std::int64_t between = 16;      // floats between places, which would else share a few lines of that cache
constexpr std::int64_t places = winograd_places;

constexpr auto each_lane = std::make_integer_sequence<int, static_cast<int>(lanes)>{};

/// Every other element of two vectors.
template <int First, int... Lane>
CAMEO_INLINE Vec alternate(Vec a, Vec b, std::integer_sequence<int, Lane...>) {
    return __builtin_shufflevector(a, b, (2 * Lane + First)...);
}
/// Elements of two vectors in turns, from the lower or the upper halves.
template <int Half, int... Lane>
CAMEO_INLINE Vec turns(Vec a, Vec b, std::integer_sequence<int, Lane...>) {
    constexpr int other = static_cast<int>(lanes);
    return __builtin_shufflevector(a, b, (Half * other / 2 + Lane / 2 + Lane % 2 * other)...);
}
/// The elements after the first, and `next`.
template <int... Lane>
CAMEO_INLINE Vec moved_up(Vec a, float next, std::integer_sequence<int, Lane...>) {
    return __builtin_shufflevector(a, splat(next), (Lane + 1)...);
}

/// 4 L floats in a row into columns 0 to 3 of L tiles, and back.
CAMEO_INLINE void part(const float* from, Vec& c0, Vec& c1, Vec& c2, Vec& c3) {
    const Vec a = load(from), b = load(from + lanes), c = load(from + 2 * lanes), d = load(from + 3 * lanes);
    const Vec even_ab = alternate<0>(a, b, each_lane), odd_ab = alternate<1>(a, b, each_lane);
    const Vec even_cd = alternate<0>(c, d, each_lane), odd_cd = alternate<1>(c, d, each_lane);
    c0 = alternate<0>(even_ab, even_cd, each_lane);
    c2 = alternate<1>(even_ab, even_cd, each_lane);
    c1 = alternate<0>(odd_ab, odd_cd, each_lane);
    c3 = alternate<1>(odd_ab, odd_cd, each_lane);
}
CAMEO_INLINE void join(Vec c0, Vec c1, Vec c2, Vec c3, Vec (&row)[4]) {
    const Vec low02 = turns<0>(c0, c2, each_lane), high02 = turns<1>(c0, c2, each_lane);
    const Vec low13 = turns<0>(c1, c3, each_lane), high13 = turns<1>(c1, c3, each_lane);
    row[0] = turns<0>(low02, low13, each_lane);
    row[1] = turns<1>(low02, low13, each_lane);
    row[2] = turns<0>(high02, high13, each_lane);
    row[3] = turns<1>(high02, high13, each_lane);
}

/// The transform of six inputs that lie `step` vectors apart.
template <int Step>
CAMEO_INLINE void into_places(const Vec* d, Vec* t) {
    const Vec d0 = d[0], d1 = d[Step], d2 = d[2 * Step], d3 = d[3 * Step], d4 = d[4 * Step], d5 = d[5 * Step];
    const Vec four = splat(4.0f), five = splat(5.0f), two = splat(2.0f);
    const Vec even = fma(-four, d2, d4), odd = fma(-four, d1, d3);
    const Vec even_2 = d4 - d2, odd_2 = d3 - d1;
    t[0] = fma(four, d0, fma(-five, d2, d4));
    t[Step] = even + odd;
    t[2 * Step] = even - odd;
    t[3 * Step] = fma(two, odd_2, even_2);
    t[4 * Step] = fma(-two, odd_2, even_2);
    t[5 * Step] = fma(four, d1, fma(-five, d3, d5));
}

/// The transform of six products to four results.
CAMEO_INLINE void into_results(Vec m0, Vec m1, Vec m2, Vec m3, Vec m4, Vec m5, Vec (&y)[4]) {
    const Vec s1 = m1 + m2, d1 = m1 - m2, s2 = m3 + m4, d2 = m3 - m4;
    y[0] = (m0 + s1) + s2;
    y[1] = fma(splat(2.0f), d2, d1);
    y[2] = fma(splat(4.0f), s2, s1);
    y[3] = fma(splat(8.0f), d2, d1) + m5;
}

/// `lanes` tiles, one after the other, of one picture.
struct Group {
    std::int64_t picture, first, count;
    std::int64_t down, across;  ///< of the first tile
    bool one_line;              ///< all in one line of tiles
};

/// Either task's pictures, cut into tiles.
struct Grid {
    std::int64_t height, width;

    [[nodiscard]] CAMEO_INLINE std::int64_t tiles_down() const { return (height + 3) / 4; }
    [[nodiscard]] CAMEO_INLINE std::int64_t tiles_across() const { return (width + 3) / 4; }
};
template <class Task>
CAMEO_INLINE Grid grid_of(const Task& task) {
    return {task.height, task.width};
}

CAMEO_INLINE std::int64_t groups_of_picture(const Grid& task) {
    return (task.tiles_down() * task.tiles_across() + lanes - 1) / lanes;
}
CAMEO_INLINE Group group_at(const Grid& task, std::int64_t index) {
    const auto each = groups_of_picture(task), tiles = task.tiles_down() * task.tiles_across();
    Group group{};
    group.picture = index / each;
    group.first = index % each * lanes;
    group.count = tiles - group.first < lanes ? tiles - group.first : lanes;
    group.down = group.first / task.tiles_across();
    group.across = group.first % task.tiles_across();
    group.one_line = group.across + group.count <= task.tiles_across();
    return group;
}

/// Floats `begin` to `begin + count` - 1 of a row, zeros beyond its ends.
CAMEO_INLINE void stage(const float* row, std::int64_t width, std::int64_t begin, std::int64_t count, float* to) {
    auto first = begin < 0 ? -begin : 0, last = width - begin;
    first = first < count ? first : count;
    last = last < first ? first : (last < count ? last : count);
    for (std::int64_t i = 0; i < first; ++i) to[i] = 0.0f;
    if (last > first)
        std::memcpy(to + first, row + begin + first, sizeof(float) * static_cast<std::size_t>(last - first));
    for (auto i = last; i < count; ++i) to[i] = 0.0f;
}

/// Calls body(tile of the group, line of tiles, column of tiles, how many) for each line of tiles that a group touches.
template <class Body>
CAMEO_INLINE void for_each_line(const Grid& task, const Group& group, const Body& body) {
    auto down = group.down, across = group.across;
    for (std::int64_t tile = 0; tile < group.count;) {
        const auto rest = task.tiles_across() - across, left = group.count - tile;
        const auto count = rest < left ? rest : left;
        body(tile, down, across, count);
        tile += count;
        ++down;
        across = 0;
    }
}

/// Row r of the six around a group's tiles, its columns parted.
CAMEO_INLINE void load_row(const Grid& task, const Group& group, const float* plane, std::int64_t r, Vec* c) {
    float here[4 * lanes + 4], next[4 * lanes];
    if (group.one_line) {
        const auto y = 4 * group.down - 1 + r, left = 4 * group.across - 1;
        if (y < 0 || y >= task.height) {
            for (int i = 0; i < 6; ++i) c[i] = Vec{};
            return;
        }
        const float* row = plane + y * task.width;
        // The same row of the next channel is a page or more away.
        for (std::int64_t ahead = 0; ahead < 4; ++ahead)
            __builtin_prefetch(row + task.height * task.width + 4 * group.across + ahead * lanes);
        if (left >= 0 && left + 4 * lanes + 2 <= task.width) {
            row += left;
        } else {
            stage(row, task.width, left, 4 * lanes + 2, here);
            row = here;
        }
        part(row, c[0], c[1], c[2], c[3]);
        c[4] = moved_up(c[0], row[4 * lanes], each_lane);
        c[5] = moved_up(c[1], row[4 * lanes + 1], each_lane);
        return;
    }
    std::memset(here, 0, sizeof here);
    std::memset(next, 0, sizeof next);
    for_each_line(grid_of(task), group,
                  [&](std::int64_t tile, std::int64_t down, std::int64_t across, std::int64_t count) {
                      const auto y = 4 * down - 1 + r, left = 4 * across - 1;
                      if (y < 0 || y >= task.height) return;
                      stage(plane + y * task.width, task.width, left, 4 * count, here + 4 * tile);
                      stage(plane + y * task.width, task.width, left + 4, 4 * count, next + 4 * tile);
                  });
    Vec unused_2, unused_3;
    part(here, c[0], c[1], c[2], c[3]);
    part(next, c[4], c[5], unused_2, unused_3);
}

/// One channel's inputs of a group, transformed: keep(place, value) gets them.
template <class Keep>
CAMEO_INLINE void transform_inputs(const Grid& grid, const Group& group, const float* plane, float scale,
                                   const Keep& keep) {
    Vec d[36], t[36];
    for (int r = 0; r < 6; ++r) load_row(grid, group, plane, r, d + 6 * r);
    const Vec factor = splat(scale);
    for (int c = 0; c < 6; ++c) into_places<6>(d + c, t + c);
    for (int r = 0; r < 6; ++r) {
        Vec line[6];
        into_places<1>(t + 6 * r, line);
        for (int c = 0; c < 6; ++c) keep(6 * r + c, line[c] * factor);
    }
}

/// `panel` rows of weights times `Count` vectors of tiles, summed over some inputs; added to what is there, or not.
template <int Count>
CAMEO_INLINE void multiply(const float* weights, const float* tiles, std::int64_t inputs, bool adds, float* out,
                           std::int64_t row_step) {
    Vec sum[panel][Count];
    _Pragma("GCC unroll 8") for (int r = 0; r < panel; ++r) _Pragma("GCC unroll 3") for (int v = 0; v < Count; ++v)
        sum[r][v] = adds ? load(out + r * row_step + v * lanes) : Vec{};
    for (std::int64_t i = 0; i < inputs; ++i) {
        Vec tile[Count];
        _Pragma("GCC unroll 3") for (int v = 0; v < Count; ++v) tile[v] = load(tiles + v * lanes);
        _Pragma("GCC unroll 8") for (int r = 0; r < panel; ++r) {
            const Vec weight = splat(weights[r]);
            _Pragma("GCC unroll 3") for (int v = 0; v < Count; ++v) sum[r][v] = fma(weight, tile[v], sum[r][v]);
        }
        __builtin_prefetch(weights + 128 * panel);
        tiles += Count * lanes;
        weights += panel;
    }
    _Pragma("GCC unroll 8") for (int r = 0; r < panel; ++r) _Pragma("GCC unroll 3") for (int v = 0; v < Count; ++v)
        store(out + r * row_step + v * lanes, sum[r][v]);
}

/// What becomes of results on their way to memory.
struct Finish {
    float scale, bias;
    Vec below, gain, clamp;
    bool activates;

    CAMEO_INLINE Vec operator()(Vec value, Vec noise) const {
        value = value * scale + noise + bias;
        if (!activates) return value;
        value = select(value > 0.0f, value, value * below) * gain;
        return larger(-clamp, smaller(clamp, value));  // a NaN stays one
    }
};

/// `count` results that lie side by side, to where they belong; the next come `step` later.
CAMEO_INLINE void write(const float* values, const Finish& finish, const float* noise, std::int64_t count, float* to,
                        std::int64_t step) {
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        __builtin_prefetch(to + step + i, 1);
        store(to + i, finish(load(values + i), noise ? load(noise + i) : Vec{}));
    }
    for (; i < count; ++i) to[i] = finish(splat(values[i]), noise ? splat(noise[i]) : Vec{})[0];
}

/// The 4x4 results of each tile of one row of products.
CAMEO_INLINE void results_of(const float* products, std::int64_t step, Vec (&y)[4][4]) {
    Vec t[4][6];
    for (int c = 0; c < 6; ++c) {
        Vec column[4];
        const auto at = [&](int r) { return load(products + (6 * r + c) * step); };
        into_results(at(0), at(1), at(2), at(3), at(4), at(5), column);
        for (int r = 0; r < 4; ++r) t[r][c] = column[r];
    }
    for (int r = 0; r < 4; ++r) into_results(t[r][0], t[r][1], t[r][2], t[r][3], t[r][4], t[r][5], y[r]);
}

/// All results of one output channel for a group, written. `products` are its rows, `row_step` apart.
CAMEO_INLINE void finish_channel(const WinogradTask& task, const Group& group, std::int64_t channel,
                                 const float* products, std::int64_t row_step, std::int64_t step) {
    const int side = task.phases == 4 ? 2 : 1;
    const auto height = side * task.height, width = side * task.width;
    float* const plane = task.y + (group.picture * task.outputs + channel) * height * width;
    const float* const noise = task.noise ? task.noise + group.picture * task.noise_stride : nullptr;
    const Finish finish{task.scale_out ? task.scale_out[group.picture * task.scale_out_stride + channel] : 1.0f,
                        task.bias ? task.bias[channel] : 0.0f,
                        splat(task.below),
                        splat(task.gain),
                        splat(task.clamp),
                        task.activates};
    for (int down = 0; down < side; ++down) {
        Vec y[2][4][4];  // of the phases beside each other
        for (int across = 0; across < side; ++across)
            results_of(products + (down * side + across) * row_step, step, y[across]);
        for (std::int64_t r = 0; r < 4; ++r) {
            float line[8 * lanes];
            Vec first[4], second[4];
            join(y[0][r][0], y[0][r][1], y[0][r][2], y[0][r][3], first);
            if (side == 2) join(y[1][r][0], y[1][r][1], y[1][r][2], y[1][r][3], second);
            for (int i = 0; i < 4; ++i) {
                if (side == 1) {
                    store(line + i * lanes, first[i]);
                } else {
                    store(line + 2 * i * lanes, turns<0>(first[i], second[i], each_lane));
                    store(line + (2 * i + 1) * lanes, turns<1>(first[i], second[i], each_lane));
                }
            }
            for_each_line(grid_of(task), group,
                          [&](std::int64_t tile, std::int64_t tiles, std::int64_t column, std::int64_t count) {
                              if (4 * tiles + r >= task.height) return;
                              const auto columns = least(4 * count, task.width - 4 * column);
                              const auto place = (side * (4 * tiles + r) + down) * width + side * 4 * column;
                              write(line + side * 4 * tile, finish, noise ? noise + place : nullptr, side * columns,
                                    plane + place, height * width);
                          });
        }
    }
}

std::int64_t groups(const WinogradTask& task) { return task.pictures * groups_of_picture(grid_of(task)); }

CAMEO_INLINE std::int64_t panels(const WinogradTask& task) { return (task.rows() + panel - 1) / panel; }

std::int64_t scratch(const WinogradTask& task) {
    return most_sets * places * (wide * lanes * (task.inputs + panels(task) * panel) + 2 * between);
}

void pack(const float* weights, std::int64_t outputs, std::int64_t inputs, int phases, std::int64_t first,
          std::int64_t last, float* packed) {
    const auto rows = outputs * phases, count = (rows + panel - 1) / panel;
    for (auto p = first; p < last; ++p)
        for (std::int64_t begin = 0; begin < inputs; begin += input_block) {
            const auto length = least(input_block, inputs - begin);
            for (std::int64_t i = 0; i < length; ++i)
                for (std::int64_t r = 0; r < panel; ++r) {
                    const auto row = p * panel + r;
                    const auto from = ((row / phases * inputs + begin + i) * phases + row % phases) * places;
                    for (std::int64_t k = 0; k < places; ++k)
                        packed[((k * inputs + begin) * count + p * length + i) * panel + r] =
                            row < rows ? weights[from + k] : 0.0f;
                }
        }
}

/// Groups that share the registers of one product, and where their numbers lie.
struct Set {
    Group group[wide];
    int count;
    float* tiles;     ///< [places, I, count lanes]
    float* products;  ///< [places, rows, count lanes]
    std::int64_t tiles_place, products_place;
};

CAMEO_INLINE void multiply_set(const Set& set, const float* weights, std::int64_t place, std::int64_t input,
                               std::int64_t length, std::int64_t row) {
    const auto width = set.count * lanes;
    const float* const tiles = set.tiles + place * set.tiles_place + input * width;
    float* const products = set.products + place * set.products_place + row * width;
    switch (set.count) {
        case 1:
            multiply<1>(weights, tiles, length, input > 0, products, width);
            break;
        case 2:
            multiply<2>(weights, tiles, length, input > 0, products, width);
            break;
        default:
            multiply<3>(weights, tiles, length, input > 0, products, width);
            break;
    }
}

void run(const WinogradTask& task, std::int64_t first, std::int64_t last, float* memory) {
    const auto plane = task.height * task.width, count = panels(task);
    const auto grid = grid_of(task);
    Set sets[most_sets];
    const int used = last - first > wide ? 2 : 1;
    for (int s = 0; s < used; ++s) {
        auto& set = sets[s];
        const auto begin = s == 0 ? first : first + sets[0].count;
        set.count = static_cast<int>(s == 0 ? (last - first + used - 1) / used : last - begin);
        const auto width = set.count * lanes;
        set.tiles_place = task.inputs * width + between;
        set.products_place = count * panel * width + between;
        set.tiles = memory;
        set.products = memory + places * set.tiles_place;
        memory = set.products + places * set.products_place;
        for (int v = 0; v < set.count; ++v) set.group[v] = group_at(grid, begin + v);
    }
    for (std::int64_t i = 0; i < task.inputs; ++i)
        for (int s = 0; s < used; ++s)
            for (int v = 0; v < sets[s].count; ++v) {
                const auto& group = sets[s].group[v];
                float* const to = sets[s].tiles + (i * sets[s].count + v) * lanes;
                transform_inputs(grid, group, task.x + (group.picture * task.inputs + i) * plane,
                                 task.scale_in ? task.scale_in[group.picture * task.scale_in_stride + i] : 1.0f,
                                 [&](int k, Vec value) { store(to + k * sets[s].tiles_place, value); });
            }
    // Place after place, so that tiles are read once, and weights in the order in which they lie.
    const float* weights = task.packed;
    for (std::int64_t k = 0; k < places; ++k)
        for (std::int64_t i = 0; i < task.inputs; i += input_block) {
            const auto length = least(input_block, task.inputs - i);
            for (std::int64_t p = 0; p < count; ++p, weights += length * panel)
                for (int s = 0; s < used; ++s) multiply_set(sets[s], weights, k, i, length, p * panel);
        }
    for (std::int64_t o = 0; o < task.outputs; ++o)
        for (int s = 0; s < used; ++s)
            for (int v = 0; v < sets[s].count; ++v)
                finish_channel(task, sets[s].group[v], o,
                               sets[s].products + (o * task.phases * sets[s].count + v) * lanes, sets[s].count * lanes,
                               sets[s].products_place);
}

// ---- The weights' gradient ----

/// Lane j of vector i becomes lane i of vector j.
CAMEO_INLINE void transpose(Vec (&v)[lanes]) {
    constexpr int half = static_cast<int>(lanes) / 2;
    for (std::int64_t round = 1; round < lanes; round *= 2) {
        Vec next[lanes];
        _Pragma("GCC unroll 8") for (int i = 0; i < half; ++i) {
            next[2 * i] = turns<0>(v[i], v[i + half], each_lane);
            next[2 * i + 1] = turns<1>(v[i], v[i + half], each_lane);
        }
        _Pragma("GCC unroll 16") for (int i = 0; i < 2 * half; ++i) v[i] = next[i];
    }
}

/// The adjoint of into_results().
template <int Step>
CAMEO_INLINE void out_of_results(const Vec* g, Vec* m) {
    const Vec g0 = g[0], g1 = g[Step], g2 = g[2 * Step], g3 = g[3 * Step];
    const Vec two = splat(2.0f), four = splat(4.0f);
    const Vec even = g0 + g2, odd = g1 + g3;
    const Vec even_2 = fma(four, g2, g0), odd_2 = two * fma(four, g3, g1);
    m[0] = g0;
    m[Step] = even + odd;
    m[2 * Step] = even - odd;
    m[3 * Step] = even_2 + odd_2;
    m[4 * Step] = even_2 - odd_2;
    m[5 * Step] = g3;
}

/// One channel's gradients of a group, transformed.
template <class Keep>
CAMEO_INLINE void transform_gradients(const Grid& grid, const Group& group, const float* plane, float scale,
                                      const Keep& keep) {
    Vec d[4 * 6], t[6 * 6];
    for (int r = 0; r < 4; ++r) {
        float line[4 * lanes];
        std::memset(line, 0, sizeof line);
        for_each_line(grid, group, [&](std::int64_t tile, std::int64_t down, std::int64_t across, std::int64_t count) {
            const auto y = 4 * down + r;
            if (y < grid.height) stage(plane + y * grid.width, grid.width, 4 * across, 4 * count, line + 4 * tile);
        });
        Vec* const c = d + 6 * r;
        part(line, c[0], c[1], c[2], c[3]);
    }
    const Vec factor = splat(scale);
    for (int c = 0; c < 4; ++c) out_of_results<6>(d + c, t + c);
    for (int r = 0; r < 6; ++r) {
        Vec line[6];
        out_of_results<1>(t + 6 * r, line);
        for (int c = 0; c < 6; ++c) keep(6 * r + c, line[c] * factor);
    }
}

constexpr std::int64_t filled_inputs = wide * lanes, filled_rows = lanes;

std::int64_t gradient_groups(const WinogradGradientTask& task) {
    return task.pictures * groups_of_picture(grid_of(task));
}

/// Tiles lie as [places, sets of `wide` vectors of channels, tiles, channels], products as [places, panels, tiles, rows].
void transform(const WinogradGradientTask& task, std::int64_t first, std::int64_t last, std::int64_t piece) {
    const auto grid = grid_of(task);
    const auto plane = task.height * task.width, block = (last - first) * lanes;
    const auto inputs = rounded_up(task.inputs, filled_inputs);
    const auto rows = rounded_up(task.rows, filled_rows);
    const bool of_x = piece < inputs / lanes;
    const auto channel = (of_x ? piece : piece - inputs / lanes) * lanes, channels = of_x ? task.inputs : task.rows;
    const float* const planes = of_x ? task.x : task.gradient;
    const float* const scales = of_x ? task.scale_x : task.scale_gradient;
    const auto scales_stride = of_x ? task.scale_x_stride : task.scale_gradient_stride;
    for (auto g = first; g < last; ++g) {
        const auto group = group_at(grid, g);
        Vec value[places][lanes];
        for (std::int64_t i = 0; i < lanes; ++i) {
            const auto of = channel + i;
            if (of >= channels) {
                for (std::int64_t k = 0; k < places; ++k) value[k][i] = Vec{};
                continue;
            }
            const float* const from = planes + (group.picture * channels + of) * plane;
            const float scale = scales ? scales[group.picture * scales_stride + of] : 1.0f;
            const auto keep = [&](int k, Vec v) { value[k][i] = v; };
            if (of_x) {
                transform_inputs(grid, group, from, scale, keep);
            } else {
                transform_gradients(grid, group, from, scale, keep);
            }
        }
        const auto tile = (g - first) * lanes;
        for (std::int64_t k = 0; k < places; ++k) {
            transpose(value[k]);
            if (of_x) {
                const auto set = channel / filled_inputs, within = channel % filled_inputs;
                float* const to = task.tiles + (k * inputs + set * filled_inputs) * block + within;
                for (std::int64_t t = 0; t < lanes; ++t) store(to + (tile + t) * filled_inputs, value[k][t]);
            } else {
                float* const to = task.products + (k * rows + channel) * block;
                for (std::int64_t t = 0; t < lanes; ++t) {
                    float each[lanes];
                    store(each, value[k][t]);
                    for (std::int64_t p = 0; p < lanes / panel; ++p)
                        std::memcpy(to + (p * block + tile + t) * panel, each + p * panel, sizeof(float) * panel);
                }
            }
        }
    }
}

void accumulate(const WinogradGradientTask& task, std::int64_t count, std::int64_t place) {
    constexpr std::int64_t together = 64;  // tiles that stay in the first cache
    const auto block = count * lanes;
    const auto inputs = rounded_up(task.inputs, filled_inputs);
    const auto rows = rounded_up(task.rows, filled_rows);
    const float *const tiles = task.tiles + place * inputs * block, *const products =
                                                                        task.products + place * rows * block;
    float* const sums = task.sums + place * rows * inputs;
    for (std::int64_t t = 0; t < block; t += together)
        for (std::int64_t i = 0; i < inputs; i += filled_inputs)
            for (std::int64_t r = 0; r < rows; r += panel)
                multiply<wide>(products + r * block + t * panel, tiles + i * block + t * filled_inputs,
                               least(together, block - t), true, sums + r * inputs + i, inputs);
}

}  // namespace

const WinogradKernels& winograd_kernels() {
    static constexpr WinogradKernels kernels{
        CAMEO_VECTOR_NAME, lanes,       most_sets * wide, panel,     pack,      groups, scratch, run,
        filled_inputs,     filled_rows, gradient_groups,  transform, accumulate};
    return kernels;
}

}  // namespace cameo::kernels::CAMEO_VECTOR_NAMESPACE
