/* store_list.c - sessions of the store: listed, found, made and removed. */
#include "base/error.h"
#include "base/id.h"
#include "base/utf8.h"
#include "session/state_file.h"
#include "session/store.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- listing ----------------------------------------------------------------------------------------------------- */

typedef struct {
    wkv_store_session *at;
    int n, cap;
} sessions;

static int append(void *to, const store_record *r)
{
    sessions *l = to;
    if (l->n == l->cap) {
        const int cap = 2 * l->cap + 16;
        wkv_store_session *more = realloc(l->at, sizeof *more * (size_t)cap);
        if (!more) return fail(WKV_ENOMEM, "no memory for a list of %d sessions", cap);
        l->at = more, l->cap = cap;
    }
    l->at[l->n] = r->about;
    utf8_replace_control(l->at[l->n++].preview, ' ');
    return 0;
}

int wkv_store_list(wkv_store_session **out, int *n, wkv_store *s)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(n, "the number");
    *n = 0;
    REQUIRE(s, "the store");
    sessions l = {0};
    const int err = s->kind->each(s, append, &l);
    if (err) {
        free(l.at);
        return err;
    }
    *out = l.at, *n = l.n;
    return 0;
}

void wkv_store_list_free(wkv_store_session *list) { free(list); }

/* ---- finding ----------------------------------------------------------------------------------------------------- */

/* The sessions that begin with a text: the number, and the first two by name. */
typedef struct {
    const char *text;
    wkv_store_session two[2];
    int n;
} beginning;

static int compare(void *to, const store_record *r)
{
    beginning *b = to;
    const wkv_store_session *x = &r->about;
    const size_t n = strlen(b->text);
    if (strncmp(x->name, b->text, n) && strncmp(x->id, b->text, n)) return 0;
    const int at = b->n && strcmp(b->two[0].name, x->name) < 0;
    if (!at) b->two[1] = b->two[0];
    if (!at || b->n == 1 || strcmp(x->name, b->two[1].name) < 0) b->two[at] = *x;
    b->n++;
    return 0;
}

static int find_beginning(wkv_store_session *out, wkv_store *s, const char *text)
{
    beginning b = {.text = text};
    const int err = s->kind->each(s, compare, &b);
    if (err) return err;
    if (b.n > 1)
        return fail(WKV_EARG, "several sessions begin with '%.64s': %s and %s", text,
                    *b.two[0].name ? b.two[0].name : b.two[0].id, *b.two[1].name ? b.two[1].name : b.two[1].id);
    if (b.n) *out = b.two[0];
    return b.n;
}

int wkv_store_find(wkv_store_session *out, wkv_store *s, const char *name)
{
    REQUIRE(out, "out");
    *out = (wkv_store_session){0};
    REQUIRE(s, "the store");
    REQUIRE(name, "the name");
    store_record r;
    if (!*name) return fail(WKV_EARG, "the name of a session is empty");
    int found = s->kind->get_named(&r, s, name);
    if (!found) found = s->kind->get(&r, s, name);
    if (found == 1) *out = r.about;
    if (!found) found = find_beginning(out, s, name);
    utf8_replace_control(out->preview, ' ');
    return found;
}

/* ---- making and removing ----------------------------------------------------------------------------------------- */

static int check_name(const char *name)
{
    const size_t n = strlen(name);
    const int bad = !n || n > 64 || utf8_check(name, n) < n || utf8_control(name, n) < n || strchr(" -", *name) ||
                    !strncmp(name, "ses_", 4);
    if (!bad) return 0;
    return fail(WKV_EARG,
                "'%.80s' is no name of a session: 1 to 64 bytes of UTF-8, not beginning with a blank, '-' or 'ses_'",
                name);
}

/* A try whose reply was lost has made it already. */
static int insert(wkv_store *s, void *x)
{
    const store_record *r = x;
    store_record other;
    int found = s->kind->get(&other, s, r->about.id);
    if (found) return found < 0 ? found : 0;
    if (*r->about.name) found = s->kind->get_named(&other, s, r->about.name);
    if (found == 1) return fail(WKV_ECONFLICT, "session '%s' exists already", r->about.name);
    return found < 0 ? found : s->kind->insert(s, r);
}

int wkv_store_create(wkv_store_session *out, wkv_store *s, const char *name, const wkv_context *c,
                     const char *template_name)
{
    REQUIRE(out, "out");
    *out = (wkv_store_session){0};
    REQUIRE(s, "the store");
    REQUIRE(c, "the context");
    const wkv_model *m = context_model(c);
    char model[256];
    store_record r = {.about = {.created = time(NULL)}};
    r.about.changed = r.about.created;
    int err = name ? check_name(name) : 0;
    if (!err) err = id_new(r.about.id, "ses");
    if (err) return err;
    state_file_name(model, m->about.path);
    utf8_copy(r.about.model, sizeof r.about.model, model);
    utf8_copy(r.about.name, sizeof r.about.name, name ? name : "");
    utf8_copy(r.about.template_name, sizeof r.about.template_name, template_name ? template_name : "");
    model_sizes(r.sizes, m);
    model_lineage(r.lineage, m);
    err = store_transact(s, 1, insert, &r);
    if (!err) *out = r.about;
    return err;
}

typedef struct {
    const wkv_store_session *session;
    sha_list states;
    int tried;
} deletion;

/* A try whose reply was lost has removed it already. */
static int erase(wkv_store *s, void *x)
{
    deletion *d = x;
    store_record r;
    if (d->tried++) {
        const int found = s->kind->get(&r, s, d->session->id);
        if (found <= 0) return found;
    }
    d->states.n = 0;
    int err = store_find_record(&r, s, d->session);
    if (!err) err = s->kind->list_states(&d->states, s, &r);
    return err ? err : s->kind->erase(s, &r);
}

int wkv_store_delete(wkv_store *s, const wkv_store_session *session)
{
    REQUIRE(s, "the store");
    REQUIRE(session, "the session");
    deletion d = {.session = session};
    int64_t freed = 0;
    int err = store_transact(s, 1, erase, &d);
    if (!err) err = store_remove_unused(s, &d.states, &freed);
    free(d.states.sha);
    return err;
}
