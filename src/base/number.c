/* number.c - printf and strtod in the C locale. */
#include "base/number.h"
#include "base/platform/system.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int number_print(char *out, size_t capacity, const char *fmt, ...)
{
    va_list list;
    void *before = locale_begin();
    va_start(list, fmt);
    int n = vsnprintf(out, capacity, fmt, list);
    va_end(list);
    locale_end(before);
    return n;
}

double number_read(const char *text, char **end)
{
    void *before = locale_begin();
    double x = strtod(text, end);
    locale_end(before);
    return x;
}

float number_read_float(const char *text, char **end)
{
    void *before = locale_begin();
    float x = strtof(text, end);
    locale_end(before);
    return x;
}

void number_shortest(char out[32], float x)
{
    for (int digits = 6; digits <= 9; digits++) {
        number_print(out, 32, "%.*g", digits, (double)x);
        if (number_read_float(out, NULL) == x) return;
    }
}

const char *number_grouped(char out[32], double x)
{
    char digits[24];
    const int commas = fabs(x) >= 1000 && fabs(x) < 1e15;
    int at = 0, n = number_print(digits, sizeof digits, commas ? "%.0f" : "%.6g", x);
    for (int i = 0; i < n; i++) {
        if (i && commas && (n - i) % 3 == 0 && digits[i - 1] != '-') out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

double number_tick(double range, int n)
{
    const double power = pow(10, floor(log10(range / n))), x = range / n / power;
    return power * (x < 1.5 ? 1 : x < 3.5 ? 2 : x < 7.5 ? 5 : 10);
}
