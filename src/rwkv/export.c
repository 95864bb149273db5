/* export.c - from a bound model back to named tensors: official shapes, and their transformation by a naming. */
#include "rwkv/export.h"
#include "base/error.h"
#include "rwkv/bind.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int official_shape(const rwkv *m, const slot *s, int64_t shape[MAX_DIMS])
{
    int rows = m->dim[s->rows], cols = m->dim[s->cols], dims = 0;
    if (s->flags & SLOT_111) shape[dims++] = 1;
    if (s->flags & SLOT_5) {
        shape[dims++] = 5;
        shape[dims++] = rows / 5;
    } else if (s->rows != D_1 || s->flags & SLOT_111)
        shape[dims++] = rows;
    shape[dims++] = cols;
    return dims;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* Transpose n values, matrices of rows x cols. */
static int turn(float *x, int64_t n, int64_t rows, int64_t cols)
{
    float *copy = malloc((size_t)n * sizeof *copy);
    if (!copy) return fail(WKV_ENOMEM, "no memory to transpose %lld values", (long long)n);
    memcpy(copy, x, (size_t)n * sizeof *copy);
    for (int64_t at = 0; at < n; at += rows * cols)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++) x[at + j * rows + i] = copy[at + i * cols + j];
    free(copy);
    return WKV_OK;
}

/* Row o of B A, summed in double; MiSS: b's column o, repeated for each shard. */
static void adapter_row(const adapter *low, int o, double *row, int in)
{
    const tensor *a = &low->a, *b = &low->b;
    int by_input = layout_is_input_major(a->layout), rank = weight_in(b);
    if (!a->rows) {
        for (int i = 0; i < in; i++) row[i] = (double)reals(b)[(size_t)(i % rank) * (size_t)b->cols + (size_t)o];
        return;
    }
    memset(row, 0, (size_t)in * sizeof *row);
    for (int r = 0; r < rank; r++) {
        double x = (double)reals(b)[(size_t)o * (size_t)rank + (size_t)r] * (double)b->scale;
        const real *from = reals(a) + (by_input ? (size_t)r : (size_t)r * (size_t)in);
        for (int i = 0; i < in; i++) row[i] += x * (double)from[by_input ? (size_t)i * (size_t)rank : (size_t)i];
    }
}

/* Add a weight's adapter to its values in the official orientation; SLOT_LOW_RANK weights are transposed. */
static int add_adapter(const source *s, const adapter *low, float *w)
{
    int in = weight_in(s->weight), out = weight_out(s->weight);
    double *row = malloc((size_t)in * sizeof *row);
    if (!row) return fail(WKV_ENOMEM, "no memory to add an adapter");
    for (int o = 0; o < out; o++) {
        adapter_row(low, o, row, in);
        for (int i = 0; i < in; i++) {
            float *to = &w[s->slot->flags & SLOT_LOW_RANK ? (size_t)i * (size_t)out + (size_t)o
                                                          : (size_t)o * (size_t)in + (size_t)i];
            *to = (float)((double)*to + row[i]);
        }
    }
    free(row);
    return WKV_OK;
}

static int values(const tensor_out *t, float *out)
{
    const source *s = t->from;
    exporter *x = s->of;
    int64_t n = tensor_out_values(t), part = n / s->form.parts;
    if (x->report && x->report(x->user, x->done, x->total)) return fail(WKV_ESTOPPED, "stopped");
    x->done += (double)n;
    for (int i = 0; i < s->form.parts; i++) {
        int err = tensor_read(s->from[i], out + i * part, part);
        if (err) return fail_prefix(err, "%s", tensors_path(x->file));
    }
    for (int64_t i = 0; s->as_exp && i < n / s->repeat; i++) out[i] = expf(out[i]);
    for (int64_t i = n; s->repeat > 1 && i-- > 0;) out[i] = out[i / s->repeat];
    for (const adapter *low = s->weight ? s->weight->adapter : NULL; low; low = low->next) {
        int err = add_adapter(s, low, out);
        if (err) return err;
    }
    if (!s->form.swapped) return WKV_OK;
    return turn(out, n, t->shape[t->dims - 1], t->shape[t->dims - 2]); /* the shape is that of the file */
}

dtype export_type(const source *s)
{
    const file_tensor *f = s->from[0];
    int exact = f->type <= BF16 && f->holds == AS_IS && f->scale == 1 && !s->as_exp;
    for (int i = 1; i < s->form.parts; i++) exact &= s->from[i]->type == f->type;
    return exact ? f->type : F32;
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

/* A new source, with capacity for it in both lists; NULL: no memory. */
static source *next_source(exporter *x)
{
    tensor_out *out = realloc(x->out, (size_t)(x->count + 1) * sizeof *out);
    if (out) x->out = out;
    source **how = realloc(x->how, (size_t)(x->count + 1) * sizeof *how);
    if (how) x->how = how;
    return out && how ? calloc(1, sizeof(source)) : NULL;
}

/* The source of the fused tensor that this tensor is a part of; its first part was listed before. */
static source *find_fused(const exporter *x, const stored_form *form)
{
    for (int i = x->count - 1; i >= 0; i--) {
        if (!strcmp(x->out[i].name, form->name)) return x->how[i];
    }
    CHECK(!"a fused tensor begins with its first part");
    return NULL;
}

/* Transform official axes to those of the file; returns their number. */
static int stored_shape(const exporter *x, const source *s, int dims, int64_t *shape)
{
    int64_t last = shape[dims - 1];
    if (s->form.flat) return *shape = shape[0] * last, 1;
    if (s->form.parts > 1) {
        memmove(shape + 1, shape, (size_t)dims * sizeof *shape);
        *shape = s->form.parts;
        return dims + 1;
    }
    if (s->form.swapped) {
        shape[dims - 1] = shape[dims - 2];
        shape[dims - 2] = last;
    }
    if (strcmp(x->naming, "llama.cpp") || !s->slot || !(s->slot->flags & SLOT_111)) return dims;
    return *shape = last, 1;
}

/* List official tensor `name` of the given official shape, as the naming stores it. */
static int export_add(exporter *x, const char *name, source s, int dims, const int64_t *shape)
{
    names_stored(&s.form, x->naming, x->m->arch->version, name);
    if (s.form.part > 0) {
        find_fused(x, &s.form)->from[s.form.part] = s.from[0];
        return WKV_OK;
    }
    source *own = next_source(x);
    if (!own) return fail(WKV_ENOMEM, "no memory for the list of tensors");
    *own = s;
    own->of = x;
    own->as_exp |= s.form.exp;
    tensor_out t = {.name = own->form.name, .type = F32, .values = values, .from = own};
    memcpy(t.shape, shape, (size_t)dims * sizeof *shape);
    t.dims = stored_shape(x, own, dims, t.shape);
    x->out[x->count] = t;
    x->how[x->count++] = own;
    x->total += (double)tensor_out_values(&t);
    return WKV_OK;
}

static int add_slot(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    exporter *x = user;
    source from = {.slot = s, .layer = layer, .repeat = 1, .weight = t};
    from.from[0] = rwkv_stored(x->file, name, s, layer, &from.as_exp);
    int64_t shape[MAX_DIMS];
    int dims = official_shape(x->m, s, shape);
    if (!strcmp(x->naming, "web-rwkv") && s->cols == D_H) { /* 5.1 is written as 5.2 */
        from.repeat = x->m->N;
        shape[dims++] = x->m->N;
    }
    int err = export_add(x, name, from, dims, shape);
    if (!err && !layer && !strcmp(x->naming, "llama.cpp") && s->stands_for) {
        char unused[64];
        snprintf(unused, sizeof unused, "blocks.0.%s", s->stands_for);
        err = export_add(x, unused, from, dims, shape);
    }
    return err;
}

/* The tuned initial state of every layer that has one. */
static int add_states(exporter *x)
{
    int err = WKV_OK;
    for (int l = 0; !err && x->m->state0 && l < x->m->L; l++) {
        char name[64];
        snprintf(name, sizeof name, "blocks.%d.att.time_state", l);
        source from = {.layer = l, .repeat = 1};
        from.from[0] = tensors_find(x->file, name);
        if (from.from[0] && tensor_values(from.from[0]) == (int64_t)x->m->C * x->m->N)
            err = export_add(x, name, from, 3, (const int64_t[]){x->m->H, x->m->N, x->m->N});
    }
    return err;
}

int export_list(exporter *x)
{
    x->out = NULL;
    x->how = NULL;
    x->count = 0;
    x->done = x->total = 0;
    int err = rwkv_each(x->m, add_slot, x);
    if (!err) err = add_states(x);
    if (err) export_release(x);
    return err;
}

void export_release(exporter *x)
{
    for (int i = 0; i < x->count; i++) free(x->how[i]);
    free(x->how);
    free(x->out);
    x->how = NULL;
    x->out = NULL;
    x->count = 0;
}
