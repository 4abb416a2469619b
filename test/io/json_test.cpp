// SPDX-License-Identifier: Apache-2.0
#include "io/json.hpp"

#include <string>

#include <catch2/catch.hpp>

#include <cameo/core/error.hpp>

using cameo::Errc;
using cameo::io::parse_json;

namespace {

std::string refusal(const std::string& text, std::size_t max_bytes = cameo::io::max_json_bytes) {
    try {
        (void)parse_json(text, "labels.json", max_bytes);
    } catch (const cameo::Error& error) {
        CHECK(error.code() == Errc::bad_file);
        CHECK_THAT(error.what(), Catch::StartsWith("labels.json: expected "));
        return error.what();
    }
    FAIL("expected a refusal of: " << text.substr(0, 80));
    return {};
}

std::string repeated(const std::string& unit, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += unit;
    return text;
}

}  // namespace

TEST_CASE("every kind of JSON value arrives as itself", "[io][json]") {
    const auto value = parse_json(
        R"( {"a": [1, -2, 2.5, true, false, null, "x\u00e9\n", {}], "b": {"c": 18446744073709551615, "d": -9223372036854775808}} )",
        "test");
    CHECK(value["a"].size() == 8);
    CHECK(value["a"][0].get<int>() == 1);
    CHECK(value["a"][1].get<int>() == -2);
    CHECK(value["a"][2].get<double>() == 2.5);
    CHECK(value["a"][3].get<bool>());
    CHECK_FALSE(value["a"][4].get<bool>());
    CHECK(value["a"][5].is_null());
    CHECK(value["a"][6].get<std::string>() == "x\xc3\xa9\n");
    CHECK(value["a"][7].is_object());
    CHECK(value["b"]["c"].get<std::uint64_t>() == 18446744073709551615u);
    CHECK(value["b"]["d"].get<std::int64_t>() == std::numeric_limits<std::int64_t>::min());
    CHECK(parse_json("3.5", "test").get<double>() == 3.5);
}

TEST_CASE("what nlohmann writes is read back equal", "[io][json]") {
    const nlohmann::json value = {{"list", {1, 2.25, "three", nullptr, {{"deep", {{"deeper", {1, 2, 3}}}}}}},
                                  {"empty", nlohmann::json::object()},
                                  {"text", "\"quoted\" \\ \x01 \xf0\x9f\x98\x80"}};
    CHECK(parse_json(value.dump(), "test") == value);
    CHECK(parse_json(value.dump(4), "test") == value);
}

TEST_CASE("a fault in the syntax is refused with its position", "[io][json]") {
    CHECK_THAT(refusal(R"({"a": 1,})"), Catch::Contains("at byte 9"));
    CHECK_THAT(refusal(R"([1, 2)"), Catch::Contains("at byte"));
    for (const auto* text : {"", "{", "[1 2]", "{'a': 1}", "[01]", "[+1]", "[.5]", "[NaN]", "[Infinity]", "[-Infinity]",
                             "nul", "{} {}", "[1] x", "// comment\n1", "{\"a\" 1}", "\"open", "[\"\\x\"]", "[\"\n\"]"})
        refusal(text);
    for (const auto& text : {std::string("[1]\0", 4), std::string("[1]\0garbage", 11), std::string("\0", 1)})
        refusal(text);
}

TEST_CASE("JSON of 32 levels is read and of 33 refused", "[io][json]") {
    CHECK_NOTHROW(parse_json(repeated("[", 32) + repeated("]", 32), "test"));
    CHECK_THAT(refusal(repeated("[", 33) + repeated("]", 33)), Catch::Contains("32 levels"));
    CHECK_NOTHROW(parse_json(repeated("{\"a\":", 32) + "1" + repeated("}", 32), "test"));
    refusal(repeated("{\"a\":", 33) + "1" + repeated("}", 33));
    refusal(repeated("[", 1'000'000));  // must not exhaust the stack either
}

TEST_CASE("numbers that their type cannot hold are refused", "[io][json]") {
    for (const auto* text : {"[1e999]", "[-1e999]", "[18446744073709551616]", "[-9223372036854775809]",
                             "[123456789012345678901234567890]"})
        refusal(text);
    CHECK(parse_json("1e-999", "test").get<double>() == 0.0);  // underflow is rounding, not a lie
    CHECK(parse_json("1e308", "test").get<double>() == 1e308);
}

TEST_CASE("a key given twice is refused and named", "[io][json]") {
    CHECK_THAT(refusal(R"({"a": 1, "b": 2, "a": 3})"), Catch::Contains("'a'"));
    CHECK_THAT(refusal(R"([{"x": {"y": 1, "\u0079": 2}}])"), Catch::Contains("'y'"));  // equal after unescaping
    CHECK_NOTHROW(parse_json(R"([{"a": 1}, {"a": 2}, {"b": {"a": 1}, "a": 1}])", "test"));
}

TEST_CASE("text that is not UTF-8 is refused", "[io][json]") {
    for (const auto* text : {"[\"\xff\"]", "[\"\xc0\xaf\"]", "[\"\xed\xa0\x80\"]", "[\"\xf4\x90\x80\x80\"]",
                             "[\"\xe2\x82\"]", "[\"\\ud800\"]", "[\"\\udc00\"]", "{\"\x80\": 1}"})
        refusal(text);
}

TEST_CASE("JSON beyond the cap of bytes is refused before it is parsed", "[io][json]") {
    CHECK_NOTHROW(parse_json("[1,2]", "test", 5));
    CHECK_THAT(refusal("[1,2]", 4), Catch::Contains("at most 4 bytes"));
}
