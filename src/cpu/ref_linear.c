/* ref_linear.c - the linear map over stored weights, one row of the weight at a time. */
#include "cpu/ref.h"
#include <string.h>

/* Row i of a stored weight as reals, scale not applied. `room` has space for a row of reals and a row of floats. */
static const real *weight_row(const tensor *w, int i, void *room)
{
    const stored_weight stored = weight_stored(w);
    const size_t bytes = (size_t)w->cols * sizeof(real);
    real *row = room;
    if (w->type == REAL)
        return memcpy(row, (const char *)w->data + (size_t)i * bytes, bytes); /* it may lie at any address */
    float *f = (float *)(row + w->cols);
    layout_decode(&stored, w->data, i, 0, w->cols, f);
    for (int j = 0; j < w->cols; j++) row[j] = f[j];
    return row;
}

static void *row_room(const tensor *w)
{
    return scratch_own((size_t)w->cols * (sizeof(real) + sizeof(float)));
}

static real scale_of(const tensor *w) { return w->scale != 0 ? w->scale : 1; }

/* y[t][o] (+)= x[t] . row o */
static void dot_rows(real *y, const real *x, const tensor *w, int T, int accumulate)
{
    void *room = row_room(w);
    for (int o = 0; o < w->rows; o++) {
        const real *row = weight_row(w, o, room);
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
    void *room = row_room(w);
    for (int i = 0; i < w->rows; i++) {
        const real *row = weight_row(w, i, room);
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

void ref_linear(pool *p, const product *q, int n, int T)
{
    for (; n > 0; n--, q++) {
        int out = weight_out(q->w);
        one_product(q->y, q->x, q->w, T);
        if (q->bias) ref_add(p, q->y, q->y, q->bias, T, out, 1);
        if (q->map != MAP_NONE) ref_map(p, q->map, q->y, q->y, (size_t)T * (size_t)out);
        if (q->to) ref_lerp(p, q->y, q->from, q->to, q->y, T, out, T);
        if (q->times) ref_mul(p, q->y, q->y, q->times, T, out, T);
        if (q->plus) ref_add(p, q->y, q->y, q->plus, T, out, T);
    }
}

void ref_linear_dx(pool *p, real *dx, const real *dy, const tensor *w, int T, int add)
{
    (void)p;
    if (!add) memset(dx, 0, (size_t)T * (size_t)weight_in(w) * sizeof *dx);
    if (layout_is_input_major(w->layout))
        dot_rows(dx, dy, w, T, 1);
    else add_rows(dx, dy, w, T);
}

void ref_linear_dw(pool *p, real *dw, const real *dy, const real *x, const tensor *w, int T)
{
    (void)p;
    int input_rows = layout_is_input_major(w->layout);
    const real *rows = input_rows ? x : dy, *cols = input_rows ? dy : x; /* dw[i][j] += rows[t][i] cols[t][j] */
    for (int t = 0; t < T; t++)
        for (int i = 0; i < w->rows; i++) {
            real g = rows[(size_t)t * (size_t)w->rows + (size_t)i] * scale_of(w);
            const real *ct = cols + (size_t)t * (size_t)w->cols;
            real *to = dw + (size_t)i * (size_t)w->cols;
            for (int j = 0; j < w->cols; j++) to[j] += g * ct[j];
        }
}
