/* chart.h - the pictures of a report. Each draws itself on a canvas with the form of its page, and the same
 * numbers go to JSON and to a table of values. */
#ifndef WKV_STUDY_CHART_H
#define WKV_STUDY_CHART_H

#include <jansson.h>
#include "study/axis.h"
#include "study/canvas.h"

/* The title and the caption in an SVG file; elsewhere they are beside the picture. Returns the y below it. */
double chart_heading(canvas *c, const wkv_figure *figure);

/* Entries of a legend, in lines; sample: draws a line or a mark, 26 wide, in the middle of a line at (x, y). */
typedef struct {
    const char *text;
    int series;
} legend_entry;
double chart_legend(canvas *c, double top, const legend_entry *entries, int n,
                    void (*sample)(const void *owner, int series, double x, double y), const void *owner);

/* A bar of the sequential (kind 'q') or the diverging scale ('v') from a level on, with texts around. Returns the y
 * below it. */
double chart_scale(canvas *c, double top, const wkv_shades *text, char kind, int first);

/* Ticks, grid lines and the label of a horizontal axis below a plot that ends at `bottom`. Returns the y below it. */
double chart_x_axis(canvas *c, const axis *a, const wkv_axis *of, double top, double bottom);

void plot_draw(canvas *c, const wkv_plot *p);
void bars_draw(canvas *c, const wkv_bars *b);
void map_draw(canvas *c, const wkv_map *m);

/* NULL: no memory. */
json_t *plot_json(const wkv_plot *p);
json_t *bars_json(const wkv_bars *b);
json_t *map_json(const wkv_map *m);

#endif
