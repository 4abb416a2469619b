// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/error.hpp>

#include <array>

namespace cameo {
namespace {

constexpr std::array table{
    ErrcInfo{Errc::invalid_argument, "invalid_argument", 2, "an option or argument outside its range"},
    ErrcInfo{Errc::shape_mismatch, "shape_mismatch", 2, "a tensor or array of another shape than expected"},
    ErrcInfo{Errc::bad_file, "bad_file", 3, "a file that is not what it claims to be, or is damaged"},
    ErrcInfo{Errc::no_face, "no_face", 4, "no face found in the photograph"},
    ErrcInfo{Errc::model_mismatch, "model_mismatch", 5, "parts that do not belong together"},
    ErrcInfo{Errc::out_of_memory, "out_of_memory", 6, "more memory than there is or was allowed"},
    ErrcInfo{Errc::io_failure, "io_failure", 7, "the file system refused (disk full, permission, no such file)"},
    ErrcInfo{Errc::device_unsupported, "device_unsupported", 8, "a device that this build cannot drive"},
    ErrcInfo{Errc::cancelled, "cancelled", 130, "stopped on request"},
    ErrcInfo{Errc::resume_mismatch, "resume_mismatch", 5, "a run resumed with other options than before"},
    ErrcInfo{Errc::peer_lost, "peer_lost", 9, "another process of the run died"},
    ErrcInfo{Errc::internal, "internal", 1, "a fault inside cameo"},
};

}  // namespace

std::span<const ErrcInfo> errc_table() noexcept { return table; }

const ErrcInfo& info(Errc code) noexcept {
    const auto index = static_cast<std::size_t>(code) - 1;
    return index < table.size() ? table[index] : table.back();
}

Error::Error(Errc code, const std::string& message) : std::runtime_error(message), code_(code) {}
Error::~Error() = default;

}  // namespace cameo
