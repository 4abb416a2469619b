// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/trainer.hpp>

#include <fstream>
#include <stop_token>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/io/snapshot_folder.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/failing_disk.hpp"
#include "support/temporary_folder.hpp"
#include "support/tensors.hpp"
#include "train/fit.hpp"

using namespace cameo;
using support::Answers;
using support::Fit;
using support::same;

namespace {

TrainerOptions some_options() {
    return {.batch = 4,
            .steps = 60,
            .snapshot_interval = 7,
            .report_interval = 10,
            .data_threads = 0,
            .learning_rate = {.shape = LearningRate::Shape::cosine},
            .average = {.half_life = 40}};
}

using FitTrainer = Trainer<Fit, Answers, io::SnapshotFolder>;

FitTrainer made(const std::filesystem::path& folder, TrainerOptions options = some_options(), Fit fit = Fit(),
                Answers answers = {}) {
    return {std::move(fit), std::move(answers), io::SnapshotFolder(folder),
            std::make_unique<StreamSource<CounterRandom>>(CounterRandom(4)), options};
}

/// Runs until a stop is asked for after so many steps.
void run_for(FitTrainer& trainer, std::int64_t steps) {
    std::stop_source stop;
    trainer.run({.stop = stop.get_token()}, [&](const TrainReport& report) {
        if (report.state.step >= steps) stop.request_stop();
    });
}

void damage(const std::filesystem::path& path) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(-3, std::ios::end);
    file.put('\x55');
}

}  // namespace

TEST_CASE("training finds the line, and its average follows", "[train][trainer]") {
    const support::TemporaryFolder folder;
    auto trainer = made(folder.path());
    std::vector<TrainReport> reports;
    trainer.run({}, [&](const TrainReport& report) { reports.push_back(report); });
    CHECK(reports.size() == 6);
    CHECK(reports.back().values.at("Loss/fit") < 0.2 * reports.front().values.at("Loss/fit"));
    CHECK((trainer.state() == TrainState{60, 240}));
    CHECK(support::difference(trainer.objective().network().weight, at::tensor({1.0f, -2.0f, 0.5f})) < 0.4);
    CHECK(support::difference(trainer.average().weight, trainer.objective().network().weight) < 0.5);
    CHECK_FALSE(same(trainer.average().weight, trainer.objective().network().weight));
    CHECK(same(trainer.average().buffer, at::full({1}, 60.0)));
}

TEST_CASE("a run that was stopped any number of times ends with the bits of the unbroken one", "[train][trainer]") {
    const support::TemporaryFolder whole_folder, folder;
    auto whole = made(whole_folder.path());
    whole.run({});
    auto options = some_options();
    options.report_interval = 1;
    for (const std::int64_t stop : {1, 6, 23, 41}) {
        options.data_threads = static_cast<int>(stop % 3);
        auto trainer = made(folder.path(), options);
        CHECK(trainer.resume() == (stop > 1));
        CHECK_THROWS_MATCHES(run_for(trainer, stop), Error, support::is_error(Errc::cancelled));
        CHECK(trainer.state().step == stop);
    }
    auto last = made(folder.path(), options);
    CHECK(last.resume());
    last.run({});
    CHECK(same(last.objective().network().weight, whole.objective().network().weight));
    CHECK(same(last.average().weight, whole.average().weight));
    CHECK(support::text_of(io::SnapshotFolder(folder.path()).path_of(60)) ==
          support::text_of(io::SnapshotFolder(whole_folder.path()).path_of(60)));
}

TEST_CASE("a damaged newest snapshot is told about and the one before it serves", "[train][trainer]") {
    const support::TemporaryFolder whole_folder, folder;
    auto whole = made(whole_folder.path());
    whole.run({});
    auto first = made(folder.path());
    CHECK_THROWS_MATCHES(run_for(first, 30), Error, support::is_error(Errc::cancelled));
    const io::SnapshotFolder kept(folder.path());
    REQUIRE(kept.steps() == std::vector<std::int64_t>{28, 30});
    damage(kept.path_of(30));
    std::vector<std::string> notes;
    auto second = made(folder.path());
    CHECK(second.resume([&](const std::string& note) { notes.push_back(note); }));
    CHECK(second.state().step == 28);
    REQUIRE(notes.size() == 1);
    CHECK_THAT(notes[0], Catch::Contains("snapshot-000000030"));
    second.run({});
    CHECK(same(second.average().weight, whole.average().weight));

    for (const auto step : kept.steps()) damage(kept.path_of(step));
    auto third = made(folder.path());
    CHECK_THROWS_MATCHES(third.resume(), Error, support::is_error(Errc::bad_file, "2 damaged ones"));
}

TEST_CASE("a run does not go on from one with other options", "[train][trainer]") {
    const support::TemporaryFolder folder;
    auto trainer = made(folder.path());
    trainer.run({});
    auto faster = made(folder.path(), some_options(), Fit(0.05));
    CHECK_THROWS_MATCHES(faster.resume(), Error,
                         support::is_error(Errc::resume_mismatch, "objective.rate was 0.1, is 0.05"));
    auto other_data = made(folder.path(), some_options(), Fit(), {.kind = "other"});
    CHECK_THROWS_MATCHES(other_data.resume(), Error,
                         support::is_error(Errc::resume_mismatch, "data.kind was plain, is other"));
    auto options = some_options();
    options.batch = 5;
    options.data_threads = 2;  // decides no number
    auto larger = made(folder.path(), options);
    CHECK_THROWS_MATCHES(larger.resume(), Error, support::is_error(Errc::resume_mismatch, "batch was 4, is 5"));
}

TEST_CASE("a full disk ends the run; the snapshot before serves", "[train][trainer]") {
    const support::TemporaryFolder folder;
    auto trainer = made(folder.path());
    {
        support::FailingDisk disk({.room = 5000});
        const io::FileCallsScope scope(disk);
        CHECK_THROWS_MATCHES(trainer.run({}), Error, support::is_error(Errc::io_failure));
    }
    const auto steps = io::SnapshotFolder(folder.path()).steps();
    REQUIRE_FALSE(steps.empty());
    auto next = made(folder.path());
    CHECK(next.resume());
    CHECK(next.state().step == steps.back());
}

TEST_CASE("options outside their ranges are refused", "[train][trainer]") {
    const support::TemporaryFolder folder;
    auto options = some_options();
    options.batch = 0;
    CHECK_THROWS_MATCHES(made(folder.path(), options), Error, support::is_error(Errc::invalid_argument, "batch"));
    options = some_options();
    options.data_threads = -1;
    CHECK_THROWS_MATCHES(made(folder.path(), options), Error,
                         support::is_error(Errc::invalid_argument, "data threads"));
}
