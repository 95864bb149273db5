/* ollama.c - /api/chat and /api/generate of Ollama's API: a stream is a JSON object a line. */
#include "answers.h"
#include "dialects.h"
#include <time.h>

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static void put_error(out *o, const exchange *x, const problem *p)
{
    (void)x;
    out_text(o, "{\"error\": ");
    out_quoted(o, p->message);
    out_text(o, "}");
}

static void put_last_event(out *o, const exchange *x, const problem *p)
{
    put_error(o, x, p);
    out_text(o, "\n");
}

/* A blank before an object is nothing to a reader of JSON. */
const wire ollama_wire = {
    .stream = "application/x-ndjson", .comment = " ", .error = put_error, .last_event = put_last_event};

/* ---- objects ----------------------------------------------------------------------------------------------------- */

static const dialect generate;

static void begin_object(out *o, const answers *a)
{
    out_text(o, "{\"model\": ");
    out_quoted(o, a->r.model ? a->r.model : a->e->name);
    out_text(o, ", \"created_at\": ");
    out_date(o, time(NULL));
}

/* The text and the thoughts of a message, or of a response; its calls go on. */
static void put_text(out *o, const answers *a, const out *text, const out *reasoning)
{
    const int is_chat = a->how != &generate;
    out_text(o, is_chat ? ", \"message\": {\"role\": \"assistant\", \"content\": " : ", \"response\": ");
    out_string(o, text->n ? text->at : "", text->n);
    if (!reasoning->n) return;
    out_text(o, ", \"thinking\": ");
    out_string(o, reasoning->at, reasoning->n);
}

static void end_text(out *o, const answers *a, const out *calls)
{
    if (a->how == &generate) return;
    if (calls && calls->n) {
        out_text(o, ", \"tool_calls\": [");
        out_put(o, calls->at, calls->n);
        out_text(o, "]");
    }
    out_text(o, "}");
}

/* Nanoseconds of our microseconds. */
static long long nanoseconds(int64_t from, int64_t to) { return to > from && from ? (long long)(to - from) * 1000 : 0; }

static void put_done(out *o, const answers *a, const choice *c)
{
    const int64_t now = now_us();
    out_format(
        o,
        ", \"done\": true, \"done_reason\": \"%s\", \"total_duration\": %lld, \"load_duration\": %lld, "
        "\"prompt_eval_count\": %d, \"prompt_eval_duration\": %lld, \"eval_count\": %d, \"eval_duration\": %lld}",
        c->why == WKV_FINISH_STOP || c->why == WKV_FINISH_END ? "stop" : "length", nanoseconds(a->given, now),
        nanoseconds(a->given, a->started), a->prompt, nanoseconds(a->started, a->first), c->sampled,
        nanoseconds(a->first, now));
}

/* ---- a stream ---------------------------------------------------------------------------------------------------- */

static const out nothing;

static void put_line(answers *a, const out *text, const out *reasoning, const out *calls)
{
    begin_object(&a->piece, a);
    put_text(&a->piece, a, text, reasoning);
    end_text(&a->piece, a, calls);
    out_text(&a->piece, ", \"done\": false}\n");
}

static void part(answers *a, choice *c, int reasoning, const char *text, size_t n)
{
    const out given = {.at = (char *)(uintptr_t)text, .n = n};
    (void)c;
    put_line(a, reasoning ? &nothing : &given, reasoning ? &given : &nothing, NULL);
}

/* A call is sent when it is complete. */
static void call(answers *a, choice *c, const wkv_call_part *part)
{
    if (part->kind != WKV_CALL_END) return;
    if (a->r.stream) out_clear(&c->calls);
    out_format(&c->calls, "%s{\"id\": \"%s\", \"function\": {\"index\": %d, \"name\": \"%s\", \"arguments\": ",
               c->calls.n ? ", " : "", c->call_id, part->call, c->call_name);
    answers_object(&c->calls, &c->arguments);
    out_text(&c->calls, "}}");
    if (a->r.stream) put_line(a, &nothing, &nothing, &c->calls);
}

static void token(answers *a, choice *c, const wkv_token_score *t, int top)
{
    if (t->id == wkv_tokenizer_end(a->e->tokenizer)) return;
    if (a->r.stream) out_clear(&c->tokens[0]);
    if (c->tokens[0].n) out_text(&c->tokens[0], ", ");
    logprobs_chat(&c->tokens[0], a, t, top);
    if (!a->r.stream) return;
    begin_object(&a->piece, a);
    put_text(&a->piece, a, &c->text, &c->reasoning);
    end_text(&a->piece, a, NULL);
    out_text(&a->piece, ", \"logprobs\": [");
    out_put(&a->piece, c->tokens[0].at, c->tokens[0].n);
    out_text(&a->piece, "], \"done\": false}\n");
    out_clear(&c->text);
    out_clear(&c->reasoning);
}

static void end(answers *a, choice *c)
{
    begin_object(&a->piece, a);
    put_text(&a->piece, a, &c->text, &c->reasoning);
    end_text(&a->piece, a, NULL);
    put_done(&a->piece, a, c);
    out_text(&a->piece, "\n");
}

/* ---- a whole response -------------------------------------------------------------------------------------------- */

/* There was nothing to answer: the model is loaded. */
static void put_loaded(out *o, const answers *a)
{
    begin_object(o, a);
    put_text(o, a, &nothing, &nothing);
    end_text(o, a, NULL);
    out_text(o, ", \"done\": true, \"done_reason\": \"load\"}");
}

static void finish(answers *a)
{
    out o = {0};
    const choice *c = a->choices;
    if (a->r.stream) return;
    if (!a->n)
        put_loaded(&o, a);
    else {
        begin_object(&o, a);
        put_text(&o, a, &c->text, &c->reasoning);
        end_text(&o, a, &c->calls);
        if (a->r.logprobs >= 0) {
            out_text(&o, ", \"logprobs\": [");
            out_put(&o, c->tokens[0].at, c->tokens[0].n);
            out_text(&o, "]");
        }
        put_done(&o, a, c);
    }
    exchange_reply_json(a->j.x, &o);
}

static const dialect chat = {.prefix = "",
                             .read = request_ollama_chat,
                             .part = part,
                             .call = call,
                             .token = token,
                             .end = end,
                             .finish = finish};

static const dialect generate = {.prefix = "",
                                 .read = request_ollama_generate,
                                 .part = part,
                                 .call = call,
                                 .token = token,
                                 .end = end,
                                 .finish = finish};

void handle_ollama_chat(exchange *x) { answers_give(x, &chat); }
void handle_ollama_generate(exchange *x) { answers_give(x, &generate); }
