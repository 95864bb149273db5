/* tokenize.c - /tokenize, /detokenize, /tokenizer_info: the fields of llama.cpp's server and of vLLM. */
#include "answers.h"
#include "dialects.h"
#include "models.h"
#include <stdlib.h>
#include <string.h>

typedef enum { TOKENIZE, DETOKENIZE, INFO } operation;

typedef struct {
    job j;
    operation what;
    json_t *body;
    const char *model, *text;
    int pieces;
    const json_t *tokens;
} tokenization;

static const char end_text[] = "<|endoftext|>";

static int read_tokenize(tokenization *t, problem *p)
{
    if (field_text(&t->text, t->body, "content", p) || field_text(&t->text, t->body, "prompt", p) ||
        field_flag(&t->pieces, t->body, "with_pieces", p) || field_flag(&t->pieces, t->body, "return_token_strs", p))
        return -1;
    return t->text ? 0 : refuse(p, 400, "content", "missing", "content (or prompt) is missing");
}

static int read_detokenize(tokenization *t, problem *p)
{
    if (field_list(&t->tokens, t->body, "tokens", p)) return -1;
    if (!t->tokens) return refuse(p, 400, "tokens", "missing", "tokens is missing");
    for (size_t i = 0; i < json_array_size(t->tokens); i++)
        if (!json_is_integer(json_array_get(t->tokens, i)))
            return field_refuse(p, "tokens", "ids only", json_array_get(t->tokens, i));
    return 0;
}

static int read_body(tokenization *t, problem *p)
{
    size_t bytes;
    const char *body = exchange_body(t->j.x, &bytes);
    if (t->what == INFO) return 0;
    if (fields_read(&t->body, body, bytes, p) || field_text(&t->model, t->body, "model", p)) return -1;
    return t->what == TOKENIZE ? read_tokenize(t, p) : read_detokenize(t, p);
}

/* ---- responses --------------------------------------------------------------------------------------------------- */

static void put_pieces(out *o, const wkv_tokenizer *t, const int32_t *ids, int n)
{
    out_text(o, ", \"token_strs\": [");
    for (int i = 0; i < n; i++) {
        size_t bytes;
        const char *p = wkv_token_bytes(t, ids[i], &bytes);
        if (i) out_text(o, ", ");
        out_string(o, bytes ? p : "", bytes);
    }
    out_text(o, "]");
}

static int tokenize(const tokenization *t, const engine *e, out *o, problem *p)
{
    const int32_t end = wkv_tokenizer_end(e->tokenizer);
    const int only_end = end >= 0 && !strcmp(t->text, end_text);
    const int n = only_end ? 1 : wkv_encode(e->tokenizer, t->text, strlen(t->text), NULL, 0);
    if (n < 0) return refuse_library(p, n, "content");
    int32_t *ids = malloc(sizeof *ids * (size_t)(n + 1));
    if (!ids) return refuse(p, 503, NULL, "out_of_memory", "no memory for %d ids", n);
    ids[0] = end;
    if (!only_end) wkv_encode(e->tokenizer, t->text, strlen(t->text), ids, n);
    out_text(o, "{\"tokens\": [");
    for (int i = 0; i < n; i++) out_format(o, "%s%d", i ? ", " : "", (int)ids[i]);
    out_format(o, "], \"count\": %d", n);
    if (t->pieces) put_pieces(o, e->tokenizer, ids, n);
    out_text(o, "}");
    free(ids);
    return 0;
}

static int detokenize(const tokenization *t, const engine *e, out *o, problem *p)
{
    out text = {0};
    for (size_t i = 0; i < json_array_size(t->tokens); i++) {
        const json_int_t id = json_integer_value(json_array_get(t->tokens, i));
        size_t bytes;
        if (id < 0 || id >= e->about->vocab) {
            out_release(&text);
            return refuse(p, 400, "tokens", "out_of_range", "tokens has the id %lld; the model's ids are 0 to %d",
                          (long long)id, e->about->vocab - 1);
        }
        const char *piece = wkv_token_bytes(e->tokenizer, (int32_t)id, &bytes);
        out_put(&text, piece, bytes);
    }
    out_text(o, "{\"content\": ");
    out_string(o, text.n ? text.at : "", text.n);
    out_text(o, ", \"prompt\": ");
    out_string(o, text.n ? text.at : "", text.n);
    out_text(o, "}");
    o->failed |= text.failed;
    out_release(&text);
    return 0;
}

/* The template has no Jinja text: conversations go to /v1/chat/completions. */
static void put_info(const engine *e, out *o)
{
    const char *end = wkv_tokenizer_end(e->tokenizer) >= 0 ? end_text : NULL;
    out_text(o, "{\"tokenizer_class\": ");
    out_quoted(o, wkv_tokenizer_name(e->tokenizer));
    out_format(o, ", \"vocab_size\": %d, \"eos_token\": ", e->about->vocab);
    out_quoted(o, end);
    out_text(o, ", \"bos_token\": ");
    out_quoted(o, end);
    out_text(o, ", \"pad_token\": ");
    out_quoted(o, end);
    out_text(o, ", \"chat_template\": null}");
}

/* ---- the job ----------------------------------------------------------------------------------------------------- */

static job_result work(job *j, engine *e)
{
    const tokenization *t = (const tokenization *)j;
    problem p = {0};
    out o = {0};
    if (t->what == TOKENIZE)
        tokenize(t, e, &o, &p);
    else if (t->what == DETOKENIZE)
        detokenize(t, e, &o, &p);
    else
        put_info(e, &o);
    if (!p.status) {
        exchange_reply_json(j->x, &o);
        return JOB_DONE;
    }
    out_release(&o);
    exchange_refuse(j->x, &p);
    return JOB_DONE;
}

static void release(job *j)
{
    tokenization *t = (tokenization *)j;
    json_decref(t->body);
    free(t);
}

static void handle(exchange *x, operation what)
{
    problem p = {0};
    tokenization *t = job_new(x, sizeof *t, work, release);
    if (!t) return;
    t->what = what;
    if (what == INFO) t->model = exchange_query(x, "model");
    if (!read_body(t, &p) && !models_give(t->model, &t->j, 0, &p)) return;
    release(&t->j);
    exchange_refuse(x, &p);
}

void handle_tokenize(exchange *x) { handle(x, TOKENIZE); }
void handle_detokenize(exchange *x) { handle(x, DETOKENIZE); }
void handle_tokenizer_info(exchange *x) { handle(x, INFO); }
