/* lens.h - the views of `wkv lens`. */
#ifndef WKV_CLI_LENS_H
#define WKV_CLI_LENS_H

#include "outputs.h"
#include "passage.h"
#include "say.h"
#include "wkv_curve.h"
#include "wkv_lens.h"

/* Bytes of a label; tokens of a map; tokens between two looks at Ctrl-C. */
enum { LABEL = 64, SHOWN = 40, CHUNK = 512 };

typedef struct {
    engine e;
    passage text;
    wkv_report *r;
    int L, C, H;
    int n;                /* tokens of the views that read the text many times  */
    int layer;            /* of the maps of heads; -1: none                        */
    const char *line;     /* the injected line of the view steer                   */
    char (*label)[LABEL]; /* of each token of the text                             */
    const char **labels;
    char (*name)[24]; /* of each layer: "layer 3" */
    const char **names;
    float *share; /* effective attention, [L][n][n]; lens_shares computes it */
    progress bar;
} lens;

/* Each adds its charts and tables. 0, 1 after an error message, or 130 after Ctrl-C. */
int lens_logits(lens *v);
int lens_attention(lens *v);
int lens_shift(lens *v);
int lens_knock(lens *v);
int lens_spectrum(lens *v);
int lens_health(lens *v);
int lens_sparsity(lens *v);
int lens_calibration(lens *v);
int lens_steer(lens *v);

/* Move the progress bar. Returns 130 after Ctrl-C. */
int lens_progress(lens *v, int done, int total);
/* A state at the start of a text; NULL after an error message. */
wkv_state *lens_state(const lens *v);
/* Read tokens into a state. 0, 1 after an error message, or 130 after Ctrl-C; so do the next two. */
int lens_read(lens *v, wkv_state *s, const int32_t *ids, int n);
/* Set v->share, once. heads: NULL, or [L][H][n][n]. */
int lens_shares(lens *v, float *heads);

/* A line for each layer, shaded from the first to the last: y has L rows of n. */
int lens_layer_lines(lens *v, const wkv_plot *plot, const double *x, const double *y, int n);

#endif
