/* list.c - operations on few rows wait in a list, and run in one launch when something else needs the device
 * (kernels/list.cl). A work-group has the same columns of all of them; so an operation joins the list if it reads, of
 * the outputs in it, its own columns alone. */
#include "opencl/opencl.h"
#include <string.h>

/* ---- dependencies ------------------------------------------------------------------------------------------------ */

/* Whether p touches the spans' states that the operation advances. */
static int touches_states(const opencl *o, const listed *op, const real *p, size_t n)
{
    for (int i = 0; i < o->n_spans && op->state; i++)
        if (opencl_overlap(p, n, o->span_list[i].state + op->at, op->state)) return 1;
    return 0;
}

int opencl_waits(const opencl *o, const real *p, size_t n, int written)
{
    for (int i = 0; i < o->listed; i++) {
        const listed *op = &o->list[i];
        if (touches_states(o, op, p, n)) return 1;
        for (int k = 0; k < (written ? OPERANDS : 1); k++)
            if (opencl_overlap(p, n, op->operand[k], op->values[k])) return 1;
    }
    return 0;
}

static int strided(const listed *op) { return op->kind == OP_COPY && op->number != op->C; }

/* Whether two operations share memory, of which at least one writes, other than the same columns of the same matrix. */
static int collide(const opencl *o, const listed *x, const listed *y)
{
    for (int i = 0; i < OPERANDS; i++) {
        if (touches_states(o, x, y->operand[i], y->values[i]) || touches_states(o, y, x->operand[i], x->values[i]))
            return 1;
        for (int k = 0; k < OPERANDS; k++) {
            if ((i && k) || !opencl_overlap(x->operand[i], x->values[i], y->operand[k], y->values[k])) continue;
            const int apart = (i && strided(x)) || (k && strided(y));
            if (apart || x->operand[i] != y->operand[k] || x->C != y->C) return 1;
        }
    }
    return x->state && y->state && x->at < y->at + y->state && y->at < x->at + x->state;
}

static int same_spans(const opencl *o, const batch *b)
{
    if (o->n_spans != b->n_spans) return 0;
    for (int i = 0; i < b->n_spans; i++) {
        const span *x = &o->span_list[i], *y = &b->spans[i];
        if (x->row != y->row || x->len != y->len || x->state != y->state) return 0;
    }
    return 1;
}

static void spans_of(opencl *o, const batch *b)
{
    o->rows = b->rows;
    o->n_spans = b->n_spans;
    memcpy(o->span_list, b->spans, (size_t)b->n_spans * sizeof *b->spans);
}

/* ---- joining ----------------------------------------------------------------------------------------------------- */

int opencl_few(const batch *b) { return b->rows < FEW && b->n_spans < FEW; }

/* Row length of `n` values, which a map does not know: that of the operation that wrote them, or of the list. */
static size_t columns_of(const opencl *o, const real *x, size_t n)
{
    for (int i = 0; i < o->listed; i++)
        if (o->list[i].operand[0] == x && n % o->list[i].C == 0) return o->list[i].C;
    return o->listed && n % o->list[0].C == 0 && n / o->list[0].C < FEW ? o->list[0].C : n;
}

int opencl_list(opencl *o, const listed *given)
{
    listed op = *given;
    if (op.kind == OP_MAP) {
        op.C = columns_of(o, op.operand[1], op.values[1]);
        op.rows = (int)(op.values[1] / op.C);
    }
    if (op.rows >= FEW || (op.batch && !opencl_few(op.batch)) || op.C > UINT32_MAX || op.number > UINT32_MAX) return 0;
    opencl_few_flush(o);
    opencl_mix_flush(o);
    if (op.batch && !o->n_spans) spans_of(o, op.batch);
    int joins = o->listed < LIST_MOST && (!op.width || !o->width || op.width == o->width) &&
                (!op.batch || same_spans(o, op.batch));
    for (int i = 0; i < o->listed && joins; i++) joins = !collide(o, &o->list[i], &op);
    if (!joins) opencl_list_flush(o);
    if (op.width) o->width = op.width;
    if (op.batch && !o->n_spans) spans_of(o, op.batch);
    op.batch = NULL;
    o->list[o->listed++] = op;
    return 1;
}

/* ---- the launch -------------------------------------------------------------------------------------------------- */

/* The structs of kernels/list.cl. */
typedef struct {
    cl_uint kind, rows, C, number, at;
    cl_float eps;
    cl_uint buffers, operand[OPERANDS];
} operation;

typedef struct {
    operation list[LIST_MOST];
} operations;

int opencl_number(opencl *o, buffers *b, const void *p, size_t bytes, size_t unit, cl_uint *offset)
{
    const place at = opencl_place(o, p, bytes);
    int i = 0;
    while (i < b->n && b->list[i] != at.buffer) i++;
    if (i == BUFFERS || at.at / unit >= UINT32_MAX) return -1;
    if (i == b->n) b->list[b->n++] = at.buffer;
    *offset = (cl_uint)(at.at / unit);
    return i;
}

/* 0: it needs more buffers than a launch has. */
static int put_operation(opencl *o, operation *to, const listed *op, buffers *b)
{
    *to = (operation){
        (cl_uint)op->kind, (cl_uint)op->rows, (cl_uint)op->C, (cl_uint)op->number, (cl_uint)op->at, op->eps, 0, {0}};
    for (int k = 0; k < OPERANDS; k++) {
        const int i = op->operand[k] ? opencl_number(o, b, op->operand[k], op->values[k] * sizeof(real), sizeof(real),
                                                     &to->operand[k])
                                     : 15;
        if (i < 0) return 0;
        to->buffers |= (cl_uint)i << 4 * k;
    }
    return 1;
}

/* Launch operations from `from` on, as many as have their buffers in one launch; returns the first that is left. */
static int launch(opencl *o, const listed *list, int from, int n, size_t width, const batch *b)
{
    operations all;
    buffers found;
    size_t groups = 1, bytes = 0;
    int end = from;
    for (int round = 0; round < 2 && !o->error; round++) { /* twice: a buffer may grow in the first round */
        found.n = 0;
        for (end = from; end < n && put_operation(o, &all.list[end - from], &list[end], &found); end++)
            ;
    }
    for (int i = from; i < end; i++) {
        if ((list[i].C + width - 1) / width > groups) groups = (list[i].C + width - 1) / width;
        for (int k = 0; k < OPERANDS; k++) bytes += list[i].operand[k] ? list[i].values[k] * sizeof(real) : 0;
        bytes += 2 * (size_t)b->n_spans * list[i].state * sizeof(real);
    }
    if (end == from) opencl_broken(o, WKV_EUNSUPPORTED, "%s: a list of operations has too many buffers", o->name);
    call c = call_next(o, KERNEL_list, 0);
    pass_struct(&c, &all, sizeof all);
    pass_int(&c, end - from);
    pass_int(&c, (int)width);
    pass_spans_few(&c, b);
    for (int i = 0; i < BUFFERS; i++) pass_buffer(&c, i < found.n ? found.list[i] : NULL);
    count_bytes(&c, bytes);
    call_groups(&c, groups);
    return end;
}

void opencl_list_flush(opencl *o)
{
    listed list[LIST_MOST];
    span spans[FEW];
    const int n = o->listed;
    const size_t width = o->width ? o->width : GROUP;
    const batch b = {.rows = o->rows, .n_spans = o->n_spans, .spans = spans};
    if (!n) return;
    memcpy(list, o->list, (size_t)n * sizeof *list);
    memcpy(spans, o->span_list, sizeof spans);
    opencl_list_drop(o);
    for (int i = 0; i < n && !o->error;) i = launch(o, list, i, n, width, &b);
}

void opencl_list_drop(opencl *o)
{
    o->listed = o->n_spans = 0;
    o->width = o->slots_used = 0;
}
