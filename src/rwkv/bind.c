/* bind.c - from named tensors to a model.
 *
 * Big matrices point into the file's mapping, in any orientation. Vectors are read into one block of reals. The
 * slot tables of rwkvN.c list the tensors of a model; an error names the one that is missing or has another shape. */
#include <tgmath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/number.h"
#include "rwkv/overlay.h"
#include "rwkv/sizes.h"
#include "base/platform/pages.h"

/* ---- values ------------------------------------------------------------------------------------------------------ */

real *bind_alloc(binder *b, size_t n)
{
    real *p = b->m->owned ? b->m->owned + b->used : NULL;
    b->used += (n + 15) / 16 * 16;
    return p;
}

int bind_reals(const binder *b, const file_tensor *f, real *to, size_t capacity)
{
#ifdef WKV_DOUBLE
    float *x = malloc(capacity * sizeof *x);
    if (!x) return fail(WKV_ENOMEM, "%s: no memory for the %zu values of %s", tensors_path(b->t), capacity, f->name);
    int err = tensor_read(f, x, (int64_t)capacity);
    for (size_t i = 0; !err && i < capacity; i++) to[i] = x[i];
    free(x);
#else
    int err = tensor_read(f, to, (int64_t)capacity);
#endif
    tensors_expect(b->t, SMALL_READS);
    return err;
}

const char *shape_text(const file_tensor *f, char s[SHAPE_TEXT])
{
    const size_t room = SHAPE_TEXT;
    size_t n = (size_t)snprintf(s, room, "[");
    for (int i = 0; i < f->dims && n < room; i++)
        n += (size_t)snprintf(s + n, room - n, "%s%lld", i ? ", " : "", (long long)tensor_axis(f, i));
    if (n < room) snprintf(s + n, room - n, "]");
    return s;
}

int bind_check_type(const tensors *t, const file_tensor *f)
{
    if (tensor_is_weight(f)) return 0;
    return fail(
        WKV_EUNSUPPORTED,
        "%s: %s is of type %s, expected floating-point numbers or blocks of a GGUF; if another program quantized "
        "the model, open the checkpoint that it was made from",
        tensors_path_of(t, f), f->name, dtypes[f->type].name);
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

/* Whether the operations can read a matrix in place: rows of one weight type, of full blocks, or a transposed view
 * (strides [1, rows]), of the other orientation. */
static int in_place(const file_tensor *f, int transposed_view)
{
    if (f->holds != AS_IS) return 0;
    if (f->contiguous) return f->shape[f->dims - 1] % dtypes[f->type].values == 0;
    return transposed_view;
}

static int bind_matrix(binder *b, tensor *to, const slot *s, const file_tensor *f, int rows, int cols)
{
    int view = !f->contiguous && f->dims == 2 && f->stride[0] == 1 && f->stride[1] == f->shape[0];
    int flipped = f->transposed != view; /* against the official orientation */
    int input_rows = flipped != layout_is_input_major(official_layout(s));
    to->layout = layout_is_row_major(f->layout) && input_rows ? LAYOUT_INPUT_MAJOR : f->layout;
    to->scale = f->scale == 1 ? 0 : f->scale;
    int lookup = (s->flags & SLOT_TABLE) != 0;                        /* devices read one token's row */
    int has_kernel = layout_is_input_major(to->layout) == input_rows; /* no kernel reads interleaved inputs */
    int in_parts = !(s->flags & SLOT_5) || (f->dims == 3 && tensor_axis(f, 0) == 5);
    if (in_place(f, view) && in_parts && has_kernel && (!lookup || layout_is_row_major(to->layout))) {
        /* five matrices one after another ([5, R0, C]) are transposed one by one */
        int parts = s->flags & SLOT_5 ? 5 : 1;
        to->rows = flipped ? cols * parts : rows;
        to->cols = flipped ? rows / parts : cols;
        to->type = f->type;
        to->data = (void *)f->data;
        return 0;
    }
    *to = (tensor){.rows = rows, .cols = cols, .type = REAL, .layout = official_layout(s)};
    to->data = bind_alloc(b, (size_t)rows * (size_t)cols);
    return to->data ? bind_reals(b, f, to->data, (size_t)rows * (size_t)cols) : 0;
}

const file_tensor *rwkv_stored(const tensors *t, const char *name, const slot *s, int layer, int *as_exp)
{
    const file_tensor *f = tensors_find(t, name);
    *as_exp = 0;
    if (!f && s->logarithm) *as_exp = (f = layer_find(t, layer, s->logarithm)) != NULL;
    if (!f && strcmp(name, "head.weight") == 0) f = tensors_find(t, "emb.weight"); /* tied, as some HF files have it */
    return f;
}

/* Only [5, R0, C] is several matrices; in any other shape all axes before the last two are 1. */
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
    if (!f)
        return fail(WKV_EFORMAT, "%s: %s is missing; an RWKV-%s of %d layers has it", tensors_path(b->t), name,
                    b->m->arch->version, b->m->L);

    int rows = dim[s->rows], cols = dim[s->cols], err = bind_check_type(b->t, f);
    char shape[SHAPE_TEXT];
    if (err) return err;
    if (rows < 1 || cols < 1)
        return fail(WKV_EFORMAT, "%s: %s is %s, expected axes of at least 1", tensors_path_of(b->t, f), name,
                    shape_text(f, shape));
    if (!(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK))) {
        if (tensor_values(f) != (int64_t)rows * cols)
            return fail(WKV_EFORMAT, "%s: %s is %s, expected %d values", tensors_path_of(b->t, f), name,
                        shape_text(f, shape), rows * cols);
        *to = (tensor){.rows = 1, .cols = rows * cols, .type = REAL};
        to->data = bind_alloc(b, (size_t)(rows * cols));
        if (to->data) err = bind_reals(b, f, to->data, (size_t)(rows * cols));
        for (int i = 0; to->data && !err && as_exp && i < rows * cols; i++) reals(to)[i] = exp(reals(to)[i]);
        return err;
    }
    int64_t n = axis_from_last(f, 0);
    if (!is_matrix(f, s) || n != cols || tensor_values(f) != (int64_t)rows * cols)
        return fail(WKV_EFORMAT, "%s: %s is %s, expected %d x %d", tensors_path_of(b->t, f), name, shape_text(f, shape),
                    rows, cols);
    err = bind_matrix(b, to, s, f, rows, cols);
    return err ? err : bind_adapter(b, to, name, s, layer);
}

/* ---- the model --------------------------------------------------------------------------------------------------- */

int rwkv_bind(rwkv *m, const tensors *t, float alpha)
{
    *m = (rwkv){0};
    int err = tensors_refuse(t);
    if (err || (err = rwkv_init_from(m, t))) return err;
    const char *told = tensors_meta(t, "lora_alpha");
    binder b = {.m = m, .t = t, .alpha = alpha > 0 || !told ? alpha : number_read_float(told, NULL)};
    if ((err = rwkv_each(m, bind_one, &b))) goto failed; /* shapes are checked, sizes counted */
    if ((err = bind_state(&b))) goto failed;
    m->owned_reals = b.used;
    size_t available = memory_available();
    if (b.used * sizeof(real) > available) {
        err = fail(WKV_ENOMEM, "%s: its small tensors need %.2f GB of memory, and %.2f GB are available",
                   tensors_path(t), (double)(b.used * sizeof(real)) * 1e-9, (double)available * 1e-9);
        goto failed;
    }
    if (!(m->owned = aligned_new(64, (b.used + 16) * sizeof(real)))) {
        err = fail(WKV_ENOMEM, "%s: no memory for %zu MiB of small tensors", tensors_path(t),
                   b.used * sizeof(real) >> 20);
        goto failed;
    }
    b.used = 0;
    if (!(err = rwkv_each(m, bind_one, &b)) && !(err = bind_state(&b))) return 0;
failed:
    rwkv_release(m);
    return err;
}
