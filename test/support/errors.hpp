// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/catch.hpp"

#include <string>

#include <cameo/core/error.hpp>

namespace cameo::support {

/// CHECK_THROWS_MATCHES(parse(..), Error, support::is_error(Errc::bad_file, "entry 3")): the code, and a part of
/// what().
class ErrorMatcher final : public Catch::MatcherBase<Error> {
  public:
    ErrorMatcher(Errc code, std::string part) : code_(code), part_(std::move(part)) {}
    [[nodiscard]] bool match(const Error& error) const override {
        return error.code() == code_ && std::string(error.what()).find(part_) != std::string::npos;
    }
    [[nodiscard]] std::string describe() const override {
        return "is " + std::string(info(code_).name) + " with '" + part_ + "' in its message";
    }

  private:
    Errc code_;
    std::string part_;
};

[[nodiscard]] inline ErrorMatcher is_error(Errc code, std::string part = {}) { return {code, std::move(part)}; }

}  // namespace cameo::support

/// Shows the message when it is another one.
template <>
struct Catch::StringMaker<cameo::Error> {
    static std::string convert(const cameo::Error& error) {
        return std::string(cameo::info(error.code()).name) + " '" + error.what() + "'";
    }
};
