// SPDX-License-Identifier: Apache-2.0
// What the fused tri-plane renderer computes: plain arrays in, plain arrays out. The arithmetic is compiled once for
// each kind of machine; triplane_kernels() gives one of them.
#pragma once

#include <cstdint>

namespace cameo::kernels {

/// Channels, hidden units and features are stored in multiples of this, filled up with zeros.
static constexpr std::int64_t triplane_pad = 16;
static constexpr std::int64_t triplane_padded(std::int64_t count) {
    return (count + triplane_pad - 1) / triplane_pad * triplane_pad;
}

/// A picture of features as it is sampled: the sum of up to three planes, some of them transposed.
struct TriplaneSheet {
    const float* plane[3];  ///< [C, H, W] each
    bool transposed[3];     ///< then H = W
    int planes;
    float axes[2][3];  ///< a point's place along W and along H is its product with these
};

/// One scene, ready to be sampled: texels with their channels side by side, one texel of zeros around each sheet.
struct TriplaneScene {
    TriplaneSheet sheet[3];
    int sheets;
    std::int64_t channels, height, width;
    std::int64_t hidden, features;  ///< all counts without what fills them up
    bool folded;                    ///< texels are the hidden layer's inputs, not the channels' mean
    const float* texels;            ///< [sheets, H + 2, W + 2, padded(folded ? hidden : channels)]
    float scale;                    ///< from world units to the cube from -1 to 1

    // The decoder, filled up with zeros.
    const float* hidden_weight;      ///< [padded C, padded K], transposed
    const float* hidden_weight_row;  ///< [padded K, padded C], as it is given; backward only
    const float* hidden_bias;        ///< [padded K]
    const float* colour_weight;      ///< [padded K, padded F], transposed
    const float* colour_weight_row;  ///< [padded F, padded K], as it is given; backward only
    const float* colour_bias;        ///< [padded F]
    const float* density_weight;     ///< [padded K]
    float density_bias;              ///< of the decoder

    /// Raw densities are no higher than this in a cell of the cube, [cells, cells, cells] along z, y and x; or null.
    const float* most;
    std::int64_t cells;

    // Always inlined: a copy of their own may be compiled for another machine than the one that it ends up on.
    [[nodiscard, gnu::always_inline]] inline std::int64_t texel_size() const {
        return triplane_padded(folded ? hidden : channels);
    }
    [[nodiscard, gnu::always_inline]] inline std::int64_t row_size() const { return (width + 2) * texel_size(); }
    [[nodiscard, gnu::always_inline]] inline std::int64_t sheet_size() const { return (height + 2) * row_size(); }
};

/// Rays of one scene, their random numbers and where to write what they see.
struct TriplaneRays {
    const float *origin, *direction;  ///< [R, 3]
    const float* depth;               ///< [R, coarse]
    const float* draws;               ///< [R, fine]
    const float *noise, *fine_noise;  ///< [R, coarse], [R, fine] or null
    std::int64_t coarse, fine;
    float activation_bias;                ///< added to densities before their softplus
    float *feature, *out_depth, *weight;  ///< [R, F], [R], [R]; depth infinite where nothing was met
    float *sorted_depth, *sorted_noise;   ///< [R, coarse + fine] or null; noise only where there is some

    // What is left out, where sorted_depth is null. Samples between cells of no density always are, if those are known.
    float least_colour;   ///< samples of no more weight get no colour
    float least_light;    ///< the second pass ends where less of the light is left; 0: nowhere
    std::int32_t* spent;  ///< [R, 2] or null: samples that were decoded, and those that got a colour

    [[nodiscard, gnu::always_inline]] inline std::int64_t samples() const { return coarse + fine; }
};

/// The backward pass of rays whose samples are known; `depth` and `noise` of TriplaneRays are then sorted_depth and
/// sorted_noise, coarse their number and fine 0.
struct TriplaneGradients {
    const float *feature, *depth, *weight;  ///< [R, F], [R], [R]: of the loss by what rays see
    float *origin, *direction;              ///< [R, 3] or null
    float* parameters;                      ///< parameter_count() sums of one piece, added to; or null

    // Of the planes, for a later scatter(): [R, samples] beginning at the first ray of the group, or null.
    float* channel;       ///< [.., padded C]
    std::int32_t* texel;  ///< [sheets, ..]: the first of four
    float* across;        ///< [sheets, 2, ..]: share of the second in a row, of the second row
    std::int64_t group;   ///< R samples of the group

    /// hidden weight [padded K, padded C], hidden bias [padded K], colour weight [padded F, padded K], colour bias
    /// [padded F], density weight [padded K], density bias [1, padded]
    [[nodiscard, gnu::always_inline]] static inline std::int64_t parameter_count(const TriplaneScene& scene) {
        const auto c = triplane_padded(scene.channels), k = triplane_padded(scene.hidden),
                   f = triplane_padded(scene.features);
        return k * c + k + f * k + f + k + triplane_pad;
    }
};

struct TriplaneKernels {
    const char* name;

    /// Floats of scratch that the other functions need, for rays of so many samples; 0 is enough for lay_out() and
    /// density(). What it holds may be anything that is finite.
    std::int64_t (*scratch)(const TriplaneScene& scene, std::int64_t samples, bool backward);

    /// Writes blocks first to last - 1 of blocks() of the scene's texels.
    std::int64_t (*blocks)(const TriplaneScene& scene);
    void (*lay_out)(const TriplaneScene& scene, float* texels, std::int64_t first, std::int64_t last, float* scratch);

    /// Upper bounds of raw densities in cells of the cube, for a folded scene whose axes look along one coordinate each:
    /// pool(), then bound() for layers first to last - 1 of z, which fills `most`. `texels` [sheets, 2, cells, 2] has the
    /// first and the last texel, counted with the border, that cells touch along W and along H; `along` [sheets, 2] what
    /// these look along. pool() writes rows first to last - 1 of [sheets, cells, cells, 2, padded K].
    void (*pool)(const TriplaneScene& scene, const std::int32_t* texels, std::int64_t cells, std::int64_t first,
                 std::int64_t last, float* pooled);
    void (*bound)(const TriplaneScene& scene, const float* pooled, const std::int32_t* along, std::int64_t cells,
                  std::int64_t first, std::int64_t last, float* most);

    /// Raw densities at points, given as three arrays of coordinates.
    void (*density)(const TriplaneScene& scene, const float* const* points, std::int64_t count, float* out,
                    float* scratch);

    /// Renders the `count` rays whose numbers are in `order`.
    void (*forward)(const TriplaneScene& scene, const TriplaneRays& rays, const std::int32_t* order, std::int64_t count,
                    float* scratch);

    /// Rays first to last - 1 of a group that begins at ray `begin`. The scene is not folded.
    void (*backward)(const TriplaneScene& scene, const TriplaneRays& rays, const TriplaneGradients& gradients,
                     std::int64_t begin, std::int64_t first, std::int64_t last, float* scratch);

    /// Adds a group's gradients to texels like the scene's: piece `piece` of scatter_pieces(), each for channels of its
    /// own, sample after sample.
    std::int64_t (*scatter_pieces)(const TriplaneScene& scene);
    void (*scatter)(const TriplaneScene& scene, const TriplaneGradients& gradients, std::int64_t samples,
                    std::int64_t piece, float* texels);

    /// The planes' gradient [3, C, H, W] for rows first to last - 1 of H, from the texels'. `plane[i]` is the sheet and
    /// whether it is transposed.
    void (*gather)(const TriplaneScene& scene, const float* texels, const int* sheet, const bool* transposed,
                   std::int64_t first, std::int64_t last, float* planes);

    // For tests.
    void (*softplus)(const float* x, std::int64_t count, float* out);
    void (*sigmoid)(const float* x, std::int64_t count, float* out);
    void (*exp)(const float* x, std::int64_t count, float* out);
};

namespace avx512 {
const TriplaneKernels& triplane_kernels();
}
namespace avx2 {
const TriplaneKernels& triplane_kernels();
}
namespace baseline {
const TriplaneKernels& triplane_kernels();
}

}  // namespace cameo::kernels
