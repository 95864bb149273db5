/* chart.c - the parts that charts share: headings, legends, the horizontal axis. */
#include "study/chart.h"
#include "study/palette.h"
#include <string.h>

double chart_heading(canvas *c, const wkv_figure *figure)
{
    if (c->form != CANVAS_FILE) return 2;
    const double margin = 16;
    double y = canvas_lines(c, margin, 34, TEXT_TITLE, "ink title", figure->title, (c->width - 2 * margin) / 1.27);
    if (figure->caption) y = canvas_lines(c, margin, y - 3, TEXT_USUAL, "soft", figure->caption, c->width - 2 * margin);
    return y - 6;
}

double chart_legend(canvas *c, double top, const legend_entry *entries, int n,
                    void (*sample)(const void *owner, int series, double x, double y), const void *owner)
{
    enum { SAMPLE = 26, AFTER = 7, BETWEEN = 18 };
    const double margin = c->form == CANVAS_FILE ? 16 : 0, height = 1.5 * TEXT_USUAL;
    double x = margin, y = top + TEXT_USUAL;
    char text[LABEL_BYTES];
    for (int i = 0; i < n; i++) {
        label_cut(text, entries[i].text, TEXT_USUAL, c->width - 2 * margin - SAMPLE - AFTER);
        const double wide = SAMPLE + AFTER + label_width(text, TEXT_USUAL);
        if (x > margin && x + wide > c->width - margin) x = margin, y += height;
        sample(owner, entries[i].series, x, y - 0.35 * TEXT_USUAL);
        canvas_text(c, x + SAMPLE + AFTER, y, TEXT_USUAL, ANCHOR_START, "ink", text);
        x += wide + BETWEEN;
    }
    return n ? y + 0.6 * TEXT_USUAL : top;
}

double chart_scale(canvas *c, double top, const wkv_shades *text, char kind, int first)
{
    const double margin = c->form == CANVAS_FILE ? 16 : 0, high = 10, y = top + TEXT_USUAL;
    const double room = c->width - 2 * margin, wide = c->form == CANVAS_NARROW ? 3 : 4;
    char label[LABEL_BYTES], low[LABEL_BYTES], end[LABEL_BYTES];
    double x = margin;
    label_cut(label, text->label ? text->label : "", TEXT_USUAL, room * 0.4);
    label_cut(low, text->low ? text->low : "", TEXT_SMALL, room * 0.12);
    label_cut(end, text->high ? text->high : "", TEXT_SMALL, room * 0.12);
    canvas_text(c, x, y, TEXT_USUAL, ANCHOR_START, "ink", label);
    if (*label) x += label_width(label, TEXT_USUAL) + 12;
    canvas_text(c, x, y, TEXT_SMALL, ANCHOR_START, "soft", low);
    if (*low) x += label_width(low, TEXT_SMALL) + 6;
    for (int i = first; i < PALETTE_LEVELS; i++, x += wide) /* a little overlap hides the seams */
        fprintf(c->f, "<path class=\"%c%d\" d=\"M%.1f %.1fh%.1fv%.0fh-%.1fz\"/>", kind, i, x, y - high, wide + 0.3,
                high, wide + 0.3);
    fputs("\n", c->f);
    canvas_text(c, x + 6, y, TEXT_SMALL, ANCHOR_START, "soft", end);
    c->scales = 1;
    return y + 0.7 * TEXT_USUAL;
}

double chart_x_axis(canvas *c, const axis *a, const wkv_axis *of, double top, double bottom)
{
    char text[32], label[LABEL_BYTES];
    const double y = bottom + 7 + TEXT_SMALL;
    fputs("<g>", c->f);
    for (int i = 0; i < a->n; i++) {
        const double x = axis_at(a, a->ticks[i]);
        fprintf(c->f, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/><path class=\"axis\" d=\"M%.1f %.1fv4\"/>", x, top,
                bottom, x, bottom);
    }
    fprintf(c->f, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/></g>\n", a->from, bottom, a->to);
    for (int i = 0; i < a->n; i++) { /* one that leaves the picture moves inside */
        double x = axis_at(a, a->ticks[i]);
        const double half = label_width(axis_text(text, a->ticks[i]), TEXT_SMALL) / 2;
        if (x + half > c->width) x = c->width - half - 0.1;
        canvas_text(c, x, y, TEXT_SMALL, ANCHOR_MIDDLE, "soft", text);
    }
    if (!of->label) return y + 8;
    label_cut(label, of->label, TEXT_USUAL, c->width - 8);
    const double half = label_width(label, TEXT_USUAL) / 2, middle = (a->from + a->to) / 2;
    const double x = middle + half > c->width - 4 ? c->width - 4 - half : middle - half < 4 ? 4 + half : middle;
    canvas_text(c, x, y + 1.6 * TEXT_USUAL, TEXT_USUAL, ANCHOR_MIDDLE, "soft", label);
    return y + 2.2 * TEXT_USUAL;
}
