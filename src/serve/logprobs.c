/* logprobs.c - log-probabilities as OpenAI's clients read them. */
#include "answers.h"
#include <math.h>
#include <string.h>

static void put_logprob(out *o, float nll)
{
    if (isfinite(nll))
        out_format(o, "%.9g", -(double)nll);
    else
        out_text(o, isnan(nll) ? "null" : "-9999.0"); /* JSON has no infinity */
}

/* The id that ends a text has no bytes. */
static const char *bytes_of(const answers *a, int32_t id, size_t *n)
{
    static const char end[] = "<|endoftext|>";
    if (id != wkv_tokenizer_end(a->e->tokenizer)) return wkv_token_bytes(a->e->tokenizer, id, n);
    *n = sizeof end - 1;
    return end;
}

/* ---- chat -------------------------------------------------------------------------------------------------------- */

static void put_entry(out *o, const answers *a, const wkv_token_score *t)
{
    size_t n;
    const char *p = bytes_of(a, t->id, &n);
    out_text(o, "{\"token\": ");
    out_string(o, p, n);
    out_text(o, ", \"logprob\": ");
    put_logprob(o, t->nll);
    out_text(o, ", \"bytes\": [");
    for (size_t i = 0; i < n; i++) out_format(o, "%s%d", i ? ", " : "", (unsigned char)p[i]);
    out_text(o, "]");
}

void logprobs_chat(out *o, const answers *a, const wkv_token_score *t, int top)
{
    put_entry(o, a, t);
    out_text(o, ", \"top_logprobs\": [");
    for (int i = 1; i <= top; i++) {
        if (i > 1) out_text(o, ", ");
        put_entry(o, a, t + i);
        out_text(o, "}");
    }
    out_text(o, "]}");
}

/* ---- completions ------------------------------------------------------------------------------------------------- */

/* A key must tell tokens apart: one that is no UTF-8 is "bytes:\xe4\xbd", as OpenAI writes it. */
static void put_key(out *o, const answers *a, int32_t id)
{
    size_t n;
    const char *p = bytes_of(a, id, &n);
    if (out_is_utf8(p, n)) {
        out_string(o, p, n);
        return;
    }
    out_text(o, "\"bytes:");
    for (size_t i = 0; i < n; i++) out_format(o, "\\\\x%02x", (unsigned char)p[i]);
    out_text(o, "\"");
}

static void put_pair(out *o, const answers *a, const wkv_token_score *t)
{
    put_key(o, a, t->id);
    out_text(o, ": ");
    put_logprob(o, t->nll);
}

static size_t characters_of(const answers *a, int32_t id)
{
    size_t n, characters = 0;
    const char *p = wkv_token_bytes(a->e->tokenizer, id, &n);
    for (size_t i = 0; i < n; i++) characters += ((unsigned char)p[i] & 0xc0) != 0x80;
    return characters;
}

void logprobs_completion(answers *a, choice *c, const wkv_token_score *t, int top)
{
    out *o = c->tokens;
    int found = 0;
    for (int i = 0; i < 4 && c->n_tokens; i++) out_text(&o[i], ", ");
    c->n_tokens++;
    put_key(&o[0], a, t->id);
    put_logprob(&o[1], t->nll);
    out_format(&o[3], "%zu", c->characters);
    c->characters += characters_of(a, t->id);
    if (isnan(t->nll)) { /* the first token of a prompt */
        out_text(&o[2], "null");
        return;
    }
    out_text(&o[2], "{");
    for (int i = 1; i <= top; i++) {
        if (i > 1) out_text(&o[2], ", ");
        put_pair(&o[2], a, t + i);
        found |= t[i].id == t->id;
    }
    if (!found) {
        if (top) out_text(&o[2], ", ");
        put_pair(&o[2], a, t);
    }
    out_text(&o[2], "}");
}
