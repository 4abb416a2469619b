// SPDX-License-Identifier: Apache-2.0
// Holds the layer table of docs/architecture.md: arrows go one way.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace {

namespace fs = std::filesystem;
const fs::path root = CAMEO_SOURCE_DIR;

struct Include {
    fs::path file;       // relative to the root
    std::string header;  // as written between the brackets or quotes
};

std::vector<Include> includes_below(const fs::path& folder) {
    static const std::regex directive(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
    static const std::set<std::string> endings{".hpp", ".cpp", ".h", ".cu", ".cuh", ".inc"};
    std::vector<Include> found;
    if (!fs::exists(root / folder)) return found;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
        if (!entry.is_regular_file() || !endings.contains(entry.path().extension().string())) continue;
        std::ifstream file(entry.path());
        for (std::string line; std::getline(file, line);)
            if (std::smatch match; std::regex_search(line, match, directive))
                found.push_back({fs::relative(entry.path(), root), match[1]});
    }
    return found;
}

// What a folder below include/cameo (and its mirror below src) may include of ours, besides itself.
const std::map<std::string, std::set<std::string>>& table() {
    static const std::set<std::string> below_consumers{"core", "ops", "fields", "render", "generate", "losses"};
    static const std::map<std::string, std::set<std::string>> rows{
        {"core", {}},
        {"ops", {"core"}},
        {"fields", {"core", "ops"}},
        {"render", {"core", "ops", "fields"}},
        {"generate", {"core", "ops", "fields", "render"}},
        {"losses", {"core", "ops", "fields", "render", "generate"}},
        {"encode", below_consumers},
        {"invert", below_consumers},
        {"edit", below_consumers},
        {"train", below_consumers},
        {"io", {"core"}},
        {"synth", {"core"}},
        {"shape", {"core"}},
        {"measure", {"core"}},
        {"interop", {"core"}},
        {"pipeline",
         {"core", "ops", "fields", "render", "generate", "losses", "encode", "invert", "edit", "train", "io", "synth",
          "shape", "measure", "interop"}},
    };
    return rows;
}

// A concept speaks of one layer; it may see that layer and those above it.
const std::set<std::string> anywhere{"concepts", "testing"};

std::string part(const fs::path& path, std::size_t index) {
    auto place = path.begin();
    for (std::size_t i = 0; i < index && place != path.end(); ++i) ++place;
    return place == path.end() ? std::string{} : place->string();
}

bool starts_with_any(const std::string& text, const std::vector<std::string>& prefixes) {
    return std::ranges::any_of(prefixes, [&](const std::string& prefix) { return text.starts_with(prefix); });
}

const std::vector<std::string> torch{"ATen/", "torch/", "c10/", "caffe2/"};
const std::vector<std::string> cuda{"cuda", "cub/", "thrust/", "nvrtc", "cudnn", "cublas"};

}  // namespace

TEST_CASE("a layer includes only the layers above it in the table", "[architecture]") {
    for (const fs::path& base : {fs::path("include/cameo"), fs::path("src")}) {
        const std::size_t depth = base == "src" ? 1 : 2;
        for (const auto& [file, header] : includes_below(base)) {
            const auto layer = part(file, depth);
            if (!header.starts_with("cameo/") || anywhere.contains(layer) || layer == "kernels") continue;
            if (header == "cameo/train/adam.hpp") continue;  // an optimiser: for whoever follows gradients
            const auto other = part(header, 1);
            INFO(file.string() << " includes " << header);
            REQUIRE(table().contains(layer));
            CHECK((other == layer || anywhere.contains(other) || table().at(layer).contains(other)));
        }
    }
}

TEST_CASE("every folder of the library stands in the table", "[architecture]") {
    for (const auto& entry : fs::directory_iterator(root / "include/cameo")) {
        const auto name = entry.path().filename().string();
        INFO(name);
        CHECK((table().contains(name) || anywhere.contains(name)));
    }
}

TEST_CASE("public headers include no CUDA, no OpenImageIO, no libav, no JSON library and never all of LibTorch",
          "[architecture]") {
    for (const auto& [file, header] : includes_below("include")) {
        INFO(file.string() << " includes " << header);
        CHECK_FALSE(starts_with_any(header, cuda));
        CHECK_FALSE(
            starts_with_any(header, {"OpenImageIO/", "libav", "libsw", "nlohmann/", "zip.h", "zlib.h", "boost/"}));
        CHECK(header != "torch/torch.h");
        CHECK(header != "ATen/ATen.h");
        CHECK_FALSE(header.starts_with("range/v3"));
        CHECK_FALSE(starts_with_any(header, {"src/", "../"}));
    }
}

TEST_CASE("readers and procedural heads do not see LibTorch", "[architecture]") {
    for (const fs::path& folder : {fs::path("include/cameo/io"), fs::path("src/io"), fs::path("include/cameo/synth"),
                                   fs::path("src/synth"), fs::path("src/kernels")})
        for (const auto& [file, header] : includes_below(folder)) {
            INFO(file.string() << " includes " << header);
            CHECK_FALSE(starts_with_any(header, torch));
        }
}

TEST_CASE("OpenImageIO and libav stay in src/io", "[architecture]") {
    for (const fs::path& folder : {fs::path("src"), fs::path("apps"), fs::path("cuda"), fs::path("bindings")})
        for (const auto& [file, header] : includes_below(folder)) {
            if (part(file, 0) == "src" && part(file, 1) == "io") continue;
            if (file == fs::path("apps/doctor.cpp")) continue;  // tells the version it was built with
            INFO(file.string() << " includes " << header);
            CHECK_FALSE(starts_with_any(header, {"OpenImageIO/", "libav", "libsw"}));
        }
}

TEST_CASE("device code sees the shared kernels, the toolkit and nothing of LibTorch", "[architecture]") {
    for (const auto& [file, header] : includes_below("cuda")) {
        INFO(file.string() << " includes " << header);
        CHECK_FALSE(starts_with_any(header, torch));
        CHECK_FALSE(header.starts_with("cameo/"));
    }
    for (const auto& [file, header] : includes_below("src/kernels")) {
        INFO(file.string() << " includes " << header);
        CHECK_FALSE(header.starts_with("cameo/"));
    }
}

TEST_CASE("programs and bindings see public headers only", "[architecture]") {
    for (const fs::path& folder : {fs::path("apps"), fs::path("bindings")})
        for (const auto& [file, header] : includes_below(folder)) {
            INFO(file.string() << " includes " << header);
            if (!header.starts_with("cameo/")) CHECK_FALSE(fs::exists(root / "src" / header));
        }
}

TEST_CASE("each file of ours names its licence in the first two lines", "[architecture]") {
    for (const char* folder : {"include", "src", "apps", "cuda", "bindings", "test", "bench", "cmake"}) {
        if (!fs::exists(root / folder)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            const auto ending = entry.path().extension().string();
            if (ending != ".hpp" && ending != ".cpp" && ending != ".cu" && ending != ".h" && ending != ".cmake" &&
                ending != ".sh" && entry.path().filename() != "CMakeLists.txt")
                continue;
            std::ifstream file(entry.path());
            std::string first, second;
            std::getline(file, first);
            std::getline(file, second);
            INFO(entry.path().string());
            CHECK((first + second).find("SPDX-License-Identifier: Apache-2.0") != std::string::npos);
        }
    }
}
