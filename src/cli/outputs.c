/* outputs.c - the results of a measure on standard output, as a page, as SVG files and as JSON. */
#include "outputs.h"
#include "columns.h"
#include "say.h"
#include "wkv_file.h"
#include "base/platform/entry.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *html, *svg;
static int as_json;
static char command_line[2000];
static const wkv_model *model; /* of outputs_check, like the list below */
static const char *sources[OUTPUTS_INPUTS + 1];

static const option options[] = {
    {0, "html", OPT_TEXT, "FILE", &html, 0, 0, "", "write a page with the charts"},
    {0, "svg", OPT_TEXT, "FILE", &svg, 0, 0, "", "write each chart to FILE with its name before the extension"},
    {0, "json", OPT_SWITCH, NULL, &as_json, 0, 0, "", "print the numbers of all charts as JSON"},
};
const group outputs_group = GROUP("Output", options);

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void add_text(const char *text, size_t n)
{
    const size_t used = strlen(command_line), room = sizeof command_line - 1 - used;
    memcpy(command_line + used, text, n < room ? n : room); /* the rest is zero */
}

/* Words in quotes where a shell needs them; a quote in a word ends them, is escaped, and begins them again. */
void outputs_command(int argc, char **argv)
{
    add_text("wkv", 3);
    for (int i = 1; i < argc; i++) {
        const char *w = argv[i];
        const size_t simple = strspn(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,=+");
        const int quoted = w[simple] || !*w;
        add_text(" '", quoted ? 2 : 1);
        for (size_t n; *w; w += n + (w[n] == '\'')) {
            n = strcspn(w, "'");
            add_text(w, n);
            if (w[n]) add_text("'\\''", 4);
        }
        add_text("'", (size_t)quoted);
    }
}

void outputs_paths(const char *out[2]) { out[0] = html, out[1] = svg; }

/* The part file of an output that is a regular file or missing; opening a FIFO would wait for its reader. */
static int try_file(const char *path)
{
    entry_info about;
    wkv_file *f;
    if (!entry_read(&about, path) && about.kind != ENTRY_FILE && about.kind != ENTRY_FOLDER) return 0;
    if (wkv_file_create(&f, path)) return complain_library();
    wkv_file_abandon(f);
    return 0;
}

int outputs_possible(const char *const *paths, int n)
{
    int status = 0;
    for (int i = 0; i < n && !status; i++)
        for (int k = 0; k < i && paths[i] && !status; k++)
            if (paths[k] && (!strcmp(paths[i], paths[k]) || wkv_file_same(paths[i], paths[k])))
                status = complain("%s: two outputs in one file; give each another path", paths[i]);
    for (int i = 0; i < n && !status; i++)
        if (paths[i]) status = try_file(paths[i]);
    return status;
}

int outputs_refuse(const char *path, const char *input, const char *role)
{
    if (!path || !input) return 0;
    if (wkv_file_refuse_input(path, input, role)) return complain_library();
    char *file = entry_absolute(path), *folder = entry_absolute(input);
    const size_t n = folder ? strlen(folder) : 0;
    const char *extension = file ? strrchr(file, '.') : NULL;
    const int page = extension && (!strcmp(extension, ".html") || !strcmp(extension, ".svg")); /* no text to read */
    const int inside =
        file && folder && !strncmp(file, folder, n) && (path_is_slash(file[n]) || path_is_slash(folder[n - 1]));
    free(file);
    free(folder);
    if (!inside || page) return 0;
    return complain("%s: is in a folder of inputs, %s %s, and would be replaced; write to another path", path, role,
                    input);
}

static int refuse_inputs(const char *path)
{
    if (model && wkv_model_refuse_output(model, path)) return complain_library();
    for (const char *const *in = sources; *in; in++)
        if (outputs_refuse(path, *in, "the text")) return 1;
    return 0;
}

int outputs_check(const wkv_model *m, const char *const *inputs)
{
    const char *const paths[] = {html, svg};
    model = m;
    for (int i = 0; i < OUTPUTS_INPUTS && inputs[i]; i++) sources[i] = inputs[i];
    if ((html && refuse_inputs(html)) || (svg && refuse_inputs(svg))) return 1;
    return outputs_possible(paths, 2);
}

/* The names of several charts are known at the end only. */
static int refuse_charts(const wkv_report *r)
{
    int status = 0;
    for (int i = 0; !status; i++) {
        char *path;
        if (wkv_report_svg_path(&path, r, svg, i)) return complain_library();
        if (!path) break;
        status = refuse_inputs(path);
        if (!status && html && !strcmp(html, path))
            status = complain("%s: is the page and a chart; give --html or --svg another name", path);
        free(path);
    }
    return status;
}

int outputs_wants_files(void) { return html || svg; }
int outputs_json(void) { return as_json; }

int outputs_new(wkv_report **r, const char *title, const char *summary)
{
    if (wkv_report_new(r, title, summary)) return complain_library();
    wkv_report_command(*r, command_line);
    return 0;
}

int outputs_begin(wkv_report **r, const char *title, const char *summary)
{
    if (outputs_new(r, title, summary)) return 1;
    if (!as_json) put_text("%s%s%s\n%s\n", bold(1), title, plain(1), summary);
    return 0;
}

int outputs_files(const wkv_report *r)
{
    if (svg && refuse_charts(r)) return 1;
    return (html && wkv_report_html(r, html)) || (svg && wkv_report_svg(r, svg)) ? complain_library() : 0;
}

int outputs_end(wkv_report *r)
{
    char *json = NULL;
    int status = wkv_report_json(&json, r) ? complain_library() : 0; /* also says whether a part was lost */
    if (!status && as_json) put_text("%s\n", json);
    free(json);
    if (!status) status = outputs_files(r);
    wkv_report_free(r);
    return status;
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

void outputs_section(wkv_report *r, const char *heading, const char *text)
{
    wkv_report_section(r, heading);
    wkv_report_text(r, text);
    if (!as_json) put_text("\n%s%s%s\n", bold(1), heading, plain(1));
}

void outputs_sentence(wkv_report *r, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    wkv_report_text(r, text);
    if (!as_json) put_text("%s\n", text);
}

void outputs_fact(wkv_report *r, const char *name, const char *unit, double value, double low, double high,
                  const char *note)
{
    wkv_report_fact(r, &(wkv_fact){name, unit, value, low, high, note});
    if (as_json) return;
    put_text("%s: %.4g%s%s", name, value, unit ? " " : "", unit ? unit : "");
    if (isfinite(low) && isfinite(high)) put_text(" (%.4g to %.4g)", low, high);
    put_text("%s%s\n", note ? ", " : "", note ? note : "");
}

void sheet_put(sheet *s, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (s->n == s->capacity) {
        const int capacity = 2 * s->capacity + 64;
        char **cells = realloc(s->cells, sizeof *cells * (size_t)capacity);
        if (!cells) return;
        s->cells = cells;
        s->capacity = capacity;
    }
    s->cells[s->n++] = strdup(text); /* NULL is an empty cell */
}

static int is_number(const char *cell) { return cell && strchr("+-0123456789", *cell) && *cell; }

typedef struct {
    int width, right;
} column;

static column column_of(const char *heading, int k, int n_columns, const sheet *s)
{
    column c = {columns_of(heading), k > 0};
    for (int i = k; i < s->n; i += n_columns) {
        const char *cell = s->cells[i] ? s->cells[i] : "";
        const int width = columns_of(cell);
        if (width > c.width) c.width = width;
        c.right &= is_number(cell) || !*cell;
    }
    return c;
}

static int count_columns(const char *const *headings)
{
    int n = 0;
    while (headings[n]) n++;
    return n;
}

static void print_cell(const char *text, const column *c, int last)
{
    const int pad = c->width - columns_of(text);
    put_text("%*s%s%*s%s", c->right ? pad : 0, "", text, c->right || last ? 0 : pad, "", last ? "\n" : "  ");
}

static void print_table(const char *const *headings, const sheet *s)
{
    const int n_columns = count_columns(headings);
    column *c = malloc(sizeof *c * (size_t)n_columns);
    for (int k = 0; k < n_columns && c; k++) c[k] = column_of(headings[k], k, n_columns, s);
    for (int row = -1; row < s->n / n_columns && c; row++)
        for (int k = 0; k < n_columns; k++) {
            const char *text = row < 0 ? headings[k] : s->cells[row * n_columns + k];
            print_cell(text ? text : "", &c[k], k + 1 == n_columns);
        }
    if (!c) complain("out of memory");
    free(c);
}

void outputs_sheet(wkv_report *r, const char *name, const char *caption, const char *const *columns, sheet *s)
{
    const int n = count_columns(columns);
    const wkv_table t = {name, caption, columns, n, (const char *const *)s->cells, s->n / n};
    wkv_report_table(r, &t);
    for (int i = 0; i < s->n; i++) free(s->cells[i]);
    free(s->cells);
    *s = (sheet){0};
}

void outputs_table(wkv_report *r, const char *name, const char *caption, const char *const *columns, sheet *s)
{
    if (!as_json) print_table(columns, s);
    outputs_sheet(r, name, caption, columns, s);
}
