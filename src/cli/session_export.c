/* session_export.c - a session on the terminal, and as Markdown and JSON. */
#include "say.h"
#include "session.h"
#include "wkv_file.h"
#include <stdlib.h>
#include <string.h>

/* ---- show -------------------------------------------------------------------------------------------------------- */

static void describe(const wkv_store_session *x, const wkv_store_messages *m)
{
    char title[68], created[24], changed[24], size[16];
    int files = 0, others = m->n;
    for (int i = 0; i < m->n; i++) files += m->nodes[i].stored;
    for (int i = m->head; i != WKV_NOWHERE; i = m->nodes[i].parent) others--;
    put_text("%s%s%s\n  id           %s\n", bold(1), wkv_store_title(title, x), plain(1), x->id);
    put_text("  model        %s%s%s\n", x->model, *x->template_name ? ", template " : "", x->template_name);
    put_text("  created      %s, changed %s\n", wkv_store_time(created, x->created),
             wkv_store_time(changed, x->changed));
    put_text("  messages     %d, of which %d are on other branches\n", m->n, others);
    put_text("  states       %d, %s\n", files, as_bytes(size, (double)x->bytes));
    for (int i = 0; i < m->n_names; i++) put_text("%s%s", i ? ", " : "  names        ", m->names[i].name);
    put_text(m->n_names ? "\n\n" : "\n");
}

static int put_message(const wkv_store_messages *m, int node)
{
    char *text;
    if (wkv_store_text(&text, m, node)) return complain_library();
    put_text("%s%s:%s ", bold(1), wkv_store_role(m->nodes[node].role), plain(1));
    for (int i = 0; i < m->n_names; i++)
        if (m->names[i].node == node) put_text("%s(%s)%s ", dim(1), m->names[i].name, plain(1));
    put(text, strlen(text));
    put("\n\n", 2);
    free(text);
    return 0;
}

int session_show(wkv_store *s, const wkv_store_session *x)
{
    wkv_store_messages *m;
    int status = 0;
    if (wkv_store_read(&m, s, x)) return complain_library();
    describe(x, m);
    for (int i = 0; i < m->n_path && !status; i++) status = put_message(m, m->path[i]);
    wkv_store_messages_free(m);
    return status;
}

/* ---- export ------------------------------------------------------------------------------------------------------ */

static int write_out(const char *path, const char *text)
{
    wkv_file *f;
    const size_t bytes = strlen(text);
    if (!path) return put(text, bytes), 0; /* put_end reports a failure */
    if (wkv_store_refuse_output(path) || wkv_file_create(&f, path)) return complain_library();
    if (wkv_file_put(f, text, bytes)) {
        wkv_file_abandon(f);
        return complain_library();
    }
    return wkv_file_commit(f) ? complain_library() : 0;
}

int session_export(wkv_store *s, const wkv_store_session *x, wkv_export_format format, const char *path)
{
    char *text;
    if (wkv_store_export(&text, s, x, format)) return complain_library();
    const int status = write_out(path, text);
    free(text);
    return status;
}
