// SPDX-License-Identifier: Apache-2.0
// Convolutions of 3x3 taps in tiles of 4x4 results, with a quarter of the multiplications: plain arrays in, plain arrays
// out. The arithmetic is compiled once for each kind of machine; winograd_kernels() gives one of them.
#pragma once

#include <cstdint>

namespace cameo::kernels {

/// Places of a tile in which inputs and weights are multiplied: 6 x 6.
static constexpr std::int64_t winograd_places = 36;

/// One convolution over pictures of the same size, with what comes before and after it.
///     y = act(scale_out * conv(scale_in * x) + noise + bias)
/// With 4 phases each output channel has four sets of weights, and their results are the pixels of squares of 2x2: a
/// convolution that doubles the size.
struct WinogradTask {
    const float* x;       ///< [N, I, H, W]
    const float* packed;  ///< weights as pack() leaves them
    float* y;             ///< [N, O, H, W], or [N, O, 2 H, 2 W] with 4 phases
    std::int64_t pictures, inputs, outputs, height, width;
    int phases;  ///< 1 or 4

    const float *scale_in, *scale_out;               ///< [N, I] and [N, O], or null
    std::int64_t scale_in_stride, scale_out_stride;  ///< from one picture to the next; 0: the same for all
    const float* noise;                              ///< a picture as large as one of y's, or null
    std::int64_t noise_stride;
    const float* bias;         ///< [O] or null
    bool activates;            ///< then the rest applies
    float below, gain, clamp;  ///< factor of what is negative, of everything, and the largest magnitude

    [[nodiscard, gnu::always_inline]] inline std::int64_t rows() const { return outputs * phases; }
    [[nodiscard, gnu::always_inline]] inline std::int64_t tiles_down() const { return (height + 3) / 4; }
    [[nodiscard, gnu::always_inline]] inline std::int64_t tiles_across() const { return (width + 3) / 4; }
};

/// The gradient of a convolution's weights: sums over tiles of products of what was convolved and what came back.
struct WinogradGradientTask {
    const float *x, *gradient;  ///< [N, I, H, W], [N, R, H, W]
    std::int64_t pictures, inputs, rows, height, width;

    const float *scale_x, *scale_gradient;  ///< [N, I] and [N, R], or null
    std::int64_t scale_x_stride, scale_gradient_stride;

    // Room for a block of tiles, by transform() for accumulate(): `filled` channels are what I and R are filled up to.
    float *tiles, *products;  ///< [places, filled I, block], [places, filled R, block], their order is the kernels'
    float* sums;              ///< [places, filled R, filled I], added to
};

struct WinogradKernels {
    const char* name;
    std::int64_t lanes;     ///< tiles of a group
    std::int64_t together;  ///< groups that run() takes at once, at most
    std::int64_t panel;     ///< rows of weights that lie together

    /// Weights lie in the order in which they are read: places, blocks of inputs, panels of rows, inputs, rows; the last
    /// panel is filled up with zeros, so there are [places, inputs, panels, panel] of them.
    /// Here from [outputs, inputs, phases, places] for rows first to last - 1 of panels.
    void (*pack)(const float* weights, std::int64_t outputs, std::int64_t inputs, int phases, std::int64_t first,
                 std::int64_t last, float* packed);

    std::int64_t (*groups)(const WinogradTask& task);   ///< of tiles, over all pictures
    std::int64_t (*scratch)(const WinogradTask& task);  ///< floats that run() needs
    /// Groups first to last - 1, at most `together`.
    void (*run)(const WinogradTask& task, std::int64_t first, std::int64_t last, float* scratch);

    std::int64_t filled_inputs, filled_rows;  ///< I and R are filled up to multiples of these
    std::int64_t (*gradient_groups)(const WinogradGradientTask& task);
    /// Groups first to last - 1 as a block, for `lanes` channels: piece `piece` of those of filled I, then of filled R.
    void (*transform)(const WinogradGradientTask& task, std::int64_t first, std::int64_t last, std::int64_t piece);
    /// Adds the sums of a block of so many groups for one place.
    void (*accumulate)(const WinogradGradientTask& task, std::int64_t groups, std::int64_t place);
};

namespace avx512 {
const WinogradKernels& winograd_kernels();
}
namespace avx2 {
const WinogradKernels& winograd_kernels();
}
namespace baseline {
const WinogradKernels& winograd_kernels();
}

}  // namespace cameo::kernels
