// SPDX-License-Identifier: Apache-2.0
// The tri-plane renderer of a device: what FusedTriplaneRenderer does on the CPU (triplane_render.hpp), for a team of
// threads with memory of its own. Samples exist a chunk at a time; of all samples of a tile of rays there are a few
// numbers each and, forward, their colours. Activations lie with the samples of a channel side by side, so that both
// operands of a product are read in quads.
#pragma once

#include "kernels/device/planes.hpp"
#include "kernels/device/platform.hpp"
#include "kernels/device/triplane_types.hpp"

namespace cameo::kernels::device {

// ---- Products ----

/// finish(m, n, sum[4][4]) of sums over k of a[k lda + m] b[k ldb + n] for blocks of all rows and columns, which are
/// multiples of four.
template <class Team, class Finish>
CAMEO_DEVICE void outer_product(const Team& team, const float* a, int lda, const float* b, int ldb, int rows,
                                int columns, int depth, const Finish& finish) {
    const int down = rows / 4;
    team.for_each(down * (columns / 4), [&](int item) {
        const int m = item % down * 4, n = item / down * 4;
        float sum[4][4] = {};
        const float *left = a + m, *right = b + n;
        for (int k = 0; k < depth; ++k, left += lda, right += ldb) {
            const Quad p = load4(left), q = load4(right);
            const float x[4] = {p.x, p.y, p.z, p.w}, y[4] = {q.x, q.y, q.z, q.w};
            CAMEO_UNROLL for (int i = 0; i < 4; ++i) {
                CAMEO_UNROLL for (int j = 0; j < 4; ++j) sum[i][j] = fmaf(x[i], y[j], sum[i][j]);
            }
        }
        finish(m, n, sum);
    });
}

/// Adds sums over k of a[m lda + k] b[n ldb + k] to out[m columns + n]; rows, columns and depth are multiples of four.
/// Blocks are made of rows that lie apart, so that lanes read different banks.
template <class Team>
CAMEO_DEVICE void add_inner_product(const Team& team, const float* a, int lda, const float* b, int ldb, int rows,
                                    int columns, int depth, float* out) {
    const int down = rows / 4, across = columns / 4;
    team.for_each(down * across, [&](int item) {
        const int m = item / across, n = item % across;
        float sum[4][4] = {};
        for (int k = 0; k < depth; k += 4) {
            Quad p[4], q[4];
            CAMEO_UNROLL for (int i = 0; i < 4; ++i) {
                p[i] = load4(a + (m + i * down) * lda + k);
                q[i] = load4(b + (n + i * across) * ldb + k);
            }
            CAMEO_UNROLL for (int i = 0; i < 4; ++i) {
                CAMEO_UNROLL for (int j = 0; j < 4; ++j) sum[i][j] =
                    fmaf(p[i].x, q[j].x, fmaf(p[i].y, q[j].y, fmaf(p[i].z, q[j].z, fmaf(p[i].w, q[j].w, sum[i][j]))));
            }
        }
        CAMEO_UNROLL for (int i = 0; i < 4; ++i) {
            CAMEO_UNROLL for (int j = 0; j < 4; ++j) out[(m + i * down) * columns + n + j * across] += sum[i][j];
        }
    });
}

// ---- The decoder ----

/// The decoder in a team's own memory.
struct Weights {
    float *hidden_weight, *hidden_bias, *colour_weight, *colour_bias, *density_weight, *density_bias;
    float *hidden_weight_row, *colour_weight_row;  ///< backward only

    CAMEO_HOST_DEVICE Weights(Carver& memory, int channels, const Decoder& decoder, bool backward)
        : hidden_weight(memory.floats(channels * decoder.hidden)),
          hidden_bias(memory.floats(decoder.hidden)),
          colour_weight(memory.floats(decoder.hidden * decoder.padded_features)),
          colour_bias(memory.floats(decoder.padded_features)),
          density_weight(memory.floats(decoder.hidden)),
          density_bias(memory.floats(1)),
          hidden_weight_row(backward ? memory.floats(channels * decoder.hidden) : nullptr),
          colour_weight_row(backward ? memory.floats(decoder.hidden * decoder.padded_features) : nullptr) {}

    template <class Team>
    CAMEO_DEVICE void load(const Team& team, int channels, const Decoder& decoder) const {
        const auto copy = [&](const float* from, float* to, int count) {
            if (to != nullptr) team.for_each(count, [&](int i) { to[i] = from[i]; });
        };
        copy(decoder.hidden_weight, hidden_weight, channels * decoder.hidden);
        copy(decoder.hidden_bias, hidden_bias, decoder.hidden);
        copy(decoder.colour_weight, colour_weight, decoder.hidden * decoder.padded_features);
        copy(decoder.colour_bias, colour_bias, decoder.padded_features);
        copy(decoder.density_weight, density_weight, decoder.hidden);
        copy(decoder.density_bias, density_bias, 1);
        copy(decoder.hidden_weight_row, hidden_weight_row, channels * decoder.hidden);
        copy(decoder.colour_weight_row, colour_weight_row, decoder.hidden * decoder.padded_features);
    }
};

/// A chunk of samples on its way through the decoder.
struct ChunkWork {
    Places places;
    float *channel, *hidden;  ///< [C, row_length], [K, row_length]

    CAMEO_HOST_DEVICE ChunkWork(Carver& memory, const Sheets& sheets, const Decoder& decoder)
        : places(memory, sheets),
          channel(memory.floats(sheets.channels * row_length)),
          hidden(memory.floats(decoder.hidden * row_length)) {}
};

/// From points to hidden units and densities: density(m, value) for m below `count`.
template <class Team, class Point, class Density>
CAMEO_DEVICE void decode_hidden(const Team& team, const Sheets& sheets, const Decoder& decoder, const Weights& weights,
                                const ChunkWork& work, int count, const Point& point, const Density& density) {
    locate(team, sheets, count, work.places, point);
    gather(team, sheets, work.places, chunk, [&](int m, int c, const float* sum) {
        CAMEO_UNROLL for (int i = 0; i < 4; ++i) work.channel[(c + i) * row_length + m] = sum[i];
    });
    outer_product(team, work.channel, row_length, weights.hidden_weight, decoder.hidden, chunk, decoder.hidden,
                  sheets.channels, [&](int m, int k, const float(&sum)[4][4]) {
                      CAMEO_UNROLL for (int j = 0; j < 4; ++j) {
                          const float bias = weights.hidden_bias[k + j];
                          store4(work.hidden + (k + j) * row_length + m, softplus(sum[0][j] + bias),
                                 softplus(sum[1][j] + bias), softplus(sum[2][j] + bias), softplus(sum[3][j] + bias));
                      }
                  });
    team.for_each(count, [&](int m) {
        float sum[4] = {};
        for (int k = 0; k < decoder.hidden; k += 4) {
            CAMEO_UNROLL for (int i = 0; i < 4; ++i) sum[i] =
                fmaf(work.hidden[(k + i) * row_length + m], weights.density_weight[k + i], sum[i]);
        }
        density(m, (sum[0] + sum[1]) + (sum[2] + sum[3]) + weights.density_bias[0]);
    });
}

/// Colours of hidden units before their stretch, colour(m, f, share) for the whole chunk.
template <class Team, class Colour>
CAMEO_DEVICE void decode_colours(const Team& team, const Decoder& decoder, const Weights& weights,
                                 const ChunkWork& work, const Colour& colour) {
    outer_product(team, work.hidden, row_length, weights.colour_weight, decoder.padded_features, chunk,
                  decoder.padded_features, decoder.hidden, [&](int m, int f, const float(&sum)[4][4]) {
                      CAMEO_UNROLL for (int j = 0; j < 4; ++j) {
                          const float bias = weights.colour_bias[f + j];
                          CAMEO_UNROLL for (int i = 0; i < 4; ++i) colour(m + i, f + j, sigmoid(sum[i][j] + bias));
                      }
                  });
}

CAMEO_DEVICE float stretched(float share) { return fmaf(share, 1.002f, -0.001f); }

// ---- Along rays ----

/// What the samples of a tile's rays weigh. Arrays of [rays, samples], the intervals before the samples that end them.
struct March {
    float *alpha, *weight;

    CAMEO_HOST_DEVICE March(Carver& memory, int numbers)
        : alpha(memory.floats(numbers)), weight(memory.floats(numbers)) {}
};

/// Weights of the intervals between `samples` samples of each ray; the rows of all arrays are `stride` apart.
/// alpha(at, mean density, length) is asked for each interval; left(at, light before it) may keep the light.
template <class Team, class Alpha, class Left>
CAMEO_DEVICE void march(const Team& team, int rays, int samples, int stride, const float* depth, const float* density,
                        float bias, const March& out, const Alpha& alpha, const Left& left) {
    const int intervals = samples - 1;
    team.for_each(rays * intervals, [&](int item) {
        const int at = item / intervals * stride + item % intervals;
        const float length = depth[at + 1] - depth[at];
        const float mean = (density[at] + density[at + 1]) / 2.0f + bias;
        out.alpha[at] = alpha(at, mean, length);
    });
    team.scan(
        rays, intervals, 1.0f, Product{}, [&](int ray, int k) { return 1.0f - out.alpha[ray * stride + k] + 1e-10f; },
        [&](int ray, int k, float before, float) {
            const int at = ray * stride + k;
            out.weight[at] = out.alpha[at] * before;
            left(at, before);
        });
}

/// The weight of sample k's colour: the mean of its two intervals'.
CAMEO_DEVICE float colour_weight(const float* weight, int k, int samples) {
    return ((k > 0 ? weight[k - 1] : 0.0f) + (k < samples - 1 ? weight[k] : 0.0f)) / 2;
}

/// end(ray, sum of weights, sum of the depths of the intervals' middles times their weights).
template <class Team, class End>
CAMEO_DEVICE void middle(const Team& team, int rays, int samples, int stride, const float* depth, const float* weight,
                         const End& end) {
    team.reduce(
        rays, samples - 1, Pair{0.0f, 0.0f}, Sum{},
        [&](int ray, int k) {
            const int at = ray * stride + k;
            const float some = weight[at];
            // Where nothing is, depths may be infinite.
            return Pair{some, some == 0.0f ? 0.0f : some * ((depth[at] + depth[at + 1]) / 2.0f)};
        },
        [&](int ray, Pair sum) { end(ray, sum.first, sum.second); });
}

/// What ops::importance_depths does: writes the fine samples behind the coarse ones. `cumulative` [rays, stride].
template <class Team, class Draw>
CAMEO_DEVICE void importance(const Team& team, int rays, int coarse, int fine, int stride, float* depth,
                             const float* weight, float* cumulative, float* whole, const Draw& draw) {
    const int last = coarse - 3;
    const auto share = [&](int ray, int j) {  // smoothed: the larger of two neighbours, then the mean of two of those
        const float* const w = weight + ray * stride;
        const auto pooled = [&](int i) {  // the ends, which have one neighbour, are not asked for
            return w[i - 1] > w[i] ? w[i - 1] : w[i];
        };
        return (pooled(j + 1) + pooled(j + 2)) / 2 + 0.01f + 1e-5f;
    };
    team.reduce(
        rays, last, 0.0, Sum{}, [&](int ray, int j) { return static_cast<double>(share(ray, j)); },
        [&](int ray, double sum) { whole[ray] = static_cast<float>(sum); });
    team.scan(
        rays, last, 0.0, Sum{}, [&](int ray, int j) { return static_cast<double>(share(ray, j) / whole[ray]); },
        [&](int ray, int j, double before, double after) {
            cumulative[ray * stride + j] = static_cast<float>(before);
            if (j == last - 1) cumulative[ray * stride + last] = static_cast<float>(after);
        });
    team.for_each(rays * fine, [&](int item) {
        const int ray = item / fine, i = item % fine;
        const float* const sums = cumulative + ray * stride;
        const float* const t = depth + ray * stride;
        const float u = draw(ray, i);
        int upper = 0;  // how many sums are not above u
        for (int size = last + 1; size > 0;) {
            const int half = size / 2;
            const bool more = sums[upper + half] <= u;
            upper = more ? upper + half + 1 : upper;
            size = more ? size - half - 1 : half;
        }
        const int below = upper > 0 ? upper - 1 : 0, above = upper < last ? upper : last;
        const float start = sums[below];
        float span = sums[above] - start;
        if (span < 1e-5f) span = 1.0f;
        const float bin = (t[below] + t[below + 1]) / 2.0f, next = (t[above] + t[above + 1]) / 2.0f;
        depth[ray * stride + coarse + i] = bin + (u - start) / span * (next - bin);
    });
}

/// Whether sample i comes before sample j: by depth, then by number; what is no number comes last.
CAMEO_DEVICE bool comes_before(float a, int i, float b, int j) {
    const bool a_is = a == a, b_is = b == b;
    if (a_is && b_is) return a < b || (a == b && i < j);
    return a_is || (!b_is && i < j);
}

// ---- Forward ----

struct ForwardWork {
    Weights weights;
    ChunkWork chunk_work;
    March ray;
    float *depth, *density, *sorted_depth, *sorted_density, *cumulative, *share, *whole, *colour;
    std::int32_t* order;
    int colour_row;  ///< odd, so that lanes that look at different features read different banks

    CAMEO_HOST_DEVICE ForwardWork(Carver& memory, const Sheets& sheets, const Decoder& decoder, int rays, int samples)
        : weights(memory, sheets.channels, decoder, false),
          chunk_work(memory, sheets, decoder),
          ray(memory, rays * samples),
          depth(memory.floats(rays * samples)),
          density(memory.floats(rays * samples)),
          sorted_depth(memory.floats(rays * samples)),
          sorted_density(memory.floats(rays * samples)),
          cumulative(memory.floats(rays * samples)),
          share(memory.floats(rays * samples)),
          whole(memory.floats(rays)),
          colour(memory.floats(static_cast<std::int64_t>(decoder.padded_features) * (rays * samples | 1))),
          order(memory.integers(rays * samples)),
          colour_row(rays * samples | 1) {}
};

/// Floats of a team's memory for tiles of so many rays.
CAMEO_HOST_DEVICE std::int64_t forward_memory(const Sheets& sheets, const Decoder& decoder, int rays, int samples) {
    Carver memory(nullptr);
    const ForwardWork work(memory, sheets, decoder, rays, samples);
    return memory.used();
}

/// Densities and colours of samples `begin` to begin + some - 1 of each of a tile's rays.
template <class Team>
CAMEO_DEVICE void evaluate(const Team& team, const Sheets& sheets, const Decoder& decoder, const RayBatch& rays,
                           std::int64_t first, int count, int begin, int some, const float* noise,
                           const ForwardWork& work) {
    const int samples = rays.coarse + rays.fine;
    for (int base = 0; base < count * some; base += chunk) {
        const int here = count * some - base < chunk ? count * some - base : chunk;
        const auto at = [&](int m) { return (base + m) / some * samples + begin + (base + m) % some; };
        decode_hidden(
            team, sheets, decoder, work.weights, work.chunk_work, here,
            [&](int m, int j) {
                const std::int64_t ray = first + (base + m) / some;
                return sum_of(rays.origin[ray * 3 + j], product_of(work.depth[at(m)], rays.direction[ray * 3 + j]));
            },
            [&](int m, float value) {
                const std::int64_t place = (first + (base + m) / some) * some + (base + m) % some;
                work.density[at(m)] = noise == nullptr ? value : value + noise[place];
            });
        decode_colours(team, decoder, work.weights, work.chunk_work, [&](int m, int f, float share) {
            if (m < here) work.colour[f * work.colour_row + at(m)] = stretched(share);
        });
    }
}

/// Renders rays `first` to first + count - 1, whose decoder is loaded.
template <class Team>
CAMEO_DEVICE void render_tile(const Team& team, const Sheets& sheets, const Decoder& decoder, const RayBatch& rays,
                              std::int64_t first, int count, const ForwardWork& work) {
    const int coarse = rays.coarse, fine = rays.fine, samples = coarse + fine;
    const auto alpha = [](int, float mean, float length) { return 1.0f - exp_of(-softplus(mean) * length); };
    const auto unused = [](int, float) {};

    team.for_each(count * coarse, [&](int item) {
        work.depth[item / coarse * samples + item % coarse] = rays.depth[first * coarse + item];
    });
    evaluate(team, sheets, decoder, rays, first, count, 0, coarse, rays.noise, work);
    if (fine > 0) {
        march(team, count, coarse, samples, work.depth, work.density, rays.activation_bias, work.ray, alpha, unused);
        importance(team, count, coarse, fine, samples, work.depth, work.ray.weight, work.cumulative, work.whole,
                   [&](int ray, int i) { return rays.draws[(first + ray) * fine + i]; });
        evaluate(team, sheets, decoder, rays, first, count, coarse, fine, rays.fine_noise, work);
    }
    team.for_each(count * samples, [&](int item) {
        const int row = item / samples * samples, i = item % samples;
        int rank = i;  // one pass keeps its order
        if (fine > 0) {
            rank = 0;
            const float own = work.depth[item];
            for (int j = 0; j < samples; ++j) rank += comes_before(work.depth[row + j], j, own, i) ? 1 : 0;
        }
        work.order[row + rank] = i;
        work.sorted_depth[row + rank] = work.depth[item];
        work.sorted_density[row + rank] = work.density[item];
    });
    march(team, count, samples, samples, work.sorted_depth, work.sorted_density, rays.activation_bias, work.ray, alpha,
          unused);
    middle(team, count, samples, samples, work.sorted_depth, work.ray.weight, [&](int ray, float whole, float places) {
        rays.weight[first + ray] = whole;
        rays.out_depth[first + ray] = whole == 0.0f ? HUGE_VALF : places / whole;
    });
    team.for_each(count * samples, [&](int item) {
        const int row = item / samples * samples, k = item % samples;
        const int from = work.order[item];
        work.share[row + from] = colour_weight(work.ray.weight + row, k, samples);
        if (rays.sorted_depth != nullptr) rays.sorted_depth[first * samples + item] = work.sorted_depth[item];
        if (rays.sorted_noise != nullptr) {
            const std::int64_t ray = first + item / samples;
            rays.sorted_noise[first * samples + item] =
                from < coarse ? rays.noise[ray * coarse + from] : rays.fine_noise[ray * fine + from - coarse];
        }
    });
    team.for_each(count * decoder.features, [&](int item) {
        const int row = item / decoder.features * samples, f = item % decoder.features;
        const float* const colour = work.colour + f * work.colour_row + row;
        float even = 0.0f, odd = 0.0f;
        int k = 0;
        for (; k + 2 <= samples; k += 2) {
            even = fmaf(work.share[row + k], colour[k], even);
            odd = fmaf(work.share[row + k + 1], colour[k + 1], odd);
        }
        if (k < samples) even = fmaf(work.share[row + k], colour[k], even);
        rays.feature[first * decoder.features + item] = even + odd;
    });
}

// ---- Backward ----

struct BackwardWork {
    Weights weights;
    ChunkWork chunk_work;
    March ray;
    float *depth, *density, *share, *towards_weight, *towards_density, *left, *rate;
    float *feature, *ends, *colour, *moved, *by_ray;
    float* sums;  ///< parameter_count() of them

    CAMEO_HOST_DEVICE BackwardWork(Carver& memory, const Sheets& sheets, const Decoder& decoder, int rays, int samples)
        : weights(memory, sheets.channels, decoder, true),
          chunk_work(memory, sheets, decoder),
          ray(memory, rays * samples),
          depth(memory.floats(rays * samples)),
          density(memory.floats(rays * samples)),
          share(memory.floats(rays * samples)),
          towards_weight(memory.floats(rays * samples)),
          towards_density(memory.floats(rays * samples)),
          left(memory.floats(rays * samples)),
          rate(memory.floats(rays * samples)),
          feature(memory.floats(rays * decoder.padded_features)),
          ends(memory.floats(rays * 2)),
          colour(memory.floats(decoder.padded_features * row_length)),
          moved(memory.floats(static_cast<std::int64_t>(sheets.channels) / 4 * 3 * chunk)),
          by_ray(memory.floats(rays * 6)),
          sums(memory.floats(parameter_count(sheets.channels, decoder.hidden, decoder.padded_features))) {}
};

CAMEO_HOST_DEVICE std::int64_t backward_memory(const Sheets& sheets, const Decoder& decoder, int rays, int samples) {
    Carver memory(nullptr);
    const BackwardWork work(memory, sheets, decoder, rays, samples);
    return memory.used();
}

/// What all of a team's tiles add to: `sums` are 0 before the first and go to the device's own after the last.
template <class Team>
CAMEO_DEVICE void clear_parameters(const Team& team, const Sheets& sheets, const Decoder& decoder,
                                   const BackwardWork& work) {
    const auto count = static_cast<int>(parameter_count(sheets.channels, decoder.hidden, decoder.padded_features));
    team.for_each(count, [&](int i) { work.sums[i] = 0.0f; });
}
template <class Team>
CAMEO_DEVICE void add_parameters(const Team& team, const Sheets& sheets, const Decoder& decoder,
                                 const BackwardWork& work, float* parameters) {
    const auto count = static_cast<int>(parameter_count(sheets.channels, decoder.hidden, decoder.padded_features));
    team.for_each(count, [&](int i) { add_to(parameters + i, work.sums[i]); });
}

/// The gradients of a chunk's samples on their way back through the decoder: `colour` and towards_density are known.
template <class Team>
CAMEO_DEVICE void decoder_backward(const Team& team, const Sheets& sheets, const Decoder& decoder,
                                   const BackwardWork& work, const float* towards_density, int count, bool parameters,
                                   bool channels) {
    const int c = sheets.channels, units = decoder.hidden, features = decoder.padded_features;
    float* const hidden = work.chunk_work.hidden;
    float* const of_hidden_bias = work.sums + units * c;
    float* const of_colour = of_hidden_bias + units;
    float* const of_rest = of_colour + features * units;  // colour bias, density weight, density bias
    if (parameters) {
        add_inner_product(team, work.colour, row_length, hidden, row_length, features, units, chunk, of_colour);
        team.for_each(features + units + 1, [&](int item) {
            float sum = 0.0f;
            if (item < features)
                for (int m = 0; m < count; ++m) sum += work.colour[item * row_length + m];
            else if (item < features + units)
                for (int m = 0; m < count; ++m)
                    sum = fmaf(hidden[(item - features) * row_length + m], towards_density[m], sum);
            else
                for (int m = 0; m < count; ++m) sum += towards_density[m];
            of_rest[item] += sum;
        });
    }
    outer_product(team, work.colour, row_length, work.weights.colour_weight_row, units, chunk, units, features,
                  [&](int m, int k, const float(&sum)[4][4]) {
                      CAMEO_UNROLL for (int j = 0; j < 4; ++j) {
                          const float weight = work.weights.density_weight[k + j];
                          CAMEO_UNROLL for (int i = 0; i < 4; ++i) {
                              float& unit = hidden[(k + j) * row_length + m + i];
                              // The slope of softplus, from its value.
                              const float slope = 1.0f - exp_of(-unit);
                              const float by = m + i < count ? fmaf(towards_density[m + i], weight, sum[i][j]) : 0.0f;
                              unit = by * slope;
                          }
                      }
                  });
    if (parameters) {
        add_inner_product(team, hidden, row_length, work.chunk_work.channel, row_length, units, c, chunk, work.sums);
        team.for_each(units, [&](int k) {
            float sum = 0.0f;
            for (int m = 0; m < count; ++m) sum += hidden[k * row_length + m];
            of_hidden_bias[k] += sum;
        });
    }
    if (!channels) return;
    outer_product(team, hidden, row_length, work.weights.hidden_weight_row, c, chunk, c, units,
                  [&](int m, int n, const float(&sum)[4][4]) {
                      CAMEO_UNROLL for (int j = 0; j < 4; ++j)
                          store4(work.chunk_work.channel + (n + j) * row_length + m, sum[0][j], sum[1][j], sum[2][j],
                                 sum[3][j]);
                  });
}

/// The gradients of rays `first` to first + count - 1, whose decoder is loaded and whose sums were cleared once.
template <class Team>
CAMEO_DEVICE void backward_tile(const Team& team, const Sheets& sheets, const Decoder& decoder, const RayBatch& rays,
                                const RayGradients& gradients, std::int64_t first, int count,
                                const BackwardWork& work) {
    const int samples = rays.coarse, all = count * samples;
    const int features = decoder.features, padded = decoder.padded_features;
    const bool by_rays = gradients.origin != nullptr;
    const auto point = [&](int base) {
        return [&rays, &work, base, first, samples](int m, int j) {
            const std::int64_t ray = first + (base + m) / samples;
            return sum_of(rays.origin[ray * 3 + j], product_of(work.depth[base + m], rays.direction[ray * 3 + j]));
        };
    };

    team.for_each(all, [&](int item) { work.depth[item] = rays.depth[first * samples + item]; });
    team.for_each(count * padded, [&](int item) {
        const int ray = item / padded, f = item % padded;
        work.feature[item] = f < features ? gradients.feature[(first + ray) * features + f] : 0.0f;
    });
    team.for_each(count * 6, [&](int item) { work.by_ray[item] = 0.0f; });

    // The forward pass again: of each sample its density and what its colour is worth to the loss.
    for (int base = 0; base < all; base += chunk) {
        const int here = all - base < chunk ? all - base : chunk;
        decode_hidden(team, sheets, decoder, work.weights, work.chunk_work, here, point(base), [&](int m, float value) {
            work.density[base + m] = rays.noise == nullptr ? value : value + rays.noise[first * samples + base + m];
        });
        decode_colours(team, decoder, work.weights, work.chunk_work,
                       [&](int m, int f, float share) { work.colour[f * row_length + m] = stretched(share); });
        team.for_each(here, [&](int m) {
            const float* const feature = work.feature + (base + m) / samples * padded;
            float sum = 0.0f;
            for (int f = 0; f < features; ++f) sum = fmaf(feature[f], work.colour[f * row_length + m], sum);
            work.towards_weight[base + m] = sum;
        });
    }

    // Along the rays.
    march(
        team, count, samples, samples, work.depth, work.density, rays.activation_bias, work.ray,
        [&](int at, float mean, float length) {
            const float passed = exp_of(-softplus(mean) * length);
            work.rate[at] = length * passed * sigmoid(mean);
            return 1.0f - passed;
        },
        [&](int at, float before) { work.left[at] = before; });
    middle(team, count, samples, samples, work.depth, work.ray.weight, [&](int ray, float whole, float places) {
        work.ends[2 * ray] = whole == 0.0f ? 0.0f : gradients.depth[first + ray] / whole;
        work.ends[2 * ray + 1] = whole == 0.0f ? 0.0f : places / whole;
    });
    const int intervals = samples - 1;
    const auto by_weight = [&](int ray, int at) {
        return (work.towards_weight[at] + work.towards_weight[at + 1]) / 2 + gradients.weight[first + ray] +
               work.ends[2 * ray] * ((work.depth[at] + work.depth[at + 1]) / 2 - work.ends[2 * ray + 1]);
    };
    // From the last interval to the first: what the light that is left after an interval is worth.
    team.scan(
        count, intervals, Affine{1.0f, 0.0f}, Then{},
        [&](int ray, int i) {
            const int at = ray * samples + intervals - 1 - i;
            const float alpha = work.ray.alpha[at];
            return Affine{1.0f - alpha + 1e-10f, alpha * by_weight(ray, at)};
        },
        [&](int ray, int i, Affine later, Affine) {
            const int at = ray * samples + intervals - 1 - i;
            work.left[at] *= (by_weight(ray, at) - later.shift) * work.rate[at];
        });
    team.for_each(all, [&](int item) {
        const int row = item / samples * samples, i = item % samples;
        work.towards_density[item] = colour_weight(work.left + row, i, samples);
        work.share[item] = colour_weight(work.ray.weight + row, i, samples);
    });

    // Back through the decoder and to the planes.
    for (int base = 0; base < all; base += chunk) {
        const int here = all - base < chunk ? all - base : chunk;
        decode_hidden(team, sheets, decoder, work.weights, work.chunk_work, here, point(base), [](int, float) {});
        decode_colours(team, decoder, work.weights, work.chunk_work, [&](int m, int f, float share) {
            float by = 0.0f;
            if (m < here) {
                const float towards = work.feature[(base + m) / samples * padded + f];
                by = towards * (work.share[base + m] * 1.002f) * (share * (1.0f - share));
            }
            work.colour[f * row_length + m] = by;
        });
        decoder_backward(team, sheets, decoder, work, work.towards_density + base, here,
                         gradients.parameters != nullptr, gradients.texels != nullptr || by_rays);
        if (gradients.texels == nullptr && !by_rays) continue;
        scatter(
            team, sheets, work.chunk_work.places, here, gradients.texels, by_rays,
            [&](int m, int c) { return work.chunk_work.channel[c * row_length + m]; },
            [&](int m, int quad, const float* by) {
                CAMEO_UNROLL for (int j = 0; j < 3; ++j) work.moved[(quad * 3 + j) * chunk + m] = by[j];
            });
        if (!by_rays) continue;
        const int quads = sheets.channels / 4;
        team.for_each(3 * here, [&](int item) {
            const int j = item / here, m = item % here;
            float sum = 0.0f;
            for (int quad = 0; quad < quads; ++quad) sum += work.moved[(quad * 3 + j) * chunk + m];
            work.moved[j * chunk + m] = sum;
        });
        team.for_each(count * 6, [&](int item) {
            const int ray = item / 6, j = item % 3;
            const bool by_depth = item % 6 >= 3;
            const int from = ray * samples - base, to = from + samples;
            float sum = 0.0f;
            for (int m = from > 0 ? from : 0; m < (to < here ? to : here); ++m)
                sum = fmaf(work.moved[j * chunk + m], by_depth ? work.depth[base + m] : 1.0f, sum);
            work.by_ray[item] += sum;
        });
    }
    if (by_rays)
        team.for_each(count * 6, [&](int item) {
            const std::int64_t ray = first + item / 6;
            const int j = item % 3;
            (item % 6 < 3 ? gradients.origin : gradients.direction)[ray * 3 + j] = work.by_ray[item];
        });
}

}  // namespace cameo::kernels::device
