/* axis.h - values to places: the range of an axis, its ticks and their texts. */
#ifndef WKV_STUDY_AXIS_H
#define WKV_STUDY_AXIS_H

#include "wkv_report.h"

enum { AXIS_TICKS = 64 };

typedef struct {
    double low, high; /* of the values                                   */
    int log;
    double from, to; /* their places in the picture                     */
    double ticks[AXIS_TICKS];
    int n;
} axis;

/* 1: the value has a place on the axis: it is finite, at most 1e100 and positive where the axis is logarithmic. */
int axis_has(const wkv_axis *of, double value);

/* Begin with no values, add them, and choose limits with about `ticks` ticks. snap: not 0: limits are ticks. */
void axis_begin(axis *a, const wkv_axis *of);
void axis_add(axis *a, const wkv_axis *of, double value);
void axis_end(axis *a, const wkv_axis *of, int ticks, int snap);

double axis_at(const axis *a, double value); /* its place, at most 1e6 outside of [from, to] */

/* "1,000", "2.5M". Returns out. */
const char *axis_text(char out[32], double tick);

#endif
