/* work.c - the bytes, operations and barriers of a pass. */
#include "ops/device.h"
#include "rwkv/api.h"
#include "wkv_bench.h"

typedef struct {
    const rwkv *m;
    int texts, tokens, logits;
    const wkv_sparsity *sparsity;
    wkv_work *work;
} counter;

/* The share of a layer's ffn.value inputs that are zero in all of the T rows of a pass. */
static double all_zero(const wkv_sparsity *z, int T)
{
    int i = 0;
    while (1 << i < T && i < (int)(sizeof z->of / sizeof *z->of)) i++;
    return 1 << i == T && z->of[i] ? (double)z->zero[i] / (double)z->of[i] : 0;
}

static int count(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name;
    const counter *c = user;
    wkv_work *work = c->work;
    double values = (double)t->rows * t->cols, tokens = (double)c->texts * c->tokens,
           rows = t == &c->m->head ? (double)c->texts * c->logits : tokens;
    if (rows == 0) return 0;
    int table = (s->flags & SLOT_TABLE) != 0;
    double bytes = table ? tokens * (double)dtype_bytes((dtype)t->type, t->cols)
                         : (double)dtype_bytes((dtype)t->type, (int64_t)values);
    work->bytes += bytes;
    work->read += bytes;
    if (table || !(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK))) return 0;
    work->flops += 2 * values * rows;
    if (dtypes[t->type].values > 1) work->int8 += 2 * values * rows;
    int T = c->texts * c->tokens;
    if (c->sparsity && s->flags & SLOT_INPUT_MAJOR) {
        stored_weight w = weight_stored(t);
        work->read -= (double)(w.in * layout_input_bytes(&w)) * all_zero(&c->sparsity[layer], T);
    }
    return 0;
}

unsigned wkv_context_barriers(const wkv_context *c)
{
    unsigned n = 0;
    const device *d;
    for (int i = 0; c && (d = context_device_of(c, i)); i++) n += d->barriers(d);
    return n;
}

double wkv_context_traffic(const wkv_context *c)
{
    const device *d = c ? context_device(c) : NULL;
    return d && d->traffic ? (double)d->traffic(d) : 0;
}

void wkv_work_of(wkv_work *out, const wkv_model *m, int texts, int tokens, int logits, const wkv_sparsity *sparsity)
{
    if (out) *out = (wkv_work){0};
    if (!out || !m) return;
    double states = (double)texts * (double)m->about.state_bytes;
    *out = (wkv_work){.bytes = states, .read = states};
    rwkv_each(&m->rwkv, count, &(counter){&m->rwkv, texts, tokens, logits, sparsity, out});
}
