/* bars.c - horizontal bars in groups. */
#include "base/number.h"
#include "study/chart.h"
#include "study/palette.h"
#include <math.h>

enum { HIGH = 18, BETWEEN = 10, MOST_SERIES = 12 };

typedef struct {
    canvas *c;
    const wkv_bars *b;
    wkv_axis of; /* b->x, from zero */
    axis x;
} bars;

static void sample(const void *owner, int series, double x, double y)
{
    fprintf(((const bars *)owner)->c->f, "<path class=\"bar f%d\" d=\"M%.1f %.1fh26v10h-26z\"/>",
            series % PALETTE_SERIES, x, y - 5);
}

static double legend(bars *t, double top)
{
    legend_entry entries[MOST_SERIES];
    int n = 0;
    for (int k = 0; t->b->series && t->b->n_series > 1 && k < t->b->n_series && n < MOST_SERIES; k++)
        if (t->b->series[k]) entries[n++] = (legend_entry){t->b->series[k], k};
    return chart_legend(t->c, top, entries, n, sample, t);
}

static int has_interval(const bars *t, size_t i)
{
    return t->b->low && t->b->high && axis_has(&t->of, t->b->low[i]) && axis_has(&t->of, t->b->high[i]);
}

static void choose_range(bars *t)
{
    axis_begin(&t->x, &t->of);
    for (size_t i = 0; i < (size_t)t->b->n_groups * (size_t)t->b->n_series; i++) {
        axis_add(&t->x, &t->of, t->b->values[i]);
        if (!has_interval(t, i)) continue;
        axis_add(&t->x, &t->of, t->b->low[i]);
        axis_add(&t->x, &t->of, t->b->high[i]);
    }
    axis_end(&t->x, &t->of, t->c->form == CANVAS_NARROW ? 3 : 6, 1);
}

static void draw_bar(bars *t, int group, int series, double y)
{
    const size_t i = (size_t)group * (size_t)t->b->n_series + (size_t)series;
    const double value = t->b->values[i];
    if (!axis_has(&t->of, value)) return;
    char number[32], low[32], high[32], text[LABEL_BYTES];
    const double shown = fmin(fmax(value, t->x.low), t->x.high);
    const double zero = axis_at(&t->x, t->of.log ? t->x.low : fmin(fmax(0, t->x.low), t->x.high));
    const double at = axis_at(&t->x, shown), middle = y + HIGH / 2.0;
    double end = fmax(at, zero);
    int n = snprintf(text, sizeof text, "%.200s%s%.100s: %s", t->b->labels[group] ? t->b->labels[group] : "",
                     t->b->series && t->b->series[series] ? ", " : "",
                     t->b->series && t->b->series[series] ? t->b->series[series] : "", number_grouped(number, value));
    if (has_interval(t, i))
        snprintf(text + n, sizeof text - (size_t)n, " (%s to %s)", number_grouped(low, t->b->low[i]),
                 number_grouped(high, t->b->high[i]));
    fprintf(t->c->f, "<path class=\"bar f%d\" d=\"M%.1f %.1fH%.1fv%dH%.1fz\">", series % PALETTE_SERIES, zero, y, at,
            HIGH - 3, zero);
    canvas_title(t->c, text);
    fputs("</path>\n", t->c->f);
    if (has_interval(t, i)) {
        const double from = axis_at(&t->x, fmax(t->b->low[i], t->x.low)),
                     to = axis_at(&t->x, fmin(t->b->high[i], t->x.high));
        fprintf(t->c->f, "<path class=\"range edge\" d=\"M%.1f %.1fH%.1f\"/>\n", from, middle - 1.5, to);
        end = fmax(end, to);
    }
    if (fabs(value) < 1000)
        number_print(number, sizeof number, "%.3g", value);
    else
        axis_text(number, value);
    canvas_text(t->c, end + 6, middle + 0.35 * TEXT_SMALL - 1.5, TEXT_SMALL, ANCHOR_START, "ink halo", number);
}

void bars_draw(canvas *c, const wkv_bars *b)
{
    bars t = {.c = c, .b = b, .of = b->x};
    char text[LABEL_BYTES];
    t.of.from_zero = 1;
    choose_range(&t);
    const double margin = c->form == CANVAS_FILE ? 16 : 0;
    const double names = fmin(label_widest(b->labels, b->n_groups, TEXT_USUAL), (c->width - 2 * margin) * 0.38);
    const double top = legend(&t, chart_heading(c, &b->figure)) + 8, group = b->n_series * HIGH + BETWEEN;
    const double bottom = top + group * b->n_groups + 4;
    double widest = 0;
    for (size_t i = 0; i < (size_t)b->n_groups * (size_t)b->n_series; i++)
        if (axis_has(&t.of, b->values[i]))
            widest = fmax(widest, label_width(axis_text(text, b->values[i]), TEXT_SMALL));
    t.x.from = margin + names + 10;
    t.x.to = c->width - margin - widest - 8;
    c->height = chart_x_axis(c, &t.x, &b->x, top, bottom) + (c->form == CANVAS_FILE ? 10 : 2);
    for (int i = 0; i < b->n_groups; i++) {
        const double y = top + group * i + BETWEEN / 2.0;
        if (b->labels[i])
            canvas_text(c, margin + names, y + b->n_series * HIGH / 2.0 + 0.35 * TEXT_USUAL - 1.5, TEXT_USUAL,
                        ANCHOR_END, "ink", label_cut(text, b->labels[i], TEXT_USUAL, names));
        for (int k = 0; k < b->n_series; k++) draw_bar(&t, i, k, y + k * HIGH);
    }
}
