/* responses_objects.c - responses and their items in JSON. */
#include "responses.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char responses_earlier[] = "wkv_earlier";

/* ---- items ------------------------------------------------------------------------------------------------------- */

void responses_item_id(char id[64], const answers *a, item kind, int number)
{
    static const char *const prefixes[] = {"", "rs_", "msg_", "fc_"};
    snprintf(id, 64, "%s%s%d", prefixes[kind], exchange_id(a->j.x), number);
}

void responses_put_part(out *o, item kind, const out *text)
{
    out_format(o, "{\"type\": \"%s\", \"text\": ", kind == ITEM_REASONING ? "reasoning_text" : "output_text");
    out_string(o, text->n ? text->at : "", text->n);
    out_text(o, kind == ITEM_REASONING ? "}" : ", \"annotations\": [], \"logprobs\": []}");
}

void responses_put_item(out *o, const answers *a, const choice *c, item kind, int number, const char *status)
{
    const int whole = strcmp(status, "in_progress") != 0;
    const out *text = kind == ITEM_REASONING ? &c->reasoning : &c->text;
    char id[64];
    responses_item_id(id, a, kind, number);
    out_format(o, "{\"id\": \"%s\", \"status\": \"%s\", ", id, status);
    if (kind == ITEM_CALL) {
        out_format(o, "\"type\": \"function_call\", \"call_id\": \"%s\", \"name\": \"%s\", \"arguments\": ", c->call_id,
                   c->call_name);
        out_string(o, whole && c->arguments.n ? c->arguments.at : "", whole ? c->arguments.n : 0);
        out_text(o, "}");
        return;
    }
    out_text(o, kind == ITEM_REASONING ? "\"type\": \"reasoning\", \"summary\": [], \"content\": ["
                                       : "\"type\": \"message\", \"role\": \"assistant\", \"content\": [");
    if (whole) responses_put_part(o, kind, text);
    out_text(o, "]}");
}

/* ---- responses --------------------------------------------------------------------------------------------------- */

const char *responses_status(const answers *a)
{
    const wkv_finish_reason why = a->choices[0].why;
    return why == WKV_FINISH_STOP || why == WKV_FINISH_END ? "completed" : "incomplete";
}

/* Thoughts are counted as the tokenizer divides their text. */
int responses_thought(const answers *a)
{
    const out *text = &a->choices[0].reasoning;
    const int n = text->n ? wkv_encode(a->e->tokenizer, text->at, text->n, NULL, 0) : 0;
    return a->thought + (n > 0 ? n : 0);
}

static void put_usage(out *o, const answers *a)
{
    const int sampled = a->choices[0].sampled;
    out_format(o,
               "{\"input_tokens\": %d, \"input_tokens_details\": {\"cached_tokens\": %d, \"cache_write_tokens\": 0}, "
               "\"output_tokens\": %d, \"output_tokens_details\": {\"reasoning_tokens\": %d}, \"total_tokens\": %d}",
               a->prompt, a->cached, sampled, responses_thought(a), a->prompt + sampled);
}

/* A field of the request as it was sent. */
static void put_sent(out *o, const answers *a, const char *name, const char *otherwise)
{
    const json_t *v = json_object_get(a->r.body, name);
    char *text = v && !json_is_null(v) ? json_dumps(v, JSON_ENCODE_ANY) : NULL;
    out_format(o, ", \"%s\": ", name);
    out_text(o, text ? text : otherwise);
    free(text);
}

void responses_put(out *o, const answers *a, const char *status, const out *items)
{
    static const char *const sent[][2] = {{"instructions", "null"},
                                          {"max_output_tokens", "null"},
                                          {"metadata", "{}"},
                                          {"parallel_tool_calls", "true"},
                                          {"previous_response_id", "null"},
                                          {"reasoning", "{\"effort\": null, \"summary\": null}"},
                                          {"temperature", "null"},
                                          {"text", "{\"format\": {\"type\": \"text\"}}"},
                                          {"tool_choice", "\"auto\""},
                                          {"tools", "[]"},
                                          {"top_p", "null"},
                                          {"user", "null"}};
    const int progress = !strcmp(status, "in_progress"), cut = !strcmp(status, "incomplete");
    out_format(o, "{\"id\": \"%s\", \"object\": \"response\", \"created_at\": %lld, \"status\": \"%s\", \"model\": ",
               a->id, (long long)a->created, status);
    out_quoted(o, a->e->name);
    out_text(o, ", \"output\": [");
    out_put(o, items->at, items->n);
    out_format(o, "], \"error\": null, \"incomplete_details\": %s, \"background\": false, \"store\": %s",
               cut ? "{\"reason\": \"max_output_tokens\"}" : "null", a->r.store ? "true" : "false");
    out_text(o, ", \"service_tier\": \"default\", \"truncation\": \"disabled\"");
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) put_sent(o, a, sent[i][0], sent[i][1]);
    out_text(o, ", \"usage\": ");
    if (progress)
        out_text(o, "null");
    else
        put_usage(o, a);
    out_text(o, "}");
}

/* ---- history ----------------------------------------------------------------------------------------------------- */

/* *n: items so far. */
static void put_array(out *o, const json_t *list, int *n)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        char *text = json_dumps(json_array_get(list, i), JSON_COMPACT);
        if ((*n)++) out_text(o, ",");
        if (text)
            out_text(o, text);
        else
            o->failed = 1;
        free(text);
    }
}

void responses_put_history(out *o, const answers *a, const out *items)
{
    const json_t *input = json_object_get(a->r.body, "input");
    int n = 0;
    out_text(o, "{\"items\": [");
    put_array(o, json_object_get(json_object_get(a->r.body, responses_earlier), "items"), &n);
    put_array(o, input, &n);
    if (json_is_string(input)) {
        out_text(o, n++ ? ",{\"role\":\"user\",\"content\":" : "{\"role\":\"user\",\"content\":");
        out_string(o, json_string_value(input), json_string_length(input));
        out_text(o, "}");
    }
    if (items->n && n) out_text(o, ",");
    out_put(o, items->at, items->n);
    out_text(o, "]}");
}
