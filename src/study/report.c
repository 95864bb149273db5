/* report.c - building a page: each call draws its part at once. */
#include "study/report.h"
#include "base/error.h"
#include "base/json.h"
#include "base/markup.h"
#include "base/number.h"
#include "wkv_file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDE = 840, NARROW = 400, MOST_VALUES = 1 << 22 };

static int lost(wkv_report *r)
{
    r->lost = 1;
    return fail(WKV_ENOMEM, "no memory for the report \"%.80s\"", r->title ? r->title : "");
}

int wkv_report_new(wkv_report **out, const char *title, const char *summary)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(title, "title");
    wkv_report *r = calloc(1, sizeof *r);
    if (!r) return fail(WKV_ENOMEM, "no memory for the report \"%.80s\"", title);
    r->title = strdup(title);
    r->summary = summary ? strdup(summary) : NULL;
    r->to_facts = stream_open(&r->facts);
    r->to_body = stream_open(&r->body);
    r->json =
        report_object({"title", report_string(title)}, {"summary", report_string(summary)}, {"command", json_null()},
                      {"facts", json_array()}, {"tables", json_array()}, {"charts", json_array()});
    if (!r->title || (summary && !r->summary) || !r->to_facts || !r->to_body || !r->json) {
        const int err = lost(r);
        wkv_report_free(r);
        return err;
    }
    *out = r;
    return 0;
}

void wkv_report_free(wkv_report *r)
{
    if (!r) return;
    if (r->to_facts) fclose(r->to_facts);
    if (r->to_body) fclose(r->to_body);
    free(r->facts.text);
    free(r->body.text);
    for (int i = 0; i < r->n; i++) {
        free(r->pictures[i].name);
        free(r->pictures[i].svg);
    }
    free(r->pictures);
    free(r->title);
    free(r->summary);
    free(r->command);
    json_decref(r->json);
    free(r);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* Half figures share a row until something else follows. */
static void set_row(wkv_report *r, int half)
{
    if (half && !r->in_row) fputs("<div class=\"row\">\n", r->to_body);
    if (!half && r->in_row) fputs("</div>\n", r->to_body);
    r->in_row = half;
}

static int put_element(wkv_report *r, const char *element, const char *text)
{
    set_row(r, 0);
    fprintf(r->to_body, "<%s>", element);
    markup_put(r->to_body, text, SIZE_MAX);
    fprintf(r->to_body, "</%s>\n", element);
    return r->lost || r->body.lost ? lost(r) : 0;
}

int wkv_report_section(wkv_report *r, const char *heading)
{
    REQUIRE(r, "report");
    REQUIRE(heading, "heading");
    return put_element(r, "h2", heading);
}

int wkv_report_text(wkv_report *r, const char *paragraph)
{
    REQUIRE(r, "report");
    REQUIRE(paragraph, "paragraph");
    return put_element(r, "p", paragraph);
}

int wkv_report_formula(wkv_report *r, const char *formula)
{
    REQUIRE(r, "report");
    REQUIRE(formula, "formula");
    return put_element(r, "pre", formula);
}

int wkv_report_command(wkv_report *r, const char *command)
{
    REQUIRE(r, "report");
    REQUIRE(command, "command");
    free(r->command);
    r->command = strdup(command);
    if (!r->command || json_object_set_new(r->json, "command", report_string(command))) return lost(r);
    return 0;
}

static int has_limits(const wkv_fact *f)
{
    return isfinite(f->low) && isfinite(f->high) && (f->low != 0 || f->high != 0);
}

/* Three digits; integers below 10,000 have all theirs. */
static const char *rounded(char out[32], double x)
{
    const double unit = fabs(x) > 0 ? pow(10, floor(log10(fabs(x))) - 2) : 1;
    return number_grouped(out, fabs(x) < 1e4 && rint(x) == x ? x : rint(x / unit) * unit);
}

int wkv_report_fact(wkv_report *r, const wkv_fact *fact)
{
    REQUIRE(r, "report");
    REQUIRE(fact, "fact");
    REQUIRE(fact->name, "the name of the fact");
    char text[3][32];
    FILE *f = r->to_facts;
    fputs("<div><dt>", f);
    markup_put(f, fact->name, SIZE_MAX);
    fprintf(f, "</dt><dd><b>%s</b>", isfinite(fact->value) ? rounded(text[0], fact->value) : "unknown");
    if (fact->unit && isfinite(fact->value)) fputc(' ', f), markup_put(f, fact->unit, SIZE_MAX);
    if (has_limits(fact))
        fprintf(f, " <span>(%s to %s)</span>", rounded(text[1], fact->low), rounded(text[2], fact->high));
    if (fact->note) fputs(" <span>", f), markup_put(f, fact->note, SIZE_MAX), fputs("</span>", f);
    fputs("</dd></div>\n", f);
    const double low = has_limits(fact) ? fact->low : NAN, high = has_limits(fact) ? fact->high : NAN;
    json_t *o = report_object({"name", report_string(fact->name)}, {"unit", report_string(fact->unit)},
                              {"value", report_number(fact->value)}, {"low", report_number(low)},
                              {"high", report_number(high)}, {"note", report_string(fact->note)});
    return json_array_append_new(json_object_get(r->json, "facts"), o) || r->lost || r->facts.lost ? lost(r) : 0;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static const char *cell(const wkv_table *t, int row, int column)
{
    const char *text = t->cells[(size_t)row * (size_t)t->n_columns + (size_t)column];
    return text ? text : "";
}

/* Each cell begins with a digit, with a sign before it or not. */
static int is_numeric(const wkv_table *t, int column)
{
    for (int i = 0; i < t->n_rows; i++) {
        const char *text = cell(t, i, column);
        text += strspn(text, "+-~<>");
        if (*text && !(*text >= '0' && *text <= '9')) return 0;
    }
    return t->n_rows > 0;
}

static void put_table(FILE *f, const wkv_table *t)
{
    fputs("<div class=\"scroll\"><table>\n", f);
    if (t->caption) fputs("<caption>", f), markup_put(f, t->caption, SIZE_MAX), fputs("</caption>\n", f);
    fputs("<thead><tr>", f);
    for (int k = 0; k < t->n_columns; k++) {
        fprintf(f, "<th scope=\"col\"%s>", k && is_numeric(t, k) ? " class=\"number\"" : "");
        if (t->columns[k]) markup_put(f, t->columns[k], SIZE_MAX);
        fputs("</th>", f);
    }
    fputs("</tr></thead>\n<tbody>\n", f);
    for (int i = 0; i < t->n_rows; i++) {
        fputs("<tr>", f);
        for (int k = 0; k < t->n_columns; k++) {
            fputs(!k ? "<th scope=\"row\">" : is_numeric(t, k) ? "<td class=\"number\">" : "<td>", f);
            markup_put(f, cell(t, i, k), SIZE_MAX);
            fputs(k ? "</td>" : "</th>", f);
        }
        fputs("</tr>\n", f);
    }
    fputs("</tbody></table></div>\n", f);
}

int wkv_report_table(wkv_report *r, const wkv_table *t)
{
    REQUIRE(r, "report");
    REQUIRE(t, "table");
    REQUIRE(t->columns, "the columns of the table");
    if (t->n_columns < 1 || t->n_rows < 0 || (t->n_rows && !t->cells))
        return fail(WKV_EARG, "a table of %d rows and %d columns%s; expected at least one column", t->n_rows,
                    t->n_columns, t->cells ? "" : " without cells");
    set_row(r, 0);
    put_table(r->to_body, t);
    json_t *rows = json_array();
    int failed = 0;
    for (int i = 0; i < t->n_rows; i++)
        failed |=
            json_array_append_new(rows, report_strings(t->cells + (size_t)i * (size_t)t->n_columns, t->n_columns));
    json_t *o = report_object({"name", report_string(t->name)}, {"caption", report_string(t->caption)},
                              {"columns", report_strings(t->columns, t->n_columns)}, {"rows", rows});
    failed |= json_array_append_new(json_object_get(r->json, "tables"), o);
    return failed || r->lost || r->body.lost ? lost(r) : 0;
}

/* ---- charts ------------------------------------------------------------------------------------------------------ */

static int check_figure(const wkv_figure *f)
{
    REQUIRE(f->name, "the name of the figure");
    REQUIRE(f->title, "the title of the figure");
    for (const char *p = f->name; *p; p++)
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') && !(*p >= '0' && *p <= '9') && *p != '-')
            return fail(WKV_EARG, "the name of a figure is \"%.40s\", expected letters, digits and -", f->name);
    return *f->name ? 0 : fail(WKV_EARG, "the name of a figure is empty, expected letters, digits and -");
}

/* The drawing of any chart. */
typedef struct {
    const wkv_plot *plot;
    const wkv_bars *bars;
    const wkv_map *map;
} drawing;

static char *draw(const drawing *d, const wkv_figure *figure, canvas_form form, int *natural)
{
    canvas c;
    canvas_open(&c, form, form == CANVAS_NARROW ? NARROW : WIDE);
    if (c.f) {
        locale_t before = number_begin();
        if (d->plot) plot_draw(&c, d->plot);
        if (d->bars) bars_draw(&c, d->bars);
        if (d->map) map_draw(&c, d->map);
        number_end(before);
    }
    *natural = c.natural;
    return canvas_close(&c, figure->title, figure->caption ? figure->caption : figure->title);
}

static int keep_picture(wkv_report *r, const char *name, char *svg)
{
    if (r->n == r->capacity) {
        const int capacity = 2 * r->capacity + 8;
        report_picture *p = realloc(r->pictures, sizeof *p * (size_t)capacity);
        if (!p) return -1;
        r->pictures = p;
        r->capacity = capacity;
    }
    char *copy = strdup(name);
    if (!copy) return -1;
    r->pictures[r->n++] = (report_picture){copy, svg};
    return 0;
}

/* A half figure has the narrow layout only, and one of a fixed size the wide one only. */
static int put_figure(wkv_report *r, const drawing *d, const wkv_figure *figure, json_t *json)
{
    int natural, ignored;
    char *wide = draw(d, figure, CANVAS_WIDE, &natural), *narrow = draw(d, figure, CANVAS_NARROW, &ignored);
    char *file = draw(d, figure, CANVAS_FILE, &ignored);
    FILE *f = r->to_body;
    const int unlisted = json_array_append_new(json_object_get(r->json, "charts"), json);
    int failed = unlisted || !wide || !narrow || !file;
    if (!failed) {
        set_row(r, figure->half && !natural);
        fprintf(f, "<figure id=\"%s\"%s>\n<figcaption><b>", figure->name,
                natural        ? ""
                : figure->half ? " class=\"half\""
                               : " class=\"full\"");
        markup_put(f, figure->title, SIZE_MAX);
        fputs("</b>", f);
        if (figure->caption) fputs(" <span>", f), markup_put(f, figure->caption, SIZE_MAX), fputs("</span>", f);
        fputs("</figcaption>\n<div class=\"scroll\">\n", f);
        if (natural || !figure->half) fputs(wide, f);
        if (!natural) fputs(narrow, f);
        fputs("</div>\n", f);
        if (d->plot) plot_table(f, d->plot);
        if (d->bars) bars_table(f, d->bars);
        fputs("</figure>\n", f);
        failed = keep_picture(r, figure->name, file);
    }
    if (failed) free(file);
    free(wide);
    free(narrow);
    return failed || r->lost || r->body.lost ? lost(r) : 0;
}

int wkv_report_plot(wkv_report *r, const wkv_plot *p)
{
    REQUIRE(r, "report");
    REQUIRE(p, "plot");
    const int err = check_figure(&p->figure);
    if (err) return err;
    if (p->n_series < 0 || p->n_rules < 0 || (p->n_series && !p->series) || (p->n_rules && !p->rules))
        return fail(WKV_EARG, "the plot %s has %d series and %d rules, or NULL for them", p->figure.name, p->n_series,
                    p->n_rules);
    for (int i = 0; i < p->n_series; i++) {
        const wkv_series *s = &p->series[i];
        if (s->n < 0 || (s->n && (!s->x || !s->y)) || (unsigned)s->mark > WKV_THIN)
            return fail(WKV_EARG, "series %d of the plot %s has %d points, or NULL for them, or the mark %d", i,
                        p->figure.name, s->n, (int)s->mark);
    }
    return put_figure(r, &(drawing){.plot = p}, &p->figure, plot_json(p));
}

int wkv_report_bars(wkv_report *r, const wkv_bars *b)
{
    REQUIRE(r, "report");
    REQUIRE(b, "bars");
    const int err = check_figure(&b->figure);
    if (err) return err;
    if (b->n_groups < 1 || b->n_series < 1 || b->n_groups > 4096 || b->n_series > 64 || !b->labels || !b->values)
        return fail(WKV_EARG,
                    "the bars %s have %d groups of %d series, or NULL for them; expected 1 to 4096 of 1 to 64",
                    b->figure.name, b->n_groups, b->n_series);
    return put_figure(r, &(drawing){.bars = b}, &b->figure, bars_json(b));
}

int wkv_report_map(wkv_report *r, const wkv_map *m)
{
    REQUIRE(r, "report");
    REQUIRE(m, "map");
    const int err = check_figure(&m->figure);
    if (err) return err;
    if (m->rows < 1 || m->columns < 1 || m->rows > MOST_VALUES / m->columns || !m->values)
        return fail(WKV_EARG, "the map %s has %d rows of %d columns, or no values; expected at most %d values",
                    m->figure.name, m->rows, m->columns, MOST_VALUES);
    return put_figure(r, &(drawing){.map = m}, &m->figure, map_json(m));
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

static int write_file(const char *path, const char *text)
{
    wkv_file *f;
    int err = wkv_file_create(&f, path);
    if (err) return err;
    err = wkv_file_put(f, text, strlen(text));
    if (!err) return wkv_file_commit(f);
    wkv_file_abandon(f);
    return err;
}

static int complete(const wkv_report *r)
{
    return r->lost ? fail(WKV_ENOMEM, "the report \"%.80s\" is incomplete, because memory was exhausted", r->title) : 0;
}

int wkv_report_html(const wkv_report *r, const char *path)
{
    REQUIRE(r, "report");
    REQUIRE(path, "path");
    stream all;
    int err = complete(r);
    if (err) return err;
    FILE *f = stream_open(&all);
    if (f) report_put(f, r);
    err = stream_close(f, &all, "a page");
    if (!err) err = write_file(path, all.text);
    free(all.text);
    return err;
}

int wkv_report_svg_path(char **out, const wkv_report *r, const char *path, int i)
{
    if (out) *out = NULL;
    REQUIRE(out, "path of a chart");
    REQUIRE(r, "report");
    REQUIRE(path, "path");
    if (i < 0 || i >= r->n) return WKV_OK;
    const char *name = strrchr(path, '/'), *dot = strrchr(name ? name : path, '.');
    const int stem = dot ? (int)(dot - path) : (int)strlen(path);
    stream own = {0};
    FILE *f = stream_open(&own);
    if (f && r->n == 1) fputs(path, f);
    if (f && r->n > 1) fprintf(f, "%.*s-%s%s", stem, path, r->pictures[i].name, dot ? dot : ".svg");
    const int err = stream_close(f, &own, "the path of a chart");
    if (err)
        free(own.text);
    else
        *out = own.text;
    return err;
}

int wkv_report_svg(const wkv_report *r, const char *path)
{
    REQUIRE(r, "report");
    REQUIRE(path, "path");
    int err = complete(r);
    if (!err && !r->n) err = fail(WKV_EARG, "the report \"%.80s\" has no charts to write to %s", r->title, path);
    for (int i = 0; i < r->n && !err; i++) {
        char *own;
        err = wkv_report_svg_path(&own, r, path, i);
        if (!err) err = write_file(own, r->pictures[i].svg);
        free(own);
    }
    return err;
}

int wkv_report_json(char **out, const wkv_report *r)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(r, "report");
    const int err = complete(r);
    if (err) return err;
    *out = json_text(r->json, JSON_INDENT(1) | JSON_REAL_PRECISION(9) | JSON_ENSURE_ASCII);
    return *out ? 0 : fail(WKV_ENOMEM, "no memory for the JSON of the report \"%.80s\"", r->title);
}
