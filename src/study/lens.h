/* lens.h - the common part of the measures of wkv_lens.h and wkv_trace.h: rows of sites, and the wkv state inside
 * a state. */
#ifndef WKV_STUDY_LENS_H
#define WKV_STUDY_LENS_H

#include "rwkv/api.h"
#include "wkv_lens.h"
#include "wkv_probe.h"

/* The wkv state of a layer, as the site `state` gives it, and its number of values. */
float *lens_wkv(const rwkv *m, wkv_state *s, int layer);
int lens_wkv_values(const rwkv *m);
/* That of the start of a text without a tuned initial state. */
void lens_empty(const rwkv *m, float *wkv);

/* A probe that copies rows of C: rows[layer][token], `layer` from 0, n tokens each. */
typedef struct {
    float *rows;
    int n;
} lens_rows;
void lens_copy_rows(void *user, const wkv_probed *p);

/* A probe that sets all values to 0. */
void lens_zero(void *user, const wkv_probed *p);
/* A probe of the site `state` that empties it; user: the rwkv. */
void lens_forget(void *user, const wkv_probed *p);

/* WKV_EFORMAT: the logits after token `at` are NaN or infinite. */
int lens_fail_logits(const wkv_context *c, int at);

#endif
