/* attention.c - effective attention: the share of each earlier token in the read-out of the wkv state.
 *
 * The recurrence is linear in v, channel by channel of v. With a unit vector in the place of v_s in each head, channel
 * j of the read-out at t is the weight of the token whose unit vector has its 1 at j: one reading of the text gives the
 * weights of N tokens. In version 4 the channels have recurrences of their own, and one reading gives those of one
 * token. The output of the time mix is restored meanwhile, so that all other inputs are those of the text. */
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "study/lens.h"

typedef struct {
    const rwkv *m;
    int n, heads, unit;    /* tokens; heads of width C / heads; tokens with a unit vector in one reading */
    int first;             /* of these tokens                                                       */
    lens_rows v, wkv, out; /* of the text                                                              */
    float *layers, *by_head;
} attention;

static const float *row_of(const lens_rows *r, const attention *a, int layer, int token)
{
    return r->rows + ((size_t)layer * (size_t)a->n + (size_t)token) * (size_t)a->m->C;
}

static void put_units(void *user, const wkv_probed *p)
{
    const attention *a = user;
    const int width = p->cols / a->heads;
    memset(p->values, 0, (size_t)p->rows * (size_t)p->cols * sizeof *p->values);
    for (int t = 0; t < p->rows; t++) {
        const int j = p->of[t].token - a->first;
        float *v = p->values + (size_t)t * (size_t)p->cols;
        if (j < 0 || j >= a->unit) continue;
        for (int h = 0; a->m->H && h < a->heads; h++) v[h * width + j] = 1;
        for (int i = 0; !a->m->H && i < p->cols; i++) v[i] = 1;
    }
}

static void restore_out(void *user, const wkv_probed *p)
{
    const attention *a = user;
    for (int t = 0; t < p->rows; t++)
        memcpy(p->values + (size_t)t * (size_t)p->cols, row_of(&a->out, a, p->layer, p->of[t].token),
               (size_t)p->cols * sizeof *p->values);
}

static double dot(const float *x, const float *y, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
    return sum;
}

static double product3(const float *x, const float *y, const float *z, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)x[i] * (double)y[i] * (double)z[i];
    return sum;
}

static float ratio(double part, double all) { return all > 0 ? (float)(part / all) : 0; }

/* Shares of the tokens with a unit vector in the read-out `weights` at token t of a layer. */
static void add_shares(const attention *a, const float *weights, int layer, int t)
{
    const size_t n = (size_t)a->n, width = (size_t)(a->m->C / a->heads);
    const float *o = row_of(&a->wkv, a, layer, t);
    const double all = dot(o, o, a->m->C);
    for (int s = a->first; s <= t && s < a->first + a->unit; s++) {
        const float *v = row_of(&a->v, a, layer, s);
        double sum = a->m->H ? 0 : product3(weights, v, o, a->m->C);
        for (size_t h = 0; a->m->H && h < (size_t)a->heads; h++) {
            const float *of_head = o + h * width;
            const double part =
                (double)weights[h * width + (size_t)(s - a->first)] * dot(v + h * width, of_head, (int)width);
            if (a->by_head)
                a->by_head[(((size_t)layer * (size_t)a->heads + h) * n + (size_t)t) * n + (size_t)s] =
                    ratio(part, dot(of_head, of_head, (int)width));
            sum += part;
        }
        a->layers[((size_t)layer * n + (size_t)t) * n + (size_t)s] = ratio(sum, all);
    }
}

static void read_weights(void *user, const wkv_probed *p)
{
    const attention *a = user;
    for (int t = 0; t < p->rows; t++) add_shares(a, p->values + (size_t)t * (size_t)p->cols, p->layer, p->of[t].token);
}

/* ---- readings ---------------------------------------------------------------------------------------------------- */

static void release(attention *a, wkv_context *c)
{
    lens_rows *const rows[3] = {&a->v, &a->wkv, &a->out};
    for (int i = 0; i < 3; i++) {
        wkv_probe_remove(c, lens_copy_rows, rows[i]);
        free(rows[i]->rows);
    }
    wkv_probe_remove(c, put_units, a);
    wkv_probe_remove(c, restore_out, a);
    wkv_probe_remove(c, read_weights, a);
}

/* Read the text and keep the rows of all three sites. */
static int read_text(attention *a, wkv_context *c, wkv_state *s, const int32_t *tokens)
{
    static const char *const names[3] = {"v", "wkv", "att_out"};
    lens_rows *const rows[3] = {&a->v, &a->wkv, &a->out};
    int err = 0;
    for (int i = 0; i < 3 && !err; i++) {
        *rows[i] = (lens_rows){malloc(sizeof(float) * (size_t)a->m->L * (size_t)a->n * (size_t)a->m->C), a->n};
        err = rows[i]->rows ? wkv_probe_add(c, names[i], lens_copy_rows, rows[i])
                            : fail(WKV_ENOMEM, "no memory for the values of %d tokens in %d layers", a->n, a->m->L);
    }
    if (!err) err = wkv_eval(c, s, tokens, a->n, NULL);
    for (int i = 0; i < 3; i++) wkv_probe_remove(c, lens_copy_rows, rows[i]);
    return err;
}

/* The content of the state before the text is not read: S, or the sum aa of version 4; its weights bb stay. */
static void empty_values(const rwkv *m, wkv_state *s)
{
    for (int l = 0; l < m->L; l++)
        memset(lens_wkv(m, s, l), 0, (size_t)(m->H ? lens_wkv_values(m) : m->C) * sizeof(float));
}

static int read_units(attention *a, wkv_context *c, wkv_state *s, const wkv_state *begin, const int32_t *tokens,
                      const wkv_lens_progress *progress)
{
    int err = wkv_probe_add(c, "v", put_units, a);
    if (!err) err = wkv_probe_add(c, "att_out", restore_out, a);
    if (!err) err = wkv_probe_add(c, "wkv", read_weights, a);
    const int total = (a->n + a->unit - 1) / a->unit;
    for (int done = 0; done < total && !err; done++) {
        if (progress && progress->report && progress->report(progress->user, done, total))
            return fail(WKV_ESTOPPED, "stopped after %d of %d readings", done, total);
        a->first = done * a->unit;
        wkv_state_copy(s, begin);
        empty_values(a->m, s);
        err = wkv_eval(c, s, tokens, a->n, NULL);
    }
    return err;
}

int wkv_attention(float *layers, float *heads, wkv_context *c, const wkv_state *from, const int32_t *tokens, int n,
                  const wkv_lens_progress *progress)
{
    REQUIRE(layers, "the list of shares");
    REQUIRE(c, "the context");
    REQUIRE(tokens, "the list of tokens");
    if (n < 1) return fail(WKV_EARG, "wkv_attention: %d tokens, expected at least 1", n);
    const rwkv *m = &context_model(c)->rwkv;
    const size_t square = (size_t)n * (size_t)n;
    attention a = {
        .m = m, .n = n, .heads = m->H ? m->H : 1, .unit = m->H ? m->N : 1, .layers = layers, .by_head = heads};
    if (heads && !m->H) return fail(WKV_EARG, "wkv_attention: version %s has no heads", m->arch->version);
    wkv_state *begin = NULL, *s = NULL;
    int err = wkv_state_new(&begin, context_model(c));
    if (!err) err = wkv_state_new(&s, context_model(c));
    if (!err && from) err = wkv_state_copy(begin, from);
    if (!err) err = wkv_state_copy(s, begin);
    if (!err) err = read_text(&a, c, s, tokens);
    if (!err) memset(layers, 0, sizeof *layers * (size_t)m->L * square);
    if (!err && heads) memset(heads, 0, sizeof *heads * (size_t)m->L * (size_t)m->H * square);
    if (!err) err = read_units(&a, c, s, begin, tokens, progress);
    release(&a, c);
    wkv_state_free(begin);
    wkv_state_free(s);
    return err;
}
