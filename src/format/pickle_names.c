/* pickle_names.c - the table of those names. */
#include "format/pickle_names.h"
#include <string.h>

static const whitelisted allowed[] = {
    {"collections", "OrderedDict", MAKES_DICT, 0},
    {"collections", "defaultdict", MAKES_DICT, 0},
    {"collections", "Counter", MAKES_DICT, 0},
    {"builtins", "dict", MAKES_DICT, 0},
    {"torch._utils", "_rebuild_tensor", MAKES_TENSOR, 0},
    {"torch._utils", "_rebuild_tensor_v2", MAKES_TENSOR, 0},
    {"torch._utils", "_rebuild_tensor_v3", MAKES_TENSOR_V3, 0},
    {"torch._utils", "_rebuild_parameter", MAKES_ITS_TENSOR, 0},
    {"torch._utils", "_rebuild_parameter_with_state", MAKES_ITS_TENSOR, 0},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", MAKES_ITS_TENSOR, 0},
    {"torch._utils", "_rebuild_meta_tensor_no_storage", IS_HARMLESS, 0}, /* it has no values */
    {"torch._tensor", "_rebuild_from_type_v2", MAKES_FROM_TYPE, 0},
    {"torch", "Size", MAKES_ITS_ARGUMENT, 0},
    {"torch", "FloatStorage", IS_STORAGE, F32},
    {"torch", "HalfStorage", IS_STORAGE, F16},
    {"torch", "BFloat16Storage", IS_STORAGE, BF16},
    {"torch", "DoubleStorage", IS_STORAGE, F64},
    {"torch", "ByteStorage", IS_STORAGE, U8},
    {"torch", "CharStorage", IS_STORAGE, I8},
    {"torch", "ShortStorage", IS_STORAGE, I16},
    {"torch", "IntStorage", IS_STORAGE, I32},
    {"torch", "LongStorage", IS_STORAGE, I64},
    {"torch", "BoolStorage", IS_STORAGE, BOOL},
    {"torch.storage", "UntypedStorage", IS_UNTYPED_STORAGE, U8},
    {"torch.storage", "TypedStorage", IS_UNTYPED_STORAGE, U8},
    {"torch", "float32", IS_DTYPE, F32},
    {"torch", "float16", IS_DTYPE, F16},
    {"torch", "bfloat16", IS_DTYPE, BF16},
    {"torch", "float64", IS_DTYPE, F64},
    {"torch", "uint8", IS_DTYPE, U8},
    {"torch", "int8", IS_DTYPE, I8},
    {"torch", "int16", IS_DTYPE, I16},
    {"torch", "uint16", IS_DTYPE, U16},
    {"torch", "int32", IS_DTYPE, I32},
    {"torch", "int64", IS_DTYPE, I64},
    {"torch", "bool", IS_DTYPE, BOOL},
    {"torch", "uint32", IS_DTYPE, DTYPES},
    {"torch", "uint64", IS_DTYPE, DTYPES},
    {"torch", "float8_e4m3fn", IS_DTYPE, DTYPES},
    {"torch", "float8_e5m2", IS_DTYPE, DTYPES},
    {"torch", "complex64", IS_DTYPE, DTYPES},
    {"torch", "complex128", IS_DTYPE, DTYPES},
    {"torch", "device", IS_HARMLESS, 0},
    {"torch", "Tensor", IS_HARMLESS, 0},
    {"torch.nn.parameter", "Parameter", IS_HARMLESS, 0},
    {"torch.serialization", "_get_layout", IS_HARMLESS, 0},
    {"torch.nn.parameter", "Buffer", IS_HARMLESS, 0},
    {"torch", "FloatTensor", IS_HARMLESS, 0},
    {"torch", "HalfTensor", IS_HARMLESS, 0},
    {"torch", "BFloat16Tensor", IS_HARMLESS, 0},
    {"torch", "DoubleTensor", IS_HARMLESS, 0},
    {"torch", "ByteTensor", IS_HARMLESS, 0},
    {"torch", "CharTensor", IS_HARMLESS, 0},
    {"torch", "ShortTensor", IS_HARMLESS, 0},
    {"torch", "IntTensor", IS_HARMLESS, 0},
    {"torch", "LongTensor", IS_HARMLESS, 0},
    {"torch", "BoolTensor", IS_HARMLESS, 0},
    {"torch", "per_tensor_affine", IS_HARMLESS, 0},
    {"torch", "per_tensor_symmetric", IS_HARMLESS, 0},
    {"torch", "per_channel_affine", IS_HARMLESS, 0},
    {"torch", "per_channel_symmetric", IS_HARMLESS, 0},
    {"torch", "per_channel_affine_float_qparams", IS_HARMLESS, 0},
    /* saved by trainers beside the weights: arguments, optimizer settings, random states, histories, times, places */
    {"torch.torch_version", "TorchVersion", IS_HARMLESS, 0},
    {"argparse", "Namespace", IS_HARMLESS, 0},
    {"types", "SimpleNamespace", IS_HARMLESS, 0},
    {"collections", "deque", IS_HARMLESS, 0},
    {"datetime", "date", IS_HARMLESS, 0},
    {"datetime", "time", IS_HARMLESS, 0},
    {"datetime", "datetime", IS_HARMLESS, 0},
    {"datetime", "timedelta", IS_HARMLESS, 0},
    {"datetime", "timezone", IS_HARMLESS, 0},
    {"decimal", "Decimal", IS_HARMLESS, 0},
    {"fractions", "Fraction", IS_HARMLESS, 0},
    {"uuid", "UUID", IS_HARMLESS, 0},
    {"pathlib", "Path", IS_HARMLESS, 0},
    {"pathlib", "PosixPath", IS_HARMLESS, 0},
    {"pathlib", "WindowsPath", IS_HARMLESS, 0},
    {"pathlib", "PurePath", IS_HARMLESS, 0},
    {"pathlib", "PurePosixPath", IS_HARMLESS, 0},
    {"pathlib", "PureWindowsPath", IS_HARMLESS, 0},
    {"_codecs", "encode", IS_HARMLESS, 0},
    {"builtins", "list", IS_HARMLESS, 0},
    {"builtins", "tuple", IS_HARMLESS, 0},
    {"builtins", "set", IS_HARMLESS, 0},
    {"builtins", "frozenset", IS_HARMLESS, 0},
    {"builtins", "int", IS_HARMLESS, 0},
    {"builtins", "long", IS_HARMLESS, 0}, /* Python 2's names, which protocol 2 writes for int, str and range */
    {"builtins", "unicode", IS_HARMLESS, 0},
    {"builtins", "xrange", IS_HARMLESS, 0},
    {"builtins", "range", IS_HARMLESS, 0},
    {"builtins", "slice", IS_HARMLESS, 0},
    {"builtins", "bool", IS_HARMLESS, 0},
    {"builtins", "float", IS_HARMLESS, 0},
    {"builtins", "complex", IS_HARMLESS, 0},
    {"builtins", "str", IS_HARMLESS, 0},
    {"builtins", "bytes", IS_HARMLESS, 0},
    {"builtins", "bytearray", IS_HARMLESS, 0},
    {"builtins", "object", IS_HARMLESS, 0},
    {"builtins", "Ellipsis", IS_HARMLESS, 0},
    {"numpy", "dtype", IS_HARMLESS, 0},
    {"numpy", "ndarray", IS_HARMLESS, 0},
    {"numpy.core.multiarray", "scalar", IS_HARMLESS, 0},
    {"numpy.core.multiarray", "_reconstruct", IS_HARMLESS, 0},
    {"numpy.core.numeric", "_frombuffer", IS_HARMLESS, 0},
    {"lightning.fabric.utilities.data", "AttributeDict", IS_HARMLESS, 0},
    {"lightning_fabric.utilities.data", "AttributeDict", IS_HARMLESS, 0},
    {"pytorch_lightning.utilities.parsing", "AttributeDict", IS_HARMLESS, 0},
    {"pytorch_lightning.utilities.data", "AttributeDict", IS_HARMLESS, 0},
};

/* Modules that other versions of Python and numpy have under another name. */
static const struct {
    const char *old, *module;
} moved[] = {
    {"__builtin__", "builtins"},
    {"pathlib._local", "pathlib"},
    {"numpy._core.multiarray", "numpy.core.multiarray"},
    {"numpy._core.numeric", "numpy.core.numeric"},
};

static int is_text(const char *text, const uint8_t *s, size_t n) { return strlen(text) == n && !memcmp(text, s, n); }

const whitelisted *pickle_name(const uint8_t *module, size_t m, const uint8_t *name, size_t n)
{
    const char *now = NULL;
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
        if (is_text(moved[i].old, module, m)) now = moved[i].module;
    }
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        const whitelisted *a = &allowed[i];
        if ((now ? !strcmp(a->module, now) : is_text(a->module, module, m)) && is_text(a->name, name, n)) return a;
    }
    return NULL;
}
