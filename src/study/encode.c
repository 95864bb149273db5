/* encode.c - a context and a continuation as ids, under the rules of wkv_task_open. */
#include "base/error.h"
#include "base/utf8.h"
#include "study/items.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- white space ------------------------------------------------------------------------------------------------- */

/* Python's str.isspace of the character that ends at text[n]: its bytes, 0: no white space. */
static size_t blank_before(const char *text, size_t n)
{
    static const char *const wide[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
                                       "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
                                       "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
                                       "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    const char c = n ? text[n - 1] : 'x';
    if (c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f)) return 1;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        const size_t length = strlen(wide[i]);
        if (n >= length && !memcmp(text + n - length, wide[i], length)) return length;
    }
    return 0;
}

static size_t without_blanks(const char *text, size_t n)
{
    for (size_t blank; (blank = blank_before(text, n));) n -= blank;
    return n;
}

/* ---- ids --------------------------------------------------------------------------------------------------------- */

int items_encode(int32_t **ids, wkv_items *s, const wkv_tokenizer *words, const char *text, size_t bytes, int before)
{
    const int n = wkv_encode(words, text, bytes, NULL, 0);
    if (n < 0) return n;
    if (n >= INT_MAX - before) return fail(WKV_EUNSUPPORTED, "a text of %d tokens is too long", n);
    if (!(*ids = chunks_alloc(&s->memory, sizeof **ids * (size_t)(n + before + 1)))) return WKV_ENOMEM;
    return wkv_encode(words, text, bytes, *ids + before, n);
}

/* The id that begins a text that has no other context. */
static int find_end(int32_t *id, const wkv_tokenizer *words)
{
    if ((*id = wkv_tokenizer_end(words)) >= 0) return 0;
    return fail(WKV_EUNSUPPORTED, "the vocabulary %s has no end-of-text id, which an empty context needs",
                wkv_tokenizer_name(words));
}

/* The ids before the context: at most 8. Returns their number. */
static int start_ids(int32_t out[8], task_rule rule, const wkv_model *m, const wkv_tokenizer *words)
{
    const int newline = rule == RULE_CHATRWKV || (rule == RULE_BLINKDL && *wkv_model_about(m)->version == '4' &&
                                                  !strcmp(wkv_tokenizer_name(words), "GPT-NeoX 20B"));
    if (rule != RULE_CHATRWKV && rule != RULE_BLINKDL) return 0;
    if (newline) return wkv_encode(words, "\n", 1, out, 8);
    out[0] = 0;
    return 1;
}

static int encode_context(wkv_request *r, wkv_items *s, const char *text, size_t bytes, task_rule rule,
                          const wkv_model *m, const wkv_tokenizer *words)
{
    int32_t start[8], *ids = NULL;
    int before = start_ids(start, rule, m, words), err = 0;
    if (before < 0) return before;
    if (!before && !bytes) before = 1, err = find_end(start, words);
    if (err) return err;
    const int n = items_encode(&ids, s, words, text, bytes, before);
    if (n < 0) return n;
    memcpy(ids, start, sizeof *ids * (size_t)before);
    r->context_ids = ids;
    r->n_context = n + before;
    return 0;
}

/* lm-evaluation-harness 0.4: the ids of both texts together, after as many as the context alone has. */
static int encode_together(wkv_request *r, wkv_items *s, size_t context_bytes, const wkv_tokenizer *words)
{
    const size_t n_context = strlen(r->context), n = strlen(r->continuation);
    char *whole = malloc(n_context + n + 1);
    int32_t *ids = NULL;
    if (!whole) return fail(WKV_ENOMEM, "no memory for a text of %zu bytes", n_context + n);
    memcpy(whole, r->context, n_context);
    memcpy(whole + n_context, r->continuation, n + 1);
    const int all = items_encode(&ids, s, words, whole, n_context + n, 1),
              skip = context_bytes ? r->n_context : 0; /* the end-of-text id is not in the text */
    free(whole);
    if (all < 0) return all;
    r->ids = ids + 1 + skip;
    r->n = all - skip;
    if (r->n > 0) ids[skip] = r->context_ids[r->n_context - 1];
    return 0;
}

static int encode_alone(wkv_request *r, wkv_items *s, const wkv_tokenizer *words)
{
    int32_t *ids = NULL;
    const int n = items_encode(&ids, s, words, r->continuation, strlen(r->continuation), 1);
    if (n < 0) return n;
    ids[0] = r->context_ids[r->n_context - 1];
    r->ids = ids + 1;
    r->n = n;
    return 0;
}

int items_encode_request(wkv_items *s, wkv_request *r, const wkv_request *before, const wkv_task *t,
                         const char *delimiter, const item_text *text, const wkv_model *m, const wkv_tokenizer *words)
{
    const size_t n = strlen(text->context), gap = strlen(delimiter), length = strlen(text->choice);
    const size_t bytes = t->rule == RULE_HARNESS_4 ? without_blanks(text->context, n) : n;
    char *continuation = chunks_alloc(&s->memory, gap + length + 1);
    if (!continuation) return WKV_ENOMEM;
    memcpy(continuation, delimiter, gap);
    memcpy(continuation + gap, text->choice, length);
    r->continuation = continuation;
    r->characters = utf8_count(text->choice);
    if (!r->characters) return fail(WKV_EFORMAT, "a choice is empty");
    int err = 0;
    if (before && !strcmp(before->context, text->context)) {
        r->context = before->context;
        r->context_ids = before->context_ids;
        r->n_context = before->n_context;
    } else if (!(r->context = chunks_text(&s->memory, text->context, n)))
        return WKV_ENOMEM;
    else
        err = encode_context(r, s, r->context, bytes, t->rule, m, words);
    if (!err) err = t->rule == RULE_HARNESS_4 && n ? encode_together(r, s, bytes, words) : encode_alone(r, s, words);
    if (!err && r->n < 1)
        err = fail(WKV_EFORMAT, "context and continuation '%.60s' together have no more tokens than the context alone",
                   continuation);
    return err;
}
