// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/symbols.hpp"

#include <algorithm>
#include <array>

namespace cameo::io::pickle {
namespace {

struct Row {
    std::string_view module;
    std::string_view name;
    Meaning meaning;
};

constexpr std::array rows{
    Row{"torch_utils.persistence", "_reconstruct_persistent_obj", Meaning::persistent_object},
    Row{"collections", "OrderedDict", Meaning::mapping},
    Row{"dnnlib.util", "EasyDict", Meaning::mapping},
    Row{"torch._utils", "_rebuild_parameter", Meaning::parameter},
    Row{"torch._utils", "_rebuild_parameter_with_state", Meaning::parameter},
    Row{"torch._utils", "_rebuild_tensor", Meaning::tensor},
    Row{"torch._utils", "_rebuild_tensor_v2", Meaning::tensor},
    Row{"torch._utils", "_rebuild_tensor_v3", Meaning::tensor_of_dtype},
    Row{"torch.storage", "_load_from_bytes", Meaning::nested_stream},
    Row{"torch.storage", "UntypedStorage", Meaning::untyped_storage_class},
    Row{"torch", "UntypedStorage", Meaning::untyped_storage_class},
    Row{"torch", "Size", Meaning::size},
    Row{"torch", "device", Meaning::device},
    Row{"numpy.core.multiarray", "scalar", Meaning::numpy_scalar},
    Row{"numpy._core.multiarray", "scalar", Meaning::numpy_scalar},
    Row{"numpy", "dtype", Meaning::numpy_dtype},
    Row{"numpy.core.multiarray", "_reconstruct", Meaning::numpy_reconstruct},
    Row{"numpy._core.multiarray", "_reconstruct", Meaning::numpy_reconstruct},
    Row{"numpy.core.numeric", "_frombuffer", Meaning::numpy_frombuffer},
    Row{"numpy._core.numeric", "_frombuffer", Meaning::numpy_frombuffer},
    Row{"numpy", "ndarray", Meaning::numpy_array_class},
    Row{"builtins", "set", Meaning::set},
    Row{"builtins", "frozenset", Meaning::set},
    Row{"__builtin__", "set", Meaning::set},
    Row{"__builtin__", "frozenset", Meaning::set},
    Row{"builtins", "bytearray", Meaning::byte_array},
    Row{"__builtin__", "bytearray", Meaning::byte_array},
    Row{"_codecs", "encode", Meaning::encode},
    Row{"copyreg", "_reconstructor", Meaning::reconstructor},
    Row{"copy_reg", "_reconstructor", Meaning::reconstructor},
    Row{"builtins", "object", Meaning::object_class},
    Row{"__builtin__", "object", Meaning::object_class},
    Row{"argparse", "Namespace", Meaning::record_class},
};

struct Type {
    std::string_view name;
    DType dtype;
};

/// torch.X and torch.cuda.X, in old files also as torch.storage.X.
constexpr std::array storages{
    Type{"DoubleStorage", DType::f64},    Type{"FloatStorage", DType::f32}, Type{"HalfStorage", DType::f16},
    Type{"BFloat16Storage", DType::bf16}, Type{"LongStorage", DType::i64},  Type{"IntStorage", DType::i32},
    Type{"ShortStorage", DType::i16},     Type{"CharStorage", DType::i8},   Type{"ByteStorage", DType::u8},
    Type{"BoolStorage", DType::boolean},
};

constexpr std::array dtypes{
    Type{"float64", DType::f64},   Type{"double", DType::f64},  Type{"float32", DType::f32},
    Type{"float", DType::f32},     Type{"float16", DType::f16}, Type{"half", DType::f16},
    Type{"bfloat16", DType::bf16}, Type{"int64", DType::i64},   Type{"long", DType::i64},
    Type{"int32", DType::i32},     Type{"int", DType::i32},     Type{"int16", DType::i16},
    Type{"short", DType::i16},     Type{"int8", DType::i8},     Type{"uint8", DType::u8},
    Type{"bool", DType::boolean},
};

/// Networks and their parts that are pickled by reference to their class, without source: EG3D's, FENeRF's and the
/// framework's own.
constexpr std::array<std::string_view, 18> module_classes{
    "ImportanceRenderer",
    "MipRayMarcher2",
    "RaySampler",
    "OSGDecoder",
    "Sequential",
    "ModuleList",
    "Softplus",
    "Linear",
    "LeakyReLU",
    "Sigmoid",
    "ReLU",
    "Identity",
    "DoubleImplicitGenerator3d",
    "TextureEmbeddingPiGAN256SEMANTICDISENTANGLE_DIM_96",
    "FiLMLayer",
    "CustomMappingNetwork",
    "UniformBoxWarp",
    "ExponentialMovingAverage",
};

template <class Table>
std::optional<Symbol> find_type(const Table& table, std::string_view name, Meaning meaning) noexcept {
    for (const auto& row : table)
        if (row.name == name) return Symbol{meaning, row.dtype, name};
    return std::nullopt;
}

}  // namespace

std::optional<Symbol> find_symbol(std::string_view module, std::string_view name) noexcept {
    for (const auto& row : rows)
        if (row.module == module && row.name == name) return Symbol{row.meaning, std::nullopt, name};
    if (module == "torch" || module == "torch.cuda" || module == "torch.storage")
        if (const auto symbol = find_type(storages, name, Meaning::storage_class)) return symbol;
    if (module == "torch")
        if (const auto symbol = find_type(dtypes, name, Meaning::dtype)) return symbol;
    if (std::ranges::find(module_classes, name) != module_classes.end())
        return Symbol{Meaning::module_class, std::nullopt, name};
    return std::nullopt;
}

}  // namespace cameo::io::pickle
