/* openai_completions.c - /v1/completions. */
#include "answers.h"
#include "dialects.h"

static void begin_object(answers *a, out *o)
{
    out_format(o, "{\"id\": \"%s\", \"object\": \"text_completion\", \"created\": %lld, \"model\": ", a->id,
               (long long)a->created);
    out_quoted(o, a->e->name);
}

/* The lists so far; they are then empty. */
static void put_logprobs(out *o, const answers *a, choice *c)
{
    static const char *const names[] = {"tokens", "token_logprobs", "top_logprobs", "text_offset"};
    if (a->r.logprobs < 0 || (a->r.stream && !c->n_tokens)) {
        out_text(o, "null");
        return;
    }
    for (int i = 0; i < 4; i++) {
        out_format(o, "%s\"%s\": [", i ? ", " : "{", names[i]);
        out_put(o, c->tokens[i].at, c->tokens[i].n);
        out_text(o, "]");
        out_clear(&c->tokens[i]);
    }
    out_text(o, "}");
    c->n_tokens = 0;
}

static void put_choice(out *o, const answers *a, choice *c, const char *text, size_t n, const char *finish)
{
    out_format(o, "{\"index\": %d, \"text\": ", (int)(c - a->choices));
    out_string(o, n ? text : "", n);
    out_text(o, ", \"logprobs\": ");
    put_logprobs(o, a, c);
    out_text(o, ", \"finish_reason\": ");
    out_quoted(o, finish);
    out_text(o, "}");
}

/* ---- a stream ---------------------------------------------------------------------------------------------------- */

static void put_chunk(answers *a, choice *c, const char *text, size_t n, const char *finish)
{
    out_text(&a->piece, "data: ");
    begin_object(a, &a->piece);
    out_text(&a->piece, ", \"choices\": [");
    put_choice(&a->piece, a, c, text, n, finish);
    out_text(&a->piece, a->r.usage ? "], \"usage\": null}\n\n" : "]}\n\n");
}

static void part(answers *a, choice *c, int reasoning, const char *text, size_t n)
{
    (void)reasoning; /* an answer without sections has none */
    put_chunk(a, c, text, n, NULL);
}

static void token(answers *a, choice *c, const wkv_token_score *t, int top)
{
    if (t->id == wkv_tokenizer_end(a->e->tokenizer) && !a->r.echo) return;
    logprobs_completion(a, c, t, top);
    if (!a->r.stream) return;
    put_chunk(a, c, c->text.at, c->text.n, NULL);
    out_clear(&c->text);
}

static void end(answers *a, choice *c)
{
    put_chunk(a, c, c->text.at, c->text.n, c->finish);
    out_clear(&c->text);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void finish(answers *a)
{
    out o = {0};
    if (a->r.stream && a->r.usage) {
        out_text(&a->piece, "data: ");
        begin_object(a, &a->piece);
        out_text(&a->piece, ", \"choices\": [], \"usage\": ");
        answers_usage(a, &a->piece);
        out_text(&a->piece, "}\n\n");
    }
    if (a->r.stream && a->state.n) {
        out_text(&a->piece, "data: ");
        begin_object(a, &a->piece);
        out_text(&a->piece, ", \"choices\": []");
        answers_extras(a, &a->piece);
        out_text(&a->piece, "}\n\n");
    }
    if (a->r.stream) {
        out_text(&a->piece, "data: [DONE]\n\n");
        return;
    }
    begin_object(a, &o);
    out_text(&o, ", \"choices\": [");
    for (int i = 0; i < a->n; i++) {
        choice *c = &a->choices[i];
        if (i) out_text(&o, ", ");
        put_choice(&o, a, c, c->text.at, c->text.n, c->finish);
    }
    out_text(&o, "], \"usage\": ");
    answers_usage(a, &o);
    answers_extras(a, &o);
    out_text(&o, "}");
    exchange_reply_json(a->j.x, &o);
}

static const dialect completions = {
    .prefix = "cmpl-", .read = request_completion, .part = part, .token = token, .end = end, .finish = finish};

void handle_completions(exchange *x) { answers_give(x, &completions); }
