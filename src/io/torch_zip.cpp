// SPDX-License-Identifier: Apache-2.0
#include "io/torch_zip.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cameo/core/error.hpp>

#include "io/name.hpp"
#include "io/pickle/machine.hpp"

namespace cameo::io {
namespace {

constexpr std::uint64_t max_pickle_size = 64u << 20;
constexpr std::uint64_t max_byteorder_size = 64;

[[noreturn]] void refuse(const ZipArchive& archive, const std::string& expected, const std::string& found) {
    throw Error(Errc::bad_file, archive.subject() + ": expected " + expected + ", found " + found);
}

/// The bytes of one member, unpacked piece by piece.
class MemberSource final : public TensorSource {
  public:
    MemberSource(std::shared_ptr<const ZipArchive> archive, const ZipMember& member)
        : archive_(std::move(archive)), member_(&member) {}

    std::span<const std::byte> contiguous() const noexcept override { return {}; }

    void stream(const ByteSink& sink) const override {
        const auto reader = archive_->read(*member_);
        std::vector<std::byte> buffer(buffer_size);
        while (const auto count = reader->read(buffer)) sink(std::span(buffer).first(count));
    }

  private:
    static constexpr std::size_t buffer_size = std::size_t{1} << 18;  // whole elements of any size

    std::shared_ptr<const ZipArchive> archive_;
    const ZipMember* member_;
};

/// The archive's one folder, with its slash.
std::string root_of(const ZipArchive& archive) {
    constexpr std::string_view object = "/data.pkl";
    std::string root;
    for (const auto& member : archive.members()) {
        const auto slash = member.name.find('/');
        if (slash == member.name.npos || member.name.substr(slash) != object) continue;
        if (!root.empty()) refuse(archive, "one data.pkl", "two");
        root = member.name.substr(0, slash + 1);
    }
    if (root.empty()) refuse(archive, "an archive of torch.save", "no data.pkl in any folder of it");
    for (const auto& member : archive.members())
        if (!member.name.starts_with(root))
            refuse(archive, "members under " + in_quotes(root) + " only", in_quotes(member.name));
    return root;
}

void check_byteorder(const ZipArchive& archive, const std::string& root) {
    const auto* member = archive.find(root + "byteorder");
    if (!member) return;
    const auto bytes = archive.read_all(*member, max_byteorder_size);
    const std::string_view order(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (order != "little") refuse(archive, "numbers in little-endian order", in_quotes(order));
}

}  // namespace

pickle::Graph read_torch_zip(const std::shared_ptr<const ZipArchive>& archive) {
    const auto root = root_of(*archive);
    if (archive->find(root + "constants.pkl"))
        refuse(*archive, "weights", "a TorchScript archive: it holds a program, which is not read");
    check_byteorder(*archive, root);

    pickle::MachineOptions options;
    options.subject = archive->subject() + ": " + root + "data.pkl";
    options.persistent_ids = pickle::PersistentIds::archive;
    options.backing = std::make_shared<pickle::Backing>();
    const auto* object = archive->find(root + "data.pkl");
    const auto& input = options.backing->decoded.emplace_back(archive->read_all(*object, max_pickle_size));
    auto [graph, size] = pickle::parse(input, options);
    if (size != input.size())
        graph.refuse(size, "the end of data.pkl", std::to_string(input.size() - size) + " more bytes");

    for (auto& storage : graph.storages) {
        if (storage.payload) continue;  // a NumPy array, inside the pickle
        const auto* member = archive->find(root + "data/" + storage.key);
        if (!member) refuse(*archive, "the member of storage " + in_quotes(storage.key), "none");
        if (member->size != storage.byte_size())
            refuse(*archive, std::to_string(storage.byte_size()) + " bytes in " + in_quotes(member->name),
                   std::to_string(member->size));
        storage.payload = std::make_shared<MemberSource>(archive, *member);
    }
    graph.subject = archive->subject();
    return std::move(graph);
}

}  // namespace cameo::io
