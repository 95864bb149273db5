/* anthropic.c - /v1/messages of Anthropic's API: an answer is a list of blocks, thoughts, text and calls. */
#include "answers.h"
#include "dialects.h"

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static const char *type_of(int status)
{
    switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 503: return "overloaded_error";
    default: return status < 500 || status == 501 ? "invalid_request_error" : "api_error";
    }
}

static void put_error(out *o, const exchange *x, const problem *p)
{
    out_format(o, "{\"type\": \"error\", \"error\": {\"type\": \"%s\", \"message\": ", type_of(p->status));
    out_quoted(o, p->message);
    out_format(o, "}, \"request_id\": \"req_%s\"}", exchange_id(x));
}

static void put_last_event(out *o, const exchange *x, const problem *p)
{
    out_text(o, "event: error\ndata: ");
    put_error(o, x, p);
    out_text(o, "\n\n");
}

const wire anthropic_wire = {.stream = "text/event-stream; charset=utf-8",
                             .comment = "event: ping\ndata: {\"type\": \"ping\"}\n\n",
                             .error = put_error,
                             .last_event = put_last_event};

/* ---- the parts of a message -------------------------------------------------------------------------------------- */

/* Tokens of the prompt that were read, and those that were found in the cache, are counted apart. */
static void put_usage(out *o, const answers *a, int sampled)
{
    out_format(o,
               "{\"input_tokens\": %d, \"cache_creation_input_tokens\": 0, \"cache_read_input_tokens\": %d, "
               "\"output_tokens\": %d}",
               a->prompt - a->cached, a->cached, sampled);
}

static void put_stop(out *o, const choice *c)
{
    const int cut = c->why != WKV_FINISH_STOP && c->why != WKV_FINISH_END;
    const char *reason = c->stop ? "stop_sequence" : cut ? "max_tokens" : c->n_calls ? "tool_use" : "end_turn";
    out_format(o, "\"stop_reason\": \"%s\", \"stop_sequence\": ", reason);
    out_quoted(o, c->stop);
}

static void begin_message(out *o, const answers *a)
{
    out_format(o, "{\"id\": \"%s\", \"type\": \"message\", \"role\": \"assistant\", \"model\": ", a->id);
    out_quoted(o, a->e->name);
}

/* ---- a stream ---------------------------------------------------------------------------------------------------- */

static void begin(answers *a)
{
    if (!a->r.stream) return;
    answers_begin_event(a, "message_start");
    out_text(&a->piece, ", \"message\": ");
    begin_message(&a->piece, a);
    out_text(&a->piece, ", \"content\": [], \"stop_reason\": null, \"stop_sequence\": null, \"usage\": ");
    put_usage(&a->piece, a, 0);
    out_text(&a->piece, "}");
    answers_end_event(a);
    exchange_send(a->j.x, &a->piece);
    out_clear(&a->piece);
}

static void open_item(answers *a, choice *c)
{
    answers_begin_event(a, "content_block_start");
    out_format(&a->piece, ", \"index\": %d, \"content_block\": ", c->items);
    if (c->item == ITEM_REASONING)
        out_text(&a->piece, "{\"type\": \"thinking\", \"thinking\": \"\", \"signature\": \"\"}");
    else if (c->item == ITEM_TEXT)
        out_text(&a->piece, "{\"type\": \"text\", \"text\": \"\"}");
    else
        out_format(&a->piece, "{\"type\": \"tool_use\", \"id\": \"%s\", \"name\": \"%s\", \"input\": {}}", c->call_id,
                   c->call_name);
    answers_end_event(a);
}

static void put_delta(answers *a, choice *c, const char *type, const char *field, const char *text, size_t n)
{
    answers_begin_event(a, "content_block_delta");
    out_format(&a->piece, ", \"index\": %d, \"delta\": {\"type\": \"%s\", \"%s\": ", c->items, type, field);
    out_string(&a->piece, text, n);
    out_text(&a->piece, "}");
    answers_end_event(a);
}

static void part(answers *a, choice *c, int reasoning, const char *text, size_t n)
{
    if (reasoning)
        put_delta(a, c, "thinking_delta", "thinking", text, n);
    else
        put_delta(a, c, "text_delta", "text", text, n);
}

static void call(answers *a, choice *c, const wkv_call_part *part)
{
    if (a->r.stream) {
        if (part->kind == WKV_CALL_ARGUMENTS)
            put_delta(a, c, "input_json_delta", "partial_json", part->text, part->bytes);
    } else if (part->kind == WKV_CALL_END) {
        out_format(&c->calls,
                   "%s{\"type\": \"tool_use\", \"id\": \"%s\", \"name\": \"%s\", \"input\": ", c->calls.n ? ", " : "",
                   c->call_id, c->call_name);
        answers_object(&c->calls, &c->arguments);
        out_text(&c->calls, "}");
    }
}

static void close_item(answers *a, choice *c)
{
    answers_begin_event(a, "content_block_stop");
    out_format(&a->piece, ", \"index\": %d", c->items);
    answers_end_event(a);
}

static void end(answers *a, choice *c)
{
    answers_begin_event(a, "message_delta");
    out_text(&a->piece, ", \"delta\": {");
    put_stop(&a->piece, c);
    out_text(&a->piece, "}, \"usage\": ");
    put_usage(&a->piece, a, c->sampled);
    answers_end_event(a);
    answers_begin_event(a, "message_stop");
    answers_end_event(a);
}

/* ---- a whole response -------------------------------------------------------------------------------------------- */

static void put_blocks(out *o, const choice *c)
{
    if (c->reasoning.n) {
        out_text(o, "{\"type\": \"thinking\", \"signature\": \"\", \"thinking\": ");
        out_string(o, c->reasoning.at, c->reasoning.n);
        out_text(o, "}");
    }
    if (c->text.n) {
        out_format(o, "%s{\"type\": \"text\", \"text\": ", c->reasoning.n ? ", " : "");
        out_string(o, c->text.at, c->text.n);
        out_text(o, "}");
    }
    if (!c->calls.n) return;
    if (c->reasoning.n || c->text.n) out_text(o, ", ");
    out_put(o, c->calls.at, c->calls.n);
}

static void finish(answers *a)
{
    out o = {0};
    if (a->r.stream) return;
    begin_message(&o, a);
    out_text(&o, ", \"content\": [");
    put_blocks(&o, a->choices);
    out_text(&o, "], ");
    put_stop(&o, a->choices);
    out_text(&o, ", \"usage\": ");
    put_usage(&o, a, a->choices[0].sampled);
    out_text(&o, "}");
    exchange_reply_json(a->j.x, &o);
}

static const dialect messages = {.prefix = "msg_",
                                 .read = request_anthropic,
                                 .begin = begin,
                                 .open = open_item,
                                 .part = part,
                                 .call = call,
                                 .close = close_item,
                                 .end = end,
                                 .finish = finish};

void handle_messages(exchange *x) { answers_give(x, &messages); }

/* ---- count_tokens ------------------------------------------------------------------------------------------------ */

static void put_count(out *o, const prompt_report *r) { out_format(o, "{\"input_tokens\": %d}", r->n); }

void handle_count_tokens(exchange *x) { prompt_report_give(x, request_anthropic, put_count); }
