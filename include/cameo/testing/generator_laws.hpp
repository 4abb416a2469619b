// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/generator.hpp>
#include <cameo/core/cameras.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/latent.hpp>
#include <cameo/core/random.hpp>

namespace cameo::testing {

/// The laws of Generator that `generator` breaks for this latent and one camera for each z; none if all hold.
template <Generator G>
[[nodiscard]] std::vector<std::string> broken_laws(const G& generator, const ZLatent& z, const Cameras& cameras) {
    std::vector<std::string> broken;
    const auto expect = [&](bool holds, const char* law) {
        if (!holds) broken.emplace_back(law);
    };
    const auto picture = [&](const G& g, const typename G::Scene& scene, const WLatent& ws) {
        StreamSource<CounterRandom> random{CounterRandom(5)};
        return g.render(scene, ws, cameras, {}, random, {}).image;
    };
    const auto ws = generator.map(z, cameras, {});
    const auto scene = generator.scene(ws);
    const auto image = picture(generator, scene, ws);
    expect(picture(generator, scene, ws).equal(image), "rendering a kept scene gives the same bits");
    expect(picture(generator, generator.scene(ws), ws).equal(image), "a new scene gives the bits of a kept one");

    const auto mean = generator.mean_latent();
    const auto at_mean = generator.map(z, cameras, {0.0, {}}).tensor();
    expect((at_mean - mean).abs().max().template item<double>() < 1e-6, "psi = 0 gives the mean latent");
    expect(generator.map(z, cameras, {1.0, 1}).tensor().equal(ws.tensor()), "psi = 1 changes nothing");
    expect(generator.map(z, cameras, {0.3, 0}).tensor().equal(ws.tensor()), "a cutoff of 0 changes nothing");

    std::set<std::string> names;
    const auto parameters = generator.parameters();
    for (const auto& parameter : parameters) names.insert(parameter.name);
    expect(!parameters.empty() && names.size() == parameters.size(), "parameters have unique names");

    const auto copy = generator.clone();
    expect(picture(copy, copy.scene(ws), ws).equal(image), "a clone gives the same bits");
    const auto copied = copy.parameters();
    bool shares = copied.size() != parameters.size();
    for (std::size_t i = 0; i < parameters.size() && !shares; ++i)
        shares = copied[i].name != parameters[i].name || copied[i].tensor.data_ptr() == parameters[i].tensor.data_ptr();
    expect(!shares, "a clone has the same parameters and shares no memory");
    return broken;
}

}  // namespace cameo::testing
