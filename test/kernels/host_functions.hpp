// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/device/elementwise.hpp"
#include "kernels/device/host_team.hpp"
#include "kernels/device/triplane.hpp"
#include "kernels/module_abi.hpp"

namespace cameo::support {
namespace host_detail {

using namespace kernels::device;

/// A grid of three blocks, one after the other, of this processor.
template <bool backwards>
struct Host {
    static constexpr int tile = 3, blocks = 3;

    /// Memory of a block, as a device's: quads, of which nothing is known.
    struct Memory {
        explicit Memory(std::int64_t floats) : quads(static_cast<std::size_t>((floats + 3) / 4), unknown()) {}
        static Quad unknown() {
            constexpr auto nan = std::numeric_limits<float>::quiet_NaN();
            return {nan, nan, nan, nan};
        }
        float* data() { return reinterpret_cast<float*>(quads.data()); }
        std::vector<Quad> quads;
    };

    template <class Work>
    static void for_tiles(std::int64_t count, int size, int block, const Work& work) {
        for (std::int64_t first = std::int64_t{block} * size; first < count; first += std::int64_t{blocks} * size)
            work(first, static_cast<int>(std::min<std::int64_t>(size, count - first)));
    }

    static std::int32_t fits(std::int32_t, const Sheets*, const Decoder*, std::int32_t, std::int32_t) { return 1; }

    static cuda::Outcome render(cuda::Call*, const Sheets* sheets, const Decoder* decoder, const RayBatch* rays) {
        const HostTeam team(backwards);
        for (int block = 0; block < blocks; ++block) {
            Memory memory(forward_memory(*sheets, *decoder, tile, rays->coarse + rays->fine));
            Carver carver(memory.data());
            const ForwardWork work(carver, *sheets, *decoder, tile, rays->coarse + rays->fine);
            work.weights.load(team, sheets->channels, *decoder);
            for_tiles(rays->count, tile, block, [&](std::int64_t first, int count) {
                render_tile(team, *sheets, *decoder, *rays, first, count, work);
            });
        }
        return cuda::Outcome::done;
    }

    static cuda::Outcome render_backward(cuda::Call*, const Sheets* sheets, const Decoder* decoder,
                                         const RayBatch* rays, const RayGradients* gradients) {
        const HostTeam team(backwards);
        for (int block = 0; block < blocks; ++block) {
            Memory memory(backward_memory(*sheets, *decoder, tile, rays->coarse));
            Carver carver(memory.data());
            const BackwardWork work(carver, *sheets, *decoder, tile, rays->coarse);
            work.weights.load(team, sheets->channels, *decoder);
            clear_parameters(team, *sheets, *decoder, work);
            for_tiles(rays->count, tile, block, [&](std::int64_t first, int count) {
                backward_tile(team, *sheets, *decoder, *rays, *gradients, first, count, work);
            });
            if (gradients->parameters != nullptr) add_parameters(team, *sheets, *decoder, work, gradients->parameters);
        }
        return cuda::Outcome::done;
    }

    static cuda::Outcome sample(cuda::Call*, const Sheets* sheets, const PointBatch* points) {
        Memory memory(points_memory(*sheets, false));
        for (int block = 0; block < blocks; ++block)
            for_tiles(points->count, chunk, block, [&](std::int64_t first, int count) {
                sample_points(HostTeam(backwards), *sheets, *points, first, count, memory.data());
            });
        return cuda::Outcome::done;
    }

    static cuda::Outcome sample_backward(cuda::Call*, const Sheets* sheets, const PointBatch* points) {
        Memory memory(points_memory(*sheets, true));
        for (int block = 0; block < blocks; ++block)
            for_tiles(points->count, chunk, block, [&](std::int64_t first, int count) {
                sample_points_backward(HostTeam(backwards), *sheets, *points, first, count, memory.data());
            });
        return cuda::Outcome::done;
    }

    template <class Work>
    static cuda::Outcome for_rows(const ActivationBatch& batch, const Work& work) {
        for (std::int64_t row = 0; row < batch.rows; ++row)
            for (std::int64_t first = 0; first < batch.length; first += row_piece)
                work(row, first, static_cast<int>(std::min<std::int64_t>(row_piece, batch.length - first)));
        return cuda::Outcome::done;
    }
    static cuda::Outcome activate(cuda::Call*, const ActivationBatch* batch) {
        return for_rows(*batch, [&](std::int64_t row, std::int64_t first, int count) {
            kernels::device::activate(HostTeam(backwards), *batch, row, first, count);
        });
    }
    static cuda::Outcome activate_backward(cuda::Call*, const ActivationBatch* batch) {
        return for_rows(*batch, [&](std::int64_t row, std::int64_t first, int count) {
            kernels::device::activate_backward(HostTeam(backwards), *batch, row, first, count);
        });
    }

    static cuda::Outcome filter(cuda::Call*, const FirBatch* batch) {
        float* y = batch->y;
        for (std::int64_t picture = 0; picture < batch->pictures; ++picture)
            for (int row = 0; row < batch->out_height; ++row)
                for (int column = 0; column < batch->out_width; ++column)
                    *y++ = filtered_pixel(*batch, picture, row, column);
        return cuda::Outcome::done;
    }
};

}  // namespace host_detail

/// The CUDA module's table with the same device functions, run by this processor. A team's memory holds no numbers
/// before it is written. Backwards: items of a step in the opposite order.
template <bool backwards>
const cuda::Functions& host_functions() {
    using Host = host_detail::Host<backwards>;
    static constexpr cuda::Functions functions{"host",         Host::fits,
                                               Host::render,   Host::render_backward,
                                               Host::sample,   Host::sample_backward,
                                               Host::activate, Host::activate_backward,
                                               Host::filter};
    return functions;
}

}  // namespace cameo::support
