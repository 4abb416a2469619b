// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/state_dict.hpp>

#include <new>
#include <utility>

#include <cameo/core/error.hpp>

namespace cameo {
namespace {

class ViewSource final : public TensorSource {
  public:
    ViewSource(std::span<const std::byte> bytes, std::shared_ptr<const void> owner)
        : bytes_(bytes), owner_(std::move(owner)) {}

    std::span<const std::byte> contiguous() const noexcept override { return bytes_; }
    void stream(const ByteSink& sink) const override { sink(bytes_); }

  private:
    std::span<const std::byte> bytes_;
    std::shared_ptr<const void> owner_;
};

}  // namespace

TensorSource::~TensorSource() = default;

std::int64_t StoredTensor::numel() const noexcept {
    std::int64_t product = 1;
    for (const auto size : shape) product *= size;
    return product;
}

std::uint64_t StoredTensor::byte_size() const noexcept { return static_cast<std::uint64_t>(numel()) * size_of(dtype); }

void StateDict::add(std::string name, StoredTensor tensor) {
    const auto [place, fresh] = index_.try_emplace(name, entries_.size());
    if (!fresh) throw Error(Errc::bad_file, "tensor '" + name + "': expected once, found twice");
    entries_.push_back({std::move(name), std::move(tensor)});
}

const StoredTensor* StateDict::find(std::string_view name) const noexcept {
    const auto place = index_.find(name);
    return place == index_.end() ? nullptr : &entries_[place->second].tensor;
}

const StoredTensor& StateDict::at(std::string_view name) const {
    if (const auto* tensor = find(name)) return *tensor;
    throw Error(Errc::bad_file, "tensor '" + std::string(name) + "': expected in the file, found missing");
}

StateDict StateDict::with_prefix(std::string_view prefix) const {
    StateDict result;
    result.metadata = metadata;
    for (const auto& entry : entries_)
        if (entry.name.starts_with(prefix)) result.add(entry.name.substr(prefix.size()), entry.tensor);
    return result;
}

std::vector<std::byte> read_bytes(const StoredTensor& tensor) {
    std::vector<std::byte> bytes;
    try {
        bytes.reserve(tensor.byte_size());
    } catch (const std::bad_alloc&) {
        throw Error(Errc::out_of_memory,
                    "tensor: expected room for " + std::to_string(tensor.byte_size()) + " bytes, got none");
    }
    tensor.source->stream([&](std::span<const std::byte> run) { bytes.insert(bytes.end(), run.begin(), run.end()); });
    if (bytes.size() != tensor.byte_size())
        throw Error(Errc::bad_file, "tensor: expected " + std::to_string(tensor.byte_size()) + " bytes, found " +
                                        std::to_string(bytes.size()));
    return bytes;
}

std::shared_ptr<const TensorSource> memory_source(std::vector<std::byte> bytes) {
    auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
    const std::span<const std::byte> view(*owner);
    return view_source(view, std::move(owner));
}

std::shared_ptr<const TensorSource> view_source(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
    return std::make_shared<ViewSource>(bytes, std::move(owner));
}

}  // namespace cameo
