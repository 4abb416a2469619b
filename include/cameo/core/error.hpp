// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <cameo/core/export.hpp>

namespace cameo {

/// What went wrong, in one number that C++, the command line and C share. Append only: the values are ABI.
enum class Errc : int {
    invalid_argument = 1,  ///< a value outside its documented range
    shape_mismatch,        ///< a tensor or array of another shape than documented
    bad_file,              ///< a file that is not what it claims to be, or is damaged
    no_face,               ///< a photograph without a face to work on
    model_mismatch,        ///< parts that do not belong together: model and encoder, identity and generator
    out_of_memory,         ///< more memory than the machine, the device or the budget has
    io_failure,            ///< the file system refused: disk full, permission, missing file
    device_unsupported,    ///< a device, or an architecture of it, that this build cannot drive
    cancelled,             ///< the caller asked to stop
    resume_mismatch,       ///< a run resumed with other options than it was started with
    peer_lost,             ///< another process of the same run died
    internal,              ///< a broken promise inside cameo: please report it
};

/// One row of the table that every front end uses.
struct ErrcInfo {
    Errc code;
    std::string_view name;     ///< as the enumerator is spelt
    int exit_code;             ///< of the program `cameo`
    std::string_view meaning;  ///< for people
};

/// The whole table, in the order of the enumerators.
[[nodiscard]] CAMEO_API std::span<const ErrcInfo> errc_table() noexcept;
[[nodiscard]] CAMEO_API const ErrcInfo& info(Errc code) noexcept;

/// The one exception of cameo. what() names subject, expectation and fact:
/// "planes: expected [N, 3, C, H, W], got [2, 96, 256, 256]".
class CAMEO_API Error : public std::runtime_error {
  public:
    Error(Errc code, const std::string& message);
    Error(const Error&) noexcept = default;
    Error& operator=(const Error&) noexcept = default;
    ~Error() override;

    [[nodiscard]] Errc code() const noexcept { return code_; }

  private:
    Errc code_;
};

}  // namespace cameo
