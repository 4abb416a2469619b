// SPDX-License-Identifier: Apache-2.0
#include "pipeline/raw_views.hpp"

#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/cameras.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/random.hpp>

namespace cameo {

at::Tensor raw_views(const Eg3d& model, const Eg3d::Scene& scene, std::span<const Camera> views, std::int64_t side,
                     const Context& context) {
    const c10::NoGradGuard no_gradient;
    const auto looking = cameras(views, scene.planes.options());
    RenderOptions how;
    how.raw_resolution = side;
    auto quiet = context;
    quiet.progress = {};
    std::vector<at::Tensor> images;
    for (std::int64_t n = 0; n < looking.size(); ++n) {
        context.report("views", n, looking.size());
        StreamSource<CounterRandom> none;
        const auto seen = model.features(scene, looking.slice(n, 1), how, none, quiet);
        images.push_back(seen.feature[0].narrow(1, 0, 3).t().reshape({1, 3, side, side}).to(at::kCPU, at::kFloat));
    }
    context.report("views", looking.size(), looking.size());
    return at::cat(images).contiguous();
}

}  // namespace cameo
