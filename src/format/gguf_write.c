/* gguf_write.c - writing GGUF version 3 (docs/formats.md 4.1). */
#include "base/error.h"
#include "format/write.h"
#include <string.h>

enum { ALIGNMENT = 64 }; /* a cache line; 32 is the default of the format */

static uint64_t padded(uint64_t n) { return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

/* Errors of fwrite are not checked here: file_sync and tensor_put report them. */
static void put(FILE *f, const void *data, size_t n) { fwrite(data, 1, n, f); }

static void put32(FILE *f, uint32_t x) { put(f, &x, 4); }
static void put64(FILE *f, uint64_t x) { put(f, &x, 8); }

static void put_text(FILE *f, const char *text, size_t n)
{
    put64(f, n);
    put(f, text, n);
}

static void put_meta(FILE *f, const gguf_meta *m)
{
    enum { ARRAY = 9 };
    put_text(f, m->key, strlen(m->key));
    float number = (float)m->number;
    switch (m->kind) {
    case GGUF_U32:
        put32(f, GGUF_U32);
        put32(f, (uint32_t)m->number);
        return;
    case GGUF_F32:
        put32(f, GGUF_F32);
        put(f, &number, sizeof number);
        return;
    case GGUF_TEXT:
        put32(f, GGUF_TEXT);
        put_text(f, m->text, strlen(m->text));
        return;
    case GGUF_I32S:
        put32(f, ARRAY);
        put32(f, GGUF_I32);
        put64(f, (uint64_t)m->count);
        put(f, m->numbers, (size_t)m->count * sizeof *m->numbers);
        return;
    case GGUF_TEXTS:
        put32(f, ARRAY);
        put32(f, GGUF_TEXT);
        put64(f, (uint64_t)m->count);
        for (int i = 0; i < m->count; i++) {
            size_t begin = i ? m->ends[i - 1] : 0;
            put_text(f, m->text + begin, m->ends[i] - begin);
        }
        return;
    default: CHECK(m->kind == GGUF_U32);
    }
}

static void put_description(FILE *f, const tensor_out *t, uint64_t offset)
{
    CHECK(strlen(t->name) < 64 && t->dims <= 4);
    put_text(f, t->name, strlen(t->name));
    put32(f, (uint32_t)t->dims);
    for (int i = t->dims; i-- > 0;) put64(f, (uint64_t)t->shape[i]);
    put32(f, gguf_type(t->type) + layout_gguf_mark(t->layout));
    put64(f, offset);
}

static void put_zeros(FILE *f, uint64_t n)
{
    static const char zeros[ALIGNMENT];
    put(f, zeros, (size_t)n);
}

int gguf_put(file_out *o, const tensor_out *t, int n, const gguf_meta *meta, int n_meta)
{
    int err = WKV_OK;
    put(o->f, "GGUF", 4);
    put32(o->f, 3);
    put64(o->f, (uint64_t)n);
    put64(o->f, (uint64_t)n_meta + 1);
    put_meta(o->f, &(gguf_meta){.key = "general.alignment", .kind = GGUF_U32, .number = ALIGNMENT});
    for (int i = 0; i < n_meta; i++) put_meta(o->f, &meta[i]);
    uint64_t offset = 0;
    for (int i = 0; i < n; i++) {
        put_description(o->f, &t[i], offset);
        offset += padded((uint64_t)tensor_out_bytes(&t[i]));
    }
    uint64_t at = (uint64_t)ftello(o->f);
    put_zeros(o->f, padded(at) - at);
    for (int i = 0; !err && i < n; i++) {
        uint64_t bytes = (uint64_t)tensor_out_bytes(&t[i]);
        err = tensor_put(o, &t[i], NULL);
        put_zeros(o->f, padded(bytes) - bytes);
    }
    return err;
}
