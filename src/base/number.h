/* number.h - numbers as text with a decimal point in every locale of the host, because files move between hosts. */
#ifndef WKV_BASE_NUMBER_H
#define WKV_BASE_NUMBER_H

#include <stddef.h>

int number_print(char *out, size_t capacity, const char *fmt, ...) __attribute__((format(printf, 3, 4))); /* snprintf */
double number_read(const char *text, char **end);                                                         /* strtod   */
float number_read_float(const char *text, char **end);                                                    /* strtof   */

/* The fewest digits, at least 6, that read back as the same float. */
void number_shortest(char out[32], float x);

/* 12345.6 as "12,346": six digits, or an integer with thousands separators. Returns out. */
const char *number_grouped(char out[32], double x);

/* The distance of axis ticks: 1, 2 or 5 times a power of ten, about range / n. */
double number_tick(double range, int n);

#endif
