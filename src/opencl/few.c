/* few.c - the products of a region with few rows, in one launch (kernels/few.cl); the norm, shift and mixtures before
 * them wait, and are computed in the launch of the products that read them. */
#include "opencl/opencl.h"
#include <string.h>

enum { STRETCH = 256, OUTPUTS = 32, SHARES = WIDE / OUTPUTS, NOT_GIVEN = 15 }; /* of kernels/few.cl */
enum { PUTS_MIXTURE = 1 << 20, PUTS_STATE = 1 << 21 };
enum { TILE_BYTES = (SHARES * STRETCH + GROUP) * sizeof(float), SLOT_BYTES = 1 << 18 };

/* ---- mixtures that wait ------------------------------------------------------------------------------------------ */

/* Room for the new states of a shift: they replace the old ones in a later launch, because every work-group of this one
 * reads those. */
static int slots_ready(opencl *o, size_t bytes)
{
    if (bytes > SLOT_BYTES || (!o->slots.base && opencl_arena_new(&o->device, &o->slots, SLOT_BYTES))) return 0;
    if (o->slots_used + bytes > SLOT_BYTES) opencl_list_flush(o);
    return 1;
}

/* Keep the mixtures, and where z and the previous rows go (NULL: nowhere), apart from all that the list has. */
static void mix_keep(opencl *o, const mix_args *a, real *z, real *previous)
{
    const size_t C = (size_t)a->C, n = (size_t)a->batch->rows * C;
    memcpy(o->mix_spans, a->batch->spans, (size_t)a->batch->n_spans * sizeof(span));
    o->mix_batch = (batch){a->batch->rows, a->batch->n_spans, o->mix_spans};
    o->mix = *a;
    o->mix.batch = &o->mix_batch;
    o->mix_z = z;
    o->mix_previous = previous;
    o->mixes = 1;
    int waits = opencl_waits(o, a->x, n, 0) | opencl_waits(o, z, n, 1) | opencl_waits(o, previous, n, 1);
    for (int i = 0; i < a->n; i++) waits |= opencl_waits(o, a->y[i], n, 1);
    for (int i = 0; i < o->mix_batch.n_spans; i++) waits |= opencl_waits(o, o->mix_spans[i].state + a->at, C, 1);
    if (waits) opencl_list_flush(o);
}

int opencl_mix_waits(opencl *o, const mix_args *a)
{
    opencl_few_flush(o);
    opencl_mix_flush(o);
    if (!opencl_few(a->batch) || !a->batch->spans[0].state || o->error) return 0;
    if (!slots_ready(o, (size_t)a->batch->n_spans * (size_t)a->C * sizeof(real))) return 0;
    mix_keep(o, a, NULL, NULL);
    return 1;
}

/* A norm of rows, its shift and a mixture of the two, as the last of the list, are a mix whose other results are kept.
 * Take them out if x, the input of a product, is the mixture; 0: they are not. */
enum { MIX_NORM, MIX_SHIFT, MIX_LERP, MIX_OPERATIONS };
static int mix_of_list(opencl *o, const real *x, int T, listed taken[MIX_OPERATIONS])
{
    if (o->listed < MIX_OPERATIONS) return 0;
    memcpy(taken, o->list + o->listed - MIX_OPERATIONS, MIX_OPERATIONS * sizeof *taken);
    const listed *norm = &taken[MIX_NORM], *shift = &taken[MIX_SHIFT], *lerp = &taken[MIX_LERP];
    const int kinds = norm->kind == OP_NORM && shift->kind == OP_SHIFT && lerp->kind == OP_LERP;
    if (!kinds || norm->width != norm->C || shift->C != norm->C || norm->rows != T || lerp->number != 1) return 0;
    if (shift->operand[1] != norm->operand[0] || lerp->operand[1] != norm->operand[0]) return 0;
    if (lerp->operand[2] != shift->operand[0] || lerp->operand[0] != x || o->rows != T) return 0;
    if ((size_t)o->n_spans * norm->C * sizeof(real) > SLOT_BYTES - o->slots_used || !slots_ready(o, 0)) return 0;
    const batch b = {o->rows, o->n_spans, o->span_list};
    const mix_args mix = {.batch = &b,
                          .C = (int)norm->C,
                          .at = (int)shift->at,
                          .x = norm->operand[1],
                          .w = norm->operand[2],
                          .b = norm->operand[3],
                          .eps = norm->eps,
                          .n = 1,
                          .y = {(real *)(uintptr_t)x},
                          .mu = {lerp->operand[3]}};
    o->listed -= MIX_OPERATIONS;
    o->width = 0;
    for (int i = 0; i < o->listed; i++)
        if (o->list[i].width) o->width = o->list[i].width;
    mix_keep(o, &mix, (real *)(uintptr_t)norm->operand[0], (real *)(uintptr_t)shift->operand[0]);
    return 1;
}

void opencl_mix_flush(opencl *o)
{
    if (!o->mixes) return;
    o->mixes = 0;
    opencl_mix_run(o, &o->mix);
}

/* The mixture that x is; -1: none. */
static int mixture_of(const opencl *o, const real *x)
{
    for (int i = 0; i < o->mix.n && o->mixes; i++)
        if (o->mix.y[i] == x) return i;
    return -1;
}

/* Whether the products read every mixture that waits, each as an input, and nothing else of them. */
static int all_mixtures_read(const opencl *o, const linear_args *a)
{
    const size_t n = (size_t)a->T * (size_t)o->mix.C;
    unsigned read = 0;
    for (int i = 0; i < a->n; i++) {
        const product *q = &a->q[i];
        const size_t out = (size_t)a->T * (size_t)weight_out(q->w);
        const real *others[] = {q->from, q->to, q->times, q->plus, q->y};
        const int mixed = mixture_of(o, q->x);
        if (mixed >= 0) read |= 1u << mixed;
        const real *apart[] = {o->mix.x, o->mix_z, o->mix_previous};
        for (size_t j = 0; j < sizeof apart / sizeof *apart; j++)
            if (opencl_overlap(q->y, out, apart[j], n)) return 0;
        for (int k = 0; k < o->mix.n; k++)
            for (size_t j = 0; j < sizeof others / sizeof *others; j++)
                if (opencl_overlap(others[j], out, o->mix.y[k], n)) return 0;
    }
    return a->T == o->mix_batch.rows && read == (1u << o->mix.n) - 1;
}

/* ---- the launch -------------------------------------------------------------------------------------------------- */

/* The structs of kernels/few.cl. */
typedef struct {
    cl_ulong w;
    cl_uint in, out, x, y, from, to, times, plus, stride, also, bias, mu, first, kinds;
    cl_float scale;
} few_product;

typedef struct {
    cl_ulong at;
    cl_uint x, w, b, C, vectors, slot, z, previous;
    cl_int current;
    cl_float eps;
} few_mixing;

typedef struct {
    few_product list[PRODUCTS];
    few_mixing mix;
    cl_int n;
} few_products;

/* A launch: its structs, the buffers of activations, weights and vectors, work-groups, bytes of parts. */
typedef struct {
    few_products p;
    buffers all, vectors;
    cl_mem weights[PRODUCTS];
    size_t groups, parts, bytes; /* bytes: read and written */
    unsigned types;
    int fits; /* offsets and buffers */
} few;

/* The offset of n values of a matrix among all activations; all ones: it is not given. */
static cl_uint offset_in(opencl *o, few *f, const real *x, size_t n)
{
    cl_uint offset = UINT32_MAX;
    if (x && opencl_number(o, &f->all, x, n * sizeof *x, sizeof *x, &offset) != 0) f->fits = 0;
    return offset;
}

/* The offset of a vector, and its buffer's number at `shift` of *kinds. */
static cl_uint vector_in(opencl *o, few *f, const real *x, size_t n, cl_uint *kinds, int shift)
{
    cl_uint offset = 0;
    const int i = x ? opencl_number(o, &f->vectors, x, n * sizeof *x, sizeof *x, &offset) : NOT_GIVEN;
    if (i < 0) f->fits = 0;
    *kinds |= (cl_uint)(i & 15) << shift;
    return offset;
}

/* Rows that wait to be copied are read where they are copied from. */
static const real *source_of(const opencl *o, const real *x, int T, size_t *stride)
{
    for (int i = 0; i < o->listed; i++) {
        const listed *op = &o->list[i];
        if (op->kind != OP_COPY || op->operand[0] != x || op->C != *stride || op->rows != T) continue;
        *stride = op->number;
        return op->operand[1];
    }
    return x;
}

static void put_product(opencl *o, few *f, const product *q, real *also, int T, unsigned *mixtures)
{
    const weight_place s = opencl_stored(o, q->w);
    const size_t in = (size_t)weight_in(q->w), out = (size_t)weight_out(q->w), n = (size_t)T * out;
    const size_t parts = (in + STRETCH - 1) / STRETCH * OUTPUTS * sizeof(float);
    const int mixed = mixture_of(o, q->x);
    cl_uint kinds = (cl_uint)s.type | (cl_uint)s.layout << 4 | (cl_uint)q->map << 8;
    size_t stride = in;
    const real *x = mixed < 0 ? source_of(o, q->x, T, &stride) : q->x;
    few_product *to = &f->p.list[f->p.n];
    *to = (few_product){.w = s.at.at,
                        .in = (cl_uint)in,
                        .out = (cl_uint)out,
                        .stride = (cl_uint)stride,
                        .y = offset_in(o, f, q->y, n), /* first: it has all others' buffer */
                        .first = (cl_uint)f->groups,
                        .scale = opencl_scale(q->w)};
    to->x = offset_in(o, f, x, (size_t)(T - 1) * stride + in);
    to->from = offset_in(o, f, q->from, n);
    to->to = offset_in(o, f, q->to, n);
    to->times = offset_in(o, f, q->times, n);
    to->plus = offset_in(o, f, q->plus, n);
    to->also = offset_in(o, f, also, n);
    to->bias = vector_in(o, f, q->bias, out, &kinds, 12);
    to->mu = vector_in(o, f, mixed < 0 ? NULL : o->mix.mu[mixed], in, &kinds, 16);
    if (mixed >= 0 && !*mixtures) kinds |= PUTS_STATE;
    if (mixed >= 0 && !(*mixtures >> mixed & 1)) kinds |= PUTS_MIXTURE;
    if (mixed >= 0) *mixtures |= 1u << mixed;
    to->kinds = kinds;
    f->weights[f->p.n++] = s.at.buffer;
    f->types |= 1u << s.type;
    f->groups += (out + OUTPUTS - 1) / OUTPUTS;
    if (parts > f->parts) f->parts = parts;
    f->bytes += (size_t)dtype_bytes((dtype)s.type, (int64_t)q->w->rows * q->w->cols);
    f->bytes += (n * (1 + !!q->from + !!q->to + !!q->times + !!q->plus + !!also) + (q->bias ? out : 0)) * sizeof(real);
    f->bytes += (mixed < 0 ? (size_t)T * in : in + (kinds & PUTS_MIXTURE ? (size_t)T * in : 0)) * sizeof(real);
    if (in > UINT32_MAX || out > UINT32_MAX || parts + TILE_BYTES > o->local_bytes) f->fits = 0;
}

static void put_mixing(opencl *o, few *f)
{
    const mix_args *a = &o->mix;
    const size_t C = (size_t)a->C;
    few_mixing m = {.at = (cl_ulong)a->at, .C = (cl_uint)C, .current = a->current, .eps = a->eps};
    m.slot = (cl_uint)(o->slots_used / sizeof(real));
    m.x = offset_in(o, f, a->x, (size_t)o->mix_batch.rows * C);
    m.z = offset_in(o, f, o->mix_z, (size_t)o->mix_batch.rows * C);
    m.previous = offset_in(o, f, o->mix_previous, (size_t)o->mix_batch.rows * C);
    m.w = vector_in(o, f, a->w, C, &m.vectors, 0);
    m.b = vector_in(o, f, a->b, C, &m.vectors, 4);
    f->p.mix = m;
    f->bytes += ((size_t)o->mix_batch.rows + 2 * (size_t)o->mix_batch.n_spans + 2) * C * sizeof(real);
}

static int prepare(opencl *o, few *f)
{
    *f = (few){.fits = 0};
    for (int round = 0; round < 2 && !o->error; round++) { /* twice: a buffer may grow in the first round */
        unsigned mixtures = 0;
        *f = (few){.fits = 1};
        for (int i = 0; i < o->few.n; i++) put_product(o, f, &o->few.q[i], o->few.also[i], o->few.T, &mixtures);
        if (o->mixes) put_mixing(o, f);
    }
    return f->fits;
}

/* Let the new states of the shift replace the old ones after this launch. */
static void states_wait(opencl *o, const mix_args *a)
{
    const size_t C = (size_t)a->C, first = o->slots_used;
    const real *from = (const real *)(const void *)(o->slots.base + first);
    for (int i = 0; i < a->batch->n_spans; i++, from += C)
        opencl_list(o, &(listed){.kind = OP_COPY,
                                 .rows = 1,
                                 .C = C,
                                 .number = C,
                                 .operand = {a->batch->spans[i].state + a->at, from},
                                 .values = {C, C}});
    o->slots_used = first + (size_t)a->batch->n_spans * C * sizeof(real);
}

static void launch(opencl *o, few *f, int T)
{
    call c = call_next(o, KERNEL_linear_few, (int)f->types);
    const int mixes = o->mixes;
    o->mixes = 0;
    pass_struct(&c, &f->p, sizeof f->p);
    pass_buffer(&c, f->all.list[0]);
    for (int i = 0; i < PRODUCTS; i++) pass_buffer(&c, f->weights[i]);
    for (int i = 0; i < BUFFERS; i++) pass_buffer(&c, i < f->vectors.n ? f->vectors.list[i] : NULL);
    if (mixes) pass_spans(&c, o->mix.batch, SPAN_ROWS | SPAN_STATES);
    for (int i = 0; i < 3 && !mixes; i++) pass_buffer(&c, NULL);
    pass_region(&c, mixes ? o->slots.base : NULL, SLOT_BYTES);
    pass_local(&c, f->parts);
    count_bytes(&c, f->bytes);
    call_run(&c, f->groups * WIDE, (size_t)T, 1, WIDE, 1);
    if (mixes) states_wait(o, &o->mix);
}

/* Whether products read or write anything that the list has yet to write or read. */
static int products_wait(const opencl *o, const linear_args *a)
{
    int waits = 0;
    for (int i = 0; i < a->n; i++) {
        const product *q = &a->q[i];
        const size_t out = (size_t)weight_out(q->w), n = (size_t)a->T * out, in = (size_t)weight_in(q->w);
        const real *read[] = {q->from, q->to, q->times, q->plus};
        size_t stride = in;
        const real *x = source_of(o, q->x, a->T, &stride);
        waits |= opencl_waits(o, x, (size_t)(a->T - 1) * stride + in, 0) | opencl_waits(o, q->y, n, 1);
        waits |= opencl_waits(o, q->bias, out, 0) | opencl_waits(o, q->w->data, in * out, 0);
        for (size_t k = 0; k < sizeof read / sizeof *read; k++) waits |= opencl_waits(o, read[k], n, 0);
    }
    return waits;
}

void opencl_few_flush(opencl *o)
{
    few f;
    if (!o->few.n) return;
    prepare(o, &f);
    o->few.n = 0;
    if (o->error)
        o->mixes = 0;
    else
        launch(o, &f, o->few.T);
}

/* The products wait for a copy of an output, which they then write themselves; any other entry launches them first. */
int opencl_linear_few(opencl *o, const linear_args *a)
{
    few f;
    listed taken[MIX_OPERATIONS];
    opencl_few_flush(o);
    if (a->T >= FEW || a->n > PRODUCTS || o->error) return 0;
    const int from_list = !o->mixes && a->n == 1 && mix_of_list(o, a->q[0].x, a->T, taken);
    if (o->mixes && !from_list && !all_mixtures_read(o, a)) opencl_mix_flush(o);
    if (products_wait(o, a)) opencl_list_flush(o);
    o->few = (waiting){.n = a->n, .T = a->T};
    for (int i = 0; i < a->n; i++) {
        o->few.q[i] = a->q[i];
        o->few.w[i] = *a->q[i].w; /* it may be gone when they are launched */
        o->few.q[i].w = &o->few.w[i];
    }
    if ((!from_list || all_mixtures_read(o, a)) && prepare(o, &f)) return 1;
    o->few.n = 0;
    if (from_list) o->mixes = 0, taken[MIX_SHIFT].batch = &o->mix_batch;
    for (int i = 0; i < MIX_OPERATIONS && from_list; i++) opencl_list(o, &taken[i]);
    return 0;
}

/* Whether n values overlap anything that the products and their mixtures read or write. */
static int touches_products(const opencl *o, const real *p, size_t n)
{
    const size_t rows = (size_t)o->few.T, C = o->mixes ? (size_t)o->mix.C : 0;
    for (int i = 0; i < o->few.n; i++) {
        const product *q = &o->few.q[i];
        const size_t in = rows * (size_t)weight_in(q->w), out = rows * (size_t)weight_out(q->w);
        const real *outs[] = {q->y, q->from, q->to, q->times, q->plus, o->few.also[i]};
        size_t stride = (size_t)weight_in(q->w);
        const real *x = source_of(o, q->x, o->few.T, &stride);
        if (opencl_overlap(p, n, x, rows * stride) || opencl_overlap(p, n, q->x, in)) return 1;
        for (size_t k = 0; k < sizeof outs / sizeof *outs; k++)
            if (opencl_overlap(p, n, outs[k], out)) return 1;
    }
    return opencl_overlap(p, n, o->mixes ? o->mix.x : NULL, rows * C) ||
           opencl_overlap(p, n, o->mixes ? o->mix_z : NULL, rows * C) ||
           opencl_overlap(p, n, o->mixes ? o->mix_previous : NULL, rows * C);
}

int opencl_copy_joins(opencl *o, const copy_args *a)
{
    const size_t n = (size_t)a->rows * a->cols;
    const int whole = a->rows == 1 || (a->to_stride == a->cols && a->from_stride == a->cols);
    for (int i = 0; i < o->few.n && whole && !a->add; i++) {
        const product *q = &o->few.q[i];
        if (q->y != a->from || n != (size_t)o->few.T * (size_t)weight_out(q->w) || o->few.also[i]) continue;
        const place y = opencl_place(o, q->y, n * sizeof(real)), to = opencl_place(o, a->to, n * sizeof(real));
        if (!opencl_in_region(o, a->to) || to.buffer != y.buffer || to.at / sizeof(real) >= UINT32_MAX) return 0;
        if (opencl_waits(o, a->to, n, 1) || touches_products(o, a->to, n)) return 0;
        o->few.also[i] = a->to;
        return 1;
    }
    return 0;
}
