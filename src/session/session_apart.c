/* session_apart.c - segments with other ids than the whole text has there.
 *
 * Each segment is encoded by itself, and an answer keeps the ids that were sampled. A program that encodes the whole
 * text at once gets other ids where a token would span two segments, or where the model sampled others. */
#include "base/error.h"
#include "session/session.h"
#include "text/tokenizer.h"
#include <stdlib.h>

/* A list of ids, and the byte in the text at which id number i begins. */
typedef struct {
    const int32_t *ids;
    int n, i;
    size_t at;
} cursor;

static size_t bytes_of(const wkv_tokenizer *t, int32_t id)
{
    size_t bytes;
    wkv_token_bytes(t, id, &bytes);
    return bytes;
}

static void advance(cursor *c, const wkv_tokenizer *t) { c->at += bytes_of(t, c->ids[c->i++]); }

/* Walk both lists to the end of the segment. Returns whether they differ in it. */
static int differs(cursor *mine, cursor *whole, int end, const wkv_tokenizer *t)
{
    int apart = 0;
    while (mine->i < end) {
        while (whole->i < whole->n && whole->at < mine->at) advance(whole, t);
        if (whole->i < whole->n && whole->at == mine->at && whole->ids[whole->i] == mine->ids[mine->i])
            advance(whole, t);
        else
            apart = 1;
        advance(mine, t);
    }
    return apart || whole->at != mine->at;
}

int wkv_session_apart(const wkv_session *s)
{
    REQUIRE(s, "the session");
    size_t bytes;
    char *text;
    const int err = tokenizer_spell(&text, &bytes, s->tokenizer, s->ids, s->n);
    int n = err ? err : wkv_encode(s->tokenizer, text, bytes, NULL, 0), apart = 0;
    int32_t *ids = n < 0 ? NULL : malloc(sizeof *ids * (size_t)(n + 1));
    if (n >= 0 && !ids) n = fail(WKV_ENOMEM, "no memory for %d ids", n);
    if (n >= 0) {
        wkv_encode(s->tokenizer, text, bytes, ids, n);
        cursor mine = {.ids = s->ids, .n = s->n}, whole = {.ids = ids, .n = n};
        for (int i = 0; i < s->segments.n; i++) apart += differs(&mine, &whole, s->segments.at[i].end, s->tokenizer);
    }
    free(ids);
    free(text);
    return n < 0 ? n : apart;
}
