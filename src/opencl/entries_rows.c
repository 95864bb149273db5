/* entries_rows.c - sums within a row: norms, unit heads, bonus, softmax, mixtures (kernels/rows.cl). */
#include "opencl/opencl.h"

static size_t size_of(int T, int C) { return (size_t)T * (size_t)C; }

/* ---- norms ------------------------------------------------------------------------------------------------------- */

static void pass_norm(call *c, const norm_args *a)
{
    pass_int(c, a->C);
    pass_int(c, a->groups);
    pass_float(c, a->eps);
    pass_reals(c, a->x, size_of(a->T, a->C));
    pass_reals(c, a->w, (size_t)a->C);
}

void opencl_norm(device *d, const norm_args *a)
{
    opencl *o = opencl_of(d);
    const size_t n = size_of(a->T, a->C), C = (size_t)a->C;
    if (opencl_list(o, &(listed){.kind = OP_NORM,
                                 .rows = a->T,
                                 .C = C,
                                 .width = C / (size_t)a->groups,
                                 .eps = a->eps,
                                 .operand = {a->y, a->x, a->w, a->b},
                                 .values = {n, n, C, C}}))
        return;
    call c = call_of(o, KERNEL_norm);
    pass_norm(&c, a);
    pass_reals(&c, a->b, (size_t)a->C);
    pass_reals(&c, a->y, size_of(a->T, a->C));
    call_groups(&c, size_of(a->T, a->groups));
}

/* A matrix of scratch memory, or one at an address. */
static void pass_either(call *c, cl_mem scratch, const real *x, size_t n)
{
    if (!scratch) {
        pass_reals(c, x, n);
        return;
    }
    pass_buffer(c, scratch);
    pass_long(c, 0);
}

enum { STATS, Z, DZ }; /* scratch memory */

/* The gradients of a norm, with dy at its address or in scratch memory. */
static void norm_back(opencl *o, const norm_args *a, cl_mem dy)
{
    const size_t n = size_of(a->T, a->C), all = size_of(a->T, a->groups);
    cl_mem stats = opencl_scratch(o, STATS, all * sizeof(cl_float2));
    call c = call_of(o, KERNEL_norm_back);
    pass_norm(&c, a);
    pass_either(&c, dy, a->dy, n);
    pass_reals(&c, a->dx, n);
    pass_buffer(&c, stats);
    call_groups(&c, all);
    if (!a->dw && !a->db) return;
    c = call_of(o, KERNEL_norm_columns);
    pass_int(&c, a->T);
    pass_int(&c, a->C);
    pass_int(&c, a->groups);
    pass_reals(&c, a->x, n);
    pass_either(&c, dy, a->dy, n);
    pass_reals(&c, a->dw, (size_t)a->C);
    pass_reals(&c, a->db, (size_t)a->C);
    pass_buffer(&c, stats);
    call_each(&c, (size_t)a->C);
}

void opencl_norm_back(device *d, const norm_args *a) { norm_back(opencl_of(d), a, NULL); }

/* ---- heads ------------------------------------------------------------------------------------------------------- */

void opencl_unit(device *d, const unit_args *a)
{
    opencl *o = opencl_of(d);
    const size_t n = size_of(a->T, a->C);
    if (opencl_list(o, &(listed){.kind = OP_UNIT,
                                 .rows = a->T,
                                 .C = (size_t)a->C,
                                 .width = (size_t)(a->C / a->heads),
                                 .operand = {a->y, a->x},
                                 .values = {n, n}}))
        return;
    call c = call_of(o, KERNEL_unit);
    pass_int(&c, a->C / a->heads);
    pass_reals(&c, a->x, n);
    pass_reals(&c, a->y, n);
    call_groups(&c, size_of(a->T, a->heads));
}

void opencl_unit_back(device *d, const unit_args *a)
{
    const size_t n = size_of(a->T, a->C);
    if (!a->dx) return;
    call c = call_of(opencl_of(d), KERNEL_unit_back);
    pass_int(&c, a->C / a->heads);
    pass_reals(&c, a->x, n);
    pass_reals(&c, a->y, n);
    pass_reals(&c, a->dy, n);
    pass_reals(&c, a->dx, n);
    call_groups(&c, size_of(a->T, a->heads));
}

static void pass_bonus(call *c, const bonus_args *a)
{
    const size_t n = size_of(a->T, a->C);
    pass_int(c, a->C);
    pass_int(c, a->heads);
    pass_reals(c, a->r, n);
    pass_reals(c, a->k, n);
    pass_reals(c, a->u, (size_t)a->C);
    pass_reals(c, a->v, n);
}

void opencl_bonus(device *d, const bonus_args *a)
{
    opencl *o = opencl_of(d);
    const size_t n = size_of(a->T, a->C), C = (size_t)a->C;
    if (opencl_list(o, &(listed){.kind = OP_BONUS,
                                 .rows = a->T,
                                 .C = C,
                                 .width = C / (size_t)a->heads,
                                 .operand = {a->y, a->r, a->k, a->u, a->v},
                                 .values = {n, n, n, C, n}}))
        return;
    call c = call_of(o, KERNEL_bonus);
    pass_bonus(&c, a);
    pass_reals(&c, a->y, size_of(a->T, a->C));
    call_groups(&c, size_of(a->T, a->heads));
}

void opencl_bonus_back(device *d, const bonus_args *a)
{
    opencl *o = opencl_of(d);
    const size_t n = size_of(a->T, a->C), all = size_of(a->T, a->heads);
    cl_mem dots = opencl_scratch(o, STATS, all * sizeof(real));
    call c = call_of(o, KERNEL_bonus_back);
    pass_bonus(&c, a);
    pass_reals(&c, a->dy, n);
    pass_reals(&c, a->dr, n);
    pass_reals(&c, a->dk, n);
    pass_reals(&c, a->dv, n);
    pass_buffer(&c, dots);
    call_groups(&c, all);
    if (!a->du) return;
    c = call_of(o, KERNEL_bonus_columns);
    pass_int(&c, a->T);
    pass_int(&c, a->C);
    pass_int(&c, a->heads);
    pass_reals(&c, a->r, n);
    pass_reals(&c, a->k, n);
    pass_reals(&c, a->du, (size_t)a->C);
    pass_buffer(&c, dots);
    call_each(&c, (size_t)a->C);
}

/* ---- softmax ----------------------------------------------------------------------------------------------------- */

static void pass_largest(call *c, const softmax_args *a)
{
    pass_reals(c, a->max, (size_t)a->T);
    pass_bytes(c, a->argmax, (size_t)a->T * sizeof *a->argmax, sizeof *a->argmax);
    pass_host(c, a->targets, (size_t)a->T * sizeof *a->targets);
}

void opencl_softmax_nll(device *d, const softmax_args *a)
{
    call c = call_of(opencl_of(d), KERNEL_softmax_nll);
    pass_int(&c, a->V);
    pass_reals(&c, a->logits, size_of(a->T, a->V));
    pass_reals(&c, a->nll, (size_t)a->T);
    pass_largest(&c, a);
    call_groups(&c, (size_t)a->T);
}

void opencl_softmax_nll_back(device *d, const softmax_args *a)
{
    const size_t n = size_of(a->T, a->V);
    call c = call_of(opencl_of(d), KERNEL_softmax_nll_back);
    pass_long(&c, n);
    pass_int(&c, a->V);
    pass_float(&c, a->scale);
    pass_float(&c, a->l2wrap);
    pass_reals(&c, a->logits, n);
    pass_largest(&c, a);
    pass_host(&c, a->scales, (size_t)a->T * sizeof *a->scales);
    call_each(&c, n);
}

/* ---- norm, shift and mixtures ------------------------------------------------------------------------------------ */

/* The mixtures' matrices of n values, all in one block, and their weights; those that are missing repeat the first. */
static void pass_mixtures(call *c, const mix_args *a, const real *const *matrices, size_t n)
{
    const real *matrix[MOST_MIXTURES], *mu[MOST_MIXTURES];
    for (int i = 0; i < MOST_MIXTURES; i++) {
        matrix[i] = matrices[i < a->n ? i : 0];
        mu[i] = a->mu[i < a->n ? i : 0];
    }
    pass_region(c, matrix[0], n * sizeof(real));
    pass_offsets(c, matrix, n);
    for (int i = 0; i < MOST_MIXTURES; i++) pass_region(c, mu[i], (size_t)a->C * sizeof(real));
    pass_offsets(c, mu, (size_t)a->C);
}

void opencl_mix(device *d, const mix_args *a)
{
    opencl *o = opencl_of(d);
    if (opencl_mix_waits(o, a)) return;
    opencl_flush(o);
    opencl_mix_run(o, a);
}

void opencl_mix_run(opencl *o, const mix_args *a)
{
    const size_t C = (size_t)a->C, n = (size_t)a->batch->rows * C;
    call c = call_next(o, KERNEL_norm_shift_mix, 0);
    pass_int(&c, a->C);
    pass_long(&c, (size_t)a->at);
    pass_float(&c, a->eps);
    pass_int(&c, a->current);
    pass_int(&c, a->n);
    pass_spans(&c, a->batch, SPAN_ROWS | SPAN_STATES);
    pass_reals(&c, a->x, n);
    pass_reals(&c, a->w, C);
    pass_reals(&c, a->b, C);
    pass_mixtures(&c, a, (const real *const *)a->y, n);
    count_bytes(&c, 2 * (size_t)a->batch->n_spans * C * sizeof(real)); /* the states */
    call_groups(&c, (size_t)a->batch->rows);
}

static void mix_back_mu(opencl *o, const mix_args *a, int i, cl_mem z)
{
    const size_t C = (size_t)a->C;
    call c = call_of(o, KERNEL_mix_back_mu);
    pass_int(&c, a->batch->rows);
    pass_int(&c, a->C);
    pass_int(&c, a->current);
    pass_spans(&c, a->batch, SPAN_ROWS);
    pass_buffer(&c, z);
    pass_reals(&c, a->state0, (size_t)a->batch->n_spans * C);
    pass_reals(&c, a->dy[i], (size_t)a->batch->rows * C);
    pass_reals(&c, a->dmu[i], C);
    call_each(&c, C);
}

void opencl_mix_back(device *d, const mix_args *a)
{
    opencl *o = opencl_of(d);
    const size_t C = (size_t)a->C, n = (size_t)a->batch->rows * C;
    cl_mem z = opencl_scratch(o, Z, n * sizeof(real)), dz = opencl_scratch(o, DZ, n * sizeof(real));
    norm_args norm = {.T = a->batch->rows, .C = a->C, .groups = 1, .eps = a->eps, .x = a->x, .w = a->w, .b = a->b};
    call c = call_of(o, KERNEL_norm);
    pass_norm(&c, &norm);
    pass_reals(&c, a->b, C);
    pass_either(&c, z, NULL, n);
    call_groups(&c, (size_t)norm.T);

    c = call_of(o, KERNEL_mix_back_rows);
    pass_long(&c, n);
    pass_int(&c, a->C);
    pass_long(&c, (size_t)a->at);
    pass_int(&c, a->current);
    pass_int(&c, a->n);
    pass_spans(&c, a->batch, SPAN_ROWS | SPAN_GRADIENTS);
    pass_mixtures(&c, a, a->dy, n);
    pass_buffer(&c, dz);
    call_each(&c, n);

    c = call_of(o, KERNEL_mix_back_states);
    pass_int(&c, a->C);
    pass_long(&c, (size_t)a->at);
    pass_int(&c, a->current);
    pass_int(&c, a->n);
    pass_spans(&c, a->batch, SPAN_GRADIENTS);
    pass_mixtures(&c, a, a->dy, n);
    call_columns(&c, C, (size_t)a->batch->n_spans);

    for (int i = 0; i < a->n; i++)
        if (a->dmu[i]) mix_back_mu(o, a, i, z);
    norm.dx = a->dx;
    norm.dw = a->dw;
    norm.db = a->db;
    norm_back(o, &norm, dz);
}
