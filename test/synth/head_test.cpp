// SPDX-License-Identifier: Apache-2.0
#include <cameo/synth/head.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <cameo/core/counter_random.hpp>
#include <cameo/synth/view.hpp>

#include "support/errors.hpp"

using namespace cameo;
using namespace cameo::synth;
using support::is_error;

namespace {

double gap(const Vector3& a, const Vector3& b) { return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]); }

Vector3 random_point(CounterRandom& random) {
    return {random.uniform() - 0.5, random.uniform() - 0.5, random.uniform() - 0.5};
}

HeadNumbers extreme(std::uint32_t seed) {
    HeadNumbers numbers = numbers_of_seed(seed);
    for (float& value : numbers.values) value = value < 0 ? -4.0F : 4.0F;
    return numbers;
}

}  // namespace

TEST_CASE("the average head is where the published models expect a face", "[synth][head]") {
    const auto marks = Head(HeadNumbers{}).landmarks();
    const Vector3 right_eye{(marks[36][0] + marks[39][0]) / 2, (marks[37][1] + marks[41][1]) / 2, marks[37][2]};
    const Vector3 left_eye{(marks[42][0] + marks[45][0]) / 2, (marks[44][1] + marks[46][1]) / 2, marks[44][2]};
    CHECK(gap(right_eye, {-0.084, 0.084, 0.197}) < 0.012);
    CHECK(gap(left_eye, {0.084, 0.084, 0.197}) < 0.012);
    CHECK(gap(marks[30], {0, -0.006, 0.31}) < 0.008);
    CHECK(gap(marks[48], {-0.068, -0.097, 0.222}) < 0.012);
    CHECK(gap(marks[54], {0.068, -0.097, 0.222}) < 0.012);
}

TEST_CASE("the frontal picture holds the average face from the chin to the hairline", "[synth][head]") {
    const Camera camera{orbit_degrees(0, 0, ffhq_cameras.radius, ffhq_cameras.pivot),
                        intrinsics_from_focal(ffhq_cameras.focal)};
    const HeadView v = view(Head(HeadNumbers{}), camera, {.size = 64, .samples = 1});
    for (std::size_t i = 0; i < landmark_count; ++i) {
        INFO("landmark " << i);
        CHECK((v.landmarks[i].u > 0 && v.landmarks[i].u < 1));
        CHECK((v.landmarks[i].v > 0 && v.landmarks[i].v < 1));
    }
    CHECK(v.labels.at(32, 0) == FaceLabel::hair);
    CHECK(v.labels.at(32, 10) == FaceLabel::skin);
    CHECK((v.labels.at(32, 63) == FaceLabel::neck || v.labels.at(32, 63) == FaceLabel::cloth));
}

TEST_CASE("landmarks lie on the skin, in order, and mirror with the numbers", "[synth][head]") {
    for (std::uint32_t seed = 900'000; seed < 900'040; ++seed) {
        INFO("seed " << seed);
        const HeadNumbers numbers = numbers_of_seed(seed);
        const Head head(numbers), other(mirrored(numbers));
        const auto marks = head.landmarks(), mirror = other.landmarks();
        for (std::size_t k = 0; k < 8; ++k) {
            CHECK(marks[k][0] < 0);
            CHECK(marks[16 - k][0] == -marks[k][0]);
        }
        CHECK(marks[8][0] == 0);
        CHECK(std::is_sorted(marks.begin(), marks.begin() + 17, [](auto& a, auto& b) { return a[0] < b[0]; }));
        CHECK(std::is_sorted(marks.begin() + 8, marks.begin() + 17, [](auto& a, auto& b) { return a[1] < b[1]; }));
        CHECK(std::is_sorted(marks.begin() + 17, marks.begin() + 27, [](auto& a, auto& b) { return a[0] < b[0]; }));
        CHECK(marks[8][1] ==
              (*std::min_element(marks.begin(), marks.end(), [](auto& a, auto& b) { return a[1] < b[1]; }))[1]);
        CHECK(marks[27][1] > marks[30][1]);
        CHECK(marks[30][1] > marks[51][1]);
        CHECK(marks[51][1] > marks[57][1]);
        // Brows, eyes and mouth keep their places from left to right; x turns.
        for (std::size_t i = 0; i < 17; ++i)
            CHECK(mirror[16 - i] == Vector3{-marks[i][0] + 0.0, marks[i][1], marks[i][2]});
        CHECK(mirror[54] == Vector3{-marks[48][0], marks[48][1], marks[48][2]});
        CHECK(mirror[45] == Vector3{-marks[36][0], marks[36][1], marks[36][2]});
        // Nothing of the head, hair and clothes included, is farther away than the surface itself.
        for (const auto& mark : marks) CHECK(head.distance(mark) < 1e-4);
    }
}

TEST_CASE("the distance never promises more room than there is", "[synth][head]") {
    CounterRandom random(3);
    for (const std::uint32_t seed : {900010U, 900011U, 900012U, 900013U}) {
        const Head head(seed < 900012U ? numbers_of_seed(seed) : extreme(seed), {true, true, false, true});
        int broken = 0;
        for (int i = 0; i < 4000; ++i) {
            const Vector3 p = random_point(random), q = random_point(random);
            const double d = head.distance(p), away = gap(p, q);
            if (d <= 0 || away == 0) continue;
            // A step of the whole distance in any direction stays outside, but for a hair's breadth.
            const double step = d / away;
            const Vector3 stepped{p[0] + (q[0] - p[0]) * step, p[1] + (q[1] - p[1]) * step,
                                  p[2] + (q[2] - p[2]) * step};
            if (head.distance(stepped) < -0.001) ++broken;
        }
        CHECK(broken <= 4);
    }
}

TEST_CASE("near the surface the distance grows like one, and in creases at most two and a half times as fast",
          "[synth][head]") {
    for (const std::uint32_t seed : {900014U, 900015U, 900016U}) {
        const Head head(numbers_of_seed(seed));
        const HeadView v = view(
            head,
            {orbit_degrees(-20, 5, ffhq_cameras.radius, ffhq_cameras.pivot), intrinsics_from_focal(ffhq_cameras.focal)},
            {.size = 48, .samples = 1});
        std::vector<double> slopes;
        for (std::size_t i = 0; i < 48 * 48; ++i) {
            if (v.depth.values<float>()[i] == 0) continue;
            const Ray ray =
                pixel_ray(v.camera, (static_cast<double>(i % 48) + 0.5) / 48, (static_cast<double>(i / 48) + 0.5) / 48);
            Vector3 p{};
            for (std::size_t k = 0; k < 3; ++k)
                p[k] = ray.origin[k] + (v.depth.values<float>()[i] - 0.004) * ray.direction[k];
            double sum = 0;
            for (std::size_t k = 0; k < 3; ++k) {
                constexpr double h = 2e-4;
                Vector3 up = p, down = p;
                up[k] += h;
                down[k] -= h;
                const double slope = (head.distance(up) - head.distance(down)) / (2 * h);
                sum += slope * slope;
            }
            slopes.push_back(std::sqrt(sum));
        }
        REQUIRE(slopes.size() > 500);
        std::ranges::sort(slopes);
        INFO("seed " << seed);
        CHECK(slopes[slopes.size() / 2] == Approx(0.87).margin(0.1));
        CHECK(slopes[slopes.size() * 99 / 100] < 1.75);
        CHECK(slopes.back() < 2.5);
    }
}

TEST_CASE("a sample's normal is the gradient of the distance and its label that of the place", "[synth][head]") {
    const Head head(HeadNumbers{});
    const auto tip = head.landmarks()[30];
    const Vector3 before{tip[0], tip[1], tip[2] + 0.01};
    const PointSample sample = head.sample(before);
    CHECK(sample.label == FaceLabel::nose);
    CHECK(sample.distance == Approx(head.distance(before)));
    CHECK(sample.normal[2] > 0.9);
    CHECK(std::hypot(sample.normal[0], sample.normal[1], sample.normal[2]) == Approx(1.0).epsilon(1e-5));
    for (const float c : sample.albedo) CHECK((c > 0.0F && c < 1.0F));
    for (const float c : sample.colour) CHECK((c > 0.0F && c <= 1.0F));
    CHECK(head.sample({0.084, 0.084, 0.205}).label == FaceLabel::l_eye);
    CHECK(head.sample({-0.084, 0.084, 0.205}).label == FaceLabel::r_eye);
    CHECK(head.sample({0.0, 0.45, 0.0}).label == FaceLabel::hair);
    CHECK(head.distance({0, 0.1, 0}) < -0.05);
    CHECK(head.distance({0.49, 0.49, 0.49}) > 0.05);
}

TEST_CASE("numbers that are not finite are refused by name", "[synth][head]") {
    HeadNumbers numbers;
    numbers[Number::smile] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_MATCHES(Head(numbers), Error, is_error(Errc::invalid_argument, "smile"));
    numbers[Number::smile] = std::numeric_limits<float>::infinity();
    CHECK_THROWS_MATCHES(Head(numbers), Error, is_error(Errc::invalid_argument, "smile"));
    numbers[Number::smile] = 1e30F;
    CHECK_NOTHROW(Head(numbers).distance({0, 0, 0.4}));
}
