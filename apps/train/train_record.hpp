// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <cameo/concepts/dataset.hpp>
#include <cameo/train/trainer.hpp>

#include "train/run_page.hpp"

namespace cameo::apps {

/// How long the steps to come take at the pace of those that were reported.
[[nodiscard]] double seconds_left(const TrainReport& report);

/// What a run has told, in its output folder: stats.jsonl, a line for each report, and run.html, a page of it all with
/// the newest of the sheets unseen-STEP.png; of this run and of those that it goes on from.
class TrainRecord {
  public:
    /// Drops what a run that was killed has told of steps after `step`, which will be made again. Errors: io_failure
    TrainRecord(std::filesystem::path folder, std::int64_t step, RunOptions options);

    /// Adds a line, with what `also` holds besides the report's values, and writes the page anew.
    /// Errors   io_failure; the page of the report before is whole
    void add(const TrainReport& report, const nlohmann::ordered_json& also = {});

  private:
    void keep(const nlohmann::ordered_json& entry);
    [[nodiscard]] std::vector<PageSheet> newest_sheets(std::int64_t step) const;

    std::filesystem::path folder_, stats_;
    RunOptions options_;
    std::vector<Curve> curves_;
    std::map<std::string, std::size_t> places_;  // of the curves, by their names
};

}  // namespace cameo::apps
