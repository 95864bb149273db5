/* call.c - the arguments of a kernel, its launch, and the spans of a batch. */
#include "opencl/opencl.h"
#include <stdlib.h>
#include <string.h>

call call_next(opencl *o, int kernel, int variant)
{
    return (call){.o = o, .kernel = o->error ? NULL : opencl_kernel(o, kernel, variant)};
}

call call_linear(opencl *o, int kernel, int type)
{
    opencl_flush(o);
    return call_next(o, kernel, type);
}

call call_of(opencl *o, int kernel) { return call_linear(o, kernel, 0); }

static void pass(call *c, argument a)
{
    CHECK(c->n < MOST_ARGUMENTS);
    c->list[c->n++] = a;
}

void pass_value(call *c, const void *x, size_t bytes)
{
    argument a = {.kind = VALUE, .bytes = bytes};
    CHECK(bytes <= sizeof a.value);
    memcpy(&a.value, x, bytes);
    pass(c, a);
}

void pass_buffer(call *c, cl_mem buffer) { pass_value(c, &buffer, sizeof buffer); }
void pass_int(call *c, int x) { pass_value(c, &(cl_int){x}, sizeof(cl_int)); }
void pass_long(call *c, size_t x) { pass_value(c, &(cl_ulong){x}, sizeof(cl_ulong)); }
void pass_float(call *c, float x) { pass_value(c, &(cl_float){x}, sizeof(cl_float)); }
void pass_struct(call *c, const void *x, size_t bytes) { pass(c, (argument){.kind = STRUCT, .p = x, .bytes = bytes}); }
void pass_local(call *c, size_t bytes) { pass(c, (argument){.kind = VALUE, .p = c, .bytes = bytes}); }

void pass_region(call *c, const void *p, size_t bytes)
{
    if (p)
        pass(c, (argument){.kind = BUFFER_OF, .p = p, .bytes = bytes});
    else
        pass_buffer(c, NULL);
}

void pass_bytes(call *c, const void *p, size_t bytes, size_t unit)
{
    pass_region(c, p, bytes);
    count_bytes(c, p ? bytes : 0);
    if (p)
        pass(c, (argument){.kind = OFFSET_OF, .p = p, .bytes = bytes, .unit = unit});
    else
        pass_long(c, 0);
}

void pass_reals(call *c, const real *x, size_t n) { pass_bytes(c, x, n * sizeof *x, sizeof *x); }

void pass_offsets(call *c, const real *const x[8], size_t n)
{
    argument a = {.kind = OFFSETS_OF, .bytes = n * sizeof(real)};
    memcpy(a.of, x, sizeof a.of);
    for (int i = 0; i < 8; i++) count_bytes(c, i && x[i] == x[0] ? 0 : a.bytes); /* a missing one repeats the first */
    pass(c, a);
}

/* A buffer with a copy of host memory; copying it needs no wait for the queue. */
static cl_mem copied(opencl *o, const void *x, size_t bytes)
{
    cl_int status;
    cl_mem buffer =
        clCreateBuffer(o->context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, bytes, (void *)(uintptr_t)x, &status);
    if (!status) return buffer;
    opencl_failed(o, "clCreateBuffer", status);
    return NULL;
}

void pass_host(call *c, const void *x, size_t bytes)
{
    cl_mem buffer = x && !c->o->error ? copied(c->o, x, bytes) : NULL;
    if (buffer) c->small[c->n_small++] = buffer;
    pass_buffer(c, buffer);
}

/* ---- launch ------------------------------------------------------------------------------------------------------ */

/* Look up the addresses of an argument: its buffer, its offset, or its offsets. */
static void look_up(opencl *o, argument *a, place *p)
{
    if (a->kind == BUFFER_OF || a->kind == OFFSET_OF) *p = opencl_place(o, a->p, a->bytes);
    for (int i = 0; i < 8 && a->kind == OFFSETS_OF && !o->error; i++)
        a->value.offsets.s[i] = opencl_place(o, a->of[i], a->bytes).at / sizeof(real);
    if (a->kind == OFFSET_OF) a->value.offsets.s[0] = p->at / a->unit;
}

static void set_arguments(call *c)
{
    opencl *o = c->o;
    place p;
    for (int i = 0; i < c->n && !o->error; i++) look_up(o, &c->list[i], &p); /* first all of them: a buffer may grow */
    for (int i = 0; i < c->n && !o->error; i++) {
        argument *a = &c->list[i];
        look_up(o, a, &p);
        const cl_uint at = (cl_uint)i;
        const cl_int status = a->kind == BUFFER_OF   ? clSetKernelArg(c->kernel, at, sizeof p.buffer, &p.buffer)
                              : a->kind == OFFSET_OF ? clSetKernelArg(c->kernel, at, sizeof(cl_ulong), &a->value)
                              : a->kind == STRUCT    ? clSetKernelArg(c->kernel, at, a->bytes, a->p)
                              : a->kind == OFFSETS_OF
                                  ? clSetKernelArg(c->kernel, at, sizeof(cl_ulong8), &a->value)
                                  : clSetKernelArg(c->kernel, at, a->bytes, a->p ? NULL : &a->value);
        if (status && !o->error) opencl_failed(o, "clSetKernelArg", status);
    }
}

static size_t whole(size_t n, size_t of) { return (n + of - 1) / of * of; }

void call_run(call *c, size_t x, size_t y, size_t z, size_t group_x, size_t group_y)
{
    const size_t grid[] = {whole(x, group_x), whole(y, group_y), z}, group[] = {group_x, group_y, 1};
    opencl *o = c->o;
    if (c->kernel && grid[0] && grid[1] && grid[2]) set_arguments(c);
    if (c->kernel && grid[0] && grid[1] && grid[2] && !o->error) {
        cl_int status = clEnqueueNDRangeKernel(o->queue, c->kernel, 3, NULL, grid, group, 0, NULL, NULL);
        if (status) opencl_failed(o, "clEnqueueNDRangeKernel", status);
        o->launches++;
        o->traffic += c->bytes;
    }
    for (int i = 0; i < c->n_small; i++) clReleaseMemObject(c->small[i]);
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

/* The offset of a span's state, in values of the buffer that `first` is in. */
static cl_long offset_of(opencl *o, const real *state, const real *first)
{
    const place p = opencl_place(o, state, sizeof *state);
    if (o->error) return 0;
    if (!opencl_in_region(o, state) || p.buffer != opencl_place(o, first, sizeof *first).buffer)
        opencl_broken(o, WKV_EARG, "the states of a batch are not in one block of %s", o->name);
    return (cl_long)(p.at / sizeof *state);
}

/* A long4 of the kernels, without its alignment. */
typedef struct {
    cl_long row, length, state, dstate;
} span_row;

/* Buffers for the lists; those of the last batch if it was the same. */
static void put_spans(opencl *o, const span_row *spans, const batch *b)
{
    const size_t bytes = (size_t)b->n_spans * sizeof *spans, rows = (size_t)(b->rows > 0 ? b->rows : 1);
    if (o->spans && bytes == o->batch_bytes && !memcmp(spans, o->batch_copy, bytes)) return;
    cl_int *of_row = calloc(rows, sizeof *of_row);
    free(o->batch_copy);
    o->batch_copy = malloc(bytes);
    opencl_release(o, &o->spans, 0);
    opencl_release(o, &o->of_row, 0);
    if (of_row && o->batch_copy) {
        for (int i = 0; i < b->n_spans; i++)
            for (int t = b->spans[i].row; t < b->spans[i].row + b->spans[i].len && t < b->rows; t++) of_row[t] = i;
        memcpy(o->batch_copy, spans, bytes);
        o->batch_bytes = bytes;
        o->spans = copied(o, spans, bytes);
        o->of_row = copied(o, of_row, rows * sizeof *of_row);
    } else
        opencl_broken(o, WKV_ENOMEM, "no memory for a list of spans");
    free(of_row);
}

void pass_spans(call *c, const batch *b, int what)
{
    opencl *o = c->o;
    const real *state = b->spans[0].state, *dstate = NULL;
    span_row *list = malloc((size_t)b->n_spans * sizeof *list);
    if (!list) opencl_broken(o, WKV_ENOMEM, "no memory for a list of spans");
    for (int i = 0; i < b->n_spans && !dstate; i++) dstate = b->spans[i].dstate;
    for (int i = 0; i < 2 * b->n_spans && !o->error; i++) { /* twice: a buffer may grow in the first round */
        const span *s = &b->spans[i % b->n_spans];
        list[i % b->n_spans] = (span_row){s->row, s->len, state ? offset_of(o, s->state, state) : 0,
                                          s->dstate ? offset_of(o, s->dstate, dstate) : -1};
    }
    if (!o->error) put_spans(o, list, b);
    free(list);
    pass_buffer(c, o->spans);
    if (what & SPAN_ROWS) pass_buffer(c, o->of_row);
    if (what & SPAN_STATES) pass_region(c, state, sizeof *state);
    if (what & SPAN_GRADIENTS) pass_region(c, dstate ? dstate : state, sizeof *state);
}

void pass_spans_few(call *c, const batch *b)
{
    if (b->n_spans) {
        pass_spans(c, b, 0);
        pass_int(c, b->n_spans);
        pass_region(c, b->spans[0].state, sizeof(real));
        return;
    }
    pass_buffer(c, NULL);
    pass_int(c, 0);
    pass_buffer(c, NULL);
}
