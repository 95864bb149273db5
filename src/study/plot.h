/* plot.h - a plot while it is drawn. */
#ifndef WKV_STUDY_PLOT_H
#define WKV_STUDY_PLOT_H

#include "study/chart.h"

typedef struct {
    canvas *c;
    const wkv_plot *p;
    axis x, y;
    double top, bottom;
    int beside; /* names are at the ends of the lines */
} plot;

/* The point i of a series has a place. */
static inline int plot_has(const plot *t, const wkv_series *s, int i)
{
    const double x = s->x[i], y = s->y[i];
    return axis_has(&t->p->x, x) && axis_has(&t->p->y, y) && x >= t->x.low && x <= t->x.high && y >= t->y.low &&
           y <= t->y.high;
}

int plot_color(const wkv_plot *p, int series); /* 0 to PALETTE_SERIES - 1 */

/* plot_labels.c */
int plot_names_fit(const plot *t);       /* 1: names can be at the ends of the lines, once the x axis has its range */
double plot_names_width(const plot *t);  /* of the space on the right */
double plot_legend(plot *t, double top); /* of the names elsewhere; returns the y below it */
void plot_names(plot *t);                /* at the ends */
void plot_rules(plot *t);
void plot_point_labels(plot *t);
/* A mark of a series, 4 px in radius. */
void plot_marker(FILE *f, int color, double x, double y);

#endif
