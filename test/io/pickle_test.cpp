// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/machine.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include <cameo/core/error.hpp>
#include "io/pickle/legacy_stream.hpp"
#include "io/pickle/tensor.hpp"
#include "support/errors.hpp"
#include "support/memory.hpp"
#include "support/pickle_writer.hpp"
#include "support/stored_tensors.hpp"

using namespace std::string_literals;
using cameo::DType;
using cameo::Errc;
using cameo::Error;
using cameo::support::is_error;
using cameo::support::Py;
namespace support = cameo::support;
using namespace cameo::io::pickle;

namespace {

Graph read(const std::string& file, const Limits& limits = {}) {
    // A copy of the exact size, so that a sanitizer sees a read beyond the end.
    auto bytes = std::make_shared<std::vector<std::byte>>(file.size());
    std::copy(file.begin(), file.end(), reinterpret_cast<char*>(bytes->data()));
    auto backing = std::make_shared<Backing>();
    backing->file = bytes;
    return read_pickle(*bytes, "x.pkl", std::move(backing), limits);
}

Graph read(const Py& value, int protocol = 4) { return read(support::pickle(value, protocol)); }

void refuses(const std::string& file, const std::string& part, const Limits& limits = {}) {
    INFO(Catch::StringMaker<std::string>::convert(file.substr(0, 200)));
    CHECK_THROWS_MATCHES(read(file, limits), Error, is_error(Errc::bad_file, part));
}

/// The op-codes of one value, made a pickle.
std::string whole(const std::string& opcodes) { return "\x80\x02" + opcodes + "."; }

std::string repeated(const std::string& unit, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += unit;
    return text;
}

/// A value spelt as Python's repr() would, so that whole graphs compare with one line.
std::string spelt(const Graph& graph, ValueId id) {
    const auto listed = [&](const std::vector<ValueId>& items) {
        std::string text;
        for (const auto item : items) text += (text.empty() ? "" : ", ") + spelt(graph, item);
        return text;
    };
    if (graph.as<None>(id)) return "None";
    if (const auto* value = graph.as<bool>(id)) return *value ? "True" : "False";
    if (const auto* value = graph.as<std::int64_t>(id)) return std::to_string(*value);
    if (const auto* value = graph.as<BigInteger>(id)) return "big" + std::to_string(value->digits.size());
    if (const auto* value = graph.as<double>(id)) return Catch::StringMaker<double>::convert(*value);
    if (const auto* value = graph.as<std::string_view>(id)) return "'" + std::string(*value) + "'";
    if (const auto* value = graph.as<Bytes>(id)) {
        std::string text = "b";
        for (const auto byte : *value) text += " " + std::to_string(static_cast<int>(byte));
        return text;
    }
    if (const auto* value = graph.as<Tuple>(id)) return "(" + listed(value->items) + ")";
    if (const auto* value = graph.as<List>(id)) return "[" + listed(value->items) + "]";
    if (const auto* value = graph.as<Set>(id)) return "{" + listed(value->items) + "}";
    if (const auto* value = graph.as<Dict>(id)) {
        std::string text;
        for (const auto& [key, item] : value->items)
            text += (text.empty() ? "" : ", ") + spelt(graph, key) + ": " + spelt(graph, item);
        return "{" + text + "}";
    }
    return graph.describe(id);
}

std::string spelt(const Graph& graph) { return spelt(graph, graph.root); }

template <class T>
std::vector<T> tensor_values(const Graph& graph) {
    const auto* tensor = graph.tensor(graph.root);
    REQUIRE(tensor);
    return support::values_of<T>(stored(graph, *tensor));
}

// What CPython 3.11 writes for the object below with protocols 2 to 5:
// {'none': None, 'yes': True, 'no': False,
//  'ints': [0, 255, 256, 65535, 65536, -1, -2147483648, 2**31, 2**40, -2**63, 2**63, 2**70],
//  'real': 0.1, 'text': 'gr\u00fc\u00df', 'bytes': b'\x00\xff\x80',
//  'tuples': [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], 'set': {7}, 'frozen': frozenset([8]),
//  'array': bytearray(b'ab'), 'ordered': OrderedDict([('a', 1), ('b', 2)])}, and 'again': the list of 'ints' once more
const std::vector<std::string> python_wrote{
    "\200\002}q\000(X\004\000\000\000noneq\001NX\003\000\000\000yesq\002\210X\002\000\000\000noq\003\211X\004"
    "\000\000\000intsq\004]q\005(K\000K\377M\000\001M\377\377J\000\000\001\000J\377\377\377\377J\000\000\000"
    "\200\212\005\000\000\000\200\000\212\006\000\000\000\000\000\001\212\010\000\000\000\000\000\000\000\200"
    "\212\011\000\000\000\000\000\000\000\200\000\212\011\000\000\000\000\000\000\000\000@eX\004\000\000\000"
    "realq\006G\077\271\231\231\231\231\231\232X\004\000\000\000textq\007X\006\000\000\000gr\303\274\303\237"
    "q\010X\005\000\000\000bytesq\011c_codecs\012encode\012q\012X\005\000\000\000\000\303\277\302\200q\013"
    "X\006\000\000\000latin1q\014\206q\015Rq\016X\006\000\000\000tuplesq\017]q\020()K\001\205q\021K\001K\002"
    "\206q\022K\001K\002K\003\207q\023(K\001K\002K\003K\004tq\024eX\003\000\000\000setq\025c__builtin__\012"
    "set\012q\026]q\027K\007a\205q\030Rq\031X\006\000\000\000frozenq\032c__builtin__\012frozenset\012q\033"
    "]q\034K\010a\205q\035Rq\036X\005\000\000\000arrayq\037c__builtin__\012bytearray\012q h\012X\002\000\000"
    "\000abq!h\014\206q\042Rq#\205q$Rq%X\007\000\000\000orderedq&ccollections\012OrderedDict\012q')Rq((X\001"
    "\000\000\000aq)K\001X\001\000\000\000bq*K\002uX\005\000\000\000againq+h\005u."s,
    "\200\003}q\000(X\004\000\000\000noneq\001NX\003\000\000\000yesq\002\210X\002\000\000\000noq\003\211X\004"
    "\000\000\000intsq\004]q\005(K\000K\377M\000\001M\377\377J\000\000\001\000J\377\377\377\377J\000\000\000"
    "\200\212\005\000\000\000\200\000\212\006\000\000\000\000\000\001\212\010\000\000\000\000\000\000\000\200"
    "\212\011\000\000\000\000\000\000\000\200\000\212\011\000\000\000\000\000\000\000\000@eX\004\000\000\000"
    "realq\006G\077\271\231\231\231\231\231\232X\004\000\000\000textq\007X\006\000\000\000gr\303\274\303\237"
    "q\010X\005\000\000\000bytesq\011C\003\000\377\200q\012X\006\000\000\000tuplesq\013]q\014()K\001\205q\015"
    "K\001K\002\206q\016K\001K\002K\003\207q\017(K\001K\002K\003K\004tq\020eX\003\000\000\000setq\021cbuil"
    "tins\012set\012q\022]q\023K\007a\205q\024Rq\025X\006\000\000\000frozenq\026cbuiltins\012frozenset\012"
    "q\027]q\030K\010a\205q\031Rq\032X\005\000\000\000arrayq\033cbuiltins\012bytearray\012q\034C\002abq\035"
    "\205q\036Rq\037X\007\000\000\000orderedq ccollections\012OrderedDict\012q!)Rq\042(X\001\000\000\000aq"
    "#K\001X\001\000\000\000bq$K\002uX\005\000\000\000againq%h\005u."s,
    "\200\004\225M\001\000\000\000\000\000\000}\224(\214\004none\224N\214\003yes\224\210\214\002no\224\211"
    "\214\004ints\224]\224(K\000K\377M\000\001M\377\377J\000\000\001\000J\377\377\377\377J\000\000\000\200"
    "\212\005\000\000\000\200\000\212\006\000\000\000\000\000\001\212\010\000\000\000\000\000\000\000\200\212"
    "\011\000\000\000\000\000\000\000\200\000\212\011\000\000\000\000\000\000\000\000@e\214\004real\224G\077"
    "\271\231\231\231\231\231\232\214\004text\224\214\006gr\303\274\303\237\224\214\005bytes\224C\003\000\377"
    "\200\224\214\006tuples\224]\224()K\001\205\224K\001K\002\206\224K\001K\002K\003\207\224(K\001K\002K\003"
    "K\004t\224e\214\003set\224\217\224(K\007\220\214\006frozen\224(K\010\221\224\214\005array\224\214\010"
    "builtins\224\214\011bytearray\224\223\224C\002ab\224\205\224R\224\214\007ordered\224\214\013collectio"
    "ns\224\214\013OrderedDict\224\223\224)R\224(\214\001a\224K\001\214\001b\224K\002u\214\005again\224h\005"
    "u."s,
    "\200\005\2257\001\000\000\000\000\000\000}\224(\214\004none\224N\214\003yes\224\210\214\002no\224\211"
    "\214\004ints\224]\224(K\000K\377M\000\001M\377\377J\000\000\001\000J\377\377\377\377J\000\000\000\200"
    "\212\005\000\000\000\200\000\212\006\000\000\000\000\000\001\212\010\000\000\000\000\000\000\000\200\212"
    "\011\000\000\000\000\000\000\000\200\000\212\011\000\000\000\000\000\000\000\000@e\214\004real\224G\077"
    "\271\231\231\231\231\231\232\214\004text\224\214\006gr\303\274\303\237\224\214\005bytes\224C\003\000\377"
    "\200\224\214\006tuples\224]\224()K\001\205\224K\001K\002\206\224K\001K\002K\003\207\224(K\001K\002K\003"
    "K\004t\224e\214\003set\224\217\224(K\007\220\214\006frozen\224(K\010\221\224\214\005array\224\226\002"
    "\000\000\000\000\000\000\000ab\224\214\007ordered\224\214\013collections\224\214\013OrderedDict\224\223"
    "\224)R\224(\214\001a\224K\001\214\001b\224K\002u\214\005again\224h\005u."s,
};

const std::string python_says =
    "{'none': None, 'yes': True, 'no': False, "
    "'ints': [0, 255, 256, 65535, 65536, -1, -2147483648, 2147483648, 1099511627776, -9223372036854775808, big9, "
    "big9], "
    "'real': 0.1, 'text': 'gr\xc3\xbc\xc3\x9f', 'bytes': b 0 255 128, "
    "'tuples': [(), (1), (1, 2), (1, 2, 3), (1, 2, 3, 4)], 'set': {7}, 'frozen': {8}, "
    "'array': b 97 98, 'ordered': {'a': 1, 'b': 2}, "
    "'again': [0, 255, 256, 65535, 65536, -1, -2147483648, 2147483648, 1099511627776, -9223372036854775808, big9, "
    "big9]}";

}  // namespace

TEST_CASE("what Python writes with protocols 2 to 5 is read as Python meant it", "[io][pickle]") {
    for (const auto& file : python_wrote) {
        const auto graph = read(file);
        CHECK(spelt(graph) == python_says);
        const auto* dict = graph.as<Dict>(graph.root);
        CHECK(*graph.find(*dict, "ints") == *graph.find(*dict, "again"));  // the same object, through the memo
        const auto* real = graph.as<double>(*graph.find(*dict, "real"));
        CHECK(*real == 0.1);
    }
}

TEST_CASE("every prefix of a pickle is refused, and so is anything after it", "[io][pickle]") {
    for (const auto& file : python_wrote) {
        for (std::size_t size = 0; size < file.size(); ++size) refuses(file.substr(0, size), "x.pkl: expected ");
        refuses(file + "N", "expected the end of the file at byte " + std::to_string(file.size()));
    }
}

TEST_CASE("the op-codes that Python's own writer leaves out are understood too", "[io][pickle]") {
    CHECK(spelt(read(whole("(K\x01K\x02l"))) == "[1, 2]");
    CHECK(spelt(read(whole("(X\x01\0\0\0aK\x02"
                           "d"s))) == "{'a': 2}");
    CHECK(spelt(read(whole("]K\x01"
                           "a"))) == "[1]");
    CHECK(spelt(read(whole("NK\x05"
                           "20K\x06\x87"s))) == "(None, 5, 6)");
    CHECK(spelt(read(whole("K\x01(NNN1\x85"))) == "(1)");
    CHECK(spelt(read(whole("K\x01(0\x85"))) == "(1)");  // POP takes a mark that lies on top
    CHECK(spelt(read(whole("\x8b\x02\0\0\0\xff\x7f"s))) == "32767");
    CHECK(spelt(read(whole("\x8a\0"s))) == "0");
    CHECK(spelt(read(whole("\x8a\x01\xff"s))) == "-1");
    CHECK(spelt(read(whole("\x8a\x0a\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff"s))) == "-2");
    CHECK(spelt(read(whole("\x8e\x01\0\0\0\0\0\0\0z"s))) == "b 122");
    CHECK(spelt(read(whole("\x8d\x01\0\0\0\0\0\0\0z"s))) == "'z'");
    CHECK(spelt(read(whole("U\x02py"s))) == "'py'");
    CHECK(spelt(read(whole("T\x02\0\0\0\xff\xfe"s))) == "b 255 254");
    CHECK(spelt(read(whole("K\x07r\x09\x01\0\0j\x09\x01\0\0\x86"s))) == "(7, 7)");
    CHECK(spelt(read(whole("ccollections\nOrderedDict\n)}\x92"))) == "{}");
    CHECK(spelt(read(whole("cdnnlib.util\nEasyDict\n)\x81X\x01\0\0\0aK\x01s"s))) == "{'a': 1}");
    CHECK(spelt(read(whole("ccollections\nOrderedDict\n]]X\x01\0\0\0a"
                           "aK\x01"
                           "a"
                           "a\x85R"s))) == "{'a': 1}");
    CHECK(spelt(read(whole("ctorch\ndevice\nX\x04\0\0\0cudaK\x01\x86R"s))) == "'cuda:1'");
    CHECK(spelt(read(whole("ctorch\ndevice\nX\x03\0\0\0cpu\x85R"s))) == "'cpu'");
    CHECK(spelt(read(whole("ctorch\nSize\nK\x02K\x03\x86\x85R"s))) == "(2, 3)");
    CHECK(spelt(read(whole("ctorch\nfloat16\n"))) == "the global 'float16'");
}

TEST_CASE("op-codes that would build objects or reach outside the file are refused by name", "[io][pickle]") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"(ios\nsystem\n", "INST"},
        {"(cos\nsystem\no", "OBJ"},
        {"P0\n", "PERSID"},
        {"\x82\x01", "EXT1"},
        {"\x83\x01\x01", "EXT2"},
        {"\x84\1\1\1\1", "EXT4"},
        {"\x97", "NEXT_BUFFER"},
        {"N\x98", "READONLY_BUFFER"},
        {"I1\n", "INT"},
        {"L1L\n", "LONG"},
        {"F1\n", "FLOAT"},
        {"S'a'\n", "STRING"},
        {"Va\n", "UNICODE"},
        {"g0\n", "GET"},
        {"Np0\n", "PUT"},
        {"X\1\0\0\0aQ"s, "BINPERSID"},
    };
    for (const auto& [opcodes, name] : cases) {
        if (opcodes.starts_with("(cos"))
            refuses(whole("(ctorch\nSize\no"), "op-code OBJ at byte 15: refused");
        else
            refuses(whole(opcodes), "op-code " + name + " at byte ");
    }
    refuses(whole("(ios\nsystem\n"), "nothing was executed");
}

TEST_CASE("every byte that is no op-code is refused with its value and place", "[io][pickle]") {
    const std::string known = "(.012JKMNGTUXBCaeltd]})suqrhjcRbQioPILFSVgp";
    int strange = 0;
    for (int code = 0; code < 256; ++code) {
        const bool is_known =
            (code < 128 && known.find(static_cast<char>(code)) != known.npos) || (code >= 0x80 && code <= 0x98);
        if (is_known) continue;
        ++strange;
        refuses(whole("NN"s + static_cast<char>(code)), "at byte 4: not on the list of known op-codes");
    }
    CHECK(strange == 256 - static_cast<int>(known.size()) - 25);
}

TEST_CASE("a global that is not on the list is refused by name and place and never looked up", "[io][pickle]") {
    refuses(whole("cos\nsystem\nX\x06\0\0\0whoami\x85R"s),
            "x.pkl: global 'os.system' at byte 2: not on the list of known names; nothing was executed");
    refuses(whole("N\x8c\x08"
                  "builtins\x8c\x04"
                  "eval\x93"),
            "global 'builtins.eval' at byte 19: not on the list");
    const std::vector<std::pair<std::string, std::string>> names{{"posix", "system"},
                                                                 {"nt", "system"},
                                                                 {"subprocess", "Popen"},
                                                                 {"builtins", "exec"},
                                                                 {"builtins", "getattr"},
                                                                 {"builtins", "open"},
                                                                 {"__builtin__", "eval"},
                                                                 {"importlib", "import_module"},
                                                                 {"torch", "load"},
                                                                 {"torch.hub", "load"},
                                                                 {"torch.package", "PackageImporter"},
                                                                 {"torch.jit", "load"},
                                                                 {"numpy", "load"},
                                                                 {"pickle", "loads"},
                                                                 {"_pickle", "loads"},
                                                                 {"operator", "attrgetter"},
                                                                 {"functools", "partial"},
                                                                 {"collections", "OrderedDict.fromkeys"},
                                                                 {"collections", "os.system"},
                                                                 {"webbrowser", "open"},
                                                                 {"", ""},
                                                                 {"torch", "FloatStorage.from_file"},
                                                                 {"numpy", "ndarray.tofile"},
                                                                 {"codecs", "open"},
                                                                 {"shutil", "rmtree"},
                                                                 {"torch._utils", "_import_dotted_name"},
                                                                 {"torch_utils.persistence", "_src_to_module"},
                                                                 {"numpy.core.multiarray", "fromfile"},
                                                                 {"runpy", "run_path"},
                                                                 {"socket", "socket"},
                                                                 {"ctypes", "CDLL"}};
    for (const auto& [module, name] : names) {
        refuses(whole("c" + module + "\n" + name + "\n"), "not on the list of known names");
        refuses(support::pickle(Py::call(Py::global(module, name), {"x"})), "not on the list of known names");
    }
    // A name that would move the cursor of a terminal is shown escaped.
    refuses(whole("ca\x1b[2J\nb\n"), "'a\\x1b[2J.b'");
}

TEST_CASE("a known global does nothing but what it is known for", "[io][pickle]") {
    const Py rebuild = Py::global("torch._utils", "_rebuild_tensor_v2");
    const Py sequential = Py::global("torch.nn.modules.container", "Sequential");
    for (const auto& value :
         {Py::call(sequential, {}),
          Py::call(Py::global("torch", "FloatStorage"), {5}),
          Py::call("text", {}),
          Py::instance(sequential, Py::list({})),
          Py::instance(rebuild, Py::dict({})),
          Py::built(Py::list({}), Py::dict({})),
          Py::built(Py::dict({}), 5),
          Py::call(Py::global("torch", "Size"), {"abc"}),
          Py::call(Py::global("_codecs", "encode"), {"abc", "rot13"}),
          Py::call(Py::global("_codecs", "encode"), {"\xe2\x82\xac", "latin1"}),
          Py::call(Py::global("copyreg", "_reconstructor"), {sequential, sequential, {}}),
          Py::call(Py::global("copyreg", "_reconstructor"), {rebuild, Py::global("builtins", "object"), {}}),
          Py::call(Py::global("collections", "OrderedDict"), {Py::list({1, 2})}),
          Py::call(Py::global("builtins", "set"), {5}),
          Py::call(Py::global("builtins", "bytearray"), {5}),
          Py::call(Py::global("numpy", "dtype"), {"O8", false, true}),
          Py::call(Py::global("numpy", "dtype"), {"V16", false, true}),
          Py::call(Py::global("numpy", "dtype"), {"f16", false, true}),
          Py::call(Py::global("torch._utils", "_rebuild_parameter"), {5, true, {}}),
          Py::call(Py::global("torch.storage", "_load_from_bytes"), {Py::bytes("nothing of the kind")}),
          Py::raw("ctorch.nn.modules.container\nSequential\nK\x01\x85\x81"),
          Py::raw("ctorch.nn.modules.container\nSequential\n)}X\1\0\0\0aNs\x92"s)})
        refuses(support::pickle(value), "x.pkl: expected ");
    CHECK(spelt(read(
              Py::call(Py::global("copyreg", "_reconstructor"), {sequential, Py::global("builtins", "object"), {}}))) ==
          "an object of class 'Sequential'");
    refuses(support::pickle(Py::built(Py::instance(sequential, Py::dict({})), Py::dict({}))), "one state");
}

TEST_CASE("protocols before 2 and after 5 are refused", "[io][pickle]") {
    for (const auto* file : {"\x80\x01N.", "\x80\x06N.",
                             "\x80\xff"
                             "N."})
        refuses(file, "protocol 2 to 5");
    refuses("N.", "protocol 2 or later");
    refuses("", "protocol 2 or later");
    refuses("\x80", "x.pkl: expected ");
    refuses("\x80\x02N\x80\x02.", "a second PROTO");
}

TEST_CASE("lengths that lie are refused before memory is taken", "[io][pickle]") {
    const auto growth = support::resident_growth([] {
        for (const auto* size : {"\xff\xff\xff\x7f", "\xff\xff\xff\xff", "\x00\x00\x00\x80"})
            for (const auto* code : {"X", "B", "T", "\x8b"})
                refuses("\x80\x04" + (code + std::string(size, 4)) + "ab.", "expected ");
        for (const auto* code : {"\x8d", "\x8e", "\x96", "\x95"})
            for (const auto& size :
                 {"\xff\xff\xff\xff\xff\xff\xff\xff"s, "\xff\xff\xff\xff\xff\xff\xff\x7f"s, "\0\0\0\0\1\0\0\0"s})
                refuses("\x80\x04" + (code + size) + "ab.", "expected ");
        refuses("\x80\x04N\x72\xff\xff\xff\xff.", "a memo of at most");
        refuses("\x80\x04N\x72\xff\xff\x0f\x00\x6a\xfe\xff\x0f\x00\x86."s, "a remembered value");
        refuses(
            "\x80\x04\x8c\x06"
            "abcd.",
            "only 5 of 6");
        refuses("\x80\x04\x8a\x09.", "expected ");
        refuses("\x80\x04h\x07.", "none under 7");
    });
    CHECK(growth < (16u << 20));
}

TEST_CASE("nesting stops at 64 however it is made", "[io][pickle]") {
    CHECK_NOTHROW(read(whole("N" + repeated("\x85", 64))));
    refuses(whole("N" + repeated("\x85", 66)), "nested at most 64 deep");
    refuses(whole("N" + repeated("\x85", 1'000'000)), "nested at most 64 deep");
    refuses(whole(repeated("(", 65) + "N"), "at most 64 open marks");
    refuses(whole(repeated("]", 100) + repeated("a", 99)), "nested at most 64 deep");
    refuses(whole(repeated("}N", 100) + "N" + repeated("s", 99)), "nested at most 64 deep");
    // From the outside in: each list is filled after it has been put into the one before.
    std::string inwards = "]";
    for (int i = 0; i < 1000; ++i)
        inwards +=
            "]2q\x01"
            "a0h\x01";
    CHECK_THROWS_AS(read(whole(inwards)), Error);
}

TEST_CASE("a list that holds itself is read, and goes away again", "[io][pickle]") {
    const auto graph =
        read(whole("]q\x01h\x01"
                   "a"));
    CHECK(graph.as<List>(graph.root)->items == std::vector<ValueId>{graph.root});
    CHECK_NOTHROW(read(whole("}q\x01X\1\0\0\0ah\x01s"s)));
}

TEST_CASE("bombs of values, memo entries and links end at their limits", "[io][pickle]") {
    const auto growth = support::resident_growth([] {
        // 100 bytes that double a tuple at each step: shared, so it costs nothing here.
        CHECK_NOTHROW(read(whole("N" + repeated("2\x86", 50))));
        refuses(whole(repeated("N", (1u << 20) + 1)), "values in hand");
        refuses(whole(repeated("2", 9)), "a value on the stack");
        const Limits few{.memo = 1000, .values = 1000, .links = 1000};
        refuses(whole(repeated("N", 1001)), "at most 1000 values in hand", few);
        refuses(whole(repeated("]0", 1001) + "N"), "at most 1000 values", few);
        refuses(whole("N" + repeated("\x94", 1001)), "a memo of at most 1000", few);
        refuses(whole("]" + repeated("Na", 1001)), "at most 1000 entries", few);
        refuses(whole("}" + repeated("NNs", 501)), "at most 1000 entries", few);
        refuses(whole("](" + repeated("N", 900) + "e\x94" + repeated("0cbuiltins\nset\nh\0\x85R"s, 2)),
                "at most 1000 entries", few);
    });
    CHECK(growth < (64u << 20));
}

TEST_CASE("a large bomb is refused within the memory that its own size allows", "[io][pickle]") {
    const auto objects = whole(repeated("]0", 1'100'000) + "N");
    const auto entries = whole("]" + repeated("Na", 4'300'000));
    const auto growth = support::resident_growth([&] {
        refuses(objects, "at most 1048576 values");
        refuses(entries, "at most 4194304 entries");
    });
    CHECK(growth < (200u << 20));
}

TEST_CASE("the stack is guarded below and at its marks", "[io][pickle]") {
    for (const auto* opcodes : {"0",
                                "1",
                                "2",
                                "a",
                                "e",
                                "s",
                                "u",
                                "t",
                                "l",
                                "d",
                                "\x85",
                                "\x86",
                                "\x87",
                                "R",
                                "b",
                                "\x81",
                                "\x90",
                                "\x91",
                                "\x92",
                                "\x93",
                                "\x94",
                                "q\x01",
                                "N\x86",
                                "NN\x87",
                                "N(\x85",
                                "NN(R",
                                "](N(a",
                                "(",
                                "N(N",
                                "NN",
                                "NNs",
                                "Na",
                                "]Ns",
                                "(Nd",
                                "}(Nu",
                                "]Nu",
                                "K\x01K\x02"
                                "a",
                                "}(e",
                                "(N(e"})
        refuses(whole(opcodes), "x.pkl: expected ");
}

TEST_CASE("a pickled text that is not UTF-8 is refused", "[io][pickle]") {
    for (const auto& text :
         {"\xff"s, "\xc0\xaf"s, "\xed\xa0\x80"s, "\xe2\x82"s, "\xf4\x90\x80\x80"s, "abcdefgh\x80ijklmnop"s})
        refuses(support::pickle(Py(text)), "text in UTF-8");
    CHECK(spelt(read(Py("abcdefgh\xf0\x9f\x98\x80ijklmnopqrstuv"))) == "'abcdefgh\xf0\x9f\x98\x80ijklmnopqrstuv'");
}

TEST_CASE("numpy's scalars keep every bit", "[io][pickle]") {
    const auto scalar = [](const std::string& code, const std::string& bytes, const std::string& order = "<",
                           int protocol = 4) {
        return read(Py::call(Py::global("numpy.core.multiarray", "scalar"),
                             {support::numpy_dtype(code, order), Py::bytes(bytes)}),
                    protocol);
    };
    for (const int protocol : {2, 3, 4, 5})
        for (const double value : {0.044194173824159216, std::sqrt(2.0), -0.0, 5e-324, 1.7976931348623157e308}) {
            const auto graph = read(support::numpy_scalar(value), protocol);
            const auto* found = graph.as<double>(graph.root);
            REQUIRE(found);
            CHECK(*found == value);
            CHECK(std::signbit(*found) == std::signbit(value));
        }
    CHECK(spelt(scalar("f4", "\x00\x00\x80\x3f"s)) == "1.0");
    CHECK(spelt(scalar("f4", "\x3f\x80\x00\x00"s, ">")) == "1.0");
    CHECK(spelt(scalar("f2", "\x00\xc2"s)) == "-3.0");
    CHECK(spelt(scalar("f2", "\x01\x00"s)) == Catch::StringMaker<double>::convert(std::ldexp(1.0, -24)));
    CHECK(std::isinf(*scalar("f2", "\x00\x7c"s).as<double>(scalar("f2", "\x00\x7c"s).root)));
    CHECK(spelt(scalar("i8", "\xfe\xff\xff\xff\xff\xff\xff\xff")) == "-2");
    CHECK(spelt(scalar("i4", "\xff\xff\xff\x7f")) == "2147483647");
    CHECK(spelt(scalar("i2", "\x01\x02", ">")) == "258");
    CHECK(spelt(scalar("i1", "\x80", "|")) == "-128");
    CHECK(spelt(scalar("u1", "\x80", "|")) == "128");
    CHECK(spelt(scalar("b1", "\x01", "|")) == "True");
    CHECK_THROWS_MATCHES(scalar("u8", "\xff\xff\xff\xff\xff\xff\xff\xff"), Error, is_error(Errc::bad_file, "63 bits"));
    CHECK_THROWS_MATCHES(scalar("f8", "\x01\x02"), Error, is_error(Errc::bad_file, "8 bytes"));
    CHECK_THROWS_MATCHES(scalar("f8", "12345678", "x"), Error, is_error(Errc::bad_file, "byte order"));
}

TEST_CASE("numpy's arrays become tensors, Fortran's order included", "[io][pickle]") {
    const std::vector<float> values{1, 2, 3, 4, 5, 6};
    const std::string bytes(reinterpret_cast<const char*>(values.data()), 24);
    const auto array = [&](std::vector<Py> shape, bool fortran, const Py& dtype, const std::string& data) {
        const Py empty = Py::call(Py::global("numpy.core.multiarray", "_reconstruct"),
                                  {Py::global("numpy", "ndarray"), Py::tuple({0}), Py::bytes("b")});
        return Py::built(empty, Py::tuple({1, Py::tuple(std::move(shape)), dtype, fortran, Py::bytes(data)}));
    };
    for (const int protocol : {2, 4}) {
        const auto plain = read(array({2, 3}, false, support::numpy_dtype("f4"), bytes), protocol);
        CHECK(plain.tensor(plain.root)->shape == std::vector<std::int64_t>{2, 3});
        CHECK(tensor_values<float>(plain) == values);
        const auto fortran = read(array({2, 3}, true, support::numpy_dtype("f4"), bytes), protocol);
        CHECK(tensor_values<float>(fortran) == std::vector<float>{1, 3, 5, 2, 4, 6});
    }
    const auto buffer =
        read(Py::call(Py::global("numpy.core.numeric", "_frombuffer"),
                      {Py::raw("\x96\x18\0\0\0\0\0\0\0"s + bytes), support::numpy_dtype("f4"), Py::tuple({3, 2}), "C"}),
             5);
    CHECK(tensor_values<float>(buffer) == values);
    for (const auto& bad :
         {array({2, 4}, false, support::numpy_dtype("f4"), bytes),
          array({-2, -3}, false, support::numpy_dtype("f4"), bytes),
          array({2, 3}, false, support::numpy_dtype("f4", ">"), bytes),
          array({2, 3}, false, support::numpy_dtype("u4"), bytes),
          array({std::int64_t{1} << 62, std::int64_t{1} << 62}, false, support::numpy_dtype("f4"), bytes),
          array({0, std::int64_t{1} << 62, std::int64_t{1} << 62}, true, support::numpy_dtype("f4"), ""),
          array({1, 1, 1, 1, 1, 1, 1, 1, 6}, false, support::numpy_dtype("f4"), bytes)})
        refuses(support::pickle(bad), "x.pkl: expected ");
}

TEST_CASE("trap 36: a tensor's strides are followed", "[io][pickle][tensor]") {
    std::vector<float> data(24);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i);
    const Py storage = support::nested_storage(DType::f32, std::string(reinterpret_cast<const char*>(data.data()), 96));
    struct Case {
        std::vector<std::int64_t> shape, stride;
        std::int64_t offset;
    };
    for (const auto& [shape, stride, offset] :
         {Case{{24}, {1}, 0}, Case{{2, 3, 4}, {12, 4, 1}, 0}, Case{{4, 3}, {1, 4}, 2},
          Case{{2, 3, 2, 2}, {12, 1, 6, 3}, 0},  // channels-last
          Case{{3, 1, 5}, {7, 99, 1}, 3}, Case{{5}, {0}, 7}, Case{{2, 5}, {0, 2}, 1}, Case{{}, {}, 23},
          Case{{1, 1}, {500, 500}, 5}, Case{{12}, {2}, 1}, Case{{3, 2}, {8, 0}, 4}}) {
        const auto graph = read(support::tensor(storage, {DType::f32, shape, stride, offset}));
        std::vector<float> expected;
        std::vector<std::int64_t> index(shape.size(), 0);
        for (bool more = true; more;) {  // the definition, element by element
            std::int64_t at = offset;
            for (std::size_t i = 0; i < shape.size(); ++i) at += index[i] * stride[i];
            expected.push_back(data[static_cast<std::size_t>(at)]);
            more = false;
            for (std::size_t i = shape.size(); i-- > 0;) {
                if (++index[i] < shape[i]) {
                    more = true;
                    break;
                }
                index[i] = 0;
            }
        }
        CHECK(tensor_values<float>(graph) == expected);
        CHECK(graph.tensor(graph.root)->shape == shape);
    }
}

TEST_CASE("a strided tensor larger than the buffer comes whole, of every size of element", "[io][pickle][tensor]") {
    const std::int64_t rows = 523, columns = 1021;  // primes: no run ends where the buffer does
    for (const auto dtype : {DType::u8, DType::f16, DType::f32, DType::f64}) {
        const auto item = cameo::size_of(dtype);
        std::string bytes(static_cast<std::size_t>(rows * columns) * item, '\0');
        for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
        const auto graph =
            read(support::tensor(support::nested_storage(dtype, bytes), {dtype, {columns, rows}, {1, columns}}));
        const auto found = cameo::read_bytes(stored(graph, *graph.tensor(graph.root)));
        REQUIRE(found.size() == bytes.size());
        bool equal = true;
        for (std::int64_t c = 0; c < columns; ++c)
            for (std::int64_t r = 0; r < rows; ++r)
                for (std::size_t k = 0; k < item; ++k)
                    equal &= static_cast<char>(found[static_cast<std::size_t>(c * rows + r) * item + k]) ==
                             bytes[static_cast<std::size_t>(r * columns + c) * item + k];
        CHECK(equal);
    }
}

TEST_CASE("a contiguous tensor is a view of the file and not a copy", "[io][pickle][tensor]") {
    const auto graph = read(support::tensor_of<float>(DType::f32, {2, 2}, {1, 2, 3, 4}));
    const auto& file = *std::static_pointer_cast<const std::vector<std::byte>>(graph.backing->file);
    const auto bytes = stored(graph, *graph.tensor(graph.root)).source->contiguous();
    CHECK(bytes.size() == 16);
    CHECK(bytes.data() > file.data());
    CHECK(bytes.data() + bytes.size() <= file.data() + file.size());
}

TEST_CASE("tensors that leave their storage are refused before memory is taken", "[io][pickle][tensor]") {
    const Py storage = support::nested_storage(DType::f32, std::string(96, 'x'));
    constexpr auto huge = std::numeric_limits<std::int64_t>::max();
    const auto growth = support::resident_growth([&] {
        for (const auto& spec : std::vector<support::TensorSpec>{{DType::f32, {25}},
                                                                 {DType::f32, {24}, {1}, 1},
                                                                 {DType::f32, {2, 2}, {23, 2}},
                                                                 {DType::f32, {-1}, {1}},
                                                                 {DType::f32, {2}, {-1}, 1},
                                                                 {DType::f32, {2}, {1}, -1},
                                                                 {DType::f32, {huge}, {1}},
                                                                 {DType::f32, {huge, huge}, {0, 0}},
                                                                 {DType::f32, {huge}, {0}},
                                                                 {DType::f32, {2}, {huge}, 5},
                                                                 {DType::f32, {3}, {huge}},
                                                                 {DType::f32, {1}, {1}, huge},
                                                                 {DType::f32, {0}, {1}, 25},
                                                                 {DType::f32, {0, huge, huge}, {1, 1, 1}},
                                                                 {DType::f32, {1, 1, 1, 1, 1, 1, 1, 1, 1}},
                                                                 {DType::f32, {2, 2}, {1}}}) {
            const auto file = support::pickle(support::tensor(storage, spec));
            CHECK_THROWS_MATCHES(read(file), Error, is_error(Errc::bad_file, "x.pkl: expected "));
        }
    });
    CHECK(growth < (16u << 20));
    CHECK_NOTHROW(read(support::tensor(storage, {DType::f32, {0}, {1}, 24})));
}

TEST_CASE("every known type of storage is read, under torch.cuda too", "[io][pickle][tensor]") {
    for (int i = 0; i <= static_cast<int>(DType::boolean); ++i) {
        const auto dtype = static_cast<DType>(i);
        const std::string bytes(3 * cameo::size_of(dtype), '\x01');
        const auto graph = read(support::tensor(support::nested_storage(dtype, bytes), {dtype, {3}}));
        CHECK(graph.tensor(graph.root)->dtype == dtype);
        CHECK(cameo::read_bytes(stored(graph, *graph.tensor(graph.root))).size() == bytes.size());
    }
    const auto id = Py::tuple({"storage", Py::global("torch.cuda", "HalfStorage"), "5", "cuda:1", 2, {}});
    const auto stream = support::legacy_stream(Py::persistent(id), {{"5", "abcd", DType::f16}});
    const auto graph = read(support::tensor(
        Py::call(Py::global("torch.storage", "_load_from_bytes"), {Py::bytes(stream)}), {DType::f16, {2}}));
    CHECK(graph.tensor(graph.root)->dtype == DType::f16);
    for (const auto* unknown : {"ComplexFloatStorage", "QInt8Storage", "Storage"})
        refuses(whole("ctorch\n"s + unknown + "\n"), "not on the list");
}

TEST_CASE("an untyped storage takes its type from the tensor", "[io][pickle][tensor]") {
    const auto id = Py::tuple({"storage", Py::global("torch.storage", "UntypedStorage"), "5", "cpu", 8, {}});
    const auto stream = support::legacy_stream(Py::persistent(id), {{"5", "abcdefgh", DType::u8}});
    const auto rebuilt = [&](const Py& type, std::int64_t offset, std::int64_t size) {
        return Py::call(Py::global("torch._utils", "_rebuild_tensor_v3"),
                        {Py::call(Py::global("torch.storage", "_load_from_bytes"), {Py::bytes(stream)}), offset,
                         Py::tuple({size}), Py::tuple({1}), false, Py::ordered_dict({}), type});
    };
    const auto graph = read(rebuilt(Py::global("torch", "int16"), 1, 3));
    CHECK(graph.tensor(graph.root)->dtype == DType::i16);
    CHECK(cameo::read_bytes(stored(graph, *graph.tensor(graph.root))) ==
          support::bytes_of(std::vector<char>{'c', 'd', 'e', 'f', 'g', 'h'}));
    refuses(support::pickle(rebuilt(Py::global("torch", "int16"), 1, 4)), "a view beyond its end");
    refuses(support::pickle(rebuilt("int16", 1, 3)), "a data type");
}

TEST_CASE("a persistent object keeps its class, source and state and needs version 6", "[io][pickle]") {
    const auto graph =
        read(support::persistent_object("SynthesisLayer", Py::dict({{"up", 2}}), "import os; os.abort()"));
    const auto* object = graph.object(graph.root);
    REQUIRE(object);
    CHECK(object->class_name == "SynthesisLayer");
    CHECK(*object->module_source == "import os; os.abort()");
    CHECK(spelt(graph, object->state) == "{'up': 2}");
    for (const int version : {5, 7, 0, -6})
        refuses(support::pickle(support::persistent_object("A", Py::dict({}), "", version)), "version 6");
    const Py rebuild = Py::global("torch_utils.persistence", "_reconstruct_persistent_obj");
    const Py::Pairs right{
        {"type", "class"}, {"version", 6}, {"module_src", ""}, {"class_name", "A"}, {"state", Py::dict({})}};
    CHECK_NOTHROW(read(Py::call(rebuild, {Py::dict(right)})));
    for (std::size_t i = 0; i < right.size(); ++i) {
        auto wrong = right;
        wrong[i].second = Py::list({});
        refuses(support::pickle(Py::call(rebuild, {Py::dict(wrong)})), "'_reconstruct_persistent_obj'");
        wrong.erase(wrong.begin() + static_cast<std::ptrdiff_t>(i));
        refuses(support::pickle(Py::call(rebuild, {Py::dict(wrong)})), "the key ");
        wrong = right;
        wrong.push_back(right[i]);
        refuses(support::pickle(Py::call(rebuild, {Py::dict(wrong)})), "once");
    }
    refuses(support::pickle(Py::call(rebuild, {})), "1 to 1 arguments");
    refuses(support::pickle(Py::built(Py::call(rebuild, {Py::dict(right)}), Py::dict({}))), "one state");
}

TEST_CASE("bytes that protocol 2 spells as text are limited in all", "[io][pickle]") {
    const auto file =
        support::pickle(Py::list({Py::bytes(std::string(600, '\xff')), Py::bytes(std::string(600, 'a'))}), 2);
    CHECK_NOTHROW(read(file));
    refuses(file, "save the file with protocol 4", {.decoded = 1500});
    // One text decoded again and again is decoded once.
    const auto again =
        whole("X\4\0\0\0abcdq\1c_codecs\nencode\nq\2]"s + repeated("h\2h\1X\6\0\0\0latin1\x86Ra"s, 1000) + "\x87"s);
    CHECK_NOTHROW(read(again, {.decoded = 4}));
}

TEST_CASE("a nested stream that is referred to often is parsed once", "[io][pickle]") {
    const auto stream = support::legacy_stream(Py::persistent(support::storage_id(DType::u8, "1", 100'000, true)),
                                               {{"1", std::string(100'000, 'x'), DType::u8}});
    const auto size = static_cast<std::uint32_t>(stream.size());
    std::string file = "B" + std::string(reinterpret_cast<const char*>(&size), 4) + stream +
                       "q\1ctorch.storage\n_load_from_bytes\nq\2](" + repeated("h\2h\1\x85R", 20'000) + "e\x87";
    const auto graph = read(whole(file));
    CHECK(graph.storages.size() == 1);
}
