// SPDX-License-Identifier: Apache-2.0
#include "io/json.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <cameo/core/error.hpp>
#include "io/name.hpp"

namespace cameo::io {
namespace {

using nlohmann::json;

constexpr std::size_t max_depth = 32;

/// Builds the document from the parser's events. nlohmann's own builder would keep the last of two equal keys, turn
/// integers of more than 64 bits into rounded doubles and know no limit of depth.
class DocumentBuilder final : public json::json_sax_t {
  public:
    explicit DocumentBuilder(std::string_view subject) : subject_(subject) {}

    json take() { return std::move(root_); }

    bool null() override { return place(nullptr); }
    bool boolean(bool value) override { return place(value); }
    bool number_integer(json::number_integer_t value) override { return place(value); }
    bool number_unsigned(json::number_unsigned_t value) override { return place(value); }
    bool number_float(json::number_float_t value, const std::string& digits) override {
        if (digits.find_first_of(".eE") == std::string::npos)
            refuse("an integer of at most 64 bits", in_quotes(digits));
        return place(value);
    }
    bool string(std::string& value) override { return place(std::move(value)); }
    bool binary(json::binary_t&) override { return false; }  // no event of JSON text

    bool start_object(std::size_t) override { return open(json::object()); }
    bool start_array(std::size_t) override { return open(json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }

    bool key(std::string& name) override {
        const auto [entry, fresh] = open_.back()->get_ref<json::object_t&>().try_emplace(name);
        if (!fresh) refuse("each key once", "a second " + in_quotes(name));
        member_ = &entry->second;
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const json::exception& problem) override {
        std::string cause = problem.what();  // "[json.exception.parse_error.101] parse error at ..."
        if (const auto tag = cause.find("] "); tag != std::string::npos) cause.erase(0, tag + 2);
        throw Error(Errc::bad_file, subject_ + ": expected JSON, found a fault at byte " + std::to_string(position) +
                                        " (" + cause + ")");
    }

  private:
    [[noreturn]] void refuse(const std::string& expected, const std::string& found) const {
        throw Error(Errc::bad_file, subject_ + ": expected " + expected + ", found " + found);
    }

    template <class Value>
    bool place(Value&& value) {
        put(json(std::forward<Value>(value)));
        return true;
    }

    json* put(json value) {
        if (open_.empty()) {
            root_ = std::move(value);
            return &root_;
        }
        if (json& parent = *open_.back(); parent.is_array())
            return &parent.get_ref<json::array_t&>().emplace_back(std::move(value));
        *member_ = std::move(value);
        return member_;
    }

    bool open(json container) {
        if (open_.size() == max_depth) refuse("at most " + std::to_string(max_depth) + " levels of JSON", "more");
        open_.push_back(put(std::move(container)));
        return true;
    }

    bool close() {
        open_.pop_back();
        return true;
    }

    std::string subject_;
    json root_;
    std::vector<json*> open_;  // stays valid: only the innermost container grows
    json* member_ = nullptr;
};

}  // namespace

nlohmann::json parse_json(std::string_view text, std::string_view subject, std::size_t max_bytes) {
    if (text.size() > max_bytes)
        throw Error(Errc::bad_file, std::string(subject) + ": expected at most " + std::to_string(max_bytes) +
                                        " bytes of JSON, found " + std::to_string(text.size()));
    if (const auto nul = text.find('\0'); nul != text.npos)  // nlohmann's lexer takes it for the end
        throw Error(Errc::bad_file,
                    std::string(subject) + ": expected JSON, found a NUL at byte " + std::to_string(nul));
    DocumentBuilder builder(subject);
    json::sax_parse(text, &builder);
    return builder.take();
}

}  // namespace cameo::io
