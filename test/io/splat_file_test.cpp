// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/splat_file.hpp>

#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace cameo;

namespace {

/// A PLY of floats alone, read by what its own header says.
struct Table {
    std::vector<std::string> names, comments;
    std::vector<std::map<std::string, float>> rows;
};

Table read(const std::vector<std::byte>& bytes) {
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto end = text.find("end_header\n") + 11;
    std::istringstream header(text.substr(0, end));
    Table table;
    std::size_t count = 0;
    for (std::string line; std::getline(header, line);) {
        if (line.starts_with("element vertex ")) count = std::stoul(line.substr(15));
        if (line.starts_with("property float ")) table.names.push_back(line.substr(15));
        if (line.starts_with("comment ")) table.comments.push_back(line.substr(8));
    }
    REQUIRE(text.starts_with("ply\nformat binary_little_endian 1.0\n"));
    REQUIRE(text.size() == end + count * table.names.size() * 4);
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t j = 0; j < table.names.size(); ++j) {
            if (j == 0) table.rows.emplace_back();
            std::memcpy(&table.rows[i][table.names[j]], text.data() + end + 4 * (i * table.names.size() + j), 4);
        }
    return table;
}

using Matrix = std::array<std::array<double, 3>, 3>;

Matrix matrix_of(double w, double x, double y, double z) {
    return {{{1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)},
             {2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)},
             {2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)}}};
}

const GaussianSplats two{.positions = {{0.1F, 0.2F, 0.3F}, {-0.1F, 0, 0.4F}},
                         .log_scales = {{-3, -3.5F, -5}, {-4, -4, -4}},
                         .colours = {{0, 0.5F, 1}, {0.25F, 0.75F, 0.1F}},
                         .rotations = {{0.9F, 0.1F, -0.3F, 0.4F}, {2, 0, 0, 0}},
                         .opacities = {2.5F, -1},
                         .metres_per_unit = 0.5};

}  // namespace

TEST_CASE("splats are written in the usual layout, turned over, in metres", "[io][splats]") {
    const auto table = read(io::encode_splats(two, {.facts = {{"Model", "abc"}}}));
    CHECK(table.names == std::vector<std::string>{"x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2",
                                                  "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2",
                                                  "rot_3"});
    CHECK(table.comments.back() == "Model: abc");
    REQUIRE(table.rows.size() == 2);
    const auto& row = table.rows[0];
    CHECK(row.at("x") == Approx(0.05));
    CHECK(row.at("y") == Approx(-0.1));
    CHECK(row.at("z") == Approx(-0.15));
    CHECK(row.at("opacity") == 2.5F);
    CHECK(std::exp(row.at("scale_1")) == Approx(0.5 * std::exp(-3.5)));
    for (std::size_t c = 0; c < 3; ++c)
        CHECK(0.5 + row.at("f_dc_" + std::to_string(c)) / (2 * std::sqrt(M_PI)) ==
              Approx(two.colours[0][c]).margin(1e-6));
    // The file's axes are the world's with y and z turned over.
    for (std::size_t i = 0; i < 2; ++i) {
        auto q = two.rotations[i];
        const auto length = std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
        for (auto& part : q) part /= length;
        const auto& own = table.rows[i];
        const auto expected = matrix_of(q[0], q[1], q[2], q[3]);
        const auto written = matrix_of(own.at("rot_0"), own.at("rot_1"), own.at("rot_2"), own.at("rot_3"));
        for (std::size_t a = 0; a < 3; ++a)
            for (std::size_t b = 0; b < 3; ++b)
                CHECK(written[a][b] == Approx((a == 0 ? 1 : -1) * expected[a][b]).margin(1e-6));
    }
}

TEST_CASE("splat files are written whole or not at all", "[io][splats]") {
    const support::TemporaryFolder folder;
    io::write_splats(folder / "a.splat.ply", two);
    CHECK_THROWS_MATCHES(io::write_splats(folder / "a.splat.ply", two), Error, support::is_error(Errc::io_failure));
    CHECK_THROWS_MATCHES(io::encode_splats({}), Error, support::is_error(Errc::invalid_argument, "at least one"));
    CHECK_THROWS_MATCHES(io::encode_splats(two, {.facts = {{"a", "b\nelement face 3"}}}), Error,
                         support::is_error(Errc::invalid_argument, "line break"));
}
