// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/error.hpp>

#include <catch2/catch.hpp>

#include <set>
#include <string>

using namespace cameo;

TEST_CASE("the table of errors has one row for each code, in order", "[core][error]") {
    int next = 1;
    std::set<std::string_view> names;
    for (const auto& row : errc_table()) {
        CHECK(static_cast<int>(row.code) == next++);
        CHECK(&info(row.code) == &row);
        CHECK_FALSE(row.meaning.empty());
        names.insert(row.name);
    }
    CHECK(next == static_cast<int>(Errc::internal) + 1);
    CHECK(names.size() == errc_table().size());
}

TEST_CASE("exit codes are those of the documentation", "[core][error]") {
    CHECK(info(Errc::internal).exit_code == 1);
    CHECK(info(Errc::invalid_argument).exit_code == 2);
    CHECK(info(Errc::shape_mismatch).exit_code == 2);
    CHECK(info(Errc::bad_file).exit_code == 3);
    CHECK(info(Errc::no_face).exit_code == 4);
    CHECK(info(Errc::model_mismatch).exit_code == 5);
    CHECK(info(Errc::resume_mismatch).exit_code == 5);
    CHECK(info(Errc::out_of_memory).exit_code == 6);
    CHECK(info(Errc::io_failure).exit_code == 7);
    CHECK(info(Errc::device_unsupported).exit_code == 8);
    CHECK(info(Errc::peer_lost).exit_code == 9);
    CHECK(info(Errc::cancelled).exit_code == 130);
    CHECK(info(static_cast<Errc>(0)).code == Errc::internal);
    CHECK(info(static_cast<Errc>(99)).code == Errc::internal);
}

TEST_CASE("an error carries its code and its words", "[core][error]") {
    const Error error(Errc::bad_file, "a.pkl: expected a header, found nothing");
    const auto copy = error;
    CHECK(copy.code() == Errc::bad_file);
    CHECK(std::string(copy.what()) == "a.pkl: expected a header, found nothing");
}
