// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/safetensors.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include <cameo/core/error.hpp>
#include <cameo/io/digest.hpp>
#include <cameo/io/finite.hpp>
#include "io/json.hpp"
#include "io/name.hpp"
#include "io/tensor_checks.hpp"

namespace cameo::io {
namespace {

using nlohmann::json;

constexpr std::size_t prefix_size = 8;  // the header's size, little-endian
constexpr std::uint64_t max_header_size = std::uint64_t{8} << 20;
constexpr std::size_t data_alignment = 64;
constexpr std::size_t digest_digits = 64;
constexpr std::int64_t format_version = 1;
constexpr const char* metadata_key = "__metadata__";
constexpr const char* our_key = "cameo";

[[noreturn]] void refuse(std::string_view subject, const std::string& expected, const std::string& found) {
    throw Error(Errc::bad_file, std::string(subject) + ": expected " + expected + ", found " + found);
}

bool is_digest(std::string_view text) {
    return text.size() == digest_digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

/// The checked digest of a metadata's "cameo".
std::string digest_in(const std::string& text, std::string_view subject) {
    const auto ours = std::string(subject) + ": metadata '" + our_key + "'";
    const auto value = parse_json(text, ours);
    if (!value.is_object()) refuse(ours, "a JSON object", value.type_name());
    const auto version = value.find("format_version");
    if (version == value.end()) refuse(ours, "a format_version", "none");
    if (*version != format_version)
        refuse(ours, "format_version " + std::to_string(format_version), in_quotes(version->dump()));
    const auto digest = value.find("digest");
    if (digest == value.end()) refuse(ours, "a digest", "none");
    if (!digest->is_string() || !is_digest(digest->get_ref<const std::string&>()))
        refuse(ours, "a digest of 64 lower-case hexadecimal digits", in_quotes(digest->dump()));
    return digest->get<std::string>();
}

/// Whether a text is the metadata of a file of ours. Found under another key than "cameo" it tells that the key, which
/// alone would ask for the digest to be verified, is damaged.
bool looks_like_ours(std::string_view text) {
    return text.find("\"format_version\"") != text.npos && text.find("\"digest\"") != text.npos;
}

class Parser {
  public:
    Parser(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, std::string_view subject)
        : bytes_(bytes), owner_(std::move(owner)), subject_(subject) {}

    StateDict parse(const SafetensorsOptions& options) {
        split();
        const auto root = parse_json(header_, subject_ + ": header", max_header_size);
        StateDict result;
        if (const auto metadata = root.find(metadata_key); metadata != root.end())
            result.metadata = parse_metadata(*metadata);
        const auto count = root.size() - root.count(metadata_key);
        if (count > max_tensors)
            refuse(subject_, "at most " + std::to_string(max_tensors) + " tensors", std::to_string(count));
        for (auto& [name, region] : parse_regions(root))
            result.add(std::move(name), {region.dtype, std::move(region.shape),
                                         view_source(data_.subspan(region.begin, region.end - region.begin), owner_)});
        check_digest(result.metadata, options.verify_digest);
        if (options.require_finite) require_finite(result, subject_);
        return result;
    }

  private:
    struct Region {
        DType dtype = DType::f32;
        std::vector<std::int64_t> shape;
        std::size_t begin = 0, end = 0;  // in the data area
    };

    void split() {
        if (bytes_.size() < prefix_size)
            refuse(subject_, "a safetensors file", std::to_string(bytes_.size()) + " bytes");
        std::uint64_t size = 0;
        for (std::size_t i = prefix_size; i-- > 0;) size = size << 8u | std::to_integer<std::uint64_t>(bytes_[i]);
        if (size > max_header_size)
            refuse(subject_, "a safetensors header of at most 8 MiB", std::to_string(size) + " bytes announced");
        if (size > bytes_.size() - prefix_size)
            refuse(subject_, "a header of " + std::to_string(size) + " bytes", "the file's end");
        header_ = {reinterpret_cast<const char*>(bytes_.data()) + prefix_size, static_cast<std::size_t>(size)};
        data_ = bytes_.subspan(prefix_size + header_.size());
        const auto last = header_.find_last_not_of(' ');  // all that may stand behind the object
        if (last == header_.npos || header_.front() != '{' || header_[last] != '}')
            refuse(subject_, "a JSON object as header, followed by spaces", "something else");
    }

    [[nodiscard]] std::map<std::string, std::string> parse_metadata(const json& value) const {
        if (!value.is_object()) refuse(subject_, "an object as metadata", value.type_name());
        std::map<std::string, std::string> metadata;
        for (const auto& [key, text] : value.items()) {
            if (!text.is_string()) refuse(subject_, "a text as metadata " + in_quotes(key), text.type_name());
            metadata.emplace(key, text.get<std::string>());
        }
        return metadata;
    }

    void check_digest(const std::map<std::string, std::string>& metadata, bool verify) const {
        for (const auto& [key, text] : metadata)
            if (key != our_key && looks_like_ours(text))
                refuse(subject_, "metadata under '" + std::string(our_key) + "'", "it under " + in_quotes(key));
        const auto ours = metadata.find(our_key);
        if (ours == metadata.end()) return;
        const auto expected = digest_in(ours->second, subject_);
        if (!verify) return;
        // The digest cannot stand in what it is a digest of, so these digits are its own. Spelt as escapes they are not
        // found at all.
        const auto place = header_.find(expected);
        if (place == header_.npos || header_.find(expected, place + 1) != header_.npos)
            refuse(subject_, "the digest's digits once in the header", "another spelling");
        const auto digits = prefix_size + place;
        const std::string zeros(digest_digits, '0');
        Sha256 sha;
        sha.update(bytes_.first(digits));
        sha.update(std::as_bytes(std::span(zeros)));
        sha.update(bytes_.subspan(digits + digest_digits));
        if (const auto found = hex(sha.finish()); found != expected)
            refuse(subject_ + ": digest", expected, found + ": the file is damaged");
    }

    /// In the order of their bytes, which are found to cover the data area without overlap or hole.
    [[nodiscard]] std::vector<std::pair<std::string, Region>> parse_regions(const json& root) const {
        std::vector<std::pair<std::string, Region>> regions;
        regions.reserve(root.size());
        for (const auto& [name, value] : root.items())
            if (name != metadata_key) regions.emplace_back(name, parse_region(name, value));
        const auto place = [](const auto& region) { return std::pair(region.second.begin, region.second.end); };
        std::ranges::stable_sort(regions, {}, place);
        std::size_t end = 0;
        for (const auto& [name, region] : regions) {
            if (region.begin != end)
                refuse(of(name), "data at offset " + std::to_string(end),
                       std::to_string(region.begin) + (region.begin < end ? " (an overlap)" : " (a hole)"));
            end = region.end;
        }
        if (end != data_.size()) refuse(subject_, std::to_string(end) + " bytes of data", std::to_string(data_.size()));
        return regions;
    }

    [[nodiscard]] Region parse_region(const std::string& name, const json& value) const {
        if (!is_sound_name(name))
            refuse(of(name), "a name of 1 to 512 bytes of UTF-8 without control characters", "another");
        if (!value.is_object() || value.size() != 3)
            refuse(of(name), "dtype, shape and data_offsets", "something else");
        const auto dtype = value.find("dtype");
        const auto shape = value.find("shape");
        const auto offsets = value.find("data_offsets");
        if (dtype == value.end() || shape == value.end() || offsets == value.end())
            refuse(of(name), "dtype, shape and data_offsets", "other keys");

        Region region;
        const auto known = dtype->is_string() ? dtype_named(dtype->get_ref<const std::string&>()) : std::nullopt;
        if (!known) refuse(of(name), "a known dtype", in_quotes(dtype->dump()));
        region.dtype = *known;

        if (!shape->is_array() || shape->size() > max_rank) refuse(of(name), "a shape of at most 8 sizes", "another");
        for (const auto& size : *shape) region.shape.push_back(integer(name, size));
        const auto size = byte_size_of(region.dtype, region.shape);
        if (!size) refuse(of(name), "a shape whose bytes can be counted", shape->dump());

        if (!offsets->is_array() || offsets->size() != 2) refuse(of(name), "two data_offsets", "something else");
        const auto begin = static_cast<std::uint64_t>(integer(name, (*offsets)[0]));
        const auto end = static_cast<std::uint64_t>(integer(name, (*offsets)[1]));
        if (begin > end || end > data_.size())
            refuse(of(name), "data_offsets inside the " + std::to_string(data_.size()) + " bytes of data",
                   offsets->dump());
        if (end - begin != *size)
            refuse(of(name), std::to_string(*size) + " bytes for its shape", std::to_string(end - begin));
        region.begin = static_cast<std::size_t>(begin);
        region.end = static_cast<std::size_t>(end);

        if (region.dtype == DType::boolean)
            if (const auto bad = first_bad_value(region.dtype, data_.subspan(region.begin, region.end - region.begin)))
                refuse(of(name), std::string(good_values(region.dtype)),
                       "another at flat index " + std::to_string(*bad));
        return region;
    }

    [[nodiscard]] std::int64_t integer(const std::string& name, const json& value) const {
        if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
            refuse(of(name), "sizes and offsets from 0 to 2^63 - 1", in_quotes(value.dump()));
        return value.get<std::int64_t>();
    }

    [[nodiscard]] std::string of(const std::string& name) const { return subject_ + ": tensor " + in_quotes(name); }

    std::span<const std::byte> bytes_;
    std::shared_ptr<const void> owner_;
    std::string subject_;
    std::string_view header_;
    std::span<const std::byte> data_;
};

/// The header with the given digest, its size in front, padded so that the data are aligned.
std::string compose_header(const StateDict& tensors, json ours, const std::string& digest) {
    ours["format_version"] = format_version;
    ours["digest"] = digest;
    auto metadata = tensors.metadata;
    metadata[our_key] = ours.dump();
    auto header = std::string(prefix_size, '\0') + "{" + json(metadata_key).dump() + ":" + json(metadata).dump();
    std::uint64_t begin = 0;
    for (const auto& [name, tensor] : tensors.entries()) {
        const auto end = begin + tensor.byte_size();
        header += "," + json(name).dump() + ":{\"dtype\":\"" + std::string(name_of(tensor.dtype)) +
                  "\",\"shape\":" + json(tensor.shape).dump() +
                  ",\"data_offsets\":" + json(std::pair(begin, end)).dump() + "}";
        begin = end;
    }
    header += "}";
    header.resize((header.size() + data_alignment - 1) / data_alignment * data_alignment, ' ');
    for (std::size_t i = 0; i < prefix_size; ++i)
        header[i] = static_cast<char>((header.size() - prefix_size) >> (8 * i));
    return header;
}

/// What the metadata's "cameo" holds so far.
json our_metadata(const StateDict& tensors, const std::string& subject) {
    const auto place = tensors.metadata.find(our_key);
    if (place == tensors.metadata.end()) return json::object();
    const auto ours = parse_json(place->second, subject + ": metadata '" + our_key + "'");
    const auto version = ours.is_object() ? ours.value("format_version", json(format_version)) : json();
    if (version != format_version)
        refuse(subject + ": metadata '" + our_key + "'",
               "a JSON object of format_version " + std::to_string(format_version), "another");
    return ours;
}

void check_writable(const StateDict& tensors, const std::string& subject) {
    if (tensors.size() > max_tensors)
        refuse(subject, "at most " + std::to_string(max_tensors) + " tensors", std::to_string(tensors.size()));
    std::uint64_t total = 0;
    for (const auto& [name, tensor] : tensors.entries()) {
        const auto size = byte_size_of(tensor.dtype, tensor.shape);
        if (!is_sound_name(name) || name == metadata_key || !size ||
            *size > std::uint64_t{std::numeric_limits<std::int64_t>::max()} - total)
            refuse(subject, "tensors that a reader takes", in_quotes(name));
        total += *size;
    }
    for (const auto& [key, text] : tensors.metadata)
        if (key != our_key && looks_like_ours(text))
            refuse(subject, "metadata with format_version and digest under '" + std::string(our_key) + "'",
                   "it under " + in_quotes(key));
}

}  // namespace

StateDict parse_safetensors(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            std::string_view subject, const SafetensorsOptions& options) {
    return Parser(bytes, std::move(owner), subject).parse(options);
}

StateDict read_safetensors(const std::filesystem::path& path, const SafetensorsOptions& options) {
    auto file = MappedFile::open(path);
    const auto bytes = file->bytes();
    return parse_safetensors(bytes, std::move(file), path.string(), options);
}

std::string write_safetensors(const std::filesystem::path& path, const StateDict& tensors, Overwrite overwrite) {
    const auto subject = path.string();
    const std::string zeros(digest_digits, '0');
    std::string header;
    std::size_t digits = 0;
    try {
        check_writable(tensors, subject);
        const auto ours = our_metadata(tensors, subject);
        header = compose_header(tensors, ours, zeros);
        const auto other = compose_header(tensors, ours, std::string(digest_digits, 'f'));
        digits = static_cast<std::size_t>(std::ranges::mismatch(header, other).in1 - header.begin());
        if (header.size() - prefix_size > max_header_size)
            refuse(subject, "a header of at most 8 MiB", std::to_string(header.size()) + " bytes");
    } catch (const Error& error) {  // of what the caller gave, not of a file
        throw Error(Errc::invalid_argument, error.what());
    } catch (const json::exception&) {
        throw Error(Errc::invalid_argument, subject + ": expected metadata in UTF-8, got other bytes");
    }

    AtomicFile file(path, overwrite);
    Sha256 sha;
    const auto write = [&](std::span<const std::byte> bytes) {
        sha.update(bytes);
        file.write(bytes);
    };
    write(std::as_bytes(std::span(header)));
    for (const auto& [name, tensor] : tensors.entries())
        stream_exactly(tensor, subject + ": tensor " + in_quotes(name), write);
    auto digest = hex(sha.finish());
    file.write_at(digits, std::as_bytes(std::span(digest)));
    file.commit();
    return digest;
}

std::optional<std::string> digest_of(const StateDict& tensors) {
    const auto ours = tensors.metadata.find(our_key);
    if (ours == tensors.metadata.end()) return std::nullopt;
    return digest_in(ours->second, "tensors");
}

}  // namespace cameo::io
