// SPDX-License-Identifier: Apache-2.0
#include <cameo/shape/uv_atlas.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <cameo/core/error.hpp>

#include "shape/texel_triangle.hpp"

namespace cameo {
namespace {

using Point = std::array<double, 3>;
using Flat = std::array<double, 2>;

constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
constexpr double facing = 0.45;       // cosine that a chart's triangles have at least to its direction
constexpr double first_facing = 0.8;  // of those whose mean is that direction

double dot(const Point& a, const Point& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
Point cross(const Point& a, const Point& b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
Point unit(const Point& a) {
    const auto length = std::sqrt(dot(a, a));
    return length > 0 ? Point{a[0] / length, a[1] / length, a[2] / length} : Point{0, 0, 1};
}

/// Triangles across the three edges, or none.
std::vector<std::array<std::uint32_t, 3>> neighbours_of(const Mesh& mesh) {
    std::vector<std::array<std::uint32_t, 3>> neighbours(mesh.triangles.size(), {none, none, none});
    std::unordered_map<std::uint64_t, std::pair<std::uint32_t, int>> open;
    open.reserve(mesh.triangles.size() * 2);
    for (std::uint32_t t = 0; t < mesh.triangles.size(); ++t)
        for (int edge = 0; edge < 3; ++edge) {
            const auto from = mesh.triangles[t][static_cast<std::size_t>(edge)];
            const auto to = mesh.triangles[t][static_cast<std::size_t>((edge + 1) % 3)];
            const auto key = std::uint64_t{std::min(from, to)} << 32 | std::max(from, to);
            if (const auto found = open.find(key); found != open.end()) {
                neighbours[t][static_cast<std::size_t>(edge)] = found->second.first;
                neighbours[found->second.first][static_cast<std::size_t>(found->second.second)] = t;
                open.erase(found);
            } else {
                open.emplace(key, std::pair{t, edge});
            }
        }
    return neighbours;
}

/// A direction to look along, and what is right and down in that picture; upright where it can be.
struct Frame {
    Point right, down;

    explicit Frame(const Point& direction) {
        const Point up = std::abs(direction[1]) > 0.9 ? Point{0, 0, -1} : Point{0, 1, 0};
        right = unit(cross(up, direction));
        down = cross(right, direction);
    }
    /// In texels, moved by whole ones, so that middles stay middles.
    [[nodiscard]] Flat operator()(const std::array<float, 3>& p, double scale) const {
        const Point point{p[0], p[1], p[2]};
        return {dot(right, point) * scale - offset[0], dot(down, point) * scale - offset[1]};
    }
    Flat offset{};
};

struct Chart {
    std::vector<std::uint32_t> triangles;
    Frame frame;
    std::array<std::int64_t, 2> origin{}, size{};  // texels, without gutter
    std::array<std::int64_t, 2> place{};           // of the first texel in the texture
};

class Charts {
  public:
    Charts(const Mesh& mesh, std::int64_t most) : mesh_(mesh), most_(most), neighbours_(neighbours_of(mesh)) {
        for (const auto& [a, b, c] : mesh.triangles) {
            const auto edge = [&](std::uint32_t to) {
                Point between{};
                for (std::size_t i = 0; i < 3; ++i)
                    between[i] = static_cast<double>(mesh.positions[to][i]) - static_cast<double>(mesh.positions[a][i]);
                return between;
            };
            auto normal = cross(edge(b), edge(c));
            area_ += std::sqrt(dot(normal, normal)) / 2;
            normals_.push_back(unit(normal));
        }
        // What faces forward first, so that a face is one chart.
        seeds_.resize(mesh.triangles.size());
        std::iota(seeds_.begin(), seeds_.end(), 0U);
        std::ranges::stable_sort(seeds_, std::ranges::greater{}, [&](std::uint32_t t) { return normals_[t][2]; });
    }

    [[nodiscard]] double area() const { return area_; }

    /// All charts at `scale` texels per world unit; none where one alone does not fit.
    [[nodiscard]] std::vector<Chart> at(double scale) {
        side_ = 2 * most_ + 4;  // a chart that fits, whichever way it grows from its seed
        taken_.assign(static_cast<std::size_t>(side_ * side_), none);
        chart_of_.assign(mesh_.triangles.size(), none);
        std::vector<Chart> charts;
        std::vector<std::uint32_t> mark(mesh_.triangles.size(), none);
        for (const auto seed : seeds_) {
            if (chart_of_[seed] != none) continue;
            auto chart = grown(seed, direction_from(seed, mark), scale, static_cast<std::uint32_t>(charts.size()));
            measure(chart, scale);
            if (chart.size[0] > most_ || chart.size[1] > most_) return {};
            charts.push_back(std::move(chart));
        }
        return charts;
    }

  private:
    /// The mean direction of what hangs together with a triangle and faces nearly its way.
    Point direction_from(std::uint32_t seed, std::vector<std::uint32_t>& mark) {
        Point sum{};
        std::vector<std::uint32_t> queue{seed};
        mark[seed] = seed;
        for (std::size_t i = 0; i < queue.size() && i < 4096; ++i) {
            const auto t = queue[i];
            for (std::size_t c = 0; c < 3; ++c) sum[c] += normals_[t][c];
            for (const auto next : neighbours_[t])
                if (next != none && chart_of_[next] == none && mark[next] != seed &&
                    dot(normals_[next], normals_[seed]) > first_facing) {
                    mark[next] = seed;
                    queue.push_back(next);
                }
        }
        return unit(sum);
    }

    Chart grown(std::uint32_t seed, const Point& direction, double scale, std::uint32_t number) {
        Chart chart{{}, Frame(direction)};
        const auto middle = chart.frame(mesh_.positions[mesh_.triangles[seed][0]], scale);
        for (std::size_t i = 0; i < 2; ++i)
            chart.frame.offset[i] = std::floor(middle[i]) - static_cast<double>(side_ / 2);
        std::vector<std::uint32_t> queue{seed};
        for (std::size_t i = 0; i < queue.size(); ++i) {
            const auto t = queue[i];
            if (chart_of_[t] != none) continue;
            // The seed is always taken, so that every triangle ends in a chart.
            if (t != seed && (dot(normals_[t], direction) < facing || !free(t, chart.frame, scale, number))) continue;
            take(t, chart.frame, scale, number);
            chart_of_[t] = number;
            chart.triangles.push_back(t);
            for (const auto next : neighbours_[t])
                if (next != none && chart_of_[next] == none) queue.push_back(next);
        }
        return chart;
    }

    /// Calls act for each texel of the work sheet whose middle lies in the triangle.
    template <class Act>
    void for_texels(std::uint32_t t, const Frame& frame, double scale, const Act& act) {
        std::array<Flat, 3> corners;
        for (std::size_t i = 0; i < 3; ++i) {
            corners[i] = frame(mesh_.positions[mesh_.triangles[t][i]], scale);
        }
        for_texels_in(corners, mesh_.triangles[t], side_, [&](std::int64_t x, std::int64_t y, const auto&) {
            return act(taken_[static_cast<std::size_t>(y * side_ + x)]);
        });
    }
    bool free(std::uint32_t t, const Frame& frame, double scale, std::uint32_t number) {
        bool all = true;
        for (const auto vertex : mesh_.triangles[t])
            for (const auto c : frame(mesh_.positions[vertex], scale))
                if (!(c > 0 && c < static_cast<double>(side_))) return false;
        for_texels(t, frame, scale, [&](std::uint32_t owner) { return all = owner != number; });
        return all;
    }
    void take(std::uint32_t t, const Frame& frame, double scale, std::uint32_t number) {
        for_texels(t, frame, scale, [&](std::uint32_t& owner) {
            owner = number;
            return true;
        });
    }

    void measure(Chart& chart, double scale) const {
        Flat low{1e300, 1e300}, high{-1e300, -1e300};
        for (const auto t : chart.triangles)
            for (const auto vertex : mesh_.triangles[t]) {
                const auto p = chart.frame(mesh_.positions[vertex], scale);
                for (std::size_t i = 0; i < 2; ++i) {
                    low[i] = std::min(low[i], p[i]);
                    high[i] = std::max(high[i], p[i]);
                }
            }
        for (std::size_t i = 0; i < 2; ++i) {
            chart.origin[i] = static_cast<std::int64_t>(std::floor(low[i]));
            chart.size[i] = static_cast<std::int64_t>(std::floor(high[i])) + 1 - chart.origin[i];
        }
    }

    const Mesh& mesh_;
    std::int64_t most_, side_ = 0;
    double area_ = 0;
    std::vector<Point> normals_;
    std::vector<std::array<std::uint32_t, 3>> neighbours_;
    std::vector<std::uint32_t> seeds_, taken_, chart_of_;
};

/// Puts charts on shelves, the highest first. Returns whether they fit.
bool packed(std::vector<Chart>& charts, std::int64_t size, std::int64_t gutter) {
    std::vector<Chart*> order;
    for (auto& chart : charts) order.push_back(&chart);
    std::ranges::stable_sort(order, std::ranges::greater{}, [](const Chart* c) { return c->size[1]; });
    std::int64_t x = gutter, y = gutter, shelf = 0;
    for (auto* chart : order) {
        if (x + chart->size[0] + gutter > size) {
            x = gutter;
            y += shelf + gutter;
            shelf = 0;
        }
        if (chart->size[0] + 2 * gutter > size || y + chart->size[1] + gutter > size) return false;
        chart->place = {x, y};
        x += chart->size[0] + gutter;
        shelf = std::max(shelf, chart->size[1]);
    }
    return true;
}

}  // namespace

Mesh with_atlas(const Mesh& mesh, const AtlasOptions& options, const Context& context) {
    check(mesh);
    const auto refuse = [](const std::string& expected, const std::string& got) {
        throw Error(Errc::invalid_argument, "texture atlas: expected " + expected + ", got " + got);
    };
    if (mesh.triangles.empty()) refuse("triangles", "none");
    if (options.size < 32 || options.size > 8192) refuse("a size of 32 to 8192", std::to_string(options.size));
    if (options.gutter < 1 || options.gutter > options.size / 16)
        refuse("a gutter of 1 to " + std::to_string(options.size / 16), std::to_string(options.gutter));

    Charts growing(mesh, options.size - 2 * options.gutter);
    if (!(growing.area() > 0)) refuse("triangles with an area", "none");
    const auto side = static_cast<double>(options.size);
    auto scale = std::sqrt(0.9 / growing.area()) * side;
    const auto least = scale / 64;
    std::vector<Chart> charts;
    for (;; scale *= 0.95) {
        context.report("texture atlas", static_cast<std::int64_t>(0), 1);
        charts = growing.at(scale);
        if (!charts.empty() && packed(charts, options.size, options.gutter)) break;
        if (scale < least)
            refuse("a texture with room for all charts", std::to_string(options.size) + " texels a side");
    }

    Mesh out;
    out.metres_per_unit = mesh.metres_per_unit;
    out.triangles.resize(mesh.triangles.size());
    std::vector<std::uint32_t> made(mesh.positions.size(), none), chart_of(mesh.positions.size(), none);
    for (std::uint32_t n = 0; n < charts.size(); ++n) {
        const auto& chart = charts[n];
        for (const auto t : chart.triangles)
            for (std::size_t corner = 0; corner < 3; ++corner) {
                const auto vertex = mesh.triangles[t][corner];
                if (chart_of[vertex] != n) {
                    chart_of[vertex] = n;
                    made[vertex] = static_cast<std::uint32_t>(out.positions.size());
                    out.positions.push_back(mesh.positions[vertex]);
                    if (!mesh.normals.empty()) out.normals.push_back(mesh.normals[vertex]);
                    if (!mesh.colours.empty()) out.colours.push_back(mesh.colours[vertex]);
                    const auto flat = chart.frame(mesh.positions[vertex], scale);
                    std::array<float, 2> uv{};
                    for (std::size_t i = 0; i < 2; ++i)
                        uv[i] = static_cast<float>(
                            (flat[i] - static_cast<double>(chart.origin[i]) + static_cast<double>(chart.place[i])) /
                            side);
                    out.uv.push_back(uv);
                }
                out.triangles[t][corner] = made[vertex];
            }
    }
    context.report("texture atlas", 1, 1);
    return out;
}

}  // namespace cameo
