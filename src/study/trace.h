/* trace.h - the statistics of causal tracing. */
#ifndef WKV_STUDY_TRACE_H
#define WKV_STUDY_TRACE_H

#include "wkv_trace.h"

/* Mean and standard error of runs[i] - from[i] over n samples; from NULL: of the runs themselves. */
wkv_trace_effect trace_effect(const wkv_trace_score *runs, const wkv_trace_score *from, int n);

#endif
