// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <zlib.h>

namespace cameo::support {

/// A member as its headers shall describe it, true or not.
struct RawMember {
    std::string name = {};
    std::string data = {};  ///< as it stands in the archive: deflated if `method` says so
    std::uint16_t method = 0;
    std::optional<std::uint32_t> size = {}, stored_size = {}, crc = {};  ///< where they shall differ from the data's
    std::uint32_t attributes = 0;                                        ///< of Unix, in the upper half
    std::uint16_t flags = 0x800;                                         ///< names in UTF-8
    std::optional<std::uint32_t> offset = {};  ///< of its local header, where it shall be another's
};

struct RawEnd {
    std::optional<std::uint16_t> count = {};
    std::optional<std::uint32_t> directory_size = {}, directory_offset = {};
};

inline std::string little_endian(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
    return text;
}

inline std::string raw_deflated(const std::string& data) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
    std::string result(deflateBound(&stream, static_cast<uLong>(data.size())), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream.avail_in = static_cast<uInt>(data.size());
    stream.next_out = reinterpret_cast<Bytef*>(result.data());
    stream.avail_out = static_cast<uInt>(result.size());
    deflate(&stream, Z_FINISH);
    result.resize(stream.total_out);
    deflateEnd(&stream);
    return result;
}

inline std::uint32_t crc_of(const std::string& data) {
    return static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
}

/// A ZIP archive by hand, so that it may lie.
inline std::string raw_zip(const std::vector<RawMember>& members, const RawEnd& end = {}) {
    std::string archive, directory;
    for (const auto& member : members) {
        const auto size = static_cast<std::uint32_t>(member.data.size());
        const auto common = little_endian(20, 2) + little_endian(member.flags, 2) + little_endian(member.method, 2) +
                            little_endian(0x00210000, 4) + little_endian(member.crc.value_or(crc_of(member.data)), 4) +
                            little_endian(member.stored_size.value_or(size), 4) +
                            little_endian(member.size.value_or(size), 4) + little_endian(member.name.size(), 2) +
                            little_endian(0, 2);
        directory += "PK\x01\x02" + little_endian(0x0314, 2) + common + little_endian(0, 6) +
                     little_endian(member.attributes, 4) +
                     little_endian(member.offset.value_or(static_cast<std::uint32_t>(archive.size())), 4) + member.name;
        archive += "PK\x03\x04" + common + member.name + member.data;
    }
    const auto count = little_endian(end.count.value_or(static_cast<std::uint16_t>(members.size())), 2);
    const auto offset = static_cast<std::uint32_t>(archive.size());
    return archive + directory + "PK\x05\x06" + little_endian(0, 4) + count + count +
           little_endian(end.directory_size.value_or(static_cast<std::uint32_t>(directory.size())), 4) +
           little_endian(end.directory_offset.value_or(offset), 4) + little_endian(0, 2);
}

}  // namespace cameo::support
