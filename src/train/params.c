/* params.c - making a model of given sizes whose tensors lie in one block, and reading and writing its values. */
#include "train/params.h"
#include "rwkv/export.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- sizes ---------------------------------------------------------------------------------------------------------- */

/* max(32, c sqrt(C) rounded to a multiple of 32, halves to even): the official suggestion for v7's ranks */
static int rank7(int C, double c)
{
    double x = c * sqrt(C) / 32;
    int n = (int)rint(x) * 32; /* rint: to nearest, halves to even, as Python's round */
    return n > 32 ? n : 32;
}

void params_sizes(int sizes[DIMS], const arch *a, int width, int head_size, int ffn, int vocab)
{
    int narrow = a == &arch52 || a == &arch6; /* their gate takes the parameters that the ffn gives up */
    memset(sizes, 0, DIMS * sizeof *sizes);
    sizes[D_1] = 1;
    sizes[D_C] = width;
    sizes[D_V] = vocab;
    sizes[D_F] = ffn ? ffn : narrow ? width * 7 / 2 / 32 * 32 : 4 * width;
    if (a != &arch4) {
        sizes[D_N] = head_size;
        sizes[D_H] = width / head_size;
    }
    if (a == &arch6) {
        sizes[D_R0] = width < 4096 ? 32 : 64;
        sizes[D_R1] = width < 4096 ? 64 : 128;
        sizes[D_5R0] = 5 * sizes[D_R0];
    }
    if (a == &arch7) {
        sizes[D_R0] = sizes[D_R1] = rank7(width, 2.5);
        sizes[D_R2] = rank7(width, 1.7);
        sizes[D_R3] = rank7(width, 5);
    }
}

/* ---- the blocks ----------------------------------------------------------------------------------------------------- */

/* Shape one tensor (as in a bound model, what is no matrix is one row) and put it on the list. */
static int list_one(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    params *p = user;
    const rwkv *m = &p->model;
    param *list = realloc(p->list, (size_t)(p->count + 1) * sizeof *list);
    if (!list) return WKV_ENOMEM;
    p->list = list;
    int rows = m->dim[s->rows], cols = m->dim[s->cols], matrix = s->flags & (SLOT_MATRIX | SLOT_LOW_RANK);
    *t = (tensor){.rows = matrix ? rows : 1,
                  .cols = matrix ? cols : rows * cols,
                  .type = REAL,
                  .in_rows = (s->flags & SLOT_LOW_RANK) != 0};
    size_t n = (size_t)rows * (size_t)cols;
    param *q = &list[p->count++];
    *q = (param){.name = strdup(name), .t = t, .slot = s, .layer = layer, .at = p->n, .n = n, .lr_scale = 1};
    if (s->flags & SLOT_FAST2) q->lr_scale = 2;
    if (s->flags & SLOT_FAST3) q->lr_scale = 3;
    q->decays = (s->flags & SLOT_MATRIX) != 0;
    p->n += (n + 15) / 16 * 16; /* every tensor begins on a cache line; the gap stays zero */
    return q->name ? 0 : WKV_ENOMEM;
}

int params_make(params *p)
{
    p->values = calloc(4 * p->n, sizeof *p->values);
    p->sums = malloc((p->n / PIECE + 1) * sizeof *p->sums);
    if (!p->values || !p->sums)
        return fail(WKV_ENOMEM, "no memory for parameters, gradients and moments: %zu MiB", 4 * p->n * sizeof *p->values >> 20);
    p->grads = p->values + p->n;
    p->mean = p->grads + p->n;
    p->square = p->mean + p->n;
    for (int i = 0; i < p->count; i++) {
        tensor *t = p->list[i].t;
        t->data = p->values + p->list[i].at;
        t->grad = p->grads + p->list[i].at;
        t->wants = 1;
    }
    return 0;
}

int params_new(params *p, const arch *a, const int sizes[DIMS], int L)
{
    *p = (params){0};
    int err = rwkv_init(&p->model, a, L, sizes);
    if (err) return err;
    err = rwkv_each(&p->model, list_one, p);
    if (!err) err = params_make(p);
    if (err) params_release(p);
    return err;
}

void params_release(params *p)
{
    for (int i = 0; i < p->count; i++) free(p->list[i].name);
    free(p->list);
    free(p->values);
    free(p->sums);
    rwkv_release(&p->model);
    *p = (params){0};
}

/* ---- files ---------------------------------------------------------------------------------------------------------- */

static int read_values(params *p, const tensors *f)
{
    for (int i = 0; i < p->count; i++) {
        const param *q = &p->list[i];
        const file_tensor *from = tensors_find(f, q->name);
        if (!from || tensor_values(from) != (int64_t)q->n)
            return fail(WKV_EFORMAT, "%s: %s is missing or has another size than the model", tensors_path(f), q->name);
        tensor_read(from, reals(q->t));
    }
    return 0;
}

int params_load(params *p, const char *path)
{
    *p = (params){0};
    tensors *f;
    int err = tensors_open(&f, path);
    if (err) return err;
    rwkv m = {0};
    err = rwkv_bind(&m, f, 0);
    if (!err) {
        if (m.arch == &arch50 || m.arch == &arch51)
            err = fail(WKV_EUNSUPPORTED, "%s is version %s; 4, 5.2, 6 and 7 can be trained", path, m.arch->version);
        else
            err = params_new(p, m.arch, m.dim, m.L);
        if (!err) {
            p->model.group_eps = m.group_eps;
            err = read_values(p, f);
        }
        rwkv_release(&m);
    }
    tensors_close(f);
    return err;
}

static int give_values(const tensor_out *t, float *out)
{
    const param *q = t->from;
    memcpy(out, reals(q->t), q->n * sizeof *out);
    return 0;
}

int params_save(const params *p, const char *path, dtype type, const char *const *meta)
{
    tensor_out *out = calloc((size_t)p->count, sizeof *out);
    if (!out) return fail(WKV_ENOMEM, "no memory to write %s", path);
    for (int i = 0; i < p->count; i++) {
        const param *q = &p->list[i];
        out[i] = (tensor_out){.name = q->name, .type = type, .values = give_values, .from = q};
        out[i].dims = official_shape(&p->model, q->slot, out[i].shape);
    }
    int err = safetensors_write(path, out, p->count, meta);
    free(out);
    return err;
}
