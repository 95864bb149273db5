/* embeddings.c - /v1/embeddings, and those of Ollama: the mean over tokens of the last row, after ln_out, with length
 * 1. */
#include "answers.h"
#include "dialects.h"
#include "models.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 128 /* tokens between two steps of the batcher */ };

typedef struct embeddings embeddings;

/* The form of a request and of its response. */
typedef struct {
    const char *input;                          /* the field of the texts */
    int most;                                   /* texts                  */
    void (*begin)(out *o, const embeddings *m); /* a vector, before it ... */
    const char *end;                            /* ... and behind it       */
    void (*reply)(out *o, embeddings *m, const engine *e);
} form;

struct embeddings {
    job j;
    request r;
    const form *form;
    int64_t given, started; /* microseconds */
    int base64;
    int at;       /* the text being read */
    int32_t *ids; /* of it               */
    int n, read, all;
    wkv_state *state;
    float *rows; /* [ROWS][C] */
    double *sum; /* [C]       */
    out data;    /* the list  */
};

static int begin_text(embeddings *m, const engine *e)
{
    const prompt *q = &m->r.prompts[m->at];
    const size_t width = (size_t)e->about->width;
    if (!m->state && wkv_state_new(&m->state, e->model)) return WKV_ENOMEM;
    if (!m->rows && !(m->rows = malloc(ROWS * width * sizeof *m->rows))) return WKV_ENOMEM;
    if (!m->sum && !(m->sum = malloc(width * sizeof *m->sum))) return WKV_ENOMEM;
    const int n = wkv_encode(e->tokenizer, q->text, (size_t)q->n, NULL, 0);
    if (n < 0) return n;
    free(m->ids);
    if (!(m->ids = malloc(sizeof *m->ids * (size_t)(n + 1)))) return WKV_ENOMEM;
    wkv_encode(e->tokenizer, q->text, (size_t)q->n, m->ids, n);
    m->n = n, m->read = 0, m->all += n;
    wkv_state_reset(m->state);
    for (size_t i = 0; i < width; i++) m->sum[i] = 0;
    return 0;
}

static int read_rows(embeddings *m, engine *e)
{
    const int n = m->n - m->read < ROWS ? m->n - m->read : ROWS, width = e->about->width;
    const wkv_sequence q = {.state = m->state, .tokens = m->ids + m->read, .n = n, .hidden = m->rows, .all_rows = 1};
    turns_enter(&e->server->compute);
    const int err = wkv_eval_batch(e->context, &q, 1);
    turns_leave(&e->server->compute);
    for (int t = 0; t < n && !err; t++)
        for (int i = 0; i < width; i++) m->sum[i] += (double)m->rows[(size_t)t * (size_t)width + (size_t)i];
    m->read += n;
    return err;
}

static void put_text(embeddings *m, const engine *e)
{
    const int width = e->about->width;
    double squares = 0;
    for (int i = 0; i < width; i++) squares += m->sum[i] * m->sum[i];
    const double length = squares > 0 ? sqrt(squares) : 1;
    for (int i = 0; i < width; i++) m->rows[i] = (float)(m->sum[i] / length);
    if (m->at) out_text(&m->data, ", ");
    m->form->begin(&m->data, m);
    out_text(&m->data, m->base64 ? "\"" : "[");
    if (m->base64)
        out_base64(&m->data, m->rows, (size_t)width * sizeof *m->rows);
    else
        for (int i = 0; i < width; i++) out_format(&m->data, "%s%.9g", i ? ", " : "", (double)m->rows[i]);
    out_text(&m->data, m->base64 ? "\"" : "]");
    out_text(&m->data, m->form->end);
}

static void reply(embeddings *m, const engine *e)
{
    out o = {0};
    exchange_figures *f = exchange_log(m->j.x);
    m->form->reply(&o, m, e);
    if (m->data.failed) o.failed = 1;
    f->prompt = m->all;
    e->server->count.prompt_tokens += m->all;
    exchange_reply_json(m->j.x, &o);
}

static job_result work(job *j, engine *e)
{
    embeddings *m = (embeddings *)j;
    problem p;
    int err = 0;
    if (!m->started) m->started = now_us();
    if (exchange_gone(j->x) || e->server->closing > 1) err = WKV_ESTOPPED;
    if (!err && !m->ids) err = begin_text(m, e);
    if (!err) err = read_rows(m, e);
    if (err) {
        if (err == WKV_ESTOPPED)
            refuse(&p, 503, NULL, "shutting_down", "the server is shutting down");
        else
            refuse_library(&p, err, "input");
        exchange_refuse(j->x, &p);
        return JOB_DONE;
    }
    if (m->read < m->n) return JOB_WORKS;
    put_text(m, e);
    free(m->ids);
    m->ids = NULL;
    if (++m->at < m->r.n_prompts) return JOB_WORKS;
    reply(m, e);
    return JOB_DONE;
}

static void release(job *j)
{
    embeddings *m = (embeddings *)j;
    free(m->ids);
    wkv_state_free(m->state);
    free(m->rows);
    free(m->sum);
    out_release(&m->data);
    request_release(&m->r);
    free(m);
}

static void give(exchange *x, const form *f)
{
    problem p = {0};
    size_t bytes;
    const char *body = exchange_body(x, &bytes);
    embeddings *m = job_new(x, sizeof *m, work, release);
    if (!m) return;
    m->form = f, m->given = now_us();
    int bad = request_embeddings(&m->r, f->input, &m->base64, body, bytes, &p);
    if (!bad && m->r.n_prompts > f->most)
        bad = refuse(&p, 400, f->input, "out_of_range", "%s has %d texts, expected %d", f->input, m->r.n_prompts,
                     f->most);
    if (!bad && !models_give(m->r.model, &m->j, 1, &p)) return;
    release(&m->j);
    exchange_refuse(x, &p);
}

/* ---- OpenAI ------------------------------------------------------------------------------------------------------ */

static void begin_openai(out *o, const embeddings *m)
{
    out_format(o, "{\"object\": \"embedding\", \"index\": %d, \"embedding\": ", m->at);
}

static void reply_openai(out *o, embeddings *m, const engine *e)
{
    out_text(o, "{\"object\": \"list\", \"model\": ");
    out_quoted(o, e->name);
    out_text(o, ", \"data\": [");
    out_put(o, m->data.at, m->data.n);
    out_format(o, "], \"usage\": {\"prompt_tokens\": %d, \"total_tokens\": %d}}", m->all, m->all);
}

void handle_embeddings(exchange *x)
{
    static const form openai = {"input", REQUEST_PROMPTS, begin_openai, "}", reply_openai};
    give(x, &openai);
}

/* ---- Ollama: /api/embed, and the older /api/embeddings of one text ----------------------------------------------- */

static void begin_ollama(out *o, const embeddings *m) { (void)o, (void)m; }

static void reply_ollama(out *o, embeddings *m, const engine *e)
{
    const int64_t now = now_us();
    out_text(o, "{\"model\": ");
    out_quoted(o, m->r.model ? m->r.model : e->name);
    out_text(o, ", \"embeddings\": [");
    out_put(o, m->data.at, m->data.n);
    out_format(o, "], \"total_duration\": %lld, \"load_duration\": %lld, \"prompt_eval_count\": %d}",
               (long long)(now - m->given) * 1000, (long long)(m->started - m->given) * 1000, m->all);
}

static void reply_ollama_one(out *o, embeddings *m, const engine *e)
{
    (void)e;
    out_text(o, "{\"embedding\": ");
    out_put(o, m->data.at, m->data.n);
    out_text(o, "}");
}

void handle_ollama_embed(exchange *x)
{
    static const form ollama = {"input", REQUEST_PROMPTS, begin_ollama, "", reply_ollama};
    give(x, &ollama);
}

void handle_ollama_embeddings(exchange *x)
{
    static const form ollama = {"prompt", 1, begin_ollama, "", reply_ollama_one};
    give(x, &ollama);
}
