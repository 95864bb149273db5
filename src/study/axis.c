/* axis.c - the range of an axis and its ticks. */
#include "study/axis.h"
#include "base/number.h"
#include <math.h>
#include <string.h>

#define LARGEST 1e100 /* differences and products of such values are finite */

int axis_has(const wkv_axis *of, double value) { return fabs(value) <= LARGEST && (!of->log || value > 1 / LARGEST); }

void axis_begin(axis *a, const wkv_axis *of)
{
    *a = (axis){.low = INFINITY, .high = -INFINITY, .log = of->log, .whole = of->whole};
}

void axis_add(axis *a, const wkv_axis *of, double value)
{
    if (!axis_has(of, value)) return;
    a->low = fmin(a->low, value);
    a->high = fmax(a->high, value);
}

static double place(const axis *a, double value) { return a->log ? log10(value) : value; }

double axis_at(const axis *a, double value)
{
    const double low = place(a, a->low), share = (place(a, value) - low) / (place(a, a->high) - low);
    return a->from + fmin(fmax(share, -1e3), 1e3) * (a->to - a->from);
}

/* One value, or none, is in the middle. */
static void widen(axis *a)
{
    if (!(a->low <= a->high)) a->low = a->log ? 1 : 0, a->high = a->log ? 10 : 1;
    if (a->high - a->low > 1e-9 * fabs(a->high)) return;
    const double margin = a->low ? 0.1 * fabs(a->low) : 1;
    if (a->log)
        a->low /= 2, a->high *= 2;
    else
        a->low -= margin, a->high += margin;
}

static void add_tick(axis *a, double value)
{
    const double slack = 1e-9 * (a->high - a->low);
    if (a->n < AXIS_TICKS && value >= a->low - slack && value <= a->high + slack) a->ticks[a->n++] = value;
}

static void linear_ticks(axis *a, int n)
{
    const double step = fmax(number_tick(a->high - a->low, n), a->whole), first = ceil(a->low / step - 1e-9);
    for (int i = 0; i < AXIS_TICKS && (first + i) * step <= a->high + 1e-9 * step; i++) {
        const double tick = (first + i) * step;
        add_tick(a, fabs(tick) < 1e-9 * step ? 0 : tick);
    }
}

/* 1, 10, 100, or 1, 2, 5, 10 where the range is short, or every third power where it is long. */
static void log_ticks(axis *a, int n)
{
    const double first = floor(log10(a->low)), last = ceil(log10(a->high)), span = log10(a->high / a->low);
    for (int each = (int)fmax(1, ceil((last - first) / n)); each && a->n < 2; each--) {
        a->n = 0;
        for (double e = first; e <= last && a->n < AXIS_TICKS; e += each)
            for (int k = 0; k < (span < 2.2 ? 3 : 1); k++) add_tick(a, pow(10, e) * (k == 0 ? 1 : k == 1 ? 2 : 5));
    }
    if (a->n < 2) a->n = 0, linear_ticks(a, n);
}

static double snapped(const axis *a, double value, int n, double (*round)(double))
{
    if (!a->log) {
        const double step = number_tick(a->high - a->low, n);
        return round(value / step + (round == floor ? 1e-9 : -1e-9)) * step;
    }
    const double unit = pow(10, floor(log10(value) + 1e-12)), m = value / unit; /* 1 to 10 */
    if (round == floor) return unit * (m >= 4.999999 ? 5 : m >= 1.999999 ? 2 : 1);
    return unit * (m <= 1.000001 ? 1 : m <= 2.000001 ? 2 : m <= 5.000001 ? 5 : 10);
}

void axis_end(axis *a, const wkv_axis *of, int ticks, int snap)
{
    const int fixed = of->low < of->high && axis_has(of, of->low) && axis_has(of, of->high);
    if (of->from_zero && !of->log) axis_add(a, of, 0);
    widen(a);
    if (fixed)
        a->low = of->low, a->high = of->high;
    else if (snap) {
        const axis before = *a;
        a->low = snapped(&before, a->low, ticks, floor);
        a->high = snapped(&before, a->high, ticks, ceil);
    }
    if (a->log)
        log_ticks(a, ticks);
    else
        linear_ticks(a, ticks);
}

const char *axis_text(char out[32], double tick)
{
    static const char *const units[] = {"M", "G", "T"};
    int unit = -1;
    double x = tick;
    for (double limit = 1e6; unit < 2 && fabs(tick) >= 0.999999 * limit; limit *= 1e3) unit++;
    if (unit >= 0 && fabs(tick) < 1e15) x = tick / pow(1e3, unit + 2);
    number_grouped(out, x);
    if (x != tick) strcat(out, units[unit]);
    return out;
}
