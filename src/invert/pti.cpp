// SPDX-License-Identifier: Apache-2.0
#include <cameo/invert/pti.hpp>

#include <algorithm>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/error.hpp>

#include "invert/options.hpp"

namespace cameo::detail {

std::string checked_description(const LatentSearch& search, LatentSpace space, const Tuning& tuning,
                                const InversionTarget& target, const std::optional<WLatent>& pivot) {
    check_target(target);
    if (!pivot) check_terms(search.terms);
    check_terms(tuning.terms);
    if (tuning.reached_term && *tuning.reached_term >= tuning.terms.size())
        throw Error(Errc::invalid_argument, "tuning: expected one of " + std::to_string(tuning.terms.size()) +
                                                " terms to end at, got number " + std::to_string(*tuning.reached_term));
    const auto& locality = tuning.locality;
    return Json{{"search", pivot ? Json(pivot->tensor().sum().item<double>()) : describe_search(search, space)},
                {"tuning",
                 {{"terms", describe_terms(tuning.terms)},
                  {"steps", tuning.steps},
                  {"learning_rate", tuning.learning_rate},
                  {"patience", tuning.patience},
                  {"reached", tuning.reached_term ? Json({*tuning.reached_term, tuning.reached}) : Json()},
                  {"parts", tuning.parts},
                  {"locality", locality ? Json({locality->distance, locality->psi, locality->weight}) : Json()},
                  {"render", describe_render(tuning.render)}}}}
        .dump();
}

NamedTensors tunable(const NamedTensors& parameters, const std::vector<std::string>& parts) {
    NamedTensors result;
    for (const auto& parameter : parameters)
        if (parts.empty() ||
            std::ranges::any_of(parts, [&](const std::string& part) { return parameter.name.starts_with(part); }))
            result.push_back(parameter);
    if (result.empty()) {
        std::string wanted;
        for (const auto& part : parts) wanted += (wanted.empty() ? "" : ", ") + part;
        throw Error(Errc::model_mismatch, "tuning: expected a generator with parameters" +
                                              (parts.empty() ? std::string() : " of " + wanted) + ", got one without");
    }
    return result;
}

void tune(Session& session, const GeneratorCalls& copy, const GeneratorCalls& original, const InversionTarget& target,
          const Tuning& tuning, Inversion& found) {
    const auto& [random, context, budget, on_step, save, save_every, resume] = session.settings();
    const auto tuned = tunable(copy.parameters, tuning.parts);
    for (const auto& [name, tensor] : copy.parameters) tensor.requires_grad_(false);
    for (const auto& [name, tensor] : tuned) tensor.requires_grad_(true);

    const auto pivot = found.ws;
    const auto views = found.cameras;
    auto quiet = context;
    quiet.progress = {};
    TargetLosses losses(tuning.terms, target);
    Stage stage{.name = "tuning",
                .groups = {{tuned, tuning.learning_rate}},
                .steps = tuning.steps,
                .budget = session.seconds_left(1.0),
                .patience = tuning.patience};
    stage.rate = [](double) { return 1.0; };
    stage.losses = [&](double) {
        std::vector<Stage::Value> values;
        losses.append(values, copy.draw(pivot, views, tuning.render, random, quiet), views);
        if (!tuning.locality) return values;
        const auto& [distance, psi, weight] = *tuning.locality;
        at::Tensor near;
        Portrait before;
        const auto front = views.slice(0, 1);
        std::vector<std::byte> numbers;
        {
            const c10::NoGradGuard no_grad;
            const auto z = random.normal({1, original.z_dim}, pivot.tensor().options());
            const auto away = original.map(ZLatent(z), front, {psi, {}}).tensor() - pivot.tensor();
            near = pivot.tensor() + away * (distance / away.norm().clamp_min(1e-12));
            numbers = random.save();
            before = original.draw(WLatent(near), front, tuning.render, random, quiet);
        }
        random.load(numbers);  // the same places along rays, so that equal generators draw the same
        const auto after = copy.draw(WLatent(near), front, tuning.render, random, quiet);
        const auto asked = labels(front).to(after.image.options());
        for (const auto& [loss, term_weight] : tuning.terms)
            values.push_back({"local " + loss.name, weight * term_weight,
                              loss.distance(loss.features(after, asked), loss.features(before, asked)).mean()});
        return values;
    };
    if (tuning.reached_term)
        stage.reached = [&](const std::vector<Stage::Value>& values) {
            return values[*tuning.reached_term].value.item<double>() <= tuning.reached;
        };
    session.run(stage);
    for (const auto& [name, tensor] : copy.parameters) {
        tensor.requires_grad_(false);
        found.tuned.push_back({name, tensor.detach().clone()});
    }
    found.stages = session.summaries();
}

}  // namespace cameo::detail
