/* outputs.h - the results of a measure: lines and tables on standard output, and the same with charts as a page, as SVG
 * files and as JSON. */
#ifndef WKV_CLI_OUTPUTS_H
#define WKV_CLI_OUTPUTS_H

#include "option.h"
#include "wkv_report.h"

extern const group outputs_group; /* --html, --svg, --json */

/* Keep the command line, before options_parse changes the order of its arguments, for the end of a page. */
void outputs_command(int argc, char **argv);

void outputs_paths(const char *out[2]); /* of --html and --svg; NULL: not given */

/* Each returns 0, or 1 after an error message. Refuse output files that are files of the model (NULL: none) or input
 * files: now those of the options, with the report those of the charts. `inputs`, at most OUTPUTS_INPUTS, ends with
 * NULL; they and the model are kept until then. */
enum { OUTPUTS_INPUTS = 4 };
int outputs_check(const wkv_model *m, const char *const *inputs);
/* Before a long measurement: refuse outputs (n, NULL: not given) that are one file, or cannot be written. */
int outputs_possible(const char *const *paths, int n);
/* Refuse an output that is `input`, a file or a text file of that folder; either may be NULL. */
int outputs_refuse(const char *path, const char *input, const char *role);
int outputs_begin(wkv_report **r, const char *title, const char *summary);
/* Write the files and the JSON, and free the report. */
int outputs_end(wkv_report *r);
/* The same for results that the command prints itself: outputs_new prints nothing. */
int outputs_new(wkv_report **r, const char *title, const char *summary);
int outputs_files(const wkv_report *r); /* write the page and the SVG files only */
int outputs_wants_files(void);          /* whether --html or --svg was given      */
int outputs_json(void);                 /* whether --json was given               */

/* Parts of a report that are printed too, unless --json. */
void outputs_section(wkv_report *r, const char *heading, const char *text);
void outputs_sentence(wkv_report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void outputs_fact(wkv_report *r, const char *name, const char *unit, double value, double low, double high,
                  const char *note);

/* The cells of a table, row after row, while they are written. */
typedef struct {
    char **cells;
    int n, capacity;
} sheet;
void sheet_put(sheet *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* columns ends with NULL; the sheet is empty afterwards. outputs_sheet prints nothing. */
void outputs_table(wkv_report *r, const char *name, const char *caption, const char *const *columns, sheet *s);
void outputs_sheet(wkv_report *r, const char *name, const char *caption, const char *const *columns, sheet *s);

#endif
