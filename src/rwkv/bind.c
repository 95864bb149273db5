/* bind.c - from named tensors to a model: which version, which sizes, and every tensor in its place.
 *
 * Big matrices point into the file's mapping, whatever their orientation. Vectors are read into one block of reals. The
 * slot tables of rwkvN.c say what there must be; what is missing or has another shape is named. */
#include <tgmath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/number.h"
#include "rwkv/parts.h"

enum { NAME = 96 };

static const file_tensor *layer_find(const tensors *t, int layer, const char *name)
{
    char full[NAME];
    snprintf(full, sizeof full, "blocks.%d.%s", layer, name);
    return tensors_find(t, full);
}

/* ---- which version, which sizes (spec ARCHITECTURES 7.1) ----------------------------------------------------------------- */

/* the i-th axis, counted from the last, leaving out axes of size 1 in front: "[1, 1, C]" has axis 0 = C, axis 1 = 1 */
static int64_t axis_from_last(const file_tensor *f, int i) { return i < f->dims ? tensor_axis(f, f->dims - 1 - i) : 1; }

/* A size from a file, 64 bits wide there, as an int: 0 when it is none that a model can have. */
static int as_size(int64_t n) { return n > 0 && n < 1 << 30 ? (int)n : 0; }

static int axis(const tensors *t, int layer, const char *name, int from_last)
{
    const file_tensor *f = layer_find(t, layer, name);
    return f ? as_size(axis_from_last(f, from_last)) : 0;
}

/* Layers of the file: the greatest block number + 1, as the official program counts them, so that a gap is a missing
 * tensor. */
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

/* The number of layers that the metadata give, of a GGUF or in a folder's config.json; 0: they give none. */
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
                    "%s: holds no block, expected blocks.0.att.key.weight; the file is no RWKV language model", path);
    if (L > tensors_count(t))
        return fail(WKV_EFORMAT, "%s: names block %lld, but holds only %d tensors; layers are missing", path,
                    (long long)L - 1, tensors_count(t));
    if (expected > 0 && expected != (double)L)
        return fail(WKV_EFORMAT, "%s: holds %lld layers, expected the %g of its metadata; the file is incomplete", path,
                    (long long)L, expected);
    return 0;
}

/* n values as heads x head size; none when heads do not divide the width. */
static void set_heads(int64_t heads, int C, int *H, int *N)
{
    *H = heads > 0 && heads <= C && C % heads == 0 ? (int)heads : 0;
    *N = *H ? C / *H : 0;
}

/* heads x head size from a tensor of [H, N], or from its values and the head size in the file's metadata */
static void find_heads(const tensors *t, const file_tensor *f, int C, int *H, int *N)
{
    int64_t n = tensor_values(f), h = 0;
    for (int i = 0; i < f->dims && !h; i++)
        if (tensor_axis(f, i) > 1 && tensor_axis(f, i) < n) h = tensor_axis(f, i); /* the first real axis of several */
    if (f->dims >= 2 && tensor_axis(f, 0) == 1 && tensor_axis(f, 1) == n) h = 1;    /* one head: [1, N] */
    if (!h) {
        double size = tensors_number(t, "wkv.head_size", C);
        h = size >= 1 && size <= C ? (int64_t)(C / size) : 0;
    }
    set_heads(h, C, H, N);
}

/* A table of DeepEmbed in any layer: one that lacks its own is then named. */
static int has_deep_embed(const tensors *t, int L)
{
    int l = 0;
    while (l < L && !layer_find(t, l, "ffn.s_emb.weight")) l++;
    return l < L;
}

static const arch *detect(const tensors *t, int L, int C, int dim[DIMS])
{
    const arch *a = &arch4;
    const file_tensor *f;
    if ((f = layer_find(t, 0, "att.r_k"))) {
        a = has_deep_embed(t, L) ? &arch7a : &arch7;
        find_heads(t, f, C, &dim[D_H], &dim[D_N]);
        dim[D_R0] = axis(t, 0, "att.w1", 0);
        dim[D_R1] = axis(t, 0, "att.a1", 0);
        dim[D_R2] = L > 1 ? axis(t, 1, "att.v1", 0) : 1;
        dim[D_R3] = axis(t, 0, "att.g1", 0);
        dim[D_E] = axis(t, 0, "ffn.s1", 0);
        dim[D_EE] = axis(t, 0, "ffn.s_emb.weight", 0);
    } else if (layer_find(t, 0, "att.time_maa_x")) {
        a = &arch6;
        if ((f = layer_find(t, 0, "att.time_faaaa"))) find_heads(t, f, C, &dim[D_H], &dim[D_N]);
        dim[D_R0] = axis(t, 0, "att.time_maa_w1", 0) / 5;
        dim[D_R1] = axis(t, 0, "att.time_decay_w1", 0);
    } else if (layer_find(t, 0, "att.ln_x.weight")) {
        f = layer_find(t, 0, "att.time_decay");
        int64_t n = f ? tensor_values(f) : 0;
        if (layer_find(t, 0, "att.gate.weight")) a = n == C ? &arch52 : &arch51;
        else a = &arch50;
        if (a == &arch52) find_heads(t, f, C, &dim[D_H], &dim[D_N]);
        else set_heads(n, C, &dim[D_H], &dim[D_N]);
    }
    dim[D_5R0] = 5 * dim[D_R0];
    return a;
}

int rwkv_init(rwkv *m, const arch *a, int L, const int dim[DIMS])
{
    *m = (rwkv){.arch = a, .L = L, .C = dim[D_C], .V = dim[D_V], .F = dim[D_F], .H = dim[D_H], .N = dim[D_N], .group_eps = (real)64e-5};
    memcpy(m->dim, dim, sizeof m->dim);
    m->dim[D_1] = 1;
    m->layers = calloc((size_t)L, a->layer_size);
    return m->layers ? 0 : fail(WKV_ENOMEM, "no memory for %d layers", L);
}

void rwkv_release(rwkv *m)
{
    free(m->layers);
    free(m->owned);
    *m = (rwkv){0};
}

/* ---- every tensor with its name -------------------------------------------------------------------------------------------- */

#define OUTER(name, field, rows, cols, flags) {name, offsetof(rwkv, field), rows, cols, flags}
static const slot before[] = {
    OUTER("emb.weight", emb, D_V, D_C, SLOT_MATRIX | SLOT_TABLE),
    OUTER("blocks.0.ln0.weight", ln0_w, D_1, D_C, 0),
    OUTER("blocks.0.ln0.bias", ln0_b, D_1, D_C, 0),
};
static const slot after[] = {
    OUTER("ln_out.weight", ln_out_w, D_1, D_C, 0),
    OUTER("ln_out.bias", ln_out_b, D_1, D_C, 0),
    OUTER("head.weight", head, D_V, D_C, SLOT_MATRIX),
};

int rwkv_each(const rwkv *m, int (*fn)(void *user, const char *name, tensor *t, const slot *s, int layer), void *user)
{
    int e;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        if ((e = fn(user, before[i].name, (tensor *)((char *)m + before[i].at), &before[i], -1))) return e;
    for (int l = 0; l < m->L; l++)
        for (int i = 0; i < m->arch->n_slots; i++) {
            const slot *s = &m->arch->slots[i];
            char name[NAME];
            if (l == 0 && s->flags & SLOT_LATE) continue;
            snprintf(name, sizeof name, "blocks.%d.%s", l, s->name);
            if ((e = fn(user, name, (tensor *)((char *)rwkv_layer(m, l) + s->at), s, l))) return e;
        }
    for (size_t i = 0; i < sizeof after / sizeof *after; i++)
        if ((e = fn(user, after[i].name, (tensor *)((char *)m + after[i].at), &after[i], -1))) return e;
    return 0;
}

/* ---- binding ----------------------------------------------------------------------------------------------------------------- */

typedef struct {
    rwkv *m;
    const tensors *t;
    float alpha;
    size_t used; /* reals of the owned block given out; before it exists they are only counted */
} binder;

static real *owned(binder *b, size_t n)
{
    real *p = b->m->owned ? b->m->owned + b->used : NULL;
    b->used += (n + 15) / 16 * 16;
    return p;
}

/* Read a small tensor as reals, in official order; `to` has room for `capacity`. WKV_EFORMAT, WKV_ENOMEM. */
static int read_reals(const binder *b, const file_tensor *f, real *to, size_t capacity)
{
#ifdef WKV_DOUBLE
    float *x = malloc(capacity * sizeof *x);
    if (!x) return fail(WKV_ENOMEM, "%s: no memory for the %zu values of %s", tensors_path(b->t), capacity, f->name);
    int e = tensor_read(f, x, (int64_t)capacity);
    for (size_t i = 0; !e && i < capacity; i++) to[i] = x[i];
    free(x);
#else
    int e = tensor_read(f, to, (int64_t)capacity);
#endif
    tensors_expect(b->t, 0);
    return e;
}

/* "[1, 1, 768]" */
static const char *shape_text(const file_tensor *f, char *s, size_t room)
{
    size_t n = (size_t)snprintf(s, room, "[");
    for (int i = 0; i < f->dims && n < room; i++) n += (size_t)snprintf(s + n, room - n, "%s%lld", i ? ", " : "", (long long)tensor_axis(f, i));
    if (n < room) snprintf(s + n, room - n, "]");
    return s;
}

/* Integers are weights only with the scales of the program that quantized them, which are stored elsewhere. */
static int check_type(const tensors *t, const file_tensor *f)
{
    if (tensor_is_weight(f)) return 0;
    return fail(
        WKV_EUNSUPPORTED,
        "%s: %s is of type %s, expected floating-point numbers or blocks of a GGUF; if another program quantized "
        "the model, open the checkpoint that it was made from",
        tensors_path_of(t, f), f->name, dtypes[f->type].name);
}

/* A matrix the operations can read where it lies: rows of one weight type, whole blocks a row. A transposed view (strides
 * [1, rows]) is one too, of the other orientation. */
static int in_place(const file_tensor *f, int transposed_view)
{
    if (f->holds != AS_IS) return 0;
    if (f->contiguous) return f->shape[f->dims - 1] % dtypes[f->type].values == 0;
    return transposed_view;
}

static int bind_matrix(binder *b, tensor *to, const slot *s, const file_tensor *f, int rows, int cols)
{
    int view = !f->contiguous && f->dims == 2 && f->stride[0] == 1 && f->stride[1] == f->shape[0];
    int flipped = f->transposed != view; /* how it lies against the official orientation */
    to->in_rows = s->flags & SLOT_LOW_RANK ? !flipped : flipped;
    to->by_unit = f->by_unit;
    to->panels = f->panels;
    to->scale = f->scale == 1 ? 0 : f->scale;
    int lookup = (s->flags & SLOT_TABLE) != 0; /* a row is one token's vector, in either device */
    int rows_needed = to->in_rows || s->flags & SLOT_5 || lookup;
    int in_parts = !(s->flags & SLOT_5) || (f->dims == 3 && tensor_axis(f, 0) == 5);
    if (in_place(f, view) && in_parts && !(f->panels && rows_needed) && !(lookup && to->in_rows)) {
        /* five matrices one after another ([5, R0, C]) are turned one by one */
        int parts = s->flags & SLOT_5 ? 5 : 1;
        to->rows = flipped ? cols * parts : rows;
        to->cols = flipped ? rows / parts : cols;
        to->type = f->type;
        to->data = (void *)f->data;
        return 0;
    }
    *to = (tensor){.rows = rows, .cols = cols, .type = REAL, .in_rows = s->flags & SLOT_LOW_RANK ? 1 : 0};
    to->data = owned(b, (size_t)rows * (size_t)cols);
    return to->data ? read_reals(b, f, to->data, (size_t)rows * (size_t)cols) : 0;
}

/* Half of the adapter of `weight`: its name without ".weight", and the ending. */
static const file_tensor *find_half(const tensors *t, const char *weight, const char *ending)
{
    size_t n = strlen(weight), cut = strlen(".weight");
    char full[NAME + 8];
    if (n > cut && !strcmp(weight + n - cut, ".weight")) n -= cut;
    snprintf(full, sizeof full, "%.*s%s", (int)n, weight, ending);
    return tensors_find(t, full);
}

static int bind_half(binder *b, tensor *to, const file_tensor *f, int rows, int cols, int in_rows)
{
    *to = (tensor){.rows = rows, .cols = cols, .type = REAL, .in_rows = in_rows};
    to->data = owned(b, (size_t)rows * (size_t)cols);
    return to->data ? read_reals(b, f, to->data, (size_t)rows * (size_t)cols) : 0;
}

/* lora_A [rank, in] and lora_B [out, rank]; as web-rwkv has them, lora.0 [in, rank] and lora.1 [out, rank] */
static int bind_adapter(binder *b, tensor *w, const char *name, const slot *s, int layer)
{
    const file_tensor *A = find_half(b->t, name, ".lora_A"), *B = find_half(b->t, name, ".lora_B");
    const file_tensor *web = find_half(b->t, name, ".lora.0");
    if (!A && !B && web) B = find_half(b->t, name, ".lora.1");
    if (!A) A = web;
    if (!A && !B) return 0;
    const char *path = tensors_path_of(b->t, A ? A : B);
    if (!A || !B) return fail(WKV_EFORMAT, "%s: of the adapter of %s there is only one half", path, name);
    int e = check_type(b->t, A);
    if (e || (e = check_type(b->t, B))) return e;
    if (layer < 0 || s->flags & (SLOT_5 | SLOT_TABLE))
        return fail(WKV_EUNSUPPORTED, "%s: an adapter of %s, which can have none here", path, name);
    int in = weight_in(w), out = weight_out(w), turned = A == web;
    int64_t rank = axis_from_last(B, 0);
    if (A->dims != 2 || B->dims != 2 || rank < 1 || rank > 1 << 16 || tensor_axis(B, 0) != out ||
        tensor_axis(A, turned) != rank || tensor_axis(A, !turned) != in)
        return fail(WKV_EFORMAT, "%s: the adapter of %s is %lld x %lld and %lld x %lld, expected rank x %d and %d x rank", path, name,
                    (long long)tensor_axis(A, 0), (long long)tensor_axis(A, 1), (long long)tensor_axis(B, 0),
                    (long long)tensor_axis(B, 1), in, out);
    if (!(b->alpha > 0) || !isfinite(b->alpha))
        return fail(WKV_EARG, "%s: the adapter does not say its alpha, so it must be given (RWKV-PEFT's own is 32)", path);
    adapter *low = (adapter *)owned(b, (sizeof *low + sizeof(real) - 1) / sizeof(real));
    tensor a, c;
    int r = (int)rank;
    e = turned ? bind_half(b, &a, A, in, r, 1) : bind_half(b, &a, A, r, in, 0);
    if (!e) e = bind_half(b, &c, B, out, r, 0);
    if (e || !low) return e;
    c.scale = b->alpha / (float)rank;
    *low = (adapter){a, c};
    w->adapter = low;
    return 0;
}

const file_tensor *rwkv_stored(const tensors *t, const char *name, const slot *s, int layer, int *as_exp)
{
    const file_tensor *f = tensors_find(t, name);
    *as_exp = 0;
    if (!f && strcmp(s->name, "att.time_faaaa") == 0) *as_exp = (f = layer_find(t, layer, "att.time_first")) != NULL;
    if (!f && strcmp(name, "head.weight") == 0) f = tensors_find(t, "emb.weight"); /* tied, as some HF files have it */
    return f;
}

/* Only [5, R0, C] is several matrices; of any other all axes in front of the last two are 1. */
static int is_matrix(const file_tensor *f, const slot *s)
{
    int64_t matrices = 1;
    for (int i = 0; i < f->dims - 2; i++) matrices *= tensor_axis(f, i);
    return f->dims >= 2 && (matrices == 1 || s->flags & SLOT_5);
}

static int bind_one(void *user, const char *name, tensor *to, const slot *s, int layer)
{
    binder *b = user;
    const int *dim = b->m->dim;
    int as_exp;
    const file_tensor *f = rwkv_stored(b->t, name, s, layer, &as_exp);
    if (!f) return fail(WKV_EFORMAT, "%s: %s is missing; an RWKV-%s of %d layers has it", tensors_path(b->t), name, b->m->arch->version, b->m->L);

    int rows = dim[s->rows], cols = dim[s->cols], e = check_type(b->t, f);
    char shape[128];
    if (e) return e;
    if (rows < 1 || cols < 1)
        return fail(WKV_EFORMAT, "%s: %s is %s, which leaves nothing to compute", tensors_path_of(b->t, f), name,
                    shape_text(f, shape, sizeof shape));
    if (!(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK))) {
        if (tensor_values(f) != (int64_t)rows * cols)
            return fail(WKV_EFORMAT, "%s: %s is %s, expected %d values", tensors_path_of(b->t, f), name,
                        shape_text(f, shape, sizeof shape), rows * cols);
        *to = (tensor){.rows = 1, .cols = rows * cols, .type = REAL};
        to->data = owned(b, (size_t)(rows * cols));
        if (to->data) e = read_reals(b, f, to->data, (size_t)(rows * cols));
        for (int i = 0; to->data && !e && as_exp && i < rows * cols; i++) reals(to)[i] = exp(reals(to)[i]);
        return e;
    }
    int64_t n = axis_from_last(f, 0);
    if (!is_matrix(f, s) || n != cols || tensor_values(f) != (int64_t)rows * cols)
        return fail(WKV_EFORMAT, "%s: %s is %s, expected %d x %d", tensors_path_of(b->t, f), name,
                    shape_text(f, shape, sizeof shape), rows, cols);
    e = bind_matrix(b, to, s, f, rows, cols);
    return e ? e : bind_adapter(b, to, name, s, layer);
}

/* The initial state of a layer; NULL, with a sentence in wkv_error, where it is missing or of another size. `path`: the
 * file of the others. */
static const file_tensor *find_state(const binder *b, int layer, const char *path)
{
    const rwkv *m = b->m;
    const file_tensor *f = layer_find(b->t, layer, "att.time_state");
    char shape[128];
    if (!f)
        fail(WKV_EFORMAT, "%s: blocks.%d.att.time_state is missing; a tuned state has one for each of %d layers", path,
             layer, m->L);
    else if (tensor_values(f) != (int64_t)m->C * m->N)
        fail(WKV_EFORMAT, "%s: %s is %s, expected %d x %d x %d", tensors_path_of(b->t, f), f->name,
             shape_text(f, shape, sizeof shape), m->H, m->N, m->N);
    else if (!check_type(b->t, f)) return f;
    return NULL;
}

/* The file that holds initial states; NULL: there are none. */
static const char *file_of_states(const binder *b)
{
    for (int l = 0; l < b->m->L && b->m->H; l++) {
        const file_tensor *f = layer_find(b->t, l, "att.time_state");
        if (f) return tensors_path_of(b->t, f);
    }
    return NULL;
}

/* blocks.N.att.time_state [H][value][key], a tuned initial state that some files carry, into our [H][key][value] */
static int bind_state(binder *b)
{
    rwkv *m = b->m;
    int H = m->H, N = m->N, CN = m->C * N;
    const char *path = file_of_states(b);
    if (!path) return 0;
    for (int l = 0; l < m->L; l++)
        if (!find_state(b, l, path)) return WKV_EFORMAT;
    real *all = owned(b, (size_t)rwkv_state_len(m)), *S = owned(b, (size_t)CN);
    if (!all) return 0;
    m->state0 = NULL; /* rwkv_state_init must not copy it from itself */
    rwkv_state_init(m, all);
    for (int l = 0; l < m->L; l++) {
        int e = read_reals(b, find_state(b, l, path), S, (size_t)CN);
        if (e) return e;
        real *to = all + (size_t)l * (size_t)rwkv_layer_state(m) + m->C;
        for (int h = 0; h < H; h++)
            for (int i = 0; i < N; i++)
                for (int j = 0; j < N; j++) to[(h * N + i) * N + j] = S[(h * N + j) * N + i];
    }
    m->state0 = all;
    return 0;
}

static int check_sizes(const tensors *t, const rwkv *m)
{
    const char *path = tensors_path(t);
    if (m->arch != &arch4) {
        if (m->H < 1 || m->N < 1 || m->H * m->N != m->C)
            return fail(WKV_EFORMAT, "%s: its heads do not divide a width of %d", path, m->C);
        if (m->N > 1024) return fail(WKV_EUNSUPPORTED, "%s: heads of %d channels; at most 1024 are run", path, m->N);
    }
    const file_tensor *key = layer_find(t, 0, "att.key.weight");
    if (key && axis_from_last(key, 1) != m->C)
        return fail(WKV_EUNSUPPORTED, "%s: attention width %lld differs from the width %d, which no released RWKV has",
                    path, (long long)axis_from_last(key, 1), m->C);
    if (m->arch == &arch7a && m->dim[D_EE] && (int64_t)m->dim[D_E] * m->dim[D_E] != m->dim[D_EE])
        return fail(WKV_EFORMAT,
                    "%s: blocks.0.ffn.s_emb.weight has rows of %d values, expected the square of the %d columns of "
                    "blocks.0.ffn.s1",
                    path, m->dim[D_EE], m->dim[D_E]);
    if (m->F < 1) return fail(WKV_EFORMAT, "%s: blocks.0.ffn.key.weight is missing", path);
    if ((int64_t)m->L * rwkv_layer_state(m) > INT32_MAX)
        return fail(WKV_EUNSUPPORTED, "%s: a state of %lld values; at most %d are run", path, (long long)m->L * rwkv_layer_state(m), INT32_MAX);
    return 0;
}

int rwkv_bind(rwkv *m, const tensors *t, float alpha)
{
    *m = (rwkv){0};
    int e = tensors_refuse(t);
    if (e) return e;
    const file_tensor *emb = tensors_find(t, "emb.weight");
    if (!emb || emb->dims != 2) return fail(WKV_EFORMAT, "%s: no emb.weight of two axes, so this is no RWKV language model", tensors_path(t));
    int dim[DIMS] = {1};
    int64_t L = count_layers(t);
    if ((e = check_layers(t, L))) return e;
    if (tensor_axis(emb, 0) < 1 || tensor_axis(emb, 0) > 1 << 24 || tensor_axis(emb, 1) < 2 || tensor_axis(emb, 1) > 1 << 20)
        return fail(WKV_EFORMAT, "%s: emb.weight is %lld x %lld, which is no vocabulary x width", tensors_path(t),
                    (long long)tensor_axis(emb, 0), (long long)tensor_axis(emb, 1));
    dim[D_V] = (int)tensor_axis(emb, 0);
    dim[D_C] = (int)tensor_axis(emb, 1);
    dim[D_F] = axis(t, 0, "ffn.key.weight", 1);
    const arch *a = detect(t, (int)L, dim[D_C], dim);
    if ((e = rwkv_init(m, a, (int)L, dim))) return e;
    m->group_eps = (real)tensors_number(t, "group_norm_eps", 64e-5);

    const char *told = tensors_meta(t, "lora_alpha");
    binder b = {.m = m, .t = t, .alpha = alpha > 0 || !told ? alpha : number_read_float(told, NULL)};
    if ((e = check_sizes(t, m)) || (e = rwkv_each(m, bind_one, &b))) goto failed; /* shapes are checked, sizes counted */
    if ((e = bind_state(&b))) goto failed;
    m->owned_reals = b.used;
    size_t available = memory_available();
    if (b.used * sizeof(real) > available) {
        e = fail(WKV_ENOMEM, "%s: its small tensors need %.2f GB of memory, and %.2f GB are available", tensors_path(t),
                 (double)(b.used * sizeof(real)) * 1e-9, (double)available * 1e-9);
        goto failed;
    }
    if (posix_memalign((void **)&m->owned, 64, (b.used + 16) * sizeof(real))) {
        m->owned = NULL;
        e = fail(WKV_ENOMEM, "%s: no memory for %zu MiB of small tensors", tensors_path(t), b.used * sizeof(real) >> 20);
        goto failed;
    }
    b.used = 0;
    if (!(e = rwkv_each(m, bind_one, &b)) && !(e = bind_state(&b))) return 0;
failed:
    rwkv_release(m);
    return e;
}

/* ---- what is laid over a model ----------------------------------------------------------------------------------------------- */

/* The weight's name begins like `name` up to one of the endings of adapters, or is the name itself. */
static int is_of(void *user, const char *weight, tensor *t, const slot *s, int layer)
{
    (void)t, (void)s, (void)layer;
    static const char *const endings[] = {".lora_A", ".lora_B", ".lora.0", ".lora.1"};
    const char *name = user;
    size_t n = strlen(weight), cut = strlen(".weight");
    if (!strcmp(name, weight)) return 1;
    if (n > cut && !strcmp(weight + n - cut, ".weight")) n -= cut;
    if (strncmp(name, weight, n)) return 0;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (!strcmp(name + n, endings[i])) return 1;
    return 0;
}

static int is_state(const rwkv *m, const file_tensor *f)
{
    int layer = -1, end = 0;
    return sscanf(f->name, "blocks.%d.att.time_state%n", &layer, &end) == 1 && end && !f->name[end] && layer >= 0 && layer < m->L && m->H &&
           tensor_values(f) == (int64_t)m->C * m->N;
}

int rwkv_fits(const rwkv *m, const tensors *over)
{
    const file_tensor *f;
    for (int i = 0; (f = tensors_at(over, i)); i++) {
        char shape[128];
        if (is_state(m, f) || rwkv_each(m, is_of, (void *)f->name)) continue;
        return fail(WKV_EUNSUPPORTED, "%s: holds %s, %s, for which an RWKV-%s of %d layers, %d channels and %d heads has no place",
                    tensors_path(over), f->name, shape_text(f, shape, sizeof shape), m->arch->version, m->L, m->C, m->H);
    }
    return 0;
}
