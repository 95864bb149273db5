/* error.h - two kinds of failure.
 *
 * Errors from outside (files, memory, requests) return a negative WKV_E... code and set one sentence for the calling
 * thread, read with wkv_error(). Our own bugs stop the program: CHECK prints the expression and aborts, in every
 * build. */
#ifndef WKV_BASE_ERROR_H
#define WKV_BASE_ERROR_H

#include "wkv.h"

/* Set the sentence of this thread and return `code`, so that a failure is one line: return fail(WKV_EFORMAT,
 * ...). The sentence names the file, the tensor or field, the found and the expected value; a control character becomes
 * "?". */
int fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prepend `fmt` and ": " to the sentence (a caller adds the file name). Returns code. */
int fail_prefix(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* In a public function that returns a code: WKV_EARG if the argument x is NULL; `name` is its name in the sentence. */
#define REQUIRE(x, name)                                                                                               \
    do { if (!(x)) return fail(WKV_EARG, "%s: %s is NULL", __func__, name); } while (0)

/* Print the false expression, and abort. */
_Noreturn void check_failed(const char *file, int line, const char *expression, long long a, long long b);

#define CHECK(x) ((x) ? (void)0 : check_failed(__FILE__, __LINE__, #x, 0, 0))
#define CHECK_EQ(a, b)                                                                                                 \
    ((a) == (b) ? (void)0 : check_failed(__FILE__, __LINE__, #a " == " #b, (long long)(a), (long long)(b)))

#endif
