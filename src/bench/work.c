/* work.c - what a pass must read and multiply, and how much of it is multiplied by zero. */
#include <stdlib.h>
#include "base/error.h"
#include "ops/device.h"
#include "rwkv/api.h"
#include "wkv_bench.h"

typedef struct {
    const rwkv *m;
    double texts, tokens, logits;
    wkv_work *work;
} counter;

static int count(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name, (void)layer;
    const counter *c = user;
    double values = (double)t->rows * t->cols, rows = t == &c->m->head ? c->logits : c->tokens;
    if (rows == 0) return 0;
    if (t == &c->m->emb) {
        c->work->bytes += c->texts * c->tokens * (double)dtype_bytes((dtype)t->type, t->cols);
        return 0;
    }
    c->work->bytes += (double)dtype_bytes((dtype)t->type, (int64_t)values);
    if (s->flags & (SLOT_MATRIX | SLOT_LOW_RANK)) c->work->flops += 2 * values * c->texts * rows;
    return 0;
}

void wkv_work_of(wkv_work *out, const wkv_model *m, int texts, int tokens, int logits)
{
    *out = (wkv_work){.bytes = (double)texts * (double)m->about.state_bytes};
    rwkv_each(&m->rwkv, count, &(counter){&m->rwkv, texts, tokens, logits, out});
}

/* ---- zeros: the CPU device with a map that looks at its results ------------------------------------------------------- */

static _Thread_local struct {
    int64_t zeros, values;
} seen;

static void counting_map(pool *p, map_kind kind, real *y, const real *x, size_t n)
{
    device_cpu.map(p, kind, y, x, n);
    if (kind != MAP_RELU2) return;
    for (size_t i = 0; i < n; i++) seen.zeros += y[i] == 0;
    seen.values += (int64_t)n;
}

int wkv_relu2_zeros(double *share, const wkv_model *m, const int32_t *tokens, int n, int threads)
{
    *share = 0;
    if (n < 1 || n > 512) return fail(WKV_EARG, "%d tokens; 1 to 512 are read for this", n);
    for (int i = 0; i < n; i++)
        if (tokens[i] < 0 || tokens[i] >= m->rwkv.V)
            return fail(WKV_EARG, "token %d is %d; the model's ids are 0 to %d", i, (int)tokens[i], m->rwkv.V - 1);
    device counting = device_cpu;
    counting.map = counting_map;
    wkv_state *s = NULL;
    pool *p = NULL;
    cx c = {0};
    int e = wkv_state_new(&s, m);
    if (!e) e = pool_new(&p, threads);
    if (!e && !(e = cx_init(&c, &counting, p))) {
        const int none = 0;
        span one = {.len = n, .state = s->data};
        batch b = {.rows = n, .n_spans = 1, .spans = &one};
        c.b = &b;
        seen.zeros = seen.values = 0;
        rwkv_forward(&c, &m->rwkv, tokens, &none, 0);
        *share = (double)seen.zeros / (double)seen.values;
        cx_release(&c);
    }
    pool_free(p);
    wkv_state_free(s);
    return e;
}
