/* line.c - read a line, with libedit on a terminal. */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700 /* wcwidth */
#define _DARWIN_C_SOURCE  /* macOS: SIGWINCH beside it */
#include "line.h"
#include "recall.h"
#include "say.h"
#include "base/platform/terminal.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line with its newline, or NULL at the end of the input or after Ctrl-C (then `interrupted` is set). *typed is set
 * when the line was not empty. */
static char *read_plain(const char *prompt, int *typed)
{
    char *line = NULL;
    size_t cap = 0;
    *typed = 0;
    if (on_terminal(0) && on_terminal(1)) put_text("%s", prompt), put_flush();
    errno = 0;
    if (terminal_line(&line, &cap) > 0) return line;
    free(line);
    clearerr(stdin);
    return NULL;
}

#ifdef HAVE_EDIT
#include <histedit.h>
#include <sys/select.h>
#include <unistd.h>
#include <wchar.h>
#ifdef HAVE_UTF8PROC
#include <utf8proc.h>
#endif

static EditLine *editor;
static History *history_list;
static char prompt_now[32], prompt_plain[16];
static int typed_now;
static const char *const *words_now; /* for Tab */
static volatile sig_atomic_t resized;

static void on_resize(int signal_number)
{
    (void)signal_number;
    resized = 1;
}

/* The screen row of column `n` of the line after the terminal was resized. */
static int row_of_cursor(const LineInfoW *line, int width)
{
    int column = (int)strlen(prompt_plain), row = 0;
    for (const wchar_t *at = line->buffer; at < line->cursor; at++) {
        int w = wcwidth(*at);
        if (w < 0) w = 2; /* ^A */
        if (column + w > width) row++, column = 0;
        column += w;
    }
    return column >= width ? row + 1 : row;
}

/* Delete n characters before the cursor and redraw the line. libedit assumes the cursor at the start of an empty screen
 * after its size is set. */
static void redraw(EditLine *e, int n)
{
    resized = 0;
    const int row = row_of_cursor(el_wline(e), terminal_width());
    if (row) fprintf(stdout, "\033[%dA", row);
    fputs("\r\033[J", stdout);
    fflush(stdout);
    el_deletestr(e, n);
    el_resize(e);
    el_set(e, EL_REFRESH);
}

#ifdef HAVE_UTF8PROC
/* Backspace deletes a whole grapheme, which may be several code points in an emoji. Terminals disagree with libedit on
 * the width of such a line, so it is redrawn. */
static unsigned char delete_grapheme(EditLine *e, int key)
{
    (void)key;
    const LineInfoW *line = el_wline(e);
    utf8proc_int32_t state = 0;
    int n = line->cursor > line->buffer, longest = n;
    for (const wchar_t *at = line->buffer + 1; at < line->cursor; at++) {
        n = utf8proc_grapheme_break_stateful(at[-1], *at, &state) ? 1 : n + 1;
        if (n > longest) longest = n;
    }
    if (longest > 1)
        redraw(e, n);
    else
        el_deletestr(e, n);
    return n ? CC_REFRESH : CC_ERROR;
}

/* A search (Ctrl-R), which libedit shows on a new line, accepts only libedit's own name for Backspace. */
static void bind_backspace(EditLine *e, const char *key)
{
    const LineInfoW *line = el_wline(e);
    const wchar_t *at = line->buffer;
    while (at < line->lastchar && *at != '\n') at++;
    el_set(e, EL_BIND, key, at < line->lastchar ? "em-delete-prev-char" : "wkv-delete-grapheme", NULL);
}

static void add_grapheme(EditLine *e)
{
    el_wset(e, EL_ADDFN, L"wkv-delete-grapheme", L"delete a grapheme", delete_grapheme);
}
#else
static void bind_backspace(EditLine *e, const char *key) { (void)e, (void)key; }
static void add_grapheme(EditLine *e) { (void)e; }
#endif

/* Tab completes the first word of the line to the common prefix of the matching words; elsewhere it inserts a tab. */
static unsigned char complete(EditLine *e, int key)
{
    (void)key;
    const LineInfo *line = el_line(e);
    const size_t typed = (size_t)(line->cursor - line->buffer);
    const char *found = NULL;
    size_t common = 0;
    int n = 0;
    for (const char *const *word = words_now; typed && word && *word; word++) {
        if (strncmp(*word, line->buffer, typed)) continue;
        if (!found) found = *word, common = strlen(*word);
        while (strncmp(found, *word, common)) common--;
        n++;
    }
    char more[64] = "\t";
    if (found)
        snprintf(more, sizeof more, "%.*s%s", (int)(common - typed), found + typed, n == 1 ? " " : "");
    else if (typed && *line->buffer == '/')
        return CC_REFRESH_BEEP;
    if (!*more) return CC_REFRESH_BEEP;
    return el_insertstr(e, more) ? CC_ERROR : CC_REFRESH;
}

static char *tell_prompt(EditLine *e)
{
    (void)e;
    return prompt_now;
}

/* the signal mask while waiting for a key, set atomically so that no signal is lost before the wait */
static sigset_t awake;

static ssize_t read_byte(char *byte)
{
    fd_set in;
    FD_ZERO(&in);
    FD_SET(0, &in);
    return pselect(1, &in, NULL, NULL, NULL, &awake) < 0 ? -1 : read(0, byte, 1);
}

/* Read a character from the terminal. libedit's own reader would retry after Ctrl-C. */
static int read_character(EditLine *e, wchar_t *out)
{
    mbstate_t part = {0};
    for (;;) {
        char byte;
        ssize_t got = read_byte(&byte);
        if (got <= 0) {
            if (got < 0 && errno == EINTR && !interrupted) {
                if (resized) redraw(e, 0);
                continue;
            }
            const LineInfo *line = el_line(e);
            typed_now = line->lastchar > line->buffer;
            return got < 0 ? -1 : 0;
        }
        size_t n = mbrtowc(out, &byte, 1, &part);
        if (n == (size_t)-2) continue;
        if (n == (size_t)-1) part = (mbstate_t){0}, *out = L'?';
        if (byte == 0x7f || byte == '\b') bind_backspace(e, byte == '\b' ? "^H" : "^?");
        return 1;
    }
}

static void add_to_history(const char *line)
{
    HistEvent event;
    history(history_list, &event, H_ENTER, line);
}

static int open_editor(void)
{
    if (editor) return 1;
    if (!(editor = el_init("wkv", stdin, stdout, stderr))) return 0;
    HistEvent event;
    history_list = history_init();
    history(history_list, &event, H_SETSIZE, RECALL_MOST);
    history(history_list, &event, H_SETUNIQUE, 1);
    el_set(editor, EL_HIST, history, history_list);
    el_set(editor, EL_EDITOR, "emacs");
    el_set(editor, EL_SIGNAL, 0);
    el_set(editor, EL_PROMPT_ESC, tell_prompt, '\1');
    el_wset(editor, EL_ADDFN, L"wkv-complete", L"complete a command", complete); /* el_set would leak copies of both */
    add_grapheme(editor);
    el_set(editor, EL_BIND, "^I", "wkv-complete", NULL);
    el_set(editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
    /* libedit loses the end of a line of several rows when it inserts characters; without these it redraws rows */
    static const char *const inserting[] = {"ic", "IC", "im", "ei"};
    for (size_t i = 0; i < sizeof inserting / sizeof *inserting; i++) el_set(editor, EL_SETTC, inserting[i], "", NULL);
    el_wset(editor, EL_GETCFN, read_character);
    recall_load(add_to_history);
    return 1;
}

static char *read_one(const char *prompt, int *typed)
{
    if (!on_terminal(0) || !on_terminal(1) || !open_editor()) return read_plain(prompt, typed);
    /* \1 encloses characters of zero width */
    snprintf(prompt_now, sizeof prompt_now, *bold(1) ? "\1%s\1%s\1%s\1" : "%s%s%s", bold(1), prompt, plain(1));
    snprintf(prompt_plain, sizeof prompt_plain, "%s", prompt);
    typed_now = resized = 0;
    fflush(stdout);
    el_resize(editor);
    int n;
    struct sigaction now = {.sa_handler = on_resize}, before;
    static const int wake[] = {SIGWINCH, SIGINT, SIGTERM, SIGHUP};
    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof wake / sizeof *wake; i++) sigaddset(&held, wake[i]);
    sigaction(SIGWINCH, &now, &before);
    sigprocmask(SIG_BLOCK, &held, &awake);
    const char *line = el_gets(editor, &n);
    sigprocmask(SIG_SETMASK, &awake, NULL);
    sigaction(SIGWINCH, &before, NULL);
    *typed = typed_now;
    if (!line && !interrupted) put_text("\b\b  \b\b"); /* the ^D that libedit shows */
    return line && n > 0 ? strdup(line) : NULL;
}

static void remember(const char *line)
{
    if (!history_list || !*line) return;
    add_to_history(line);
    recall_keep(line);
}

void line_release(void)
{
    if (editor) el_end(editor);
    if (history_list) history_end(history_list);
    editor = NULL;
    history_list = NULL;
}
#else
static const char *const *words_now;
static char *read_one(const char *prompt, int *typed) { return read_plain(prompt, typed); }
static void remember(const char *line) { (void)line; }
void line_release(void) {}
#endif

int line_read(char **out, const char *prompt, const char *const *words)
{
    char *all = NULL;
    size_t n = 0;
    *out = NULL;
    words_now = words;
    for (;;) {
        int typed;
        char *line = read_one(all ? "  " : prompt, &typed);
        if (!line) {
            if (!interrupted) break;
            if (interrupted != SIGINT || !on_terminal(0)) {
                free(all);
                return -1;
            }
            interrupted = 0;
            put_text("\n");
            int empty = !typed && !all;
            free(all);
            all = NULL;
            n = 0;
            if (empty) return -1;
            continue;
        }
        size_t length = strcspn(line, "\n");
        line[length] = 0;
        if (length && line[length - 1] == '\r') line[--length] = 0;
        int goes_on = on_terminal(0) && length && line[length - 1] == '\\';
        if (goes_on) line[--length] = 0;
        char *more = realloc(all, n + length + 2);
        if (!more) {
            free(line);
            break;
        }
        all = more;
        if (n) all[n++] = '\n';
        memcpy(all + n, line, length + 1);
        n += length;
        free(line);
        const int is_command = all[0] == '/';
        if (!goes_on && (is_command || !on_terminal(0) || !terminal_waits(10) /* more of a paste */)) break;
    }
    if (!all) return 0;
    remember(all);
    *out = all;
    return 1;
}
