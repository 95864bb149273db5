/* cmd_session.c - wkv session: list, show, export and delete conversations that are kept. */
#include "columns.h"
#include "commands.h"
#include "place.h"
#include "say.h"
#include "session.h"
#include "base/platform/entry.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *out;
static int format, as_json; /* format: wkv_export_format */

static const option options[] = {
    {'o', "out", OPT_TEXT, "FILE", &out, 0, 0, "standard output", "export: output file"},
    {0, "format", OPT_CHOICE, "markdown|json", &format, 0, 0, NULL,
     "export: markdown has the messages from the beginning to the head, json all of them"},
    {0, "json", OPT_SWITCH, NULL, &as_json, 0, 0, "", "ls, show: write the report as JSON"},
};
static const group own = GROUP("Sessions", options);
static const group *const groups[] = {&own, &store_group, &general_group, NULL};

enum { PATH_ROOM = 4096, GRACE = 3600 /* seconds, longer than any save takes */ };

/* *s is NULL, without an error, where nothing was ever kept: a report creates no store. */
static int open_store(wkv_store **s)
{
    char folder[PATH_ROOM - 8], path[PATH_ROOM];
    const char *place = store_place();
    *s = NULL;
    if (!wkv_store_is_shared(place) && (place || wkv_store_folder(folder, sizeof folder)) &&
        snprintf(path, sizeof path, "%s/wkv.db", place ? place : folder) < PATH_ROOM && !entry_exists(path) &&
        errno == ENOENT)
        return 0;
    return wkv_store_open(s, place, NULL) ? complain_library() : 0;
}

static int find(wkv_store_session *x, wkv_store *s, const char *name)
{
    const int found = s ? wkv_store_find(x, s, name) : 0;
    if (found == 1) return 0;
    return found ? complain_library() : complain("no session is called '%s'; wkv session ls lists them", name);
}

/* ---- ls ---------------------------------------------------------------------------------------------------------- */

static int list_json(const wkv_store_session *list, int n)
{
    char *text;
    if (wkv_store_list_json(&text, list, n)) return complain_library();
    put(text, strlen(text));
    free(text);
    return 0;
}

static int list_lines(const wkv_store_session *list, int n)
{
    char name[68], changed[24], size[16], cut[PATH_ROOM];
    int widest = 4;
    for (int i = 0; i < n; i++) {
        const int width = columns_of(wkv_store_title(name, &list[i]));
        if (width > widest) widest = width;
    }
    const int left = terminal_width() - widest - 40;
    if (n)
        put_text("%sNAME%*s  TURNS  CHANGED           STATES    LAST MESSAGE%s\n", bold(1), widest - 4, "", plain(1));
    for (int i = 0; i < n; i++) {
        const wkv_store_session *x = &list[i];
        wkv_store_title(name, x);
        columns_cut(cut, sizeof cut, x->preview, left < 20 ? 20 : left);
        put_text("%s%*s  %5d  %s  %-8s  %s\n", name, widest - columns_of(name), "", x->turns,
                 wkv_store_time(changed, x->changed), as_bytes(size, (double)x->bytes), cut);
    }
    if (!n) note("no sessions are kept");
    return 0;
}

static int list(wkv_store *s)
{
    wkv_store_session *all = NULL;
    int n = 0;
    if (s && wkv_store_list(&all, &n, s)) return complain_library();
    const int status = as_json ? list_json(all, n) : list_lines(all, n);
    wkv_store_list_free(all);
    return status;
}

/* ---- delete, gc -------------------------------------------------------------------------------------------------- */

static int delete_one(wkv_store *s, const char *name)
{
    wkv_store_session x;
    char size[16];
    int status = find(&x, s, name);
    if (status) return status;
    if (strcmp(name, x.name) && strcmp(name, x.id)) /* the beginning of a name is enough to show, not to delete */
        return complain("no session is called '%s'; to delete %s, give all of its name", name, *x.name ? x.name : x.id);
    if (wkv_store_delete(s, &x)) return complain_library();
    put_text("%s: deleted %d messages, %s of states\n", *x.name ? x.name : x.id, x.messages,
             as_bytes(size, (double)x.bytes));
    return 0;
}

static int delete_all(wkv_store *s, int n, char **names)
{
    int status = 0;
    for (int i = 0; i < n; i++) status |= delete_one(s, names[i]);
    return status;
}

static int collect(wkv_store *s)
{
    int64_t freed = 0;
    char size[16];
    if (s && wkv_store_gc(s, GRACE, &freed)) return complain_library();
    put_text("removed %s of unused state files\n", as_bytes(size, (double)freed));
    return 0;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int show_or_export(wkv_store *s, const char *name, int shows)
{
    wkv_store_session x;
    int status = find(&x, s, name);
    if (status) return status;
    if (shows && !as_json) return session_show(s, &x);
    return session_export(s, &x, shows ? WKV_EXPORT_JSON : (wkv_export_format)format, shows ? NULL : out);
}

static int run(int n, char **operands)
{
    const char *what = n ? operands[0] : "";
    char **names = operands + 1;
    const int lists = n == 1 && !strcmp(what, "ls"), collects = n == 1 && !strcmp(what, "gc"),
              shows = n == 2 && !strcmp(what, "show"), exports = n == 2 && !strcmp(what, "export"),
              deletes = n >= 2 && !strcmp(what, "delete");
    if (!lists && !collects && !shows && !exports && !deletes)
        return usage(&cmd_session, "expected 'ls', 'show NAME', 'export NAME', 'delete NAME...' or 'gc'");
    wkv_store *s;
    int status = open_store(&s);
    if (status) return status;
    if (lists) status = list(s);
    if (collects) status = collect(s);
    if (deletes) status = delete_all(s, n - 1, names);
    if (shows || exports) status = show_or_export(s, names[0], shows);
    wkv_store_close(s);
    return status;
}

const command cmd_session = {
    .name = "session",
    .operands = "ls|show|export|delete|gc [NAME...]",
    .most = 1 << 16,
    .summary = "list, show, export and delete conversations that are kept",
    .about =
        "A session is a conversation of wkv chat that is kept, with all its branches, their states and the position of "
        "the sampler: it continues as if it had never ended. Sessions are in $XDG_DATA_HOME/wkv/store or "
        "~/.local/share/wkv/store, readable for you alone, or at the place of --store. NAME is a name, an id, or the beginning of one.\n\n"
        "`ls` lists the sessions, the one changed last first. `show` prints one from the beginning to its head. "
        "`export` writes it as Markdown or JSON. `delete` removes sessions, named in full, and their states. `gc` "
        "removes state files that no message refers to: a save that was interrupted leaves them behind.",
    .examples = "wkv session ls  # names, turns, times, sizes\n"
                "wkv session show book  # read it\n"
                "wkv session export book -o book.md  # keep it as a text\n"
                "wkv session export book --format json | jq .messages  # all branches\n"
                "wkv session delete book  # messages and states",
    .groups = groups,
    .run = run,
};
