/* quantize.c - rwkv_quantize_model_file: a .bin of rwkv.cpp becomes another, any other model a GGUF. */
#include "quantize.h"
#include "base/error.h"
#include "format/tensors.h"
#include "rwkv.h"
#include "wkv_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADER = 6 }; /* magic, version, vocabulary, channels, layers, type; int32 each */

/* Types by the codes of these files (src/format/rwkvcpp.c). */
static int32_t code_of(dtype type)
{
    switch (type) {
    case F32: return 0;
    case F16: return 1;
    case Q4_0: return 2;
    case Q4_1: return 3;
    case Q5_0: return 7;
    case Q5_1: return 8;
    case Q8_0: return 9;
    default: return -1;
    }
}

/* As in rwkv.cpp: matrices, but not embedding, head, and version 7's r_k and low-rank matrices. */
static int is_quantized(const file_tensor *f)
{
    static const char *const kept[] = {"att.w1", "att.w2", "att.a1", "att.a2", "att.v1",
                                       "att.v2", "att.g1", "att.g2", "att.r_k"};
    int yes = f->dims == 2 && f->shape[1] % 32 == 0 && strcmp(f->name, "emb.weight") && strcmp(f->name, "head.weight");
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) yes = yes && !strstr(f->name, kept[i]);
    return yes;
}

/* int32 axes, length of the name, type, sizes fastest first; name; values */
static int put_header(wkv_file *out, const file_tensor *f, dtype type)
{
    int32_t head[3 + MAX_DIMS] = {f->dims, (int32_t)strlen(f->name), code_of(type)};
    for (int i = 0; i < f->dims; i++) head[3 + i] = (int32_t)f->shape[f->dims - 1 - i];
    int err = wkv_file_put(out, head, sizeof *head * (size_t)(3 + f->dims));
    return err ? err : wkv_file_put(out, f->name, strlen(f->name));
}

static int put_quantized(wkv_file *out, const file_tensor *f, dtype type)
{
    const int64_t n = tensor_values(f);
    const size_t bytes = (size_t)dtype_bytes(type, n);
    float *values = malloc(sizeof *values * (size_t)n);
    uint8_t *blocks = malloc(bytes);
    int err = values && blocks ? 0 : fail(WKV_ENOMEM, "out of memory for the tensor %s", f->name);
    if (!err) dtype_decode(f->type, f->data, values, n);
    const int64_t bad = err ? -1 : dtype_encode(type, values, blocks, n);
    if (bad >= 0)
        err = fail(WKV_EFORMAT, "tensor %s: value %lld, %g, cannot be quantized", f->name, (long long)bad,
                   (double)values[bad]);
    if (!err) err = put_header(out, f, type);
    if (!err) err = wkv_file_put(out, blocks, bytes);
    free(values);
    free(blocks);
    return err;
}

static int put_kept(wkv_file *out, const file_tensor *f)
{
    int err = put_header(out, f, f->type);
    return err ? err : wkv_file_put(out, f->data, (size_t)dtype_bytes(f->type, tensor_values(f)));
}

static int read_header(int32_t head[HEADER], const char *path)
{
    FILE *f;
    int err = wkv_file_open(&f, path);
    if (err) return err;
    if (fread(head, sizeof *head, HEADER, f) != HEADER) err = fail(WKV_EIO, "%s: its header cannot be read", path);
    fclose(f);
    return err;
}

static int write_bin(const tensors *t, const char *path, dtype type)
{
    int32_t head[HEADER];
    wkv_file *out;
    int err = read_header(head, tensors_path(t));
    if (err) return err;
    if (head[5] != code_of(F32) && head[5] != code_of(F16))
        return fail(WKV_EUNSUPPORTED, "%s: is quantized already; quantize the FP32 or FP16 file", tensors_path(t));
    head[1] = RWKV_FILE_VERSION;
    head[5] = code_of(type);
    if ((err = wkv_file_create(&out, path))) return err;
    err = wkv_file_put(out, head, sizeof head);
    for (int i = 0; i < tensors_count(t) && !err; i++) {
        const file_tensor *f = tensors_at(t, i);
        err = is_quantized(f) ? put_quantized(out, f, type) : put_kept(out, f);
    }
    if (!err) return wkv_file_commit(out);
    wkv_file_abandon(out);
    return err;
}

/* The GGUF is written beside `path`, because wkv_convert takes the format from the extension. */
static int write_gguf(const char *from, const char *path, dtype type)
{
    wkv_model *m;
    char *part = malloc(strlen(path) + 40);
    if (!part) return fail(WKV_ENOMEM, "out of memory");
    sprintf(part, "%s.part-%ld.gguf", path, (long)getpid());
    int err = wkv_model_open(&m, from, &(wkv_model_options){.as_stored = 1});
    if (!err) err = wkv_model_refuse_output(m, path);
    if (!err) err = wkv_convert(m, part, &(wkv_convert_options){.type = dtypes[type].name});
    if (!err && rename(part, path)) {
        err = fail(WKV_EIO, "%s: the quantized model cannot be renamed to it", path);
        remove(part);
    }
    wkv_model_close(m);
    free(part);
    return err;
}

int quantize(const char *from, const char *path, const char *type_name)
{
    static const dtype types[] = {Q4_0, Q4_1, Q5_0, Q5_1, Q8_0};
    tensors *t;
    dtype type = DTYPES;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (*type_name == 'Q' && !strcmp(type_name + 1, dtypes[types[i]].name + 1)) type = types[i];
    if (type == DTYPES) return fail(WKV_EARG, "the format is '%s', expected Q4_0, Q4_1, Q5_0, Q5_1 or Q8_0", type_name);
    int err = tensors_open_stored(&t, from);
    if (err) return err;
    err = tensors_refuse_output(t, path);
    const int bin = !strncmp(tensors_format(t), "rwkv.cpp", 8);
    if (!err && bin) err = write_bin(t, path, type);
    tensors_close(t);
    return err || bin ? err : write_gguf(from, path, type);
}
