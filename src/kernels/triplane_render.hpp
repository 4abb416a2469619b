// SPDX-License-Identifier: Apache-2.0
// The arithmetic of triplane_kernels.hpp, for files that are compiled for one kind of machine each.
#pragma once

#include "kernels/triplane_kernels.hpp"
#include "kernels/vector.hpp"

namespace cameo::kernels::CAMEO_VECTOR_NAMESPACE {
namespace {

#if defined(__AVX512F__)
constexpr int tall = 12;  // rows of a product that stay in registers, two vectors wide
constexpr int low = 8;    // the same where the number of rows is a multiple of 16
#elif defined(__AVX2__)
constexpr int tall = 6, low = 4;
#else
constexpr int tall = 4, low = 4;
#endif
constexpr std::int64_t chunk = 48;  // samples worked on at a time: a multiple of `tall` and of the lanes
constexpr std::int64_t block = 16;  // side of the squares in which planes are transposed

/// Cuts one piece of memory into arrays, each at a whole cache line.
class Scratch {
  public:
    explicit Scratch(float* memory) : memory_(memory) {}
    float* floats(std::int64_t count) {
        float* const here = memory_ == nullptr ? nullptr : memory_ + used_;
        used_ += rounded_up(count, triplane_pad);
        return here;
    }
    std::int32_t* integers(std::int64_t count) { return reinterpret_cast<std::int32_t*>(floats(count)); }
    [[nodiscard]] std::int64_t used() const { return used_; }

  private:
    float* memory_;
    std::int64_t used_ = 0;
};

/// finish(m, n, x), where x[2][1 or 2] are sums over k of a[m am + k ak] b[k bk + n ...] for rows m and m + 1, for all
/// of a product. `rows` is rounded up to whole Rows, so a must have as many; columns are a multiple of 16.
template <int Rows, int Wide, class Finish>
CAMEO_INLINE void product_block(const float* a, std::int64_t am, std::int64_t ak, const float* b, std::int64_t bk,
                                std::int64_t depth, std::int64_t m0, std::int64_t n0, const Finish& finish) {
    Vec sum[Rows][Wide] = {};
    const float* row = a + m0 * am;
    const float* column = b + n0;
    for (std::int64_t k = 0; k < depth; ++k, row += ak, column += bk) {
        Vec right[Wide];
#pragma GCC unroll 2
        for (int v = 0; v < Wide; ++v) right[v] = load(column + v * lanes);
#pragma GCC unroll 12
        for (int m = 0; m < Rows; ++m) {
            const Vec left = splat(row[m * am]);
#pragma GCC unroll 2
            for (int v = 0; v < Wide; ++v) sum[m][v] = fma(left, right[v], sum[m][v]);
        }
    }
#pragma GCC unroll 6
    for (int m = 0; m < Rows; m += 2) {
        Vec pair[2 * Wide];
#pragma GCC unroll 4
        for (int i = 0; i < 2 * Wide; ++i) pair[i] = sum[m + i / Wide][i % Wide];
        finish(m0 + m, n0, pair);
    }
}

template <int Rows, class Finish>
CAMEO_INLINE void product(const float* a, std::int64_t am, std::int64_t ak, const float* b, std::int64_t bk,
                          std::int64_t rows, std::int64_t columns, std::int64_t depth, const Finish& finish) {
    for (std::int64_t m = 0; m < rows; m += Rows) {
        std::int64_t n = 0;
        for (; n + 2 * lanes <= columns; n += 2 * lanes) product_block<Rows, 2>(a, am, ak, b, bk, depth, m, n, finish);
        for (; n < columns; n += lanes) product_block<Rows, 1>(a, am, ak, b, bk, depth, m, n, finish);
    }
}

/// Calls act(m, n, x) for each vector of what product() gives its `finish`.
template <int Count, class Act>
CAMEO_INLINE void for_pair(std::int64_t m, std::int64_t n, Vec (&x)[Count], const Act& act) {
    constexpr int wide = Count / 2;
#pragma GCC unroll 4
    for (int i = 0; i < Count; ++i) act(m + i / wide, n + i % wide * lanes, x[i]);
}

// ---- Layout ----

/// The mean of a block's planes, channel by channel, as [block, block, padded C].
void mean_of_planes(const TriplaneScene& scene, const TriplaneSheet& sheet, std::int64_t y0, std::int64_t x0,
                    float* out) {
    const auto width = scene.width, height = scene.height, size = triplane_padded(scene.channels);
    const auto rows = least(block, height - y0), columns = least(block, width - x0);
    for (std::int64_t c = 0; c < scene.channels; ++c) {
        float mean[block][block] = {};
        for (int i = 0; i < sheet.planes; ++i) {
            const float* const plane = sheet.plane[i] + c * height * width;
            // The next block is asked for now: few bytes of each row are read at a time.
            if (sheet.transposed[i]) {
                for (std::int64_t x = 0; x < columns; ++x) {
                    const float* const from = plane + (x0 + x) * width + y0;
                    __builtin_prefetch(from + block * width);
                    for (std::int64_t y = 0; y < rows; ++y) mean[y][x] += from[y];
                }
            } else {
                for (std::int64_t y = 0; y < rows; ++y) {
                    const float* const from = plane + (y0 + y) * width + x0;
                    __builtin_prefetch(from + block);
                    for (std::int64_t x = 0; x < columns; ++x) mean[y][x] += from[x];
                }
            }
        }
        for (std::int64_t y = 0; y < rows; ++y)
            for (std::int64_t x = 0; x < columns; ++x) out[(y * block + x) * size + c] = mean[y][x] / 3.0f;
    }
}

std::int64_t blocks(const TriplaneScene& scene) { return scene.sheets * (rounded_up(scene.height, block) / block); }

void lay_out(const TriplaneScene& scene, float* texels, std::int64_t first, std::int64_t last, float* scratch) {
    const auto per_sheet = rounded_up(scene.height, block) / block;
    const auto size = scene.texel_size(), row_size = scene.row_size(), channels = triplane_padded(scene.channels);
    const auto clear = [](float* from, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) from[i] = 0.0f;
    };
    clear(scratch, block * block * channels);  // channels that fill up stay 0
    for (std::int64_t index = first; index < last; ++index) {
        const auto s = index / per_sheet, y0 = index % per_sheet * block;
        const auto rows = least(block, scene.height - y0);
        float* const sheet = texels + s * scene.sheet_size();
        if (y0 == 0) clear(sheet, row_size);
        if (y0 + rows == scene.height) clear(sheet + (scene.height + 1) * row_size, row_size);
        for (std::int64_t y = 0; y < rows; ++y) {
            float* const row = sheet + (y0 + y + 1) * row_size;
            clear(row, size);
            clear(row + row_size - size, size);
        }
        for (std::int64_t x0 = 0; x0 < scene.width; x0 += block) {
            const auto columns = least(block, scene.width - x0);
            mean_of_planes(scene, scene.sheet[s], y0, x0, scratch);
            const auto target = [&](std::int64_t place) {
                return sheet + (y0 + place / block + 1) * row_size + (x0 + place % block + 1) * size;
            };
            if (!scene.folded) {
                for (std::int64_t y = 0; y < rows; ++y)
                    for (std::int64_t x = 0; x < columns; ++x)
                        for (std::int64_t c = 0; c < size; c += lanes)
                            store(target(y * block + x) + c, load(scratch + (y * block + x) * channels + c));
                continue;
            }
            product<low>(scratch, channels, 1, scene.hidden_weight, size, block * block, size, scene.channels,
                         [&](std::int64_t m, std::int64_t n, auto& x) {
                             for_pair(m, n, x, [&](std::int64_t place, std::int64_t k, Vec sum) {
                                 if (place / block < rows && place % block < columns) store(target(place) + k, sum);
                             });
                         });
        }
    }
}

// ---- Samples ----

/// Where samples lie on each sheet. Arrays of one number a sample.
struct Places {
    std::int32_t* texel[3];  ///< the first of four, counted in texels
    float* share[3][2];      ///< of the second texel in a row; of the second row
    float* weight[3][4];     ///< of the four
    float* inside[3][2];     ///< 1, or 0 where moving along W, or along H, changes nothing; backward only

    Places(Scratch& scratch, const TriplaneScene& scene, std::int64_t capacity, bool backward) {
        for (int s = 0; s < scene.sheets; ++s) {
            texel[s] = scratch.integers(capacity);
            for (auto& array : share[s]) array = scratch.floats(capacity);
            for (auto& array : weight[s]) array = scratch.floats(capacity);
            for (auto& array : inside[s]) array = backward ? scratch.floats(capacity) : nullptr;
        }
    }
};

/// Rounded as the reference rounds, operation by operation: a place in a texel has few bits to lose.
/// sample(i, j): coordinate j of samples i, i + 1, ...
template <class Point>
CAMEO_INLINE void locate_points(const TriplaneScene& scene, std::int64_t count, const Places& at, const Point& sample) {
    const auto width = static_cast<float>(scene.width), height = static_cast<float>(scene.height);
    const auto columns = static_cast<std::int32_t>(scene.width + 2);
    for (std::int64_t i = 0; i < count; i += lanes) {
        Vec point[3];
        for (int j = 0; j < 3; ++j) point[j] = sample(i, j) * scene.scale;
        for (int s = 0; s < scene.sheets; ++s) {
            Int corner[2];
            for (int axis = 0; axis < 2; ++axis) {
                const float* const m = scene.sheet[s].axes[axis];
                const auto size = axis == 0 ? width : height;
                const Vec x = ((point[0] * m[0] + point[1] * m[1] + point[2] * m[2]) + 1.0f) * (size / 2) - 0.5f;
                const Vec bounded = smaller(larger(x, splat(-1.0f)), splat(size));
                Int whole;
                Vec below = floor(bounded, whole);
                // On the far border the second texel, which is zero, takes all.
                whole = below > size - 1 ? whole - 1 : whole;
                below = below > size - 1 ? below - 1.0f : below;
                corner[axis] = whole + 1;
                store(at.share[s][axis] + i, bounded - below);
                if (at.inside[s][axis] != nullptr)
                    store(at.inside[s][axis] + i, select((x > -1.0f) & (x < size), splat(1.0f), Vec{}));
            }
            store(at.texel[s] + i, corner[1] * columns + corner[0]);
            const Vec x = load(at.share[s][0] + i), y = load(at.share[s][1] + i);
            store(at.weight[s][0] + i, (1.0f - x) * (1.0f - y));
            store(at.weight[s][1] + i, x * (1.0f - y));
            store(at.weight[s][2] + i, (1.0f - x) * y);
            store(at.weight[s][3] + i, x * y);
        }
    }
}

/// The same for samples of a ray.
void locate(const TriplaneScene& scene, const float* origin, const float* direction, const float* depth,
            std::int64_t count, const Places& at) {
    locate_points(scene, count, at, [&](std::int64_t i, int j) { return origin[j] + load(depth + i) * direction[j]; });
}

/// Calls finish(c, x), where x[2][1 or 4] is what the sheets have at samples i and i + 1, beginning with channel c.
template <int Wide, class Finish>
CAMEO_INLINE void sample(const TriplaneScene& scene, const Places& at, std::int64_t i, std::int64_t c,
                         const Finish& finish) {
    const auto size = scene.texel_size(), row_size = scene.row_size(), sheet_size = scene.sheet_size();
    Vec sum[2 * Wide] = {};
#pragma GCC unroll 2
    for (int of = 0; of < 2; ++of) {
        const float* sheet = scene.texels + c;
        for (int s = 0; s < scene.sheets; ++s, sheet += sheet_size) {
            const float* const p0 = sheet + at.texel[s][i + of] * size;
            const float *const p1 = p0 + size, *const p2 = p0 + row_size, *const p3 = p2 + size;
            const Vec w0 = splat(at.weight[s][0][i + of]), w1 = splat(at.weight[s][1][i + of]);
            const Vec w2 = splat(at.weight[s][2][i + of]), w3 = splat(at.weight[s][3][i + of]);
#pragma GCC unroll 4
            for (int v = of * Wide; v < (of + 1) * Wide; ++v) {
                const auto place = (v - of * Wide) * lanes;
                sum[v] = fma(w0, load(p0 + place), sum[v]);
                sum[v] = fma(w1, load(p1 + place), sum[v]);
                sum[v] = fma(w2, load(p2 + place), sum[v]);
                sum[v] = fma(w3, load(p3 + place), sum[v]);
            }
        }
    }
    finish(c, sum);
}

/// The same for all channels.
template <class Finish>
CAMEO_INLINE void sample_all(const TriplaneScene& scene, const Places& at, std::int64_t i, const Finish& finish) {
    const auto size = scene.texel_size();
    std::int64_t c = 0;
    for (; c + 4 * lanes <= size; c += 4 * lanes) sample<4>(scene, at, i, c, finish);
    for (; c < size; c += lanes) sample<1>(scene, at, i, c, finish);
}

/// What all samples see, [count rounded up to 2, padded C].
CAMEO_INLINE void sample_channels(const TriplaneScene& scene, const Places& at, std::int64_t count, float* channel) {
    const auto size = scene.texel_size();
    for (std::int64_t i = 0; i < count; i += 2)
        sample_all(scene, at, i, [&](std::int64_t c, auto& x) {
            constexpr int wide = sizeof x / sizeof x[0] / 2;
            for (int of = 0; of < 2; ++of)
                for (int v = 0; v < wide; ++v) store(channel + (i + of) * size + c + v * lanes, x[of * wide + v]);
        });
}

/// What decode_hidden() works in.
struct Workplace {
    Places places;
    float *channel, *part;

    Workplace(Scratch& scratch, const TriplaneScene& scene)
        : places(scratch, scene, chunk, false),
          channel(scratch.floats(scene.folded ? 0 : chunk * triplane_padded(scene.channels))),
          part(scratch.floats(chunk * lanes)) {}
};

/// Densities of hidden rows, from the vectors that add up to them; a multiple of four of both.
void add_up(const TriplaneScene& scene, const float* part, std::int64_t count, float* density) {
    for (std::int64_t i = 0; i < count; i += 4) {
        const auto four = sums(load(part + i * lanes), load(part + (i + 1) * lanes), load(part + (i + 2) * lanes),
                               load(part + (i + 3) * lanes)) +
                          scene.density_bias;
        std::memcpy(density + i, &four, sizeof four);
    }
}

/// Densities of hidden rows; writes up to a multiple of four of them.
void densities(const TriplaneScene& scene, const float* hidden, std::int64_t count, float* part, float* density) {
    const auto units = triplane_padded(scene.hidden);
    for (std::int64_t i = 0; i < count; ++i) {
        Vec sum{};
        for (std::int64_t k = 0; k < units; k += lanes)
            sum = fma(load(hidden + i * units + k), load(scene.density_weight + k), sum);
        store(part + i * lanes, sum);
    }
    add_up(scene, part, count, density);
}

/// Densities and hidden units of at most a chunk of samples whose places are known. Writes up to a multiple of four
/// densities, and of `tall` rows of units.
void decode_hidden(const TriplaneScene& scene, std::int64_t some, float* density, float* rows, const Workplace& work) {
    const auto units = triplane_padded(scene.hidden);
    if (scene.folded) {
        for (std::int64_t i = 0; i < some; i += 2) {
            float* const hidden = rows + i * units;
            Vec part[2] = {};
            sample_all(scene, work.places, i, [&](std::int64_t k, auto& x) {
                constexpr int count_of = sizeof x / sizeof x[0], wide = count_of / 2;
#pragma GCC unroll 8
                for (int n = 0; n < count_of; ++n) x[n] += load(scene.hidden_bias + k + n % wide * lanes);
                softplus(x);
#pragma GCC unroll 8
                for (int n = 0; n < count_of; ++n) {
                    const auto unit = k + n % wide * lanes;
                    store(hidden + n / wide * units + unit, x[n]);
                    part[n / wide] = fma(x[n], load(scene.density_weight + unit), part[n / wide]);
                }
            });
            store(work.part + i * lanes, part[0]);
            store(work.part + (i + 1) * lanes, part[1]);
        }
        add_up(scene, work.part, some, density);
    } else {
        const auto channels = scene.texel_size();
        sample_channels(scene, work.places, some, work.channel);
        product<tall>(
            work.channel, channels, 1, scene.hidden_weight, units, some, units, scene.channels,
            [&](std::int64_t m, std::int64_t n, auto& x) {
                for_pair(m, n, x, [&](std::int64_t, std::int64_t k, Vec& sum) { sum += load(scene.hidden_bias + k); });
                softplus(x);
                for_pair(m, n, x, [&](std::int64_t i, std::int64_t k, Vec sum) { store(rows + i * units + k, sum); });
            });
        densities(scene, rows, some, work.part, density);
    }
}

/// Colours [count, padded F] of rows of hidden units; reads and writes up to a multiple of `tall`.
void colours(const TriplaneScene& scene, const float* hidden, std::int64_t count, float* colour) {
    const auto units = triplane_padded(scene.hidden), features = triplane_padded(scene.features);
    product<tall>(hidden, units, 1, scene.colour_weight, features, count, features, scene.hidden,
                  [&](std::int64_t m, std::int64_t n, auto& x) {
                      for_pair(m, n, x,
                               [&](std::int64_t, std::int64_t f, Vec& sum) { sum += load(scene.colour_bias + f); });
                      sigmoid(x);
                      for_pair(m, n, x, [&](std::int64_t i, std::int64_t f, Vec share) {
                          store(colour + i * features + f, fma(share, splat(1.002f), splat(-0.001f)));
                      });
                  });
}

void density(const TriplaneScene& scene, const float* const* points, std::int64_t count, float* out, float* memory) {
    Scratch scratch(memory);
    const Workplace work(scratch, scene);
    float* const value = scratch.floats(chunk);
    float* const hidden = scratch.floats(chunk * triplane_padded(scene.hidden));
    float* point[3];
    for (auto& coordinate : point) coordinate = scratch.floats(chunk);
    for (std::int64_t begin = 0; begin < count; begin += chunk) {
        const auto some = least(chunk, count - begin);
        for (int j = 0; j < 3; ++j)  // readable to the end of a vector
            for (std::int64_t i = 0; i < some; ++i) point[j][i] = points[j][begin + i];
        locate_points(scene, some, work.places, [&](std::int64_t i, int j) { return load(point[j] + i); });
        decode_hidden(scene, some, value, hidden, work);
        for (std::int64_t i = 0; i < some; ++i) out[begin + i] = value[i];
    }
}

// ---- Along a ray ----

/// Arrays of one number an interval between samples, with room for whole vectors.
struct March {
    float *alpha, *left, *weight;  ///< left: what is left of the light before the interval
    float *passed, *slope;         ///< exp(-density length); derivative of the density by its mean; backward only

    March(Scratch& scratch, std::int64_t capacity, bool backward)
        : alpha(scratch.floats(capacity)),
          left(scratch.floats(capacity)),
          weight(scratch.floats(capacity)),
          passed(backward ? scratch.floats(capacity) : nullptr),
          slope(backward ? scratch.floats(capacity) : nullptr) {}
};

/// Weights of the intervals, 0 beyond the last to the end of a vector; depth and density are readable to one vector
/// beyond their end. Returns what is left of the light behind the last. Those of the first `known` samples are there from
/// an earlier call.
float march(const float* depth, const float* density, std::int64_t samples, float bias, const March& out,
            std::int64_t known = 0) {
    const auto intervals = samples - 1, whole = rounded_up(intervals, lanes);
    const auto first = known > 0 ? (known - 1) / lanes * lanes : 0;
    for (std::int64_t k = first; k < intervals; k += lanes) {
        const Vec length = load(depth + k + 1) - load(depth + k);
        const Vec mean = (load(density + k) + load(density + k + 1)) / 2.0f + bias;
        Vec active[1] = {mean}, decay[1];
        softplus(active, decay);
        const Vec passed = exp(-active[0] * length);
        store(out.alpha + k, 1.0f - passed);
        if (out.passed != nullptr) {
            store(out.passed + k, passed);
            store(out.slope + k, slope(mean, decay[0]));
        }
    }
    for (auto k = intervals; k < whole; ++k) out.alpha[k] = 0.0f;
    float left = first > 0 ? out.left[first] : 1.0f;
    for (std::int64_t k = first; k < whole; k += 4) {  // four at a time, so that few products wait for each other
        const float* const alpha = out.alpha + k;
        const float a = 1.0f - alpha[0] + 1e-10f, b = 1.0f - alpha[1] + 1e-10f;
        const float c = 1.0f - alpha[2] + 1e-10f, d = 1.0f - alpha[3] + 1e-10f;
        out.left[k] = left;
        out.left[k + 1] = left * a;
        out.left[k + 2] = left * (a * b);
        out.left[k + 3] = left * (a * b * c);
        left *= (a * b) * (c * d);
    }
    out.left[whole] = left;
    for (std::int64_t k = first; k < whole; k += lanes) store(out.weight + k, load(out.alpha + k) * load(out.left + k));
    return left;
}

/// The sum of weights, and the depth at their middle; infinite where there are none.
CAMEO_INLINE void middle(const float* depth, const float* weight, std::int64_t samples, float& whole, float& place) {
    Vec weights{}, places{};
    for (std::int64_t k = 0; k < samples - 1; k += lanes) {
        const Vec some = load(weight + k);
        weights += some;
        // What lies beyond the last sample may be anything.
        const Vec between = (load(depth + k) + load(depth + k + 1)) / 2.0f;
        places += some == 0.0f ? Vec{} : some * between;
    }
    whole = sum(weights);
    place = whole == 0.0f ? __builtin_inff() : sum(places) / whole;
}

struct Importance {
    float *pooled, *share, *cumulative, *bin, *draws;

    Importance(Scratch& scratch, std::int64_t coarse, std::int64_t fine)
        : pooled(scratch.floats(coarse + lanes)),
          share(scratch.floats(coarse + lanes)),
          cumulative(scratch.floats(coarse + lanes)),
          bin(scratch.floats(coarse + lanes)),
          draws(scratch.floats(fine + lanes)) {}
};

/// What ops::importance_depths does, for one ray; writes up to a whole vector.
void importance(const float* depth, const float* weight, std::int64_t samples, const float* draws, std::int64_t fine,
                const Importance& work, float* out) {
    work.pooled[0] = weight[0];
    for (std::int64_t i = 1; i < samples - 1; i += lanes)
        store(work.pooled + i, larger(load(weight + i - 1), load(weight + i)));
    work.pooled[samples - 1] = weight[samples - 2];

    const auto last = samples - 3;
    double total = 0.0;
    for (std::int64_t j = 0; j < last; ++j) {
        work.share[j] = (work.pooled[j + 1] + work.pooled[j + 2]) / 2 + 0.01f + 1e-5f;
        total += static_cast<double>(work.share[j]);
    }
    const auto whole = static_cast<float>(total);
    for (std::int64_t j = 0; j < last; j += lanes) store(work.share + j, load(work.share + j) / whole);
    double sum = 0.0;
    work.cumulative[0] = 0.0f;
    for (std::int64_t j = 0; j < last; ++j) {
        sum += static_cast<double>(work.share[j]);
        work.cumulative[j + 1] = static_cast<float>(sum);
    }
    for (std::int64_t i = 0; i < samples - 1; i += lanes)
        store(work.bin + i, (load(depth + i) + load(depth + i + 1)) / 2.0f);

    for (std::int64_t i = 0; i < fine; ++i) work.draws[i] = draws[i];
    const auto ends = static_cast<std::int32_t>(last);
    for (std::int64_t i = 0; i < fine; i += lanes) {
        const Vec u = load(work.draws + i);
        Int upper{};
        for (std::int64_t j = 0; j <= last; ++j) upper -= splat(work.cumulative[j]) <= u;
        const Int below = upper > 0 ? upper - 1 : upper;
        const Int above = upper < ends ? upper : splat(ends);
        const Vec start = gather(work.cumulative, below), bin = gather(work.bin, below);
        Vec span = gather(work.cumulative, above) - start;
        span = span < 1e-5f ? splat(1.0f) : span;
        store(out + i, bin + (u - start) / span * (gather(work.bin, above) - bin));
    }
}

/// The order of coarse + fine depths, the first of equals first. Both runs are in one array that is readable to one
/// vector beyond its end; the first usually ascends.
void sort(const float* depth, std::int64_t coarse, std::int64_t fine, std::int32_t* rank, std::int32_t* order) {
    const auto samples = coarse + fine;
    bool usual = true;
    for (std::int64_t k = 1; k < coarse; ++k) usual = usual && depth[k - 1] <= depth[k];
    for (std::int64_t i = coarse; i < samples; ++i) usual = usual && depth[i] == depth[i];
    if (!usual) {
        for (std::int64_t i = 0; i < samples; ++i) {
            auto place = i;
            for (; place > 0 && depth[i] < depth[order[place - 1]]; --place) order[place] = order[place - 1];
            order[place] = static_cast<std::int32_t>(i);
        }
        return;
    }
    // How many come before each of the second run; the first run fills the places that are left.
    const float* const second = depth + coarse;
    const Int lane = ramp();
    for (std::int64_t i = 0; i < fine; i += lanes) {
        const Vec own = load(second + i);
        Int before{};
        for (std::int64_t k = 0; k < coarse; ++k) before -= splat(depth[k]) <= own;
        for (std::int64_t j = 0; j < i; ++j) before -= splat(second[j]) <= own;
        for (std::int64_t j = i; j < least(i + lanes, fine); ++j) {
            const Vec other = splat(second[j]);
            before -= (other < own) | ((other == own) & (lane > splat(static_cast<std::int32_t>(j - i))));
        }
        for (std::int64_t j = i + lanes; j < fine; ++j) before -= splat(second[j]) < own;
        store(rank + i, before);
    }
    for (std::int64_t k = 0; k < samples; ++k) order[k] = -1;
    for (std::int64_t i = 0; i < fine; ++i) order[rank[i]] = static_cast<std::int32_t>(coarse + i);
    std::int32_t next = 0;
    for (std::int64_t k = 0; k < samples; ++k) {
        const bool free = order[k] < 0;
        order[k] = free ? next : order[k];
        next += free ? 1 : 0;
    }
}

/// The weight of sample k's colour: the mean of its two intervals'.
CAMEO_INLINE float colour_weight(const float* weight, std::int64_t k, std::int64_t samples) {
    return ((k > 0 ? weight[k - 1] : 0.0f) + (k < samples - 1 ? weight[k] : 0.0f)) / 2;
}

// ---- What is empty ----

/// The least and the greatest that texels have in squares of a sheet: what is between them is in between.
void pool(const TriplaneScene& scene, const std::int32_t* texels, std::int64_t cells, std::int64_t first,
          std::int64_t last, float* pooled) {
    const auto size = scene.texel_size();
    for (auto index = first; index < last; ++index) {
        const auto s = index / cells, row = index % cells;
        const std::int32_t *const across = texels + s * 4 * cells, *const down = across + 2 * cells + 2 * row;
        for (std::int64_t column = 0; column < cells; ++column) {
            float* const out = pooled + (index * cells + column) * 2 * size;
            for (std::int64_t k = 0; k < size; k += lanes) {
                const float* const sheet = scene.texels + s * scene.sheet_size() + k;
                Vec least_of = load(sheet + down[0] * scene.row_size() + across[2 * column] * size), most_of = least_of;
                for (std::int64_t y = down[0]; y <= down[1]; ++y)
                    for (std::int64_t x = across[2 * column]; x <= across[2 * column + 1]; ++x) {
                        const Vec texel = load(sheet + y * scene.row_size() + x * size);
                        least_of = smaller(texel, least_of);
                        most_of = larger(texel, most_of);
                    }
                store(out + k, least_of);
                store(out + size + k, most_of);
            }
        }
    }
}

/// Adds up what units k, k + 1, ... can add to a density at most, and magnitudes that rounding is relative to.
template <int Count>
CAMEO_INLINE void add_bounds(const TriplaneScene& scene, const float* const* square, std::int64_t k, Vec& part,
                             Vec& slack) {
    Vec least_of[Count], most_of[Count], unit[Count];
    CAMEO_EACH least_of[i] = most_of[i] = load(scene.hidden_bias + k + i * lanes);
    for (int s = 0; s < scene.sheets; ++s) {
        CAMEO_EACH least_of[i] += load(square[s] + k + i * lanes);
        CAMEO_EACH most_of[i] += load(square[s] + scene.texel_size() + k + i * lanes);
    }
    CAMEO_EACH unit[i] = load(scene.density_weight + k + i * lanes) > 0.0f ? most_of[i] : least_of[i];
    softplus(unit);
    CAMEO_EACH {
        const Vec weight = load(scene.density_weight + k + i * lanes);
        part = fma(weight, unit[i], part);
        slack = fma(larger(weight, -weight),
                    larger(larger(least_of[i], -least_of[i]), larger(most_of[i], -most_of[i])) + 1.0f, slack);
    }
}

/// Softplus grows, so a unit's greatest share in the density is at one end of what it sees. What rounding may add, and
/// may have taken from the samples, is 84 units in the last place of the sum of magnitudes at most; here it is 200.
void bound(const TriplaneScene& scene, const float* pooled, const std::int32_t* along, std::int64_t cells,
           std::int64_t first, std::int64_t last, float* most) {
    const auto size = scene.texel_size();
    for (auto z = first; z < last; ++z)
        for (std::int64_t y = 0; y < cells; ++y)
            for (std::int64_t x = 0; x < cells; ++x) {
                const std::int64_t place[3] = {x, y, z};
                const float* square[3];
                for (int s = 0; s < scene.sheets; ++s)
                    square[s] =
                        pooled + ((s * cells + place[along[2 * s + 1]]) * cells + place[along[2 * s]]) * 2 * size;
                Vec part{}, slack{};
                std::int64_t k = 0;
                for (; k + 4 * lanes <= size; k += 4 * lanes) add_bounds<4>(scene, square, k, part, slack);
                for (; k < size; k += lanes) add_bounds<1>(scene, square, k, part, slack);
                most[(z * cells + y) * cells + x] = scene.density_bias + sum(part) + 1.2e-5f * sum(slack);
            }
}

/// The bounds at samples of a ray, more than any density outside of the cube; writes up to a whole vector.
void look_up(const TriplaneScene& scene, const float* origin, const float* direction, const float* depth,
             std::int64_t count, float* most) {
    const auto cells = static_cast<float>(scene.cells);
    for (std::int64_t i = 0; i < count; i += lanes) {
        Int index{}, inside = splat(std::int32_t{-1});
        for (int j = 2; j >= 0; --j) {
            const Vec x = ((origin[j] + load(depth + i) * direction[j]) * scene.scale + 1.0f) * (cells / 2);
            Int whole;
            floor(x, whole);
            inside &= (x >= 0.0f) & (x < cells);
            index = index * static_cast<std::int32_t>(scene.cells) + whole;
        }
        store(most + i, select(inside, gather(scene.most, inside ? index : Int{}), splat(1e30f)));
    }
}

/// The mean density up to which an interval of the ray has no weight: its light's share that passes rounds to 1.
CAMEO_INLINE float emptiness(const float* depth, std::int64_t samples) {
    float nearest = depth[0], farthest = depth[0];
    for (std::int64_t k = 1; k < samples; ++k) {
        nearest = depth[k] < nearest ? depth[k] : nearest;
        farthest = depth[k] > farthest ? depth[k] : farthest;
    }
    return __builtin_logf(1.4901161e-8f / (farthest - nearest));  // 2^-26: half of what would not round
}

/// Whether sample k has part in no interval with a density above `least`.
CAMEO_INLINE bool between_empty(const float* density, std::int64_t k, std::int64_t samples, float bias, float least) {
    const auto empty = [&](std::int64_t i) { return (density[i] + density[i + 1]) / 2 + bias <= least; };
    return (k == 0 || empty(k - 1)) && (k == samples - 1 || empty(k));
}

// ---- Forward ----

struct ForwardWork {
    Workplace evaluation;
    March ray;
    Importance second;
    float *depth, *density, *sorted_depth, *sorted_density, *share, *feature;
    float *some, *value, *hidden, *chosen, *colour;
    std::int32_t *rank, *order, *row, *list;

    ForwardWork(Scratch& scratch, const TriplaneScene& scene, std::int64_t samples)
        : evaluation(scratch, scene),
          ray(scratch, samples + 2 * lanes, false),
          second(scratch, samples, samples),
          depth(scratch.floats(samples + 2 * chunk)),
          density(scratch.floats(samples + 2 * chunk)),
          sorted_depth(scratch.floats(samples + chunk)),
          sorted_density(scratch.floats(samples + chunk)),
          share(scratch.floats(samples)),
          feature(scratch.floats(triplane_padded(scene.features))),
          some(scratch.floats(2 * chunk)),
          value(scratch.floats(chunk)),
          hidden(scratch.floats((samples + chunk) * triplane_padded(scene.hidden))),
          chosen(scratch.floats((samples + chunk) * triplane_padded(scene.hidden))),
          colour(scratch.floats((samples + chunk) * triplane_padded(scene.features))),
          rank(scratch.integers(samples + lanes)),
          order(scratch.integers(samples)),
          row(scratch.integers(samples)),
          list(scratch.integers(samples)) {}
};

/// Densities of the samples of a ray that work.list names. Their rows of hidden units follow those that there are.
void decode_some(const TriplaneScene& scene, const float* origin, const float* direction, std::int64_t count,
                 std::int64_t rows, const ForwardWork& work) {
    const auto units = triplane_padded(scene.hidden);
    for (std::int64_t begin = 0; begin < count; begin += chunk) {
        const auto some = least(chunk, count - begin);
        const std::int32_t* const list = work.list + begin;
        for (std::int64_t i = 0; i < some; ++i) work.some[i] = work.depth[list[i]];
        locate(scene, origin, direction, work.some, some, work.evaluation.places);
        decode_hidden(scene, some, work.value, work.hidden + (rows + begin) * units, work.evaluation);
        for (std::int64_t i = 0; i < some; ++i) {
            work.density[list[i]] = work.value[i];
            work.row[list[i]] = static_cast<std::int32_t>(rows + begin + i);
        }
    }
}

void forward(const TriplaneScene& scene, const TriplaneRays& rays, const std::int32_t* chosen, std::int64_t count,
             float* memory) {
    const auto coarse = rays.coarse, fine = rays.fine, samples = rays.samples();
    const auto units = triplane_padded(scene.hidden), features = triplane_padded(scene.features);
    const auto bias = rays.activation_bias;
    const std::int64_t step = scene.folded ? lanes : tall;    // samples decoded between two looks at the light
    const auto unknown = static_cast<std::int32_t>(samples);  // more than any row
    const bool bounded = scene.most != nullptr && rays.sorted_depth == nullptr && rays.noise == nullptr;
    const auto least_light = rays.sorted_depth == nullptr ? rays.least_light : 0.0f;
    Scratch scratch(memory);
    const ForwardWork work(scratch, scene, samples);
    for (std::int64_t number = 0; number < count; ++number) {
        const std::int64_t ray = chosen[number];
        const float *const origin = rays.origin + 3 * ray, *const direction = rays.direction + 3 * ray;
        for (std::int64_t k = 0; k < coarse; ++k) work.depth[k] = rays.depth[ray * coarse + k];
        for (std::int64_t k = 0; k < samples; ++k) work.row[k] = unknown;
        const auto nothing = bounded ? emptiness(work.depth, coarse) : 0.0f;
        std::int64_t rows = 0, listed = 0;
        if (bounded) look_up(scene, origin, direction, work.depth, coarse, work.density);

        // The first pass, all of which shapes the distribution of the second.
        if (fine > 0) {
            for (std::int64_t k = 0; k < coarse; ++k)
                if (!bounded || !between_empty(work.density, k, coarse, bias, nothing))
                    work.list[listed++] = static_cast<std::int32_t>(k);
            decode_some(scene, origin, direction, listed, rows, work);
            rows += listed;
            if (rays.noise != nullptr)
                for (std::int64_t k = 0; k < coarse; ++k) work.density[k] += rays.noise[ray * coarse + k];
            march(work.depth, work.density, coarse, bias, work.ray);
            importance(work.depth, work.ray.weight, coarse, rays.draws + ray * fine, fine, work.second,
                       work.depth + coarse);
            sort(work.depth, coarse, fine, work.rank, work.order);
            if (bounded) look_up(scene, origin, direction, work.depth + coarse, fine, work.density + coarse);
        } else {
            for (std::int64_t k = 0; k < samples; ++k) work.order[k] = static_cast<std::int32_t>(k);
        }
        for (std::int64_t k = 0; k < samples; ++k) {
            work.sorted_depth[k] = work.depth[work.order[k]];
            work.sorted_density[k] = work.density[work.order[k]];
        }

        // What is not known yet, from the nearest on.
        std::int64_t end = 0;
        for (float light = 1.0f; end < samples && !(light < least_light);) {
            const auto begin = end;
            const auto most = least_light > 0.0f ? step : samples;
            for (listed = 0; end < samples && listed < most; ++end) {
                const auto sample = work.order[end];
                if (work.row[sample] == unknown &&
                    (!bounded || !between_empty(work.sorted_density, end, samples, bias, nothing)))
                    work.list[listed++] = sample;
            }
            decode_some(scene, origin, direction, listed, rows, work);
            rows += listed;
            for (std::int64_t i = 0; i < listed; ++i) {
                const auto sample = work.list[i];
                if (sample < coarse && rays.noise != nullptr) work.density[sample] += rays.noise[ray * coarse + sample];
                if (sample >= coarse && rays.fine_noise != nullptr)
                    work.density[sample] += rays.fine_noise[ray * fine + sample - coarse];
            }
            for (auto k = begin; k < end; ++k) work.sorted_density[k] = work.density[work.order[k]];
            light = march(work.sorted_depth, work.sorted_density, end, bias, work.ray, begin);
        }

        const float* const weight = work.ray.weight;
        middle(work.sorted_depth, weight, end, rays.weight[ray], rays.out_depth[ray]);
        std::int64_t coloured = 0;
        for (std::int64_t k = 0; k < end; ++k) {
            const auto share = colour_weight(weight, k, end);
            const std::int64_t row = work.row[work.order[k]];
            if (share <= rays.least_colour || row == unknown) continue;
            for (std::int64_t n = 0; n < units; n += lanes)
                store(work.chosen + coloured * units + n, load(work.hidden + row * units + n));
            work.share[coloured++] = share;
        }
        colours(scene, work.chosen, coloured, work.colour);
        for (std::int64_t f = 0; f < features; f += lanes) {
            Vec part[2] = {};
            std::int64_t k = 0;
            for (; k + 2 <= coloured; k += 2)
                for (int odd = 0; odd < 2; ++odd)
                    part[odd] =
                        fma(splat(work.share[k + odd]), load(work.colour + (k + odd) * features + f), part[odd]);
            if (k < coloured) part[0] = fma(splat(work.share[k]), load(work.colour + k * features + f), part[0]);
            store(work.feature + f, part[0] + part[1]);
        }
        for (std::int64_t f = 0; f < scene.features; ++f) rays.feature[ray * scene.features + f] = work.feature[f];
        if (rays.spent != nullptr) {
            rays.spent[2 * ray] = static_cast<std::int32_t>(rows);
            rays.spent[2 * ray + 1] = static_cast<std::int32_t>(coloured);
        }
        if (rays.sorted_depth != nullptr)
            for (std::int64_t k = 0; k < samples; ++k) rays.sorted_depth[ray * samples + k] = work.sorted_depth[k];
        if (rays.sorted_noise != nullptr)
            for (std::int64_t k = 0; k < samples; ++k) {
                const std::int64_t from = work.order[k];
                rays.sorted_noise[ray * samples + k] =
                    from < coarse ? rays.noise[ray * coarse + from] : rays.fine_noise[ray * fine + from - coarse];
            }
    }
}

// ---- Backward ----

struct BackwardWork {
    Places places;
    March ray;
    float *depth, *density, *towards_weight, *towards_density, *towards_mean, *share;
    float *channel, *hidden, *slope, *colour, *towards_colour, *feature, *part;

    BackwardWork(Scratch& scratch, const TriplaneScene& scene, std::int64_t samples)
        : places(scratch, scene, rounded_up(samples, chunk), true),
          ray(scratch, samples + lanes, true),
          depth(scratch.floats(samples + chunk)),
          density(scratch.floats(samples + chunk)),
          towards_weight(scratch.floats(samples)),
          towards_density(scratch.floats(rounded_up(samples, chunk))),
          towards_mean(scratch.floats(samples)),
          share(scratch.floats(samples)),
          channel(scratch.floats(rounded_up(samples, chunk) * triplane_padded(scene.channels))),
          hidden(scratch.floats(rounded_up(samples, chunk) * triplane_padded(scene.hidden))),
          slope(scratch.floats(rounded_up(samples, chunk) * triplane_padded(scene.hidden))),
          colour(scratch.floats(rounded_up(samples, chunk) * triplane_padded(scene.features))),
          towards_colour(scratch.floats(rounded_up(samples, chunk) * triplane_padded(scene.features))),
          feature(scratch.floats(triplane_padded(scene.features))),
          part(scratch.floats(rounded_up(samples, chunk) * lanes)) {}
};

/// Adds rows of `from` to `to`, each times its factor, or as they are.
void add_rows(const float* from, std::int64_t rows, std::int64_t size, const float* factor, float* to) {
    for (std::int64_t n = 0; n < size; n += lanes) {
        Vec part{};
        for (std::int64_t s = 0; s < rows; ++s)
            part = factor == nullptr ? part + load(from + s * size + n)
                                     : fma(splat(factor[s]), load(from + s * size + n), part);
        store(to + n, load(to + n) + part);
    }
}

/// Adds the gradients by a ray's origin and direction: both see the sum of the samples', the second by their depths.
void towards_ray(const TriplaneScene& scene, const Places& at, const float* depth, const float* channel,
                 std::int64_t samples, float* origin, float* direction) {
    const auto size = scene.texel_size(), row_size = scene.row_size();
    float by_origin[3] = {}, by_direction[3] = {};
    for (int s = 0; s < scene.sheets; ++s) {
        Vec part[2][2] = {};  // along W and H; summed, and summed by depth
        for (std::int64_t i = 0; i < samples; ++i) {
            const float* const texel = scene.texels + s * scene.sheet_size() + at.texel[s][i] * size;
            const auto x = at.share[s][0][i], y = at.share[s][1][i];
            const auto in_x = at.inside[s][0][i], in_y = at.inside[s][1][i];
            const Vec x0 = splat((1 - y) * in_x), x1 = splat(y * in_x);
            const Vec y0 = splat((1 - x) * in_y), y1 = splat(x * in_y);
            Vec along[2] = {};
            for (std::int64_t c = 0; c < size; c += lanes) {
                const float* const p = texel + c;
                const Vec a = load(p), b = load(p + size), d = load(p + row_size), e = load(p + row_size + size);
                const Vec towards = load(channel + i * size + c);
                along[0] = fma(towards, fma(x0, b - a, x1 * (e - d)), along[0]);
                along[1] = fma(towards, fma(y0, d - a, y1 * (e - b)), along[1]);
            }
            for (int axis = 0; axis < 2; ++axis) {
                part[axis][0] += along[axis];
                part[axis][1] = fma(along[axis], splat(depth[i]), part[axis][1]);
            }
        }
        for (int axis = 0; axis < 2; ++axis) {
            const auto texels = static_cast<float>(axis == 0 ? scene.width : scene.height) / 2 * scene.scale;
            const auto plain = sum(part[axis][0]) * texels, by_depth = sum(part[axis][1]) * texels;
            for (int j = 0; j < 3; ++j) {
                by_origin[j] += plain * scene.sheet[s].axes[axis][j];
                by_direction[j] += by_depth * scene.sheet[s].axes[axis][j];
            }
        }
    }
    for (int j = 0; j < 3; ++j) {
        origin[j] = by_origin[j];
        direction[j] = by_direction[j];
    }
}

void backward(const TriplaneScene& scene, const TriplaneRays& rays, const TriplaneGradients& gradients,
              std::int64_t begin, std::int64_t first, std::int64_t last, float* memory) {
    const auto samples = rays.coarse;
    const auto channels = triplane_padded(scene.channels), units = triplane_padded(scene.hidden);
    const auto features = triplane_padded(scene.features);
    Scratch scratch(memory);
    const BackwardWork work(scratch, scene, samples);
    for (auto ray = first; ray < last; ++ray) {
        // The forward pass again.
        const float *const origin = rays.origin + 3 * ray, *const direction = rays.direction + 3 * ray;
        for (std::int64_t k = 0; k < samples; ++k) work.depth[k] = rays.depth[ray * samples + k];
        locate(scene, origin, direction, work.depth, samples, work.places);
        sample_channels(scene, work.places, samples, work.channel);
        product<tall>(
            work.channel, channels, 1, scene.hidden_weight, units, samples, units, scene.channels,
            [&](std::int64_t m, std::int64_t n, auto& x) {
                constexpr int size = sizeof x / sizeof x[0];
                Vec active[size], decay[size];
                for_pair(m, n, x, [&](std::int64_t, std::int64_t k, Vec& sum) { sum += load(scene.hidden_bias + k); });
#pragma GCC unroll 4
                for (int i = 0; i < size; ++i) active[i] = x[i];
                softplus(active, decay);
                for_pair(m, n, active,
                         [&](std::int64_t i, std::int64_t k, Vec value) { store(work.hidden + i * units + k, value); });
#pragma GCC unroll 4
                for (int i = 0; i < size; ++i) active[i] = slope(x[i], decay[i]);
                for_pair(m, n, active,
                         [&](std::int64_t i, std::int64_t k, Vec value) { store(work.slope + i * units + k, value); });
            });
        densities(scene, work.hidden, samples, work.part, work.density);
        if (rays.noise != nullptr)
            for (std::int64_t i = 0; i < samples; ++i) work.density[i] += rays.noise[ray * samples + i];
        product<tall>(work.hidden, units, 1, scene.colour_weight, features, samples, features, scene.hidden,
                      [&](std::int64_t m, std::int64_t n, auto& x) {
                          for_pair(m, n, x,
                                   [&](std::int64_t, std::int64_t f, Vec& sum) { sum += load(scene.colour_bias + f); });
                          sigmoid(x);
                          for_pair(m, n, x, [&](std::int64_t i, std::int64_t f, Vec share) {
                              store(work.colour + i * features + f, share);
                          });
                      });
        march(work.depth, work.density, samples, rays.activation_bias, work.ray);

        // The ray.
        for (std::int64_t f = 0; f < features; ++f)
            work.feature[f] = f < scene.features ? gradients.feature[ray * scene.features + f] : 0.0f;
        const float* const weight = work.ray.weight;
        float whole = 0.0f, place = 0.0f;
        middle(work.depth, weight, samples, whole, place);
        const auto towards_depth = whole == 0.0f ? 0.0f : gradients.depth[ray] / whole;
        if (whole == 0.0f) place = 0.0f;
        for (std::int64_t i = 0; i < samples; ++i) {
            Vec part{};
            for (std::int64_t f = 0; f < features; f += lanes)
                part = fma(load(work.feature + f),
                           fma(load(work.colour + i * features + f), splat(1.002f), splat(-0.001f)), part);
            work.towards_weight[i] = sum(part);
            work.share[i] = colour_weight(weight, i, samples);
        }
        float later = 0.0f;  // by what is left of the light after the interval
        for (auto k = samples - 2; k >= 0; --k) {
            const auto length = work.depth[k + 1] - work.depth[k];
            const auto by_weight = (work.towards_weight[k] + work.towards_weight[k + 1]) / 2 + gradients.weight[ray] +
                                   towards_depth * ((work.depth[k] + work.depth[k + 1]) / 2 - place);
            const auto by_alpha = work.ray.left[k] * (by_weight - later);
            later = work.ray.alpha[k] * by_weight + (1.0f - work.ray.alpha[k] + 1e-10f) * later;
            work.towards_mean[k] = by_alpha * length * work.ray.passed[k] * work.ray.slope[k];
        }
        for (std::int64_t i = 0; i < samples; ++i)
            work.towards_density[i] = colour_weight(work.towards_mean, i, samples);

        // The decoder.
        for (std::int64_t i = 0; i < samples; ++i)
            for (std::int64_t f = 0; f < features; f += lanes) {
                const Vec c = load(work.colour + i * features + f);
                store(work.towards_colour + i * features + f,
                      load(work.feature + f) * (work.share[i] * 1.002f) * (c * (1.0f - c)));
            }
        float* parameter = gradients.parameters;
        const auto add_to = [&](float* sums, std::int64_t size) {
            return [sums, size](std::int64_t m, std::int64_t n, auto& x) {
                for_pair(m, n, x, [&](std::int64_t i, std::int64_t j, Vec by) {
                    store(sums + i * size + j, load(sums + i * size + j) + by);
                });
            };
        };
        if (parameter != nullptr) {
            parameter += units * channels + units;
            product<low>(work.towards_colour, 1, features, work.hidden, units, features, units, samples,
                         add_to(parameter, units));
            parameter += features * units;
            add_rows(work.towards_colour, samples, features, nullptr, parameter);
            parameter += features;
            add_rows(work.hidden, samples, units, work.towards_density, parameter);
            parameter += units;
            for (std::int64_t i = 0; i < samples; ++i) *parameter += work.towards_density[i];
        }
        float* const towards_hidden = work.slope;
        product<tall>(work.towards_colour, features, 1, scene.colour_weight_row, units, samples, units, scene.features,
                      [&](std::int64_t m, std::int64_t n, auto& x) {
                          for_pair(m, n, x, [&](std::int64_t i, std::int64_t k, Vec by) {
                              by = fma(splat(work.towards_density[i]), load(scene.density_weight + k), by);
                              store(towards_hidden + i * units + k, by * load(towards_hidden + i * units + k));
                          });
                      });
        if (gradients.parameters != nullptr) {
            product<low>(towards_hidden, 1, units, work.channel, channels, units, channels, samples,
                         add_to(gradients.parameters, channels));
            add_rows(towards_hidden, samples, units, nullptr, gradients.parameters + units * channels);
        }
        if (gradients.channel == nullptr) continue;

        // The planes and the ray. Rows beyond the last sample go to scratch, not into the next ray's.
        product<tall>(towards_hidden, units, 1, scene.hidden_weight_row, channels, samples, channels, scene.hidden,
                      [&](std::int64_t m, std::int64_t n, auto& x) {
                          for_pair(m, n, x, [&](std::int64_t i, std::int64_t c, Vec by) {
                              store(work.channel + i * channels + c, by);
                          });
                      });
        const auto here = (ray - begin) * samples;
        for (std::int64_t n = 0; n < samples * channels; n += lanes)
            store(gradients.channel + here * channels + n, load(work.channel + n));
        for (int s = 0; s < scene.sheets; ++s)
            for (std::int64_t i = 0; i < samples; ++i) {
                gradients.texel[s * gradients.group + here + i] = work.places.texel[s][i];
                gradients.across[(2 * s + 0) * gradients.group + here + i] = work.places.share[s][0][i];
                gradients.across[(2 * s + 1) * gradients.group + here + i] = work.places.share[s][1][i];
            }
        if (gradients.origin != nullptr)
            towards_ray(scene, work.places, work.depth, work.channel, samples, gradients.origin + 3 * ray,
                        gradients.direction + 3 * ray);
    }
}

std::int64_t scatter_pieces(const TriplaneScene& scene) {
    return scene.sheets * (triplane_padded(scene.channels) / triplane_pad);
}

void scatter(const TriplaneScene& scene, const TriplaneGradients& gradients, std::int64_t samples, std::int64_t piece,
             float* texels) {
    const auto size = scene.texel_size(), row_size = scene.row_size();
    const auto s = piece % scene.sheets, c = piece / scene.sheets * triplane_pad;
    constexpr std::int64_t wide = triplane_pad / lanes;
    for (std::int64_t i = 0; i < samples; ++i) {
        float* const texel = texels + s * scene.sheet_size() + gradients.texel[s * gradients.group + i] * size + c;
        const auto x = gradients.across[(2 * s + 0) * gradients.group + i];
        const auto y = gradients.across[(2 * s + 1) * gradients.group + i];
        const Vec w0 = splat((1 - x) * (1 - y)), w1 = splat(x * (1 - y)), w2 = splat((1 - x) * y), w3 = splat(x * y);
        for (std::int64_t v = 0; v < wide; ++v) {
            const Vec by = load(gradients.channel + i * size + c + v * lanes);
            float* const p = texel + v * lanes;
            store(p, fma(w0, by, load(p)));
            store(p + size, fma(w1, by, load(p + size)));
            store(p + row_size, fma(w2, by, load(p + row_size)));
            store(p + row_size + size, fma(w3, by, load(p + row_size + size)));
        }
    }
}

void gather(const TriplaneScene& scene, const float* texels, const int* sheet, const bool* transposed,
            std::int64_t first, std::int64_t last, float* planes) {
    const auto size = scene.texel_size(), row_size = scene.row_size(), area = scene.height * scene.width;
    for (int p = 0; p < 3; ++p) {
        const float* const from = texels + sheet[p] * scene.sheet_size() + row_size + size;
        const auto along_x = transposed[p] ? row_size : size, along_y = transposed[p] ? size : row_size;
        for (auto y0 = first; y0 < last; y0 += block)
            for (std::int64_t x0 = 0; x0 < scene.width; x0 += block)
                for (std::int64_t c = 0; c < scene.channels; ++c)
                    for (auto y = y0; y < least(y0 + block, last); ++y)
                        for (auto x = x0; x < least(x0 + block, scene.width); ++x)
                            planes[(p * scene.channels + c) * area + y * scene.width + x] =
                                from[y * along_y + x * along_x + c] / 3.0f;
    }
}

std::int64_t scratch_size(const TriplaneScene& scene, std::int64_t samples, bool backwards) {
    Scratch layout(nullptr), render(nullptr);
    layout.floats(block * block * triplane_padded(scene.channels));
    if (samples == 0) {
        const Workplace points(render, scene);
        render.floats(chunk * (4 + triplane_padded(scene.hidden)));
    } else if (backwards)
        BackwardWork(render, scene, samples);
    else
        ForwardWork(render, scene, samples);
    return layout.used() > render.used() ? layout.used() : render.used();
}

template <class Function>
void for_each(const float* x, std::int64_t count, float* out, const Function& function) {
    for (std::int64_t i = 0; i < count; i += lanes) {
        float some[lanes];
        for (std::int64_t lane = 0; lane < lanes; ++lane) some[lane] = x[least(i + lane, count - 1)];
        store(some, function(load(some)));
        for (std::int64_t lane = 0; lane < least(lanes, count - i); ++lane) out[i + lane] = some[lane];
    }
}

void all_softplus(const float* x, std::int64_t count, float* out) {
    for_each(x, count, out, [](Vec v) {
        Vec one[1] = {v};
        softplus(one);
        return one[0];
    });
}
void all_sigmoid(const float* x, std::int64_t count, float* out) {
    for_each(x, count, out, [](Vec v) {
        Vec one[1] = {v};
        sigmoid(one);
        return one[0];
    });
}
void all_exp(const float* x, std::int64_t count, float* out) {
    for_each(x, count, out, [](Vec v) { return exp(v); });
}

}  // namespace

const TriplaneKernels& triplane_kernels() {
    static constexpr TriplaneKernels kernels{CAMEO_VECTOR_NAME, scratch_size, blocks,   lay_out,        pool,    bound,
                                             density,           forward,      backward, scatter_pieces, scatter, gather,
                                             all_softplus,      all_sigmoid,  all_exp};
    return kernels;
}

}  // namespace cameo::kernels::CAMEO_VECTOR_NAMESPACE
