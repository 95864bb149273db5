/* safetensors_write.c - writing .safetensors (docs/formats.md 3.1). */
#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "format/write.h"
#include <stdlib.h>
#include <string.h>

static const char *const type_names[DTYPES] = {
    [F32] = "F32", [F16] = "F16", [BF16] = "BF16", [F64] = "F64", [U8] = "U8",     [I8] = "I8",
    [I16] = "I16", [U16] = "U16", [I32] = "I32",   [I64] = "I64", [BOOL] = "BOOL",
};

static json_t *describe(const tensor_out *t, int64_t at)
{
    json_t *shape = json_array();
    int bad = !shape;
    for (int i = 0; i < t->dims; i++) bad |= json_array_append_new(shape, json_integer(t->shape[i]));
    if (bad) {
        json_decref(shape);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", type_names[t->type], "shape", shape, "data_offsets",
                     (json_int_t)at, (json_int_t)(at + tensor_out_bytes(t)));
}

/* The header's JSON, padded with blanks to a multiple of 8; NULL: no memory. Names and texts are UTF-8. */
static char *make_header(const tensor_out *const *t, int n, const char *const *meta)
{
    json_t *header = json_object();
    int bad = !header;
    if (meta && meta[0]) {
        json_t *texts = json_object();
        for (int i = 0; meta[i]; i += 2) bad |= json_object_set_new(texts, meta[i], json_string(meta[i + 1]));
        bad |= json_object_set_new(header, "__metadata__", texts);
    }
    int64_t at = 0;
    for (int i = 0; i < n; at += tensor_out_bytes(t[i++]))
        bad |= json_object_set_new(header, t[i]->name, describe(t[i], at));
    char *text = bad ? NULL : json_text(header, JSON_COMPACT);
    json_decref(header);
    if (!text) return NULL;
    size_t len = strlen(text), padded = (len + 7) & ~(size_t)7;
    char *out = malloc(padded + 1);
    if (out) {
        memcpy(out, text, len);
        memset(out + len, ' ', padded - len);
        out[padded] = 0;
    }
    free(text);
    return out;
}

/* A safetensors header is UTF-8. */
static int check_names(const char *path, const tensor_out *t, int n, const char *const *meta)
{
    const char *bad = NULL;
    for (int i = 0; i < n; i++)
        if (utf8_check(t[i].name, strlen(t[i].name)) < strlen(t[i].name)) bad = t[i].name;
    for (int i = 0; meta && meta[i]; i++)
        if (utf8_check(meta[i], strlen(meta[i])) < strlen(meta[i])) bad = meta[i];
    return bad ? fail(WKV_EARG, "%s: its header cannot be written: \"%.80s\" is not UTF-8", path, bad) : 0;
}

/* Pointers to the n tensors, widest type first. */
static const tensor_out **sort_by_width(const tensor_out *t, int n)
{
    const tensor_out **sorted = malloc(sizeof *sorted * (size_t)(n + 1));
    int k = 0;
    for (int width = 8; sorted && width > 0; width /= 2) {
        for (int i = 0; i < n; i++) {
            if (dtypes[t[i].type].bytes == width) sorted[k++] = &t[i];
        }
    }
    return sorted;
}

int safetensors_put(file_out *f, const tensor_out *t, int n, const char *const *meta)
{
    for (int i = 0; i < n; i++) CHECK(type_names[t[i].type]);
    int err = check_names(f->path, t, n, meta);
    if (err) return err;
    const tensor_out **sorted = sort_by_width(t, n);
    char *header = sorted ? make_header(sorted, n, meta) : NULL;
    if (!header) err = fail(WKV_ENOMEM, "%s: no memory for the names of %d tensors", f->path, n);
    if (!err) {
        uint64_t len = strlen(header);
        err = file_put(f, &len, sizeof len);
        if (!err) err = file_put(f, header, len);
        for (int i = 0; !err && i < n; i++) err = tensor_put(f, sorted[i], NULL);
    }
    free(header);
    free(sorted);
    return err;
}
