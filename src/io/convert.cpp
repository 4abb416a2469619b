// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/convert.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/io/digest.hpp>
#include <cameo/io/safetensors.hpp>
#include "io/json.hpp"
#include "io/name.hpp"
#include "io/tensor_checks.hpp"

namespace cameo::io {
namespace {

using nlohmann::json;
using Kind = CheckpointPart::Kind;

constexpr std::size_t piece_size = std::size_t{1} << 20;  // bytes between two looks at progress; whole elements
constexpr std::string_view main_network = "G_ema";

/// What EG3D's training program calls its networks.
constexpr std::array<std::string_view, 4> known_networks{"G", "D", "G_ema", "augment_pipe"};

/// SHA-256 of module sources that stand for the published mathematics: so far only of the word "stripped", which a
/// source that was taken out leaves behind.
constexpr std::array<std::string_view, 1> known_sources{
    "8531d8960e7f2447508d80e80d48fd96730cf89a9987268971d858fc49cba71a"};

class Meter {
  public:
    Meter(const Context& context, std::uint64_t total) : context_(context), total_(total) {}

    void advance(std::size_t bytes) {
        done_ += bytes;
        context_.report("convert", static_cast<std::int64_t>(done_), static_cast<std::int64_t>(total_));
    }

  private:
    const Context& context_;
    std::uint64_t total_, done_ = 0;
};

template <class Visit>
void in_pieces(std::span<const std::byte> bytes, Visit&& visit) {
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), piece_size)))
        visit(bytes.first(std::min(bytes.size(), piece_size)));
}

/// A tensor on its way into the model file: looked at, counted, cancelled when the caller wants that. The sources of a
/// checkpoint hand over whole elements.
class WatchedSource final : public TensorSource {
  public:
    WatchedSource(const StoredTensor& tensor, std::string name, std::string subject, std::shared_ptr<Meter> meter)
        : source_(tensor.source),
          dtype_(tensor.dtype),
          name_(std::move(name)),
          subject_(std::move(subject)),
          meter_(std::move(meter)) {}

    std::span<const std::byte> contiguous() const noexcept override { return {}; }

    void stream(const ByteSink& sink) const override {
        std::size_t done = 0;
        source_->stream([&](std::span<const std::byte> run) {
            in_pieces(run, [&](std::span<const std::byte> piece) {
                if (const auto bad = first_bad_value(dtype_, piece))
                    throw Error(Errc::bad_file, subject_ + ": tensor " + in_quotes(name_) + ": expected " +
                                                    std::string(good_values(dtype_)) +
                                                    ", found another at flat index " + std::to_string(done + *bad));
                done += piece.size() / size_of(dtype_);
                sink(piece);
                meter_->advance(piece.size());
            });
        });
    }

  private:
    std::shared_ptr<const TensorSource> source_;
    DType dtype_;
    std::string name_, subject_;
    std::shared_ptr<Meter> meter_;
};

bool is_known_network(std::string_view name) { return std::ranges::find(known_networks, name) != known_networks.end(); }

/// Which parts of the checkpoint the options ask for.
class Selection {
  public:
    Selection(const Checkpoint& checkpoint, const ConvertOptions& options) : options_(options) {
        for (const auto& part : checkpoint.parts)
            if (is_network(part)) present_.push_back(part.name);
        const bool any = std::ranges::any_of(present_, is_known_network);
        if (!options.networks.empty())
            wanted_ = options.networks;
        else if (any && !options.keep_all)
            wanted_ = {std::string(main_network)};
        for (const auto& name : wanted_)
            if (std::ranges::find(present_, name) == present_.end()) missing_.push_back(name);
        if (options.networks.empty()) wanted_.emplace_back("D");
    }

    [[nodiscard]] bool keeps(const CheckpointPart& part) const {
        if (options_.keep_all) return true;
        if (part.kind == Kind::optimizer) return false;
        const bool chosen = std::ranges::find(wanted_, part.name) != wanted_.end();
        if (!options_.networks.empty()) return !is_network(part) || chosen;
        return !is_known_network(part.name) || chosen;
    }

    [[nodiscard]] const std::vector<std::string>& missing() const noexcept { return missing_; }
    [[nodiscard]] const std::vector<std::string>& present() const noexcept { return present_; }

  private:
    static bool is_network(const CheckpointPart& part) {
        return part.kind == Kind::network || (part.kind == Kind::state_dict && is_known_network(part.name));
    }

    const ConvertOptions& options_;
    std::vector<std::string> present_, wanted_, missing_;
};

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
    return text.empty() ? "none" : text;
}

class Converter {
  public:
    Converter(const std::filesystem::path& in, const ConvertOptions& options, const Context& context)
        : file_(MappedFile::open(in)),
          subject_(in.string()),
          name_(in.filename().string()),
          options_(options),
          context_(context),
          checkpoint_(parse_checkpoint(file_->bytes(), file_, subject_)) {
        if (!is_utf8(options.licence))
            throw Error(Errc::invalid_argument, "licence: expected UTF-8, got " + in_quotes(options.licence));
    }

    ConvertReport run(const std::filesystem::path& out) {
        select();
        const auto total = file_->bytes().size() + report_.bytes;
        const auto meter = std::make_shared<Meter>(context_, total);
        report_.source_digest = digest_of_source(*meter);
        StateDict tensors;
        tensors.metadata = checkpoint_.tensors.metadata;
        report_.description = describe();
        tensors.metadata["cameo"] = report_.description;
        for (const auto& [name, tensor] : kept_.entries())
            tensors.add(name,
                        {tensor.dtype, tensor.shape, std::make_shared<WatchedSource>(tensor, name, subject_, meter)});
        report_.digest = write(out, tensors);
        return std::move(report_);
    }

    ConvertReport plan() {
        select();
        report_.description = describe();
        return std::move(report_);
    }

  private:
    void select() {
        const Selection selection(checkpoint_, options_);
        missing_ = selection.missing();
        if (!missing_.empty() && !options_.allow_missing)
            throw Error(Errc::bad_file, subject_ + ": expected the network " + in_quotes(missing_.front()) +
                                            ", found " + listed(selection.present()));
        report_.format = checkpoint_.format;
        report_.dropped = checkpoint_.dropped;
        const auto entries = checkpoint_.tensors.entries();
        for (const auto& part : checkpoint_.parts) {
            if (!selection.keeps(part)) {
                report_.dropped.push_back(part.name);
                left_networks_.push_back(part.name);
                continue;
            }
            for (const auto& source : part.module_sources)
                if (std::ranges::find(module_sources_, source) == module_sources_.end())
                    module_sources_.push_back(source);
            std::ranges::copy(part.dropped, std::back_inserter(report_.dropped));
            for (const auto& [name, tensor] : entries.subspan(part.first, part.count)) keep(name, tensor);
        }
        std::ranges::sort(report_.dtypes, {}, &ConvertReport::Row::dtype);
        if (kept_.size() == 0)
            throw Error(Errc::bad_file,
                        subject_ + ": expected tensors to keep, found only those of " + listed(left_networks_));
    }

    void keep(const std::string& name, const StoredTensor& tensor) {
        kept_.add(name, tensor);
        ++report_.tensors;
        report_.bytes += tensor.byte_size();
        auto row = std::ranges::find(report_.dtypes, tensor.dtype, &ConvertReport::Row::dtype);
        if (row == report_.dtypes.end()) row = report_.dtypes.insert(row, {tensor.dtype, 0, 0});
        ++row->tensors;
        row->bytes += tensor.byte_size();
    }

    std::string digest_of_source(Meter& meter) const {
        Sha256 sha;
        in_pieces(file_->bytes(), [&](std::span<const std::byte> piece) {
            sha.update(piece);
            meter.advance(piece.size());
        });
        return hex(sha.finish());
    }

    std::string describe() {
        auto ours = parse_json(checkpoint_.description, subject_ + ": description");
        auto& networks = ours["networks"];
        for (const auto& name : left_networks_) networks.erase(name);
        if (ours["training_set"].is_null()) ours.erase("training_set");
        if (ours["values"].empty()) ours.erase("values");
        if (!options_.licence.empty() || !ours.contains("licence"))
            ours["licence"] = options_.licence.empty() ? "unknown" : options_.licence;
        ours["source"] = {{"file", name_},
                          {"format", name_of(checkpoint_.format)},
                          {"sha256", report_.source_digest},
                          {"bytes", file_->bytes().size()},
                          {"module_sources", module_sources_}};
        ours["dropped"] = report_.dropped;
        if (!missing_.empty()) ours["missing"] = missing_;
        warn(ours);
        return ours.dump(-1, ' ', false, json::error_handler_t::replace);
    }

    void warn(const json& ours) {
        std::vector<std::string> unknown;
        for (const auto& source : module_sources_)
            if (std::ranges::find(known_sources, source) == known_sources.end()) unknown.push_back(source);
        if (!unknown.empty())
            report_.warnings.push_back("the network was defined by " + std::to_string(unknown.size()) +
                                       " source texts that cameo does not know; a changed one means other mathematics "
                                       "under the same names (SHA-256 " +
                                       listed(unknown) + ")");
        if (ours.value("architecture", "") == "eg3d") warn_of_generator(ours["networks"]);
        std::vector<std::string> strided;
        for (const auto& name : checkpoint_.strided)
            if (kept_.contains(name)) strided.push_back(name);
        if (!strided.empty())
            report_.warnings.push_back(std::to_string(strided.size()) +
                                       " tensors were stored with strides and have been put in order, the first is '" +
                                       strided.front() + "'");
        for (const auto& name : missing_) report_.warnings.push_back("the network '" + name + "' is missing");
    }

    void warn_of_generator(const json& networks) {
        const auto network = networks.find(main_network);
        if (network == networks.end()) return;
        if (!network->contains("rendering"))
            report_.warnings.emplace_back("rendering_kwargs are missing: a bare state dict has lost them");
        const auto axes = network->find("plane_axes");
        if (axes == network->end())
            report_.warnings.emplace_back(
                "plane_axes are missing: a bare state dict has lost them; the loader takes those of the published "
                "checkpoints");
        else if (*axes != published_plane_axes())
            report_.warnings.push_back("plane_axes differ from those of the published checkpoints: " + axes->dump());
    }

    /// Source   spec of EG3D, section 4.4
    static json published_plane_axes() {
        return json::parse("[[[1,0,0],[0,1,0],[0,0,1]], [[1,0,0],[0,0,1],[0,1,0]], [[0,0,1],[1,0,0],[0,1,0]]]");
    }

    std::string write(const std::filesystem::path& out, const StateDict& tensors) const {
        try {
            return write_safetensors(out, tensors, options_.overwrite);
        } catch (const Error& error) {  // names and sizes come from the file that was read
            if (error.code() != Errc::invalid_argument) throw;
            throw Error(Errc::bad_file,
                        subject_ + ": expected what a model file can hold, found another (" + error.what() + ")");
        }
    }

    std::shared_ptr<const MappedFile> file_;
    std::string subject_, name_;
    const ConvertOptions& options_;
    const Context& context_;
    Checkpoint checkpoint_;
    StateDict kept_;
    std::vector<std::string> missing_, left_networks_, module_sources_;
    ConvertReport report_;
};

}  // namespace

ConvertReport convert(const std::filesystem::path& in, const std::filesystem::path& out, const ConvertOptions& options,
                      const Context& context) {
    return Converter(in, options, context).run(out);
}

ConvertReport plan_conversion(const std::filesystem::path& in, const ConvertOptions& options) {
    const Context context;  // outlives the converter, which refers to it
    return Converter(in, options, context).plan();
}

}  // namespace cameo::io
