// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/npy.hpp>

#include <algorithm>
#include <string>
#include <utility>

#include <cameo/core/error.hpp>
#include "io/npy_format.hpp"
#include "io/tensor_checks.hpp"

namespace cameo::io {

StoredTensor parse_npy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, std::string_view subject) {
    const auto refuse = [&](const std::string& expected, const std::string& found) {
        throw Error(Errc::bad_file, std::string(subject) + ": expected " + expected + ", found " + found);
    };
    const auto start = npy_header_size(bytes.first(std::min(bytes.size(), npy_prefix_size)), subject);
    if (start > bytes.size()) refuse("a NumPy header of " + std::to_string(start) + " bytes", "the file's end");
    auto header = parse_npy_header(bytes.first(start), subject);
    const auto layout = layout_of(header, subject);
    const auto data = bytes.subspan(start);
    if (data.size() != layout.byte_size)
        refuse(std::to_string(layout.byte_size) + " bytes of data", std::to_string(data.size()));
    if (layout.dtype == DType::boolean) check_booleans(data, 0, subject);
    auto source = layout.as_stored() ? view_source(data, std::move(owner))
                                     : memory_source(rearranged(data, layout, header.shape));
    return {layout.dtype, std::move(header.shape), std::move(source)};
}

StoredTensor read_npy(const std::filesystem::path& path) {
    auto file = MappedFile::open(path);
    const auto bytes = file->bytes();
    return parse_npy(bytes, std::move(file), path.string());
}

void write_npy(const std::filesystem::path& path, const StoredTensor& tensor, Overwrite overwrite) {
    const auto descr = descr_of(tensor.dtype);
    if (!descr || !byte_size_of(tensor.dtype, tensor.shape))
        throw Error(Errc::invalid_argument,
                    path.string() + ": expected a tensor that NumPy has a type for, of at most " +
                        std::to_string(max_rank) + " dimensions, got " + std::string(name_of(tensor.dtype)) + " of " +
                        std::to_string(tensor.shape.size()));
    AtomicFile file(path, overwrite);
    file.write(compose_npy_header(*descr, tensor.shape));
    stream_exactly(tensor, path.string(), [&](std::span<const std::byte> run) { file.write(run); });
    file.commit();
}

}  // namespace cameo::io
