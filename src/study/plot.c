/* plot.c - lines, bands and points over two axes. */
#include "study/plot.h"
#include "base/number.h"
#include "study/palette.h"
#include <math.h>
#include <string.h>

enum { MOST_POINTS = 2000, MOST_HITS = 480 };

/* The index of a series among those with a colour of their own. */
static int index_of(const wkv_plot *p, int series)
{
    if (p->series[series].like > 0 && p->series[series].like <= p->n_series) series = p->series[series].like - 1;
    int k = 0;
    for (int i = 0; i < series; i++) k += p->series[i].mark != WKV_THIN && !p->series[i].like;
    return k;
}

int plot_color(const wkv_plot *p, int series) { return index_of(p, series) % PALETTE_SERIES; }

int plot_shape(const wkv_plot *p, int series)
{
    const int k = index_of(p, series);
    return (k + k / PALETTE_SERIES) % PALETTE_SERIES;
}

/* ---- the frame --------------------------------------------------------------------------------------------------- */

static void choose_ranges(plot *t)
{
    const wkv_plot *p = t->p;
    const int narrow = t->c->form == CANVAS_NARROW;
    axis_begin(&t->x, &p->x);
    axis_begin(&t->y, &p->y);
    for (int k = 0; k < p->n_series; k++)
        for (int i = 0; i < p->series[k].n; i++) {
            const wkv_series *s = &p->series[k];
            if (!axis_has(&p->x, s->x[i]) || !axis_has(&p->y, s->y[i])) continue;
            axis_add(&t->x, &p->x, s->x[i]);
            axis_add(&t->y, &p->y, s->y[i]);
            if (s->low) axis_add(&t->y, &p->y, s->low[i]);
            if (s->high) axis_add(&t->y, &p->y, s->high[i]);
        }
    int points = 0;
    for (int k = 0; k < p->n_series; k++) points |= p->series[k].mark == WKV_POINTS;
    axis_end(&t->x, &p->x, narrow ? 3 : 8, points); /* lines touch both sides, points do not */
    axis_end(&t->y, &p->y, narrow ? 4 : 6, 1);
}

static double widest_tick(const axis *a)
{
    char text[32];
    double widest = 0;
    for (int i = 0; i < a->n; i++) widest = fmax(widest, label_width(axis_text(text, a->ticks[i]), TEXT_SMALL));
    return widest;
}

static void draw_y_axis(plot *t, double left)
{
    char text[32];
    for (int i = 0; i < t->y.n; i++) {
        const double y = axis_at(&t->y, t->y.ticks[i]);
        fprintf(t->c->f, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>\n", t->x.from, y, t->x.to);
        canvas_text(t->c, left, y + 0.35 * TEXT_SMALL, TEXT_SMALL, ANCHOR_END, "soft", axis_text(text, t->y.ticks[i]));
    }
}

/* Headings, legend and axes; the height follows. */
static void draw_frame(plot *t)
{
    canvas *c = t->c;
    const wkv_plot *p = t->p;
    const int narrow = c->form == CANVAS_NARROW;
    const double margin = c->form == CANVAS_FILE ? 16 : 0, ticks = widest_tick(&t->y);
    char label[LABEL_BYTES];
    double top = chart_heading(c, &p->figure);
    top = plot_legend(t, top);
    if (p->shades.label) top = chart_scale(c, top, &p->shades, 'q', PALETTE_FAINT);
    if (p->y.label) {
        label_cut(label, p->y.label, TEXT_USUAL, c->width - 2 * margin);
        canvas_text(c, margin, top + TEXT_USUAL, TEXT_USUAL, ANCHOR_START, "soft", label);
        top += 1.3 * TEXT_USUAL;
    }
    t->top = top + 13;
    t->bottom = t->top + (narrow ? 250 : 350);
    t->x.from = margin + ticks + 9;
    t->x.to = c->width - margin - (t->beside ? plot_names_width(t) : 10);
    t->y.from = t->bottom, t->y.to = t->top;
    draw_y_axis(t, margin + ticks);
    c->height = chart_x_axis(c, &t->x, &p->x, t->top, t->bottom) + (c->form == CANVAS_FILE ? 10 : 2);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static void put_point(plot *t, const wkv_series *s, int i, int *open)
{
    fprintf(t->c->f, "%c%.1f %.1f", *open ? 'L' : 'M', axis_at(&t->x, s->x[i]), axis_at(&t->y, s->y[i]));
    *open = 1;
}

/* A long line has the lowest and the highest point of each of a thousand parts. */
static void put_line(plot *t, const wkv_series *s)
{
    int open = 0;
    const int each = s->n > MOST_POINTS ? (s->n + MOST_POINTS / 2 - 1) / (MOST_POINTS / 2) : 1;
    for (int from = 0; from < s->n; from += each) {
        const int to = s->n - from < each ? s->n : from + each;
        int low = -1, high = -1, gap = 0;
        for (int i = from; i < to; i++) {
            if (!plot_has(t, s, i)) {
                gap = 1;
                continue;
            }
            if (low < 0 || s->y[i] < s->y[low]) low = i;
            if (high < 0 || s->y[i] > s->y[high]) high = i;
        }
        if (low >= 0) put_point(t, s, low < high ? low : high, &open);
        if (low != high) put_point(t, s, low < high ? high : low, &open);
        if (gap) open = 0;
    }
}

static int has_interval(const plot *t, const wkv_series *s, int i)
{
    return plot_has(t, s, i) && axis_has(&t->p->y, s->low[i]) && axis_has(&t->p->y, s->high[i]);
}

static double within(const axis *a, double value) { return axis_at(a, fmin(fmax(value, a->low), a->high)); }

/* The interval around a line, in parts between gaps. */
static void draw_band(plot *t, const wkv_series *s, int color)
{
    const int each = s->n / 500 + 1;
    for (int from = 0, to; from < s->n; from = to + 1) {
        for (to = from; to < s->n && has_interval(t, s, to);) to++;
        if (to - from < 2) continue;
        fprintf(t->c->f, "<path class=\"band f%d\" d=\"M", color);
        for (int i = from; i < to; i += each)
            fprintf(t->c->f, "%.1f %.1fL", axis_at(&t->x, s->x[i]), within(&t->y, s->high[i]));
        for (int i = from + (to - 1 - from) / each * each; i >= from; i -= each)
            fprintf(t->c->f, "%.1f %.1f%s", axis_at(&t->x, s->x[i]), within(&t->y, s->low[i]), i > from ? "L" : "Z");
        fputs("\"/>\n", t->c->f);
    }
}

static void draw_line(plot *t, int k)
{
    const wkv_series *s = &t->p->series[k];
    const int color = plot_color(t->p, k);
    if (s->mark == WKV_THIN && t->p->shades.label)
        fprintf(t->c->f, "<path class=\"thin k%d\" d=\"",
                PALETTE_FAINT + (int)lround(fmin(1, fmax(0, s->shade)) * (PALETTE_LEVELS - 1 - PALETTE_FAINT)));
    else if (s->mark == WKV_THIN)
        fprintf(t->c->f, "<path class=\"thin s%d\" d=\"", color);
    else if (s->mark == WKV_FIT)
        fprintf(t->c->f, "<path class=\"fit s%d\" d=\"", color);
    else
        fprintf(t->c->f, "<path class=\"line s%d d%d\" d=\"", color, plot_shape(t->p, k));
    put_line(t, s);
    fputs("\"/>\n", t->c->f);
}

void plot_marker(FILE *f, int color, int shape, double x, double y)
{
    static const char *const shapes[PALETTE_SERIES] = {
        "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", "m-3.7-3.7h7.4v7.4h-7.4z", "m0-4.8l4.6 8.2h-9.2z",
        "m0-5.2l5.2 5.2l-5.2 5.2l-5.2-5.2z",  "m0 4.8l4.6-8.2h-9.2z",    "m-4.8-1.6h9.6v3.2h-9.6z"};
    fprintf(f, "<path class=\"point f%d\" d=\"M%.1f %.1f%s\"/>", color, x, y, shapes[shape]);
}

static void draw_points(plot *t, int k)
{
    const wkv_series *s = &t->p->series[k];
    const int color = plot_color(t->p, k);
    for (int i = 0; i < s->n; i++) {
        if (!plot_has(t, s, i)) continue;
        const double x = axis_at(&t->x, s->x[i]);
        if (s->low && s->high && has_interval(t, s, i))
            fprintf(t->c->f, "<path class=\"range s%d\" d=\"M%.1f %.1fV%.1f\"/>", color, x, within(&t->y, s->low[i]),
                    within(&t->y, s->high[i]));
        plot_marker(t->c->f, color, plot_shape(t->p, k), x, axis_at(&t->y, s->y[i]));
    }
    fputs("\n", t->c->f);
}

/* ---- exact values ------------------------------------------------------------------------------------------------ */

static void draw_hit(plot *t, const wkv_series *s, int i)
{
    char text[LABEL_BYTES], x[32], y[32], low[32], high[32];
    number_grouped(x, s->x[i]);
    number_grouped(y, s->y[i]);
    int n =
        snprintf(text, sizeof text, "%.80s%s%.60s%s%.80s: %s\n%.80s: %s", s->name ? s->name : "", s->name ? "\n" : "",
                 s->labels && s->labels[i] ? s->labels[i] : "", s->labels && s->labels[i] ? "\n" : "",
                 t->p->x.label ? t->p->x.label : "x", x, t->p->y.label ? t->p->y.label : "y", y);
    if (s->low && s->high && has_interval(t, s, i))
        snprintf(text + n, sizeof text - (size_t)n, " (%s to %s)", number_grouped(low, s->low[i]),
                 number_grouped(high, s->high[i]));
    fprintf(t->c->f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"7\">", axis_at(&t->x, s->x[i]), axis_at(&t->y, s->y[i]));
    canvas_title(t->c, text);
    fputs("</circle>\n", t->c->f);
}

/* Transparent circles with the values. */
static void draw_hits(plot *t)
{
    int series = 0;
    for (int k = 0; k < t->p->n_series; k++) series += t->p->series[k].mark != WKV_FIT;
    const int most = series ? MOST_HITS / series + 1 : 1;
    fputs("<g class=\"hit\">\n", t->c->f);
    for (int k = 0; k < t->p->n_series; k++) {
        const wkv_series *s = &t->p->series[k];
        if (s->mark == WKV_FIT) continue;
        for (int i = 0, each = (s->n + most - 1) / most; i < s->n; i += each)
            if (plot_has(t, s, i)) draw_hit(t, s, i);
    }
    fputs("</g>\n", t->c->f);
}

void plot_draw(canvas *c, const wkv_plot *p)
{
    plot t = {.c = c, .p = p};
    choose_ranges(&t);
    t.x.from = 0, t.x.to = c->width;
    t.beside = plot_names_fit(&t);
    draw_frame(&t);
    for (int k = 0; k < p->n_series; k++) {
        const wkv_series *s = &p->series[k];
        if (s->mark == WKV_LINE && s->low && s->high) draw_band(&t, s, plot_color(p, k));
    }
    for (int k = 0; k < p->n_series; k++)
        if (p->series[k].mark == WKV_POINTS)
            draw_points(&t, k);
        else
            draw_line(&t, k);
    if (t.beside) plot_names(&t);
    plot_rules(&t);
    plot_point_labels(&t);
    draw_hits(&t);
}
