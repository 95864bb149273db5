/* kept.c - answers in sessions of the store. */
#include "kept.h"
#include "running.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_ROOM = 4096 };

struct kept {
    answers *a;
    wkv_store *store;
    wkv_store_session session;
    wkv_tree *tree;
    int parent;      /* the node from which the turn goes on */
    wkv_session *at; /* loaded: at its end                   */
    running turn;
    char answer[32]; /* the id of its message */
    problem found;
};

int kept_store(wkv_store **store, exchange *x, problem *p)
{
    const serve_options *o = &exchange_server(x)->o;
    const wkv_store_options of = {.tenant = exchange_tenant(x), .expire_seconds = o->store_expire};
    const int err = wkv_store_open(store, o->store, &of);
    char folder[PATH_ROOM];
    if (err && !o->store && !wkv_store_folder(folder, sizeof folder))
        return refuse(p, 501, "session", "unsupported", "this server keeps no sessions: %s", wkv_error());
    if (err == WKV_EIO) return refuse(p, 503, "session", "store_unavailable", "%s", wkv_error());
    return err ? refuse_library(p, err, "session") : 0;
}

int kept_find(wkv_store_session *session, wkv_store *store, const char *name, problem *p)
{
    const int found = wkv_store_find(session, store, name);
    if (found < 0 && found != WKV_EARG) return refuse_library(p, found, "session");
    if (found == 1 && (!strcmp(session->id, name) || !strcmp(session->name, name))) return 0;
    return refuse(p, 404, "session", "session_not_found", "there is no session '%.100s'; GET /v1/sessions lists them",
                  name);
}

int kept_check_head(const wkv_store_session *session, const char *known, problem *p)
{
    if (!known || !strcmp(known, session->head)) return 0;
    return refuse(p, 409, "parent", "head_moved", "the session goes on from %s, not from %.40s",
                  *session->head ? session->head : "its beginning", *known ? known : "its beginning");
}

/* ---- the place of a turn ----------------------------------------------------------------------------------------- */

/* The question of `edit` is asked anew: the turn goes on from the message before it. */
static int find_edited(int *node, const kept *k, const char *id, problem *p)
{
    const int found = wkv_tree_find(k->tree, id);
    const wkv_node *n = wkv_tree_node(k->tree, found);
    if (!n || n->role != WKV_ROLE_USER)
        return refuse(p, 404, "edit", "message_not_found", "the session has no question %.100s", id);
    *node = n->parent;
    return 0;
}

static int find_parent(int *node, const kept *k, const request *r, problem *p)
{
    if (!r->branch && kept_check_head(&k->session, r->parent, p)) return -1;
    if (r->edit) return find_edited(node, k, r->edit, p);
    *node = wkv_tree_head(k->tree);
    if (!r->branch || !r->parent) return 0;
    *node = *r->parent ? wkv_tree_find(k->tree, r->parent) : WKV_NOWHERE;
    return *node >= WKV_NOWHERE
               ? 0
               : refuse(p, 404, "parent", "message_not_found", "the session has no message %.100s", r->parent);
}

/* A question, and before the first one perhaps system texts. */
static int check_messages(const request *r, int first, problem *p)
{
    for (int i = 0; i < chat_question(r); i++)
        if (r->messages[i].who != SPEAKER_SYSTEM || !first)
            return refuse(p, 400, "messages", "invalid_value",
                          "with a session, messages is one question%s; the session has the others",
                          first ? " after system texts" : "");
    const speaker last = r->messages[r->n_messages - 1].who;
    if (last != SPEAKER_USER && last != SPEAKER_TOOL)
        return refuse(p, 400, "messages", "invalid_value",
                      "with a session, the last message is the user's, or the result of a call");
    return 0;
}

static int load(kept *k, problem *p)
{
    const answers *a = k->a;
    int err = wkv_store_load(&k->tree, k->store, &k->session, a->e->context, a->e->tokenizer);
    if (err) return refuse_library(p, err, "session");
    if (find_parent(&k->parent, k, &a->r, p) || check_messages(&a->r, k->parent == WKV_NOWHERE, p)) return -1;
    if (wkv_tree_go(k->tree, k->parent)) return refuse_library(p, WKV_EARG, "parent");
    err = wkv_tree_session(&k->at, k->tree, k->parent);
    return err ? refuse_library(p, err, "session") : 0;
}

int kept_load(kept *k)
{
    const answers *a = k->a;
    problem *p = &k->found;
    if (!k->store && kept_store(&k->store, a->j.x, p)) return 0;
    if (kept_find(&k->session, k->store, a->r.session, p)) return 0;
    const int waits = a->r.branch ? 0 : running_enter(&k->turn, &k->a->j, a->id, &k->session, p);
    if (!waits && load(k, p)) running_leave(&k->turn);
    return waits > 0;
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static int append(const kept *k, wkv_session *s, problem *p)
{
    const engine *e = k->a->e;
    const request *r = &k->a->r;
    int err = 0;
    if (k->parent == WKV_NOWHERE) {
        err = chat_append_opening(e, s, r);
        if (!err && wkv_session_about(s).n) {
            const char *system = chat_question(r) > 0 ? r->messages[0].text : "";
            const wkv_node node = {.role = WKV_ROLE_TEXT, .text = system};
            const int opening = wkv_tree_add(k->tree, WKV_NOWHERE, &node, s);
            if (opening < 0) err = opening;
        }
    }
    if (!err) err = chat_append_question(e, s, r);
    return err ? refuse_library(p, err, "messages") : 0;
}

int kept_begin(kept *k, wkv_session **s, problem *p)
{
    *s = k->at, k->at = NULL;
    return append(k, *s, p);
}

static int add(kept *k, wkv_role role, const char *text, const wkv_session *s, problem *p)
{
    const wkv_node node = {.role = role, .text = text};
    const int added = wkv_tree_add(k->tree, wkv_tree_head(k->tree), &node, s);
    return added < 0 ? refuse_library(p, added, "session") : 0;
}

/* The same with a text that is not ended by a zero byte. */
static int add_text(kept *k, wkv_role role, const out *text, const wkv_session *s, problem *p)
{
    char *copy = text->failed ? NULL : malloc(text->n + 1);
    if (!copy) return refuse(p, 503, NULL, "out_of_memory", "no memory for a message");
    if (text->n) memcpy(copy, text->at, text->n);
    copy[text->n] = 0;
    const int bad = add(k, role, copy, s, p);
    free(copy);
    return bad;
}

int kept_asked(kept *k, const wkv_session *s, problem *p)
{
    out text = {0};
    chat_question_text(&text, &k->a->r);
    const int bad = add_text(k, WKV_ROLE_USER, &text, s, p);
    out_release(&text);
    return bad;
}

int kept_answered(kept *k, const wkv_session *s, const out *text, problem *p)
{
    const int bad = add_text(k, WKV_ROLE_ASSISTANT, text, s, p);
    if (!bad) memcpy(k->answer, wkv_tree_node(k->tree, wkv_tree_head(k->tree))->id, sizeof k->answer);
    return bad;
}

/* A branch leaves the head to a turn that needs it where it is, and to another process that has moved it. */
static int save(kept *k)
{
    problem other;
    const int branch = k->a->r.branch;
    int err = 0;
    if (branch && running_check(k->a->e->server, &k->session, &other))
        err = wkv_tree_go(k->tree, *k->session.head ? wkv_tree_find(k->tree, k->session.head) : WKV_NOWHERE);
    if (!err) err = wkv_store_save(k->store, &k->session, k->tree);
    return branch && err == WKV_ECONFLICT ? 0 : err;
}

void kept_save(kept *k)
{
    const int err = save(k);
    if (err == WKV_ECONFLICT)
        refuse(&k->found, 409, "parent", "head_moved", "%s", wkv_error());
    else if (err == WKV_EARG)
        refuse(&k->found, 404, "session", "session_not_found", "the session %s was deleted meanwhile", k->session.id);
    else if (err)
        refuse_library(&k->found, err, "session");
    running_leave(&k->turn);
}

/* ---- the turn ---------------------------------------------------------------------------------------------------- */

kept *kept_new(answers *a)
{
    kept *k = calloc(1, sizeof *k);
    if (k) k->a = a;
    return k;
}

const problem *kept_problem(const kept *k) { return k->found.status ? &k->found : NULL; }

const char *kept_message(const kept *k) { return k->answer; }
const char *kept_session(const kept *k) { return k->session.id; }

void kept_leave(kept *k) { running_leave(&k->turn); }

void kept_end(kept *k)
{
    if (!k) return;
    running_leave(&k->turn);
    wkv_session_free(k->at);
    wkv_tree_free(k->tree);
    wkv_store_close(k->store);
    free(k);
}
