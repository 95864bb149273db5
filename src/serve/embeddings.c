/* openai_embeddings.c - /v1/embeddings: the mean over tokens of the last row, after ln_out, with length 1. */
#include "answers.h"
#include "dialects.h"
#include "models.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 128 /* tokens between two steps of the batcher */ };

typedef struct {
    job j;
    request r;
    int base64;
    int at;       /* the text being read */
    int32_t *ids; /* of it               */
    int n, read, all;
    wkv_state *state;
    float *rows; /* [ROWS][C] */
    double *sum; /* [C]       */
    out data;    /* the list  */
} embeddings;

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
    out_format(&m->data, "%s{\"object\": \"embedding\", \"index\": %d, \"embedding\": ", m->at ? ", " : "", m->at);
    out_text(&m->data, m->base64 ? "\"" : "[");
    if (m->base64)
        out_base64(&m->data, m->rows, (size_t)width * sizeof *m->rows);
    else
        for (int i = 0; i < width; i++) out_format(&m->data, "%s%.9g", i ? ", " : "", (double)m->rows[i]);
    out_text(&m->data, m->base64 ? "\"}" : "]}");
}

static void reply(embeddings *m, const engine *e)
{
    out o = {0};
    exchange_figures *f = exchange_log(m->j.x);
    out_text(&o, "{\"object\": \"list\", \"model\": ");
    out_quoted(&o, e->name);
    out_text(&o, ", \"data\": [");
    out_put(&o, m->data.at, m->data.n);
    out_format(&o, "], \"usage\": {\"prompt_tokens\": %d, \"total_tokens\": %d}}", m->all, m->all);
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

void handle_embeddings(exchange *x)
{
    problem p = {0};
    size_t bytes;
    const char *body = exchange_body(x, &bytes);
    embeddings *m = job_new(x, sizeof *m, work, release);
    if (!m) return;
    if (!request_embeddings(&m->r, &m->base64, body, bytes, &p) && !models_give(m->r.model, &m->j, 1, &p)) return;
    release(&m->j);
    exchange_refuse(x, &p);
}
