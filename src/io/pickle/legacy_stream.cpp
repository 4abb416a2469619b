// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/legacy_stream.hpp"

#include <array>
#include <functional>
#include <string_view>
#include <unordered_map>

#include "io/name.hpp"

namespace cameo::io::pickle {
namespace {

constexpr std::array<std::uint8_t, 10> magic{0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
constexpr std::byte frame{0x95}, long1{0x8a};
constexpr std::size_t frame_size = 1 + 8;
constexpr std::size_t stream_opening = 2 + 2 + magic.size();  // PROTO, LONG1, their arguments

bool is_magic(const Graph& graph) {
    const auto* number = graph.as<BigInteger>(graph.root);
    if (!number || number->digits.size() != magic.size()) return false;
    for (std::size_t i = 0; i < magic.size(); ++i)
        if (number->digits[i] != std::byte{magic[i]}) return false;
    return true;
}

/// One legacy stream, taken apart from its beginning to its end.
class StreamReader {
  public:
    StreamReader(Bytes input, MachineOptions options) : input_(input), begin_(options.offset), options_(options) {}

    Graph read() {
        if (!is_magic(next_pickle())) refuse(begin_, "the magic number of torch.save", "another value");
        const auto version = next_pickle();
        const auto* number = version.as<std::int64_t>(version.root);
        if (!number || *number != 1001) refuse(begin_, "protocol 1001 of torch.save", version.describe(version.root));
        check_machine(next_pickle());
        options_.persistent_ids = PersistentIds::legacy;
        auto graph = next_pickle();
        options_.persistent_ids = PersistentIds::none;
        read_storages(graph, next_pickle());
        return graph;
    }

  private:
    [[noreturn]] void refuse(std::uint64_t offset, std::string_view expected, std::string_view found) const {
        Graph graph;
        graph.subject = options_.subject;
        graph.refuse(offset, expected, found);
    }

    std::uint64_t offset() const { return begin_ + position_; }

    Graph next_pickle() {
        options_.offset = offset();
        auto [graph, size] = parse(input_.subspan(position_), options_);
        position_ += size;
        return std::move(graph);
    }

    void check_machine(const Graph& facts) const {
        const auto* dict = facts.as<Dict>(facts.root);
        if (!dict) refuse(options_.offset, "a mapping of facts about the machine", facts.describe(facts.root));
        const auto little = facts.find(*dict, "little_endian");
        const auto* value = little ? facts.as<bool>(*little) : nullptr;
        if (!value || !*value) refuse(options_.offset, "numbers in little-endian order", "another order");
    }

    void read_storages(Graph& graph, const Graph& keys) {
        const auto* list = keys.as<List>(keys.root);
        if (!list) refuse(options_.offset, "a list of the storages' keys", keys.describe(keys.root));
        std::unordered_map<std::string_view, Storage*> by_key;
        for (auto& storage : graph.storages)
            if (!storage.payload) by_key.emplace(storage.key, &storage);
        for (const auto id : list->items) {
            const auto* key = keys.as<std::string_view>(id);
            if (!key) refuse(options_.offset, "the key of a storage", keys.describe(id));
            const auto place = by_key.find(*key);
            if (place == by_key.end()) refuse(options_.offset, "each key of the object once", in_quotes(*key));
            take_storage(graph, *place->second);
            by_key.erase(place);
        }
        if (!by_key.empty())
            refuse(offset(), "the bytes of storage " + in_quotes(by_key.begin()->first), "the end of the list of keys");
        if (position_ != input_.size())
            refuse(offset(), "the end of the stream", std::to_string(input_.size() - position_) + " more bytes");
    }

    void take_storage(const Graph& graph, Storage& storage) {
        const auto count = take(8, storage);
        std::uint64_t numel = 0;
        for (std::size_t i = 0; i < count.size(); ++i) numel |= static_cast<std::uint64_t>(count[i]) << 8 * i;
        if (numel != static_cast<std::uint64_t>(storage.numel))
            refuse(offset() - 8, std::to_string(storage.numel) + " elements of storage " + in_quotes(storage.key),
                   std::to_string(numel));
        storage.payload = view_source(take(storage.byte_size(), storage), graph.backing);
    }

    Bytes take(std::uint64_t count, const Storage& storage) {
        if (count > input_.size() - position_)
            refuse(offset(), std::to_string(count) + " bytes for storage " + in_quotes(storage.key),
                   std::to_string(input_.size() - position_));
        const auto bytes = input_.subspan(position_, static_cast<std::size_t>(count));
        position_ += static_cast<std::size_t>(count);
        return bytes;
    }

    Bytes input_;
    std::uint64_t begin_;
    MachineOptions options_;
    std::size_t position_ = 0;
};

/// The one storage that a nested stream consists of.
Storage read_nested_storage(Bytes input, std::uint64_t offset, const std::string& subject,
                            const std::shared_ptr<Backing>& backing, const Limits& limits) {
    auto graph = read_legacy_stream(input, offset, subject, backing, limits);
    const auto* view = graph.as<StorageView>(graph.root);
    if (!view) graph.refuse(offset, "a stream of one storage", graph.describe(graph.root));
    auto storage = std::move(graph.storages[view->storage]);
    if (view->first != 0 || view->numel != storage.numel) {
        const auto item = storage.dtype ? size_of(*storage.dtype) : std::size_t{1};
        const auto part = storage.payload->contiguous().subspan(static_cast<std::size_t>(view->first) * item,
                                                                static_cast<std::size_t>(view->numel) * item);
        storage.payload = view_source(part, backing);
        storage.numel = view->numel;
    }
    storage.key.clear();
    return storage;
}

}  // namespace

bool is_legacy_stream(Bytes input) noexcept {
    if (input.size() > frame_size + 2 && input[2] == frame) input = input.subspan(frame_size);  // protocols 4 and 5
    if (input.size() < stream_opening || input[2] != long1) return false;
    for (std::size_t i = 0; i < magic.size(); ++i)
        if (input[4 + i] != std::byte{magic[i]}) return false;
    return true;
}

Graph read_legacy_stream(Bytes input, std::uint64_t offset, const std::string& subject,
                         std::shared_ptr<Backing> backing, const Limits& limits) {
    MachineOptions options;
    options.subject = subject;
    options.offset = offset;
    options.backing = std::move(backing);
    options.limits = limits;
    return StreamReader(input, options).read();
}

Graph read_pickle(Bytes input, const std::string& subject, std::shared_ptr<Backing> backing, const Limits& limits) {
    MachineOptions options;
    options.subject = subject;
    options.backing = backing;
    options.limits = limits;
    options.nested = [&](Bytes stream, std::uint64_t offset) {
        if (const std::less<> before;
            !before(stream.data(), input.data()) && before(stream.data(), input.data() + input.size()))
            offset = static_cast<std::uint64_t>(stream.data() - input.data());  // else it was spelt as text
        return read_nested_storage(stream, offset, subject, backing, limits);
    };
    auto [graph, size] = parse(input, options);
    if (size != input.size())
        graph.refuse(size, "the end of the file", std::to_string(input.size() - size) + " more bytes");
    return std::move(graph);
}

}  // namespace cameo::io::pickle
