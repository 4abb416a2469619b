// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/tensor.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include <cameo/core/error.hpp>

#include "io/name.hpp"

namespace cameo::io::pickle {
namespace {

/// Bytes [begin, begin + size) of another source.
class PartSource final : public TensorSource {
  public:
    PartSource(std::shared_ptr<const TensorSource> whole, std::uint64_t begin, std::uint64_t size)
        : whole_(std::move(whole)), begin_(begin), size_(size) {}

    std::span<const std::byte> contiguous() const noexcept override {
        const auto bytes = whole_->contiguous();
        return bytes.empty() ? bytes : bytes.subspan(static_cast<std::size_t>(begin_), static_cast<std::size_t>(size_));
    }

    void stream(const ByteSink& sink) const override {
        if (const auto bytes = contiguous(); !bytes.empty() || size_ == 0) return sink(bytes);
        auto skip = begin_;
        auto left = size_;
        whole_->stream([&](std::span<const std::byte> run) {
            const auto skipped = std::min<std::uint64_t>(skip, run.size());
            skip -= skipped;
            const auto taken = std::min<std::uint64_t>(left, run.size() - skipped);
            left -= taken;
            if (taken > 0) sink(run.subspan(static_cast<std::size_t>(skipped), static_cast<std::size_t>(taken)));
        });
    }

  private:
    std::shared_ptr<const TensorSource> whole_;
    std::uint64_t begin_, size_;
};

/// A view with strides, put into C order through a small buffer.
class StridedSource final : public TensorSource {
  public:
    StridedSource(std::shared_ptr<const TensorSource> storage, const Tensor& tensor, std::uint64_t storage_size)
        : storage_(std::move(storage)),
          storage_size_(storage_size),
          item_(size_of(tensor.dtype)),
          first_(static_cast<std::size_t>(tensor.first)) {
        for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
            if (tensor.shape[i] == 1) continue;
            shape_.push_back(static_cast<std::size_t>(tensor.shape[i]));
            stride_.push_back(static_cast<std::size_t>(tensor.stride[i]));
        }
    }

    std::span<const std::byte> contiguous() const noexcept override { return {}; }

    void stream(const ByteSink& sink) const override {
        if (const auto bytes = storage_->contiguous(); !bytes.empty()) return gather(bytes, sink);
        std::vector<std::byte> bytes;  // a storage in an archive, which has no bytes to point to
        try {
            bytes.reserve(static_cast<std::size_t>(storage_size_));
        } catch (const std::bad_alloc&) {
            throw Error(Errc::out_of_memory, "a tensor with strides: expected room for " +
                                                 std::to_string(storage_size_) + " bytes, got none");
        }
        storage_->stream([&](std::span<const std::byte> run) { bytes.insert(bytes.end(), run.begin(), run.end()); });
        gather(bytes, sink);
    }

  private:
    void gather(std::span<const std::byte> bytes, const ByteSink& sink) const {
        std::vector<std::byte> buffer(buffer_size);
        std::size_t used = 0;
        const auto rank = shape_.size();  // at least 1: a tensor of one element is contiguous
        const auto step = stride_[rank - 1] * item_;
        std::vector<std::size_t> index(rank, 0);
        for (;;) {
            std::size_t start = first_;
            for (std::size_t i = 0; i + 1 < rank; ++i) start += index[i] * stride_[i];
            const std::byte* from = bytes.data() + start * item_;
            for (std::size_t left = shape_[rank - 1]; left > 0;) {
                const auto count = std::min(left, (buffer_size - used) / item_);
                copy_row(from, count, step, buffer.data() + used);
                used += count * item_;
                from += count * step;
                left -= count;
                if (used == buffer_size) {
                    sink(buffer);
                    used = 0;
                }
            }
            std::size_t axis = rank - 1;
            while (axis > 0 && ++index[axis - 1] == shape_[axis - 1]) index[--axis] = 0;
            if (axis == 0) break;
        }
        if (used > 0) sink(std::span(buffer).first(used));
    }

    void copy_row(const std::byte* from, std::size_t count, std::size_t step, std::byte* to) const {
        switch (item_) {  // a fixed size makes each copy one move
            case 1:
                return copy<1>(from, count, step, to);
            case 2:
                return copy<2>(from, count, step, to);
            case 4:
                return copy<4>(from, count, step, to);
            default:
                return copy<8>(from, count, step, to);
        }
    }

    template <std::size_t item>
    static void copy(const std::byte* from, std::size_t count, std::size_t step, std::byte* to) {
        if (step == item) {
            std::memcpy(to, from, count * item);
            return;
        }
        for (std::size_t i = 0; i < count; ++i) std::memcpy(to + i * item, from + i * step, item);
    }

    static constexpr std::size_t buffer_size = std::size_t{1} << 18;  // whole elements of any size

    std::shared_ptr<const TensorSource> storage_;
    std::uint64_t storage_size_;
    std::size_t item_, first_;
    std::vector<std::size_t> shape_, stride_;  // without sizes of 1
};

std::string listed(std::span<const std::int64_t> numbers) {
    std::string text = "[";
    for (const auto number : numbers) text += (text.size() > 1 ? ", " : "") + std::to_string(number);
    return text + "]";
}

}  // namespace

std::optional<std::string> fault_of(std::int64_t first, std::span<const std::int64_t> shape,
                                    std::span<const std::int64_t> stride, std::int64_t numel, std::size_t max_rank) {
    const auto fault = [&](const std::string& what) {
        return what + ": offset " + std::to_string(first) + ", shape " + listed(shape) + ", strides " + listed(stride);
    };
    if (shape.size() > max_rank || shape.size() != stride.size()) return fault("ranks that do not fit");
    if (first < 0) return fault("a negative offset");
    std::int64_t elements = 1, last = first;
    bool empty = false;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] < 0) return fault("a negative size");
        if (stride[i] < 0) return fault("a negative stride");
        if (shape[i] == 0) empty = true;
    }
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (__builtin_mul_overflow(elements, std::max<std::int64_t>(shape[i], 1), &elements))
            return fault("a size beyond 64 bits");
        std::int64_t reach = 0;
        if (!empty &&
            (__builtin_mul_overflow(shape[i] - 1, stride[i], &reach) || __builtin_add_overflow(last, reach, &last)))
            return fault("a reach beyond 64 bits");
    }
    if (elements > std::numeric_limits<std::int64_t>::max() / 8) return fault("a size beyond 64 bits");
    if (empty ? first > numel : last >= numel) return fault("a view beyond its end");
    return std::nullopt;
}

std::vector<std::int64_t> c_order(std::span<const std::int64_t> shape) {
    std::vector<std::int64_t> stride(shape.size());
    std::int64_t step = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
        stride[i] = step;
        if (__builtin_mul_overflow(step, std::max<std::int64_t>(shape[i], 1), &step)) step = 0;  // fault_of() says so
    }
    return stride;
}

bool is_contiguous(const Tensor& tensor) noexcept {
    if (std::ranges::find(tensor.shape, 0) != tensor.shape.end()) return true;
    std::int64_t step = 1;
    for (std::size_t i = tensor.shape.size(); i-- > 0;) {
        if (tensor.shape[i] == 1) continue;
        if (tensor.stride[i] != step) return false;
        step *= tensor.shape[i];
    }
    return true;
}

StoredTensor stored(const Graph& graph, const Tensor& tensor) {
    const auto& storage = graph.storages[tensor.storage];
    if (!storage.payload)
        throw Error(Errc::bad_file,
                    graph.subject + ": expected the bytes of storage " + in_quotes(storage.key) + ", found none");
    StoredTensor result{tensor.dtype, tensor.shape, nullptr};
    if (!is_contiguous(tensor)) {
        result.source = std::make_shared<StridedSource>(storage.payload, tensor, storage.byte_size());
        return result;
    }
    const auto begin = static_cast<std::uint64_t>(tensor.first) * size_of(tensor.dtype);
    if (begin == 0 && result.byte_size() == storage.byte_size())
        result.source = storage.payload;
    else
        result.source = std::make_shared<PartSource>(storage.payload, begin, result.byte_size());
    return result;
}

}  // namespace cameo::io::pickle
