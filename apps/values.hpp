// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cameo::apps {

// What people write after an option becomes a value here, and nowhere else. Every function takes the whole text or
// refuses it. Errors: invalid_argument, "expected X, got Y"; the option's name is put before it by the caller.

/// An amount of memory: 6G, 1.5G, 512M, 64K, 6GiB are powers of 1024, 6GB is a power of 1000, 6 is bytes.
struct Memory {
    std::uint64_t bytes = 0;
    friend bool operator==(const Memory&, const Memory&) = default;
};

/// A span of time: 60s, 2m, 1h30m, 500ms, 1d; a bare number is seconds.
struct Duration {
    std::chrono::milliseconds span{0};
    friend bool operator==(const Duration&, const Duration&) = default;
};

/// An angle: 30, -12.5, 30deg are degrees, 0.5rad is radians.
struct Angle {
    double degrees = 0.0;
    friend bool operator==(const Angle&, const Angle&) = default;
};

/// Width and height: 512 is a square, 640x480 is not.
struct Size {
    std::int64_t width = 0, height = 0;
    friend bool operator==(const Size&, const Size&) = default;
};

[[nodiscard]] Memory parse_memory(std::string_view text);
[[nodiscard]] Duration parse_duration(std::string_view text);
[[nodiscard]] Angle parse_angle(std::string_view text);
[[nodiscard]] Size parse_size(std::string_view text);
[[nodiscard]] bool parse_switch(std::string_view text);    ///< 1/0, true/false, yes/no, on/off
[[nodiscard]] double parse_number(std::string_view text);  ///< finite
[[nodiscard]] std::int64_t parse_integer(std::string_view text);
[[nodiscard]] std::filesystem::path parse_path(std::string_view text);  ///< not empty, no NUL

/// The same by the type of the variable that an option fills.
inline void read_value(std::string_view text, Memory& value) { value = parse_memory(text); }
inline void read_value(std::string_view text, Duration& value) { value = parse_duration(text); }
inline void read_value(std::string_view text, Angle& value) { value = parse_angle(text); }
inline void read_value(std::string_view text, Size& value) { value = parse_size(text); }
inline void read_value(std::string_view text, bool& value) { value = parse_switch(text); }
inline void read_value(std::string_view text, double& value) { value = parse_number(text); }
inline void read_value(std::string_view text, std::int64_t& value) { value = parse_integer(text); }
inline void read_value(std::string_view text, std::string& value) { value = text; }
inline void read_value(std::string_view text, std::filesystem::path& value) { value = parse_path(text); }

template <class T>
void read_value(std::string_view text, std::optional<T>& value) {
    read_value(text, value.emplace());
}

template <class T>
void read_value(std::string_view text, std::vector<T>& values) {
    read_value(text, values.emplace_back());
}

/// The other way round, for messages: "6.0 GiB", "13.1 MiB", "812 bytes".
[[nodiscard]] std::string memory_text(std::uint64_t bytes);

/// "0.4 s", "42 s", "3 min 05 s", "2 h 10 min".
[[nodiscard]] std::string duration_text(std::chrono::duration<double> span);

/// 1234567 as "1 234 567", so that big counts can be read.
[[nodiscard]] std::string count_text(std::uint64_t count);

}  // namespace cameo::apps
