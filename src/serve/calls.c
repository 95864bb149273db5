/* calls.c - the calls of functions in an answer. */
#include "answers.h"
#include "wkv_base.h"
#include <stdio.h>

/* An id for the client, which sends it back with the result. */
static void name_call(choice *c, const wkv_call_part *part)
{
    if (wkv_id_new(c->call_id, "call")) snprintf(c->call_id, sizeof c->call_id, "call_%d", c->n_calls);
    snprintf(c->call_name, sizeof c->call_name, "%.*s", (int)part->bytes, part->text);
    out_clear(&c->arguments);
    c->n_calls++;
}

int calls_take(answers *a, choice *c, const char *text, size_t n)
{
    wkv_call_part part;
    if (a->kept && !c->reader) out_text(&a->answer, a->answer.n ? "\n```json\n" : "```json\n");
    if (a->kept) out_put(&a->answer, text, n);
    int err = c->reader ? 0 : wkv_call_reader_new(&c->reader);
    if (!err) err = wkv_call_reader_put(c->reader, text, n);
    while (!err && wkv_call_reader_next(c->reader, &part)) {
        if (part.kind == WKV_CALL_NAME) {
            name_call(c, &part);
            answers_turn(a, c, ITEM_CALL);
        }
        if (part.kind == WKV_CALL_ARGUMENTS) out_put(&c->arguments, part.text, part.bytes);
        a->how->call(a, c, &part);
        if (part.kind == WKV_CALL_END) answers_turn(a, c, ITEM_NONE);
    }
    return err;
}

void answers_object(out *o, const out *arguments)
{
    json_t *v = json_loadb(arguments->n ? arguments->at : "", arguments->n, 0, NULL);
    if (json_is_object(v))
        out_put(o, arguments->at, arguments->n);
    else
        out_text(o, "{}");
    json_decref(v);
}

void calls_end(answers *a, choice *c)
{
    if (a->kept && c->reader) out_text(&a->answer, "\n```");
}
