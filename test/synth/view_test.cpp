// SPDX-License-Identifier: Apache-2.0
#include <cameo/synth/view.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <cameo/core/parallel.hpp>

#include "support/errors.hpp"

using namespace cameo;
using namespace cameo::synth;
using support::is_error;

namespace {

Camera camera_at(double yaw, double pitch) {
    return {orbit_degrees(yaw, pitch, ffhq_cameras.radius, ffhq_cameras.pivot),
            intrinsics_from_focal(ffhq_cameras.focal)};
}

/// Mean absolute difference in 8-bit levels.
double difference(const Image& a, const Image& b) {
    const auto x = a.values<std::uint8_t>(), y = b.values<std::uint8_t>();
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += std::abs(int{x[i]} - int{y[i]});
    return sum / static_cast<double>(x.size());
}

bool near_label(const HeadView& view, const ViewLandmark& mark, std::initializer_list<FaceLabel> labels,
                std::int64_t reach) {
    const auto size = view.labels.width();
    const auto cx = static_cast<std::int64_t>(mark.u * static_cast<double>(size)),
               cy = static_cast<std::int64_t>(mark.v * static_cast<double>(size));
    for (auto y = std::max<std::int64_t>(cy - reach, 0); y <= std::min(cy + reach, size - 1); ++y)
        for (auto x = std::max<std::int64_t>(cx - reach, 0); x <= std::min(cx + reach, size - 1); ++x)
            if (std::ranges::find(labels, view.labels.at(x, y)) != labels.end()) return true;
    return false;
}

std::uint64_t digest(std::span<const std::byte> bytes, std::uint64_t h = 0xcbf29ce484222325ULL) {
    for (const std::byte b : bytes) h = (h ^ static_cast<std::uint64_t>(b)) * 0x100000001b3ULL;
    return h;
}

std::uint64_t digest_of_some_view() {
    const HeadView v = view(Head(numbers_of_seed(900'020), {.glasses = true}), camera_at(17, -8), {.size = 40});
    auto h = digest(v.rgb.bytes());
    for (const Image* image : {&v.opacity, &v.depth, &v.depth_z, &v.normals}) h = digest(image->bytes(), h);
    return digest(std::as_bytes(v.labels.labels()), h);
}

}  // namespace

TEST_CASE("labels, depth, normals and opacity agree about where the head is", "[synth][view]") {
    const Camera camera = camera_at(-21, 9);
    const Head head(numbers_of_seed(900'001));
    const HeadView v = view(head, camera, {.size = 48});
    const auto depth = v.depth.values<float>(), z = v.depth_z.values<float>(), normals = v.normals.values<float>(),
               opacity = v.opacity.values<float>();
    int inside = 0;
    for (std::size_t i = 0; i < depth.size(); ++i) {
        const bool hit = depth[i] > 0;
        INFO("pixel " << i);
        CHECK((v.labels.labels()[i] != FaceLabel::background) == hit);
        CHECK((z[i] > 0) == hit);
        const double length = std::hypot(normals[3 * i], normals[3 * i + 1], normals[3 * i + 2]);
        CHECK(length == Approx(hit ? 1.0 : 0.0).margin(1e-4));
        if (hit) CHECK(opacity[i] > 0);
        if (!hit) continue;
        ++inside;
        const Ray ray =
            pixel_ray(camera, (static_cast<double>(i % 48) + 0.5) / 48, (static_cast<double>(i / 48) + 0.5) / 48);
        const auto& pose = camera.world_from_camera;
        const double cosine = ray.direction[0] * pose[2] + ray.direction[1] * pose[6] + ray.direction[2] * pose[10];
        CHECK(z[i] == Approx(depth[i] * cosine).epsilon(1e-5));
        // The point is on the surface, and the surface faces the camera.
        Vector3 point{};
        double facing = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            point[k] = ray.origin[k] + depth[i] * ray.direction[k];
            CHECK(std::abs(point[k]) < 0.501);
            facing += ray.direction[k] * normals[3 * i + k];
        }
        CHECK(std::abs(head.distance(point)) < 1e-4);
        CHECK(facing < 0.1);
    }
    CHECK(inside > 48 * 48 / 3);
}

TEST_CASE("mirrored numbers seen by the mirrored camera give the mirrored picture, bit for bit", "[synth][view]") {
    for (const std::uint32_t seed : {900'002U, 900'003U, 900'004U}) {
        const Camera camera = camera_at(13, 7);
        const HeadNumbers numbers = numbers_of_seed(seed);
        const HeadView a = view(Head(numbers), camera, {.size = 64});
        const HeadView b = view(Head(mirrored(numbers)), mirrored(camera), {.size = 64});
        CHECK(mirrored(a.rgb) == b.rgb);
        CHECK(mirrored(a.opacity) == b.opacity);
        CHECK(mirrored(a.depth) == b.depth);
        CHECK(mirrored(a.labels) == b.labels);
        Image normals = mirrored(a.normals);
        auto values = normals.values<float>();
        for (std::size_t i = 0; i < values.size(); i += 3) values[i] = 0.0F - values[i];
        CHECK(normals == b.normals);
    }
}

TEST_CASE("landmarks lie on what they are called after", "[synth][view]") {
    constexpr std::int64_t size = 256;
    int checked = 0;
    for (std::uint32_t seed = 900'100; seed < 900'108; ++seed) {
        HeadNumbers numbers = numbers_of_seed(seed);
        numbers[Number::lids] = std::max(numbers[Number::lids], 0.0F);  // eyes that can be seen
        numbers[Number::smirk] = 0;
        const HeadView v = view(Head(numbers), camera_at(8, 0), {.size = size, .samples = 1});
        const auto check = [&](std::size_t from, std::size_t to, std::initializer_list<FaceLabel> labels,
                               std::int64_t reach) {
            for (auto i = from; i <= to; ++i) {
                if (!v.landmarks[i].visible) continue;
                ++checked;
                INFO("seed " << seed << ", landmark " << i);
                CHECK(near_label(v, v.landmarks[i], labels, reach));
            }
        };
        check(0, 16, {FaceLabel::skin}, 4);
        check(6, 10, {FaceLabel::neck}, 9);
        check(17, 21, {FaceLabel::r_brow}, 3);
        check(22, 26, {FaceLabel::l_brow}, 3);
        check(27, 35, {FaceLabel::nose}, 2);
        check(36, 41, {FaceLabel::r_eye}, 4);
        check(42, 47, {FaceLabel::l_eye}, 4);
        check(49, 53, {FaceLabel::u_lip}, 2);
        check(55, 59, {FaceLabel::l_lip}, 2);
        check(60, 67, {FaceLabel::u_lip, FaceLabel::l_lip}, 3);
        // The world's point and the picture's are the same.
        for (const ViewLandmark& mark : v.landmarks) {
            const auto place = project(v.camera, mark.point);
            REQUIRE(place);
            CHECK((*place)[0] == mark.u);
            CHECK((*place)[1] == mark.v);
        }
    }
    CHECK(checked > 400);
}

TEST_CASE("a turned head hides the landmarks of its far side", "[synth][view]") {
    HeadNumbers numbers;
    const HeadView front = view(Head(numbers), camera_at(0, 0), {.size = 8, .samples = 1});
    const HeadView side = view(Head(numbers), camera_at(60, 0), {.size = 8, .samples = 1});  // from the head's left
    for (const std::size_t i : {30U, 36U, 45U, 48U, 54U, 57U}) CHECK(front.landmarks[i].visible);
    CHECK(side.landmarks[45].visible);
    CHECK(side.landmarks[54].visible);
    CHECK_FALSE(side.landmarks[36].visible);
    CHECK_FALSE(side.landmarks[39].visible);
    CHECK_FALSE(side.landmarks[48].visible);
    CHECK_FALSE(side.landmarks[3].visible);
}

TEST_CASE("every number shows, and moves the picture without jumps", "[synth][view]") {
    // Hair that covers neither ears nor forehead, and faces from the front and from the side.
    HeadNumbers base;
    base[Number::hair_length] = -0.9F;
    const std::array cameras{camera_at(0, 0), camera_at(55, 12)};
    constexpr ViewOptions options{.size = 36, .samples = 3};
    for (const NumberInfo& row : number_table()) {
        INFO(row.name);
        double range = 0, largest = 0;
        std::vector<HeadView> previous, first;
        for (float value = -3.0F; value <= 3.0F; value += 0.75F) {
            HeadNumbers numbers = base;
            numbers[row.number] = value;
            if (row.number == Number::part) numbers[Number::fringe] = 1.0F;  // a parting shows in the fringe
            std::vector<HeadView> now;
            for (const Camera& camera : cameras) now.push_back(view(Head(numbers), camera, options));
            for (std::size_t k = 0; k < cameras.size() && !previous.empty(); ++k) {
                largest = std::max(largest, difference(previous[k].rgb, now[k].rgb));
                range = std::max(range, difference(first[k].rgb, now[k].rgb));
            }
            if (first.empty()) first = now;
            previous = std::move(now);
        }
        CHECK(range > 0.25);
        // Three quarters of a deviation move at most what the whole range is worth in a few steps.
        CHECK(largest < std::max(0.7 * range, 0.5));
        CHECK(largest < 16.0);
    }
}

TEST_CASE("numbers move what can be measured the way their table says", "[synth][view]") {
    using Measure = double (*)(const HeadView&);
    static const auto count_of = [](const HeadView& v, FaceLabel label) {
        return static_cast<double>(std::ranges::count(v.labels.labels(), label));
    };
    static const auto between = [](const HeadView& v, std::size_t a, std::size_t b, std::size_t axis) {
        return v.landmarks[a].point[axis] - v.landmarks[b].point[axis];
    };
    static const auto brightness = [](const HeadView& v, FaceLabel label) {
        double sum = 0, count = 0;
        for (std::size_t i = 0; i < v.labels.labels().size(); ++i)
            if (v.labels.labels()[i] == label) {
                for (std::size_t c = 0; c < 3; ++c) sum += v.rgb.values<std::uint8_t>()[3 * i + c];
                count += 3;
            }
        return sum / count;
    };
    struct Case {
        Number number;
        Measure grows;
    };
    for (const Case& c : {
             Case{Number::face_width, [](const HeadView& v) { return between(v, 15, 1, 0); }},
             Case{Number::jaw_width, [](const HeadView& v) { return between(v, 12, 4, 0); }},
             Case{Number::face_length, [](const HeadView& v) { return between(v, 27, 8, 1); }},
             Case{Number::chin_length, [](const HeadView& v) { return between(v, 57, 8, 1); }},
             Case{Number::chin_forward, [](const HeadView& v) { return between(v, 8, 0, 2); }},
             Case{Number::nose_length, [](const HeadView& v) { return between(v, 27, 33, 1); }},
             Case{Number::nose_width, [](const HeadView& v) { return between(v, 35, 31, 0); }},
             Case{Number::nose_forward, [](const HeadView& v) { return between(v, 30, 27, 2); }},
             Case{Number::mouth_width, [](const HeadView& v) { return between(v, 54, 48, 0); }},
             Case{Number::upper_lip, [](const HeadView& v) { return between(v, 50, 61, 1); }},
             Case{Number::lower_lip, [](const HeadView& v) { return between(v, 67, 58, 1); }},
             Case{Number::eye_size, [](const HeadView& v) { return between(v, 37, 41, 1); }},
             Case{Number::eye_spacing, [](const HeadView& v) { return between(v, 42, 39, 0); }},
             Case{Number::eye_tilt, [](const HeadView& v) { return between(v, 45, 42, 1); }},
             Case{Number::brow_height, [](const HeadView& v) { return between(v, 24, 44, 1); }},
             Case{Number::ear_size, [](const HeadView& v) { return count_of(v, FaceLabel::l_ear); }},
             Case{Number::smile, [](const HeadView& v) { return between(v, 54, 51, 1); }},
             Case{Number::smirk, [](const HeadView& v) { return between(v, 54, 48, 1); }},
             Case{Number::jaw_open, [](const HeadView& v) { return between(v, 62, 66, 1); }},
             Case{Number::lids, [](const HeadView& v) { return between(v, 43, 47, 1); }},
             Case{Number::brow_raise, [](const HeadView& v) { return between(v, 19, 37, 1); }},
             Case{Number::skin_tone, [](const HeadView& v) { return -brightness(v, FaceLabel::skin); }},
             Case{Number::hair_tone, [](const HeadView& v) { return -brightness(v, FaceLabel::hair); }},
             Case{Number::iris_colour, [](const HeadView& v) { return -brightness(v, FaceLabel::l_eye); }},
             Case{Number::brow_weight, [](const HeadView& v) { return count_of(v, FaceLabel::l_brow); }},
             Case{Number::hair_length, [](const HeadView& v) { return count_of(v, FaceLabel::hair); }},
             Case{Number::fringe, [](const HeadView& v) { return count_of(v, FaceLabel::hair); }},
         }) {
        INFO(info(c.number).name);
        std::vector<double> measured;
        for (const float value : {-2.0F, 0.0F, 2.0F}) {
            HeadNumbers numbers;
            numbers[c.number] = value;
            measured.push_back(c.grows(view(Head(numbers), camera_at(20, 0), {.size = 96, .samples = 1})));
        }
        CHECK(measured[0] < measured[2]);
        CHECK(measured[0] <= measured[1]);
        CHECK(measured[1] <= measured[2]);
    }
}

TEST_CASE("small steps in any direction make small changes", "[synth][view]") {
    const HeadNumbers base = numbers_of_seed(900'030);
    const HeadNumbers direction = numbers_of_seed(900'031);
    const auto at = [&](float t) {
        HeadNumbers numbers = base;
        for (std::size_t i = 0; i < number_count; ++i) numbers.values[i] += t * direction.values[i] * 0.125F;
        return view(Head(numbers), camera_at(5, 0), {.size = 40}).rgb;
    };
    const Image start = at(0);
    const double small = difference(start, at(0.01F)), medium = difference(start, at(0.1F));
    CHECK(small < 0.5);
    CHECK(small < 0.35 * medium);
    CHECK(medium < 4.0);
}

TEST_CASE("four standard deviations in every number are still a face", "[synth][view]") {
    for (const std::uint32_t seed : {900'040U, 900'041U, 900'042U, 900'043U}) {
        HeadNumbers numbers = numbers_of_seed(seed);
        for (float& value : numbers.values) value = value < 0 ? -4.0F : 4.0F;
        const HeadView v = view(Head(numbers), camera_at(0, 0), {.size = 96, .samples = 1});
        for (const FaceLabel label :
             {FaceLabel::skin, FaceLabel::nose, FaceLabel::u_lip, FaceLabel::l_lip, FaceLabel::neck}) {
            INFO("seed " << seed << ", " << info(label).name);
            CHECK(std::ranges::find(v.labels.labels(), label) != v.labels.labels().end());
        }
        for (const auto& mark : v.landmarks)
            for (const double c : mark.point) CHECK(std::abs(c) < 0.5);
        CHECK(v.landmarks[8].point[1] < v.landmarks[57].point[1]);
        CHECK(v.landmarks[57].point[1] < v.landmarks[33].point[1]);
    }
}

TEST_CASE("the number of threads changes nothing", "[synth][view]") {
    const int before = thread_count();
    set_thread_count(1);
    const auto one = digest_of_some_view();
    set_thread_count(2);
    const auto two = digest_of_some_view();
    set_thread_count(7);
    const auto seven = digest_of_some_view();
    set_thread_count(before);
    CHECK(one == two);
    CHECK(one == seven);
}

TEST_CASE("prints the digest of a view", "[.digest]") { std::cout << "digest " << digest_of_some_view() << std::endl; }

TEST_CASE("another process makes the same bytes", "[synth][view]") {
    const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(("'" + self + "' '[.digest]'").c_str(), "r"),
                                                               ::pclose);
    REQUIRE(pipe);
    std::string text;
    for (std::array<char, 256> piece{}; std::fgets(piece.data(), static_cast<int>(piece.size()), pipe.get());)
        text += piece.data();
    CHECK(text.find("digest " + std::to_string(digest_of_some_view()) + "\n") != std::string::npos);
}

TEST_CASE("empty rays show the background, white unless told otherwise", "[synth][view]") {
    const Head head(numbers_of_seed(900'050));
    for (const Rgb8 background : {Rgb8{255, 255, 255}, Rgb8{0, 0, 0}, Rgb8{12, 130, 201}}) {
        const HeadView v = view(head, camera_at(20, 0), {.size = 32, .background = background});
        const auto rgb = v.rgb.values<std::uint8_t>();
        const auto opacity = v.opacity.values<float>();
        int empty = 0;
        for (std::size_t i = 0; i < opacity.size(); ++i) {
            if (opacity[i] != 0) continue;
            ++empty;
            CHECK(Rgb8{rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]} == background);
        }
        CHECK(empty > 50);
    }
    CHECK(view(head, camera_at(20, 0), {.size = 8}).rgb ==
          view(head, camera_at(20, 0), {.size = 8, .background = {255, 255, 255}}).rgb);
}

TEST_CASE("accessories are nearer than what they cover, and change no other truth", "[synth][view]") {
    const HeadNumbers numbers = numbers_of_seed(900'060);
    const Camera camera = camera_at(12, 4);
    const ViewOptions options{.size = 64};
    const HeadView plain = view(Head(numbers), camera, options);
    struct Case {
        Accessories worn;
        FaceLabel label;
    };
    for (const Case& c : {Case{{.glasses = true}, FaceLabel::eye_g}, Case{{.hat = true}, FaceLabel::hat},
                          Case{{.face_mask = true}, FaceLabel::face_mask}, Case{{.hand = true}, FaceLabel::other}}) {
        INFO(info(c.label).name);
        CHECK(std::ranges::count(plain.labels.labels(), c.label) == 0);
        const HeadView worn = view(Head(numbers, c.worn), camera, options);
        const auto before = plain.depth.values<float>(), after = worn.depth.values<float>();
        int covered = 0;
        for (std::size_t i = 0; i < before.size(); ++i) {
            if (worn.labels.labels()[i] == c.label) {
                ++covered;
                if (before[i] > 0) CHECK(after[i] <= before[i] + 1e-4F);
            } else {
                CHECK(worn.labels.labels()[i] == plain.labels.labels()[i]);
                CHECK(after[i] == Approx(before[i]).margin(1e-4));
            }
        }
        CHECK(covered > 20);
        for (std::size_t i = 0; i < landmark_count; ++i) CHECK(worn.landmarks[i].point == plain.landmarks[i].point);
    }
}

TEST_CASE("a picture four times as large holds the same truth", "[synth][view]") {
    // Centres of a picture of side 3n include those of side n.
    const Head head(numbers_of_seed(900'070));
    const HeadView small = view(head, camera_at(-9, 3), {.size = 16, .samples = 1});
    const HeadView large = view(head, camera_at(-9, 3), {.size = 48, .samples = 1});
    int same = 0;
    for (std::int64_t y = 0; y < 16; ++y)
        for (std::int64_t x = 0; x < 16; ++x) {
            const float a = small.depth.row<float>(y)[static_cast<std::size_t>(x)];
            const float b = large.depth.row<float>(3 * y + 1)[static_cast<std::size_t>(3 * x + 1)];
            CHECK(a == Approx(b).margin(1e-4));
            same += small.labels.at(x, y) == large.labels.at(3 * x + 1, 3 * y + 1) ? 1 : 0;
        }
    CHECK(same >= 250);
}

TEST_CASE("sizes, samples and cameras outside their ranges are refused", "[synth][view]") {
    const Head head(HeadNumbers{});
    const Camera camera = camera_at(0, 0);
    CHECK_THROWS_MATCHES(view(head, camera, {.size = 0}), Error, is_error(Errc::invalid_argument, "size"));
    CHECK_THROWS_MATCHES(view(head, camera, {.size = -64}), Error, is_error(Errc::invalid_argument, "size"));
    CHECK_THROWS_MATCHES(view(head, camera, {.size = 4097}), Error, is_error(Errc::invalid_argument, "size"));
    CHECK_THROWS_MATCHES(view(head, camera, {.size = 8, .samples = 0}), Error,
                         is_error(Errc::invalid_argument, "samples"));
    CHECK_THROWS_MATCHES(view(head, camera, {.size = 8, .samples = 9}), Error,
                         is_error(Errc::invalid_argument, "samples"));
    Camera broken = camera;
    broken.intrinsics[0] = 0;
    CHECK_THROWS_MATCHES(view(head, broken, {.size = 8}), Error, is_error(Errc::invalid_argument));
    CHECK(view(head, camera, {.size = 1}).rgb.width() == 1);
}
