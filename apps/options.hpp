// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/core/error.hpp>

#include "values.hpp"

namespace cameo::apps {

/// The command was not understood. The message names what was written; the dispatcher adds where to find help.
class UsageError : public Error {
  public:
    explicit UsageError(const std::string& message) : Error(Errc::invalid_argument, message) {}
};

/// What `read` gives; when it refuses, the option's name stands before its words.
template <class Read>
auto with_name(std::string_view option, Read read) {
    try {
        return read();
    } catch (const Error& error) {
        throw UsageError(std::string(option) + ": " + error.what());
    }
}

/// What a shell offers after an option.
enum class Completes { nothing, file, folder };

/// All that people read about an option; the type of its variable says the rest.
struct OptionNotes {
    std::string value = {};                 ///< stands for the value in help texts: "FILE"; none for a switch
    std::string help = {};                  ///< what it does, as one plain sentence without the full stop
    char letter = 0;                        ///< the short name, if it has one
    std::vector<std::string> aliases = {};  ///< further long names, such as those of EG3D's scripts
    std::vector<std::string> choices = {};  ///< the only values there are
    Completes completes = Completes::nothing;
    std::vector<std::string> endings = {};  ///< of the files that are offered first: "pkl"
};

/// Options and arguments of one verb, each bound to the variable that it fills. Help texts, completion scripts and
/// the parser all read this table, so that none of them can fall behind.
class OptionTable {
  public:
    struct Row {
        std::string name;
        OptionNotes notes;
        bool is_switch = false, repeats = false;
        bool required = false;   ///< an argument that must be there
        bool is_common = false;  ///< an option that every verb has
        std::function<void(std::string_view)> set;
    };
    struct Example {
        std::string command, meaning;
    };

    /// `command` is a whole line to copy, `meaning` what it does.
    void example(std::string command, std::string meaning) {
        examples_.push_back({std::move(command), std::move(meaning)});
    }

    /// --NAME, and --no-NAME to overrule the environment or the configuration file.
    void flag(std::string name, bool& variable, OptionNotes notes) {
        add(options_, {std::move(name), std::move(notes), true, false, false, false, reader(variable)});
    }

    /// --NAME VALUE. A std::vector may be filled by several of them.
    template <class T>
    void option(std::string name, T& variable, OptionNotes notes) {
        add(options_, {std::move(name), std::move(notes), false, is_vector<T>, false, false, reader(variable)});
    }

    /// The next argument without a dash: one that must be there, or need not (std::optional), or all that are left
    /// (std::vector).
    template <class T>
    void argument(std::string name, T& variable, OptionNotes notes) {
        constexpr bool required = !is_vector<T> && !is_optional<T>;
        add(arguments_, {std::move(name), std::move(notes), false, is_vector<T>, required, false, reader(variable)});
    }

    /// Marks what has been declared so far as shared by all verbs.
    void end_of_common() {
        for (auto& row : options_) row.is_common = true;
    }

    [[nodiscard]] std::span<const Example> examples() const noexcept { return examples_; }
    [[nodiscard]] std::span<const Row> options() const noexcept { return options_; }
    [[nodiscard]] std::span<const Row> arguments() const noexcept { return arguments_; }
    [[nodiscard]] const Row* find_option(std::string_view name_or_alias) const noexcept;

  private:
    template <class T>
    static constexpr bool is_vector = false;
    template <class T>
    static constexpr bool is_optional = false;

    template <class T>
    static std::function<void(std::string_view)> reader(T& variable) {
        return [&variable](std::string_view text) { read_value(text, variable); };
    }

    static void add(std::vector<Row>& rows, Row row) { rows.push_back(std::move(row)); }

    std::vector<Row> options_, arguments_;
    std::vector<Example> examples_;
};

template <class T>
inline constexpr bool OptionTable::is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool OptionTable::is_optional<std::optional<T>> = true;

/// Where values may come from besides the command line.
struct Surroundings {
    std::string verb;  ///< whose section of the configuration counts
    std::function<std::optional<std::string>(const std::string&)> environment;  ///< the value of a variable
    std::function<std::vector<std::string>()> verbs;                            ///< all verbs
    std::function<std::vector<std::string>()> all_options;  ///< of all verbs, for the configuration file
};

/// Fills the variables of `table`: the command line counts over the environment (CAMEO_NAME), and that over the
/// configuration file (--config FILE or CAMEO_CONFIG): JSON with options by name, and by verb for those of one verb.
/// Errors: UsageError; bad_file and io_failure for the configuration file
void parse(const OptionTable& table, std::span<const std::string> arguments, const Surroundings& surroundings);

/// "CAMEO_KEEP_ALL" for "keep-all".
[[nodiscard]] std::string environment_name(std::string_view option);

/// "; did you mean X?", or nothing.
[[nodiscard]] std::string suggestion(std::string_view word, std::span<const std::string> names,
                                     std::string_view prefix = "");

}  // namespace cameo::apps
