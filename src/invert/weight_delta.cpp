// SPDX-License-Identifier: Apache-2.0
#include <cameo/invert/weight_delta.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/core/tensor_state.hpp>

namespace cameo {
namespace {

constexpr std::string_view values = "values.", left = "left.", right = "right.", scale = "scale.";
constexpr std::int64_t smallest_matrix = 4096;  // elements: below, factors save next to nothing

bool is_large(const at::Tensor& tensor) {
    return tensor.dim() >= 2 && tensor.numel() >= smallest_matrix && tensor.size(0) > 1;
}

at::Tensor as_matrix(const at::Tensor& tensor) { return tensor.reshape({tensor.size(0), -1}); }

/// A change as directions: change = left right, the strongest first.
struct Factors {
    std::string name;
    at::Tensor left, right;        // [M, K], [K, N] float32
    std::vector<double> strength;  // squared, of each of K
    std::int64_t kept = 0;

    [[nodiscard]] std::uint64_t bytes_each() const {
        return 2 * static_cast<std::uint64_t>(left.size(0) + right.size(1));
    }
};

Factors factored(const std::string& name, const at::Tensor& change) {
    auto matrix = as_matrix(change).to(at::kCPU, at::kDouble);
    const bool turned = matrix.size(0) > matrix.size(1);
    if (turned) matrix = matrix.t();
    const auto [square, directions] = at::linalg_eigh(at::matmul(matrix, matrix.t()));
    const auto u = directions.flip(1);  // eigh's are ascending
    const auto v = at::matmul(u.t(), matrix);
    const auto strength = square.flip(0).clamp_min(0).contiguous();
    Factors result{name, (turned ? v.t() : u).to(at::kFloat), (turned ? u.t() : v).to(at::kFloat), {}};
    result.strength.assign(strength.const_data_ptr<double>(), strength.const_data_ptr<double>() + strength.numel());
    return result;
}

/// A factor in half precision, within its range, and by what it was divided.
std::pair<at::Tensor, double> halved(const at::Tensor& factor) {
    const auto largest = std::max(factor.abs().max().item<double>(), 1e-30);
    return {(factor / largest).to(at::kHalf).contiguous(), largest};
}

/// Spends `room` bytes where they carry most.
void choose(std::vector<Factors>& all, std::uint64_t room) {
    std::vector<std::pair<double, std::size_t>> offers;
    for (std::size_t i = 0; i < all.size(); ++i)
        for (const auto strength : all[i].strength)
            offers.emplace_back(strength / static_cast<double>(all[i].bytes_each()), i);
    std::ranges::stable_sort(offers, std::greater<>(), &std::pair<double, std::size_t>::first);
    for (const auto& [worth, i] : offers) {
        if (worth <= 0 || all[i].bytes_each() > room) continue;
        room -= all[i].bytes_each();
        ++all[i].kept;  // a matrix's own directions come in order
    }
}

}  // namespace

StateDict weight_delta(const NamedTensors& original, const NamedTensors& tuned, std::uint64_t max_bytes) {
    const c10::NoGradGuard no_grad;
    std::vector<std::size_t> changed;
    std::uint64_t bytes = 0, small = 0;
    if (original.size() != tuned.size())
        throw Error(Errc::model_mismatch, "tuned parameters: expected " + std::to_string(original.size()) + ", got " +
                                              std::to_string(tuned.size()));
    for (std::size_t i = 0; i < original.size(); ++i) {
        if (original[i].name != tuned[i].name || original[i].tensor.sizes() != tuned[i].tensor.sizes())
            throw Error(Errc::model_mismatch, "tuned parameter '" + tuned[i].name + "': expected '" + original[i].name +
                                                  "' " + shape_text(original[i].tensor.sizes()));
        if (original[i].tensor.equal(tuned[i].tensor)) continue;
        changed.push_back(i);
        bytes += tuned[i].tensor.nbytes();
        if (!is_large(tuned[i].tensor)) small += tuned[i].tensor.nbytes();
    }
    const auto exact = max_bytes == 0 || bytes <= max_bytes;
    if (!exact && small > max_bytes)
        throw Error(Errc::invalid_argument,
                    "weights: expected room for " + std::to_string(small) + " bytes, got " + std::to_string(max_bytes));
    StateDict delta;
    std::vector<Factors> factors;
    for (const auto i : changed) {
        const auto& [name, tensor] = tuned[i];
        if (exact || !is_large(tensor))
            delta.add(std::string(values) + name, stored(tensor.detach().clone()));
        else
            factors.push_back(factored(name, tensor - original[i].tensor));
    }
    if (!exact) choose(factors, max_bytes - small);
    for (const auto& f : factors) {
        if (f.kept == 0) continue;
        const auto [l, l_scale] = halved(f.left.narrow(1, 0, f.kept));
        const auto [r, r_scale] = halved(f.right.narrow(0, 0, f.kept));
        delta.add(std::string(left) + f.name, stored(l));
        delta.add(std::string(right) + f.name, stored(r));
        delta.add(std::string(scale) + f.name, stored(at::full({}, l_scale * r_scale, at::kFloat)));
    }
    return delta;
}

NamedTensors with_delta(const NamedTensors& original, const StateDict& delta) {
    const c10::NoGradGuard no_grad;
    NamedTensors result;
    std::size_t used = 0;
    const auto take = [&](std::string_view kind, const std::string& name) {
        const auto full = std::string(kind) + name;
        const auto* const found = delta.find(full);
        used += found ? 1 : 0;
        return found ? owned_tensor(*found, full) : at::Tensor();
    };
    for (const auto& [name, tensor] : original) {
        const auto wrong = [&](const at::Tensor& got) {
            return Error(Errc::model_mismatch, "tuned parameter '" + name + "': expected " +
                                                   shape_text(tensor.sizes()) + ", got " + shape_text(got.sizes()));
        };
        if (const auto value = take(values, name); value.defined()) {
            if (value.sizes() != tensor.sizes() || value.scalar_type() != tensor.scalar_type()) throw wrong(value);
            result.push_back({name, value.to(tensor.device())});
            continue;
        }
        const auto l = take(left, name), r = take(right, name), s = take(scale, name);
        if (!l.defined() && !r.defined() && !s.defined()) {
            result.push_back({name, tensor.detach().clone()});
            continue;
        }
        if (!l.defined() || !r.defined() || !s.defined() || l.dim() != 2 || r.dim() != 2 || s.dim() != 0)
            throw Error(Errc::bad_file, "tuned parameter '" + name + "': expected both factors and their scale");
        if (tensor.dim() < 2 || l.size(0) != tensor.size(0) || l.size(1) != r.size(0) ||
            l.size(0) * r.size(1) != tensor.numel())
            throw wrong(l);
        const auto change = at::matmul(l.to(at::kFloat), r.to(at::kFloat)) * s.to(at::kFloat);
        result.push_back({name, tensor.detach() + change.view(tensor.sizes()).to(tensor.options())});
    }
    if (used != delta.size())
        throw Error(Errc::model_mismatch, "tuned parameters: expected those of this generator, got " +
                                              std::to_string(delta.size() - used) + " that it does not have");
    return result;
}

}  // namespace cameo
