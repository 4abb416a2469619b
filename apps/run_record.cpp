// SPDX-License-Identifier: Apache-2.0
#include "run_record.hpp"

#include <string>
#include <system_error>
#include <utility>

#include <cameo/core/error.hpp>
#include <cameo/io/file.hpp>
#include <nlohmann/json.hpp>

#include "version.hpp"

namespace cameo::apps {

void record_run(const std::filesystem::path& folder, const nlohmann::ordered_json& facts) {
    using Json = nlohmann::ordered_json;
    const auto path = folder / "run.json";
    Json all{{"runs", Json::array()}};
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) {
        const auto bytes = io::read_file(path, std::uint64_t{64} << 20);
        const auto* text = reinterpret_cast<const char*>(bytes.data());
        all = Json::parse(text, text + bytes.size(), nullptr, false);
        if (!all.is_object() || !all.contains("runs") || !all["runs"].is_array())
            throw Error(Errc::bad_file, path.string() + ": expected a record of runs, got something else");
    }
    Json run{{"cameo", version()}};
    run.update(facts);
    all["runs"].push_back(std::move(run));
    io::write_file(path, all.dump(2) + "\n", io::Overwrite::yes);
}

}  // namespace cameo::apps
