/* tape.c - the context, tensors in its arena, recording, backward, recomputed blocks. */
#include "ops/tape.h"
#include "base/platform/system.h"
#include <limits.h>
#include <string.h>

/* Address space for scratch memory: as much as the machine has memory; of 32-bit addresses a sixteenth, since weights
 * need the others. Pages are allocated when first touched. */
static size_t address_space(void)
{
    const uint64_t most = sizeof(size_t) == 4 ? 1u << 28 : UINT64_MAX;
    const uint64_t bytes = system_memory() ? system_memory() : (uint64_t)1 << 32;
    return (size_t)(bytes < most ? bytes : most);
}

int cx_init(cx *c, device *dev)
{
    *c = (cx){.dev = dev};
    for (size_t bytes = address_space(); bytes >= (size_t)1 << 24; bytes /= 2) { /* halved until it fits a limit */
        if (dev->arena_new(dev, &c->mem, bytes)) continue;
        if (!arena_init(&c->host, bytes / 8)) return 0;
        dev->arena_free(dev, &c->mem);
    }
    *c = (cx){0};
    return WKV_ENOMEM;
}

int cx_reserve(cx *c, const pass_size *s) { return c->dev->reserve(c->dev, s); }

void cx_release(cx *c)
{
    if (c->dev) c->dev->arena_free(c->dev, &c->mem);
    arena_release(&c->host);
    *c = (cx){0};
}

size_t cx_peak(const cx *c) { return c->mem.peak + c->host.peak; }
void cx_peak_restart(cx *c) { c->mem.peak = c->host.peak = 0; }

void cx_reset(cx *c)
{
    c->last = NULL;
    c->dev->begin(c->dev);
    cx_forget(c, (cx_place){c->mem.base, c->host.base});
}

int cx_run(cx *c, void (*fn)(void *arg), void *arg)
{
    jmp_buf full;
    c->mem.full = c->host.full = &full;
    int used_up = setjmp(full);
    if (!used_up) fn(arg);
    c->mem.full = c->host.full = NULL;
    c->recording = 0;
    cx_reset(c);
    const int err = c->dev->finish ? c->dev->finish(c->dev) : 0;
    if (!used_up) return err;
    return fail(WKV_ENOMEM, "the pass needs more than the available %zu MiB of scratch memory; use a smaller batch",
                (size_t)(c->mem.end - c->mem.base) >> 20);
}

tensor *tensor_new(cx *c, int rows, int cols)
{
    CHECK(rows > 0 && cols > 0);
    tensor *t = arena_alloc(&c->host, sizeof *t);
    *t = (tensor){.rows = rows, .cols = cols, .type = REAL};
    t->data = arena_alloc(&c->mem, (size_t)rows * (size_t)cols * sizeof(real));
    return t;
}

static size_t values(const tensor *x) { return (size_t)x->rows * (size_t)x->cols; }

tensor *tensor_zero(cx *c, int rows, int cols)
{
    tensor *t = tensor_new(c, rows, cols);
    c->dev->fill(c->dev, &(fill_args){.x = t->data, .n = values(t)});
    return t;
}

real *tensor_grad(cx *c, tensor *x)
{
    if (!x->grad) c->dev->fill(c->dev, &(fill_args){.x = tensor_grad_unset(c, x), .n = values(x)});
    return x->grad;
}

void values_read(cx *c, const tensor *x, real *out)
{
    c->dev->to_host(c->dev, &(transfer_args){.from = x->data, .to = out, .n = (size_t)x->rows * (size_t)x->cols});
}

double scalar_read(cx *c, const tensor *x)
{
    real value = 0; /* which a device that has failed leaves */
    values_read(c, x, &value);
    return (double)value;
}

real *tensor_grad_unset(cx *c, tensor *x)
{
    CHECK(!x->grad);
    return x->grad = arena_alloc(&c->mem, (size_t)x->rows * (size_t)x->cols * sizeof(real));
}

void move_grad(cx *c, tensor *x, real *grad)
{
    if (!x->requires_grad) return;
    if (x->grad)
        c->dev->sum_rows(c->dev,
                         &(sum_rows_args){.T = x->rows, .C = x->cols, .d_rows = x->rows, .dz = grad, .d = x->grad});
    else
        x->grad = grad;
}

tensor *tensor_part(cx *c, const tensor *w, int i, int n)
{
    CHECK(w->rows % n == 0 && (!w->requires_grad || w->grad) && !w->adapter);
    tensor *t = arena_alloc(&c->host, sizeof *t);
    *t = *w;
    t->rows = w->rows / n;
    t->data = (char *)w->data + dtype_bytes((dtype)w->type, w->cols) * t->rows * i;
    if (w->grad) t->grad = w->grad + (size_t)t->rows * (size_t)w->cols * (size_t)i;
    return t;
}

record *tape_record(cx *c, void (*back)(cx *, record *), tensor *out, int n_in, tensor *const *in)
{
    if (!c->recording) return NULL;
    int requires_grad = 0;
    for (int i = 0; i < n_in; i++) requires_grad |= in[i] && in[i]->requires_grad;
    for (int i = 0; c->b && i < c->b->n_spans; i++) requires_grad |= c->b->spans[i].dstate != NULL;
    if (!requires_grad) return NULL;
    record *r = arena_alloc(&c->host, sizeof *r);
    *r = (record){.before = c->last, .back = back, .out = {out}};
    c->last = r;
    CHECK(n_in <= (int)(sizeof r->in / sizeof *r->in));
    for (int i = 0; i < n_in; i++) r->in[i] = in[i];
    out->requires_grad = 1;
    return r;
}

void tape_unwind(cx *c, const record *to)
{
    while (c->last != to) {
        record *r = c->last;
        c->last = r->before;
        if (r->out[0]->grad || (r->out[1] && r->out[1]->grad) || r->saved) r->back(c, r);
        if (c->layer_done) c->layer_done(c->user, INT_MAX);
    }
}

void tape_backward(cx *c, tensor *root, real seed)
{
    CHECK(root->rows == 1 && root->cols == 1);
    c->seed = seed;
    c->dev->fill(c->dev, &(fill_args){.x = tensor_grad(c, root), .n = 1, .value = seed});
    tape_unwind(c, NULL);
}

const void *tape_copy(cx *c, const void *from, size_t n) { return memcpy(arena_alloc(&c->host, n), from, n); }

void copy_values(cx *c, real *to, const real *from, size_t n)
{
    c->dev->copy(c->dev, &(copy_args){.rows = 1, .cols = n, .from = from, .to = to});
}

real *states_keep(cx *c, int at, int len)
{
    real *kept = tape_keep(c, (size_t)c->b->n_spans * (size_t)len);
    c->dev->states_save(c->dev, &(states_args){.batch = c->b, .at = at, .len = len, .kept = kept});
    return kept;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

typedef struct {
    block_fn *fn;
    const void *p;
    int layer, at, len;
    real *state0; /* the states before the block ran */
} block;

/* Run fn without recording and keep only its outputs, which are copied out of its scratch memory. */
static void run_block(cx *c, const block *k, tensor *in[3], tensor *out[2])
{
    int recording = c->recording, T = c->b->rows;
    c->recording = 0;
    tensor *kept[2];
    kept[0] = tensor_new(c, T, in[0]->cols);
    kept[1] = in[1] ? in[1] : tensor_new(c, T, in[0]->cols);
    cx_place mark = cx_mark(c);
    tensor *made[2] = {NULL, NULL};
    k->fn(c, k->p, k->layer, in, made);
    for (int i = 0; i < 2; i++) {
        out[i] = made[i] == in[1] ? made[i] : kept[i];
        if (!made[i])
            out[i] = NULL;
        else if (made[i] != in[1]) {
            CHECK(made[i]->rows == T && made[i]->cols == kept[i]->cols && kept[i] != in[1]);
            copy_values(c, kept[i]->data, made[i]->data, values(kept[i]));
        }
    }
    cx_forget(c, mark);
    c->recording = recording;
}

static void block_back(cx *c, record *r)
{
    const block *k = r->p;
    tensor in[2], *ins[3] = {NULL, NULL, r->in[2]}, *out[2] = {NULL, NULL}; /* copies; they get the gradients */
    for (int i = 0; i < 2; i++)
        if (r->in[i]) {
            grad_or_null(c, r->in[i]); /* gradients must be below the mark */
            in[i] = *r->in[i];
            ins[i] = &in[i];
        }
    cx_place mark = cx_mark(c);
    const record *base = c->last;
    c->dev->states_restore(c->dev, &(states_args){.batch = c->b, .at = k->at, .len = k->len, .kept = k->state0});
    k->fn(c, k->p, k->layer, ins, out);
    for (int i = 0; i < 2; i++)
        if (out[i] && out[i] != ins[1] && r->out[i] && r->out[i]->grad)
            copy_values(c, tensor_grad(c, out[i]), r->out[i]->grad, values(out[i]));
    tape_unwind(c, base);
    cx_forget(c, mark);
}

static void layer_back(cx *c, record *r) { c->layer_done(c->user, r->i); }

/* Record the beginning of a layer: when backward reaches it, all gradients of the layer are complete. */
static void mark_layer(cx *c, int layer)
{
    tensor *mark = tensor_zero(c, 1, 1);
    mark->requires_grad = 1;
    tensor_grad(c, mark);
    record *r = REC(c, layer_back, mark, mark);
    r->i = layer;
}

void op_block(cx *c, block_fn *fn, const void *p, int layer, tensor *in[3], tensor *out[2], int at, int len)
{
    block k = {.fn = fn, .p = p, .layer = layer, .at = at, .len = len};
    if (!c->recording) {
        run_block(c, &k, in, out);
        return;
    }
    if (c->layer_done) mark_layer(c, layer);
    if (c->keep_activations) {
        fn(c, p, layer, in, out);
        return;
    }
    block *kept = arena_alloc(&c->host, sizeof *kept);
    *kept = k;
    kept->state0 = states_keep(c, at, len);
    run_block(c, kept, in, out);
    /* always recorded, even when no input requires a gradient, since parameters of the layer may require one */
    tensor always = {.requires_grad = 1};
    record *r = tape_record(c, block_back, out[0], 1, (tensor *const[]){&always});
    r->in[0] = in[0];
    r->in[1] = in[1];
    r->in[2] = in[2];
    r->p = kept;
    r->saved = kept->state0;
    if (out[1] && out[1] != in[1]) {
        r->out[1] = out[1];
        out[1]->requires_grad = 1;
    }
}
