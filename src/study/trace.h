/* trace.h - the statistics of causal tracing. */
#ifndef WKV_STUDY_TRACE_H
#define WKV_STUDY_TRACE_H

#include "wkv_trace.h"

/* The samples of noise; o NULL: the default. */
static inline int trace_samples(const wkv_trace_options *o) { return o && o->samples ? o->samples : 10; }

/* Mean and standard error of runs[i] - from[i] over n samples; from NULL: of the runs themselves. */
wkv_trace_effect trace_effect(const wkv_trace_score *runs, const wkv_trace_score *from, int n);

#endif
