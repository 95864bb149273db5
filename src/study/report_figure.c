/* report_figure.c - the charts of a page, each drawn at once: for wide and narrow screens and for a file. */
#include "base/error.h"
#include "base/markup.h"
#include "base/number.h"
#include "study/report.h"
#include "base/platform/system.h"
#include <stdlib.h>
#include <string.h>

enum { WIDE = 840, NARROW = 400, MOST_VALUES = 1 << 22 };

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
        void *before = locale_begin();
        if (d->plot) plot_draw(&c, d->plot);
        if (d->bars) bars_draw(&c, d->bars);
        if (d->map) map_draw(&c, d->map);
        locale_end(before);
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
        report_row(r, figure->half && !natural);
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
    return failed || r->lost || r->body.lost ? report_lost(r) : 0;
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
