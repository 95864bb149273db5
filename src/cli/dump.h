/* dump.h - the arrays of `wkv dump`, shared by the command and its reports. */
#ifndef WKV_CLI_DUMP_H
#define WKV_CLI_DUMP_H

#include "wkv_probe.h"

/* The values at a site of a layer. */
typedef struct {
    wkv_site_info about;
    char name[48];
    int from, to; /* tokens            */
    size_t row;   /* values of a token */
    float *values;
} dumped;

typedef struct {
    dumped *v;
    int n, layers;
    int *index; /* of each layer (the model's first) and site: into v, set for those in v */
    int base;   /* tokens before the running evaluation                                   */
} dump;

/* Rows of a stored array, and its axes: tokens first, unless one row is for all. */
static inline size_t dump_rows(const dumped *v) { return v->about.one_row ? 1 : (size_t)(v->to - v->from); }
int dump_shape(const dumped *v, int64_t shape[4]);

/* Print the shape, minimum, maximum, mean and norm of each array as JSON; file: NULL or where they are. Returns the
 * exit status. */
int dump_json(const dump *d, const char *file, int tokens);
/* Print a line for each of the named sites, with its layers. Returns the exit status. */
int dump_list(const wkv_model *m, const char *names);

#endif
