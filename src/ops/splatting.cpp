// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/splatting.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cameo/core/error.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/core/shape.hpp>

#include "core/tensor_check.hpp"

namespace cameo::ops {
namespace {

constexpr std::int64_t tile = 16, grain = 512;
constexpr double nearest = 0.01;

template <class T>
struct View {
    std::array<T, 9> rotation;  // camera_from_world
    std::array<T, 3> position;
    T fx, fy, skew, cx, cy;  // in pixels
};

template <class T>
View<T> view_of(const at::Tensor& world_from_camera, const at::Tensor& intrinsics, const SplatOptions& options) {
    const auto pose = world_from_camera.to(at::kDouble).contiguous(), k = intrinsics.to(at::kDouble).contiguous();
    const auto* const m = pose.const_data_ptr<double>();
    const auto* const i = k.const_data_ptr<double>();
    const auto width = static_cast<double>(options.width), height = static_cast<double>(options.height);
    View<T> view{};
    for (std::size_t r = 0; r < 3; ++r)
        for (std::size_t c = 0; c < 3; ++c) view.rotation[3 * r + c] = static_cast<T>(m[4 * c + r]);
    for (std::size_t r = 0; r < 3; ++r) view.position[r] = static_cast<T>(m[4 * r + 3]);
    view.fx = static_cast<T>(i[0] * width);
    view.skew = static_cast<T>(i[1] * width);
    view.cx = static_cast<T>(i[2] * width);
    view.fy = static_cast<T>(i[4] * height);
    view.cy = static_cast<T>(i[5] * height);
    return view;
}

/// The numbers of one Gaussian.
template <class T>
struct Source {
    const T *position, *log_scale, *rotation;
    T opacity;
};

template <class T>
T sigmoid(T x) {
    return 1 / (1 + std::exp(-x));
}

/// own axes to the world's, and the quaternion's length.
template <class T>
std::array<T, 9> matrix_of(const T* q, std::array<T, 4>& unit, T& length) {
    length = std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
    for (std::size_t i = 0; i < 4; ++i) unit[i] = q[i] / length;
    const auto [w, x, y, z] = unit;
    return {1 - 2 * (y * y + z * z), 2 * (x * y - w * z),     2 * (x * z + w * y),
            2 * (x * y + w * z),     1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
            2 * (x * z - w * y),     2 * (y * z + w * x),     1 - 2 * (x * x + y * y)};
}

/// What of a Gaussian is seen, and the steps to it.
template <class T>
struct Flat {
    bool visible = false;
    std::array<T, 3> at;       // in the camera's axes
    std::array<T, 6> project;  // J R: world to pixels at the middle
    std::array<T, 6> across;   // J R M: own unit sphere to pixels
    std::array<T, 2> middle;
    std::array<T, 3> conic;  // a, b, c of a x^2 + 2 b x y + c y^2
    T opacity;
    std::int32_t x0, x1, y0, y1;  // pixels it may touch, ends excluded
};

template <class T>
Flat<T> flatten(const Source<T>& from, const View<T>& view, const SplatOptions& options) {
    Flat<T> flat;
    const auto& r = view.rotation;
    for (std::size_t i = 0; i < 3; ++i) {
        flat.at[i] = 0;
        for (std::size_t j = 0; j < 3; ++j) flat.at[i] += r[3 * i + j] * (from.position[j] - view.position[j]);
    }
    const auto [x, y, z] = flat.at;
    if (!(z > static_cast<T>(nearest))) return flat;
    const auto sx = view.fx * x + view.skew * y;
    flat.middle = {sx / z + view.cx, view.fy * y / z + view.cy};
    const std::array<T, 6> j{view.fx / z, view.skew / z, -sx / (z * z), 0, view.fy / z, -view.fy * y / (z * z)};
    std::array<T, 4> unit;
    T length;
    const auto own = matrix_of(from.rotation, unit, length);
    for (std::size_t row = 0; row < 2; ++row)
        for (std::size_t c = 0; c < 3; ++c) {
            flat.project[3 * row + c] = 0;
            for (std::size_t i = 0; i < 3; ++i) flat.project[3 * row + c] += j[3 * row + i] * r[3 * i + c];
        }
    for (std::size_t row = 0; row < 2; ++row)
        for (std::size_t c = 0; c < 3; ++c) {
            T sum = 0;
            for (std::size_t i = 0; i < 3; ++i) sum += flat.project[3 * row + i] * own[3 * i + c];
            flat.across[3 * row + c] = sum * std::exp(from.log_scale[c]);
        }
    const auto dot = [&](std::size_t a, std::size_t b) {
        T sum = 0;
        for (std::size_t c = 0; c < 3; ++c) sum += flat.across[3 * a + c] * flat.across[3 * b + c];
        return sum;
    };
    const auto blur = static_cast<T>(options.blur);
    const auto a = dot(0, 0) + blur, b = dot(0, 1), c = dot(1, 1) + blur;
    const auto determinant = a * c - b * b;
    if (!(determinant > 0)) return flat;
    flat.conic = {c / determinant, -b / determinant, a / determinant};
    flat.opacity = sigmoid(from.opacity);
    // Where opacity exp(-q / 2) is at least the faintest: q up to `reach`, whose ellipse has these half axes.
    const auto reach = 2 * std::log(flat.opacity / static_cast<T>(options.faintest));
    if (!(reach > 0)) return flat;
    const auto bounded = [](T value, std::int64_t most) {
        return static_cast<std::int32_t>(std::clamp(value, T{0}, static_cast<T>(most)));
    };
    const auto half_x = std::sqrt(reach * a), half_y = std::sqrt(reach * c);
    flat.x0 = bounded(std::floor(flat.middle[0] - half_x), options.width);
    flat.x1 = bounded(std::ceil(flat.middle[0] + half_x) + 1, options.width);
    flat.y0 = bounded(std::floor(flat.middle[1] - half_y), options.height);
    flat.y1 = bounded(std::ceil(flat.middle[1] + half_y) + 1, options.height);
    flat.visible = flat.x0 < flat.x1 && flat.y0 < flat.y1;
    return flat;
}

/// By what is seen of a Gaussian in one tile, or in all: middle, conic, opacity, colour.
template <class T>
struct Towards {
    std::array<T, 2> middle{};
    std::array<T, 3> conic{};
    T opacity = 0;
    std::array<T, 3> colour{};
};

/// The Gaussians that touch each tile, the nearest first. Pair p of Gaussian g, in the order of its tiles, has number
/// first_pair[g] + p, so that what tiles find out about it can be added up in one order.
struct Pairs {
    struct Entry {
        std::int32_t splat;
        std::int64_t pair;
    };
    std::int64_t columns = 0, rows = 0;
    std::vector<std::vector<Entry>> tiles;
    std::vector<std::int64_t> first_pair;
};

template <class T>
Pairs pairs_of(const std::vector<Flat<T>>& flats, const SplatOptions& options) {
    std::vector<std::int32_t> order;
    for (std::size_t i = 0; i < flats.size(); ++i)
        if (flats[i].visible) order.push_back(static_cast<std::int32_t>(i));
    const auto depth = [&](std::int32_t i) { return flats[static_cast<std::size_t>(i)].at[2]; };
    std::ranges::stable_sort(order, {}, depth);
    Pairs pairs;
    pairs.columns = (options.width + tile - 1) / tile;
    pairs.rows = (options.height + tile - 1) / tile;
    pairs.tiles.resize(static_cast<std::size_t>(pairs.columns * pairs.rows));
    pairs.first_pair.assign(flats.size() + 1, 0);
    const auto range = [](const Flat<T>& f) {
        return std::array<std::int64_t, 4>{f.x0 / tile, (f.x1 - 1) / tile, f.y0 / tile, (f.y1 - 1) / tile};
    };
    for (std::size_t i = 0; i < flats.size(); ++i) {
        std::int64_t count = 0;
        if (flats[i].visible) {
            const auto [x0, x1, y0, y1] = range(flats[i]);
            count = (x1 - x0 + 1) * (y1 - y0 + 1);
        }
        pairs.first_pair[i + 1] = pairs.first_pair[i] + count;
    }
    for (const auto i : order) {
        const auto [x0, x1, y0, y1] = range(flats[static_cast<std::size_t>(i)]);
        auto pair = pairs.first_pair[static_cast<std::size_t>(i)];
        for (auto y = y0; y <= y1; ++y)
            for (auto x = x0; x <= x1; ++x)
                pairs.tiles[static_cast<std::size_t>(y * pairs.columns + x)].push_back({i, pair++});
    }
    return pairs;
}

/// One number for each pixel of a tile.
template <class T>
using Pixels = std::array<T, tile * tile>;

template <class T>
constexpr T opaque = static_cast<T>(1e-5);  // what is behind it is left out

/// Calls act(pixel in the tile, dx, dy, exp(-q / 2), how much of it is covered, whether that is the densest) for the
/// pixels of a tile that a Gaussian touches and that are not yet opaque.
template <class T, class Act>
void cover(const Flat<T>& flat, std::int64_t left, std::int64_t top, const SplatOptions& options, const Pixels<T>& open,
           const Act& act) {
    const auto x0 = std::max<std::int64_t>(flat.x0, left), x1 = std::min<std::int64_t>(flat.x1, left + tile);
    const auto y0 = std::max<std::int64_t>(flat.y0, top), y1 = std::min<std::int64_t>(flat.y1, top + tile);
    const auto faintest = static_cast<T>(options.faintest), densest = static_cast<T>(options.densest);
    const auto reach = 2 * std::log(flat.opacity / faintest);
    const auto [a, b, c] = flat.conic;
    for (auto y = y0; y < y1; ++y) {
        const auto dy = static_cast<T>(y) + T{0.5} - flat.middle[1];
        for (auto x = x0; x < x1; ++x) {
            const auto place = static_cast<std::size_t>((y - top) * tile + x - left);
            if (open[place] < opaque<T>) continue;
            const auto dx = static_cast<T>(x) + T{0.5} - flat.middle[0];
            const auto q = a * dx * dx + 2 * b * dx * dy + c * dy * dy;
            if (!(q < reach)) continue;
            const auto fall = std::exp(-q / 2), alpha = flat.opacity * fall;
            act(place, dx, dy, fall, std::min(alpha, densest), alpha > densest);
        }
    }
}

template <class T>
class Painter {
  public:
    Painter(const SplatTensors& splats, const View<T>& view, const SplatOptions& options)
        : view_(view),
          options_(options),
          position_(splats.position.const_data_ptr<T>()),
          log_scale_(splats.log_scale.const_data_ptr<T>()),
          rotation_(splats.rotation.const_data_ptr<T>()),
          opacity_(splats.opacity.const_data_ptr<T>()),
          colour_(splats.colour.const_data_ptr<T>()),
          flats_(static_cast<std::size_t>(splats.count())) {
        for (std::size_t c = 0; c < 3; ++c) background_[c] = static_cast<T>(options.background[c]);
        cameo::parallel_for(0, splats.count(), grain, [&](std::int64_t first, std::int64_t last) {
            for (auto i = first; i < last; ++i)
                flats_[static_cast<std::size_t>(i)] = flatten(source(i), view_, options_);
        });
        pairs_ = pairs_of(flats_, options_);
    }

    /// Writes [3, H, W].
    void paint(T* image) const {
        for_tiles([&](std::int64_t left, std::int64_t top, const std::vector<Pairs::Entry>& entries) {
            Pixels<T> open;
            std::array<std::array<T, 3>, tile * tile> colour{};
            open.fill(1);
            for (const auto& entry : entries) {
                const auto* const own = colour_ + 3 * entry.splat;
                cover(flat(entry), left, top, options_, open, [&](std::size_t i, T, T, T, T alpha, bool) {
                    for (std::size_t c = 0; c < 3; ++c) colour[i][c] += open[i] * alpha * own[c];
                    open[i] *= 1 - alpha;
                });
            }
            for_pixels(left, top, [&](std::size_t i, std::int64_t pixel) {
                for (std::size_t c = 0; c < 3; ++c)
                    image[static_cast<std::int64_t>(c) * area() + pixel] = colour[i][c] + open[i] * background_[c];
            });
        });
    }

    /// Adds the gradients of one picture [3, H, W], which is `image`, to those by the Gaussians.
    void backward(const T* image, const T* by, T* position, T* log_scale, T* rotation, T* opacity, T* colour) const {
        std::vector<Towards<T>> found(static_cast<std::size_t>(pairs_.first_pair.back()));
        for_tiles([&](std::int64_t left, std::int64_t top, const std::vector<Pairs::Entry>& entries) {
            Pixels<T> open;
            std::array<std::array<T, 3>, tile * tile> behind{}, towards{};  // all that is not yet painted; by the pixel
            open.fill(1);
            for_pixels(left, top, [&](std::size_t i, std::int64_t pixel) {
                for (std::size_t c = 0; c < 3; ++c) {
                    behind[i][c] = image[static_cast<std::int64_t>(c) * area() + pixel];
                    towards[i][c] = by[static_cast<std::int64_t>(c) * area() + pixel];
                }
            });
            for (const auto& entry : entries) {
                const auto* const own = colour_ + 3 * entry.splat;
                const auto& [a, b, c] = flat(entry).conic;
                const auto all = flat(entry).opacity;
                auto& sum = found[static_cast<std::size_t>(entry.pair)];
                cover(flat(entry), left, top, options_, open,
                      [&](std::size_t i, T dx, T dy, T fall, T alpha, bool is_densest) {
                          T by_alpha = 0;
                          for (std::size_t k = 0; k < 3; ++k) {
                              behind[i][k] -= open[i] * alpha * own[k];
                              by_alpha += towards[i][k] * (open[i] * own[k] - behind[i][k] / (1 - alpha));
                              sum.colour[k] += towards[i][k] * open[i] * alpha;
                          }
                          open[i] *= 1 - alpha;
                          if (is_densest) return;
                          sum.opacity += by_alpha * fall;
                          const auto by_q = by_alpha * all * fall * T{-0.5};
                          sum.conic[0] += by_q * dx * dx;
                          sum.conic[1] += by_q * 2 * dx * dy;
                          sum.conic[2] += by_q * dy * dy;
                          sum.middle[0] -= by_q * 2 * (a * dx + b * dy);
                          sum.middle[1] -= by_q * 2 * (b * dx + c * dy);
                      });
            }
        });
        cameo::parallel_for(
            0, static_cast<std::int64_t>(flats_.size()), grain, [&](std::int64_t first, std::int64_t last) {
                for (auto i = first; i < last; ++i) {
                    const auto n = static_cast<std::size_t>(i);
                    if (!flats_[n].visible) continue;
                    Towards<T> sum;
                    for (auto p = pairs_.first_pair[n]; p < pairs_.first_pair[n + 1]; ++p)
                        add(found[static_cast<std::size_t>(p)], sum);
                    for (std::size_t k = 0; k < 3; ++k) colour[3 * i + static_cast<std::int64_t>(k)] += sum.colour[k];
                    opacity[i] += sum.opacity * flats_[n].opacity * (1 - flats_[n].opacity);
                    unflatten(flats_[n], source(i), sum, position + 3 * i, log_scale + 3 * i, rotation + 4 * i);
                }
            });
    }

  private:
    [[nodiscard]] Source<T> source(std::int64_t i) const {
        return {position_ + 3 * i, log_scale_ + 3 * i, rotation_ + 4 * i, opacity_[i]};
    }
    [[nodiscard]] const Flat<T>& flat(const Pairs::Entry& entry) const {
        return flats_[static_cast<std::size_t>(entry.splat)];
    }
    [[nodiscard]] std::int64_t area() const { return options_.width * options_.height; }

    template <class Body>
    void for_tiles(const Body& body) const {
        cameo::parallel_for(0, pairs_.columns * pairs_.rows, 1, [&](std::int64_t first, std::int64_t last) {
            for (auto t = first; t < last; ++t)
                body(t % pairs_.columns * tile, t / pairs_.columns * tile, pairs_.tiles[static_cast<std::size_t>(t)]);
        });
    }

    template <class Body>
    void for_pixels(std::int64_t left, std::int64_t top, const Body& body) const {
        for (auto y = top; y < std::min(top + tile, options_.height); ++y)
            for (auto x = left; x < std::min(left + tile, options_.width); ++x)
                body(static_cast<std::size_t>((y - top) * tile + x - left), y * options_.width + x);
    }

    static void add(const Towards<T>& from, Towards<T>& to) {
        for (std::size_t i = 0; i < 2; ++i) to.middle[i] += from.middle[i];
        for (std::size_t i = 0; i < 3; ++i) to.conic[i] += from.conic[i];
        to.opacity += from.opacity;
        for (std::size_t i = 0; i < 3; ++i) to.colour[i] += from.colour[i];
    }

    /// flatten() backwards.
    void unflatten(const Flat<T>& flat, const Source<T>& from, const Towards<T>& by, T* position, T* log_scale,
                   T* rotation) const {
        const auto& r = view_.rotation;
        // The conic is the inverse of the spread: d spread = -conic (d conic) conic.
        const auto [qa, qb, qc] = flat.conic;
        const std::array<T, 4> q{qa, qb, qb, qc};
        const std::array<T, 4> g{by.conic[0], by.conic[1] / 2, by.conic[1] / 2, by.conic[2]};
        std::array<T, 4> spread{};
        for (std::size_t i = 0; i < 2; ++i)
            for (std::size_t j = 0; j < 2; ++j)
                for (std::size_t k = 0; k < 2; ++k)
                    for (std::size_t l = 0; l < 2; ++l) spread[2 * i + j] -= q[2 * i + k] * g[2 * k + l] * q[2 * l + j];
        std::array<T, 6> by_across{};
        for (std::size_t i = 0; i < 2; ++i)
            for (std::size_t c = 0; c < 3; ++c)
                for (std::size_t k = 0; k < 2; ++k)
                    by_across[3 * i + c] += 2 * spread[2 * i + k] * flat.across[3 * k + c];
        std::array<T, 4> unit;
        T length;
        const auto own = matrix_of(from.rotation, unit, length);
        std::array<T, 6> by_project{};
        std::array<T, 9> by_own{};
        for (std::size_t c = 0; c < 3; ++c) {
            const auto scale = std::exp(from.log_scale[c]);
            T by_scale = 0;
            for (std::size_t i = 0; i < 3; ++i) {
                T sum = 0;
                for (std::size_t row = 0; row < 2; ++row) {
                    sum += flat.project[3 * row + i] * by_across[3 * row + c];
                    by_project[3 * row + i] += by_across[3 * row + c] * own[3 * i + c] * scale;
                }
                by_own[3 * i + c] = sum * scale;
                by_scale += sum * own[3 * i + c];
            }
            log_scale[c] += by_scale * scale;
        }
        const auto [w, x, y, z] = unit;
        const auto& m = by_own;
        const std::array<T, 4> by_unit{
            2 * (-z * m[1] + y * m[2] + z * m[3] - x * m[5] - y * m[6] + x * m[7]),
            2 * (y * m[1] + z * m[2] + y * m[3] - 2 * x * m[4] - w * m[5] + z * m[6] + w * m[7] - 2 * x * m[8]),
            2 * (-2 * y * m[0] + x * m[1] + w * m[2] + x * m[3] + z * m[5] - w * m[6] + z * m[7] - 2 * y * m[8]),
            2 * (-2 * z * m[0] - w * m[1] + x * m[2] + w * m[3] - 2 * z * m[4] + y * m[5] + x * m[6] + y * m[7])};
        T along = 0;
        for (std::size_t i = 0; i < 4; ++i) along += unit[i] * by_unit[i];
        for (std::size_t i = 0; i < 4; ++i) rotation[i] += (by_unit[i] - unit[i] * along) / length;

        // project = J R, and the middle.
        std::array<T, 6> by_j{};
        for (std::size_t row = 0; row < 2; ++row)
            for (std::size_t i = 0; i < 3; ++i)
                for (std::size_t c = 0; c < 3; ++c) by_j[3 * row + i] += by_project[3 * row + c] * r[3 * i + c];
        const auto [px, py, pz] = flat.at;
        const auto sx = view_.fx * px + view_.skew * py, zz = pz * pz;
        const auto by_sx = by.middle[0] / pz - by_j[2] / zz;
        std::array<T, 3> by_at{by_sx * view_.fx, by_sx * view_.skew + (by.middle[1] / pz - by_j[5] / zz) * view_.fy,
                               -(by.middle[0] * sx + by.middle[1] * view_.fy * py) / zz -
                                   (by_j[0] * view_.fx + by_j[1] * view_.skew + by_j[4] * view_.fy) / zz +
                                   2 * (by_j[2] * sx + by_j[5] * view_.fy * py) / (zz * pz)};
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t i = 0; i < 3; ++i) position[c] += r[3 * i + c] * by_at[i];
    }

    View<T> view_;
    SplatOptions options_;
    const T *position_, *log_scale_, *rotation_, *opacity_, *colour_;
    std::array<T, 3> background_{};
    std::vector<Flat<T>> flats_;
    Pairs pairs_;
};

SplatTensors plain(const SplatTensors& splats) {
    const auto of = [](const at::Tensor& t) { return t.detach().contiguous(); };
    return {of(splats.position), of(splats.log_scale), of(splats.rotation), of(splats.opacity), of(splats.colour)};
}

template <class T>
at::Tensor painted(const SplatTensors& splats, const Cameras& cameras, const SplatOptions& options,
                   const Context& context) {
    auto images = at::empty({cameras.size(), 3, options.height, options.width}, splats.position.options());
    for (std::int64_t n = 0; n < cameras.size(); ++n) {
        context.check_cancelled();
        const Painter<T> painter(splats, view_of<T>(cameras.world_from_camera[n], cameras.intrinsics[n], options),
                                 options);
        painter.paint(images[n].template data_ptr<T>());
    }
    return images;
}

at::Tensor painted(const SplatTensors& splats, const Cameras& cameras, const SplatOptions& options,
                   const Context& context) {
    return splats.position.scalar_type() == at::kDouble ? painted<double>(splats, cameras, options, context)
                                                        : painted<float>(splats, cameras, options, context);
}

template <class T>
SplatTensors gradients(const SplatTensors& splats, const Cameras& cameras, const SplatOptions& options,
                       const at::Tensor& images, const at::Tensor& by) {
    const auto zeros = [](const at::Tensor& t) { return at::zeros(t.sizes(), t.options()); };
    SplatTensors sums{zeros(splats.position), zeros(splats.log_scale), zeros(splats.rotation), zeros(splats.opacity),
                      zeros(splats.colour)};
    for (std::int64_t n = 0; n < cameras.size(); ++n) {
        const Painter<T> painter(splats, view_of<T>(cameras.world_from_camera[n], cameras.intrinsics[n], options),
                                 options);
        painter.backward(images[n].template const_data_ptr<T>(), by[n].template const_data_ptr<T>(),
                         sums.position.template data_ptr<T>(), sums.log_scale.template data_ptr<T>(),
                         sums.rotation.template data_ptr<T>(), sums.opacity.template data_ptr<T>(),
                         sums.colour.template data_ptr<T>());
    }
    return sums;
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Splatting : torch::autograd::Function<Splatting> {
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& position, const at::Tensor& log_scale,
                              const at::Tensor& rotation, const at::Tensor& opacity, const at::Tensor& colour,
                              const Cameras& cameras, const SplatOptions& options, const Context& context) {
        const auto splats = plain({position, log_scale, rotation, opacity, colour});
        const auto images = painted(splats, cameras, options, context);
        ctx->save_for_backward({splats.position, splats.log_scale, splats.rotation, splats.opacity, splats.colour,
                                cameras.world_from_camera, cameras.intrinsics, images});
        ctx->saved_data["size"] = std::vector<std::int64_t>{options.width, options.height};
        ctx->saved_data["numbers"] =
            std::vector<double>{options.background[0], options.background[1], options.background[2],
                                options.blur,          options.faintest,      options.densest};
        return images;
    }

    static variable_list backward(AutogradContext* ctx, const variable_list& by) {
        if (c10::GradMode::is_enabled())
            throw Error(Errc::invalid_argument, "splat: expected first derivatives to be asked for, got second ones");
        const auto saved = ctx->get_saved_variables();
        const auto size = ctx->saved_data["size"].toIntVector();
        const auto numbers = ctx->saved_data["numbers"].toDoubleVector();
        const SplatOptions options{.width = size[0],
                                   .height = size[1],
                                   .background = {numbers[0], numbers[1], numbers[2]},
                                   .blur = numbers[3],
                                   .faintest = numbers[4],
                                   .densest = numbers[5]};
        const SplatTensors splats{saved[0], saved[1], saved[2], saved[3], saved[4]};
        const Cameras cameras{saved[5], saved[6]};
        const auto towards = by[0].contiguous();
        const auto g = splats.position.scalar_type() == at::kDouble
                           ? gradients<double>(splats, cameras, options, saved[7], towards)
                           : gradients<float>(splats, cameras, options, saved[7], towards);
        return {g.position, g.log_scale, g.rotation, g.opacity, g.colour, {}, {}, {}};
    }
};

void check_arguments(const SplatTensors& splats, const Cameras& cameras, const SplatOptions& options) {
    check(cameras);
    ShapeCheck()
        .expect("position", splats.position, "[G, 3]")
        .expect("log_scale", splats.log_scale, "[G, 3]")
        .expect("rotation", splats.rotation, "[G, 4]")
        .expect("opacity", splats.opacity, "[G]")
        .expect("colour", splats.colour, "[G, 3]");
    if (splats.position.scalar_type() != at::kFloat && splats.position.scalar_type() != at::kDouble)
        throw Error(Errc::invalid_argument, std::string("position: expected float32 or float64, got ") +
                                                c10::toString(splats.position.scalar_type()));
    if (!splats.position.device().is_cpu() || !cameras.world_from_camera.device().is_cpu())
        throw Error(Errc::device_unsupported, "splat: expected tensors on the CPU, got others");
    check_alike("log_scale", splats.log_scale, "position", splats.position);
    check_alike("rotation", splats.rotation, "position", splats.position);
    check_alike("opacity", splats.opacity, "position", splats.position);
    check_alike("colour", splats.colour, "position", splats.position);
    for (const auto side : {options.width, options.height})
        if (side < 1 || side > 16384)
            throw Error(Errc::invalid_argument, "splat: expected sides of 1 to 16384, got " + std::to_string(side));
    if (!(options.blur >= 0.0) || !(options.faintest > 0.0 && options.faintest < 1.0) ||
        !(options.densest > 0.0 && options.densest < 1.0))
        throw Error(Errc::invalid_argument,
                    "splat: expected a blur of at least 0, faintest and densest between 0 and 1, got others");
}

}  // namespace

at::Tensor splat(const SplatTensors& splats, const Cameras& cameras, const SplatOptions& options,
                 const Context& context) {
    check_arguments(splats, cameras, options);
    const auto needs = [](const at::Tensor& t) { return t.requires_grad(); };
    if (!c10::GradMode::is_enabled() || !(needs(splats.position) || needs(splats.log_scale) || needs(splats.rotation) ||
                                          needs(splats.opacity) || needs(splats.colour)))
        return painted(plain(splats), cameras, options, context);
    return Splatting::apply(splats.position, splats.log_scale, splats.rotation, splats.opacity, splats.colour, cameras,
                            options, context);
}

}  // namespace cameo::ops
