// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/shape.hpp>

#include <algorithm>

#include <cameo/core/error.hpp>

namespace cameo {

std::string shape_text(std::span<const std::int64_t> sizes) {
    std::string text = "[";
    for (const auto size : sizes) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
    return text + "]";
}

ShapeCheck& ShapeCheck::expect(std::string_view subject, std::span<const std::int64_t> sizes,
                               const ShapePattern& pattern) & {
    const auto known = count_;
    const auto dimensions = pattern.dimensions();
    bool fits = sizes.size() == dimensions.size();
    for (std::size_t i = 0; fits && i < sizes.size(); ++i) {
        const auto& [name, size] = dimensions[i];
        if (name == "*") continue;
        const auto* binding = name.empty() ? nullptr : find(name);
        if (!name.empty() && binding == nullptr)
            add(name, sizes[i]);
        else
            fits = sizes[i] == (binding != nullptr ? binding->size : size);
    }
    if (!fits) refuse(subject, pattern, shape_text(sizes), known);
    return *this;
}

ShapeCheck& ShapeCheck::bind(std::string_view name, std::int64_t size) & {
    const auto* binding = find(name);
    if (binding == nullptr)
        add(name, size);
    else if (binding->size != size)
        throw Error(Errc::shape_mismatch, std::string(name) + ": expected " + std::to_string(binding->size) + ", got " +
                                              std::to_string(size));
    return *this;
}

std::int64_t ShapeCheck::operator[](std::string_view name) const {
    if (const auto* binding = find(name)) return binding->size;
    throw Error(Errc::internal, "shape check: expected a name of a pattern, got '" + std::string(name) + "'");
}

const ShapeCheck::Binding* ShapeCheck::find(std::string_view name) const noexcept {
    const auto* const end = bindings_.data() + count_;
    const auto* const place = std::find_if(bindings_.data(), end, [&](const Binding& b) { return b.name == name; });
    return place == end ? nullptr : place;
}

void ShapeCheck::add(std::string_view name, std::int64_t size) {
    if (count_ == max_names) throw Error(Errc::internal, "shape check: expected at most 16 names, got one more");
    bindings_[count_++] = {name, size};
}

void ShapeCheck::refuse(std::string_view subject, const ShapePattern& pattern, const std::string& found,
                        std::size_t known) const {
    auto expected = std::string(pattern.text());
    std::string_view word = " with ";
    for (const auto& [name, size] : std::span(bindings_).first(known)) {
        if (std::ranges::find(pattern.dimensions(), name, &ShapePattern::Dimension::name) == pattern.dimensions().end())
            continue;
        expected += std::string(word) + std::string(name) + " = " + std::to_string(size);
        word = ", ";
    }
    throw Error(Errc::shape_mismatch, std::string(subject) + ": expected " + expected + ", got " + found);
}

void ShapeCheck::absent(std::string_view subject, const ShapePattern& pattern) const {
    refuse(subject, pattern, "no tensor", count_);
}

}  // namespace cameo
