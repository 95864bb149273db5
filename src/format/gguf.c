/* gguf.c - llama.cpp's container, versions 2 and 3 (docs/formats.md 4.1, 4.2, 4.5). */
#include "format/bytes.h"
#include "format/reader.h"
#include "format/write.h"
#include <stdlib.h>

/* types of metadata values */
enum {
    KV_U8,
    KV_I8,
    KV_U16,
    KV_I16,
    KV_U32,
    KV_I32,
    KV_F32,
    KV_BOOL,
    KV_STRING,
    KV_ARRAY,
    KV_U64,
    KV_I64,
    KV_F64,
    KV_TYPES
};
static const int kv_bytes[KV_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

typedef struct {
    const uint8_t *at;
    size_t len;
} text;

static int cut_short(const char *where) { return fail(WKV_EFORMAT, "ends inside its %s: truncated", where); }

static int get_text(cursor *c, text *out)
{
    uint64_t n;
    if (!get(c, &n, 8) || n > left(c)) return 0;
    *out = (text){cursor_take(c, (size_t)n), (size_t)n};
    return 1;
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

static double number(int type, const uint8_t *p)
{
    float f;
    double d;
    switch (type) {
    case KV_U8:
    case KV_BOOL: return *p;
    case KV_I8: return (int8_t)*p;
    case KV_U16: return u16_at(p);
    case KV_I16: return (int16_t)u16_at(p);
    case KV_U32: return u32_at(p);
    case KV_I32: return (int32_t)u32_at(p);
    case KV_F32: return memcpy(&f, p, 4), (double)f;
    case KV_U64: return (double)u64_at(p);
    case KV_I64: return (double)(int64_t)u64_at(p);
    default: return memcpy(&d, p, 8), d;
    }
}

/* Arrays of strings: the vocabulary is kept, others (merges) are skipped. */
static int read_strings(tensors *t, cursor *c, uint64_t n, int keep)
{
    if (n > left(c) / 8 || n > INT32_MAX / 2) return cut_short("metadata");
    if (keep) {
        free(t->tokens);
        t->n_tokens = 0;
        t->tokens = malloc(sizeof *t->tokens * ((size_t)n + 1));
        if (!t->tokens) return fail(WKV_ENOMEM, "no memory for a vocabulary of %llu tokens", (unsigned long long)n);
    }
    for (uint64_t i = 0; i < n; i++) {
        text s;
        if (!get_text(c, &s)) return cut_short("metadata");
        if (keep) t->tokens[t->n_tokens++] = (token_item){s.at, s.len};
    }
    return WKV_OK;
}

static int read_array(tensors *t, cursor *c, text key)
{
    static const char vocabulary[] = "tokenizer.ggml.tokens";
    uint32_t type;
    uint64_t n;
    if (!get(c, &type, 4) || !get(c, &n, 8)) return cut_short("metadata");
    if (type == KV_STRING)
        return read_strings(t, c, n, key.len == sizeof vocabulary - 1 && !memcmp(key.at, vocabulary, key.len));
    if (type >= KV_TYPES || type == KV_ARRAY)
        return fail(WKV_EFORMAT, "metadata %.*s: is an array of type %u, expected 0 to 12 and no arrays",
                    (int)(key.len & 255), key.at, type);
    if (n > left(c) / (size_t)kv_bytes[type]) return cut_short("metadata");
    cursor_take(c, (size_t)n * (size_t)kv_bytes[type]);
    return WKV_OK;
}

static int read_pair(tensors *t, cursor *c)
{
    text key, s;
    uint32_t type;
    if (!get_text(c, &key) || !get(c, &type, 4)) return cut_short("metadata");
    if (key.len > 65535 || memchr(key.at, 0, key.len))
        return fail(WKV_EFORMAT, "a metadata key of %zu bytes is not text", key.len);
    if (type >= KV_TYPES)
        return fail(WKV_EFORMAT, "metadata %.*s: is of type %u, expected 0 to 12", (int)(key.len & 255), key.at, type);
    if (type == KV_ARRAY) return read_array(t, c, key);
    if (type == KV_STRING)
        return get_text(c, &s) ? tensors_add_text(t, (const char *)key.at, key.len, (const char *)s.at, s.len)
                               : cut_short("metadata");
    const uint8_t *p = cursor_take(c, (size_t)kv_bytes[type]);
    return p ? tensors_add_number(t, (const char *)key.at, key.len, number((int)type, p)) : cut_short("metadata");
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_keys(const tensors *t)
{
    const char **keys = malloc(sizeof *keys * (size_t)(t->n_meta + 1));
    if (!keys) return fail(WKV_ENOMEM, "no memory for %d keys", t->n_meta);
    for (int i = 0; i < t->n_meta; i++) keys[i] = t->meta[i].key;
    qsort(keys, (size_t)t->n_meta, sizeof *keys, compare_keys);
    int err = WKV_OK;
    for (int i = 1; !err && i < t->n_meta; i++) {
        if (!strcmp(keys[i - 1], keys[i]))
            err = fail(WKV_EFORMAT, "metadata %s occurs twice, expected once", keys[i]);
    }
    free(keys);
    return err;
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

static const struct {
    uint32_t id;
    dtype type;
} types[] = {
    {0, F32},   {1, F16},   {2, Q4_0},  {3, Q4_1},  {6, Q5_0},  {7, Q5_1},    {8, Q8_0},
    {10, Q2_K}, {11, Q3_K}, {12, Q4_K}, {13, Q5_K}, {14, Q6_K}, {20, IQ4_NL}, {23, IQ4_XS},
    {24, I8},   {25, I16},  {26, I32},  {27, I64},  {28, F64},  {30, BF16},   {39, MXFP4},
};
enum { TYPES = sizeof types / sizeof *types };

static int find_type(uint32_t id, dtype *out)
{
    for (int i = 0; i < TYPES; i++) {
        if (types[i].id == id) return *out = types[i].type, 1;
    }
    return 0;
}

uint32_t gguf_type(dtype type)
{
    int i = 0;
    while (i < TYPES && types[i].type != type) i++;
    CHECK(i < TYPES);
    return types[i].id;
}

/* For the message: the types of ggml that RWKV files do not use. */
static const char *type_name(uint32_t id)
{
    static const char *const names[] = {
        [4] = "Q4_2",    [5] = "Q4_3",     [9] = "Q8_1",   [15] = "Q8_K",  [16] = "IQ2_XXS",
        [17] = "IQ2_XS", [18] = "IQ3_XXS", [19] = "IQ1_S", [21] = "IQ3_S", [22] = "IQ2_S",
        [29] = "IQ1_M",  [34] = "TQ1_0",   [35] = "TQ2_0", [40] = "NVFP4",
    };
    return id < sizeof names / sizeof *names && names[id] ? names[id] : "unknown";
}

/* Read the description of one tensor, and its offset in the data section. */
static int read_tensor(tensors *t, cursor *c, uint64_t *offset)
{
    text name;
    uint32_t dims, type;
    int64_t ne[4]; /* fastest first */
    if (!get_text(c, &name) || !get(c, &dims, 4)) return cut_short("list of tensors");
    if (name.len > 63)
        return fail(WKV_EFORMAT, "tensor %d: its name has %zu bytes, expected at most 63", t->count, name.len);
    if (dims > 4)
        return fail(WKV_EFORMAT, "tensor %.*s: has %u axes, expected at most 4", (int)name.len, name.at, dims);
    if (!get(c, ne, 8 * dims) || !get(c, &type, 4) || !get(c, offset, 8)) return cut_short("list of tensors");
    uint32_t plain = type;
    file_tensor f = {.dims = (int)dims, .layout = layout_of_gguf(&plain)};
    if (!find_type(plain, &f.type))
        return fail(WKV_EUNSUPPORTED,
                    "tensor %.*s: of ggml type %u (%s), which is not supported; F32, F16, BF16, Q8_0, Q4_0 to Q5_1, "
                    "Q2_K to Q6_K, IQ4_NL, IQ4_XS and MXFP4 are",
                    (int)name.len, name.at, type, type_name(type));
    for (uint32_t i = 0; i < dims; i++) f.shape[i] = ne[dims - 1 - i];
    if (!layout_is_row_major(f.layout) && !(dims == 2 && layout_fits(f.layout, f.type, f.shape[1], f.shape[0])))
        return fail(WKV_EFORMAT, "tensor %.*s: its shape or type cannot be interleaved", (int)name.len, name.at);
    return tensors_add(t, (const char *)name.at, name.len, &f);
}

static int place_tensors(tensors *t, const uint64_t *offset, const uint8_t *file, size_t size, size_t start,
                         uint64_t alignment)
{
    uint64_t needed = 0, all = 0;
    for (int i = 0; i < t->count; i++) {
        file_tensor *f = &t->list[i];
        int64_t bytes;
        int err = tensor_strides(f, f->name, &bytes);
        if (err) return err;
        if (offset[i] % alignment)
            return fail(WKV_EFORMAT, "tensor %s: at %llu, expected a multiple of %llu", f->name,
                        (unsigned long long)offset[i], (unsigned long long)alignment);
        uint64_t end;
        if (__builtin_add_overflow(offset[i], (uint64_t)bytes, &end) || __builtin_add_overflow(end, start, &end))
            return fail(WKV_EFORMAT, "tensor %s: at %llu, beyond any file", f->name, (unsigned long long)offset[i]);
        if (end > needed) needed = end;
        if (__builtin_add_overflow(all, (uint64_t)bytes, &all)) all = UINT64_MAX;
        if (end <= size) f->data = file + start + offset[i];
    }
    if (needed > size)
        return fail(WKV_EFORMAT, "has %zu bytes, expected %llu: truncated", size, (unsigned long long)needed);
    if (all > size)
        return fail(WKV_EFORMAT, "has %zu bytes, its tensors take %llu: they overlap", size, (unsigned long long)all);
    return WKV_OK;
}

static int read_tensors(tensors *t, cursor *c, uint64_t n, const uint8_t *file, size_t size)
{
    uint64_t *offset = malloc(sizeof *offset * ((size_t)n + 1));
    int err = offset ? WKV_OK : fail(WKV_ENOMEM, "no memory for %llu tensors", (unsigned long long)n);
    for (uint64_t i = 0; !err && i < n; i++) err = read_tensor(t, c, &offset[i]);
    double alignment = tensors_number(t, "general.alignment", 32);
    if (!err && !(alignment >= 1 && alignment <= 1 << 30 && ((uint32_t)alignment & ((uint32_t)alignment - 1)) == 0))
        err = fail(WKV_EFORMAT, "its alignment is %g, expected a power of two", alignment);
    if (!err) {
        uint64_t align = (uint64_t)alignment, start = ((uint64_t)(c->at - file) + align - 1) & ~(align - 1);
        err = place_tensors(t, offset, file, size, start, align);
    }
    free(offset);
    return err;
}

int read_gguf(tensors *t, const uint8_t *data, size_t size)
{
    cursor c = {data + 4, data + size};
    uint32_t version;
    uint64_t n_tensors, n_pairs;
    if (!get(&c, &version, 4)) return cut_short("header");
    t->format = version == 2 ? "gguf v2" : "gguf v3";
    if ((version & 0xffff) == 0) return fail(WKV_EUNSUPPORTED, "is a big-endian GGUF, expected little-endian");
    if (version != 2 && version != 3) return fail(WKV_EUNSUPPORTED, "is GGUF version %u, expected 2 or 3", version);
    if (!get(&c, &n_tensors, 8) || !get(&c, &n_pairs, 8)) return cut_short("header");
    if (n_pairs > left(&c) / 13 || n_tensors > left(&c) / 24 || n_pairs > 1 << 24 || n_tensors > 1 << 24)
        return fail(WKV_EFORMAT, "claims %llu metadata entries and %llu tensors, too many for its %zu bytes",
                    (unsigned long long)n_pairs, (unsigned long long)n_tensors, size);
    for (uint64_t i = 0; i < n_pairs; i++) {
        int err = read_pair(t, &c);
        if (err) return err;
    }
    double parts = tensors_number(t, "split.count", 0);
    if (parts > 1)
        return fail(WKV_EUNSUPPORTED, "is part %g of %g of a split GGUF; merge them with llama-gguf-split",
                    tensors_number(t, "split.no", 0) + 1, parts);
    int err = check_keys(t);
    return err ? err : read_tensors(t, &c, n_tensors, data, size);
}
