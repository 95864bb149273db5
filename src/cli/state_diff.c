/* state_diff.c - wkv state diff. */
#include "say.h"
#include "state.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- for people -------------------------------------------------------------------------------------------------- */

static void print_part(const wkv_state_part *p)
{
    if (p->head < 0)
        put_text("%s%5d      ", bold(1), p->layer);
    else
        put_text("%5d.%-4d ", p->layer, p->head);
    put_text("%10.3f %10.3f %11.4f ", p->norm[0], p->norm[1], p->difference);
    if (p->head < 0)
        put_text("%8.4f", p->shifts);
    else
        put_text("%8s", "");
    put_text(" %12.3g%s\n", p->kl, p->head < 0 ? plain(1) : "");
}

static void print_token(const wkv_tokenizer *t, const wkv_state_mover *m)
{
    size_t n;
    const char *word = wkv_token_bytes(t, m->id, &n);
    put_text("%9.3f %% %9.3f %%   ", 100 * exp(m->log_probability[0]), 100 * exp(m->log_probability[1]));
    put_text("\"");
    put_escaped(word, n);
    put_text("\"\n");
}

static void print_text(const wkv_state_difference *d, const state_comparison *c, const wkv_tokenizer *t)
{
    put_text("A = %s\nB = %s\n\n", c->path[0], c->path[1]);
    put_text("layer%s          norm A     norm B  difference   shifts    effect, nats\n", c->heads ? ".head" : "     ");
    for (int i = 0; i < d->n_parts; i++) print_part(&d->parts[i]);
    put_text("\nafter B the next token has a KL divergence of %.4g nats from that after A, both followed by \"", d->kl);
    put_escaped(c->probe, strlen(c->probe));
    put_text("\"\n\n      after A     after B   token\n");
    for (int i = 0; i < d->n_movers; i++) print_token(t, &d->movers[i]);
}

/* ---- for programs ------------------------------------------------------------------------------------------------ */

static json_t *json_of(const wkv_state_part *p)
{
    json_t *r = json_pack("{s:i s:[f, f] s:f s:f}", p->head < 0 ? "layer" : "head", p->head < 0 ? p->layer : p->head,
                          "norm", p->norm[0], p->norm[1], "difference", p->difference, "kl", p->kl);
    if (p->head < 0) json_object_set_new(r, "shifts", json_real(p->shifts));
    return r;
}

static json_t *json_layers(const wkv_state_difference *d, int heads)
{
    json_t *layers = json_array(), *of_heads = NULL;
    for (int i = 0; i < d->n_parts; i++) {
        const wkv_state_part *p = &d->parts[i];
        json_t *one = json_of(p);
        if (p->head >= 0) {
            json_array_append_new(of_heads, one);
            continue;
        }
        json_array_append_new(layers, one);
        if (heads) json_object_set_new(one, "heads", of_heads = json_array());
    }
    return layers;
}

static json_t *json_tokens(const wkv_state_difference *d, const wkv_tokenizer *t)
{
    json_t *tokens = json_array();
    for (int i = 0; i < d->n_movers; i++) {
        const wkv_state_mover *m = &d->movers[i];
        size_t n;
        const char *word = wkv_token_bytes(t, m->id, &n);
        json_t *text = json_stringn(word, n); /* NULL: not UTF-8 */
        json_array_append_new(tokens,
                              json_pack("{s:i s:o s:[f, f]}", "id", (int)m->id, "text", text ? text : json_null(),
                                        "log_probability", m->log_probability[0], m->log_probability[1]));
    }
    return tokens;
}

static int print_json(const wkv_state_difference *d, const state_comparison *c, const wkv_tokenizer *t)
{
    json_t *r = json_pack("{s:s s:s s:s s:f}", "a", c->path[0], "b", c->path[1], "probe", c->probe, "kl", d->kl);
    json_object_set_new(r, "layers", json_layers(d, c->heads));
    json_object_set_new(r, "tokens", json_tokens(d, t));
    char *text = r ? json_dumps(r, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
    if (text) put_text("%s\n", text);
    free(text);
    json_decref(r);
    return text ? 0 : complain("the report cannot be written as JSON: a name is not UTF-8");
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

static int report(void *user, double done, double total)
{
    progress_at(user, done, total, "%.0f of %.0f parts", done, total);
    return interrupted;
}

static int measure(engine *e, wkv_state *const s[2], const state_comparison *c)
{
    int32_t *ids;
    progress bar;
    wkv_state_difference *d;
    int n = engine_encode(e->tokenizer, 0, c->probe, strlen(c->probe), &ids);
    if (n < 0) return 1;
    progress_begin(&bar, "comparing");
    const wkv_state_diff_options o = {.tokens = ids, .n = n, .heads = c->heads, .report = report, .user = &bar};
    int err = wkv_state_diff(&d, e->context, s[0], s[1], &o), status = err ? 130 : 0;
    progress_end(&bar);
    free(ids);
    if (err && err != WKV_ESTOPPED) return complain_library();
    if (!err && c->as_json)
        status = print_json(d, c, e->tokenizer);
    else if (!err)
        print_text(d, c, e->tokenizer);
    wkv_state_difference_free(d);
    return status;
}

static int load(const engine *e, wkv_state *s, const char *path)
{
    int differs, status = 1;
    wkv_state_file *f = state_open(path);
    if (f && !(status = state_note(f, path, e, &differs)) && wkv_state_file_read(f, s)) status = complain_library();
    wkv_state_file_close(f);
    return status;
}

int state_diff(const state_comparison *c)
{
    engine e;
    wkv_state *b = NULL;
    int status = *c->probe ? engine_open(&e, 1) : complain("--probe: has no text to read");
    if (status) return status;
    catch_interrupts();
    if (wkv_state_new(&b, e.model)) status = complain_library();
    if (!status) status = load(&e, e.state, c->path[0]);
    if (!status) status = load(&e, b, c->path[1]);
    if (!status) status = measure(&e, (wkv_state *const[]){e.state, b}, c);
    wkv_state_free(b);
    engine_close(&e);
    return status;
}
