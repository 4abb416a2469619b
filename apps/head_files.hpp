// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include <cameo/core/context.hpp>
#include <cameo/synth/head_set.hpp>

namespace cameo::apps {

struct HeadFilesReport {
    std::int64_t made = 0;                ///< in this run
    std::int64_t found = 0;               ///< left by an interrupted one
    std::filesystem::path images, truth;  ///< truth: empty when none was asked for
};

/// Writes a set in the published format: PNG files and dataset.json in a folder, or in an archive when `output` ends in
/// .zip. The truth goes into a folder of its own beside it, "NAME-truth", one .npz a picture, since readers take every
/// picture below a data set's folder for one of its own. run.json holds the options.
/// A run that was interrupted goes on where it stopped; every file appears complete or not at all.
/// Errors   resume_mismatch: the folder holds another set; io_failure: it holds something else, or cannot be written;
///          cancelled
HeadFilesReport write_head_files(const synth::HeadSet& set, const std::filesystem::path& output, bool with_truth,
                                 const Context& context);

}  // namespace cameo::apps
