/* store_read.c - the messages of a session, read from the store and checked: parents and parts are there, and all
 * sizes agree, so that nothing refuses them later. */
#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "session/store.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(void) { return fail(WKV_ENOMEM, "no memory for the messages of a session"); }

static int damaged(const wkv_store *s, const char *id, const char *reason)
{
    return fail(WKV_EFORMAT, "%s: is damaged: message %.32s %s; put back a copy", s->place, id, reason);
}

/* The index of a message, most likely a late one; WKV_NOWHERE: there is none. */
static int find(const store_content *x, const char *id)
{
    int i = x->n - 1;
    while (i >= 0 && strcmp(x->nodes[i].about.id, id)) i--;
    return i;
}

/* Room for one more element of a list. */
static int reserve(void *list, int n, int *cap, size_t size)
{
    if (n < *cap) return 0;
    const int more = 2 * *cap + 16;
    void *bigger = realloc(*(void **)list, (size_t)more * size);
    if (!bigger) return no_memory();
    *(void **)list = bigger, *cap = more;
    return 0;
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static int check_node(const wkv_store *s, const store_content *x, wkv_node *n, const char *parent, int id_bytes)
{
    n->parent = *parent ? find(x, parent) : WKV_NOWHERE;
    if (*parent && n->parent == WKV_NOWHERE) return damaged(s, n->id, "has a parent that is not there");
    if (n->role < WKV_ROLE_TEXT || n->role > WKV_ROLE_MIX) return damaged(s, n->id, "has no known role");
    if (id_bytes % (int)sizeof *n->ids) return damaged(s, n->id, "has a part of an id");
    const int above = n->parent == WKV_NOWHERE ? 0 : x->nodes[n->parent].about.total;
    n->n = id_bytes / (int)sizeof *n->ids;
    if (n->n > INT_MAX / 2 - above) return damaged(s, n->id, "has too many ids");
    n->total = above + n->n;
    if (n->read < 0 || n->read > n->total) return damaged(s, n->id, "has read more ids than there are");
    return 0;
}

int store_take_message(store_content *x, const wkv_store *s, const store_message *m)
{
    int err = reserve(&x->nodes, x->n, &x->cap, sizeof *x->nodes);
    if (err) return err;
    store_node *node = &x->nodes[x->n];
    wkv_node *n = &node->about;
    *node = (store_node){
        .about = {
            .role = (wkv_role)m->role, .read = m->read, .created = m->created, .seed = m->seed, .draws = m->draws}};
    utf8_copy(n->id, sizeof n->id, m->id);
    utf8_copy(node->state, sizeof node->state, m->state);
    if ((err = check_node(s, x, n, m->parent, m->id_bytes))) return err;
    n->stored = *node->state != 0;
    n->text = memory_copy(m->text, strlen(m->text));
    n->ids = memory_copy(m->ids, (size_t)m->id_bytes);
    n->origin = memory_copy(m->origin, strlen(m->origin));
    x->n++; /* store_release frees it from here on */
    return n->text && n->ids && n->origin ? 0 : no_memory();
}

/* ---- parts of mixes ---------------------------------------------------------------------------------------------- */

static int append_part(wkv_node *n, int part, float weight)
{
    const size_t count = (size_t)n->n_parts + 1;
    int *parts = realloc((void *)n->parts, count * sizeof *parts);
    if (parts) n->parts = parts;
    float *weights = realloc((void *)n->weights, count * sizeof *weights);
    if (weights) n->weights = weights;
    if (!parts || !weights) return no_memory();
    parts[n->n_parts] = part;
    weights[n->n_parts++] = weight;
    return 0;
}

int store_take_part(store_content *x, const wkv_store *s, const char *mix, const char *part, float weight)
{
    const int of = find(x, mix), node = find(x, part);
    if (of < 0 || node < 0 || node >= of) return damaged(s, mix, "is a mix of messages that are not there");
    return append_part(&x->nodes[of].about, node, weight);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

int store_take_name(store_content *x, const wkv_store *s, const char *name, const char *node, int branch)
{
    const int at = find(x, node);
    if (at < 0) return damaged(s, node, "has a name and is not there");
    int err = reserve(&x->marks, x->n_marks, &x->cap_marks, sizeof *x->marks);
    char *copy = err ? NULL : strdup(name);
    if (copy) x->marks[x->n_marks++] = (store_mark){copy, at, branch};
    return copy ? 0 : no_memory();
}

/* ---- the session ------------------------------------------------------------------------------------------------- */

static int compare_marks(const void *a, const void *b)
{
    return strcmp(((const store_mark *)a)->name, ((const store_mark *)b)->name);
}

typedef struct {
    store_content *x;
    const wkv_store_session *session;
} reading;

static int read_all(wkv_store *s, void *of)
{
    const reading *r = of;
    store_content *x = r->x;
    store_release(x);
    x->head = WKV_NOWHERE;
    int err = store_find_record(&x->record, s, r->session);
    if (!err) err = s->kind->read(x, s);
    if (x->n_marks) qsort(x->marks, (size_t)x->n_marks, sizeof *x->marks, compare_marks);
    const char *head = x->record.about.head;
    if (!err && *head && (x->head = find(x, head)) == WKV_NOWHERE)
        err = damaged(s, head, "is the head of its session and is not there");
    return err;
}

int store_read(store_content *x, wkv_store *s, const wkv_store_session *session)
{
    *x = (store_content){.head = WKV_NOWHERE};
    return store_transact(s, 0, read_all, &(reading){x, session});
}

void store_release(store_content *x)
{
    for (int i = 0; i < x->n; i++) {
        const wkv_node *n = &x->nodes[i].about;
        free((void *)n->text);
        free((void *)n->ids);
        free((void *)n->parts);
        free((void *)n->weights);
        free((void *)n->origin);
    }
    for (int i = 0; i < x->n_marks; i++) free(x->marks[i].name);
    free(x->nodes);
    free(x->marks);
    *x = (store_content){0};
}

/* ---- for callers without a model --------------------------------------------------------------------------------- */

typedef struct {
    wkv_store_messages about; /* first: its address is the caller's */
    store_content content;
} messages;

/* A template's opening has no text for people. */
static int is_shown(const wkv_node *n) { return *n->text || n->n_parts; }

static int find_path(wkv_store_messages *m)
{
    int n = 0;
    for (int i = m->head; i != WKV_NOWHERE; i = m->nodes[i].parent) n += is_shown(&m->nodes[i]);
    int *path = malloc(sizeof *path * ((size_t)n + 1));
    if (!path) return no_memory();
    m->path = path, m->n_path = n;
    for (int i = m->head; i != WKV_NOWHERE; i = m->nodes[i].parent)
        if (is_shown(&m->nodes[i])) path[--n] = i;
    return 0;
}

static int list_messages(messages *m)
{
    const store_content *x = &m->content;
    wkv_node *nodes = calloc((size_t)x->n + 1, sizeof *nodes);
    wkv_store_name *names = calloc((size_t)x->n_marks + 1, sizeof *names);
    m->about = (wkv_store_messages){.nodes = nodes, .n = x->n, .head = x->head, .names = names, .n_names = x->n_marks};
    if (!nodes || !names) return no_memory();
    for (int i = 0; i < x->n; i++) nodes[i] = x->nodes[i].about;
    for (int i = 0; i < x->n_marks; i++)
        names[i] = (wkv_store_name){x->marks[i].name, x->marks[i].node, x->marks[i].branch};
    return find_path(&m->about);
}

int wkv_store_read(wkv_store_messages **out, wkv_store *s, const wkv_store_session *session)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(s, "the store");
    REQUIRE(session, "the session");
    messages *m = calloc(1, sizeof *m);
    if (!m) return no_memory();
    int err = store_read(&m->content, s, session);
    if (!err) err = list_messages(m);
    if (err)
        wkv_store_messages_free(&m->about);
    else
        *out = &m->about;
    return err;
}

void wkv_store_messages_free(wkv_store_messages *about)
{
    messages *m = (messages *)about;
    if (!m) return;
    store_release(&m->content);
    free((void *)about->nodes);
    free((void *)about->names);
    free((void *)about->path);
    free(m);
}
