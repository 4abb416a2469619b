// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/finite.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <cameo/core/error.hpp>
#include "io/name.hpp"
#include "io/tensor_checks.hpp"

namespace cameo::io {
namespace {

bool is_floating(DType dtype) noexcept {
    return dtype == DType::f64 || dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

/// Looks at bytes that come in runs of any length.
class Scan {
  public:
    Scan(DType dtype, std::string_view subject, std::string_view name)
        : dtype_(dtype), size_(size_of(dtype)), subject_(subject), name_(name) {}

    void look_at(std::span<const std::byte> bytes) {
        if (!split_.empty()) {
            const auto missing = std::min(size_ - split_.size(), bytes.size());
            split_.insert(split_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(missing));
            bytes = bytes.subspan(missing);
            if (split_.size() < size_) return;
            look_at_whole(split_);
            split_.clear();
        }
        const auto whole = bytes.first(bytes.size() - bytes.size() % size_);
        look_at_whole(whole);
        const auto rest = bytes.subspan(whole.size());
        split_.assign(rest.begin(), rest.end());
    }

  private:
    void look_at_whole(std::span<const std::byte> bytes) {
        if (const auto bad = first_bad_value(dtype_, bytes))
            throw Error(Errc::bad_file, std::string(subject_) + ": tensor " + in_quotes(name_) + ": expected " +
                                            std::string(good_values(dtype_)) + ", found another at flat index " +
                                            std::to_string(done_ + *bad));
        done_ += bytes.size() / size_;
    }

    DType dtype_;
    std::size_t size_;
    std::string_view subject_, name_;
    std::vector<std::byte> split_;  // the first bytes of an element whose others are still to come
    std::size_t done_ = 0;
};

}  // namespace

void require_finite(const StateDict& tensors, std::string_view subject) {
    for (const auto& [name, tensor] : tensors.entries()) {
        if (!is_floating(tensor.dtype)) continue;
        Scan scan(tensor.dtype, subject, name);
        tensor.source->stream([&](std::span<const std::byte> run) { scan.look_at(run); });
    }
}

}  // namespace cameo::io
