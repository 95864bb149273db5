/* wkv_report.h - pages of measurements: text, tables and charts in one HTML file without outside requests, the charts
 * as SVG files, and the numbers as JSON.
 *
 *     wkv_report *r;
 *     const double x[] = {1, 10, 100}, y[] = {3.1, 2.4, 1.9};
 *     wkv_report_new(&r, "Loss by position", "The loss falls with the length of the text before a token.");
 *     wkv_report_plot(r, &(wkv_plot){.figure = {.name = "loss", .title = "Loss by position"},
 *                                    .x = {.label = "tokens before", .log = 1}, .y = {.label = "loss (nats)"},
 *                                    .series = &(wkv_series){.name = "held-out text", .n = 3, .x = x, .y = y},
 *                                    .n_series = 1});
 *     if (wkv_report_html(r, "loss.html")) fputs(wkv_error(), stderr);
 *     wkv_report_free(r);
 *
 * A call draws its text, table or chart at once and borrows its arguments until it returns. The page shows them in the
 * order of the calls. Text is UTF-8 and is escaped; invalid bytes and control characters become U+FFFD. NaN, infinite
 * values, values beyond 1e100 and, on a logarithmic axis, values of 0 or less leave a gap.
 *
 * The figures follow the reader's light or dark theme, print in the light one, and have a layout for narrow screens.
 * Texts in a chart never overlap: a label without space is moved, shortened or omitted; the exact value appears when
 * the pointer is over it, and in the table of values below a plot.
 *
 * Conventions are those of wkv.h. After WKV_ENOMEM in a call the report is incomplete, and writing it fails too, so
 * that a caller may check the last call only. */
#ifndef WKV_REPORT_H
#define WKV_REPORT_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wkv_report wkv_report;

/* Begin a page; summary: its first paragraph, or NULL. WKV_ENOMEM. */
WKV_API int wkv_report_new(wkv_report **out, const char *title, const char *summary);
WKV_API void wkv_report_free(wkv_report *r);

/* ---- text -------------------------------------------------------------------------------------------------------- */

WKV_API int wkv_report_section(wkv_report *r, const char *heading);
WKV_API int wkv_report_text(wkv_report *r, const char *paragraph);
WKV_API int wkv_report_formula(wkv_report *r, const char *formula); /* set apart, in a monospaced font */
WKV_API int wkv_report_command(wkv_report *r, const char *command); /* the command of the page, shown at its end */

/* A number of the result: a line of the list at the top of the page, and an object of "facts" in the JSON. */
typedef struct {
    const char *name; /* "time per token"                                  */
    const char *unit; /* "ms", or NULL                                     */
    double value;     /* NaN: unknown                                      */
    double low, high; /* its 95 % interval; both 0 or NaN: none            */
    const char *note; /* "from position 1,000 to 1,000,000", or NULL       */
} wkv_fact;
WKV_API int wkv_report_fact(wkv_report *r, const wkv_fact *fact);

/* A column is aligned on the right if all its cells begin with a digit. */
typedef struct {
    const char *name, *caption; /* name: in the JSON */
    const char *const *columns; /* n_columns         */
    int n_columns;
    const char *const *cells; /* n_rows x n_columns; NULL: empty; the first of a row is its heading */
    int n_rows;
} wkv_table;
WKV_API int wkv_report_table(wkv_report *r, const wkv_table *table);

/* ---- charts ------------------------------------------------------------------------------------------------------ */

typedef struct {
    const char *name;            /* of the SVG file, the anchor and in the JSON: letters, digits and '-'   */
    const char *title, *caption; /* caption: a sentence below the title, or NULL                */
    int half;                    /* not 0: half the width of the page; neighbours share a row    */
} wkv_figure;

typedef struct {
    const char *label; /* with the unit: "time per token (ms)"                      */
    int log;           /* not 0: logarithmic                                        */
    int from_zero;     /* not 0: a linear axis includes 0                           */
    int whole;         /* not 0: ticks of a linear axis at integers only, as of layers */
    double low, high;  /* fixed limits; equal: from the values                      */
} wkv_axis;

typedef enum {
    WKV_LINE,   /* told apart by colour and dashes          */
    WKV_POINTS, /* and by shapes                            */
    WKV_FIT,    /* a thin dashed line, as fitted to points  */
    WKV_THIN    /* one of many thin lines                   */
} wkv_mark;

typedef struct {
    const char *name; /* at the end of the line, else in a legend; NULL: unnamed                          */
    wkv_mark mark;
    int n;
    const double *x, *y;
    const double *low, *high;  /* NULL, or n each: the interval of y, drawn as a band, or as bars of points */
    const char *const *labels; /* NULL, or n: texts beside points                                          */
    int like;     /* k > 0: has the colour of series k - 1                                                 */
    double shade; /* WKV_THIN: 0 to 1, a colour of the sequential scale (wkv_plot.shades)                   */
} wkv_series;

/* A reference line across the plot: "trained length". */
typedef struct {
    const char *label;
    double at;
    int horizontal; /* not 0: at y; else at x */
} wkv_rule;

/* The ends of a colour scale: label "layer", low "0", high "11". */
typedef struct {
    const char *label, *low, *high;
} wkv_shades;

/* Lines and points over two numeric axes. */
typedef struct {
    wkv_figure figure;
    wkv_axis x, y;
    const wkv_series *series;
    int n_series;
    const wkv_rule *rules;
    int n_rules;
    wkv_shades shades; /* of thin lines; label NULL: none */
} wkv_plot;
WKV_API int wkv_report_plot(wkv_report *r, const wkv_plot *plot);

/* Horizontal bars in groups, one bar of a group for each series. */
typedef struct {
    wkv_figure figure;
    wkv_axis x;                /* from_zero is implied, except on a logarithmic axis                 */
    const char *const *labels; /* n_groups */
    int n_groups;
    const char *const *series; /* n_series names; NULL with one series                */
    int n_series;
    const double *values;     /* n_groups x n_series                                  */
    const double *low, *high; /* NULL, or the same shape: intervals                   */
} wkv_bars;
WKV_API int wkv_report_bars(wkv_report *r, const wkv_bars *bars);

/* A heat map. Spaces at the ends of a label, line ends and tabs are shown by signs, so that tokens can be labels. */
typedef struct {
    wkv_figure figure;
    const char *x_label, *y_label, *value_label;          /* "token", "layer", "loss (nats)" */
    const char *const *row_labels, *const *column_labels; /* NULL: none                    */
    int rows, columns;
    const double *values; /* rows x columns                                                */
    /* NULL, or rows x columns: texts in the cells, shortened to their width; whole beside the value at the pointer */
    const char *const *cell_labels;
    int diverging;        /* not 0: two colours on both sides of `middle`                  */
    double middle;
    double low, high; /* the ends of the colour scale; equal: from the values              */
} wkv_map;
WKV_API int wkv_report_map(wkv_report *r, const wkv_map *map);

/* ---- output ------------------------------------------------------------------------------------------------------ */

/* Write the page. WKV_EIO, WKV_ENOMEM. */
WKV_API int wkv_report_html(const wkv_report *r, const char *path);

/* Write each chart to a file of its own: with several, NAME of the figure is inserted before the extension, so that
 * "curve.svg" becomes "curve-loss.svg". WKV_EARG: no charts. WKV_EIO, WKV_ENOMEM. */
WKV_API int wkv_report_svg(const wkv_report *r, const char *path);
/* The path of the i-th of these files, allocated; free() it. NULL: past the last. WKV_ENOMEM. */
WKV_API int wkv_report_svg_path(char **out, const wkv_report *r, const char *path, int i);

/* The numbers as JSON, which the caller frees; NaN, infinite values and absent limits are null. WKV_ENOMEM.
 *
 *     {"title", "summary", "command",
 *      "facts": [{"name", "unit", "value", "low", "high", "note"}],
 *      "tables": [{"name", "caption", "columns": [...], "rows": [[...]]}],
 *      "charts": [{"kind": "plot", "name", "title", "caption", "x": {"label", "log"}, "y": {"label", "log"},
 *                  "series": [{"name", "mark": "line" | "points" | "fit" | "thin", "x": [...], "y": [...],
 *                              "low": [...], "high": [...], "labels": [...]}],
 *                  "rules": [{"label", "at", "axis": "x" | "y"}]},
 *                 {"kind": "bars", "name", "title", "caption", "x", "groups": [...], "series": [...],
 *                  "values": [[...]], "low": [[...]], "high": [[...]]},
 *                 {"kind": "map", "name", "title", "caption", "x_label", "y_label", "value_label",
 *                  "row_labels": [...], "column_labels": [...], "values": [[...]],
 *                  "cell_labels": [...], row after row}]} */
WKV_API int wkv_report_json(char **out, const wkv_report *r);

#ifdef __cplusplus
}
#endif
#endif
