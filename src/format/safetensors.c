/* safetensors.c - a length, a header of JSON, and the data (docs/formats.md 3.1). */
#include "base/memory.h"
#include "format/bytes.h"
#include "format/reader.h"
#include "base/json.h"
#include <stdlib.h>

enum { MAX_HEADER = 100000000, JSON_GROWS = 32 }; /* bytes; factor of memory, if every value is a digit */

static const struct {
    const char *name;
    dtype type;
} types[] = {
    {"F32", F32}, {"F16", F16}, {"BF16", BF16}, {"F64", F64}, {"U8", U8},     {"I8", I8},
    {"I16", I16}, {"U16", U16}, {"I32", I32},   {"I64", I64}, {"BOOL", BOOL},
};

/* A tensor's range of bytes, to check that all ranges tile the data. */
typedef struct {
    int64_t begin, end;
    const char *name;
} range;

static int compare_ranges(const void *a, const void *b)
{
    const range *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static int find_type(const char *name, dtype *out)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!strcmp(types[i].name, name)) return *out = types[i].type, 1;
    }
    return 0;
}

static int add_one(tensors *t, const char *name, const json_t *about, const uint8_t *data, size_t size, range *r)
{
    const char *type = json_string_value(json_object_get(about, "dtype"));
    const json_t *shape = json_object_get(about, "shape"), *offsets = json_object_get(about, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (!type || !json_is_array(shape) || !json_is_integer(begin) || !json_is_integer(end) ||
        json_array_size(offsets) != 2)
        return fail(WKV_EFORMAT, "tensor %s: expected dtype, shape and data_offsets", name);
    file_tensor f = {0};
    if (!find_type(type, &f.type))
        return fail(WKV_EUNSUPPORTED, "tensor %s: of type %s, which is not supported", name, type);
    if (json_array_size(shape) > MAX_DIMS)
        return fail(WKV_EUNSUPPORTED, "tensor %s: has %zu axes, expected at most %d", name, json_array_size(shape),
                    MAX_DIMS);
    f.dims = (int)json_array_size(shape);
    for (int i = 0; i < f.dims; i++) {
        const json_t *axis = json_array_get(shape, (size_t)i);
        if (!json_is_integer(axis)) return fail(WKV_EFORMAT, "tensor %s: its shape is not a list of integers", name);
        f.shape[i] = json_integer_value(axis);
    }
    int64_t bytes;
    int err = tensor_strides(&f, name, &bytes);
    if (err) return err;
    *r = (range){json_integer_value(begin), json_integer_value(end), name};
    if (r->begin < 0 || r->end < r->begin || r->end - r->begin != bytes)
        return fail(WKV_EFORMAT, "tensor %s: is at bytes %lld to %lld, expected %lld bytes of %s", name,
                    (long long)r->begin, (long long)r->end, (long long)bytes, type);
    if ((uint64_t)r->end <= size) f.data = data + r->begin; /* else the file is refused when all ends are known */
    return tensors_add(t, name, strlen(name), &f);
}

/* Ranges in order must leave no hole, not overlap, and end with the file. */
static int check_tiling(range *r, int n, int64_t size, int64_t before)
{
    qsort(r, (size_t)n, sizeof *r, compare_ranges);
    int64_t at = 0, end = 0;
    for (int i = 0; i < n; i++) end = r[i].end > end ? r[i].end : end;
    if (end > size)
        return fail(WKV_EFORMAT, "has %lld bytes, expected %llu: truncated", (long long)(before + size),
                    (unsigned long long)before + (unsigned long long)end);
    for (int i = 0; i < n; at = r[i++].end) {
        if (r[i].begin != at)
            return fail(WKV_EFORMAT, "tensor %s: begins at byte %lld of the data, expected %lld", r[i].name,
                        (long long)r[i].begin, (long long)at);
    }
    if (at != size)
        return fail(WKV_EFORMAT, "has %lld bytes after its last tensor, expected none", (long long)(size - at));
    return WKV_OK;
}

static int add_metadata(tensors *t, json_t *metadata)
{
    const char *key;
    json_t *text;
    if (!json_is_object(metadata)) return fail(WKV_EFORMAT, "its __metadata__ is not a JSON object");
    json_object_foreach(metadata, key, text)
    {
        if (!json_is_string(text)) return fail(WKV_EFORMAT, "its __metadata__ has %s that is not text", key);
        int err = tensors_add_text(t, key, strlen(key), json_string_value(text), json_string_length(text));
        if (err) return err;
    }
    return WKV_OK;
}

static int add_all(tensors *t, json_t *header, const uint8_t *data, size_t size, size_t before)
{
    int n = 0, err = WKV_OK;
    range *ranges = malloc(sizeof *ranges * (json_object_size(header) + 1));
    if (!ranges) return fail(WKV_ENOMEM, "no memory for %zu tensors", json_object_size(header));
    const char *name;
    json_t *about;
    json_object_foreach(header, name, about)
    {
        err = strcmp(name, "__metadata__") ? add_one(t, name, about, data, size, &ranges[n++]) : add_metadata(t, about);
        if (err) break;
    }
    if (!err) err = check_tiling(ranges, n, (int64_t)size, (int64_t)before);
    free(ranges);
    return err;
}

/* Weights quantized by MLX: each number of NAME.weight (U32) has several codes; NAME.scales and NAME.biases scale
 * them. */
static int refuse_mlx(json_t *header)
{
    static const char scales[] = ".scales";
    const char *name;
    json_t *about;
    json_object_foreach(header, name, about)
    {
        size_t n = strlen(name), stem = n - strlen(scales);
        char weight[256];
        if (n < sizeof scales || strcmp(name + stem, scales) || stem > 200) continue;
        snprintf(weight, sizeof weight, "%.*s.weight", (int)stem, name);
        const char *type = json_string_value(json_object_get(json_object_get(header, weight), "dtype"));
        if (type && !strcmp(type, "U32"))
            return fail(
                WKV_EUNSUPPORTED,
                "is a model quantized for MLX (%s is packed into U32, with scales and biases beside it); use the "
                "checkpoint that it was made from",
                weight);
    }
    return WKV_OK;
}

int read_safetensors(tensors *t, const uint8_t *data, size_t size)
{
    uint64_t n = u64_at(data);
    t->format = "safetensors";
    if (n > MAX_HEADER)
        return fail(WKV_EFORMAT, "its header claims %llu bytes, expected at most %d", (unsigned long long)n,
                    MAX_HEADER);
    if (n > size - 8)
        return fail(WKV_EFORMAT, "has %zu bytes, expected %llu for its header alone: truncated", size,
                    (unsigned long long)n + 8);
    if (n > 1 << 20 && n > memory_available() / JSON_GROWS)
        return fail(WKV_ENOMEM, "its header of %llu MiB takes up to %llu MiB to read, %zu MiB of memory are free",
                    (unsigned long long)n >> 20, (unsigned long long)n * JSON_GROWS >> 20, memory_available() >> 20);
    json_t *header;
    int err = json_read(&header, (const char *)data + 8, (size_t)n, JSON_REJECT_DUPLICATES);
    if (!err && !json_is_object(header)) err = fail(WKV_EFORMAT, "an array");
    if (err == WKV_EFORMAT) fail_prefix(err, "its header is not a JSON object");
    if (!err) err = refuse_mlx(header);
    if (!err) err = add_all(t, header, data + 8 + n, size - 8 - (size_t)n, 8 + (size_t)n);
    json_decref(header);
    return err;
}
