// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <cameo/core/export.hpp>

namespace cameo {

/// A shape as documentation writes it, "[N, 3, C, H, W]": numbers are fixed, names are free but equal wherever they
/// return, "*" is anything. Read by the compiler: a malformed pattern does not compile.
/// Shapes   at most 8 dimensions; names of letters, digits and underscores
class ShapePattern {
  public:
    static constexpr std::size_t max_rank = 8;

    struct Dimension {
        std::string_view name;  ///< empty for a fixed size
        std::int64_t size = -1;
    };

    template <std::size_t Length>
    consteval ShapePattern(const char (&text)[Length]) : text_(text, Length - 1) {  // NOLINT: implicit by design
        if (text_.size() < 2 || text_.front() != '[' || text_.back() != ']') malformed();
        auto rest = text_.substr(1, text_.size() - 2);
        while (!rest.empty()) {
            const auto comma = rest.find(", ");
            add(rest.substr(0, comma));
            if (comma == std::string_view::npos) break;
            rest.remove_prefix(comma + 2);
            if (rest.empty()) malformed();
        }
    }

    [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }
    [[nodiscard]] constexpr std::span<const Dimension> dimensions() const noexcept {
        return {dimensions_.data(), rank_};
    }

  private:
    static void malformed() {}  // not constexpr: reaching it stops the compiler

    consteval void add(std::string_view word) {
        if (word.empty() || rank_ == max_rank) malformed();
        std::int64_t size = 0;
        bool is_number = true;
        for (const auto c : word) {
            const auto is_digit = c >= '0' && c <= '9';
            const auto is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
            if (!is_digit && !is_letter && word != "*") malformed();
            is_number = is_number && is_digit;
            if (is_number) size = 10 * size + (c - '0');
        }
        dimensions_[rank_++] = is_number ? Dimension{{}, size} : Dimension{word, -1};
    }

    std::string_view text_;
    std::array<Dimension, max_rank> dimensions_{};
    std::size_t rank_ = 0;
};

/// "[2, 96, 256, 256]"
[[nodiscard]] CAMEO_API std::string shape_text(std::span<const std::int64_t> sizes);

/// What has a shape and may be absent: at::Tensor, without this header knowing it.
template <class T>
concept Shaped = requires(const T& value) {
    { value.defined() } -> std::convertible_to<bool>;
    {std::span<const std::int64_t>(value.sizes())};
};

/// Checks the shapes of a function's arguments against its documentation, all names bound together, without allocating:
///
///     const auto shape = ShapeCheck()
///                            .expect("planes", planes, "[N, 3, C, H, W]")
///                            .expect("points", points, "[N, M, 3]");
///     use(shape["N"], shape["M"]);
///
/// Errors   shape_mismatch: "planes: expected [N, 3, C, H, W], got [2, 96, 256, 256]", and with names bound before,
///          "points: expected [N, M, 3] with N = 2, got [3, 5, 3]"
class CAMEO_API ShapeCheck {
  public:
    static constexpr std::size_t max_names = 16;

    ShapeCheck& expect(std::string_view subject, std::span<const std::int64_t> sizes, const ShapePattern& pattern) &;
    template <Shaped T>
    ShapeCheck& expect(std::string_view subject, const T& value, const ShapePattern& pattern) & {
        if (!value.defined()) absent(subject, pattern);
        return expect(subject, std::span<const std::int64_t>(value.sizes()), pattern);
    }
    template <class T>
    ShapeCheck&& expect(std::string_view subject, const T& value, const ShapePattern& pattern) && {
        expect(subject, value, pattern);
        return static_cast<ShapeCheck&&>(*this);
    }

    /// Binds a name to a size that is known otherwise: the batch of a camera, the width of a layer.
    /// Errors   shape_mismatch: the name is bound to another size
    ShapeCheck& bind(std::string_view name, std::int64_t size) &;
    ShapeCheck&& bind(std::string_view name, std::int64_t size) && {
        bind(name, size);
        return static_cast<ShapeCheck&&>(*this);
    }

    /// The size that a name stands for. Errors: internal: no pattern used the name
    [[nodiscard]] std::int64_t operator[](std::string_view name) const;

  private:
    struct Binding {
        std::string_view name;
        std::int64_t size = -1;
    };

    [[nodiscard]] const Binding* find(std::string_view name) const noexcept;
    void add(std::string_view name, std::int64_t size);
    [[noreturn]] void refuse(std::string_view subject, const ShapePattern& pattern, const std::string& found,
                             std::size_t known) const;
    [[noreturn]] void absent(std::string_view subject, const ShapePattern& pattern) const;

    std::array<Binding, max_names> bindings_{};
    std::size_t count_ = 0;
};

}  // namespace cameo
