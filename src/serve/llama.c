/* llama.c - /completion of llama.cpp's server. */
#include "answers.h"
#include "dialects.h"

static void begin_object(out *o, const answers *a, const choice *c, const out *text)
{
    out_format(o, "{\"index\": %d, \"content\": ", (int)(c - a->choices));
    out_string(o, text->n ? text->at : "", text->n);
    out_text(o, ", \"tokens\": [], \"id_slot\": -1");
}

/* With n_probs: the tokens of the text, which are then forgotten. */
static void put_probabilities(out *o, const answers *a, choice *c)
{
    if (a->r.logprobs < 0) return;
    out_text(o, ", \"completion_probabilities\": [");
    out_put(o, c->tokens[0].at, c->tokens[0].n);
    out_text(o, "]");
    out_clear(&c->tokens[0]);
}

/* A phase's tokens, milliseconds and rates. */
static void put_phase(out *o, const char *name, int n, int64_t from, int64_t to)
{
    const double ms = from && to > from ? 1e-3 * (double)(to - from) : 0;
    out_format(o, "\"%s_n\": %d, \"%s_ms\": %.3f, \"%s_per_token_ms\": %.3f, \"%s_per_second\": %.3f", name, n, name,
               ms, name, n ? ms / n : 0, name, ms > 0 ? 1e3 * n / ms : 0);
}

static const char *stop_type(const choice *c)
{
    return c->why == WKV_FINISH_END ? "eos" : c->why == WKV_FINISH_STOP ? "word" : "limit";
}

static void put_end(out *o, const answers *a, choice *c)
{
    const prompt *q = &a->r.prompts[c->prompt];
    out_text(o, ", \"stop\": true, \"model\": ");
    out_quoted(o, a->e->name);
    out_format(o,
               ", \"tokens_predicted\": %d, \"tokens_evaluated\": %d, \"tokens_cached\": %d, \"generation_settings\": "
               "{\"n_predict\": %d, \"seed\": %llu}, \"truncated\": false, \"stop_type\": \"%s\", \"stopping_word\": ",
               c->sampled, a->prompt, wkv_session_about(c->session).n, a->r.max_tokens, (unsigned long long)a->r.seed,
               stop_type(c));
    out_quoted(o, c->stop ? c->stop : "");
    out_text(o, ", \"prompt\": ");
    out_string(o, q->text ? q->text : "", q->text ? (size_t)q->n : 0);
    out_format(o, ", \"timings\": {\"cache_n\": %d, ", a->cached);
    put_phase(o, "prompt", a->prompt - a->cached, a->started, a->first);
    out_text(o, ", ");
    put_phase(o, "predicted", c->sampled, a->first, now_us());
    out_text(o, "}");
    put_probabilities(o, a, c);
    out_text(o, "}");
}

/* ---- a stream ---------------------------------------------------------------------------------------------------- */

static void put_chunk(answers *a, choice *c, const out *text)
{
    out_text(&a->piece, "data: ");
    begin_object(&a->piece, a, c, text);
    out_format(&a->piece, ", \"stop\": false, \"tokens_predicted\": %d, \"tokens_evaluated\": %d",
               wkv_session_about(c->session).sampled, a->prompt);
    put_probabilities(&a->piece, a, c);
    out_text(&a->piece, "}\n\n");
}

static void part(answers *a, choice *c, int reasoning, const char *text, size_t n)
{
    (void)reasoning; /* an answer without sections has none */
    put_chunk(a, c, &(out){.at = (char *)(uintptr_t)text, .n = n});
}

static void token(answers *a, choice *c, const wkv_token_score *t, int top)
{
    if (t->id == wkv_tokenizer_end(a->e->tokenizer)) return;
    if (c->tokens[0].n) out_text(&c->tokens[0], ", ");
    logprobs_chat(&c->tokens[0], a, t, top);
    if (!a->r.stream) return;
    put_chunk(a, c, &c->text);
    out_clear(&c->text);
}

static void end(answers *a, choice *c)
{
    out_text(&a->piece, "data: ");
    begin_object(&a->piece, a, c, &c->text);
    put_end(&a->piece, a, c);
    out_text(&a->piece, "\n\n");
}

/* ---- a whole response -------------------------------------------------------------------------------------------- */

/* One prompt: an object; several: an array of them. */
static void finish(answers *a)
{
    out o = {0};
    if (a->r.stream) return;
    if (a->n > 1) out_text(&o, "[");
    for (int i = 0; i < a->n; i++) {
        choice *c = &a->choices[i];
        if (i) out_text(&o, ", ");
        begin_object(&o, a, c, &c->text);
        put_end(&o, a, c);
    }
    if (a->n > 1) out_text(&o, "]");
    exchange_reply_json(a->j.x, &o);
}

static const dialect completion = {
    .prefix = "", .read = request_llama_completion, .part = part, .token = token, .end = end, .finish = finish};

void handle_llama_completion(exchange *x) { answers_give(x, &completion); }

/* ---- /apply-template --------------------------------------------------------------------------------------------- */

static void put_prompt(out *o, const prompt_report *r)
{
    out_text(o, "{\"prompt\": ");
    out_string(o, r->text, r->bytes);
    out_text(o, "}");
}

void handle_apply_template(exchange *x) { prompt_report_give(x, request_chat, put_prompt); }

/* ---- tasks for which models have other tokens -------------------------------------------------------------------- */

void handle_untrained(exchange *x)
{
    problem p;
    refuse(&p, 501, NULL, "unsupported", "%.40s is not supported: no RWKV model was trained for it", exchange_path(x));
    exchange_refuse(x, &p);
}
