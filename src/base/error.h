/* error.h - two kinds of wrong.
 *
 * The world's errors (files, memory, requests) return a negative WKV_E... code and leave one sentence on the calling
 * thread, read with wkv_error(). Our own bugs stop the program: CHECK prints the expression and aborts, in every
 * build. */
#ifndef WKV_BASE_ERROR_H
#define WKV_BASE_ERROR_H

#include "wkv.h"

/* Remember the sentence for this thread and return `code`, so that a failure is one line: return fail(WKV_EFORMAT,
 * ...). The sentence names the file, the tensor or field, the found and the expected value; a control character becomes
 * "?". */
int fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put `fmt` and ": " in front of the sentence already there (a caller that knows the file name adds it). Returns
 * code. */
int fail_prefix(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* In a public function that returns a code: its caller must give the pointer x, which is `what`. */
#define REQUIRE(x, what)                                                                                               \
    do { if (!(x)) return fail(WKV_EARG, "%s: %s is NULL", __func__, what); } while (0)

/* Print what did not hold, and abort. */
_Noreturn void check_failed(const char *file, int line, const char *what, long long a, long long b);

#define CHECK(x) ((x) ? (void)0 : check_failed(__FILE__, __LINE__, #x, 0, 0))
#define CHECK_EQ(a, b)                                                                                                 \
    ((a) == (b) ? (void)0 : check_failed(__FILE__, __LINE__, #a " == " #b, (long long)(a), (long long)(b)))

#endif
