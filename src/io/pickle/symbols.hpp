// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <cameo/core/dtype.hpp>

namespace cameo::io::pickle {

/// What a known global stands for. Nothing is looked up, imported or called: the value machine knows what each of
/// these would have made and records that.
enum class Meaning : std::uint8_t {
    persistent_object,      ///< a class whose source text travels with it
    mapping,                ///< OrderedDict, EasyDict: a dict
    parameter,              ///< (tensor, requires_grad, hooks[, state])
    tensor,                 ///< (storage, offset, size, stride[, requires_grad, hooks[, metadata]])
    tensor_of_dtype,        ///< (storage, offset, size, stride, requires_grad, hooks, dtype[, metadata])
    nested_stream,          ///< (bytes): a storage in a legacy torch.save stream
    storage_class,          ///< tag of a typed storage
    untyped_storage_class,  ///< tag of a storage counted in bytes
    dtype,                  ///< torch.float32 and its like, as a value
    size,                   ///< torch.Size: a tuple
    device,                 ///< torch.device: a text, "cuda:0"
    numpy_scalar,           ///< (dtype, bytes)
    numpy_dtype,            ///< ("f8", align, copy), then BUILD
    numpy_reconstruct,      ///< (ndarray, (0,), b"b"), then BUILD
    numpy_frombuffer,       ///< (bytes, dtype, shape, order)
    numpy_array_class,      ///< numpy.ndarray, argument of numpy_reconstruct
    set,                    ///< (list)
    byte_array,             ///< (bytes)
    encode,                 ///< (text, "latin1"): bytes as protocol 2 spells them
    reconstructor,          ///< (class, object, None): an instance, as older protocols spell it
    object_class,           ///< builtins.object, argument of reconstructor
    record_class,           ///< argparse.Namespace: an instance whose state is a dict of plain values
    module_class,           ///< a network class that is pickled by reference
};

struct Symbol {
    Meaning meaning;
    std::optional<DType> dtype;  ///< of storage_class and dtype
    std::string_view name;       ///< without the module; lives as long as the arguments of find_symbol()
};

/// The allow-list. Empty for a name that is not on it. Module classes are known by their last component, since forks
/// move them between files.
/// Source   spec of the checkpoint formats, section 7.5
[[nodiscard]] std::optional<Symbol> find_symbol(std::string_view module, std::string_view name) noexcept;

}  // namespace cameo::io::pickle
