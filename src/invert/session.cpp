// SPDX-License-Identifier: Apache-2.0
#include <cameo/invert/session.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/core/tensor_state.hpp>

namespace cameo {

std::string_view name(StageSummary::End end) noexcept {
    static constexpr std::array<std::string_view, 4> names{"steps", "budget", "settled", "reached"};
    return names[static_cast<std::size_t>(end)];
}

namespace detail {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* key = "inversion";  // of the metadata

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string stage_prefix(std::size_t index) { return "stage" + std::to_string(index) + "."; }

Json summary_json(const StageSummary& s) {
    return {{"stage", s.stage},           {"end", static_cast<int>(s.end)}, {"steps", s.steps},
            {"first_loss", s.first_loss}, {"last_loss", s.last_loss},       {"seconds", s.seconds}};
}

/// Equal bits, in whatever type and on whatever device.
bool same(const at::Tensor& a, const at::Tensor& b) {
    return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() && a.cpu().equal(b.cpu());
}

at::Tensor random_tensor(const std::vector<std::byte>& bytes) {
    const auto result = at::empty({static_cast<std::int64_t>(bytes.size())}, at::kByte);
    std::memcpy(result.mutable_data_ptr(), bytes.data(), bytes.size());
    return result;
}

/// Numbers of a state's metadata. Errors: bad_file
Json checked_facts(const StateDict& state) {
    const auto found = state.metadata.find(key);
    const auto facts = found == state.metadata.end() ? Json() : Json::parse(found->second, nullptr, false);
    if (!facts.is_object() || !facts.contains("description") || !facts.contains("done") || !facts.contains("loop"))
        throw Error(Errc::bad_file, "state: expected that of an inversion, got something else");
    return facts;
}

void copy_into(const StateDict& state, const std::string& name, const at::Tensor& into) {
    const auto from = tensor(state.at(name), name);
    if (from.sizes() != into.sizes() || from.scalar_type() != into.scalar_type())
        throw Error(Errc::bad_file, "state: tensor '" + name + "': expected another shape or type");
    const c10::NoGradGuard no_grad;
    into.copy_(from);
}

}  // namespace

Session::Session(const InversionRun& run, const InversionTarget& target, std::string description)
    : run_(run), target_(target), description_(std::move(description)) {
    if (!run_.resume) return;
    const auto facts = checked_facts(*run_.resume);
    if (facts["description"] != description_)
        throw Error(Errc::resume_mismatch, "inversion: expected the options of the interrupted run, got others");
    const auto stored_is = [&](const char* tensor_name, const at::Tensor& given) {
        const auto* const found = run_.resume->find(tensor_name);
        return given.defined() ? found && same(tensor(*found, tensor_name), given) : found == nullptr;
    };
    if (!stored_is("target.pictures", target.pictures) || !stored_is("target.cameras", labels(target.cameras)) ||
        !stored_is("target.mask", target.mask))
        throw Error(Errc::resume_mismatch, "inversion: expected the pictures of the interrupted run, got others");
}

double Session::seconds_left(double share) const {
    return run_.budget > 0 ? std::max(share * run_.budget - (share < 1 ? 0 : seconds_), 1e-3) : 0.0;
}

StateDict Session::state(const Loop& loop, const std::vector<Adam>& adams, const std::vector<std::byte>& random) const {
    StateDict result;
    Json done = Json::array();
    for (const auto& summary : done_) done.push_back(summary_json(summary));
    result.metadata[key] = Json{
        {"description", description_},
        {"done", done},
        {"seconds", seconds_},
        {"loop",
         {{"step", loop.step},
          {"planned", loop.planned},
          {"best_step", loop.best_step},
          {"best", loop.best},
          {"first", loop.first},
          {"last", loop.last},
          {"seconds",
           loop.seconds}}}}.dump();
    result.add("target.pictures", stored(target_.pictures));
    result.add("target.cameras", stored(labels(target_.cameras)));
    if (target_.mask.defined()) result.add("target.mask", stored(target_.mask));
    for (std::size_t i = 0; i < tensors_.size(); ++i)
        for (const auto& [name, tensor] : tensors_[i]) result.add(stage_prefix(i) + name, stored(tensor));
    for (std::size_t i = 0; i < adams.size(); ++i)
        for (const auto& [name, tensor] : adams[i].state())
            result.add("adam" + std::to_string(i) + "." + name, stored(tensor));
    result.add("random", stored(random_tensor(random)));
    return result;
}

void Session::restore(const Stage& stage, Loop& loop, std::vector<Adam>& adams) const {
    const auto facts = checked_facts(*run_.resume);
    const auto index = tensors_.size() - 1;
    for (const auto& group : stage.groups)
        for (const auto& [name, tensor] : group.tensors) copy_into(*run_.resume, stage_prefix(index) + name, tensor);
    for (std::size_t i = 0; i < adams.size(); ++i)
        for (const auto& [name, tensor] : adams[i].state())
            copy_into(*run_.resume, "adam" + std::to_string(i) + "." + name, tensor);
    const auto& saved = facts["loop"];
    loop = {saved.value("step", std::int64_t{0}),
            saved.value("planned", std::int64_t{0}),
            saved.value("best_step", std::int64_t{0}),
            saved.value("best", 0.0),
            saved.value("first", 0.0),
            saved.value("last", 0.0),
            saved.value("seconds", 0.0)};
    run_.random.load(read_bytes(run_.resume->at("random")));
}

void Session::run(const Stage& stage) {
    if (stage.steps < 0)
        throw Error(Errc::invalid_argument,
                    stage.name + ": expected no negative number of steps, got " + std::to_string(stage.steps));
    NamedTensors& all = tensors_.emplace_back();
    std::vector<at::Tensor> leaves;
    std::vector<Adam> adams;
    for (const auto& group : stage.groups) {
        for (const auto& named : group.tensors) {
            all.push_back(named);
            leaves.push_back(named.tensor);
        }
        adams.emplace_back(group.tensors,
                           AdamOptions{.learning_rate = group.learning_rate, .beta1 = 0.9, .beta2 = 0.999});
    }
    Loop loop{.planned = stage.steps};
    const auto index = done_.size();
    if (run_.resume) {
        const auto facts = checked_facts(*run_.resume);
        if (facts["done"].size() > index) {  // the state is of a later stage: this one's fruits are in it
            for (const auto& [name, tensor] : all) copy_into(*run_.resume, stage_prefix(index) + name, tensor);
            const auto& s = facts["done"][index];
            done_.push_back({s.value("stage", ""), static_cast<StageSummary::End>(s.value("end", 0)),
                             s.value("steps", std::int64_t{0}), s.value("first_loss", 0.0), s.value("last_loss", 0.0),
                             s.value("seconds", 0.0)});
            seconds_ += done_.back().seconds;
            return;
        }
        if (facts["done"].size() == index) restore(stage, loop, adams);
    }

    const auto before = loop.seconds;
    const auto start = Clock::now();
    const auto resumed_at = loop.step;
    StageSummary::End end = StageSummary::End::steps;
    auto after_first = start;  // the first step is slower than the others
    while (loop.step < loop.planned) {
        auto random = run_.random.save();
        try {
            run_.context.report(stage.name, loop.step, loop.planned);
            const auto share = static_cast<double>(loop.step) / static_cast<double>(loop.planned);
            const auto values = stage.losses(share);
            at::Tensor total;
            InversionStep told{.stage = stage.name, .step = loop.step + 1, .steps = loop.planned};
            for (const auto& [name, weight, value] : values) {
                total = total.defined() ? total + weight * value : weight * value;
                told.terms.emplace_back(name, value.item<double>());
            }
            told.loss = loop.last = total.item<double>();
            if (!std::isfinite(told.loss))
                throw Error(Errc::invalid_argument, stage.name + ": expected a finite loss at step " +
                                                        std::to_string(told.step) + ", got " +
                                                        std::to_string(told.loss));
            if (loop.step == 0) loop.first = told.loss;
            if (stage.reached && stage.reached(values)) {
                end = StageSummary::End::reached;
                break;
            }
            std::vector<at::Tensor> gradients;
            if (total.requires_grad())
                gradients = torch::autograd::grad({total}, leaves, {}, /*retain_graph=*/false,
                                                  /*create_graph=*/false, /*allow_unused=*/true);
            if (std::ranges::none_of(gradients, [](const at::Tensor& g) { return g.defined(); }))
                throw Error(Errc::model_mismatch,
                            stage.name +
                                ": expected a picture that depends on what is to be changed, got one that "
                                "depends on none of it");
            for (std::size_t i = 0; i < leaves.size(); ++i) leaves[i].mutable_grad() = gradients[i];
            told.rate = stage.rate(share);
            for (auto& adam : adams) {
                adam.step(told.rate);
                adam.clear_gradients();
            }
            if (stage.after) stage.after();
            ++loop.step;
            random = run_.random.save();
            loop.seconds = before + seconds_since(start);

            if (loop.step == 1 || told.loss < loop.best * (1 - 1e-3)) {
                loop.best = told.loss;
                loop.best_step = loop.step;
            }
            if (loop.step - resumed_at == 1) after_first = Clock::now();
            if (stage.budget > 0 && loop.step - resumed_at == 5 && loop.planned == stage.steps) {
                // Once, so that a run that is resumed has the same schedule.
                const auto each = seconds_since(after_first) / 4;
                const auto room = (stage.budget - loop.seconds) / std::max(each, 1e-6);
                loop.planned =
                    std::clamp(loop.step + static_cast<std::int64_t>(std::max(room, 0.0)), loop.step, stage.steps);
            }
            if (run_.on_step) run_.on_step(told);
            if (run_.save && run_.save_every > 0 && loop.step % run_.save_every == 0)
                run_.save(state(loop, adams, random));
            if (stage.patience > 0 && loop.step - loop.best_step >= stage.patience) {
                end = StageSummary::End::settled;
                break;
            }
            if (stage.budget > 0 && loop.seconds > 1.1 * stage.budget) {
                end = StageSummary::End::budget;
                break;
            }
        } catch (const Error& error) {
            // What was interrupted within a step has changed nothing but the random numbers.
            if (error.code() == Errc::cancelled && run_.save) run_.save(state(loop, adams, random));
            throw;
        }
    }
    if (end == StageSummary::End::steps && loop.planned < stage.steps) end = StageSummary::End::budget;
    if (run_.context.progress) run_.context.progress({stage.name, loop.step, loop.step});
    done_.push_back({stage.name, end, loop.step, loop.first, loop.last, loop.seconds});
    seconds_ += loop.seconds;
}

}  // namespace detail
}  // namespace cameo
