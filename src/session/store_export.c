/* store_export.c - sessions as texts: Markdown, JSON. */
#define _POSIX_C_SOURCE 200809L /* localtime_r */
#include "base/error.h"
#include "base/json.h"
#include "base/stream.h"
#include "base/utf8.h"
#include "wkv_store.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const roles[] = {"text", "user", "assistant", "mix"};
static const char *const titles[] = {"Text", "User", "Assistant", "Mix"};

const char *wkv_store_role(wkv_role role) { return role >= 0 && role <= WKV_ROLE_MIX ? titles[role] : ""; }

const char *wkv_store_time(char out[24], int64_t seconds)
{
    const time_t t = (time_t)seconds;
    struct tm parts;
    if (!localtime_r(&t, &parts) || !strftime(out, 24, "%Y-%m-%d %H:%M", &parts)) strcpy(out, "?");
    return out;
}

const char *wkv_store_title(char out[68], const wkv_store_session *session)
{
    snprintf(out, 68, "%.*s", *session->name ? 64 : 12, *session->name ? session->name : session->id);
    return out;
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static void put_text(FILE *f, const wkv_store_messages *m, const wkv_node *n)
{
    for (int i = 0; i < n->n_parts; i++)
        fprintf(f, "%s%s x %.3g", i ? ", " : "mix of ", m->nodes[n->parts[i]].id, (double)n->weights[i]);
    for (const char *at = n->text; *at; at++) /* a terminal would obey control characters */
        fputc(((unsigned char)*at < ' ' && *at != '\n' && *at != '\t') || *at == 127 ? '?' : *at, f);
}

int wkv_store_text(char **out, const wkv_store_messages *m, int node)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(m, "the messages");
    if (node < 0 || node >= m->n) return fail(WKV_EARG, "message %d does not exist; the session has %d", node, m->n);
    stream s = {0};
    FILE *f = stream_open(&s);
    if (f) put_text(f, m, &m->nodes[node]);
    const int err = stream_close(f, &s, "a message");
    if (err) return err;
    *out = s.text ? s.text : calloc(1, 1);
    return *out ? 0 : fail(WKV_ENOMEM, "no memory for a message");
}

static void put_markdown(FILE *f, const wkv_store_session *x, const wkv_store_messages *m)
{
    char title[68], created[24], changed[24];
    fprintf(f, "# %s\n\n%s, %s to %s\n\n", wkv_store_title(title, x), x->model, wkv_store_time(created, x->created),
            wkv_store_time(changed, x->changed));
    for (int i = 0; i < m->n_path; i++) {
        fprintf(f, "**%s**\n\n", titles[m->nodes[m->path[i]].role]);
        put_text(f, m, &m->nodes[m->path[i]]);
        fputs("\n\n", f);
    }
}

static int write_markdown(char **out, const wkv_store_session *x, const wkv_store_messages *m)
{
    stream s = {0};
    FILE *f = stream_open(&s);
    if (f) put_markdown(f, x, m);
    const int err = stream_close(f, &s, "a session as Markdown");
    *out = s.text;
    return err;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/* A string of any bytes: U+FFFD in place of those that are no UTF-8. */
static json_t *string_of(const char *text)
{
    const size_t n = strlen(text);
    char *clean = malloc(3 * n + 1), *to = clean;
    if (!clean) return NULL;
    for (size_t at = 0; at < n;) {
        const int length = utf8_length(text + at, n - at);
        if (length > 0)
            memcpy(to, text + at, (size_t)length);
        else
            memcpy(to, "\xef\xbf\xbd", 3);
        to += length > 0 ? length : 3;
        at += length > 0 ? (size_t)length : 1;
    }
    json_t *value = json_stringn(clean, (size_t)(to - clean));
    free(clean);
    return value;
}

static json_t *session_json(const wkv_store_session *x)
{
    return json_pack("{s:s s:o s:o s:o s:I s:I s:i s:i s:I s:s s:o}", "id", x->id, "name", string_of(x->name), "model",
                     string_of(x->model), "template", string_of(x->template_name), "created", (json_int_t)x->created,
                     "changed", (json_int_t)x->changed, "turns", x->turns, "messages", x->messages, "bytes",
                     (json_int_t)x->bytes, "head", x->head, "preview", string_of(x->preview));
}

static json_t *message_json(const wkv_store_messages *m, const wkv_node *n)
{
    json_t *one = json_pack("{s:s s:s? s:s s:o s:i s:I s:b}", "id", n->id, "parent",
                            n->parent == WKV_NOWHERE ? NULL : m->nodes[n->parent].id, "role", roles[n->role], "content",
                            string_of(n->text), "tokens", n->n, "created", (json_int_t)n->created, "state", n->stored);
    json_t *parts = n->n_parts ? json_array() : NULL;
    int bad = n->n_parts && !parts;
    for (int i = 0; i < n->n_parts && !bad; i++)
        bad = json_array_append_new(
            parts, json_pack("{s:s s:f}", "id", m->nodes[n->parts[i]].id, "weight", (double)n->weights[i]));
    if (parts && json_object_set_new(one, "parts", parts)) bad = 1;
    if (!bad) return one;
    json_decref(one);
    return NULL;
}

/* The session with all its messages, in place of their number. NULL: no memory. */
static json_t *document(const wkv_store_session *x, const wkv_store_messages *m)
{
    json_t *all = session_json(x), *messages = json_array(), *names = json_object();
    int bad = !all || !messages || !names;
    for (int i = 0; i < m->n && !bad; i++) bad = json_array_append_new(messages, message_json(m, &m->nodes[i]));
    for (int i = 0; i < m->n_names && !bad; i++)
        bad = json_object_set_new(names, m->names[i].name, json_string(m->nodes[m->names[i].node].id));
    if (!bad) json_object_del(all, "preview");
    if (!bad) bad = json_object_set(all, "messages", messages) || json_object_set(all, "names", names);
    json_decref(messages);
    json_decref(names);
    if (!bad) return all;
    json_decref(all);
    return NULL;
}

/* The value as a text, and released. */
static int write_json(char **out, json_t *value)
{
    char *text = value ? json_text(value, JSON_INDENT(2)) : NULL;
    json_decref(value);
    const size_t n = text ? strlen(text) : 0;
    char *line = text ? realloc(text, n + 2) : NULL;
    if (line) {
        memcpy(line + n, "\n", 2);
        *out = line;
        return 0;
    }
    free(text);
    return fail(WKV_ENOMEM, "no memory for sessions as JSON");
}

int wkv_store_list_json(char **out, const wkv_store_session *list, int n)
{
    REQUIRE(out, "out");
    *out = NULL;
    if (n < 0 || (n && !list)) return fail(WKV_EARG, "%s: a list of %d sessions", __func__, n);
    json_t *all = json_array();
    int bad = !all;
    for (int i = 0; i < n && !bad; i++) bad = json_array_append_new(all, session_json(&list[i]));
    if (bad) {
        json_decref(all);
        all = NULL;
    }
    return write_json(out, all);
}

/* ---- the session ------------------------------------------------------------------------------------------------- */

int wkv_store_export(char **out, wkv_store *s, const wkv_store_session *session, wkv_export_format format)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(s, "the store");
    REQUIRE(session, "the session");
    if (format != WKV_EXPORT_MARKDOWN && format != WKV_EXPORT_JSON)
        return fail(WKV_EARG, "%s: format %d", __func__, (int)format);
    wkv_store_messages *m;
    int err = wkv_store_read(&m, s, session);
    if (err) return err;
    err = format == WKV_EXPORT_JSON ? write_json(out, document(session, m)) : write_markdown(out, session, m);
    wkv_store_messages_free(m);
    return err;
}
