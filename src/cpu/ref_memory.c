/* ref_memory.c - entries that move values: copies, rows of tables, token shift, states, dropout. */
#include "cpu/ref.h"
#include "ops/drop.h"
#include <string.h>

void ref_fill(device *d, const fill_args *a)
{
    (void)d;
    if (a->value == 0)
        memset(a->x, 0, a->n * sizeof *a->x);
    else
        for (size_t i = 0; i < a->n; i++) a->x[i] = a->value;
}

void ref_copy(device *d, const copy_args *a)
{
    (void)d;
    real *to = a->to;
    const real *from = a->from;
    for (int t = 0; t < a->rows; t++, to += a->to_stride, from += a->from_stride)
        if (!a->add)
            memcpy(to, from, a->cols * sizeof *to);
        else
            for (size_t i = 0; i < a->cols; i++) to[i] += from[i];
}

static void transfer(const transfer_args *a) { memcpy(a->to, a->from, a->n * sizeof *a->to); }

void ref_to_host(device *d, const transfer_args *a)
{
    (void)d;
    transfer(a);
}

void ref_from_host(device *d, const transfer_args *a)
{
    (void)d;
    transfer(a);
}

void ref_gather(device *d, const gather_args *a)
{
    (void)d;
    const int C = a->w->cols;
    int64_t row = dtype_bytes((dtype)a->w->type, C);
    for (int t = 0; t < a->T; t++) {
        const char *from = (const char *)a->w->data + row * a->ids[t];
        real *to = a->y + (size_t)t * (size_t)C;
        if (a->w->type == REAL)
            memcpy(to, from, (size_t)row);
        else {
            float *f = scratch_own((size_t)C * sizeof *f);
            dtype_decode((dtype)a->w->type, from, f, C);
            for (int i = 0; i < C; i++) to[i] = f[i];
        }
    }
}

void ref_gather_back(device *d, const gather_args *a)
{
    (void)d;
    size_t C = (size_t)a->w->cols;
    for (int t = 0; t < a->T; t++)
        for (size_t i = 0; i < C; i++) a->dw[(size_t)a->ids[t] * C + i] += a->dy[(size_t)t * C + i];
}

void ref_shift(device *d, const shift_args *a)
{
    (void)d;
    size_t C = (size_t)a->C;
    for (int s = 0; s < a->batch->n_spans; s++) {
        const span *sp = &a->batch->spans[s];
        const real *from = a->x + (size_t)sp->row * C;
        real *to = a->y + (size_t)sp->row * C, *state = sp->state + a->at;
        size_t n = ((size_t)sp->len - 1) * C;
        memcpy(to, state, C * sizeof(real));
        memcpy(to + C, from, n * sizeof(real));
        memcpy(state, from + n, C * sizeof(real));
    }
}

void ref_shift_back(device *d, const shift_args *a)
{
    (void)d;
    size_t C = (size_t)a->C;
    for (int s = 0; s < a->batch->n_spans; s++) {
        const span *sp = &a->batch->spans[s];
        size_t first = (size_t)sp->row * C, n = ((size_t)sp->len - 1) * C;
        if (a->dx)
            for (size_t i = 0; i < n; i++) a->dx[first + i] += a->dy[first + C + i];
        if (!sp->dstate) continue;
        real *ds = sp->dstate + a->at;
        for (size_t i = 0; i < C; i++) {
            if (a->dx) a->dx[first + n + i] += ds[i]; /* the last row was the new state */
            ds[i] = a->dy[first + i];                 /* the first row read the state   */
        }
    }
}

void ref_states_save(device *d, const states_args *a)
{
    (void)d;
    for (int i = 0; i < a->batch->n_spans; i++)
        memcpy(a->kept + (size_t)i * (size_t)a->len, a->batch->spans[i].state + a->at, (size_t)a->len * sizeof(real));
}

void ref_states_restore(device *d, const states_args *a)
{
    (void)d;
    for (int i = 0; i < a->batch->n_spans; i++)
        memcpy(a->batch->spans[i].state + a->at, a->kept + (size_t)i * (size_t)a->len, (size_t)a->len * sizeof(real));
}

void ref_drop(device *d, const drop_args *a)
{
    (void)d;
    for (size_t i = 0; i < a->n; i++) {
        uint32_t drawn = (uint32_t)(mix64(a->key + (a->first + i) * 0x9e3779b97f4a7c15u) >> 32);
        if (drawn >= a->below) a->to[i] += a->from[i] * a->scale;
    }
}
