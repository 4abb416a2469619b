// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "io/pickle/value.hpp"
#include "io/zip.hpp"

namespace cameo::io {

/// Reads what torch.save writes since 1.6: an archive with one folder, in it data.pkl and a member for each storage.
/// The storages are read from the archive when they are streamed, checked against their CRC.
/// Errors   bad_file, also for TorchScript's archives and for elements in big-endian order
/// Source   spec of the checkpoint formats, section 7.7
[[nodiscard]] pickle::Graph read_torch_zip(const std::shared_ptr<const ZipArchive>& archive);

}  // namespace cameo::io
