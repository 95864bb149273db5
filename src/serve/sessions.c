/* sessions.c - /v1/sessions: conversations of the store, their trees of messages. A turn is /v1/chat/completions with
 * "session". */
#include "dialects.h"
#include "kept.h"
#include "models.h"
#include <stdlib.h>
#include <string.h>

enum { PARTS = 64 };
typedef enum { LIST, CREATE, SHOW, DELETE_ONE, UNDO, BRANCH, MIX } operation;

typedef struct {
    job j;
    operation what;
    char name[80]; /* of the path */
    json_t *body;
    const char *model;
    wkv_store *store;
    wkv_store_session session;
    wkv_tree *tree; /* MIX: while its parts are read */
    wkv_session *parts[PARTS];
    int nodes[PARTS], n_parts;
    float weights[PARTS];
} work_on;

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void put_session(out *o, const wkv_store_session *s)
{
    out_format(o, "{\"id\": \"%s\", \"object\": \"session\", \"name\": ", s->id);
    out_quoted(o, *s->name ? s->name : NULL);
    out_text(o, ", \"model\": ");
    out_quoted(o, s->model);
    out_text(o, ", \"template\": ");
    out_quoted(o, s->template_name);
    out_format(
        o, ", \"created\": %lld, \"changed\": %lld, \"messages_count\": %d, \"turns\": %d, \"bytes\": %lld, \"head\": ",
        (long long)s->created, (long long)s->changed, s->messages, s->turns, (long long)s->bytes);
    out_quoted(o, *s->head ? s->head : NULL);
    out_text(o, ", \"preview\": ");
    out_quoted(o, s->preview);
}

static const char *role_of(wkv_role role)
{
    static const char *const names[] = {"system", "user", "assistant", "mix"};
    return names[role];
}

static void put_messages(out *o, const wkv_store_messages *m)
{
    out_text(o, ", \"messages\": [");
    for (int i = 0; i < m->n; i++) {
        const wkv_node *n = &m->nodes[i];
        out_format(o, "%s{\"id\": \"%s\", \"parent\": ", i ? ", " : "", n->id);
        out_quoted(o, n->parent >= 0 ? m->nodes[n->parent].id : NULL);
        out_format(o, ", \"role\": \"%s\", \"content\": ", role_of(n->role));
        out_quoted(o, n->text);
        out_format(o, ", \"tokens\": %d, \"created\": %lld}", n->n, (long long)n->created);
    }
    out_text(o, "], \"branches\": [");
    for (int i = 0; i < m->n_names; i++) {
        out_text(o, i ? ", {\"name\": " : "{\"name\": ");
        out_quoted(o, m->names[i].name);
        out_format(o, ", \"message\": \"%s\"}", m->nodes[m->names[i].node].id);
    }
    out_text(o, "]");
}

/* ---- operations -------------------------------------------------------------------------------------------------- */

static int list(const work_on *w, out *o, problem *p)
{
    wkv_store_session *all;
    int n;
    const int err = wkv_store_list(&all, &n, w->store);
    if (err) return refuse_library(p, err, NULL);
    out_text(o, "{\"object\": \"list\", \"data\": [");
    for (int i = 0; i < n; i++) {
        if (i) out_text(o, ", ");
        put_session(o, &all[i]);
        out_text(o, "}");
    }
    out_text(o, "]}");
    wkv_store_list_free(all);
    return 0;
}

static int create(work_on *w, const engine *e, out *o, problem *p)
{
    const char *name = NULL;
    if (field_text(&name, w->body, "name", p)) return -1;
    const int err = wkv_store_create(&w->session, w->store, name, e->context, e->how->name);
    if (err) return refuse_library(p, err, "name");
    put_session(o, &w->session);
    out_text(o, "}");
    return 0;
}

static int show(const work_on *w, out *o, problem *p)
{
    wkv_store_messages *m;
    const int err = wkv_store_read(&m, w->store, &w->session);
    if (err) return refuse_library(p, err, NULL);
    put_session(o, &w->session);
    put_messages(o, m);
    out_text(o, "}");
    wkv_store_messages_free(m);
    return 0;
}

static int delete_one(const work_on *w, out *o, problem *p)
{
    const int err = wkv_store_delete(w->store, &w->session);
    if (err) return refuse_library(p, err, NULL);
    out_format(o, "{\"id\": \"%s\", \"object\": \"session.deleted\", \"deleted\": true}", w->session.id);
    return 0;
}

static int load(work_on *w, const engine *e, problem *p)
{
    const char *head = NULL;
    if (field_text(&head, w->body, "head", p)) return -1;
    const int err = wkv_store_load(&w->tree, w->store, &w->session, e->context, e->tokenizer);
    return err ? refuse_library(p, err, NULL) : kept_check_head(&w->session, head, p);
}

static int save(work_on *w, out *o, problem *p)
{
    const int err = wkv_store_save(w->store, &w->session, w->tree);
    if (err == WKV_ECONFLICT) return refuse(p, 409, "head", "head_moved", "%s", wkv_error());
    if (err) return refuse_library(p, err, NULL);
    return show(w, o, p);
}

static int find_node(int *node, const work_on *w, const char *id, const char *field, problem *p)
{
    *node = wkv_tree_find(w->tree, id);
    return *node >= 0 ? 0 : refuse(p, 404, field, "message_not_found", "the session has no message %.100s", id);
}

/* The head goes back to the place before its last question. */
static int undo(work_on *w, problem *p)
{
    int node = wkv_tree_head(w->tree);
    const wkv_node *n;
    while ((n = wkv_tree_node(w->tree, node)) && n->role != WKV_ROLE_USER) node = n->parent;
    if (!n) return refuse(p, 409, NULL, "nothing_to_undo", "the session has no question before its head");
    return wkv_tree_go(w->tree, n->parent) ? refuse_library(p, WKV_EARG, NULL) : 0;
}

/* Name a message, and move the head to it. */
static int branch(const work_on *w, problem *p)
{
    const char *name = NULL, *id = NULL;
    int node = wkv_tree_head(w->tree);
    if (field_text(&name, w->body, "name", p) || field_text(&id, w->body, "message", p)) return -1;
    if (id && find_node(&node, w, id, "message", p)) return -1;
    int err = name ? wkv_tree_branch(w->tree, name, node) : 0;
    if (!err) err = wkv_tree_go(w->tree, node);
    return err ? refuse_library(p, err, "name") : 0;
}

/* ---- mixes ------------------------------------------------------------------------------------------------------- */

static int read_parts(work_on *w, problem *p)
{
    const json_t *ids = NULL, *weights = NULL;
    if (field_list(&ids, w->body, "messages", p) || field_list(&weights, w->body, "weights", p)) return -1;
    const size_t n = json_array_size(ids);
    if (n < 2 || n > PARTS)
        return refuse(p, 400, "messages", "out_of_range", "messages has %zu ids, expected 2 to %d", n, PARTS);
    if (weights && json_array_size(weights) != n)
        return refuse(p, 400, "weights", "invalid_value", "weights has %zu numbers for %zu messages",
                      json_array_size(weights), n);
    for (size_t i = 0; i < n; i++) {
        const json_t *id = json_array_get(ids, i), *weight = json_array_get(weights, i);
        if (!json_is_string(id)) return field_refuse(p, "messages", "ids of messages", id);
        if (weights && !json_is_number(weight)) return field_refuse(p, "weights", "numbers", weight);
        if (find_node(&w->nodes[i], w, json_string_value(id), "messages", p)) return -1;
        w->weights[i] = weights ? (float)json_number_value(weight) : 1;
    }
    w->n_parts = (int)n;
    return 0;
}

static int begin_mix(work_on *w, const engine *e, problem *p)
{
    if (read_parts(w, p)) return -1;
    for (int i = 0; i < w->n_parts; i++) {
        int err = wkv_tree_session(&w->parts[i], w->tree, w->nodes[i]);
        const wkv_session_info about = wkv_session_about(w->parts[i]);
        if (!err && about.read < about.n) err = wkv_batcher_add(e->batcher, w->parts[i], NULL);
        if (err) return refuse_library(p, err, "messages");
    }
    return 0;
}

/* 1: all parts are read to their ends. */
static int parts_are_read(const work_on *w)
{
    wkv_event e;
    for (int i = 0; i < w->n_parts; i++) {
        while (wkv_session_next_event(w->parts[i], &e)) continue;
        const wkv_session_info about = wkv_session_about(w->parts[i]);
        if (about.read < about.n) return 0;
    }
    return 1;
}

static int mix(work_on *w, out *o, problem *p)
{
    const int node = wkv_tree_mix(w->tree, w->nodes, (const wkv_session *const *)w->parts, w->weights, w->n_parts);
    return node < 0 ? refuse_library(p, node, "messages") : save(w, o, p);
}

/* ---- the job ----------------------------------------------------------------------------------------------------- */

static int open_all(work_on *w, const engine *e, problem *p)
{
    if (kept_store(&w->store, exchange_tenant(w->j.x), p)) return -1;
    if (*w->name && kept_find(&w->session, w->store, w->name, p)) return -1;
    return w->what >= UNDO ? load(w, e, p) : 0;
}

static int do_work(work_on *w, const engine *e, out *o, problem *p)
{
    if (open_all(w, e, p)) return -1;
    switch (w->what) {
    case LIST: return list(w, o, p);
    case CREATE: return create(w, e, o, p);
    case SHOW: return show(w, o, p);
    case DELETE_ONE: return delete_one(w, o, p);
    case UNDO: return undo(w, p) || save(w, o, p);
    case BRANCH: return branch(w, p) || save(w, o, p);
    case MIX: return begin_mix(w, e, p);
    }
    return 0;
}

static int work(job *j, engine *e)
{
    work_on *w = (work_on *)j;
    problem p = {0};
    out o = {0};
    int bad = 0;
    if (!w->store) bad = do_work(w, e, &o, &p);
    if (!bad && w->what == MIX) {
        if (exchange_gone(j->x) || e->server->closing > 1)
            bad = refuse(&p, 503, NULL, "shutting_down", "the server is shutting down");
        else if (!parts_are_read(w))
            return 0;
        else
            bad = mix(w, &o, &p);
    }
    if (bad) {
        out_release(&o);
        exchange_refuse(j->x, &p);
    } else
        exchange_reply_json(j->x, &o);
    return 1;
}

static void release(job *j)
{
    work_on *w = (work_on *)j;
    for (int i = 0; i < w->n_parts; i++) wkv_session_free(w->parts[i]);
    wkv_tree_free(w->tree);
    wkv_store_close(w->store);
    json_decref(w->body);
    free(w);
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

/* "/v1/sessions/NAME/WHAT": the name, and the operation. */
static int read_path(work_on *w, exchange *x, problem *p)
{
    static const struct {
        const char *method, *word;
        operation what;
    } known[] = {{"GET", "", SHOW},      {"GET", "export", SHOW},    {"DELETE", "", DELETE_ONE},
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

void handle_sessions(exchange *x)
{
    problem p = {0};
    size_t bytes;
    const char *body = exchange_body(x, &bytes);
    work_on *w = job_new(x, sizeof *w, work, release);
    if (!w) return;
    int bad = read_path(w, x, &p);
    if (!bad && bytes) bad = fields_read(&w->body, body, bytes, &p) || field_text(&w->model, w->body, "model", &p);
    if (!w->model) w->model = exchange_query(x, "model");
    if (!bad && !models_give(w->model, &w->j, 0, &p)) return;
    release(&w->j);
    exchange_refuse(x, &p);
}
