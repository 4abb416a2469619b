// SPDX-License-Identifier: Apache-2.0
#include "bench/compare.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <cameo/core/error.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/core/tensor_state.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/safetensors.hpp>
#include <cameo/ops/reference_ops.hpp>
#include <nlohmann/json.hpp>

#include "bench/cases.hpp"
#include "bench/comparison.hpp"
#include "bench/difference.hpp"
#include "bench/instruments.hpp"
#include "bench/memory.hpp"
#include "bench/peer.hpp"
#include "bench/rounds.hpp"
#include "machine.hpp"
#include "model_file.hpp"
#include "outputs.hpp"
#include "train/config.hpp"

namespace cameo::apps::bench {
namespace {

namespace fs = std::filesystem;

constexpr double megabyte = 1e6;

/// What is handed to a peer; goes away with its owner.
class Handover {
  public:
    Handover() {
        auto pattern = (fs::temp_directory_path() / "cameo-bench-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr)
            throw Error(Errc::io_failure, pattern + ": cannot be made: " + std::generic_category().message(errno));
        folder_ = pattern;
    }
    Handover(const Handover&) = delete;
    Handover& operator=(const Handover&) = delete;
    ~Handover() {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }

    [[nodiscard]] fs::path operator/(const std::string& name) const { return folder_ / name; }

  private:
    fs::path folder_;
};

void write_tensors(const fs::path& path, const NamedTensors& tensors) {
    StateDict state;
    for (const auto& each : tensors) state.add(each.name, stored(each.tensor.detach().contiguous()));
    io::write_safetensors(path, state, io::Overwrite::yes);
}

/// One of a case's candidates, before it takes turns.
struct Entrant {
    std::string name;
    std::function<Outcome()> run;       ///< empty: the peer
    Outcome outcome{};                  ///< of its result the part that is compared
    std::vector<std::int64_t> sizes{};  ///< of all of it
    std::optional<double> peak_mb{}, kept_mb{};
};

/// All of a run with one number of threads.
class Run {
  public:
    /// `subject` may be null where no case needs it; `base`: bytes of memory before anything was made.
    Run(const CompareOptions& options, const Subject* subject, int threads, Terminal& terminal, std::uint64_t base)
        : options_(options),
          subject_(subject),
          threads_(threads),
          terminal_(terminal),
          context_(terminal.context()),
          base_(base) {
        set_thread_count(threads);
        at::set_num_threads(threads);
        instruments_ = machine_instruments(threads);
        if (options_.peer) start_peer();
        head_ = instruments_.witness();
        tell_witness("at the head");
    }

    void measure(const std::string& name, std::int64_t batch, std::vector<Comparison>& lines) {
        auto work = made(name, batch);
        auto entrants = entrants_of(work);
        for (auto& entrant : entrants) warm_up(entrant, work, entrants.front());
        std::vector<Candidate> candidates;
        for (const auto& entrant : entrants)
            candidates.push_back({entrant.name, [this, &entrant] {
                                      if (!entrant.run) return peer_->turn();
                                      return timed(instruments_, options_.least_seconds, [&] { (void)entrant.run(); });
                                  }});
        auto rounds = take_rounds(candidates, options_.rounds, instruments_, [&](std::size_t done) {
            context_.report(name, static_cast<std::int64_t>(done), static_cast<std::int64_t>(options_.rounds));
        });
        terminal_.end_progress();
        const auto peak = peak_of(rounds, head_);
        judge(rounds, candidates, peak, {.threads = threads_, .least_busy = options_.least_busy});
        for (std::size_t i = 0; i < rounds.size(); ++i)
            if (!rounds[i].fault.empty())
                terminal_.note(fmt::format("{}: round {} {}: {}", name, i + 1,
                                           options_.keep_noisy ? "is noisy" : "is left out", rounds[i].fault));
        const auto baseline = baseline_of(rounds, work);
        bool has_ratio = true;
        for (std::size_t k = 0; k < entrants.size(); ++k) {
            auto line = compared(work, entrants, k, peak);
            const auto found = verdict(rounds, k, baseline, options_.keep_noisy);
            line.against = entrants[baseline].name;
            line.seconds = found.seconds;
            line.ratio = found.ratio;
            line.rounds = found.counted;
            line.left_out = found.left_out;
            has_ratio = has_ratio && found.ratio;
            const auto text = lines.empty() ? table_head() + "\n" + table_line(line) : table_line(line);
            auto record = record_of(line);
            record["base_rss_mb"] = static_cast<double>(base_) / megabyte;
            terminal_.answer(record, text);
            lines.push_back(std::move(line));
        }
        if (!has_ratio)
            terminal_.warning(
                fmt::format("{}: no ratio: {} of {} rounds were quiet, expected at least {}; "
                            "--keep-noisy counts all",
                            name, lines.back().rounds, rounds.size(), least_rounds));
    }

    void end() { tell_witness("at the end"); }

  private:
    void start_peer() {
        peer_ = std::make_unique<Peer>(
            Peer::Options{*options_.peer, threads_, options_.peer_limit, [this] { context_.check_cancelled(); }});
        handover_ = std::make_unique<Handover>();
    }

    void tell_witness(const char* when) const {
        terminal_.note(fmt::format("{}, threads: {}, {}: {:.0f} GFLOP/s of float32 multiply-adds, {:.1f} GB/s copied",
                                   look_at_machine().cpu, threads_, when, instruments_.witness(), copy_rate(threads_)));
    }

    [[nodiscard]] Case made(const std::string& name, std::int64_t batch) {
        if (name == "train_step") return train_case(*options_.training);
        if (!is_of_model(name)) return convolution_case(name, convolution_named(name), batch);
        return model_case(name, *subject_, batch);
    }

    [[nodiscard]] std::vector<Entrant> entrants_of(const Case& work) const {
        std::vector<Entrant> entrants{{"reference", [&work] {
                                           const ops::ReferenceOps guard;
                                           return work.run();
                                       }}};
        for (const auto& way : work.plain) entrants.push_back({way.name, way.run});
        entrants.push_back({"cameo", work.run});
        if (peer_ && work.inputs && peer_->offers(work.name)) entrants.push_back({"peer", {}});
        return entrants;
    }

    /// A first call, and a second one whose memory is looked at and whose results are kept.
    void warm_up(Entrant& entrant, const Case& work, const Entrant& reference) {
        context_.check_cancelled();
        if (!entrant.run) return begin_peer(entrant, work, reference);
        (void)entrant.run();
        context_.check_cancelled();
        const auto peak = peak_bytes([&] { entrant.outcome = entrant.run(); });
        if (peak) entrant.peak_mb = static_cast<double>(*peak) / megabyte;
        keep(entrant, work);
        if (!work.loss) return;
        const auto kept = kept_bytes([&] {
            if (entrant.name != "reference") return work.loss();
            const ops::ReferenceOps guard;
            return work.loss();
        });
        if (kept) entrant.kept_mb = static_cast<double>(*kept) / megabyte;
    }

    void begin_peer(Entrant& entrant, const Case& work, const Entrant& reference) {
        fs::path model;
        if (is_of_model(work.name)) {
            model = options_.network.value_or(*handover_ / "model.safetensors");
            std::error_code ignored;
            if (!options_.network && !fs::exists(model, ignored))
                io::write_safetensors(model, subject_->model().state());
        }
        const auto inputs = *handover_ / (work.name + ".safetensors"), output = *handover_ / (work.name + ".out");
        write_tensors(inputs, work.inputs());
        peer_->begin(work.name, work.batch, fs::absolute(model), inputs);
        (void)peer_->turn();
        const auto results = peer_->output(output);
        const auto read = [&](const char* name, at::IntArrayRef sizes) {
            const auto* const found = results.find(name);
            const auto tensor = found == nullptr ? at::Tensor() : owned_tensor(*found, name);
            if (!tensor.defined() || tensor.sizes() != sizes)
                throw Error(Errc::peer_lost,
                            fmt::format("peer {}: {}: expected a tensor \"{}\" {}, got {}", peer_->name(), work.name,
                                        name, shape_text(sizes),
                                        tensor.defined() ? shape_text(tensor.sizes()) : std::string("none")));
            return tensor;
        };
        const auto& expected = reference.outcome;
        if (expected.result.defined()) entrant.outcome.result = read("result", reference.sizes);
        if (expected.losses.defined()) entrant.outcome.losses = read("losses", expected.losses.sizes());
        if (expected.gradient.defined() && results.contains("gradient"))
            entrant.outcome.gradient = read("gradient", expected.gradient.sizes());
        keep(entrant, work);
    }

    /// Whole results of all candidates would count as memory of those that come after.
    static void keep(Entrant& entrant, const Case& work) {
        auto& result = entrant.outcome.result;
        if (!result.defined()) return;
        entrant.sizes = result.sizes().vec();
        if (work.part) result = work.part(result).clone();
    }

    /// The best of LibTorch's own layouts, where there are some, else the reference.
    [[nodiscard]] std::size_t baseline_of(std::span<const Round> rounds, const Case& work) const {
        std::size_t best = 0;
        double least = 0.0;
        for (std::size_t k = 1; k <= work.plain.size(); ++k) {
            const auto seconds = verdict(rounds, k, k, true).seconds;
            if (best == 0 || *seconds < least) best = k, least = *seconds;
        }
        return best;
    }

    [[nodiscard]] Comparison compared(const Case& work, std::span<const Entrant> entrants, std::size_t k,
                                      double peak) const {
        Comparison line;
        line.case_name = work.name;
        line.candidate = entrants[k].name;
        line.threads = threads_;
        line.batch = work.batch;
        line.gflop = work.gflop;
        line.samples = work.samples;
        line.rays = work.rays;
        line.peak_gflops = peak;
        line.peak_mb = entrants[k].peak_mb;
        line.kept_mb = entrants[k].kept_mb;
        const auto& expected = entrants.front().outcome;
        const auto& own = entrants[k].outcome;
        if (k == 0 && !work.truth) return line;
        if (own.losses.defined()) {
            line.max_abs = difference(expected.losses, own.losses).max_abs;
            if (own.gradient.defined()) line.rel_l2 = difference(expected.gradient, own.gradient).rel_l2;
            return line;
        }
        const auto truth = work.truth ? work.truth() : expected.result;
        const auto found = difference(truth, own.result);
        line.max_abs = found.max_abs;
        line.psnr_db = found.psnr_db;
        line.rel_l2 = found.rel_l2;
        if (work.name == "raw")
            line.share_beyond = (truth - own.result).abs().amax(-1).gt(1e-5).to(at::kDouble).mean().item<double>();
        return line;
    }

    const CompareOptions& options_;
    const Subject* subject_;
    int threads_;
    Terminal& terminal_;
    Context context_;
    std::uint64_t base_;
    Instruments instruments_;
    double head_ = 0.0;
    std::unique_ptr<Handover> handover_;
    std::unique_ptr<Peer> peer_;
};

}  // namespace

void compare(const CompareOptions& options, Terminal& terminal) {
    const auto base = resident_bytes();
    if (options.plot && !options.force) check_free(*options.plot);
    // What cannot be read is told before minutes of work.
    std::optional<Subject> subject;
    if (std::ranges::any_of(options.cases, is_of_model))
        subject =
            options.network ? Subject(ModelOptions{.network = options.network}.load().generator) : Subject::full_size();
    if (std::ranges::find(options.cases, "train_step") != options.cases.end()) (void)read_config(*options.training);
    std::vector<Comparison> lines;
    for (const auto threads : options.threads) {
        Run run(options, subject ? &*subject : nullptr, threads, terminal, base);
        for (const auto batch : options.batches)
            for (const auto& name : options.cases) run.measure(name, batch, lines);
        run.end();
    }
    if (options.plot)
        io::write_file(*options.plot, plot_of(lines), options.force ? io::Overwrite::yes : io::Overwrite::no);
}

}  // namespace cameo::apps::bench
