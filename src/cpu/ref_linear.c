/* ref_linear.c - the linear map over stored weights, one row of the weight at a time. */
#include "cpu/ref.h"
#include <string.h>

/* Row i of a stored weight as reals, scale not applied. `buffer` holds a row of reals and a row of floats. */
static const real *weight_row(const tensor *w, int i, void *buffer)
{
    const stored_weight stored = weight_stored(w);
    const size_t bytes = (size_t)w->cols * sizeof(real);
    real *row = buffer;
    if (w->type == REAL)
        return memcpy(row, (const char *)w->data + (size_t)i * bytes, bytes); /* unaligned */
    float *f = (float *)(row + w->cols);
    layout_decode(&stored, w->data, i, 0, w->cols, f);
    for (int j = 0; j < w->cols; j++) row[j] = f[j];
    return row;
}

static void *row_buffer(const tensor *w) { return scratch_own((size_t)w->cols * (sizeof(real) + sizeof(float))); }

static real scale_of(const tensor *w) { return w->scale != 0 ? w->scale : 1; }

/* y[t][o] (+)= x[t] . row o */
static void dot_rows(real *y, const real *x, const tensor *w, int T, int accumulate)
{
    void *buffer = row_buffer(w);
    for (int o = 0; o < w->rows; o++) {
        const real *row = weight_row(w, o, buffer);
        for (int t = 0; t < T; t++) {
            const real *xt = x + (size_t)t * (size_t)w->cols;
            real sum = 0;
            for (int i = 0; i < w->cols; i++) sum += xt[i] * row[i];
            real *to = &y[(size_t)t * (size_t)w->rows + (size_t)o];
            *to = sum * scale_of(w) + (accumulate ? *to : 0);
        }
    }
}

/* y[t] += x[t][i] row i */
static void add_rows(real *y, const real *x, const tensor *w, int T)
{
    void *buffer = row_buffer(w);
    for (int i = 0; i < w->rows; i++) {
        const real *row = weight_row(w, i, buffer);
        for (int t = 0; t < T; t++) {
            real xi = x[(size_t)t * (size_t)w->rows + (size_t)i] * scale_of(w), *yt = y + (size_t)t * (size_t)w->cols;
            for (int j = 0; j < w->cols; j++) yt[j] += xi * row[j];
        }
    }
}

static void one_product(real *y, const real *x, const tensor *w, int T)
{
    if (!layout_is_input_major(w->layout))
        dot_rows(y, x, w, T, 0);
    else {
        memset(y, 0, (size_t)T * (size_t)w->cols * sizeof(real));
        add_rows(y, x, w, T);
    }
}

void ref_linear(device *d, const linear_args *a)
{
    for (const product *q = a->q; q < a->q + a->n; q++) {
        const int T = a->T, C = weight_out(q->w);
        real *y = q->y;
        one_product(y, q->x, q->w, T);
        if (q->bias) ref_add(d, &(pair_args){.T = T, .C = C, .y_rows = 1, .x = y, .y = q->bias, .z = y});
        if (q->map != MAP_NONE) ref_map(d, &(map_args){.kind = q->map, .n = (size_t)T * (size_t)C, .x = y, .y = y});
        if (q->to) ref_lerp(d, &(lerp_args){.T = T, .C = C, .mu_rows = T, .x = q->from, .y = q->to, .mu = y, .z = y});
        if (q->times) ref_mul(d, &(pair_args){.T = T, .C = C, .y_rows = T, .x = y, .y = q->times, .z = y});
        if (q->plus) ref_add(d, &(pair_args){.T = T, .C = C, .y_rows = T, .x = y, .y = q->plus, .z = y});
    }
}

void ref_linear_dx(device *d, const linear_back_args *a)
{
    (void)d;
    if (!a->add) memset(a->dx, 0, (size_t)a->T * (size_t)weight_in(a->w) * sizeof *a->dx);
    if (layout_is_input_major(a->w->layout))
        dot_rows(a->dx, a->dy, a->w, a->T, 1);
    else
        add_rows(a->dx, a->dy, a->w, a->T);
}

void ref_linear_dw(device *d, const linear_back_args *a)
{
    (void)d;
    const tensor *w = a->w;
    const int input_rows = layout_is_input_major(w->layout);
    const real *rows = input_rows ? a->x : a->dy,
               *cols = input_rows ? a->dy : a->x; /* dw[i][j] += rows[t][i] cols[t][j] */
    for (int t = 0; t < a->T; t++)
        for (int i = 0; i < w->rows; i++) {
            real g = rows[(size_t)t * (size_t)w->rows + (size_t)i] * scale_of(w);
            const real *ct = cols + (size_t)t * (size_t)w->cols;
            real *to = a->dw + (size_t)i * (size_t)w->cols;
            for (int j = 0; j < w->cols; j++) to[j] += g * ct[j];
        }
}
