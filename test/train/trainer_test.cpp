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

using namespace cameo;
using support::same;

namespace {

/// A network of one weight vector.
struct Line {
    at::Tensor weight = at::zeros({3}), buffer = at::zeros({1});
    [[nodiscard]] NamedTensors parameters() const { return {{"weight", weight}}; }
    [[nodiscard]] NamedTensors buffers() const { return {{"count", buffer}}; }
    [[nodiscard]] Line clone() const { return {weight.detach().clone(), buffer.clone()}; }
    void set_training(bool) {}
};

/// Fits the line to noisy answers; a second phase, every third step, draws it to zero.
class Fit {
  public:
    using Batch = at::Tensor;  // [N, 4]: three numbers and their answer
    using Network = Line;

    explicit Fit(double rate = 0.1) : rate_(rate) {}

    static constexpr std::string_view name() noexcept { return "fit"; }
    [[nodiscard]] std::vector<ParameterGroup> groups() const {
        return {{"L", line_.parameters(), {.learning_rate = rate_, .beta1 = 0.9}}};
    }
    [[nodiscard]] std::vector<TrainPhase> phases() const { return {{"main"}, {"reg", 0, 3}}; }
    [[nodiscard]] NamedTensors buffers() const { return {{"L.count", line_.buffer}}; }
    [[nodiscard]] const Line& network() const noexcept { return line_; }
    [[nodiscard]] RunOptions options() const { return {{"rate", option_text(rate_)}}; }
    void begin(const at::Tensor& batch, const TrainState&, RandomSource&) { batch_ = batch; }
    void backward(std::size_t phase, const TrainState&, RandomSource& random, const ReportSink& report) {
        if (phase == 1) return line_.weight.square().sum().mul(0.01).backward();
        line_.buffer.add_(1.0);
        const auto noise = random.normal({batch_.size(0)}).mul(0.1);
        const auto error = at::matmul(batch_.narrow(1, 0, 3), line_.weight) - batch_.select(1, 3) + noise;
        report("Loss/fit", error.square());
        error.square().mean().backward();
    }

  private:
    double rate_;
    Line line_;
    at::Tensor batch_;
};

struct Answers {
    using Batch = at::Tensor;
    std::string kind = "plain";
    [[nodiscard]] at::Tensor batch(std::int64_t first, std::int64_t count) const {
        std::vector<at::Tensor> rows;
        for (auto i = first; i < first + count; ++i) {
            StreamSource<CounterRandom> random{CounterRandom(9, static_cast<std::uint64_t>(i))};
            const auto x = random.normal({3});
            rows.push_back(at::cat({x, at::matmul(x, at::tensor({1.0f, -2.0f, 0.5f})).view({1})}));
        }
        return at::stack(rows);
    }
    [[nodiscard]] RunOptions options() const { return {{"kind", kind}}; }
};
static_assert(Dataset<Answers>);
static_assert(Objective<Fit>);
static_assert(!Objective<Answers>);

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
    auto other_data = made(folder.path(), some_options(), Fit(), {"other"});
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
