/* prompt_report.c - the prompt that a request becomes, without an answer to it: its tokens are counted, or shown. */
#include "answers.h"
#include "models.h"
#include <stdlib.h>

typedef struct {
    job j;
    request r;
    void (*put)(out *o, const prompt_report *r);
} reporting;

static int put_report(reporting *t, const engine *e, wkv_session *s, problem *p)
{
    out o = {0}, text = {0};
    const int err = chat_append(e, s, &t->r);
    if (err) return refuse_library(p, err, "messages");
    const wkv_session_info about = wkv_session_about(s);
    for (int i = 0; i < about.n; i++) {
        size_t bytes;
        const char *piece = wkv_token_bytes(e->tokenizer, about.ids[i], &bytes);
        out_put(&text, piece, bytes);
    }
    t->put(&o, &(prompt_report){.n = about.n, .text = text.n ? text.at : "", .bytes = text.n});
    o.failed |= text.failed;
    out_release(&text);
    exchange_reply_json(t->j.x, &o);
    return 0;
}

static job_result work(job *j, engine *e)
{
    reporting *t = (reporting *)j;
    wkv_session *s;
    problem p;
    const int err = wkv_session_new(&s, e->model, e->tokenizer);
    if (err ? refuse_library(&p, err, NULL) : put_report(t, e, s, &p)) exchange_refuse(j->x, &p);
    wkv_session_free(s);
    return JOB_DONE;
}

static void release(job *j)
{
    reporting *t = (reporting *)j;
    request_release(&t->r);
    free(t);
}

void prompt_report_give(exchange *x, int (*read)(request *r, const char *body, size_t bytes, problem *p),
                        void (*put)(out *o, const prompt_report *r))
{
    problem p = {0};
    size_t bytes;
    const char *body = exchange_body(x, &bytes);
    reporting *t = job_new(x, sizeof *t, work, release);
    if (!t) return;
    t->put = put;
    if (!read(&t->r, body, bytes, &p) && !models_give(t->r.model, &t->j, 1, &p)) return;
    release(&t->j);
    exchange_refuse(x, &p);
}
