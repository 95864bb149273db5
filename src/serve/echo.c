/* echo.c - prompts that come back before their answers, with the log-probabilities of their tokens. */
#include "answers.h"
#include "wkv_study.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 64 /* tokens scored between two steps of the batcher */, TEXTS = 16 };

static int top_of(const answers *a) { return a->r.logprobs < a->e->about->vocab ? a->r.logprobs : a->e->about->vocab; }

int echo_begin(const answers *a, choice *c)
{
    const size_t n = (size_t)wkv_session_about(c->session).n - 1, k = (size_t)top_of(a);
    c->to_score = (int)n;
    c->scores = malloc(n * sizeof *c->scores);
    c->top = k ? malloc(n * k * sizeof *c->top) : NULL;
    return c->scores && (c->top || !k) ? 0 : WKV_ENOMEM;
}

int echo_work(answers *a)
{
    wkv_scored_text texts[TEXTS];
    choice *of[TEXTS];
    const int k = top_of(a);
    int n = 0, left = ROWS;
    for (choice *c = a->choices; c < a->choices + a->n && n < TEXTS && left; c++) {
        int take = c->to_score ? c->to_score - c->scored : 0;
        if (!take) continue;
        if (take > left) take = left;
        texts[n] = (wkv_scored_text){.state = wkv_session_state(c->session),
                                     .tokens = wkv_session_about(c->session).ids + c->scored,
                                     .n = take,
                                     .scores = c->scores + c->scored,
                                     .top = k ? c->top + (size_t)c->scored * (size_t)k : NULL,
                                     .k = k};
        of[n++] = c;
        left -= take;
    }
    if (!n) return 0;
    turns_enter(&a->e->server->compute);
    const int err = wkv_score(a->e->context, texts, n);
    turns_leave(&a->e->server->compute);
    for (int i = 0; i < n && !err; i++) of[i]->scored += texts[i].n;
    return err;
}

static void show_text(answers *a, choice *c, const choice *lead, int ids)
{
    const prompt *q = &a->r.prompts[c->prompt];
    const int32_t *of = wkv_session_about(lead->session).ids;
    if (q->text) out_put(&c->text, q->text, (size_t)q->n);
    for (int i = 0; i < ids && !q->text; i++) {
        size_t bytes;
        const char *p = wkv_token_bytes(a->e->tokenizer, of[i], &bytes);
        out_put(&c->text, p, bytes);
    }
}

static void show_tokens(answers *a, choice *c, const choice *lead)
{
    const int32_t *of = wkv_session_about(lead->session).ids;
    const int k = top_of(a);
    wkv_token_score row[1 + REQUEST_TOP];
    a->how->token(a, c, &(wkv_token_score){.id = of[0], .nll = NAN}, 0); /* nothing comes before the first one */
    for (int i = 0; i < lead->scored; i++) {
        row[0] = lead->scores[i];
        if (k) memcpy(row + 1, lead->top + (size_t)i * (size_t)k, sizeof *row * (size_t)k);
        a->how->token(a, c, row, k);
    }
}

void echo_show(answers *a, choice *c)
{
    if (!a->r.echo) return;
    const choice *lead = c;
    while (!lead->leads) lead--;
    show_text(a, c, lead, a->r.prompts[c->prompt].ids ? a->r.prompts[c->prompt].n : 0);
    if (a->r.logprobs >= 0)
        show_tokens(a, c, lead);
    else if (a->r.stream) {
        a->how->part(a, c, 0, c->text.at ? c->text.at : "", c->text.n);
        out_clear(&c->text);
    }
}
