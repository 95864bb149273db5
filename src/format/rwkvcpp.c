/* rwkvcpp.c - the .bin files of rwkv.cpp (docs/formats.md 5). */
#include "format/bytes.h"
#include "format/reader.h"
#include <stdlib.h>

/* its codes above 3 differ from ggml's; 4, 5, 6 were types that no longer exist */
static int find_type(int32_t code, dtype *out)
{
    static const struct {
        int code;
        dtype type;
    } types[] = {{0, F32}, {1, F16}, {2, Q4_0}, {3, Q4_1}, {7, Q5_0}, {8, Q5_1}, {9, Q8_0}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].code == code) return *out = types[i].type, 1;
    }
    return 0;
}

static int add_one(tensors *t, cursor *c, int32_t version)
{
    int32_t head[3], ne[3]; /* axes, length of the name, type; sizes fastest first */
    if (!get(c, head, sizeof head))
        return fail(WKV_EFORMAT, "ends inside the header of tensor %d: truncated", t->count);
    file_tensor f = {.dims = head[0]};
    if (f.dims < 1 || f.dims > 3) return fail(WKV_EFORMAT, "tensor %d: has %d axes, expected 1 to 3", t->count, f.dims);
    const uint8_t *name = NULL;
    if (!get(c, ne, 4 * (size_t)f.dims) || head[1] < 1 || !(name = cursor_take(c, (size_t)head[1])))
        return fail(WKV_EFORMAT, "ends inside the header of tensor %d: truncated", t->count);
    char *own = tensors_text(t, name, (size_t)head[1]);
    if (!own) return WKV_ENOMEM;
    if (!find_type(head[2], &f.type))
        return fail(WKV_EUNSUPPORTED, "tensor %s: of type %d, which rwkv.cpp no longer has", own, head[2]);
    if (version == 100 && f.type != F32 && f.type != F16)
        return fail(WKV_EUNSUPPORTED,
                    "tensor %s: quantised in the old layout of rwkv.cpp's version 100; quantise the model again", own);
    for (int i = 0; i < f.dims; i++) f.shape[i] = ne[f.dims - 1 - i];
    int64_t bytes;
    int err = tensor_strides(&f, own, &bytes);
    if (err) return err;
    size_t rest = left(c);
    if (!(f.data = cursor_take(c, (size_t)bytes)))
        return fail(WKV_EFORMAT, "tensor %s: needs %lld bytes, the file has %zu left: truncated", own, (long long)bytes,
                    rest);
    return tensors_add(t, (const char *)name, (size_t)head[1], &f);
}

int read_rwkvcpp(tensors *t, const uint8_t *data, size_t size)
{
    cursor c = {data, data + size};
    int32_t head[6]; /* magic, version, V, C, L, type */
    if (!get(&c, head, sizeof head))
        return fail(WKV_EFORMAT, "has %zu bytes, expected at least %zu: truncated", size, sizeof head);
    if (head[1] != 100 && head[1] != 101)
        return fail(WKV_EUNSUPPORTED, "is of version %d of rwkv.cpp's format, expected 100 or 101", head[1]);
    t->format = head[1] == 100 ? "rwkv.cpp 100" : "rwkv.cpp 101";
    while (left(&c)) {
        int err = add_one(t, &c, head[1]);
        if (err) return err;
    }
    int64_t layers = 0; /* the file gives the number of layers, not of tensors */
    for (int i = 0; i < t->count; i++) {
        const char *name = t->list[i].name;
        if (strncmp(name, "blocks.", 7)) continue;
        int64_t block = strtoll(name + 7, NULL, 10);
        if (block >= layers && block < INT32_MAX) layers = block + 1;
    }
    if (layers != head[4])
        return fail(WKV_EFORMAT, "has %lld layers, expected %d: truncated between two tensors", (long long)layers,
                    head[4]);
    return WKV_OK;
}
