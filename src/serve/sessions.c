/* sessions.c - /v1/sessions: conversations of the store, their trees of messages. A turn is /v1/chat/completions with
 * "session". */
#include "sessions.h"
#include "dialects.h"
#include "models.h"
#include "store_thread.h"
#include <stdlib.h>
#include <string.h>

/* ---- the job ----------------------------------------------------------------------------------------------------- */

static void reply(session_work *w, int bad, out *o, const problem *p)
{
    w->replied = 1;
    if (bad) {
        out_release(o);
        exchange_refuse(w->j.x, p);
    } else if (w->what == EXPORT && w->format == WKV_EXPORT_MARKDOWN && !o->failed)
        exchange_reply(w->j.x, 200, "text/markdown; charset=utf-8", o);
    else
        exchange_reply_json(w->j.x, o);
}

/* A mix goes back to its engine, until it is mixed. */
static int store(job *j)
{
    session_work *w = (session_work *)j;
    problem p = {0};
    out o = {0};
    const int bad = w->mixed ? session_save(w, &o, &p) : session_operate(w, &o, &p);
    if (bad || w->what != MIX || w->mixed) reply(w, bad, &o, &p);
    return 0;
}

/* A session is created for a model, and its messages are mixed with one. */
static job_result work(job *j, engine *e)
{
    session_work *w = (session_work *)j;
    problem p = {0};
    int bad = 0;
    if (w->replied) return JOB_DONE;
    if (!w->e) {
        w->e = e;
        return JOB_STORES;
    }
    if (exchange_gone(j->x) || e->server->closing > 1)
        bad = refuse(&p, 503, NULL, "shutting_down", "the server is shutting down");
    if (!bad && !w->reads++) bad = session_read_parts(w, e, &p);
    if (!bad && !session_parts_are_read(w)) return JOB_WORKS;
    if (!bad) bad = session_mix(w, &p);
    if (!bad) return JOB_STORES;
    exchange_refuse(j->x, &p);
    return JOB_DONE;
}

static void release(job *j)
{
    session_work *w = (session_work *)j;
    for (int i = 0; i < w->n_parts; i++) wkv_session_free(w->parts[i]);
    wkv_tree_free(w->tree);
    wkv_store_close(w->store);
    json_decref(w->body);
    free(w);
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

/* "/v1/sessions/NAME/WHAT": the name, and the operation. */
static int read_path(session_work *w, exchange *x, problem *p)
{
    static const struct {
        const char *method, *word;
        operation what;
    } known[] = {{"GET", "", SHOW},      {"GET", "export", EXPORT},  {"DELETE", "", DELETE_ONE},
                 {"POST", "undo", UNDO}, {"POST", "branch", BRANCH}, {"POST", "mix", MIX}};
    const char *path = exchange_path(x), *name = path + strlen("/v1/sessions"), *method = exchange_method(x);
    if (!strcmp(method, "HEAD")) method = "GET"; /* which changes nothing */
    if (!*name) {
        w->what = !strcmp(method, "POST") ? CREATE : LIST;
        return 0;
    }
    const char *slash = strchr(++name, '/'), *word = slash ? slash + 1 : "";
    const size_t n = slash ? (size_t)(slash - name) : strlen(name);
    for (size_t i = 0; i < sizeof known / sizeof *known && n && n < sizeof w->name; i++) {
        if (strcmp(word, known[i].word) || strcmp(method, known[i].method)) continue;
        memcpy(w->name, name, n);
        w->name[n] = 0;
        w->what = known[i].what;
        return 0;
    }
    return refuse(p, 404, NULL, "not_found", "there is no %.20s %.100s here; docs/server.md lists the endpoints",
                  method, path);
}

static int read_format(session_work *w, exchange *x, problem *p)
{
    const char *format = w->what == EXPORT ? exchange_query(x, "format") : NULL;
    w->format = format && !strcmp(format, "markdown") ? WKV_EXPORT_MARKDOWN : WKV_EXPORT_JSON;
    if (!format || w->format == WKV_EXPORT_MARKDOWN || !strcmp(format, "json")) return 0;
    return refuse(p, 400, "format", "invalid_value", "format is '%.40s', expected json or markdown", format);
}

void handle_sessions(exchange *x)
{
    problem p = {0};
    size_t bytes;
    const char *body = exchange_body(x, &bytes);
    session_work *w = job_new(x, sizeof *w, work, release);
    if (!w) return;
    w->j.store = store;
    int bad = read_path(w, x, &p) || read_format(w, x, &p);
    if (!bad && bytes) bad = fields_read(&w->body, body, bytes, &p) || field_text(&w->model, w->body, "model", &p);
    if (!w->model) w->model = exchange_query(x, "model");
    const int needs_model = w->what == CREATE || w->what == MIX;
    if (!bad && !(needs_model ? models_give(w->model, &w->j, 0, &p) : store_thread_ask(&w->j, &p))) return;
    release(&w->j);
    exchange_refuse(x, &p);
}
