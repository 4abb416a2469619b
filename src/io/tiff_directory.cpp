// SPDX-License-Identifier: Apache-2.0
#include "io/tiff_directory.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace cameo::io {
namespace {

enum Type : std::uint16_t { byte_type = 1, ascii_type, short_type, long_type };

std::size_t size_of_number(std::uint16_t type) {
    return type == byte_type ? 1 : type == short_type ? 2 : type == long_type ? 4 : 0;
}

}  // namespace

TiffDirectory::TiffDirectory(Bytes file, std::string_view subject) : file_(file), subject_(subject) {
    const auto mark = as_text(file.first(std::min<std::size_t>(file.size(), 2)));
    if (mark != "II" && mark != "MM") refuse(subject, "TIFF's \"II\" or \"MM\"", "other bytes");
    order_ = mark == "II" ? std::endian::little : std::endian::big;
    ByteReader reader(file, order_, subject, 2);
    const auto version = reader.number<std::uint16_t>();
    if (version == 43) refuse(subject, "a classic TIFF file", "BigTIFF, which is not read");
    if (version != 42) refuse(subject, "TIFF's version 42", std::to_string(version));
    reader.seek(reader.number<std::uint32_t>());
    for (int left = reader.number<std::uint16_t>(); left > 0; --left) {
        const auto tag = reader.number<std::uint16_t>();
        const auto type = reader.number<std::uint16_t>();
        const auto count = reader.number<std::uint32_t>();
        fields_.try_emplace(tag, Field{type, count, reader.position()});
        (void)reader.take(4);
    }
}

Bytes TiffDirectory::value(const Field& field, std::size_t element) const {
    const auto bytes = std::uint64_t{field.count} * element;
    ByteReader reader(file_, order_, subject_, field.value_at);
    if (bytes > 4) reader.seek(reader.number<std::uint32_t>());
    return reader.take(bytes);
}

std::vector<std::uint32_t> TiffDirectory::numbers(std::uint16_t tag, std::uint64_t most) const {
    const auto place = fields_.find(tag);
    if (place == fields_.end()) return {};
    const auto& field = place->second;
    const auto element = size_of_number(field.type);
    if (element == 0 || field.count > most)
        refuse(subject_, "at most " + std::to_string(most) + " whole numbers in TIFF field " + std::to_string(tag),
               std::to_string(field.count) + " of type " + std::to_string(field.type));
    ByteReader reader(value(field, element), order_, subject_);
    std::vector<std::uint32_t> result(field.count);
    for (auto& number : result)
        number = element == 1   ? reader.number<std::uint8_t>()
                 : element == 2 ? reader.number<std::uint16_t>()
                                : reader.number<std::uint32_t>();
    return result;
}

std::uint32_t TiffDirectory::number(std::uint16_t tag, std::uint32_t missing) const {
    const auto all = numbers(tag, 1);
    return all.empty() ? missing : all.front();
}

std::string_view TiffDirectory::text(std::uint16_t tag) const {
    const auto place = fields_.find(tag);
    if (place == fields_.end() || place->second.type != ascii_type) return {};
    const auto all = as_text(value(place->second, 1));
    return all.substr(0, all.find('\0'));
}

std::vector<std::byte> tiff_file(std::endian order, std::vector<TiffField> fields, std::span<const Bytes> chunks,
                                 std::uint16_t offsets_tag) {
    std::ranges::sort(fields, {}, &TiffField::tag);
    const auto is_short = [&](const TiffField& field) {
        return field.tag != offsets_tag && std::ranges::all_of(field.numbers, [](std::uint32_t number) {
                   return number <= std::numeric_limits<std::uint16_t>::max();
               });
    };
    const auto value_bytes = [&](const TiffField& field) {
        if (!field.text.empty()) return field.text.size() + 1;
        return field.tag == offsets_tag ? chunks.size() * 4 : field.numbers.size() * (is_short(field) ? 2 : 4);
    };
    const auto padded = [](std::size_t bytes) { return (bytes + 1) & ~std::size_t{1}; };

    const auto values_at = 8 + 2 + 12 * fields.size() + 4;
    auto chunk_at = values_at;
    for (const auto& field : fields)
        if (value_bytes(field) > 4) chunk_at += padded(value_bytes(field));
    for (auto& field : fields) {
        if (field.tag != offsets_tag) continue;
        for (const auto chunk : chunks) {
            chunk_at = padded(chunk_at);
            field.numbers.push_back(static_cast<std::uint32_t>(chunk_at));
            chunk_at += chunk.size();
        }
    }

    std::vector<std::byte> file;
    file.reserve(chunk_at);
    append(file, order == std::endian::little ? "II" : "MM");
    append(file, std::uint16_t{42}, order);
    append(file, std::uint32_t{8}, order);
    append(file, static_cast<std::uint16_t>(fields.size()), order);
    std::vector<std::byte> values;
    for (const auto& field : fields) {
        std::vector<std::byte> value;
        append(value, field.text);
        if (!field.text.empty()) value.push_back({});
        for (const auto number : field.numbers) {
            if (is_short(field))
                append(value, static_cast<std::uint16_t>(number), order);
            else
                append(value, number, order);
        }
        const auto type = !field.text.empty() ? ascii_type : is_short(field) ? short_type : long_type;
        append(file, field.tag, order);
        append(file, std::uint16_t{type}, order);
        append(file, static_cast<std::uint32_t>(field.text.empty() ? field.numbers.size() : value.size()), order);
        if (value.size() > 4) {
            append(file, static_cast<std::uint32_t>(values_at + values.size()), order);
            value.resize(padded(value.size()));
            append(values, value);
        } else {
            value.resize(4);
            append(file, value);
        }
    }
    append(file, std::uint32_t{0}, order);
    append(file, values);
    for (const auto chunk : chunks) {
        file.resize(padded(file.size()));
        append(file, chunk);
    }
    return file;
}

}  // namespace cameo::io
