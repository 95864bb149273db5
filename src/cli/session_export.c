/* session_export.c - a session as text, as Markdown and as JSON. */
#include "say.h"
#include "session.h"
#include "wkv_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

static const char *const roles[] = {"text", "user", "assistant", "mix"};
static const char *const titles[] = {"Text", "User", "Assistant", "Mix"};

const char *session_time(char out[24], int64_t seconds)
{
    const time_t t = (time_t)seconds;
    struct tm parts;
    if (!localtime_r(&t, &parts) || !strftime(out, 24, "%Y-%m-%d %H:%M", &parts)) strcpy(out, "?");
    return out;
}

const char *session_name(char out[68], const wkv_store_session *x)
{
    snprintf(out, 68, "%.*s", *x->name ? 64 : 12, *x->name ? x->name : x->id);
    return out;
}

/* ---- the way to the head ----------------------------------------------------------------------------------------- */

/* A template's opening has no text for people. */
static int is_shown(const wkv_node *n) { return *n->text || n->n_parts; }

/* The messages to show from the beginning to the head; the caller frees them. NULL: no memory. */
static int *path_of(const wkv_store_messages *m, int *n)
{
    *n = 0;
    for (int i = m->head; i != WKV_NOWHERE; i = m->nodes[i].parent) *n += is_shown(&m->nodes[i]);
    int *path = malloc(sizeof *path * ((size_t)*n + 1)), at = *n;
    for (int i = m->head; path && i != WKV_NOWHERE; i = m->nodes[i].parent)
        if (is_shown(&m->nodes[i])) path[--at] = i;
    return path;
}

/* Its text, or the parts of a mix. */
static void put_content(FILE *f, const wkv_store_messages *m, const wkv_node *n)
{
    for (int i = 0; i < n->n_parts; i++)
        fprintf(f, "%s%s x %.3g", i ? ", " : "mix of ", m->nodes[n->parts[i]].id, (double)n->weights[i]);
    for (const char *at = n->text; *at; at++) /* a terminal would obey control characters */
        fputc(((unsigned char)*at < ' ' && *at != '\n' && *at != '\t') || *at == 127 ? '?' : *at, f);
    fputs("\n\n", f);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/* A string of any bytes. */
static json_t *string_of(const char *text)
{
    const size_t n = strlen(text);
    char *clean = malloc(3 * n + 1), *to = clean;
    mbstate_t state = {0};
    if (!clean) return NULL;
    for (size_t at = 0; at < n;) {
        const size_t length = mbrtowc(NULL, text + at, n - at, &state);
        if (length > n) {
            memcpy(to, "\xef\xbf\xbd", 3);
            to += 3, at++;
            state = (mbstate_t){0};
            continue;
        }
        memcpy(to, text + at, length);
        to += length, at += length;
    }
    json_t *value = json_stringn(clean, (size_t)(to - clean));
    free(clean);
    return value;
}

json_t *session_json(const wkv_store_session *x)
{
    return json_pack("{s:s s:o s:o s:o s:I s:I s:i s:i s:I s:s s:o}", "id", x->id, "name", string_of(x->name), "model",
                     string_of(x->model), "template", string_of(x->template_name), "created", (json_int_t)x->created,
                     "changed", (json_int_t)x->changed, "turns", x->turns, "messages", x->messages, "bytes",
                     (json_int_t)x->bytes, "head", x->head, "preview", string_of(x->preview));
}

int session_put_json(json_t *value)
{
    char *text = value ? json_dumps(value, JSON_INDENT(2)) : NULL;
    json_decref(value);
    if (!text) return complain("the report cannot be written as JSON: out of memory");
    put_text("%s\n", text);
    free(text);
    return 0;
}

static json_t *message_json(const wkv_store_messages *m, const wkv_node *n)
{
    json_t *one = json_pack("{s:s s:s? s:s s:o s:i s:I s:b}", "id", n->id, "parent",
                            n->parent == WKV_NOWHERE ? NULL : m->nodes[n->parent].id, "role", roles[n->role], "content",
                            string_of(n->text), "tokens", n->n, "created", (json_int_t)n->created, "state", n->stored);
    json_t *parts = n->n_parts ? json_array() : NULL;
    for (int i = 0; i < n->n_parts; i++)
        json_array_append_new(parts,
                              json_pack("{s:s s:f}", "id", m->nodes[n->parts[i]].id, "weight", (double)n->weights[i]));
    if (parts) json_object_set_new(one, "parts", parts);
    return one;
}

/* The session with all its messages, in place of their number. */
static json_t *document(const wkv_store_session *x, const wkv_store_messages *m)
{
    json_t *all = session_json(x), *messages = json_array(), *names = json_object();
    for (int i = 0; i < m->n; i++) json_array_append_new(messages, message_json(m, &m->nodes[i]));
    for (int i = 0; i < m->n_names; i++)
        json_object_set_new(names, m->names[i].name, json_string(m->nodes[m->names[i].node].id));
    json_object_del(all, "preview");
    json_object_set_new(all, "messages", messages);
    json_object_set_new(all, "names", names);
    return all;
}

/* ---- show -------------------------------------------------------------------------------------------------------- */

static void describe(const wkv_store_session *x, const wkv_store_messages *m)
{
    char name[68], created[24], changed[24], size[16];
    int files = 0, others = m->n;
    for (int i = 0; i < m->n; i++) files += m->nodes[i].stored;
    for (int i = m->head; i != WKV_NOWHERE; i = m->nodes[i].parent) others--;
    put_text("%s%s%s\n  id           %s\n", bold(1), session_name(name, x), plain(1), x->id);
    put_text("  model        %s%s%s\n", x->model, *x->template_name ? ", template " : "", x->template_name);
    put_text("  created      %s, changed %s\n", session_time(created, x->created), session_time(changed, x->changed));
    put_text("  messages     %d, of which %d are on other branches\n", m->n, others);
    put_text("  states       %d, %s\n", files, as_bytes(size, (double)x->bytes));
    for (int i = 0; i < m->n_names; i++) put_text("%s%s", i ? ", " : "  names        ", m->names[i].name);
    put_text(m->n_names ? "\n\n" : "\n");
}

static void put_messages(const wkv_store_messages *m, const int *path, int n)
{
    for (int i = 0; i < n; i++) {
        const wkv_node *node = &m->nodes[path[i]];
        put_text("%s%s:%s ", bold(1), titles[node->role], plain(1));
        for (int k = 0; k < m->n_names; k++)
            if (m->names[k].node == path[i]) put_text("%s(%s)%s ", dim(1), m->names[k].name, plain(1));
        put_flush();
        put_content(stdout, m, node);
    }
}

int session_show(wkv_store *s, const wkv_store_session *x, int as_json)
{
    wkv_store_messages *m;
    int n = 0, status = 0;
    if (wkv_store_read(&m, s, x)) return complain_library();
    int *path = path_of(m, &n);
    if (as_json)
        status = session_put_json(document(x, m));
    else if (path) {
        describe(x, m);
        put_messages(m, path, n);
    } else
        status = complain("out of memory");
    free(path);
    wkv_store_messages_free(m);
    return status;
}

/* ---- export ------------------------------------------------------------------------------------------------------ */

static int write_markdown(FILE *f, const wkv_store_session *x, const wkv_store_messages *m)
{
    char name[68], created[24], changed[24];
    int n, *path = path_of(m, &n);
    if (!path) return -1;
    fprintf(f, "# %s\n\n%s, %s to %s\n\n", session_name(name, x), x->model, session_time(created, x->created),
            session_time(changed, x->changed));
    for (int i = 0; i < n; i++) {
        fprintf(f, "**%s**\n\n", titles[m->nodes[path[i]].role]);
        put_content(f, m, &m->nodes[path[i]]);
    }
    free(path);
    return 0;
}

static int write_json(FILE *f, const wkv_store_session *x, const wkv_store_messages *m)
{
    json_t *all = document(x, m);
    const int bad = json_dumpf(all, f, JSON_INDENT(2));
    json_decref(all);
    fputc('\n', f);
    return bad;
}

static int write_out(const char *path, const char *text, size_t bytes)
{
    wkv_file *f;
    if (!path) return put(text, bytes), 0; /* put_end reports a failure */
    if (wkv_store_refuse_output(path) || wkv_file_create(&f, path)) return complain_library();
    if (wkv_file_put(f, text, bytes)) {
        wkv_file_abandon(f);
        return complain_library();
    }
    return wkv_file_commit(f) ? complain_library() : 0;
}

int session_export(wkv_store *s, const wkv_store_session *x, int as_json, const char *path)
{
    wkv_store_messages *m;
    char *text = NULL;
    size_t bytes;
    if (wkv_store_read(&m, s, x)) return complain_library();
    FILE *f = open_memstream(&text, &bytes);
    int bad = !f || (as_json ? write_json(f, x, m) : write_markdown(f, x, m));
    if (f) bad |= fclose(f) != 0;
    const int status = bad ? complain("out of memory") : write_out(path, text, bytes);
    free(text);
    wkv_store_messages_free(m);
    return status;
}
