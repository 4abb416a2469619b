// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <vector>

#include <cameo/core/camera.hpp>
#include <cameo/core/labels.hpp>
#include <cameo/core/parallel.hpp>

#include "tracer.hpp"

namespace cameo::synth {

/// Light that arrives at a point: what is costly to know and changes slowly.
struct Lighting {
    float open = 1.0F;  ///< share of the surroundings that the point sees
    float lit = 1.0F;   ///< share of the key light
};

/// What one ray saw.
struct Seen {
    Hit hit;
    Lighting lighting;
    Vec3 colour{};  ///< sRGB-encoded
    FaceLabel label = FaceLabel::background;
};

struct Pixel {
    Seen centre;
    Vec3 colour{};
    float opacity = 0.0F;
};

/// Renders any scene with surface(p), normal(p, part), quick_normal(p, part), lighting(hit), shade(hit, lighting, direction, footprint, label).
/// One ray per pixel's centre, then samples^2 of them where neighbours differ; of those only the corners where they agree.
template <class Scene>
[[nodiscard]] std::vector<Pixel> raster(const Scene& scene, const Camera& camera, std::int64_t size, int samples,
                                        Vec3 background) {
    constexpr std::int64_t block = 8;
    const auto blocks = (size + block - 1) / block;
    const float footprint_at_one = static_cast<float>(1.0 / (camera.intrinsics[0] * static_cast<double>(size)));
    const auto as_float = [](const Vector3& v) {
        return Vec3{static_cast<float>(v[0]), static_cast<float>(v[1]), static_cast<float>(v[2])};
    };
    // Places are counted in pixels from the picture's middle and rounded to a fine grid about it: the rays of a
    // mirrored picture are then mirrored to the last bit.
    const double half_size = 0.5 * static_cast<double>(size);
    const auto place = [&](double from_middle) {
        constexpr double grid = 1099511627776.0;  // 2^40
        return 0.5 + std::nearbyint(from_middle / static_cast<double>(size) * grid) / grid;
    };
    const auto ray = [&](double x, double y) {
        const Ray r = pixel_ray(camera, place(x), place(y));
        return std::pair{as_float(r.origin), as_float(r.direction)};
    };
    const auto see = [&](double x, double y, float from, const Seen* like) {
        Seen seen;
        const auto [origin, direction] = ray(x, y);
        seen.hit = trace(scene, origin, direction, from, like != nullptr);
        seen.colour = background;
        if (!seen.hit) return seen;
        const bool alike = like && like->hit.part == seen.hit.part &&
                           std::abs(like->hit.distance - seen.hit.distance) < 0.02F &&
                           dot(like->hit.normal, seen.hit.normal) > 0.7F;
        seen.lighting = alike ? like->lighting : scene.lighting(seen.hit);
        seen.colour = scene.shade(seen.hit, seen.lighting, direction, footprint_at_one * seen.hit.distance, seen.label);
        return seen;
    };

    std::vector<Pixel> pixels(static_cast<std::size_t>(size * size));
    std::vector<float> starts(static_cast<std::size_t>(blocks * blocks));
    const auto at = [&](std::int64_t x, std::int64_t y) -> Pixel& {
        return pixels[static_cast<std::size_t>(y * size + x)];
    };
    const auto start = [&](std::int64_t x, std::int64_t y) -> float& {
        return starts[static_cast<std::size_t>((y / block) * blocks + x / block)];
    };

    parallel_for(0, blocks * blocks, 1, [&](std::int64_t first, std::int64_t last) {
        for (auto index = first; index < last; ++index) {
            const auto x0 = (index % blocks) * block, y0 = (index / blocks) * block;
            const auto x1 = std::min(x0 + block, size), y1 = std::min(y0 + block, size);
            const double cx = 0.5 * static_cast<double>(x0 + x1) - half_size,
                         cy = 0.5 * static_cast<double>(y0 + y1) - half_size;
            const auto [origin, direction] = ray(cx, cy);
            float spread = 0.0F;
            for (const auto x : {x0, x1})
                for (const auto y : {y0, y1})
                    spread = std::max(
                        spread,
                        length(ray(static_cast<double>(x) - half_size, static_cast<double>(y) - half_size).second -
                               direction));
            const float from = free_stretch(scene, origin, direction, spread);
            start(x0, y0) = from;
            for (auto y = y0; y < y1; ++y)
                for (auto x = x0; x < x1; ++x) {
                    Pixel& pixel = at(x, y);
                    pixel.centre = from > 1e8F ? Seen{{}, {}, background, FaceLabel::background}
                                               : see(static_cast<double>(x) + 0.5 - half_size,
                                                     static_cast<double>(y) + 0.5 - half_size, from, nullptr);
                    pixel.colour = pixel.centre.colour;
                    pixel.opacity = pixel.centre.hit ? 1.0F : 0.0F;
                }
        }
    });
    if (samples == 1) return pixels;

    const auto inner = [&](int i) { return 0.5 * static_cast<double>(2 * i + 1 - samples) / samples; };
    const auto differ = [&](const Seen& a, const Seen& b) {
        if (a.label != b.label || a.hit.part != b.hit.part) return true;
        if (!a.hit) return false;
        const float width = footprint_at_one * a.hit.distance;
        if (std::abs(a.hit.distance - b.hit.distance) > 0.012F + 2.0F * width) return true;
        const Vec3 c = a.colour - b.colour;
        return std::max(std::abs(c.x), std::max(std::abs(c.y), std::abs(c.z))) > 0.085F;
    };
    parallel_for(0, size, 1, [&](std::int64_t first, std::int64_t last) {
        for (auto y = first; y < last; ++y)
            for (std::int64_t x = 0; x < size; ++x) {
                Pixel& pixel = at(x, y);
                bool edge = false;
                float nearest = pixel.centre.hit ? pixel.centre.hit.distance : 1e9F;
                for (auto ny = std::max<std::int64_t>(y - 1, 0); ny <= std::min(y + 1, size - 1); ++ny)
                    for (auto nx = std::max<std::int64_t>(x - 1, 0); nx <= std::min(x + 1, size - 1); ++nx) {
                        const Seen& other = at(nx, ny).centre;
                        edge = edge || differ(pixel.centre, other);
                        if (other.hit) nearest = std::min(nearest, other.hit.distance);
                    }
                if (!edge) continue;
                const float width = footprint_at_one * nearest;
                const float first_hit = nearest - 0.03F - 2.0F * width;  // nothing nearer shows next door
                const float from = start(x, y) > 1e8F ? first_hit : std::max(start(x, y) - 0.5F * width, first_hit);
                std::array<Seen, 64> grid{};
                const auto sample = [&](int i, int j) -> Seen& {
                    Seen& seen = grid[static_cast<std::size_t>(j * samples + i)];
                    const bool middle = samples % 2 == 1 && i == samples / 2 && j == samples / 2;
                    seen = middle ? pixel.centre
                                  : see(static_cast<double>(x) + 0.5 - half_size + inner(i),
                                        static_cast<double>(y) + 0.5 - half_size + inner(j), from, &pixel.centre);
                    return seen;
                };
                // The corners first: where they are like the centre, so is what lies between.
                const int last_one = samples - 1;
                bool quiet = samples > 2;
                for (const int j : {0, last_one})
                    for (const int i : {0, last_one}) quiet = !differ(pixel.centre, sample(i, j)) && quiet;
                const auto colour = [&](int i, int j) {
                    return grid[static_cast<std::size_t>(j * samples + i)].colour;
                };
                if (quiet) {
                    const Vec3 above = colour(0, 0) + colour(last_one, 0),
                               below = colour(0, last_one) + colour(last_one, last_one);
                    pixel.colour = (above + below) * 0.1875F + pixel.centre.colour * 0.25F;
                    continue;
                }
                Vec3 sum{};
                int hits = 0;
                for (int j = 0; j < samples; ++j) {
                    for (int i = 0; i < samples; ++i) {
                        const bool corner = (i == 0 || i == last_one) && (j == 0 || j == last_one);
                        hits += (corner ? grid[static_cast<std::size_t>(j * samples + i)] : sample(i, j)).hit ? 1 : 0;
                    }
                    // From both ends to the middle: a mirrored row has the same sum, bit for bit.
                    for (int i = 0; i < samples / 2; ++i) sum = sum + (colour(i, j) + colour(last_one - i, j));
                    if (samples % 2 == 1) sum = sum + colour(samples / 2, j);
                }
                const float weight = 1.0F / static_cast<float>(samples * samples);
                pixel.colour = sum * weight;
                pixel.opacity = static_cast<float>(hits) * weight;
            }
    });
    return pixels;
}

}  // namespace cameo::synth
