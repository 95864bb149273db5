/* report.h - a page while it is built. */
#ifndef WKV_STUDY_REPORT_H
#define WKV_STUDY_REPORT_H

#include "base/stream.h"
#include "study/chart.h"

typedef struct {
    char *name, *svg; /* of a file of its own */
} report_picture;

struct wkv_report {
    char *title, *summary, *command; /* the last two may be NULL */
    stream facts, body;              /* HTML */
    FILE *to_facts, *to_body;
    int in_row; /* the body is inside a row of half figures */
    report_picture *pictures;
    int n, capacity;
    json_t *json;
    int lost; /* memory was exhausted */
};

/* report.c: mark the report as incomplete; returns WKV_ENOMEM. Begin or end a row, which half figures share until
 * something else follows. */
int report_lost(wkv_report *r);
void report_row(wkv_report *r, int half);

/* chart_table.c: the values of a chart as an HTML table, when they are few. */
void plot_table(FILE *f, const wkv_plot *p);
void bars_table(FILE *f, const wkv_bars *b);

/* report_page.c: a whole page. */
void report_put(FILE *f, const wkv_report *r);

/* An object of members; it takes the values, and is NULL when one is: no memory. json_pack would leak the others. */
typedef struct {
    const char *key;
    json_t *value;
} report_member;
json_t *report_join(const report_member *members); /* the last key is NULL */
#define report_object(...) report_join((const report_member[]){__VA_ARGS__, {NULL, NULL}})

/* A string of JSON from any text; NULL gives null. A number; null unless it is finite. */
json_t *report_string(const char *text);
json_t *report_number(double x);
json_t *report_numbers(const double *x, int n); /* NULL gives null */
json_t *report_strings(const char *const *texts, int n);
json_t *report_rows(const double *x, int rows, int columns);

#endif
