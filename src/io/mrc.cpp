// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/mrc.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include <cameo/core/error.hpp>

namespace cameo::io {
namespace {

static_assert(std::endian::native == std::endian::little);

/// The 1024 bytes before the data, word by word.
class MrcHeader {
  public:
    template <class T>
    void put(std::size_t word, T value) {
        static_assert(sizeof(T) == 4);
        std::memcpy(bytes_.data() + 4 * word, &value, 4);
    }
    void put(std::size_t offset, std::string_view text) {
        std::memcpy(bytes_.data() + offset, text.data(), text.size());
    }

    [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

  private:
    std::array<std::byte, 1024> bytes_{};
};

}  // namespace

void write_mrc(const std::filesystem::path& path, const std::array<std::int64_t, 3>& sides,
               std::span<const float> values, const MrcOptions& options) {
    const auto refuse = [](const std::string& expected, const std::string& got) {
        throw Error(Errc::invalid_argument, "volume: expected " + expected + ", got " + got);
    };
    std::size_t count = 1;
    for (const auto side : sides) {
        if (side < 1 || side > 4096) refuse("sides of 1 to 4096", std::to_string(side));
        count *= static_cast<std::size_t>(side);
    }
    if (values.size() != count) refuse(std::to_string(count) + " values", std::to_string(values.size()));
    if (!(options.voxel > 0.0) || !std::isfinite(options.voxel))
        refuse("a positive voxel", std::to_string(options.voxel));
    if (options.label.size() > 79 || std::ranges::any_of(options.label, [](char c) { return c < ' ' || c > '~'; }))
        refuse("a label of at most 79 characters of ASCII", "\"" + std::string(options.label) + '"');

    double sum = 0.0, squares = 0.0;
    for (const float value : values) sum += value;
    const auto mean = sum / static_cast<double>(count);
    for (const float value : values) squares += (value - mean) * (value - mean);
    const auto [low, high] = std::ranges::minmax(values);

    MrcHeader header;
    const auto whole = [](std::int64_t value) { return static_cast<std::int32_t>(value); };
    const std::array order{sides[2], sides[1], sides[0]};  // columns, rows, sections
    for (std::size_t i = 0; i < 3; ++i) {
        header.put(i, whole(order[i]));
        header.put(7 + i, whole(order[i]));
        header.put(10 + i, static_cast<float>(static_cast<double>(order[i]) * options.voxel));
        header.put(13 + i, 90.0F);
        header.put(16 + i, whole(static_cast<std::int64_t>(i) + 1));
    }
    header.put(3, std::int32_t{2});  // float32
    header.put(19, low);
    header.put(20, high);
    header.put(21, static_cast<float>(mean));
    header.put(22, std::int32_t{1});      // a volume
    header.put(27, std::int32_t{20140});  // of MRC2014
    header.put(208, std::string_view("MAP "));
    header.put(212, std::string_view("\x44\x44\0\0", 4));
    header.put(54, static_cast<float>(std::sqrt(squares / static_cast<double>(count))));
    header.put(55, std::int32_t{1});
    std::array<char, 80> label{};
    label.fill(' ');
    std::ranges::copy(options.label, label.begin());
    header.put(224, std::string_view(label.data(), label.size()));

    AtomicFile file(path, options.overwrite);
    file.write(header.bytes());
    const auto section = static_cast<std::size_t>(sides[1] * sides[2]);
    for (auto x = static_cast<std::size_t>(sides[0]); x-- > 0;)
        file.write(std::as_bytes(values.subspan(x * section, section)));
    file.commit();
}

}  // namespace cameo::io
