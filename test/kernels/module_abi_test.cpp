// SPDX-License-Identifier: Apache-2.0
#include "kernels/module_abi.hpp"

#include <cameo/core/cuda.hpp>

#include "core/cuda_module.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;

TEST_CASE("a device without kernels is refused with what is missing", "[kernels][cuda]") {
    const auto status = cuda_status();
    const auto missing = static_cast<int>(status.devices.size());  // one more than there are
    const auto& module = cameo::detail::cuda_module(missing);
    CHECK(module.functions == nullptr);
    CHECK_FALSE(module.problem.empty());
    CHECK(&module == &cameo::detail::cuda_module(missing));  // looked for once
    CHECK_THROWS_MATCHES(cameo::detail::cuda_functions(missing), Error,
                         support::is_error(Errc::device_unsupported, "expected kernels for this device"));
    if (status.devices.empty()) CHECK(module.problem == status.problem);
    CHECK(status.architectures.empty() == status.module_path.empty());
    CHECK(cameo::detail::cuda_module(-1).functions == nullptr);
}

TEST_CASE("what a module says of a call becomes a typed error", "[kernels][cuda]") {
    cuda::Call call{};
    call.device = 3;
    std::string_view("no room").copy(call.message, sizeof call.message);
    CHECK_NOTHROW(cameo::detail::check(cuda::Outcome::done, call));
    CHECK_THROWS_MATCHES(
        cameo::detail::check(cuda::Outcome::out_of_memory, call), Error,
        support::is_error(Errc::out_of_memory, "cuda:3: expected room on the device, got \"no room\""));
    CHECK_THROWS_MATCHES(cameo::detail::check(cuda::Outcome::no_kernel, call), Error,
                         support::is_error(Errc::device_unsupported, "no room"));
    CHECK_THROWS_MATCHES(cameo::detail::check(cuda::Outcome::failed, call), Error,
                         support::is_error(Errc::internal, "no room"));
}
