/* map.c - heat maps. */
#include "base/number.h"
#include "study/chart.h"
#include "study/palette.h"
#include <math.h>
#include <stdlib.h>

enum {
    LEAST_TEXT = 68,
    MOST_TEXT = 100,
    LEAST_LABELLED = 16,
    LEAST_CELL = 4,
    MOST_CELL = 52,
    MOST_HIGH = 26,
    UP = 130
};

typedef struct {
    canvas *c;
    const wkv_map *m;
    double low, high;    /* of the colour scale               */
    double left, top;    /* of the cells                      */
    double across, down; /* the size of a cell                */
    double names;        /* width of the labels of the rows   */
    int up;              /* labels of columns are turned      */
} map;

static double value_at(const map *t, int row, int column)
{
    return t->m->values[(size_t)row * (size_t)t->m->columns + (size_t)column];
}

static void choose_range(map *t)
{
    const wkv_axis of = {0};
    axis a;
    axis_begin(&a, &of);
    for (int i = 0; i < t->m->rows; i++)
        for (int k = 0; k < t->m->columns; k++) axis_add(&a, &of, value_at(t, i, k));
    if (t->m->low < t->m->high)
        a.low = t->m->low, a.high = t->m->high;
    else if (t->m->diverging && a.low <= a.high) {
        const double reach = fmax(fabs(a.high - t->m->middle), fabs(a.low - t->m->middle));
        a.low = t->m->middle - reach, a.high = t->m->middle + reach;
    }
    if (!(a.low <= a.high)) a.low = 0, a.high = 1;
    t->low = a.low, t->high = a.high;
}

/* 0 to 1 on the colour scale. */
static double share(const map *t, double value)
{
    if (!(t->high > t->low)) return 0.5;
    const double middle = t->m->middle;
    if (!t->m->diverging || !(middle > t->low && middle < t->high)) return (value - t->low) / (t->high - t->low);
    return value < middle ? 0.5 * (value - t->low) / (middle - t->low)
                          : 0.5 + 0.5 * (value - middle) / (t->high - middle);
}

static double widest_token(const char *const *labels, int n)
{
    char text[LABEL_BYTES];
    double widest = 0;
    for (int i = 0; labels && i < n; i++)
        if (labels[i]) widest = fmax(widest, label_width(label_token(text, labels[i]), TEXT_SMALL));
    return widest;
}

/* The size of a cell: as the form of the page allows, but columns with labels are as wide as a line of text. */
static void choose_sizes(map *t)
{
    canvas *c = t->c;
    const double margin = c->form == CANVAS_FILE ? 16 : 0, widest = widest_token(t->m->column_labels, t->m->columns);
    const double most = c->form == CANVAS_NARROW ? 110 : 200;
    t->names = fmin(widest_token(t->m->row_labels, t->m->rows), most);
    if (t->m->y_label) t->names = fmax(t->names, fmin(label_width(t->m->y_label, TEXT_SMALL), most));
    t->left = margin + t->names + (t->names > 0 ? 8 : 0);
    const double room = floor((c->width - t->left - margin) / fmax(1, t->m->columns));
    const double least = t->m->cell_labels ? LEAST_TEXT : t->m->column_labels ? LEAST_LABELLED : LEAST_CELL;
    t->across = fmin(fmax(room, least), t->m->cell_labels ? MOST_TEXT : MOST_CELL);
    t->down = fmin(fmax(t->across, t->m->row_labels ? LEAST_LABELLED : LEAST_CELL), MOST_HIGH);
    t->up = widest > t->across - 4;
    const double needed = t->left + t->across * t->m->columns + margin;
    if (needed > c->width) c->width = needed, c->natural = 1;
}

static void draw_column_labels(map *t)
{
    char token[LABEL_BYTES], text[LABEL_BYTES];
    for (int k = 0; t->m->column_labels && k < t->m->columns; k++) {
        if (!t->m->column_labels[k]) continue;
        const double x = t->left + (k + 0.5) * t->across;
        label_token(token, t->m->column_labels[k]);
        if (t->up)
            canvas_text_up(t->c, x + 0.345 * TEXT_SMALL, t->top - 5, TEXT_SMALL, "ink",
                           label_cut(text, token, TEXT_SMALL, UP));
        else
            canvas_text(t->c, x, t->top - 6, TEXT_SMALL, ANCHOR_MIDDLE, "ink", token);
    }
}

static void draw_row_labels(map *t)
{
    char token[LABEL_BYTES], text[LABEL_BYTES];
    for (int i = 0; t->m->row_labels && i < t->m->rows; i++) {
        if (!t->m->row_labels[i]) continue;
        label_cut(text, label_token(token, t->m->row_labels[i]), TEXT_SMALL, t->names);
        canvas_text(t->c, t->left - 8, t->top + (i + 0.5) * t->down + 0.35 * TEXT_SMALL, TEXT_SMALL, ANCHOR_END, "ink",
                    text);
    }
}

static const char *label_of(const char *const *labels, int i, const char *of, char out[LABEL_BYTES])
{
    char token[LABEL_BYTES];
    if (labels && labels[i])
        snprintf(out, LABEL_BYTES, "%.60s%s%.160s", of ? of : "", of ? " " : "", label_token(token, labels[i]));
    else
        snprintf(out, LABEL_BYTES, "%.60s %d", of ? of : "", i);
    return out;
}

static const char *cell_label(const map *t, int row, int column)
{
    return t->m->cell_labels ? t->m->cell_labels[(size_t)row * (size_t)t->m->columns + (size_t)column] : NULL;
}

/* "layer 3, token ␣the: 0.25", and in the cell its label, or the number where all of them fit. */
static void draw_cell(map *t, int row, int column, int numbers)
{
    const double value = value_at(t, row, column), x = t->left + column * t->across, y = t->top + row * t->down;
    const double gap = t->across >= 8 ? 1 : 0, w = t->across - gap, h = t->down - (t->down >= 8 ? 1 : 0);
    char number[32], of_row[LABEL_BYTES], of_column[LABEL_BYTES], token[LABEL_BYTES], text[4 * LABEL_BYTES];
    const char *label = cell_label(t, row, column);
    const int known = fabs(value) <= 1e100, level = palette_level(share(t, value));
    if (known)
        fprintf(t->c->f, "<path class=\"%c%d\" d=\"M%g %gh%gv%gh-%gz\">", t->m->diverging ? 'v' : 'q', level, x, y, w,
                h, w);
    else
        fprintf(t->c->f, "<path class=\"none\" d=\"M%g %gl%g %gm0-%gl-%g %g\">", x + w / 4, y + h / 4, w / 2, h / 2,
                h / 2, w / 2, h / 2);
    snprintf(text, sizeof text, "%s, %s: %s%s%s", label_of(t->m->row_labels, row, t->m->y_label, of_row),
             label_of(t->m->column_labels, column, t->m->x_label, of_column), label ? label_token(token, label) : "",
             label ? ", " : "", known ? number_grouped(number, value) : "no value");
    canvas_title(t->c, text);
    fputs("</path>\n", t->c->f);
    if (!known || !(label || numbers)) return;
    char class[8];
    snprintf(class, sizeof class, "%c%d", t->m->diverging ? 'y' : 'w', level);
    if (label)
        label_cut(text, token, TEXT_SMALL - 1, w - 4);
    else
        number_print(text, sizeof number, "%.3g", value);
    canvas_text(t->c, x + w / 2, y + h / 2 + 0.33 * (TEXT_SMALL - 1), TEXT_SMALL - 1, ANCHOR_MIDDLE, class, text);
}

/* Every number is narrower than its cell. */
static int numbers_fit(const map *t)
{
    char number[32];
    if (t->down < 1.2 * TEXT_SMALL) return 0;
    for (int i = 0; i < t->m->rows; i++)
        for (int k = 0; k < t->m->columns; k++) {
            number_print(number, sizeof number, "%.3g", value_at(t, i, k));
            if (label_width(number, TEXT_SMALL - 1) > t->across - 5) return 0;
        }
    return 1;
}

void map_draw(canvas *c, const wkv_map *m)
{
    map t = {.c = c, .m = m};
    char low[32], high[32], text[LABEL_BYTES];
    choose_range(&t);
    choose_sizes(&t);
    number_print(low, sizeof low, "%.3g", t.low);
    number_print(high, sizeof high, "%.3g", t.high);
    const double margin = c->form == CANVAS_FILE ? 16 : 0;
    const wkv_shades ends = {m->value_label, low, high};
    double top = chart_scale(c, chart_heading(c, &m->figure), &ends, m->diverging ? 'v' : 'q', 0);
    const double labels = widest_token(m->column_labels, m->columns);
    t.top = top + 6 +
            (labels <= 0 ? (m->y_label ? 1.5 * TEXT_SMALL : 2)
             : t.up      ? fmin(labels, UP) + 6
                         : 1.5 * TEXT_SMALL);
    if (m->y_label)
        canvas_text(c, t.left - 8, t.top - 6, TEXT_SMALL, ANCHOR_END, "soft",
                    label_cut(text, m->y_label, TEXT_SMALL, t.names));
    draw_column_labels(&t);
    draw_row_labels(&t);
    const int numbers = !m->cell_labels && numbers_fit(&t);
    for (int i = 0; i < m->rows; i++)
        for (int k = 0; k < m->columns; k++) draw_cell(&t, i, k, numbers);
    double y = t.top + t.down * m->rows;
    if (m->x_label) {
        y += 1.5 * TEXT_SMALL;
        canvas_text(c, t.left, y, TEXT_SMALL, ANCHOR_START, "soft",
                    label_cut(text, m->x_label, TEXT_SMALL, c->width - t.left - margin));
    }
    c->height = y + (c->form == CANVAS_FILE ? 16 : 8);
}
