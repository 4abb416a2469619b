// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <cameo/core/dtype.hpp>
#include "support/raw_zip.hpp"

/// Writes pickles and torch.save's files as Python would, and as nobody should: the input of the readers' tests.
namespace cameo::support {

/// A Python value on its way into a pickle. Copies are the same object: written twice, the second is a memo entry.
class Py {
  public:
    struct Node;
    using Pairs = std::vector<std::pair<Py, Py>>;

    Py();  ///< None
    Py(bool value);
    Py(int value);
    Py(std::int64_t value);
    Py(double value);
    Py(const char* text);
    Py(std::string text);

    static Py bytes(std::string content);
    /// `size` bytes that `write` makes when they are needed, after `opening`.
    static Py large_bytes(std::string opening, std::uint64_t size, std::function<void(std::ostream&)> write);
    static Py tuple(std::vector<Py> items);
    static Py list(std::vector<Py> items);
    static Py dict(Pairs items);
    static Py set(std::vector<Py> items);
    static Py global(std::string module, std::string name);
    static Py call(Py callee, std::vector<Py> arguments);  ///< REDUCE
    static Py filled(Py mapping, Pairs items);             ///< SETITEMS on what a call has made
    static Py built(Py object, Py state);                  ///< BUILD
    static Py instance(Py of_class, Py state);             ///< NEWOBJ without arguments, then BUILD
    static Py persistent(Py id);                           ///< BINPERSID
    static Py raw(std::string opcodes);                    ///< as it is; must leave one value on the stack

    static Py ordered_dict(Pairs items);

    [[nodiscard]] const Node* node() const { return node_.get(); }

  private:
    explicit Py(std::shared_ptr<const Node> node) : node_(std::move(node)) {}

    std::shared_ptr<const Node> node_;
};

void write_pickle(std::ostream& out, const Py& value, int protocol);
[[nodiscard]] std::string pickle(const Py& value, int protocol = 4);

// The framework's values.

struct TensorSpec {
    DType dtype = DType::f32;
    std::vector<std::int64_t> shape;
    std::vector<std::int64_t> stride = {};  ///< empty: C order
    std::int64_t offset = 0;
};

[[nodiscard]] Py storage_class(DType dtype);
/// What the op-code BINPERSID takes for a storage; `with_view` for legacy streams.
[[nodiscard]] Py storage_id(DType dtype, const std::string& key, std::int64_t numel, bool with_view);
/// A storage with its bytes, in a legacy stream of its own.
[[nodiscard]] Py nested_storage(DType dtype, const std::string& bytes);
[[nodiscard]] Py tensor(const Py& storage, const TensorSpec& spec);
/// A C-ordered tensor with a storage of its own.
template <class T>
[[nodiscard]] Py tensor_of(DType dtype, std::vector<std::int64_t> shape, const std::vector<T>& values) {
    const std::string bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    return tensor(nested_storage(dtype, bytes), {dtype, std::move(shape)});
}
[[nodiscard]] Py parameter(const Py& tensor);
[[nodiscard]] Py numpy_dtype(const std::string& code, const std::string& order = "<");
[[nodiscard]] Py numpy_scalar(double value);
/// The state that every module has, with ordinary attributes.
[[nodiscard]] Py module_state(Py::Pairs parameters, Py::Pairs buffers, Py::Pairs modules, Py::Pairs attributes = {});
/// An instance of a class whose source travels with it.
[[nodiscard]] Py persistent_object(const std::string& class_name, const Py& state, const Py& source = "import torch\n",
                                   int version = 6);

// Files.

struct StoredBytes {
    std::string key;
    std::string bytes;
    DType dtype = DType::f32;
};

/// torch.save before 1.6.
[[nodiscard]] std::string legacy_stream(const Py& object, const std::vector<StoredBytes>& storages, int protocol = 2);

/// The members that torch.save writes since 1.6.
[[nodiscard]] std::vector<RawMember> torch_members(const Py& object, const std::vector<StoredBytes>& storages,
                                                   const std::string& root = "archive");

struct Eg3dLike {
    int blocks = 2;                 ///< of the backbone, from 4 pixels up
    std::int64_t channels = 8;      ///< of each
    bool complete = true;           ///< with G and D beside G_ema
    std::size_t source_size = 200;  ///< bytes of the module source
};

/// A training pickle with EG3D's structure and tensors of made-up numbers, none of them held in memory.
[[nodiscard]] Py eg3d_like(const Eg3dLike& spec);

}  // namespace cameo::support
