// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/machine.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <string_view>
#include <unordered_map>

#include <cameo/core/error.hpp>

#include "io/name.hpp"
#include "io/pickle/rebuild.hpp"

namespace cameo::io::pickle {
namespace {

enum class Op : std::uint8_t {
    mark = '(',
    stop = '.',
    pop = '0',
    pop_mark = '1',
    dup = '2',
    binint = 'J',
    binint1 = 'K',
    binint2 = 'M',
    none = 'N',
    binfloat = 'G',
    binstring = 'T',
    short_binstring = 'U',
    binunicode = 'X',
    binbytes = 'B',
    short_binbytes = 'C',
    append = 'a',
    appends = 'e',
    list = 'l',
    empty_list = ']',
    tuple = 't',
    empty_tuple = ')',
    dict = 'd',
    empty_dict = '}',
    setitem = 's',
    setitems = 'u',
    binput = 'q',
    long_binput = 'r',
    binget = 'h',
    long_binget = 'j',
    global = 'c',
    reduce = 'R',
    build = 'b',
    binpersid = 'Q',
    proto = 0x80,
    newobj = 0x81,
    tuple1 = 0x85,
    tuple2 = 0x86,
    tuple3 = 0x87,
    newtrue = 0x88,
    newfalse = 0x89,
    long1 = 0x8a,
    long4 = 0x8b,
    short_binunicode = 0x8c,
    binunicode8 = 0x8d,
    binbytes8 = 0x8e,
    empty_set = 0x8f,
    additems = 0x90,
    frozenset = 0x91,
    newobj_ex = 0x92,
    stack_global = 0x93,
    memoize = 0x94,
    frame = 0x95,
    bytearray8 = 0x96,
};

struct Refused {
    std::uint8_t code;
    std::string_view name;
    std::string_view reason;
};

constexpr std::string_view text_protocol = "op-codes of the text protocols 0 and 1 are not read";
constexpr std::array refused{
    Refused{'i', "INST", "it would make an instance of any class"},
    Refused{'o', "OBJ", "it would make an instance of any class"},
    Refused{'P', "PERSID", "persistent ids as text are not read"},
    Refused{0x82, "EXT1", "it would use a registry of the writing program"},
    Refused{0x83, "EXT2", "it would use a registry of the writing program"},
    Refused{0x84, "EXT4", "it would use a registry of the writing program"},
    Refused{0x97, "NEXT_BUFFER", "the data would lie outside the file"},
    Refused{0x98, "READONLY_BUFFER", "the data would lie outside the file"},
    Refused{'I', "INT", text_protocol},
    Refused{'L', "LONG", text_protocol},
    Refused{'F', "FLOAT", text_protocol},
    Refused{'S', "STRING", text_protocol},
    Refused{'V', "UNICODE", text_protocol},
    Refused{'g', "GET", text_protocol},
    Refused{'p', "PUT", text_protocol},
};

template <class Unsigned>
Unsigned little_endian(Bytes bytes) noexcept {
    Unsigned value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i)
        value = static_cast<Unsigned>(value | static_cast<Unsigned>(static_cast<Unsigned>(bytes[i]) << 8 * i));
    return value;
}

class Machine {
  public:
    Machine(Bytes input, const MachineOptions& options)
        : input_(input), options_(options), limits_(options.limits), rebuild_(graph_, options_) {
        graph_.subject = options.subject;
        graph_.backing = options.backing;
        singletons_.fill(no_value);
        small_integers_.fill(no_value);
    }

    Parsed run() {
        if (input_.empty() || static_cast<Op>(input_[0]) != Op::proto)
            graph_.refuse(options_.offset, "a pickle of protocol 2 or later", "none");
        read_protocol();
        while (step()) {
        }
        if (!marks_.empty()) refuse("every mark to be closed before STOP", "an open one");
        if (stack_.size() != 1) refuse("one value before STOP", std::to_string(stack_.size()));
        graph_.root = stack_.back();
        return {std::move(graph_), position_};
    }

  private:
    // Reading.

    std::uint64_t offset() const { return options_.offset + opcode_at_; }

    [[noreturn]] void refuse(std::string_view expected, std::string_view found) const {
        graph_.refuse(offset(), expected, found);
    }

    Bytes take(std::uint64_t count) {
        if (count > input_.size() - position_)
            refuse("as many bytes as the op-code announces",
                   "only " + std::to_string(input_.size() - position_) + " of " + std::to_string(count));
        const auto bytes = input_.subspan(position_, static_cast<std::size_t>(count));
        position_ += static_cast<std::size_t>(count);
        return bytes;
    }

    template <class Unsigned>
    Unsigned number() {
        return little_endian<Unsigned>(take(sizeof(Unsigned)));
    }

    std::uint32_t signed_length() {
        const auto length = number<std::uint32_t>();
        if (length > std::uint32_t{std::numeric_limits<std::int32_t>::max()}) refuse("a length", "a negative number");
        return length;
    }

    std::string_view characters(std::uint64_t count) {
        const auto bytes = take(count);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    std::string_view line() {
        const auto rest = input_.subspan(position_, std::min(input_.size() - position_, limits_.name + 1));
        const std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
        const auto end = text.find('\n');
        if (end == text.npos) refuse("a name of at most " + std::to_string(limits_.name) + " bytes", "no end of it");
        position_ += end + 1;
        return text.substr(0, end);
    }

    // The stack.

    void push(ValueId id) {
        if (stack_.size() == limits_.memo)
            refuse("at most " + std::to_string(limits_.memo) + " values in hand", "more");
        stack_.push_back(id);
    }

    std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

    ValueId top() const {
        if (stack_.size() == floor()) refuse("a value on the stack", "none");
        return stack_.back();
    }

    ValueId pop() {
        const auto id = top();
        stack_.pop_back();
        return id;
    }

    /// The values above the innermost mark, which goes away; they stay in place until drop_to().
    std::span<const ValueId> pop_to_mark() {
        if (marks_.empty()) refuse("a mark on the stack", "none");
        const auto begin = marks_.back();
        marks_.pop_back();
        return std::span(stack_).subspan(begin);
    }

    void drop(std::size_t count) { stack_.resize(stack_.size() - count); }

    std::span<const ValueId> last(std::size_t count) const {
        if (stack_.size() - floor() < count)
            refuse(std::to_string(count) + " values on the stack", std::to_string(stack_.size() - floor()));
        return std::span(stack_).last(count);
    }

    // Values.

    template <class T>
    ValueId make(T&& data, std::size_t depth = 0) {
        return rebuild_.make(std::forward<T>(data), offset(), depth);
    }

    template <class T>
    ValueId singleton(std::size_t slot, T&& data) {
        if (singletons_[slot] == no_value) singletons_[slot] = make(std::forward<T>(data));
        return singletons_[slot];
    }

    ValueId integer(std::int64_t value) {
        if (value < 0 || value >= static_cast<std::int64_t>(small_integers_.size())) return make(value);
        auto& id = small_integers_[static_cast<std::size_t>(value)];
        if (id == no_value) id = make(value);
        return id;
    }

    ValueId long_integer(Bytes digits) {
        const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(digits[i]); };
        const std::uint8_t sign = !digits.empty() && (at(digits.size() - 1) & 0x80u) ? 0xff : 0;
        for (std::size_t i = 8; i < digits.size(); ++i)
            if (at(i) != sign) return make(BigInteger{digits});
        if (digits.size() > 8 && ((at(7) ^ sign) & 0x80u)) return make(BigInteger{digits});
        std::uint64_t value = sign ? ~std::uint64_t{0} : 0;
        for (std::size_t i = 0; i < std::min<std::size_t>(digits.size(), 8); ++i) {
            value &= ~(std::uint64_t{0xff} << 8 * i);
            value |= std::uint64_t{at(i)} << 8 * i;
        }
        return integer(static_cast<std::int64_t>(value));
    }

    ValueId text(std::string_view characters) {
        if (!is_utf8(characters)) refuse("text in UTF-8", in_quotes(characters));
        return make(characters);
    }

    /// What Python 2 called a string: text where it can be, else bytes.
    ValueId old_string(std::string_view characters) {
        if (is_utf8(characters)) return make(characters);
        return make(Bytes(std::as_bytes(std::span(characters))));
    }

    void count_links(std::size_t count) { rebuild_.count_links(count, offset()); }

    std::size_t depth_above(std::span<const ValueId> items) const {
        std::size_t depth = 0;
        for (const auto id : items) depth = std::max<std::size_t>(depth, graph_.values[id].depth + std::size_t{1});
        return depth;
    }

    void tuple_of(std::size_t count) { replace_by_tuple(last(count)); }

    void replace_by_tuple(std::span<const ValueId> items) {
        const auto count = items.size();
        count_links(count);
        const auto id = count == 0 ? singleton(empty_tuple_slot, Tuple{})
                                   : make(Tuple{{items.begin(), items.end()}}, depth_above(items));
        drop(count);
        push(id);
    }

    template <class Container>
    Container& container(ValueId id, std::string_view name) {
        auto* found = std::get_if<Container>(&graph_.values[id].data);
        if (!found) refuse(name, graph_.describe(id));
        return *found;
    }

    /// Adds the last `count` values of the stack to the list or set below them.
    template <class Container>
    void extend(std::span<const ValueId> items, std::string_view name) {
        const auto count = items.size();
        if (stack_.size() - floor() < count + 1) refuse(name, "an empty stack");
        const auto target = stack_[stack_.size() - count - 1];
        auto& list = container<Container>(target, name).items;
        count_links(count);
        list.insert(list.end(), items.begin(), items.end());
        rebuild_.deepen(target, depth_above(items), offset());
        drop(count);
    }

    static constexpr std::string_view pairs_expected = "keys and values in pairs";

    void insert(Dict& dict, std::span<const ValueId> items) {
        if (items.size() % 2 != 0) refuse(pairs_expected, "an odd number of values");
        count_links(items.size());
        for (std::size_t i = 0; i < items.size(); i += 2) dict.items.emplace_back(items[i], items[i + 1]);
    }

    void set_items(std::span<const ValueId> items) {
        const auto count = items.size();
        if (stack_.size() - floor() < count + 1) refuse("a mapping", "an empty stack");
        const auto target = stack_[stack_.size() - count - 1];
        insert(container<Dict>(target, "a mapping"), items);
        rebuild_.deepen(target, depth_above(items), offset());
        drop(count);
    }

    template <class Container>
    void collect() {
        const auto items = pop_to_mark();
        const auto count = items.size();
        count_links(count);
        const auto id = make(Container{{items.begin(), items.end()}}, depth_above(items));
        drop(count);
        push(id);
    }

    void collect_dict() {
        const auto items = pop_to_mark();
        const auto count = items.size();
        Dict dict;
        insert(dict, items);
        const auto id = make(std::move(dict), depth_above(items));
        drop(count);
        push(id);
    }

    // The memo.

    void remember(std::uint64_t index) {
        const auto id = top();
        if (index >= limits_.memo) refuse("a memo of at most " + std::to_string(limits_.memo), std::to_string(index));
        if (index >= memo_.size()) memo_.resize(static_cast<std::size_t>(index) + 1, no_value);
        auto& place = memo_[static_cast<std::size_t>(index)];
        if (place == no_value) ++remembered_;
        place = id;
    }

    void recall(std::uint64_t index) {
        if (index >= memo_.size() || memo_[static_cast<std::size_t>(index)] == no_value)
            refuse("a remembered value", "none under " + std::to_string(index));
        push(memo_[static_cast<std::size_t>(index)]);
    }

    // Op-codes with more to them.

    void read_protocol() {
        ++position_;
        const auto version = number<std::uint8_t>();
        if (version < 2 || version > 5) refuse("a pickle of protocol 2 to 5", std::to_string(version));
    }

    ValueId global(std::string_view module, std::string_view name) {
        if (const auto symbol = find_symbol(module, name)) return make(*symbol);
        throw Error(Errc::bad_file, graph_.subject + ": global " +
                                        in_quotes(std::string(module) + "." + std::string(name)) + " at byte " +
                                        std::to_string(offset()) +
                                        ": not on the list of known names; nothing was executed");
    }

    std::string_view popped_name() {
        const auto id = pop();
        const auto* name = graph_.as<std::string_view>(id);
        if (!name) refuse("the name of a global", graph_.describe(id));
        if (name->size() > limits_.name) refuse("a shorter name", in_quotes(*name));
        return *name;
    }

    [[noreturn]] void refuse_opcode(std::uint8_t code) const {
        const auto at = " at byte " + std::to_string(offset()) + ": ";
        for (const auto& row : refused)
            if (row.code == code)
                throw Error(Errc::bad_file, graph_.subject + ": op-code " + std::string(row.name) + at + "refused, " +
                                                std::string(row.reason) + "; nothing was executed");
        constexpr char digits[] = "0123456789abcdef";
        throw Error(Errc::bad_file, graph_.subject + ": op-code 0x" + digits[code >> 4] + digits[code & 15u] + at +
                                        "not on the list of known op-codes; nothing was executed");
    }

    /// One op-code. False after STOP.
    bool step() {
        opcode_at_ = position_;
        if (position_ == input_.size()) refuse("an op-code", "the end of the data");
        const auto code = static_cast<std::uint8_t>(input_[position_++]);
        switch (static_cast<Op>(code)) {
            case Op::stop:
                return false;
            case Op::frame: {
                const auto length = number<std::uint64_t>();
                if (length > input_.size() - position_) refuse("a frame inside the data", std::to_string(length));
                break;
            }
            case Op::mark:
                if (marks_.size() == limits_.depth)
                    refuse("at most " + std::to_string(limits_.depth) + " open marks", "more");
                marks_.push_back(stack_.size());
                break;
            case Op::pop:
                if (!marks_.empty() && stack_.size() == marks_.back())
                    marks_.pop_back();
                else
                    pop();
                break;
            case Op::pop_mark:
                drop(pop_to_mark().size());
                break;
            case Op::dup:
                push(top());
                break;

            case Op::none:
                push(singleton(none_slot, None{}));
                break;
            case Op::newtrue:
                push(singleton(true_slot, true));
                break;
            case Op::newfalse:
                push(singleton(false_slot, false));
                break;
            case Op::binint:
                push(integer(static_cast<std::int32_t>(number<std::uint32_t>())));
                break;
            case Op::binint1:
                push(integer(number<std::uint8_t>()));
                break;
            case Op::binint2:
                push(integer(number<std::uint16_t>()));
                break;
            case Op::long1:
                push(long_integer(take(number<std::uint8_t>())));
                break;
            case Op::long4:
                push(long_integer(take(signed_length())));
                break;
            case Op::binfloat: {
                std::uint64_t bits = 0;
                for (const auto byte : take(8)) bits = bits << 8 | static_cast<std::uint64_t>(byte);
                push(make(std::bit_cast<double>(bits)));
                break;
            }

            case Op::short_binunicode:
                push(text(characters(number<std::uint8_t>())));
                break;
            case Op::binunicode:
                push(text(characters(number<std::uint32_t>())));
                break;
            case Op::binunicode8:
                push(text(characters(number<std::uint64_t>())));
                break;
            case Op::short_binstring:
                push(old_string(characters(number<std::uint8_t>())));
                break;
            case Op::binstring:
                push(old_string(characters(signed_length())));
                break;
            case Op::short_binbytes:
                push(make(take(number<std::uint8_t>())));
                break;
            case Op::binbytes:
                push(make(take(number<std::uint32_t>())));
                break;
            case Op::binbytes8:
            case Op::bytearray8:
                push(make(take(number<std::uint64_t>())));
                break;

            case Op::empty_tuple:
                push(singleton(empty_tuple_slot, Tuple{}));
                break;
            case Op::tuple1:
                tuple_of(1);
                break;
            case Op::tuple2:
                tuple_of(2);
                break;
            case Op::tuple3:
                tuple_of(3);
                break;
            case Op::tuple:
                replace_by_tuple(pop_to_mark());
                break;
            case Op::empty_list:
                push(make(List{}));
                break;
            case Op::list:
                collect<List>();
                break;
            case Op::append:
                extend<List>(last(1), "a list");
                break;
            case Op::appends:
                extend<List>(pop_to_mark(), "a list");
                break;
            case Op::empty_dict:
                push(make(Dict{}));
                break;
            case Op::dict:
                collect_dict();
                break;
            case Op::setitem:
                set_items(last(2));
                break;
            case Op::setitems:
                set_items(pop_to_mark());
                break;
            case Op::empty_set:
                push(make(Set{}));
                break;
            case Op::additems:
                extend<Set>(pop_to_mark(), "a set");
                break;
            case Op::frozenset:
                collect<Set>();
                break;

            case Op::binput:
                remember(number<std::uint8_t>());
                break;
            case Op::long_binput:
                remember(number<std::uint32_t>());
                break;
            case Op::memoize:
                remember(remembered_);
                break;
            case Op::binget:
                recall(number<std::uint8_t>());
                break;
            case Op::long_binget:
                recall(number<std::uint32_t>());
                break;

            case Op::global: {
                const auto module = line();
                const auto name = line();
                push(global(module, name));
                break;
            }
            case Op::stack_global: {
                const auto name = popped_name();
                const auto module = popped_name();
                push(global(module, name));
                break;
            }
            case Op::reduce: {
                const auto arguments = pop();
                const auto callee = pop();
                push(rebuild_.reduce(callee, arguments, offset()));
                break;
            }
            case Op::newobj: {
                const auto arguments = pop();
                const auto callee = pop();
                push(rebuild_.instance(callee, arguments, offset()));
                break;
            }
            case Op::newobj_ex: {
                const auto keywords = pop();
                const auto arguments = pop();
                const auto callee = pop();
                if (!container<Dict>(keywords, "a mapping of arguments").items.empty())
                    refuse("no arguments by name", graph_.describe(keywords));
                push(rebuild_.instance(callee, arguments, offset()));
                break;
            }
            case Op::build: {
                const auto state = pop();
                rebuild_.build(top(), state, offset());
                break;
            }
            case Op::binpersid:
                push(rebuild_.persistent(pop(), offset()));
                break;

            case Op::proto:
                refuse("the protocol at the start only", "a second PROTO");
            default:
                refuse_opcode(code);
        }
        return true;
    }

    enum : std::size_t { none_slot, true_slot, false_slot, empty_tuple_slot, slots };

    Bytes input_;
    const MachineOptions& options_;
    const Limits& limits_;
    Graph graph_;
    Rebuild rebuild_;
    std::size_t position_ = 0;
    std::size_t opcode_at_ = 0;
    std::vector<ValueId> stack_;
    std::vector<std::size_t> marks_;
    std::vector<ValueId> memo_;
    std::size_t remembered_ = 0;
    std::array<ValueId, slots> singletons_;
    std::array<ValueId, 1024> small_integers_;  // shapes and strides are full of them
};

}  // namespace

Parsed parse(Bytes input, const MachineOptions& options) { return Machine(input, options).run(); }

}  // namespace cameo::io::pickle
