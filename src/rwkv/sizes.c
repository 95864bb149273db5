/* sizes.c - detection of a file's version and sizes (docs/models.md 7): never assumed, always read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rwkv/sizes.h"

enum { NAME = 96 };

const file_tensor *layer_find(const tensors *t, int layer, const char *name)
{
    char full[NAME];
    snprintf(full, sizeof full, "blocks.%d.%s", layer, name);
    return tensors_find(t, full);
}

/* ---- layers ------------------------------------------------------------------------------------------------------ */

/* Layers of the file: the greatest block number + 1, as in the official program, so that a gap is a missing tensor. */
static int64_t count_layers(const tensors *t)
{
    int64_t L = 0;
    for (int i = 0; i < tensors_count(t); i++) {
        const char *name = tensors_at(t, i)->name;
        if (strncmp(name, "blocks.", 7)) continue;
        int64_t block = strtoll(name + 7, NULL, 10);
        if (block >= L) L = block < INT32_MAX ? block + 1 : INT32_MAX;
    }
    return L;
}

/* The number of layers in the metadata of a GGUF or a folder's config.json; 0: not given. */
static double expected_layers(const tensors *t)
{
    const char *name = tensors_meta(t, "general.architecture");
    char key[NAME];
    if (!name) return tensors_number(t, "config.num_hidden_layers", tensors_number(t, "config.n_layer", 0));
    snprintf(key, sizeof key, "%s.block_count", name);
    return tensors_number(t, key, 0);
}

static int check_layers(const tensors *t, int64_t L)
{
    const char *path = tensors_path(t);
    double expected = expected_layers(t);
    if (!L)
        return fail(WKV_EFORMAT,
                    "%s: no tensor blocks.N, expected blocks.0.att.key.weight; the file is not an RWKV model", path);
    if (L > tensors_count(t))
        return fail(WKV_EFORMAT, "%s: has a tensor of block %lld, but only %d tensors; layers are missing", path,
                    (long long)L - 1, tensors_count(t));
    if (expected > 0 && expected != (double)L)
        return fail(WKV_EFORMAT, "%s: has %lld layers, expected the %g of its metadata; the file is incomplete", path,
                    (long long)L, expected);
    return 0;
}

/* ---- heads ------------------------------------------------------------------------------------------------------- */

/* C channels as heads x head size; 0 if heads do not divide the width. */
static void set_heads(int64_t heads, int dim[DIMS])
{
    int C = dim[D_C];
    dim[D_H] = heads > 0 && heads <= C && C % heads == 0 ? (int)heads : 0;
    dim[D_N] = dim[D_H] ? C / dim[D_H] : 0;
}

/* heads from a tensor of [H, N], or from its values and the head size in the file's metadata */
static int64_t count_heads(const tensors *t, const file_tensor *f, int C)
{
    int64_t n = tensor_values(f);
    for (int i = 0; i < f->dims; i++)
        if (tensor_axis(f, i) > 1 && tensor_axis(f, i) < n)
            return tensor_axis(f, i);                                               /* the first axis above 1 */
    if (f->dims >= 2 && tensor_axis(f, 0) == 1 && tensor_axis(f, 1) == n) return 1; /* one head: [1, N] */
    double size = tensors_number(t, "wkv.head_size", C);
    return size >= 1 && size <= C ? (int64_t)(C / size) : 0;
}

static void read_heads(const arch *a, const tensors *t, int dim[DIMS])
{
    const slot *s = arch_slot(a, D_H);
    const file_tensor *f = s ? layer_find(t, 0, s->name) : NULL;
    if (f) set_heads(s->cols == D_H ? tensor_values(f) : count_heads(t, f, dim[D_C]), dim); /* [H] or [H, N] */
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

/* A 64-bit size of a file as an int; 0 if it is out of range. */
static int as_size(int64_t n) { return n > 0 && n < 1 << 30 ? (int)n : 0; }

/* The size of an axis, from the first slot that has it; 0: no such axis in the version, or no such tensor in the
 * file. */
static int read_size(const arch *a, const tensors *t, int L, axis_size size)
{
    const slot *s = arch_slot(a, size);
    if (!s) return 0;
    int layer = s->flags & SLOT_LATE ? 1 : 0;
    if (layer >= L) return 1; /* a single layer has none */
    const file_tensor *f = layer_find(t, layer, s->name);
    return f ? as_size(axis_from_last(f, s->cols == size ? 0 : 1)) : 0;
}

static void read_sizes(const arch *a, const tensors *t, int L, int dim[DIMS])
{
    read_heads(a, t, dim);
    for (axis_size i = D_F; i < DIMS; i++)
        if (i != D_H && i != D_N) dim[i] = read_size(a, t, L, i);
    if (dim[D_5R0]) dim[D_R0] = dim[D_5R0] / 5;
    dim[D_5R0] = 5 * dim[D_R0];
}

static const file_tensor *find_key(const arch *a, const tensors *t)
{
    for (int i = 0; i < a->n_slots; i++)
        if (a->slots[i].flags & SLOT_KEY) return layer_find(t, 0, a->slots[i].name);
    return NULL;
}

static int check_sizes(const rwkv *m, const tensors *t)
{
    const char *path = tensors_path(t);
    if (arch_slot(m->arch, D_H)) {
        if (m->H < 1 || m->N < 1 || m->H * m->N != m->C)
            return fail(WKV_EFORMAT, "%s: a width of %d is not a multiple of the number of heads", path, m->C);
        if (m->N > 1024) return fail(WKV_EUNSUPPORTED, "%s: heads of %d channels, expected at most 1024", path, m->N);
    }
    const file_tensor *key = find_key(m->arch, t);
    if (key && axis_from_last(key, 1) != m->C)
        return fail(WKV_EUNSUPPORTED, "%s: attention width %lld, expected the width %d, as in all released RWKV models",
                    path, (long long)axis_from_last(key, 1), m->C);
    if (m->dim[D_EE] && (int64_t)m->dim[D_E] * m->dim[D_E] != m->dim[D_EE])
        return fail(WKV_EFORMAT,
                    "%s: blocks.0.%s has rows of %d values, expected the square of the %d columns of blocks.0.%s", path,
                    arch_slot(m->arch, D_EE)->name, m->dim[D_EE], m->dim[D_E], arch_slot(m->arch, D_E)->name);
    if (m->F < 1) return fail(WKV_EFORMAT, "%s: blocks.0.%s is missing", path, arch_slot(m->arch, D_F)->name);
    if ((int64_t)m->L * rwkv_layer_state(m) > INT32_MAX)
        return fail(WKV_EUNSUPPORTED, "%s: a state of %lld values, expected at most %d", path,
                    (long long)m->L * rwkv_layer_state(m), INT32_MAX);
    return 0;
}

int rwkv_init_from(rwkv *m, const tensors *t)
{
    *m = (rwkv){0};
    const file_tensor *emb = tensors_find(t, "emb.weight");
    if (!emb || emb->dims != 2)
        return fail(WKV_EFORMAT, "%s: no emb.weight of two axes; the file is not an RWKV model", tensors_path(t));
    int dim[DIMS] = {1}, err;
    int64_t L = count_layers(t);
    if ((err = check_layers(t, L))) return err;
    if (tensor_axis(emb, 0) < 1 || tensor_axis(emb, 0) > 1 << 24 || tensor_axis(emb, 1) < 2 ||
        tensor_axis(emb, 1) > 1 << 20)
        return fail(WKV_EFORMAT, "%s: emb.weight is %lld x %lld, not a possible vocabulary x width", tensors_path(t),
                    (long long)tensor_axis(emb, 0), (long long)tensor_axis(emb, 1));
    dim[D_V] = (int)tensor_axis(emb, 0);
    dim[D_C] = (int)tensor_axis(emb, 1);
    int i = 0;
    while (!archs[i]->detect(t, (int)L, dim[D_C])) i++; /* the last takes all */
    read_sizes(archs[i], t, (int)L, dim);
    if ((err = rwkv_init(m, archs[i], (int)L, dim))) return err;
    m->group_eps = (real)tensors_number(t, "group_norm_eps", 64e-5);
    if ((err = check_sizes(m, t))) rwkv_release(m);
    return err;
}
