// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/shard.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

namespace cameo {
namespace {

template <class Draw>
at::Tensor part_of(at::IntArrayRef shape, std::int64_t rank, std::int64_t count, const Draw& draw) {
    if (shape.empty()) return draw(shape);
    auto whole = shape.vec();
    whole.front() *= count;
    return draw(whole).slice(0, rank, whole.front(), count).contiguous();
}

template <class Fill>
at::Tensor rows_of(std::vector<CounterRandom>& streams, at::IntArrayRef shape, const at::TensorOptions& options,
                   const Fill& fill) {
    if (shape.empty() || shape.front() != static_cast<std::int64_t>(streams.size()))
        throw Error(Errc::shape_mismatch, "random numbers of items: expected " + std::to_string(streams.size()) +
                                              " rows, got shape " + shape_text(shape));
    struct Rows {
        std::vector<CounterRandom>* streams;
        const Fill* fill;
    } rows{&streams, &fill};
    const auto each = [](void* all, std::span<double> out) {
        const auto& [of_items, filled] = *static_cast<Rows*>(all);
        if (of_items->empty()) return;
        const auto size = out.size() / of_items->size();
        for (std::size_t i = 0; i < of_items->size(); ++i) (*filled)((*of_items)[i], out.subspan(i * size, size));
    };
    return detail::draw(each, &rows, shape, options);
}

}  // namespace

at::Tensor ShardRandom::uniform(at::IntArrayRef shape, const at::TensorOptions& options) {
    return part_of(shape, rank_, count_, [&](at::IntArrayRef whole) { return whole_->uniform(whole, options); });
}

at::Tensor ShardRandom::normal(at::IntArrayRef shape, const at::TensorOptions& options) {
    return part_of(shape, rank_, count_, [&](at::IntArrayRef whole) { return whole_->normal(whole, options); });
}

ItemRandom::ItemRandom(std::uint64_t seed, std::span<const std::int64_t> items) {
    for (const auto item : items) streams_.emplace_back(seed, static_cast<std::uint64_t>(item));
}

at::Tensor ItemRandom::uniform(at::IntArrayRef shape, const at::TensorOptions& options) {
    return rows_of(streams_, shape, options, [](CounterRandom& stream, std::span<double> out) { stream.uniform(out); });
}

at::Tensor ItemRandom::normal(at::IntArrayRef shape, const at::TensorOptions& options) {
    return rows_of(streams_, shape, options, [](CounterRandom& stream, std::span<double> out) { stream.normal(out); });
}

std::vector<std::byte> ItemRandom::save() const {
    std::vector<std::byte> state;
    for (const auto& stream : streams_) std::ranges::copy(stream.save(), std::back_inserter(state));
    return state;
}

void ItemRandom::load(std::span<const std::byte> state) {
    const auto size = CounterRandom().save().size();
    if (state.size() != size * streams_.size())
        throw Error(Errc::bad_file, "random state: expected " + std::to_string(size * streams_.size()) +
                                        " bytes, got " + std::to_string(state.size()));
    auto loaded = streams_;
    for (std::size_t i = 0; i < loaded.size(); ++i) loaded[i].load(state.subspan(i * size, size));
    streams_ = std::move(loaded);
}

std::uint64_t shared_seed(RandomSource& random) {
    return static_cast<std::uint64_t>(random.uniform({}, at::kDouble).item<double>() * 9007199254740992.0);  // 2^53
}

}  // namespace cameo
