/* openai_chat.c - /v1/chat/completions. */
#include "answers.h"
#include "dialects.h"

/* ---- a stream ---------------------------------------------------------------------------------------------------- */

static void begin_chunk(answers *a)
{
    out_format(&a->piece,
               "data: {\"id\": \"%s\", \"object\": \"chat.completion.chunk\", \"created\": %lld, \"model\": ", a->id,
               (long long)a->created);
    out_quoted(&a->piece, a->e->name);
}

static void end_chunk(answers *a) { out_text(&a->piece, a->r.usage ? ", \"usage\": null}\n\n" : "}\n\n"); }

static void begin_delta(answers *a, const choice *c)
{
    begin_chunk(a);
    out_format(&a->piece, ", \"choices\": [{\"index\": %d, \"delta\": {", (int)(c - a->choices));
}

static void begin(answers *a)
{
    for (int i = 0; i < a->n && a->r.stream; i++) {
        begin_delta(a, &a->choices[i]);
        out_text(&a->piece,
                 "\"role\": \"assistant\", \"content\": \"\"}, \"logprobs\": null, \"finish_reason\": null}]");
        end_chunk(a);
        exchange_send(a->j.x, &a->piece);
        out_clear(&a->piece);
    }
}

static void part(answers *a, choice *c, int reasoning, const char *text, size_t n)
{
    begin_delta(a, c);
    out_text(&a->piece, reasoning ? "\"reasoning_content\": " : "\"content\": ");
    out_string(&a->piece, text, n);
    out_text(&a->piece, "}, \"logprobs\": null, \"finish_reason\": null}]");
    end_chunk(a);
}

static void begin_call(out *o, const choice *c)
{
    out_format(o,
               "\"id\": \"%s\", \"type\": \"function\", \"function\": {\"name\": \"%s\", \"arguments\": ", c->call_id,
               c->call_name);
}

/* A part of a call: a stream sends it, a whole response has the call when it is complete. */
static void call(answers *a, choice *c, const wkv_call_part *part)
{
    if (a->r.stream && part->kind != WKV_CALL_END) {
        begin_delta(a, c);
        out_format(&a->piece, "\"tool_calls\": [{\"index\": %d, ", part->call);
        if (part->kind == WKV_CALL_NAME)
            begin_call(&a->piece, c);
        else
            out_text(&a->piece, "\"function\": {\"arguments\": ");
        out_string(&a->piece, part->text, part->kind == WKV_CALL_NAME ? 0 : part->bytes);
        out_text(&a->piece, "}}]}, \"logprobs\": null, \"finish_reason\": null}]");
        end_chunk(a);
    } else if (part->kind == WKV_CALL_END) {
        out_text(&c->calls, part->call ? ", {" : "{");
        begin_call(&c->calls, c);
        out_string(&c->calls, c->arguments.at, c->arguments.n);
        out_text(&c->calls, "}}");
    }
}

/* With log-probabilities a chunk is a token. */
static void token(answers *a, choice *c, const wkv_token_score *t, int top)
{
    if (t->id == wkv_tokenizer_end(a->e->tokenizer)) return;
    if (!a->r.stream) {
        out_text(&c->tokens[0], c->n_tokens++ ? ", " : "");
        logprobs_chat(&c->tokens[0], a, t, top);
        return;
    }
    out *text = c->reasoning.n ? &c->reasoning : &c->text;
    begin_delta(a, c);
    out_text(&a->piece, text == &c->reasoning ? "\"reasoning_content\": " : "\"content\": ");
    out_string(&a->piece, text->at, text->n);
    out_text(&a->piece, "}, \"logprobs\": {\"content\": [");
    logprobs_chat(&a->piece, a, t, top);
    out_text(&a->piece, "], \"refusal\": null}, \"finish_reason\": null}]");
    end_chunk(a);
    out_clear(text);
}

/* Text without a token of its own: a stop string has cut the rest. */
static void put_rest(answers *a, choice *c)
{
    if (c->reasoning.n) part(a, c, 1, c->reasoning.at, c->reasoning.n);
    if (c->text.n) part(a, c, 0, c->text.at, c->text.n);
    out_clear(&c->reasoning);
    out_clear(&c->text);
}

static void end(answers *a, choice *c)
{
    put_rest(a, c);
    begin_delta(a, c);
    out_format(&a->piece, "}, \"logprobs\": null, \"finish_reason\": \"%s\"}]", c->finish);
    end_chunk(a);
}

static void finish_stream(answers *a)
{
    if (a->r.usage) {
        begin_chunk(a);
        out_text(&a->piece, ", \"choices\": [], \"usage\": ");
        answers_usage(a, &a->piece);
        out_text(&a->piece, "}\n\n");
    }
    if (a->state.n || a->kept) {
        begin_chunk(a);
        out_text(&a->piece, ", \"choices\": []");
        answers_extras(a, &a->piece);
        out_text(&a->piece, "}\n\n");
    }
    out_text(&a->piece, "data: [DONE]\n\n");
}

/* ---- a whole response -------------------------------------------------------------------------------------------- */

static void put_choice(out *o, const answers *a, const choice *c)
{
    out_format(o, "%s{\"index\": %d, \"message\": {\"role\": \"assistant\", \"content\": ", c > a->choices ? ", " : "",
               (int)(c - a->choices));
    if (c->calls.n && !c->text.n)
        out_text(o, "null");
    else
        out_string(o, c->text.n ? c->text.at : "", c->text.n);
    if (c->calls.n) {
        out_text(o, ", \"tool_calls\": [");
        out_put(o, c->calls.at, c->calls.n);
        out_text(o, "]");
    }
    if (c->reasoning.n) {
        out_text(o, ", \"reasoning_content\": ");
        out_string(o, c->reasoning.at, c->reasoning.n);
    }
    out_text(o, ", \"refusal\": null}, \"logprobs\": ");
    if (a->r.logprobs >= 0) {
        out_text(o, "{\"content\": [");
        out_put(o, c->tokens[0].at, c->tokens[0].n);
        out_text(o, "], \"refusal\": null}");
    } else
        out_text(o, "null");
    out_format(o, ", \"finish_reason\": \"%s\"}", c->finish);
}

static void finish(answers *a)
{
    out o = {0};
    if (a->r.stream) {
        finish_stream(a);
        return;
    }
    out_format(&o, "{\"id\": \"%s\", \"object\": \"chat.completion\", \"created\": %lld, \"model\": ", a->id,
               (long long)a->created);
    out_quoted(&o, a->e->name);
    out_text(&o, ", \"choices\": [");
    for (int i = 0; i < a->n; i++) put_choice(&o, a, &a->choices[i]);
    out_text(&o, "], \"usage\": ");
    answers_usage(a, &o);
    answers_extras(a, &o);
    out_text(&o, "}");
    exchange_reply_json(a->j.x, &o);
}

static const dialect chat = {.prefix = "chatcmpl-",
                             .read = request_chat,
                             .begin = begin,
                             .part = part,
                             .call = call,
                             .token = token,
                             .end = end,
                             .finish = finish};

void handle_chat(exchange *x) { answers_give(x, &chat); }
