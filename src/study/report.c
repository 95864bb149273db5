/* report.c - a page: each call writes its text or table at once; the files of the whole. */
#include "study/report.h"
#include "base/error.h"
#include "base/json.h"
#include "base/markup.h"
#include "base/number.h"
#include "wkv_file.h"
#include "base/platform/entry.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int report_lost(wkv_report *r)
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
        const int err = report_lost(r);
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

void report_row(wkv_report *r, int half)
{
    if (half && !r->in_row) fputs("<div class=\"row\">\n", r->to_body);
    if (!half && r->in_row) fputs("</div>\n", r->to_body);
    r->in_row = half;
}

static int put_element(wkv_report *r, const char *element, const char *text)
{
    report_row(r, 0);
    fprintf(r->to_body, "<%s>", element);
    markup_put(r->to_body, text, SIZE_MAX);
    fprintf(r->to_body, "</%s>\n", element);
    return r->lost || r->body.lost ? report_lost(r) : 0;
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
    if (!r->command || json_object_set_new(r->json, "command", report_string(command))) return report_lost(r);
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
    return json_array_append_new(json_object_get(r->json, "facts"), o) || r->lost || r->facts.lost ? report_lost(r) : 0;
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
    report_row(r, 0);
    put_table(r->to_body, t);
    json_t *rows = json_array();
    int failed = 0;
    for (int i = 0; i < t->n_rows; i++)
        failed |=
            json_array_append_new(rows, report_strings(t->cells + (size_t)i * (size_t)t->n_columns, t->n_columns));
    json_t *o = report_object({"name", report_string(t->name)}, {"caption", report_string(t->caption)},
                              {"columns", report_strings(t->columns, t->n_columns)}, {"rows", rows});
    failed |= json_array_append_new(json_object_get(r->json, "tables"), o);
    return failed || r->lost || r->body.lost ? report_lost(r) : 0;
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
    const char *name = path_last_slash(path), *dot = strrchr(name ? name : path, '.');
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
