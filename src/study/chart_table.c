/* chart_table.c - the values of a chart as a table that unfolds below it: for readers without a pointer. */
#include "base/markup.h"
#include "base/number.h"
#include "study/report.h"

enum { MOST_ROWS = 200 };

static void begin(FILE *f) { fputs("<details><summary>Values</summary><div class=\"scroll\"><table>\n<thead><tr>", f); }
static void end(FILE *f) { fputs("</tbody></table></div></details>\n", f); }

static void put_head(FILE *f, const char *text, int number)
{
    fprintf(f, "<th scope=\"col\"%s>", number ? " class=\"number\"" : "");
    if (text) markup_put(f, text, SIZE_MAX);
    fputs("</th>", f);
}

static void put_value(FILE *f, const wkv_axis *of, double value)
{
    char text[32];
    fprintf(f, "<td class=\"number\">%s</td>", axis_has(of, value) ? number_grouped(text, value) : "");
}

static int is_shown(const wkv_plot *p)
{
    int rows = 0;
    for (int k = 0; k < p->n_series; k++) {
        if (p->series[k].mark == WKV_THIN || p->series[k].n > MOST_ROWS) return 0;
        if (p->series[k].mark != WKV_FIT) rows += p->series[k].n;
    }
    return rows > 0 && rows <= MOST_ROWS;
}

void plot_table(FILE *f, const wkv_plot *p)
{
    if (!is_shown(p)) return;
    int intervals = 0, labels = 0;
    for (int k = 0; k < p->n_series; k++) {
        intervals |= p->series[k].low && p->series[k].high;
        labels |= !!p->series[k].labels;
    }
    begin(f);
    put_head(f, "series", 0);
    if (labels) put_head(f, "point", 0);
    put_head(f, p->x.label ? p->x.label : "x", 1);
    put_head(f, p->y.label ? p->y.label : "y", 1);
    if (intervals) put_head(f, "from", 1), put_head(f, "to", 1);
    fputs("</tr></thead>\n<tbody>\n", f);
    for (int k = 0; k < p->n_series; k++) {
        const wkv_series *s = &p->series[k];
        for (int i = 0; s->mark != WKV_FIT && i < s->n; i++) {
            fputs("<tr><th scope=\"row\">", f);
            if (s->name) markup_put(f, s->name, SIZE_MAX);
            fputs("</th>", f);
            if (labels) {
                fputs("<td>", f);
                if (s->labels && s->labels[i]) markup_put(f, s->labels[i], SIZE_MAX);
                fputs("</td>", f);
            }
            put_value(f, &p->x, s->x[i]);
            put_value(f, &p->y, s->y[i]);
            if (intervals) {
                const int has = s->low && s->high;
                put_value(f, &p->y, has ? s->low[i] : 1 / 0.0);
                put_value(f, &p->y, has ? s->high[i] : 1 / 0.0);
            }
            fputs("</tr>\n", f);
        }
    }
    end(f);
}

void bars_table(FILE *f, const wkv_bars *b)
{
    if (b->n_groups > MOST_ROWS) return;
    begin(f);
    put_head(f, "", 0);
    for (int k = 0; k < b->n_series; k++) {
        put_head(f, b->series ? b->series[k] : b->x.label, 1);
        if (b->low && b->high) put_head(f, "from", 1), put_head(f, "to", 1);
    }
    fputs("</tr></thead>\n<tbody>\n", f);
    for (int i = 0; i < b->n_groups; i++) {
        fputs("<tr><th scope=\"row\">", f);
        if (b->labels[i]) markup_put(f, b->labels[i], SIZE_MAX);
        fputs("</th>", f);
        for (int k = 0; k < b->n_series; k++) {
            const size_t at = (size_t)i * (size_t)b->n_series + (size_t)k;
            put_value(f, &b->x, b->values[at]);
            if (b->low && b->high) put_value(f, &b->x, b->low[at]), put_value(f, &b->x, b->high[at]);
        }
        fputs("</tr>\n", f);
    }
    end(f);
}
