/* plot_labels.c - the texts in a plot: names of lines at their ends or in a legend, reference lines, names of
 * points. */
#include "study/plot.h"
#include "study/palette.h"
#include <math.h>
#include <stdlib.h>

enum { MOST_BESIDE = 8, MOST_ENTRIES = 24, LEAD = 14 }; /* LEAD: from the end of a line to its name */

static int is_named_line(const wkv_series *s) { return s->name && (s->mark == WKV_LINE || s->mark == WKV_FIT); }

static int last_point(const plot *t, const wkv_series *s)
{
    int i = s->n - 1;
    while (i >= 0 && !plot_has(t, s, i)) i--;
    return i;
}

double plot_names_width(const plot *t)
{
    double widest = 0;
    for (int k = 0; k < t->p->n_series; k++)
        if (is_named_line(&t->p->series[k])) widest = fmax(widest, label_width(t->p->series[k].name, TEXT_USUAL));
    return widest + LEAD + 2;
}

/* Few names, short ones, of lines that end on the right. */
int plot_names_fit(const plot *t)
{
    int named = 0;
    for (int k = 0; k < t->p->n_series; k++) {
        const wkv_series *s = &t->p->series[k];
        if (!is_named_line(s)) continue;
        const int last = last_point(t, s);
        if (last < 0 || axis_at(&t->x, s->x[last]) < t->x.from + 0.8 * (t->x.to - t->x.from)) return 0;
        named++;
    }
    return named > 0 && named <= MOST_BESIDE && plot_names_width(t) <= 0.3 * t->c->width;
}

/* ---- the legend -------------------------------------------------------------------------------------------------- */

static void sample(const void *owner, int series, double x, double y)
{
    const plot *t = owner;
    const int color = plot_color(t->p, series);
    FILE *f = t->c->f;
    switch (t->p->series[series].mark) {
    case WKV_POINTS: plot_marker(f, color, x + 13, y); break;
    case WKV_FIT: fprintf(f, "<path class=\"fit s%d\" d=\"M%.1f %.1fh26\"/>", color, x, y); break;
    default: fprintf(f, "<path class=\"line s%d d%d\" d=\"M%.1f %.1fh26\"/>", color, color, x, y);
    }
}

double plot_legend(plot *t, double top)
{
    legend_entry entries[MOST_ENTRIES];
    int n = 0;
    for (int k = 0; k < t->p->n_series && n < MOST_ENTRIES; k++) {
        const wkv_series *s = &t->p->series[k];
        const int line = is_named_line(s), alone = t->p->n_series == 1;
        if ((line && !t->beside && !alone) || (s->name && s->mark == WKV_POINTS && !alone))
            entries[n++] = (legend_entry){s->name, k};
    }
    return chart_legend(t->c, top, entries, n, sample, t);
}

/* ---- names at the ends ------------------------------------------------------------------------------------------- */

typedef struct {
    int series;
    double x, end, y; /* the end of the line; the middle of the name */
} name_place;

static int by_end(const void *a, const void *b)
{
    const name_place *p = a, *q = b;
    return p->end != q->end ? (p->end > q->end) - (p->end < q->end) : p->series - q->series;
}

/* Push names apart, downwards, and then up from the bottom. */
static void spread(name_place *p, int n, double top, double bottom)
{
    const double height = (TEXT_ABOVE + TEXT_BELOW) * TEXT_USUAL + 0.5;
    for (int i = 0; i < n; i++) p[i].y = fmax(p[i].end, i ? p[i - 1].y + height : top);
    for (int i = n - 1; i >= 0; i--) p[i].y = fmin(p[i].y, i < n - 1 ? p[i + 1].y - height : bottom);
}

void plot_names(plot *t)
{
    name_place places[MOST_BESIDE];
    int n = 0;
    for (int k = 0; k < t->p->n_series; k++) {
        const wkv_series *s = &t->p->series[k];
        if (!is_named_line(s)) continue;
        const int last = last_point(t, s);
        const double y = axis_at(&t->y, s->y[last]);
        places[n++] = (name_place){k, axis_at(&t->x, s->x[last]), y, y};
    }
    qsort(places, (size_t)n, sizeof *places, by_end);
    spread(places, n, t->top + 0.5 * TEXT_USUAL, t->bottom - 0.5 * TEXT_USUAL);
    for (int i = 0; i < n; i++) {
        const name_place *p = &places[i];
        char class[32];
        snprintf(class, sizeof class, "f%d", plot_color(t->p, p->series));
        if (fabs(p->y - p->end) > 4 || p->x < t->x.to - 4)
            fprintf(t->c->f, "<path class=\"lead s%d\" d=\"M%.1f %.1fL%.1f %.1f\"/>", plot_color(t->p, p->series),
                    p->x + 2, p->end, t->x.to + LEAD - 4, p->y);
        canvas_text(t->c, t->x.to + LEAD, p->y + 0.35 * TEXT_USUAL, TEXT_USUAL, ANCHOR_START, class,
                    t->p->series[p->series].name);
    }
}

/* ---- reference lines --------------------------------------------------------------------------------------------- */

static void draw_vertical(plot *t, const wkv_rule *r)
{
    char text[LABEL_BYTES];
    const double x = axis_at(&t->x, r->at);
    fprintf(t->c->f, "<path class=\"rule\" d=\"M%.1f %.1fV%.1f\">", x, t->top, t->bottom);
    if (r->label) canvas_title(t->c, r->label);
    fputs("</path>\n", t->c->f);
    if (!r->label) return;
    label_cut(text, r->label, TEXT_SMALL, 0.45 * (t->x.to - t->x.from));
    for (int row = 0; row < 6; row++) {
        const double y = t->top + TEXT_SMALL + row * 1.3 * TEXT_SMALL, wide = label_width(text, TEXT_SMALL);
        if (x + 6 + wide <= t->x.to && canvas_text(t->c, x + 6, y, TEXT_SMALL, ANCHOR_START, "soft halo", text)) return;
        if (x - 6 - wide >= t->x.from && canvas_text(t->c, x - 6, y, TEXT_SMALL, ANCHOR_END, "soft halo", text)) return;
    }
}

static void draw_horizontal(plot *t, const wkv_rule *r)
{
    char text[LABEL_BYTES];
    const double y = axis_at(&t->y, r->at);
    fprintf(t->c->f, "<path class=\"rule\" d=\"M%.1f %.1fH%.1f\">", t->x.from, y, t->x.to);
    if (r->label) canvas_title(t->c, r->label);
    fputs("</path>\n", t->c->f);
    if (!r->label) return;
    label_cut(text, r->label, TEXT_SMALL, 0.6 * (t->x.to - t->x.from));
    const double places[] = {y - 5, y + 1.1 * TEXT_SMALL};
    for (int i = 0; i < 4; i++) {
        const int end = i % 2;
        if (canvas_text(t->c, end ? t->x.to - 4 : t->x.from + 6, places[i / 2], TEXT_SMALL,
                        end ? ANCHOR_END : ANCHOR_START, "soft halo", text))
            return;
    }
}

void plot_rules(plot *t)
{
    for (int i = 0; i < t->p->n_rules; i++) {
        const wkv_rule *r = &t->p->rules[i];
        const axis *a = r->horizontal ? &t->y : &t->x;
        if (!axis_has(r->horizontal ? &t->p->y : &t->p->x, r->at) || r->at < a->low || r->at > a->high) continue;
        if (r->horizontal)
            draw_horizontal(t, r);
        else
            draw_vertical(t, r);
    }
}

/* ---- names of points --------------------------------------------------------------------------------------------- */

/* Beside the point, else above or below it, else nowhere. */
static void label_point(plot *t, double x, double y, const char *text)
{
    static const struct {
        double dx, dy;
        int anchor;
    } places[] = {{8, 0.35, ANCHOR_START}, {-8, 0.35, ANCHOR_END}, {0, -0.7, ANCHOR_MIDDLE}, {0, 1.4, ANCHOR_MIDDLE},
                  {6, -0.5, ANCHOR_START}, {-6, -0.5, ANCHOR_END}, {6, 1.25, ANCHOR_START},  {-6, 1.25, ANCHOR_END}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const double at = x + places[i].dx, base = y + places[i].dy * TEXT_SMALL;
        const box b = canvas_box(at, base, TEXT_SMALL, places[i].anchor, text);
        if (b.x < t->x.from || b.y < t->top || b.y + b.h > t->bottom) continue;
        if (canvas_text(t->c, at, base, TEXT_SMALL, places[i].anchor, "ink halo", text)) return;
    }
}

void plot_point_labels(plot *t)
{
    char text[LABEL_BYTES];
    for (int pass = 0; pass < 2; pass++) /* first the points, which labels avoid */
        for (int k = 0; k < t->p->n_series; k++) {
            const wkv_series *s = &t->p->series[k];
            for (int i = 0; s->mark == WKV_POINTS && s->labels && i < s->n; i++) {
                if (!plot_has(t, s, i)) continue;
                const double x = axis_at(&t->x, s->x[i]), y = axis_at(&t->y, s->y[i]);
                if (!pass)
                    canvas_reserve(t->c, (box){x - 4, y - 4, 8, 8});
                else if (s->labels[i])
                    label_point(t, x, y, label_cut(text, s->labels[i], TEXT_SMALL, 0.4 * t->c->width));
            }
        }
}
