// SPDX-License-Identifier: Apache-2.0
#include "bench/rounds.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace cameo::apps::bench;
using Catch::Contains;

namespace {

/// A machine whose clocks go as they are told.
struct FakeMachine {
    double wall = 100.0, cpu = 7.0, rate = 400.0;
    int witnessed = 0;

    void work(double seconds, double cores) {
        wall += seconds;
        cpu += seconds * cores;
    }
    [[nodiscard]] Instruments instruments() {
        return {[this] { return wall; }, [this] { return cpu; },
                [this] {
                    ++witnessed;
                    return rate;
                }};
    }
};

Candidate takes(std::string name, double seconds, double busy, std::string* order = nullptr) {
    return {name, [=] {
                if (order) *order += name;
                return Turn{seconds, busy};
            }};
}

}  // namespace

TEST_CASE("a turn repeats short calls until the clock reads them well, and tells one of them", "[apps][bench]") {
    FakeMachine machine;
    int calls = 0;
    const auto turn = timed(machine.instruments(), 1.0, [&] {
        ++calls;
        machine.work(0.3, 1.5);
    });
    CHECK(calls == 4);
    CHECK(turn.seconds == Approx(0.3));
    CHECK(*turn.busy == Approx(1.5));
    calls = 0;
    CHECK(timed(machine.instruments(), 1.0, [&] { machine.work(9.0, 2.0), ++calls; }).seconds == Approx(9.0));
    CHECK(calls == 1);
    CHECK_FALSE(timed(machine.instruments(), 0.0, [] {}).busy.has_value());  // a clock that stood still
}

TEST_CASE("candidates take turns in an order that turns round", "[apps][bench]") {
    FakeMachine machine;
    std::string order;
    const std::vector<Candidate> candidates{takes("a", 1, 2, &order), takes("b", 2, 2, &order),
                                            takes("c", 3, 2, &order)};
    std::vector<std::size_t> told;
    const auto rounds =
        take_rounds(candidates, 3, machine.instruments(), [&](std::size_t done) { told.push_back(done); });
    CHECK(order == "abccbaabc");
    CHECK(told == std::vector<std::size_t>{0, 1, 2, 3});
    CHECK(machine.witnessed == 4);  // before the first, and after each
    REQUIRE(rounds.size() == 3);
    for (const auto& round : rounds) {
        CHECK(round.turns[0].seconds == 1.0);
        CHECK(round.turns[2].seconds == 3.0);
    }
}

TEST_CASE("a round with an idle core or a slow machine is left out, by its reason", "[apps][bench]") {
    const std::vector<Candidate> candidates{takes("a", 1, 2), takes("b", 1, 2)};
    const auto round = [](double before, double after, double a, std::optional<double> b) {
        return Round{before, after, {{1.0, a}, {1.0, b}}};
    };
    std::vector<Round> rounds{round(400, 400, 2.0, 1.87), round(400, 400, 2.0, 1.85), round(400, 379, 2.0, 2.0),
                              round(381, 400, 2.0, {})};
    judge(rounds, candidates, 400, {.threads = 2});
    CHECK(rounds[0].fault.empty());
    CHECK_THAT(rounds[1].fault, Contains("b") && Contains("1.85 of 2"));
    CHECK_THAT(rounds[2].fault, Contains("379") && Contains("400"));
    CHECK(rounds[3].fault.empty());  // who does not tell its CPU time is not judged by it
    CHECK(peak_of(rounds, 390) == 400);
    CHECK(peak_of(rounds, 410) == 410);
}

TEST_CASE("ratios are of medians, over the rounds that count, and there are none of fewer than five", "[apps][bench]") {
    std::vector<Round> rounds;
    for (const double seconds : {1.0, 1.1, 0.9, 1.0, 1.2}) rounds.push_back({400, 400, {{10.0, 2.0}, {seconds, 2.0}}});
    rounds.push_back({400, 400, {{10.0, 2.0}, {50.0, 1.0}}, "cpu/wall"});
    auto found = verdict(rounds, 1, 0, false);
    CHECK(found.counted == 5);
    CHECK(found.left_out == 1);
    CHECK(*found.seconds == 1.0);
    REQUIRE(found.ratio);
    CHECK(found.ratio->median == Approx(10.0));
    CHECK(found.ratio->least == Approx(10.0 / 1.2));
    CHECK(found.ratio->greatest == Approx(10.0 / 0.9));

    rounds[0].fault = "witness";
    found = verdict(rounds, 1, 0, false);
    CHECK(found.counted == 4);
    CHECK(*found.seconds == Approx(1.05));
    CHECK_FALSE(found.ratio);
    found = verdict(rounds, 1, 0, true);
    CHECK(found.counted == 6);
    CHECK(found.ratio->least == Approx(0.2));

    for (auto& round : rounds) round.fault = "witness";
    found = verdict(rounds, 1, 0, false);
    CHECK_FALSE(found.seconds);
    CHECK_FALSE(found.ratio);
}
