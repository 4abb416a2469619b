// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <random>
#include <regex>
#include <thread>

#include <cameo/io/safetensors.hpp>
#include <nlohmann/json.hpp>
#include "support/catch.hpp"

#include <signal.h>
#include <sys/mount.h>

#include "program.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"

namespace support = cameo::support;

using Catch::Contains;
using support::run_cameo;
using Names = std::vector<std::string>;

namespace {

namespace fs = std::filesystem;

/// A folder with a small array to convert.
struct Desk {
    support::TemporaryFolder folder;
    std::string input = (folder / "in.npy").string(), output = (folder / "in.safetensors").string();

    explicit Desk(std::uint64_t numbers = 1000) { support::write_npy_zeros(input, numbers); }
    [[nodiscard]] Names names() const { return support::names_below(folder.path()); }
};

/// The figure "done" of the last whole line of JSON progress; -1 before the first.
std::int64_t last_done(const std::string& text) {
    const auto key = text.rfind("{\"done\":");
    return key == std::string::npos ? -1 : std::stoll(text.substr(key + 8));
}

}  // namespace

TEST_CASE("convert writes beside its input unless told otherwise", "[apps][convert]") {
    const Desk desk;
    const auto result = run_cameo({"convert", desk.input});
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.out, Catch::StartsWith("made " + desk.output + "\n") && Contains("1 F32"));
    CHECK(desk.names() == Names{"in.npy", "in.safetensors"});
    const auto made = cameo::io::read_safetensors(desk.output);
    REQUIRE(made.size() == 1);
    CHECK(made.entries().front().tensor.shape == std::vector<std::int64_t>{1000});

    const auto elsewhere = (desk.folder / "other.safetensors").string();
    CHECK(run_cameo({"convert", desk.input, elsewhere, "--licence", "CC0-1.0"}).exit_code == 0);
    const auto description = nlohmann::json::parse(cameo::io::read_safetensors(elsewhere).metadata.at("cameo"));
    CHECK(description.at("licence") == "CC0-1.0");
}

TEST_CASE("convert reads EG3D's pickles and tells what is in them", "[apps][convert]") {
    const auto pickle = support::golden("eg3d-cars-tiny.pkl");
    if (!pickle) return;
    const auto truth = nlohmann::json::parse(support::contents(fs::path(*pickle).replace_extension(".tensors.json")));
    const support::TemporaryFolder folder;
    const auto output = (folder / "cars.safetensors").string();
    const auto result = run_cameo({"convert", pickle->string(), output, "--json"});
    REQUIRE(result.exit_code == 0);
    REQUIRE(support::lines(result.out).size() == 1);
    const auto record = nlohmann::json::parse(result.out);
    CHECK(record.at("schema") == 1);
    CHECK(record.at("command") == "convert");
    CHECK(record.at("format") == "eg3d-pickle");
    CHECK(record.at("architecture") == "eg3d");
    CHECK(record.at("dry_run") == false);
    CHECK(record.at("networks").at("G_ema").at("rendering").at("depth_resolution") == 10);
    CHECK(record.at("networks").at("G_ema").at("rendering").at("depth_resolution_importance") == 14);
    CHECK_FALSE(record.at("networks").contains("G"));
    CHECK_THAT(record.at("digest").get<std::string>(), Catch::Matches("[0-9a-f]{64}"));

    const auto made = cameo::io::read_safetensors(output);
    CHECK(made.size() == record.at("tensors"));
    CHECK(cameo::io::digest_of(made) == record.at("digest").get<std::string>());
    std::size_t expected = 0;
    for (const auto* network : {"G_ema", "D"})
        for (const auto& tensor : truth.at(network)) {
            const auto name = std::string(network) + "." + tensor.at("name").get<std::string>();
            INFO(name);
            REQUIRE(made.contains(name));
            CHECK(made.at(name).shape == tensor.at("shape").get<std::vector<std::int64_t>>());
            ++expected;
        }
    CHECK(made.size() == expected);

    const auto text = run_cameo({"convert", pickle->string(), output, "--force"}).out;
    CHECK_THAT(text, Contains("architecture  eg3d") && Contains("G_ema, TriPlaneGenerator") &&
                         Contains("depth_resolution 10") && Contains("left out") &&
                         Contains(record.at("digest").get<std::string>()));
    const auto all = nlohmann::json::parse(
        run_cameo({"convert", pickle->string(), (folder / "all.safetensors").string(), "--keep-all", "--json"}).out);
    CHECK(all.at("networks").contains("G"));
    CHECK(all.at("tensors") > record.at("tensors"));
}

TEST_CASE("a dry run writes nothing and promises what the run keeps", "[apps][convert]") {
    const Desk desk;
    const auto planned = run_cameo({"convert", desk.input, "--dry-run", "--json"});
    CHECK(planned.exit_code == 0);
    CHECK(desk.names() == Names{"in.npy"});
    const auto plan = nlohmann::json::parse(planned.out);
    CHECK(plan.at("dry_run") == true);
    CHECK(plan.at("memory") > 0);
    CHECK(plan.at("seconds") >= 0);
    const auto text = run_cameo({"convert", desk.input, "-n"}).out;
    CHECK_THAT(text, Catch::StartsWith("would make " + desk.output) && Contains("memory") && Contains("time"));
    const auto done = nlohmann::json::parse(run_cameo({"convert", desk.input, "--json"}).out);
    for (const auto* field :
         {"input", "output", "format", "architecture", "tensors", "bytes", "dtypes", "licence", "dropped"})
        CHECK(plan.at(field) == done.at(field));
}

TEST_CASE("an existing file is replaced with --force alone", "[apps][convert]") {
    const Desk desk;
    support::write(desk.output, "precious");
    for (const auto& arguments : {Names{"convert", desk.input}, Names{"convert", desk.input, "--dry-run"}}) {
        const auto refused = run_cameo(arguments);
        CHECK(refused.exit_code == 7);
        CHECK_THAT(refused.err, Contains(desk.output) && Contains("--force"));
    }
    CHECK(support::contents(desk.output) == "precious");
    CHECK(run_cameo({"convert", desk.input, "--force"}).exit_code == 0);
    CHECK(cameo::io::read_safetensors(desk.output).size() == 1);
    CHECK(run_cameo({"convert", desk.input}, {.environment = {{"CAMEO_FORCE", "1"}}}).exit_code == 0);
    CHECK(run_cameo({"convert", desk.input, "--no-force"}, {.environment = {{"CAMEO_FORCE", "1"}}}).exit_code == 7);
}

TEST_CASE("the input is never its own output", "[apps][convert]") {
    const Desk desk;
    REQUIRE(run_cameo({"convert", desk.input}).exit_code == 0);
    const auto before = support::contents(desk.output);
    const auto result = run_cameo({"convert", desk.output, "--force"});
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, Contains("same file"));
    fs::create_symlink(desk.output, desk.folder / "link.safetensors");
    CHECK(run_cameo({"convert", desk.output, (desk.folder / "link.safetensors").string(), "--force"}).exit_code == 2);
    CHECK(support::contents(desk.output) == before);
}

TEST_CASE("inputs that are no checkpoints are refused, and leave nothing behind", "[apps][convert]") {
    const Desk desk;
    const auto input = [&](const std::string& name, std::string_view bytes) {
        support::write(desk.folder / name, bytes);
        return (desk.folder / name).string();
    };
    std::mt19937 random(7);
    std::string noise(10'000, '\0');
    std::ranges::generate(noise, [&] { return static_cast<char>(random()); });
    struct Case {
        std::string path;
        int exit_code;
    };
    const std::vector<Case> cases{{(desk.folder / "missing.pkl").string(), 7},
                                  {desk.folder.path().string(), 7},
                                  {"/dev/null", 7},
                                  {input("empty.pkl", ""), 3},
                                  {input("noise.pkl", noise), 3},
                                  {input("text.pkl", "This is not a checkpoint.\n"), 3},
                                  {input("run.pkl", "\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."), 3},
                                  {input("zip.pt", "PK\x03\x04 nothing more"), 3},
                                  {input("zeros.pkl", std::string(4096, '\0')), 3}};
    const auto before = desk.names();
    for (const auto& [path, exit_code] : cases) {
        INFO(path);
        const auto result = run_cameo({"convert", path, (desk.folder / "out.safetensors").string()});
        CHECK(result.exit_code == exit_code);
        CHECK(result.out.empty());
        CHECK_THAT(result.err, Catch::StartsWith("cameo convert: ") && Contains(path));
        CHECK(support::lines(result.err).size() == 1);
    }
    CHECK(desk.names() == before);
}

TEST_CASE("a checkpoint that is cut short is refused wherever the cut is", "[apps][convert]") {
    const auto pickle = support::golden("eg3d-cars-tiny.pkl");
    if (!pickle) return;
    const auto whole = support::contents(*pickle);
    const support::TemporaryFolder folder;
    for (std::size_t cut = 0; cut < 20; ++cut) {
        const auto size = cut == 19 ? whole.size() - 1 : whole.size() * cut / 19;
        INFO("cut after " << size << " of " << whole.size() << " bytes");
        support::write(folder / "cut.pkl", std::string_view(whole).substr(0, size));
        const auto result = run_cameo({"convert", (folder / "cut.pkl").string()});
        CHECK(result.exit_code == 3);
        CHECK_THAT(result.err, Contains("cut.pkl"));
        CHECK(support::names_below(folder.path()) == Names{"cut.pkl"});
    }
}

TEST_CASE("a network that is not there is missed, unless that is allowed", "[apps][convert]") {
    const auto pickle = support::golden("eg3d-ffhq-small.pkl");
    if (!pickle) return;
    const support::TemporaryFolder folder;
    const auto output = (folder / "out.safetensors").string();
    const Names arguments{"convert", pickle->string(), output, "--keep", "G_ema", "--keep", "D"};
    const auto refused = run_cameo(arguments);
    CHECK(refused.exit_code == 3);
    CHECK_THAT(refused.err, Contains("\"D\"") || Contains("'D'"));
    CHECK(support::names_below(folder.path()).empty());
    auto lenient = arguments;
    lenient.emplace_back("--allow-missing");
    const auto allowed = run_cameo(lenient);
    CHECK(allowed.exit_code == 0);
    CHECK_THAT(allowed.err, Contains("warning: ") && Contains("missing"));
    CHECK(nlohmann::json::parse(cameo::io::read_safetensors(output).metadata.at("cameo")).at("missing") ==
          nlohmann::json::array({"D"}));
}

TEST_CASE("an output that cannot be written ends with 7", "[apps][convert]") {
    const Desk desk;
    for (const auto& output : {std::string("/proc/out.safetensors"), (desk.folder / "none/out.safetensors").string(),
                               desk.input + "/out.safetensors", std::string(300, 'n')}) {
        INFO(output);
        const auto result = run_cameo({"convert", desk.input, output}, {.folder = desk.folder.path()});
        CHECK(result.exit_code == 7);
        CHECK(support::lines(result.err).size() == 1);
    }
    CHECK(run_cameo({"convert", desk.input, desk.folder.path().string(), "--force"}).exit_code ==
          7);  // a folder of that name
    CHECK(desk.names() == Names{"in.npy"});
}

TEST_CASE("a disk that is full ends with 7 and keeps the file that was there", "[apps][convert]") {
    const support::TemporaryFolder folder;
    const auto disk = folder / "disk";
    fs::create_directory(disk);
    if (mount("tmpfs", disk.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=4m") != 0) {
        WARN("no right to mount a small disk here: not tried");
        return;
    }
    const Desk desk(std::uint64_t{3} << 20);  // 12 MiB
    const auto output = (disk / "out.safetensors").string();
    const auto result = run_cameo({"convert", desk.input, output});
    CHECK(result.exit_code == 7);
    CHECK_THAT(result.err, Contains("No space left on device"));
    CHECK(support::names_below(disk).empty());
    support::write(output, "precious");
    CHECK(run_cameo({"convert", desk.input, output, "--force"}).exit_code == 7);
    CHECK(support::names_below(disk) == Names{"out.safetensors"});
    CHECK(support::contents(output) == "precious");
    umount2(disk.c_str(), MNT_DETACH);
}

TEST_CASE("a quiet success says nothing, a quiet failure why", "[apps][convert]") {
    const Desk desk;
    const auto fine = run_cameo({"convert", desk.input, "--quiet"});
    CHECK(fine.exit_code == 0);
    CHECK(fine.out.empty());
    CHECK(fine.err.empty());
    const auto bad = run_cameo({"convert", "/nowhere.pkl", "-q"});
    CHECK(bad.exit_code == 7);
    CHECK(support::lines(bad.err).size() == 1);
    const auto json = run_cameo({"convert", desk.input, "--force", "--quiet", "--json"});
    CHECK(nlohmann::json::parse(json.out).at("tensors") == 1);
}

TEST_CASE("progress as JSON goes up from nothing to all of it", "[apps][convert]") {
    const Desk desk(std::uint64_t{16} << 20);  // 64 MiB
    const auto result = run_cameo({"convert", desk.input, "--progress", "json", "--json"});
    REQUIRE(result.exit_code == 0);
    CHECK(support::lines(result.out).size() == 1);
    std::vector<std::int64_t> done;
    for (const auto& line : support::lines(result.err)) {
        const auto object = nlohmann::json::parse(line);
        CHECK(object.size() == 3);
        CHECK(object.contains("eta_s"));
        done.push_back(object.at("done"));
        CHECK(object.at("total") == static_cast<std::int64_t>(fs::file_size(desk.input)) + (64 << 20));
    }
    REQUIRE(done.size() >= 2);
    CHECK(std::ranges::is_sorted(done));
    CHECK(done.back() == static_cast<std::int64_t>(fs::file_size(desk.input)) + (64 << 20));
}

TEST_CASE("without a terminal there is no animation", "[apps][convert]") {
    const Desk desk(std::uint64_t{1} << 20);
    const auto result = run_cameo({"convert", desk.input});
    CHECK(result.err.empty());
    const auto on_terminal = run_cameo({"convert", desk.input, "--force"}, {.error_is_terminal = true});
    CHECK(on_terminal.exit_code == 0);
    // Far below two seconds; on a busy machine a bar may come, and goes again.
    CHECK((on_terminal.err.empty() || on_terminal.err.ends_with("\r\x1b[K")));
}

TEST_CASE("an interrupted convert leaves nothing behind and ends with 130", "[apps][convert]") {
    const std::uint64_t bytes = std::uint64_t{256} << 20;
    const Desk desk(bytes / 4);
    for (const bool while_writing : {false, true})
        for (const int signal : {SIGINT, SIGTERM}) {
            INFO("signal " << signal << (while_writing ? " while writing" : " while reading"));
            // Progress counts the bytes of the source first, then those of the tensors.
            const auto enough = static_cast<std::int64_t>(while_writing ? bytes + bytes / 10 : bytes / 10);
            bool caught = false;
            for (int attempt = 0; attempt < 10 && !caught; ++attempt) {  // it may be done before the signal arrives
                std::filesystem::remove(desk.output);
                support::Process process(CAMEO_PROGRAM,
                                         {.arguments = {"convert", desk.input, "--progress", "json", "--quiet"}});
                while (last_done(process.error()) < enough && process.wait_for_more()) {
                }
                REQUIRE(last_done(process.error()) >= enough);
                process.signal(signal);
                const auto result = process.wait();
                caught = result.exit_code != 0;
                if (!caught) continue;
                CHECK(result.exit_code == 130);
                CHECK(result.out.empty());
                CHECK_THAT(result.err, Contains("cameo convert: "));
                CHECK(desk.names() == Names{"in.npy"});
            }
            CHECK(caught);
        }
}

TEST_CASE("a signal at any time leaves the whole file or none", "[apps][convert]") {
    const Desk desk(std::uint64_t{8} << 20);
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(run_cameo({"convert", desk.input}).exit_code == 0);
    const auto whole_run = std::chrono::steady_clock::now() - start;
    const auto whole_file = support::contents(desk.output);
    int stopped = 0;
    for (int moment = 0; moment < 20; ++moment) {
        fs::remove(desk.output);
        support::Process process(CAMEO_PROGRAM, {.arguments = {"convert", desk.input}});
        std::this_thread::sleep_for(whole_run * moment / 18);
        process.signal(SIGTERM);
        const auto result = process.wait();
        INFO("moment " << moment << ", exit code " << result.exit_code << ", signal " << result.signal);
        // By the signal itself it ends while it is still being loaded, or is leaving already.
        CHECK((result.exit_code == 0 || result.exit_code == 130 || result.signal == SIGTERM));
        const bool done = result.exit_code == 0 || (result.signal == SIGTERM && fs::exists(desk.output));
        if (!done) ++stopped;
        CHECK(desk.names() == (done ? Names{"in.npy", "in.safetensors"} : Names{"in.npy"}));
        if (done) CHECK((support::contents(desk.output) == whole_file));
    }
    CHECK(stopped > 0);
}

TEST_CASE("a hang-up that was to be ignored is ignored", "[apps][convert]") {
    const Desk desk(std::uint64_t{64} << 20);
    support::Process process(CAMEO_PROGRAM,
                             {.arguments = {"convert", desk.input, "--progress", "json"}, .ignored_signals = {SIGHUP}});
    REQUIRE(process.wait_for_error("\"done\":"));
    process.signal(SIGHUP);
    CHECK(process.wait().exit_code == 0);
    CHECK(fs::exists(desk.output));
}
