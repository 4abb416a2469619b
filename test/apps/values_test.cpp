// SPDX-License-Identifier: Apache-2.0
#include "values.hpp"

#include <limits>

#include <cameo/core/error.hpp>
#include "support/catch.hpp"

using namespace cameo::apps;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kibi = 1024, mebi = kibi * 1024, gibi = mebi * 1024;

/// Catch2 checks that `parse` refuses `text` as a misuse and repeats it in the message.
template <class Parse>
void check_refuses(Parse&& parse, const std::string& text) {
    INFO("\"" << text << "\"");
    try {
        (void)parse(text);
        FAIL_CHECK("expected a refusal");
    } catch (const cameo::Error& error) {
        CHECK(error.code() == cameo::Errc::invalid_argument);
        CHECK_THAT(error.what(), Catch::StartsWith("expected ") && Catch::Contains("got \"" + text + "\""));
    }
}

}  // namespace

TEST_CASE("memory is written with units of 1024 and of 1000", "[apps][values]") {
    CHECK(parse_memory("6G").bytes == 6 * gibi);
    CHECK(parse_memory("6g").bytes == 6 * gibi);
    CHECK(parse_memory("6GiB").bytes == 6 * gibi);
    CHECK(parse_memory("6GB").bytes == 6'000'000'000);
    CHECK(parse_memory("1.5G").bytes == gibi + gibi / 2);
    CHECK(parse_memory("512M").bytes == 512 * mebi);
    CHECK(parse_memory("64k").bytes == 64 * kibi);
    CHECK(parse_memory("64kB").bytes == 64'000);
    CHECK(parse_memory("2T").bytes == 2048 * gibi);
    CHECK(parse_memory("1000").bytes == 1000);
    CHECK(parse_memory("12B").bytes == 12);
    CHECK(parse_memory("0").bytes == 0);
    for (const auto* text :
         {"", "G", "-1G", "6X", "6 G", "6GG", "6GiBs", "nan", "inf", "0x10", "1e400", "9999999T", "six"})
        check_refuses(parse_memory, text);
}

TEST_CASE("spans of time add up their parts", "[apps][values]") {
    CHECK(parse_duration("60s").span == 1min);
    CHECK(parse_duration("60").span == 1min);
    CHECK(parse_duration("2m").span == 2min);
    CHECK(parse_duration("1h30m").span == 90min);
    CHECK(parse_duration("1d1h1m1s1ms").span == 24h + 1h + 1min + 1s + 1ms);
    CHECK(parse_duration("500ms").span == 500ms);
    CHECK(parse_duration("1.5s").span == 1500ms);
    CHECK(parse_duration("0").span == 0ms);
    for (const auto* text : {"", "s", "-5s", "30m1h", "1h1h", "1h 30m", "5 s", "1h30", "5y", "nan", "1e300d"})
        check_refuses(parse_duration, text);
}

TEST_CASE("angles are degrees unless they say radians", "[apps][values]") {
    CHECK(parse_angle("30").degrees == 30.0);
    CHECK(parse_angle("-12.5").degrees == -12.5);
    CHECK(parse_angle("+7").degrees == 7.0);
    CHECK(parse_angle("30deg").degrees == 30.0);
    CHECK(parse_angle("-3.141592653589793rad").degrees == Approx(-180.0).epsilon(1e-15));
    for (const auto* text : {"", "deg", "30 deg", "30grad", "inf", "-inf", "nan", "--3", "+-3", "1e999"})
        check_refuses(parse_angle, text);
}

TEST_CASE("a size is one side or two", "[apps][values]") {
    CHECK(parse_size("512") == Size{512, 512});
    CHECK(parse_size("640x480") == Size{640, 480});
    for (const auto* text :
         {"", "x", "512x", "x512", "0", "-5", "512x-1", "5x5x5", "5.5", "99999999999999999999", "5 x 5"})
        check_refuses(parse_size, text);
}

TEST_CASE("numbers, integers, switches and paths take the whole text or none of it", "[apps][values]") {
    CHECK(parse_number("-0.5e2") == -50.0);
    CHECK(parse_number(".5") == 0.5);
    CHECK(parse_integer("-42") == -42);
    CHECK(parse_integer("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
    for (const auto* text : {"", "1,5", "1.5x", "nan", "infinity", " 1", "0x1p3"}) check_refuses(parse_number, text);
    for (const auto* text : {"", "1.0", "9223372036854775808", "1 ", "abc"}) check_refuses(parse_integer, text);
    for (const auto* text : {"1", "true", "YES", "On"}) CHECK(parse_switch(text));
    for (const auto* text : {"0", "false", "No", "OFF"}) CHECK_FALSE(parse_switch(text));
    for (const auto* text : {"", "2", "maybe"}) check_refuses(parse_switch, text);
    CHECK(parse_path("a b/c.pkl") == std::filesystem::path("a b/c.pkl"));
    check_refuses(parse_path, "");
    CHECK_THROWS_AS(parse_path(std::string_view("a\0b", 3)), cameo::Error);
}

TEST_CASE("amounts are told in units that fit", "[apps][values]") {
    CHECK(memory_text(0) == "0 bytes");
    CHECK(memory_text(1023) == "1023 bytes");
    CHECK(memory_text(1024) == "1.0 KiB");
    CHECK(memory_text(mebi - 1) == "1.0 MiB");  // never "1024.0 KiB"
    CHECK(memory_text(6 * gibi) == "6.0 GiB");
    CHECK(memory_text(std::numeric_limits<std::uint64_t>::max()) == "16.0 EiB");
    CHECK(duration_text(0.42s) == "0.4 s");
    CHECK(duration_text(9.96s) == "10 s");
    CHECK(duration_text(59.4s) == "59 s");
    CHECK(duration_text(59.6s) == "1 min 00 s");
    CHECK(duration_text(185s) == "3 min 05 s");
    CHECK(duration_text(7800s) == "2 h 10 min");
    CHECK(duration_text(-5s) == "0.0 s");
    CHECK(count_text(0) == "0");
    CHECK(count_text(999) == "999");
    CHECK(count_text(1000) == "1 000");
    CHECK(count_text(1234567) == "1 234 567");
}
