// SPDX-License-Identifier: Apache-2.0
#include <cameo/concepts/process_group.hpp>

#include <chrono>
#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <cameo/train/collectives.hpp>
#include <cameo/train/gloo_group.hpp>
#include <cameo/train/single_process.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"
#include "train/in_processes.hpp"

using namespace cameo;
using support::in_processes;
using support::rethrow_first;
using support::same;

namespace {

/// The sum, and what process 0 had, as a process sees them afterwards.
struct Seen {
    std::vector<at::Tensor> sums, broadcast;
};

at::Tensor of_rank(std::int64_t rank, at::ScalarType type) {
    return (at::arange(1001, at::kDouble) * 0.37 + static_cast<double>(rank + 1) / 3).to(type);
}

template <ProcessGroup P>
Seen seen_by(P& group) {
    Seen seen;
    for (const auto type : {at::kFloat, at::kDouble, at::kLong, at::kByte}) {
        seen.sums.push_back(of_rank(group.rank(), type));
        group.sum(seen.sums.back());
    }
    // A column is not contiguous; a scalar has no axis; nothing at all is allowed.
    const auto square = of_rank(group.rank(), at::kFloat).narrow(0, 0, 100).clone().view({10, 10});
    group.sum(square.select(1, 3));
    seen.sums.push_back(square);
    seen.broadcast = {of_rank(group.rank(), at::kFloat), of_rank(group.rank(), at::kDouble).sum()};
    for (const auto& tensor : seen.broadcast) group.broadcast(tensor);
    group.sum(at::empty({0}));
    return seen;
}

}  // namespace

TEST_CASE("one process is a group", "[train][processes]") {
    SingleProcess group;
    const auto seen = seen_by(group);
    CHECK(same(seen.sums.front(), of_rank(0, at::kFloat)));
    CHECK(same(seen.broadcast.front(), of_rank(0, at::kFloat)));
    GlooGroup alone{ProcessPlace{}};  // needs no Gloo
    CHECK(same(seen_by(alone).sums[1], of_rank(0, at::kDouble)));
}

TEST_CASE("without Gloo many processes are refused with the name of what is missing", "[train][processes]") {
    if (gloo_available()) return;  // covered by a build without: test/consumers
    CHECK_THROWS_MATCHES(GlooGroup({.rank = 0, .size = 2, .file = "x"}), Error,
                         support::is_error(Errc::device_unsupported, "libgloo-dev"));
}

TEST_CASE("all processes hold the same sum and what the first one had", "[train][processes]") {
    if (support::without_gloo()) return;
    const std::int64_t count = GENERATE(2, 3);
    std::vector<Seen> seen(static_cast<std::size_t>(count));
    rethrow_first(
        in_processes(count, [&](GlooGroup& group) { seen[static_cast<std::size_t>(group.rank())] = seen_by(group); }));
    const at::ScalarType types[] = {at::kFloat, at::kDouble, at::kLong, at::kByte};
    for (std::size_t i = 0; i < 4; ++i) {
        auto expected = of_rank(0, types[i]);
        for (std::int64_t rank = 1; rank < count; ++rank) expected = expected + of_rank(rank, types[i]);
        CHECK(support::relative_difference(seen[0].sums[i], expected) < 1e-6);
    }
    const auto column = seen[0].sums[4].select(1, 3), untouched = seen[0].sums[4].select(1, 4);
    const auto first = of_rank(0, at::kFloat).narrow(0, 0, 100).view({10, 10});
    CHECK(same(untouched, first.select(1, 4)));
    CHECK(support::difference(column, first.select(1, 3)) > 1);
    for (const auto& each : seen) {
        for (std::size_t i = 0; i < 4; ++i) CHECK(same(each.sums[i], seen[0].sums[i]));
        CHECK(same(each.broadcast[0], of_rank(0, at::kFloat)));
        CHECK(same(each.broadcast[1], of_rank(0, at::kDouble).sum()));
    }
}

TEST_CASE("processes meet at a launcher's address, once for each attempt", "[train][processes]") {
    if (support::without_gloo()) return;
    // What torchrun's agent does.
    c10d::TCPStoreOptions options;
    options.port = 0;  // any that is free
    options.isServer = true;
    options.waitWorkers = false;
    const auto listener = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
    for (const std::int64_t attempt : {0, 1}) {
        std::vector<at::Tensor> sums(2);
        std::vector<std::jthread> threads;
        for (std::int64_t rank = 0; rank < 2; ++rank)
            threads.emplace_back([&, rank] {
                try {
                    GlooGroup group({.rank = rank,
                                     .size = 2,
                                     .host = "127.0.0.1",
                                     .port = listener->getPort(),
                                     .hosted = true,
                                     .attempt = attempt});
                    const auto tensor = at::full({2}, static_cast<double>(rank + 1), at::kDouble);
                    group.sum(tensor);
                    sums[static_cast<std::size_t>(rank)] = tensor;
                } catch (const Error&) {
                }  // no sum
            });
        threads.clear();
        for (const auto& sum : sums) {
            REQUIRE(sum.defined());
            CHECK(same(sum, at::full({2}, 3.0, at::kDouble)));
        }
    }
}

TEST_CASE("processes exchange texts and votes", "[train][processes]") {
    if (support::without_gloo()) return;
    std::vector<std::vector<std::string>> texts(3);
    std::vector<std::pair<bool, bool>> votes(3);
    rethrow_first(in_processes(3, [&](GlooGroup& group) {
        const auto rank = static_cast<std::size_t>(group.rank());
        texts[rank] = cameo::detail::texts_of_all(group, std::string(rank * 1000, static_cast<char>('a' + rank)));
        votes[rank] = {cameo::detail::any(group, rank == 1), cameo::detail::any(group, false)};
    }));
    for (std::size_t rank = 0; rank < 3; ++rank) {
        CHECK((texts[rank] == std::vector{std::string(), std::string(1000, 'b'), std::string(2000, 'c')}));
        CHECK(votes[rank].first);
        CHECK_FALSE(votes[rank].second);
    }
}

TEST_CASE("gradients become their mean, of which none is a part too", "[train][processes]") {
    if (support::without_gloo()) return;
    std::vector<NamedTensors> parameters(2);
    rethrow_first(in_processes(2, [&](GlooGroup& group) {
        const auto here = group.rank() == 0;
        auto& own = parameters[static_cast<std::size_t>(group.rank())];
        own = {{"both", at::zeros({2, 2})}, {"first", at::zeros({3})}, {"nobody", at::zeros({4})}};
        own[0].tensor.mutable_grad() = at::full({2, 2}, here ? 1.0 : 4.0);
        if (here) own[1].tensor.mutable_grad() = at::tensor({2.0F, INFINITY, NAN});
        cameo::detail::average_gradients(group, own);
    }));
    for (const auto& own : parameters) {
        CHECK(same(own[0].tensor.grad(), at::full({2, 2}, 2.5)));
        CHECK(same(own[1].tensor.grad(), at::tensor({1.0F, INFINITY, NAN})));  // Adam cleans them
        CHECK_FALSE(own[2].tensor.grad().defined());
    }
}

TEST_CASE("others wait for the first for longer than their patience, and learn of its failure", "[train][processes]") {
    if (support::without_gloo()) return;
    using namespace std::chrono_literals;
    std::vector<int> worked(3);
    rethrow_first(in_processes(
        3,
        [&](GlooGroup& group) {
            cameo::detail::first_works(
                group,
                [&] {
                    ++worked[static_cast<std::size_t>(group.rank())];
                    std::this_thread::sleep_for(2500ms);
                },
                200ms);
        },
        1000ms));
    CHECK((worked == std::vector{1, 0, 0}));

    const auto problems = in_processes(2, [&](GlooGroup& group) {
        cameo::detail::first_works(group, [] { throw Error(Errc::io_failure, "the disk is full"); });
    });
    CHECK_THROWS_MATCHES(std::rethrow_exception(problems[0]), Error, support::is_error(Errc::io_failure, "disk"));
    CHECK_THROWS_MATCHES(std::rethrow_exception(problems[1]), Error, support::is_error(Errc::peer_lost, "process 0"));
}

TEST_CASE("a process that is gone, or never came, is a lost peer", "[train][processes]") {
    if (support::without_gloo()) return;
    using namespace std::chrono_literals;
    const auto problems = in_processes(3, [&](GlooGroup& group) {
        const auto tensor = at::ones({10});
        group.sum(tensor);
        if (group.rank() == 1) throw std::runtime_error("this one ends");
        group.sum(tensor);
    });
    CHECK_THROWS_WITH(std::rethrow_exception(problems[1]), "this one ends");
    for (const auto rank : {0U, 2U})
        CHECK_THROWS_MATCHES(std::rethrow_exception(problems[rank]), Error,
                             support::is_error(Errc::peer_lost, " of 3: expected the others of the run, got: "));

    const support::TemporaryFolder folder;
    CHECK_THROWS_MATCHES(GlooGroup({.rank = 0, .size = 2, .file = folder / "meeting"}, 500ms), Error,
                         support::is_error(Errc::peer_lost, "process 0 of 2: expected all 2 of them at"));
    CHECK_THROWS_MATCHES(GlooGroup({.rank = 0, .size = 2, .file = folder / "none" / "meeting"}, 500ms), Error,
                         support::is_error(Errc::io_failure, "none/meeting: No such file"));
}
