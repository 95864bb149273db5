/* forward.c - a model from tokens to logits, and its state at the start of a text. */
#include <string.h>
#include "ops/device.h"
#include "rwkv/forward.h"
#include "rwkv/parts.h"

/* ---- memory ------------------------------------------------------------------------------------------------------ */

typedef struct {
    int widest;
    size_t adapters; /* columns that the adapters of one layer (or of none) add to a row */
    size_t most;
    int layer;
} widths;

static int larger(int a, int b) { return a > b ? a : b; }

static int measure(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name, (void)s;
    widths *w = user;
    if (layer != w->layer) w->adapters = 0;
    w->layer = layer;
    w->widest = larger(w->widest, larger(t->rows, t->cols));
    for (const adapter *low = t->adapter; low; low = low->next) {
        w->widest = larger(w->widest, weight_in(&low->b));
        w->adapters += 4 * (size_t)weight_out(t) + (size_t)weight_in(&low->b); /* ops/linear.c, linear_composed */
    }
    if (w->adapters > w->most) w->most = w->adapters;
    return 0;
}

static widths widths_of(const rwkv *m)
{
    widths w = {.layer = -1};
    rwkv_each(m, measure, &w);
    return w;
}

int rwkv_reserve(cx *c, const rwkv *m, int rows, int spans, int backward)
{
    return cx_reserve(c, &(pass_size){.rows = rows,
                                      .spans = spans,
                                      .width = m->C,
                                      .widest = widths_of(m).widest,
                                      .head = m->N,
                                      .backward = backward});
}

/* The matrices of a running layer: in version 7, which has the most, 27 of width C (tests/test_memory.c measures all).
 * Each layer before it keeps two (op_block). */
size_t rwkv_row_bytes(const rwkv *m, size_t *fixed)
{
    size_t values = (40 + 2 * (size_t)m->L) * (size_t)m->C + 2 * (size_t)m->F + widths_of(m).most;
    for (int i = D_R0; i <= D_5R0; i++) values += 2 * (size_t)m->dim[i];
    *fixed = (1 << 18) + 64 * (size_t)m->C * sizeof(real); /* per pass: structs of tensors, single rows */
    return values * sizeof(real);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

void rwkv_block(cx *c, const void *p, int layer, tensor *in[3], tensor *out[2])
{
    const rwkv *m = p;
    void *w = rwkv_layer(m, layer);
    int at = (layer - c->first_layer) * rwkv_layer_state(m), ffn_at = at + rwkv_layer_state(m) - m->C;
    out[1] = in[1];
    op_layer(c, layer);
    tensor *x = op_probe(c, WKV_SITE_RESID_PRE, in[0]);
    x = op_probe(c, WKV_SITE_RESID_MID, op_drop(c, m->arch->time_mix(c, m, w, x, &out[1], at), 2 * layer));
    x = op_drop(c, m->arch->channel_mix(c, m, w, x, in[2], ffn_at), 2 * layer + 1);
    out[0] = op_probe(c, WKV_SITE_RESID_POST, x);
}

stream rwkv_embed(cx *c, const rwkv *m, const int32_t *tokens)
{
    op_layer(c, -1);
    tensor *x = op_probe(c, WKV_SITE_EMBED, op_embed(c, (tensor *)&m->emb, tokens, c->b->rows));
    x = layer_norm(c, x, (tensor *)&m->ln0_w, (tensor *)&m->ln0_b);
    return (stream){.x = x, .embedded = x};
}

void rwkv_layers(cx *c, const rwkv *m, const int32_t *tokens, stream *s, int end)
{
    const int len = rwkv_layer_state(m);
    c->tokens = tokens;
    for (int l = c->first_layer; l < end; l++) {
        tensor *in[3] = {s->x, s->v_first, s->embedded}, *out[2];
        op_block(c, rwkv_block, m, l, in, out, (l - c->first_layer) * len, len);
        s->x = out[0];
        s->v_first = out[1];
    }
}

tensor *rwkv_norm(cx *c, const rwkv *m, const stream *s, const int *rows, int n)
{
    if (rows && !n) return NULL;
    tensor *x = rows ? op_rows(c, s->x, rows, n) : s->x;
    return layer_norm(c, x, (tensor *)&m->ln_out_w, (tensor *)&m->ln_out_b);
}

tensor *rwkv_features(cx *c, const rwkv *m, const int32_t *tokens, const int *rows, int n)
{
    stream s = rwkv_embed(c, m, tokens);
    rwkv_layers(c, m, tokens, &s, m->L);
    return rwkv_norm(c, m, &s, rows, n);
}

tensor *rwkv_forward(cx *c, const rwkv *m, const int32_t *tokens, const int *rows, int n)
{
    tensor *x = rwkv_features(c, m, tokens, rows, n);
    return x ? op_linear(c, x, (tensor *)&m->head) : NULL;
}

void rwkv_state_init(const rwkv *m, real *state)
{
    if (m->state0) {
        memcpy(state, m->state0, (size_t)rwkv_state_len(m) * sizeof *state);
        return;
    }
    for (int l = 0; l < m->L; l++) m->arch->state_init(m, state + (size_t)l * (size_t)rwkv_layer_state(m));
}
