// SPDX-License-Identifier: Apache-2.0
#include <cameo/render/fused_triplane_renderer.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cameo/core/error.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/core/shape.hpp>

#include "core/device_call.hpp"
#include "core/plain_data.hpp"
#include "core/work_memory.hpp"
#include "kernels/machine.hpp"
#include "ops/plane_sheets.hpp"
#include "render/device_triplane.hpp"
#include "render/fused_triplane.hpp"

namespace cameo::detail {
namespace {

using kernels::triplane_padded;
using kernels::TriplaneGradients;
using kernels::TriplaneKernels;
using kernels::TriplaneRays;
using kernels::TriplaneScene;

/// All of a render but where rays go: what both passes need.
struct Plan {
    const TriplaneKernels* kernels = nullptr;
    PlaneAxes axes{};
    double box_side = 1.0, density_bias = 0.0;
    bool planes_wanted = true, parameters_wanted = true, rays_wanted = true;  // by the backward pass
    TriplaneSavings savings{};
};

/// The decoder's weights as the kernels read them, and the scene that names them.
class Scene {
  public:
    Scene(const Plan& plan, const at::Tensor& planes, const TriplaneDecoder& decoder, bool fold) {
        const auto c = planes.size(2), k = decoder.hidden_weight.size(0), f = decoder.output_weight.size(0) - 1;
        const auto pc = triplane_padded(c), pk = triplane_padded(k), pf = triplane_padded(f);
        const auto filled = [](const at::Tensor& from, at::IntArrayRef sizes) {
            auto to = at::zeros(sizes, at::kFloat);
            auto part = to;
            for (std::int64_t i = 0; i < from.dim(); ++i) part = part.narrow(i, 0, from.size(i));
            part.copy_(from);
            return to;
        };
        hidden_weight_ = filled(decoder.hidden_weight.t(), {pc, pk});
        hidden_weight_row_ = filled(decoder.hidden_weight, {pk, pc});
        hidden_bias_ = filled(decoder.hidden_bias, {pk});
        const auto colours = decoder.output_weight.narrow(0, 1, f);
        colour_weight_ = filled(colours.t(), {pk, pf});
        colour_weight_row_ = filled(colours, {pf, pk});
        colour_bias_ = filled(decoder.output_bias.narrow(0, 1, f), {pf});
        density_weight_ = filled(decoder.output_weight[0], {pk});

        scene.channels = c;
        scene.height = planes.size(3);
        scene.width = planes.size(4);
        scene.hidden = k;
        scene.features = f;
        scene.folded = fold;
        scene.scale = static_cast<float>(2.0 / plan.box_side);
        scene.hidden_weight = hidden_weight_.const_data_ptr<float>();
        scene.hidden_weight_row = hidden_weight_row_.const_data_ptr<float>();
        scene.hidden_bias = hidden_bias_.const_data_ptr<float>();
        scene.colour_weight = colour_weight_.const_data_ptr<float>();
        scene.colour_weight_row = colour_weight_row_.const_data_ptr<float>();
        scene.colour_bias = colour_bias_.const_data_ptr<float>();
        scene.density_weight = density_weight_.const_data_ptr<float>();
        scene.density_bias = decoder.output_bias[0].item<float>();
        place_planes(plan.axes);
        const auto size = scene.sheets * scene.sheet_size();
        texels_ = std::exchange(kept_texels(), WorkMemory());
        if (texels_.size() < size) texels_ = WorkMemory(size);
        scene.texels = texels_.data();
    }
    Scene(const Scene&) = delete;
    Scene& operator=(const Scene&) = delete;
    ~Scene() { kept_texels() = std::move(texels_); }

    /// Takes the planes [3, C, H, W] of one scene.
    void lay_out(const TriplaneKernels& kernels, const float* planes) {
        for (int s = 0; s < scene.sheets; ++s) scene.sheet[s].planes = 0;
        for (int p = 0; p < 3; ++p) {
            auto& sheet = scene.sheet[sheet_of[p]];
            sheet.plane[sheet.planes] = planes + p * scene.channels * scene.height * scene.width;
            sheet.transposed[sheet.planes++] = transposed[p];
        }
        const auto scratch = kernels.scratch(scene, 1, false);
        cameo::parallel_for(0, kernels.blocks(scene), 1, [&](std::int64_t first, std::int64_t last) {
            kernels.lay_out(scene, texels_.data(), first, last, thread_scratch(scratch));
        });
    }

    TriplaneScene scene{};
    int sheet_of[3]{};
    bool transposed[3]{};

  private:
    /// What the thread's next render begins with: fresh memory costs as much as laying out planes in it.
    static WorkMemory& kept_texels() {
        thread_local WorkMemory kept;
        return kept;
    }

    void place_planes(const PlaneAxes& axes) {
        const auto sheets = ops::plane_sheets(axes, scene.height, scene.width);
        scene.sheets = sheets.count;
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t axis = 0; axis < 2; ++axis)
                std::copy_n(sheets.axes[i][axis].data(), 3, scene.sheet[i].axes[axis]);
            sheet_of[i] = sheets.sheet_of[i];
            transposed[i] = sheets.transposed[i];
        }
    }

    at::Tensor hidden_weight_, hidden_weight_row_, hidden_bias_, colour_weight_, colour_weight_row_, colour_bias_,
        density_weight_;
    WorkMemory texels_;
};

/// Whether the first layer is better applied to all texels than to all samples. Counts multiplications; two sheets of
/// four texels a sample.
bool folding_pays(const at::Tensor& planes, const TriplaneDecoder& decoder, std::int64_t samples) {
    const auto channels = static_cast<double>(triplane_padded(planes.size(2)));
    const auto units = static_cast<double>(triplane_padded(decoder.hidden_weight.size(0)));
    const auto texels = 2.0 * static_cast<double>(planes.size(3) * planes.size(4));
    const auto count = static_cast<double>(samples);
    return count * 8 * units + texels * channels * units < count * (8 * channels + channels * units);
}

/// Rays in the order in which they are worked on: those of a square picture in squares, which see the same part of the
/// planes; squares one below the other.
std::vector<std::int32_t> order_of(std::int64_t rays) {
    constexpr std::int64_t square = 8;
    std::vector<std::int32_t> order;
    order.reserve(static_cast<std::size_t>(rays));
    const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(rays))));
    const auto is_picture = side * side == rays;
    const auto height = is_picture ? side : 1, width = is_picture ? side : rays;
    for (std::int64_t x0 = 0; x0 < width; x0 += square)
        for (std::int64_t y0 = 0; y0 < height; y0 += square)
            for (auto y = y0; y < std::min(y0 + square, height); ++y)
                for (auto x = x0; x < std::min(x0 + square, width); ++x)
                    order.push_back(static_cast<std::int32_t>(y * width + x));
    return order;
}

bool serves(const at::Tensor& tensor) { return tensor.device().is_cpu() && tensor.scalar_type() == at::kFloat; }

/// Where `rays` begins in its arrays when only those of camera n are meant.
TriplaneRays of_camera(const TriplaneRays& rays, std::int64_t n, std::int64_t count, std::int64_t features) {
    auto some = rays;
    const auto move = [&](auto*& array, std::int64_t size) {
        if (array != nullptr) array += n * count * size;
    };
    move(some.origin, 3);
    move(some.direction, 3);
    move(some.depth, rays.coarse);
    move(some.draws, rays.fine);
    move(some.noise, rays.coarse);
    move(some.fine_noise, rays.fine);
    move(some.feature, features);
    move(some.out_depth, 1);
    move(some.weight, 1);
    move(some.sorted_depth, rays.samples());
    move(some.sorted_noise, rays.samples());
    move(some.spent, 2);
    return some;
}

/// Where a scene has no density: bounds for the cells of its cube.
class EmptySpace {
  public:
    /// Of a folded scene whose planes lie along coordinates; null if they do not.
    static std::unique_ptr<EmptySpace> bounded(const TriplaneScene& scene, std::int64_t samples) {
        auto made = std::unique_ptr<EmptySpace>(new EmptySpace);
        made->cells_ = cells_of(scene, samples, 2);
        for (int s = 0; s < scene.sheets; ++s)
            for (int axis = 0; axis < 2; ++axis)
                if (!made->look_along(scene.sheet[s].axes[axis], axis == 0 ? scene.width : scene.height)) return {};
        made->pooled_ = pooled_empty({scene.sheets, made->cells_, made->cells_, 2, scene.texel_size()});
        return made;
    }
    /// Of samples in a grid.
    static std::unique_ptr<EmptySpace> sampled(const TriplaneScene& scene, std::int64_t samples) {
        auto made = std::unique_ptr<EmptySpace>(new EmptySpace);
        made->cells_ = cells_of(scene, samples, 4);
        return made;
    }

    /// Looks at the scene, and tells it.
    void find(const Plan& plan, TriplaneScene& scene) {
        if (!most_.defined()) most_ = pooled_empty({cells_, cells_, cells_});
        if (pooled_.defined())
            find_bounds(*plan.kernels, scene);
        else
            take_samples(plan, scene);
        scene.most = data(most_);
        scene.cells = cells_;
    }

  private:
    EmptySpace() = default;

    /// Cells of some texels; a sixteenth as many as the samples that they are to save, since each costs as much.
    static std::int64_t cells_of(const TriplaneScene& scene, std::int64_t samples, std::int64_t texels) {
        const auto worth = static_cast<std::int64_t>(std::cbrt(static_cast<double>(samples) / 16));
        return std::clamp<std::int64_t>(std::min(worth, std::max(scene.height, scene.width) / texels), 2, 64);
    }

    bool look_along(const float* axis, std::int64_t size) {
        int along = -1;
        for (int j = 0; j < 3; ++j)
            if (axis[j] != 0.0f) {
                if (along >= 0) return false;
                along = j;
            }
        if (along < 0) return false;
        along_.push_back(along);
        const auto slope = static_cast<double>(axis[along]), last = static_cast<double>(size);
        const auto texel = [&](std::int64_t cell) {
            const auto place = 2.0 * static_cast<double>(cell) / static_cast<double>(cells_) - 1.0;
            return (slope * place + 1.0) * last / 2 - 0.5;
        };
        const auto whole = [&](double x) {
            return static_cast<std::int32_t>(std::floor(std::clamp(x, -1.0, last - 1.0)));
        };
        constexpr double rounding = 1e-3;  // of places in float32, many times over
        for (std::int64_t cell = 0; cell < cells_; ++cell) {
            const auto [first, end] = std::minmax(texel(cell), texel(cell + 1));
            texels_.push_back(whole(first - rounding) + 1);
            texels_.push_back(whole(end + rounding) + 2);
        }
        return true;
    }

    void find_bounds(const TriplaneKernels& kernels, const TriplaneScene& scene) {
        auto* const pooled = pooled_.mutable_data_ptr<float>();
        cameo::parallel_for(0, scene.sheets * cells_, 4, [&](std::int64_t first, std::int64_t last) {
            kernels.pool(scene, texels_.data(), cells_, first, last, pooled);
        });
        auto* const most = most_.mutable_data_ptr<float>();
        cameo::parallel_for(0, cells_, 1, [&](std::int64_t first, std::int64_t last) {
            kernels.bound(scene, pooled, along_.data(), cells_, first, last, most);
        });
    }

    void take_samples(const Plan& plan, const TriplaneScene& scene) {
        const auto layer = cells_ * cells_;
        const auto scratch = plan.kernels->scratch(scene, 0, false);
        auto* const most = most_.mutable_data_ptr<float>();
        const auto middle = [&](std::int64_t cell) {
            return static_cast<float>((static_cast<double>(2 * cell + 1) / static_cast<double>(cells_) - 1.0) *
                                      plan.box_side / 2);
        };
        cameo::parallel_for(0, cells_, 1, [&](std::int64_t first, std::int64_t last) {
            float* const memory = thread_scratch(scratch + 3 * layer);
            float* const point[3] = {memory + scratch, memory + scratch + layer, memory + scratch + 2 * layer};
            for (auto z = first; z < last; ++z) {
                for (std::int64_t i = 0; i < layer; ++i) {
                    point[0][i] = middle(i % cells_);
                    point[1][i] = middle(i / cells_);
                    point[2][i] = middle(z);
                }
                plan.kernels->density(scene, point, layer, most + z * layer, memory);
            }
        });
        // A cell counts when it or one beside it, also across an edge or a corner, has more than the least density.
        constexpr double full = 1e4;
        const auto least = std::log(std::expm1(plan.savings.occupancy)) - plan.density_bias;
        const auto counts = most_.gt(least).to(at::kFloat).view({1, 1, cells_, cells_, cells_});
        most_.copy_(at::max_pool3d(counts, 3, 1, 1).view_as(most_).mul_(2 * full).sub_(full));
    }

    std::int64_t cells_ = 0;
    std::vector<std::int32_t> along_, texels_;
    at::Tensor pooled_, most_;
};

std::unique_ptr<EmptySpace> empty_space(const Plan& plan, const TriplaneScene& scene, std::int64_t samples) {
    if (plan.savings.occupancy > 0.0) return EmptySpace::sampled(scene, samples);
    return plan.savings.empty ? EmptySpace::bounded(scene, samples) : nullptr;
}

struct Rendered {
    RayFeatures seen;
    at::Tensor depth, noise;  // of all samples, ascending; for the backward pass
};

Rendered forward(const Plan& plan, const at::Tensor& planes, const TriplaneDecoder& decoder, const RayBundle& bundle,
                 const TriplaneDraws& drawn, bool keep, const Context& context, at::Tensor* spent = nullptr) {
    const auto& kernels = *plan.kernels;
    const auto cameras = bundle.cameras(), count = bundle.rays(), features = decoder.output_weight.size(0) - 1;
    const auto origin = plain(bundle.origin), direction = plain(bundle.direction), field = plain(planes);
    const auto depth = plain(drawn.depth), draws = plain(drawn.draws);
    const auto noise = plain(drawn.noise), fine_noise = plain(drawn.fine_noise);

    TriplaneRays rays{};
    rays.coarse = depth.size(2);
    rays.fine = draws.defined() ? draws.size(2) : 0;
    Rendered result;
    auto& seen = result.seen;
    seen.feature = pooled_empty({cameras, count, features});
    seen.depth = at::empty({cameras, count, 1}, at::kFloat);
    seen.weight = at::empty({cameras, count, 1}, at::kFloat);
    if (keep) result.depth = at::empty({cameras, count, rays.samples()}, at::kFloat);
    if (keep && noise.defined()) result.noise = at::empty_like(result.depth);
    rays.origin = data(origin);
    rays.direction = data(direction);
    rays.depth = data(depth);
    rays.draws = data(draws);
    rays.noise = data(noise);
    rays.fine_noise = data(fine_noise);
    rays.activation_bias = static_cast<float>(plan.density_bias);
    rays.feature = seen.feature.data_ptr<float>();
    rays.out_depth = seen.depth.data_ptr<float>();
    rays.weight = seen.weight.data_ptr<float>();
    if (result.depth.defined()) rays.sorted_depth = result.depth.data_ptr<float>();
    if (result.noise.defined()) rays.sorted_noise = result.noise.data_ptr<float>();
    rays.least_colour = static_cast<float>(plan.savings.colour);
    rays.least_light = static_cast<float>(plan.savings.light);
    if (spent != nullptr) {
        *spent = at::empty({cameras, count, 2}, at::kInt);
        rays.spent = spent->data_ptr<std::int32_t>();
    }

    const auto scenes = planes.size(0);
    const auto samples_of_scene = count * rays.samples() * (cameras / scenes);
    const auto bounds = plan.savings.empty && plan.savings.occupancy == 0.0;  // these are of folded texels
    Scene scene(plan, planes, decoder, bounds || folding_pays(planes, decoder, samples_of_scene));
    const auto scratch = kernels.scratch(scene.scene, rays.samples(), false);
    const auto space = empty_space(plan, scene.scene, samples_of_scene);
    const auto order = order_of(count);
    constexpr std::int64_t tile = 64;
    for (std::int64_t n = 0; n < cameras; ++n) {
        context.check_cancelled();
        if (n < scenes) {
            scene.lay_out(kernels, data(field) + n * field.stride(0));
            if (space) space->find(plan, scene.scene);
        }
        const auto own = of_camera(rays, n, count, features);
        cameo::parallel_for(0, count, tile, [&](std::int64_t first, std::int64_t last) {
            context.check_cancelled();
            kernels.forward(scene.scene, own, order.data() + first, last - first, thread_scratch(scratch));
        });
    }
    return result;
}

/// Groups of rays whose samples' gradients are held at once, and the rays of a group that one thread works on at a
/// time. Both depend on sizes alone: sums are added up in the same order on any number of threads.
struct Groups {
    static constexpr std::int64_t piece = 16;
    std::int64_t rays;

    Groups(std::int64_t samples, std::int64_t channels) {
        constexpr std::int64_t most = 512, floats = std::int64_t{2} << 20;
        const auto fit = floats / (samples * (triplane_padded(channels) + 9));
        rays = std::clamp(fit / piece * piece, piece, most);
    }
};

struct Gradients {
    at::Tensor planes, hidden_weight, hidden_bias, output_weight, output_bias, origin, direction;
};

Gradients backward(const Plan& plan, const at::Tensor& given_planes, const TriplaneDecoder& decoder,
                   const RayBundle& bundle, const at::Tensor& depth, const at::Tensor& noise, const at::Tensor& feature,
                   const at::Tensor& seen_depth, const at::Tensor& weight) {
    const auto& kernels = *plan.kernels;
    const auto planes = plain(given_planes), origin = plain(bundle.origin), direction = plain(bundle.direction);
    const auto cameras = bundle.cameras(), count = bundle.rays(), features = decoder.output_weight.size(0) - 1;
    const auto by_feature = plain(feature), by_depth = plain(seen_depth), by_weight = plain(weight);
    Gradients result;

    TriplaneRays all{};
    all.coarse = depth.size(2);
    all.origin = data(origin);
    all.direction = data(direction);
    all.depth = data(depth);
    all.noise = data(noise);
    all.activation_bias = static_cast<float>(plan.density_bias);

    Scene scene(plan, planes, decoder, false);
    const auto& parts = scene.scene;
    const auto scratch = kernels.scratch(parts, all.coarse, true);
    const Groups groups(all.coarse, parts.channels);
    const auto pieces = groups.rays / Groups::piece, samples = groups.rays * all.coarse;
    const auto parameter_count = TriplaneGradients::parameter_count(parts);
    const auto channels = triplane_padded(parts.channels), units = triplane_padded(parts.hidden);
    const auto wants_samples = plan.planes_wanted || plan.rays_wanted;

    WorkMemory texels, by_channel, across, places, parameters;
    std::vector<double> sums(static_cast<std::size_t>(parameter_count), 0.0);
    if (plan.planes_wanted) {
        texels = WorkMemory(parts.sheets * parts.sheet_size());
        result.planes = at::empty(planes.sizes(), at::kFloat);
    }
    if (wants_samples) {
        by_channel = WorkMemory(samples * channels);
        places = WorkMemory(samples * parts.sheets);
        across = WorkMemory(samples * parts.sheets * 2);
    }
    if (plan.parameters_wanted) parameters = WorkMemory(pieces * parameter_count);
    if (plan.rays_wanted) {
        result.origin = at::empty({cameras, count, 3}, at::kFloat);
        result.direction = at::empty({cameras, count, 3}, at::kFloat);
    }

    const auto scenes = planes.size(0);
    for (std::int64_t n = 0; n < cameras; ++n) {
        if (n < scenes) {
            scene.lay_out(kernels, data(planes) + n * planes.stride(0));
            if (plan.planes_wanted)
                cameo::parallel_for(0, texels.size(), std::int64_t{1} << 18,
                                    [&](std::int64_t first, std::int64_t last) {
                                        std::fill(texels.data() + first, texels.data() + last, 0.0f);
                                    });
        }
        const auto rays = of_camera(all, n, count, features);
        TriplaneGradients gradients{};
        gradients.feature = data(by_feature) + n * count * features;
        gradients.depth = data(by_depth) + n * count;
        gradients.weight = data(by_weight) + n * count;
        if (plan.rays_wanted) {
            gradients.origin = result.origin.data_ptr<float>() + n * count * 3;
            gradients.direction = result.direction.data_ptr<float>() + n * count * 3;
        }
        gradients.channel = by_channel.data();
        gradients.texel = reinterpret_cast<std::int32_t*>(places.data());
        gradients.across = across.data();
        gradients.group = samples;
        for (std::int64_t begin = 0; begin < count; begin += groups.rays) {
            const auto end = std::min(begin + groups.rays, count);
            cameo::parallel_for(begin, end, Groups::piece, [&](std::int64_t first, std::int64_t last) {
                auto own = gradients;
                if (plan.parameters_wanted) {
                    own.parameters = parameters.data() + (first - begin) / Groups::piece * parameter_count;
                    std::fill_n(own.parameters, parameter_count, 0.0f);
                }
                kernels.backward(parts, rays, own, begin, first, last, thread_scratch(scratch));
            });
            if (plan.planes_wanted)
                cameo::parallel_for(0, kernels.scatter_pieces(parts), 1, [&](std::int64_t piece, std::int64_t) {
                    kernels.scatter(parts, gradients, (end - begin) * all.coarse, piece, texels.data());
                });
            if (plan.parameters_wanted)
                for (std::int64_t piece = 0; piece * Groups::piece < end - begin; ++piece)
                    for (std::int64_t i = 0; i < parameter_count; ++i)
                        sums[static_cast<std::size_t>(i)] +=
                            static_cast<double>(parameters.data()[piece * parameter_count + i]);
        }
        if (plan.planes_wanted && (scenes > 1 || n == cameras - 1)) {
            auto* const out = result.planes.data_ptr<float>() + (scenes > 1 ? n : 0) * result.planes.stride(0);
            cameo::parallel_for(0, parts.height, 16, [&](std::int64_t first, std::int64_t last) {
                kernels.gather(parts, texels.data(), scene.sheet_of, scene.transposed, first, last, out);
            });
        }
    }
    if (plan.parameters_wanted) {
        const auto* from = sums.data();
        const auto take = [&](std::int64_t rows, std::int64_t columns) {
            const auto part = at::from_blob(const_cast<double*>(from), {rows, columns}, at::kDouble).to(at::kFloat);
            from += rows * columns;
            return part;
        };
        const auto k = parts.hidden, f = parts.features, padded_f = triplane_padded(f);
        result.hidden_weight = take(units, channels).narrow(0, 0, k).narrow(1, 0, parts.channels).contiguous();
        result.hidden_bias = take(1, units)[0].narrow(0, 0, k).contiguous();
        const auto colours = take(padded_f, units).narrow(0, 0, f).narrow(1, 0, k);
        const auto colour_bias = take(1, padded_f)[0].narrow(0, 0, f);
        const auto density = take(1, units).narrow(1, 0, k);
        const auto density_bias = take(1, kernels::triplane_pad)[0].narrow(0, 0, 1);
        result.output_weight = at::cat({density, colours});
        result.output_bias = at::cat({density_bias, colour_bias});
    }
    return result;
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Rendering : torch::autograd::Function<Rendering> {
    static variable_list forward(AutogradContext* ctx, const at::Tensor& planes, const at::Tensor& hidden_weight,
                                 const at::Tensor& hidden_bias, const at::Tensor& output_weight,
                                 const at::Tensor& output_bias, const at::Tensor& origin, const at::Tensor& direction,
                                 const TriplaneDraws& draws, const Plan& plan, const Context& context) {
        const auto rendered = detail::forward(plan, planes, {hidden_weight, hidden_bias, output_weight, output_bias},
                                              {origin, direction}, draws, /*keep=*/true, context);
        ctx->save_for_backward({planes, hidden_weight, hidden_bias, output_weight, output_bias, origin, direction,
                                rendered.depth, rendered.noise});
        ctx->saved_data["axes"] = [&] {
            std::vector<double> numbers;
            for (const auto& matrix : plan.axes) numbers.insert(numbers.end(), matrix.begin(), matrix.end());
            return numbers;
        }();
        ctx->saved_data["box_side"] = plan.box_side;
        ctx->saved_data["density_bias"] = plan.density_bias;
        ctx->saved_data["kernels"] = reinterpret_cast<std::int64_t>(plan.kernels);
        return {rendered.seen.feature, rendered.seen.depth, rendered.seen.weight};
    }

    static variable_list backward(AutogradContext* ctx, const variable_list& by) {
        if (c10::GradMode::is_enabled())
            throw Error(Errc::invalid_argument,
                        "fused_triplane: expected first derivatives to be asked for, got second ones (use "
                        "VolumeRenderer)");
        const auto saved = ctx->get_saved_variables();
        Plan plan;
        const auto numbers = ctx->saved_data["axes"].toDoubleVector();
        for (std::size_t p = 0; p < 3; ++p) std::copy_n(numbers.begin() + 9 * p, 9, plan.axes[p].begin());
        plan.box_side = ctx->saved_data["box_side"].toDouble();
        plan.density_bias = ctx->saved_data["density_bias"].toDouble();
        plan.kernels = reinterpret_cast<const TriplaneKernels*>(ctx->saved_data["kernels"].toInt());
        const auto wanted = [&](std::size_t first, std::size_t last) {
            for (auto i = first; i <= last; ++i)
                if (ctx->needs_input_grad(i)) return true;
            return false;
        };
        plan.planes_wanted = wanted(0, 0);
        plan.parameters_wanted = wanted(1, 4);
        plan.rays_wanted = wanted(5, 6);
        const auto g = detail::backward(plan, saved[0], {saved[1], saved[2], saved[3], saved[4]}, {saved[5], saved[6]},
                                        saved[7], saved[8], by[0], by[1], by[2]);
        return {g.planes, g.hidden_weight, g.hidden_bias, g.output_weight, g.output_bias, g.origin, g.direction, {}, {},
                {}};
    }
};

void check_savings(const TriplaneSavings& savings) {
    const auto check = [](const char* name, double value, double end) {
        if (!(value >= 0.0 && value < end))
            throw Error(Errc::invalid_argument, "savings: expected " + std::string(name) + " of 0 and more" +
                                                    (end < 2.0 ? " and below 1" : "") + ", got " +
                                                    std::to_string(value));
    };
    const auto infinite = std::numeric_limits<double>::infinity();
    check("colour", savings.colour, infinite);
    check("light", savings.light, 1.0);
    check("occupancy", savings.occupancy, infinite);
}

void check_arguments(const TriplaneField& field, const RayBundle& rays, const TriplaneDraws& draws,
                     const Context& context) {
    const auto& parts = field.view();
    const auto shape =
        ShapeCheck().bind("N", rays.cameras()).bind("R", rays.rays()).expect("depth", draws.depth, "[N, R, D, 1]");
    if (parts.planes.size(0) != rays.cameras() && parts.planes.size(0) != 1)
        throw Error(Errc::shape_mismatch,
                    "planes: expected [N, 3, C, H, W] or [1, 3, C, H, W] with N = " + std::to_string(rays.cameras()) +
                        ", got " + shape_text(parts.planes.sizes()));
    const auto fine = draws.draws.defined() ? draws.draws.size(2) : 0;
    const auto least = fine > 0 ? 4 : 2;
    if (shape["D"] < least)
        throw Error(Errc::invalid_argument, (fine > 0 ? "importance sampling: expected at least 4 samples a ray, got "
                                                      : "integrate: expected at least 2 samples a ray, got ") +
                                                std::to_string(shape["D"]));
    if (context.memory_budget > 0) {
        // The planes, folded at worst and not merged, and what a thread holds of a ray.
        const auto size = triplane_padded(std::max(parts.planes.size(2), parts.decoder.hidden_weight.size(0)));
        const auto texels = 3 * (parts.planes.size(3) + 2) * (parts.planes.size(4) + 2) * size;
        const auto units = triplane_padded(parts.decoder.hidden_weight.size(0));
        const auto ray =
            (shape["D"] + fine + 96) * (triplane_padded(field.feature_count()) + 2 * units + 24) + 96 * size;
        Context budget = context;
        budget.max_rays = 0;
        (void)ray_chunk(budget, 1, sizeof(float) * static_cast<std::uint64_t>(texels + thread_count() * ray));
    }
}

}  // namespace

const std::vector<const TriplaneKernels*>& usable_triplane_kernels() {
    static const auto usable =
        kernels::usable_kernels<kernels::avx512::triplane_kernels, kernels::avx2::triplane_kernels,
                                kernels::baseline::triplane_kernels>();
    return usable;
}

bool fused_triplane_serves(const TriplaneField& field) {
    const auto& parts = field.view();
    return serves(parts.planes) && serves(parts.decoder.hidden_weight) && serves(parts.decoder.hidden_bias) &&
           serves(parts.decoder.output_weight) && serves(parts.decoder.output_bias) &&
           parts.planes.size(3) * parts.planes.size(4) < std::int64_t{1} << 30;
}

bool fused_triplane_serves(const TriplaneField& field, const RayBundle& rays, std::int64_t samples) {
    if (const auto* functions = device_functions(field.view().planes))
        return device_triplane_serves(field, rays, samples, *functions);
    return fused_triplane_serves(field) && serves(rays.direction) && serves(rays.origin) &&
           rays.rays() < std::int64_t{1} << 31;
}

void triplane_density(const TriplaneField& field, std::int64_t count, const TriplanePoints& points, float* out,
                      const Context& context, const TriplaneKernels& kernels) {
    constexpr std::int64_t piece = 4032, slab = piece << 8;  // whole chunks of the kernels; between two reports
    const auto& parts = field.view();
    if (parts.planes.size(0) != 1)
        throw Error(Errc::shape_mismatch,
                    "densities: expected a field of one scene, got " + std::to_string(parts.planes.size(0)));
    const auto planes = plain(parts.planes);
    Plan plan;
    plan.kernels = &kernels;
    plan.axes = parts.axes;
    plan.box_side = parts.box_side;
    const auto fold = folding_pays(planes, parts.decoder, count);
    if (context.memory_budget > 0) {
        const auto size = triplane_padded(fold ? parts.decoder.hidden_weight.size(0) : planes.size(2));
        const auto texels = 3 * (planes.size(3) + 2) * (planes.size(4) + 2) * size;
        const auto thread = 3 * piece + 96 * (triplane_padded(planes.size(2)) +
                                              triplane_padded(parts.decoder.hidden_weight.size(0)) + 64);
        Context budget = context;
        budget.max_rays = 0;
        (void)ray_chunk(budget, 1, sizeof(float) * static_cast<std::uint64_t>(texels + thread_count() * thread));
    }
    Scene scene(plan, planes, parts.decoder, fold);
    scene.lay_out(kernels, data(planes));
    const auto own = kernels.scratch(scene.scene, 0, false);
    for (std::int64_t begin = 0; begin < count; begin += slab) {
        context.report("densities", begin, count);
        cameo::parallel_for(begin, std::min(begin + slab, count), piece, [&](std::int64_t first, std::int64_t last) {
            float* const memory = thread_scratch(own + 3 * piece);
            float* const point[3] = {memory + own, memory + own + piece, memory + own + 2 * piece};
            points(first, last - first, point);
            kernels.density(scene.scene, point, last - first, out + first, memory);
        });
    }
    context.report("densities", count, count);
}

void triplane_density(const TriplaneField& field, std::int64_t count, const TriplanePoints& points, float* out,
                      const Context& context) {
    triplane_density(field, count, points, out, context, *usable_triplane_kernels().front());
}

RayFeatures render_triplane(const TriplaneField& field, const RayBundle& rays, const TriplaneDraws& draws,
                            double density_bias, const Context& context, const TriplaneKernels& kernels,
                            const TriplaneSavings& savings, at::Tensor* spent) {
    check_arguments(field, rays, draws, context);
    check_savings(savings);
    const auto& parts = field.view();
    const auto& decoder = parts.decoder;
    Plan plan;
    plan.kernels = &kernels;
    plan.axes = parts.axes;
    plan.box_side = parts.box_side;
    plan.density_bias = density_bias;
    const auto needs = [](const at::Tensor& tensor) { return tensor.requires_grad(); };
    if (!c10::GradMode::is_enabled() ||
        !(needs(parts.planes) || needs(decoder.hidden_weight) || needs(decoder.hidden_bias) ||
          needs(decoder.output_weight) || needs(decoder.output_bias) || needs(rays.origin) || needs(rays.direction))) {
        plan.savings = savings;
        return forward(plan, parts.planes, decoder, rays, draws, /*keep=*/false, context, spent).seen;
    }
    const auto seen = Rendering::apply(parts.planes, decoder.hidden_weight, decoder.hidden_bias, decoder.output_weight,
                                       decoder.output_bias, rays.origin, rays.direction, draws, plan, context);
    return {seen[0], seen[1], seen[2], {}};
}

RayFeatures render_triplane(const TriplaneField& field, const RayBundle& rays, const TriplaneDraws& draws,
                            double density_bias, const Context& context, const TriplaneSavings& savings) {
    const auto* functions = device_functions(field.view().planes);
    if (functions == nullptr)
        return render_triplane(field, rays, draws, density_bias, context, *usable_triplane_kernels().front(), savings);
    check_arguments(field, rays, draws, context);
    return render_on_device(field, rays, draws, density_bias, context, *functions);
}

}  // namespace cameo::detail
