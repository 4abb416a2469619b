// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include <cameo/core/error.hpp>

namespace cameo::support {

/// The message of the Error of code `code` that `action` throws; a failed check if it throws none or another.
template <class Action>
std::string error_of(Errc code, Action&& action) {
    try {
        std::forward<Action>(action)();
    } catch (const Error& error) {
        CHECK(error.code() == code);
        return error.what();
    }
    FAIL_CHECK("expected an error, got none");
    return {};
}

}  // namespace cameo::support
