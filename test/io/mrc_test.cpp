// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/mrc.hpp>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/failing_disk.hpp"
#include "support/temporary_folder.hpp"

using namespace cameo;

namespace {

template <class T>
T word(const std::vector<std::byte>& bytes, std::size_t index) {
    T value;
    std::memcpy(&value, bytes.data() + 4 * index, 4);
    return value;
}

}  // namespace

TEST_CASE("a volume has the header of MRC2014 and its sections from the last x to the first", "[io][mrc]") {
    const support::TemporaryFolder folder;
    std::vector<float> values;
    for (int i = 0; i < 2 * 3 * 4; ++i) values.push_back(static_cast<float>(i));
    io::write_mrc(folder / "a.mrc", {2, 3, 4}, values, {.voxel = 0.5});
    const auto bytes = io::read_file(folder / "a.mrc", 1 << 20);
    REQUIRE(bytes.size() == 1024 + 24 * 4);
    CHECK(word<std::int32_t>(bytes, 0) == 4);  // columns: z
    CHECK(word<std::int32_t>(bytes, 1) == 3);
    CHECK(word<std::int32_t>(bytes, 2) == 2);
    CHECK(word<std::int32_t>(bytes, 3) == 2);
    CHECK(word<float>(bytes, 10) == 2.0F);
    CHECK(word<float>(bytes, 12) == 1.0F);
    CHECK(word<float>(bytes, 14) == 90.0F);
    CHECK(word<std::int32_t>(bytes, 18) == 3);
    CHECK(word<float>(bytes, 19) == 0.0F);
    CHECK(word<float>(bytes, 20) == 23.0F);
    CHECK(word<float>(bytes, 21) == 11.5F);
    CHECK(word<std::int32_t>(bytes, 27) == 20140);
    CHECK(std::memcmp(bytes.data() + 208, "MAP \x44\x44\0\0", 8) == 0);
    CHECK(word<float>(bytes, 54) == Approx(std::sqrt((24.0 * 24 - 1) / 12)));
    CHECK(std::memcmp(bytes.data() + 224, "made with cameo ", 16) == 0);
    CHECK(word<float>(bytes, 256) == 12.0F);      // (1, 0, 0)
    CHECK(word<float>(bytes, 256 + 12) == 0.0F);  // (0, 0, 0)
    CHECK(word<float>(bytes, 256 + 5) == 17.0F);  // (1, 1, 1)
}

TEST_CASE("volumes that cannot be are refused, and files appear whole or not at all", "[io][mrc][disk]") {
    const std::vector<float> values(8, 1.0F);
    const auto refused = [&](const std::array<std::int64_t, 3>& sides, const io::MrcOptions& options,
                             const std::string& part) {
        CHECK_THROWS_MATCHES(io::write_mrc("/nowhere/a.mrc", sides, values, options), Error,
                             support::is_error(Errc::invalid_argument, part));
    };
    refused({2, 2, 0}, {}, "sides");
    refused({2, 2, 3}, {}, "12 values, got 8");
    refused({2, 2, 2}, {.voxel = -1}, "voxel");
    refused({2, 2, 2}, {.label = "a\nb"}, "label");
    support::check_writer_is_safe([&](const std::filesystem::path& path, io::Overwrite overwrite) {
        io::write_mrc(path, {2, 2, 2}, values, {.overwrite = overwrite});
    });
}
