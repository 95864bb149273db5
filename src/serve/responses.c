/* responses.c - /v1/responses of OpenAI's API: an answer is a list of items (thoughts, a message, calls), and a
 * stream has a numbered event for each change of them. */
#include "responses.h"
#include "dialects.h"
#include "responses_kept.h"
#include <string.h>

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static void put_last_event(out *o, const exchange *x, const problem *p)
{
    out_format(o,
               "event: response.failed\ndata: {\"type\": \"response.failed\", \"response\": {\"id\": \"resp_%s\", "
               "\"object\": \"response\", \"status\": \"failed\", \"output\": [], \"error\": {\"code\": ",
               exchange_id(x));
    out_quoted(o, p->code ? p->code : "server_error");
    out_text(o, ", \"message\": ");
    out_quoted(o, p->message);
    out_text(o, "}}}\n\n");
}

const wire responses_wire = {.stream = "text/event-stream; charset=utf-8",
                             .comment = ": \n\n",
                             .error = wire_error,
                             .last_event = put_last_event};

/* ---- events ------------------------------------------------------------------------------------------------------ */

static void begin_event(answers *a, const char *type)
{
    answers_begin_event(a, type);
    out_format(&a->piece, ", \"sequence_number\": %d", a->events++);
}

static void put_response_event(answers *a, const char *type, const char *status, const out *items)
{
    begin_event(a, type);
    out_text(&a->piece, ", \"response\": ");
    responses_put(&a->piece, a, status, items);
    answers_end_event(a);
}

static void begin(answers *a)
{
    if (!a->r.stream) return;
    put_response_event(a, "response.created", "in_progress", &(out){0});
    put_response_event(a, "response.in_progress", "in_progress", &(out){0});
    exchange_send(a->j.x, &a->piece);
    out_clear(&a->piece);
}

/* An event of the open item: its place, and with `part` that of its only part. */
static void begin_item_event(answers *a, const choice *c, const char *type, int part)
{
    char id[64];
    begin_event(a, type);
    responses_item_id(id, a, c->item, c->items);
    out_format(&a->piece, ", \"item_id\": \"%s\", \"output_index\": %d", id, c->items);
    if (part) out_text(&a->piece, ", \"content_index\": 0");
}

/* ---- the items of a stream --------------------------------------------------------------------------------------- */

static void put_item_event(answers *a, const choice *c, const char *type, const char *status)
{
    begin_event(a, type);
    out_format(&a->piece, ", \"output_index\": %d, \"item\": ", c->items);
    responses_put_item(&a->piece, a, c, c->item, c->items, status);
    answers_end_event(a);
}

static void put_part_event(answers *a, const choice *c, const char *type, const out *text)
{
    begin_item_event(a, c, type, 1);
    out_text(&a->piece, ", \"part\": ");
    responses_put_part(&a->piece, c->item, text);
    answers_end_event(a);
}

static void open_item(answers *a, choice *c)
{
    put_item_event(a, c, "response.output_item.added", "in_progress");
    if (c->item != ITEM_CALL) put_part_event(a, c, "response.content_part.added", &(out){0});
}

static void put_delta(answers *a, choice *c, const char *type, int part, const char *text, size_t n)
{
    begin_item_event(a, c, type, part);
    out_text(&a->piece, ", \"delta\": ");
    out_string(&a->piece, text, n);
    if (c->item == ITEM_TEXT) out_text(&a->piece, ", \"logprobs\": []");
    answers_end_event(a);
}

static void part(answers *a, choice *c, int reasoning, const char *text, size_t n)
{
    out_put(reasoning ? &c->reasoning : &c->text, text, n);
    put_delta(a, c, reasoning ? "response.reasoning_text.delta" : "response.output_text.delta", 1, text, n);
}

static void call(answers *a, choice *c, const wkv_call_part *part)
{
    if (!a->r.stream && part->kind == WKV_CALL_END) {
        if (c->calls.n) out_text(&c->calls, ", ");
        responses_put_item(&c->calls, a, c, ITEM_CALL, part->call, "completed");
    }
    if (a->r.stream && part->kind == WKV_CALL_ARGUMENTS)
        put_delta(a, c, "response.function_call_arguments.delta", 0, part->text, part->bytes);
}

static void put_done(answers *a, const choice *c, const char *type, const char *field, const out *text)
{
    begin_item_event(a, c, type, c->item != ITEM_CALL);
    out_format(&a->piece, ", \"%s\": ", field);
    out_string(&a->piece, text->n ? text->at : "", text->n);
    if (c->item == ITEM_TEXT) out_text(&a->piece, ", \"logprobs\": []");
    if (c->item == ITEM_CALL) out_format(&a->piece, ", \"name\": \"%s\"", c->call_name);
    answers_end_event(a);
}

static void close_item(answers *a, choice *c)
{
    if (c->item == ITEM_CALL)
        put_done(a, c, "response.function_call_arguments.done", "arguments", &c->arguments);
    else {
        const out *text = c->item == ITEM_REASONING ? &c->reasoning : &c->text;
        put_done(a, c, c->item == ITEM_REASONING ? "response.reasoning_text.done" : "response.output_text.done", "text",
                 text);
        put_part_event(a, c, "response.content_part.done", text);
    }
    put_item_event(a, c, "response.output_item.done", "completed");
    if (c->items) out_text(&c->calls, ", ");
    responses_put_item(&c->calls, a, c, c->item, c->items, "completed");
    if (c->item == ITEM_REASONING) a->thought = responses_thought(a);
    out_clear(c->item == ITEM_REASONING ? &c->reasoning : c->item == ITEM_TEXT ? &c->text : &c->arguments);
}

static void end(answers *a, choice *c) { (void)a, (void)c; }

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* All items of a whole response: thoughts, the message, the calls. */
static void put_items(out *o, const answers *a, const choice *c)
{
    int n = 0;
    if (c->reasoning.n) responses_put_item(o, a, c, ITEM_REASONING, n++, "completed");
    if (c->text.n || (!c->reasoning.n && !c->calls.n)) {
        if (n) out_text(o, ", ");
        responses_put_item(o, a, c, ITEM_TEXT, n++, "completed");
    }
    if (c->calls.n) {
        if (n) out_text(o, ", ");
        out_put(o, c->calls.at, c->calls.n);
    }
}

/* The next request may come as soon as the client has the end of this one. */
static void keep(const answers *a, const out *items, const out *response)
{
    out history = {0}, copy = {0};
    if (!a->r.store) return;
    responses_put_history(&history, a, items);
    out_put(&copy, response->at, response->n);
    copy.failed |= response->failed;
    responses_keep(a->e->server, exchange_tenant(a->j.x), a->id, &history, &copy);
}

/* An answer that the client's own limit has cut is "response.incomplete"; one that the server's has cut ends in the
 * usual event, since Codex begins a request again that has none. */
static void finish(answers *a)
{
    out response = {0}, items = {0};
    const char *status = responses_status(a);
    if (!a->r.stream) put_items(&items, a, a->choices);
    const out *output = a->r.stream ? &a->choices[0].calls : &items;
    responses_put(&response, a, status, output);
    keep(a, output, &response);
    if (a->r.stream)
        put_response_event(a, *status == 'i' && a->r.max_tokens > 0 ? "response.incomplete" : "response.completed",
                           status, output);
    else
        exchange_reply_json(a->j.x, &response);
    out_release(&response);
    out_release(&items);
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

/* The items of the response that the request goes on from. The request owns them: its messages borrow their texts. */
static int take_earlier(answers *a, const char *id, problem *p)
{
    out text = {0};
    json_t *earlier;
    if (!responses_find(exchange_server(a->j.x), exchange_tenant(a->j.x), id, KEPT_ITEMS, &text))
        return refuse(p, 404, "previous_response_id", "previous_response_not_found",
                      "there is no response '%.60s': it was not stored, or the server has begun anew since", id);
    const int bad = text.failed ? refuse(p, 503, NULL, "out_of_memory", "no memory for a request")
                                : fields_read(&earlier, text.at, text.n, p);
    out_release(&text);
    if (!bad) json_object_set_new(a->r.body, responses_earlier, earlier);
    return bad;
}

static int follow(answers *a, problem *p)
{
    if (a->r.previous && take_earlier(a, a->r.previous, p)) return -1;
    return request_items(&a->r, json_object_get(json_object_get(a->r.body, responses_earlier), "items"), p);
}

static const dialect responses = {.prefix = "resp_",
                                  .read = request_responses,
                                  .follow = follow,
                                  .begin = begin,
                                  .open = open_item,
                                  .part = part,
                                  .call = call,
                                  .close = close_item,
                                  .end = end,
                                  .finish = finish};

void handle_responses(exchange *x) { answers_give(x, &responses); }

/* GET and DELETE of a response that is kept. */
void handle_response(exchange *x)
{
    server *s = exchange_server(x);
    const char *id = exchange_path(x) + sizeof "/v1/responses/" - 1;
    out o = {0};
    problem p;
    const int deletes = *exchange_method(x) == 'D';
    const char *streams = exchange_query(x, "stream");
    if (streams && !strcmp(streams, "true")) {
        refuse(&p, 501, "stream", "unsupported", "a response that is kept is not streamed again; leave stream out");
        exchange_refuse(x, &p);
        return;
    }
    const int found = deletes ? responses_forget(s, exchange_tenant(x), id)
                              : responses_find(s, exchange_tenant(x), id, KEPT_RESPONSE, &o);
    if (!found) {
        refuse(&p, 404, NULL, "response_not_found", "there is no response '%.60s'", id);
        exchange_refuse(x, &p);
        return;
    }
    if (deletes) {
        out_text(&o, "{\"id\": ");
        out_quoted(&o, id);
        out_text(&o, ", \"object\": \"response.deleted\", \"deleted\": true}");
    }
    exchange_reply_json(x, &o);
}

/* ---- input_tokens ------------------------------------------------------------------------------------------------ */

static int read_input(request *r, const char *body, size_t bytes, problem *p)
{
    if (request_responses(r, body, bytes, p)) return -1;
    if (r->previous)
        return refuse(p, 501, "previous_response_id", "unsupported", "tokens are counted of the whole input only");
    return request_items(r, NULL, p);
}

static void put_count(out *o, const prompt_report *r)
{
    out_format(o, "{\"object\": \"response.input_tokens\", \"input_tokens\": %d}", r->n);
}

void handle_input_tokens(exchange *x) { prompt_report_give(x, read_input, put_count); }
