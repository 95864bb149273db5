/* session_operations.c - list, create, show, export, delete, undo, branch and mix sessions: the part of the store's thread, and
 * that of the engine, which reads the parts of a mix. */
#include "running.h"
#include "sessions.h"
#include <stdlib.h>
#include <string.h>

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

static int list(const session_work *w, out *o, problem *p)
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

static int create(session_work *w, out *o, problem *p)
{
    const char *name = NULL;
    if (field_text(&name, w->body, "name", p)) return -1;
    const int err = wkv_store_create(&w->session, w->store, name, w->e->context, w->e->how->name);
    if (err) return refuse_library(p, err, "name");
    put_session(o, &w->session);
    out_text(o, "}");
    return 0;
}

static int show(const session_work *w, out *o, problem *p)
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

static int export(const session_work *w, out *o, problem *p)
{
    char *text;
    const int err = wkv_store_export(&text, w->store, &w->session, w->format);
    if (err) return refuse_library(p, err, NULL);
    out_text(o, text);
    free(text);
    return 0;
}

static int delete_one(const session_work *w, out *o, problem *p)
{
    const int err = wkv_store_delete(w->store, &w->session);
    if (err) return refuse_library(p, err, NULL);
    out_format(o, "{\"id\": \"%s\", \"object\": \"session.deleted\", \"deleted\": true}", w->session.id);
    return 0;
}

static int load(session_work *w, problem *p)
{
    wkv_context *context = w->e ? w->e->context : NULL;
    const wkv_tokenizer *tokenizer = w->e ? w->e->tokenizer : NULL;
    const char *head = NULL;
    if (field_text(&head, w->body, "head", p)) return -1;
    const int err = wkv_store_load(&w->tree, w->store, &w->session, context, tokenizer);
    return err ? refuse_library(p, err, NULL) : kept_check_head(&w->session, head, p);
}

int session_save(session_work *w, out *o, problem *p)
{
    if (running_check(exchange_server(w->j.x), &w->session, p)) return -1;
    const int err = wkv_store_save(w->store, &w->session, w->tree);
    if (err == WKV_ECONFLICT) return refuse(p, 409, "head", "head_moved", "%s", wkv_error());
    if (err) return refuse_library(p, err, NULL);
    return show(w, o, p);
}

static int find_node(int *node, const session_work *w, const char *id, const char *field, problem *p)
{
    *node = wkv_tree_find(w->tree, id);
    return *node >= 0 ? 0 : refuse(p, 404, field, "message_not_found", "the session has no message %.100s", id);
}

/* The head goes back to the place before its last question. */
static int undo(session_work *w, problem *p)
{
    int node = wkv_tree_head(w->tree);
    const wkv_node *n;
    while ((n = wkv_tree_node(w->tree, node)) && n->role != WKV_ROLE_USER) node = n->parent;
    if (!n) return refuse(p, 409, NULL, "nothing_to_undo", "the session has no question before its head");
    return wkv_tree_go(w->tree, n->parent) ? refuse_library(p, WKV_EARG, NULL) : 0;
}

/* Name a message, and move the head to it. */
static int branch(const session_work *w, problem *p)
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

static int read_parts(session_work *w, problem *p)
{
    const json_t *ids = NULL, *weights = NULL;
    if (field_list(&ids, w->body, "messages", p) || field_list(&weights, w->body, "weights", p)) return -1;
    const size_t n = json_array_size(ids);
    if (n < 2 || n > MIX_PARTS)
        return refuse(p, 400, "messages", "out_of_range", "messages has %zu ids, expected 2 to %d", n, MIX_PARTS);
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

/* Its messages, with their states as far as they are on the disk. */
static int load_parts(session_work *w, problem *p)
{
    if (read_parts(w, p)) return -1;
    for (int i = 0; i < w->n_parts; i++) {
        const int err = wkv_tree_session(&w->parts[i], w->tree, w->nodes[i]);
        if (err) return refuse_library(p, err, "messages");
    }
    return 0;
}

int session_read_parts(const session_work *w, const engine *e, problem *p)
{
    for (int i = 0; i < w->n_parts; i++) {
        const wkv_session_info about = wkv_session_about(w->parts[i]);
        const int err = about.read < about.n ? wkv_batcher_add(e->batcher, w->parts[i], NULL) : 0;
        if (err) return refuse_library(p, err, "messages");
    }
    return 0;
}

int session_parts_are_read(const session_work *w)
{
    wkv_event e;
    for (int i = 0; i < w->n_parts; i++) {
        while (wkv_session_next_event(w->parts[i], &e)) continue;
        const wkv_session_info about = wkv_session_about(w->parts[i]);
        if (about.read < about.n) return 0;
    }
    return 1;
}

int session_mix(session_work *w, problem *p)
{
    const int node = wkv_tree_mix(w->tree, w->nodes, (const wkv_session *const *)w->parts, w->weights, w->n_parts);
    w->mixed = node >= 0;
    return node < 0 ? refuse_library(p, node, "messages") : 0;
}

/* ---- the thread of the store ------------------------------------------------------------------------------------- */

static int open_all(session_work *w, problem *p)
{
    if (kept_store(&w->store, w->j.x, p)) return -1;
    if (*w->name && kept_find(&w->session, w->store, w->name, p)) return -1;
    return w->what >= UNDO ? load(w, p) : 0;
}

int session_operate(session_work *w, out *o, problem *p)
{
    if (open_all(w, p)) return -1;
    switch (w->what) {
    case LIST: return list(w, o, p);
    case CREATE: return create(w, o, p);
    case SHOW: return show(w, o, p);
    case EXPORT: return export(w, o, p);
    case DELETE_ONE: return delete_one(w, o, p);
    case UNDO: return undo(w, p) || session_save(w, o, p);
    case BRANCH: return branch(w, p) || session_save(w, o, p);
    case MIX: return load_parts(w, p);
    }
    return 0;
}
