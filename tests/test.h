/* test.h - a test is a function; main lists them; a failed EXPECT prints both values and the run continues.
 *
 *     static void adds(void) { EXPECT_EQ(1 + 1, 2); }
 *     int main(void) { RUN(adds); return DONE(); }
 *
 * SKIP("why") leaves a test that cannot run here, SKIP_EMULATED() one of minutes in an emulator. DONE prints
 * "N passed, N failed, N skipped". */
#ifndef WKV_TEST_H
#define WKV_TEST_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int test_passed, test_failed, test_skipped, test_bad, test_skip;

#define RUN(fn)                                                                                                        \
    do {                                                                                                               \
        test_bad = test_skip = 0;                                                                                      \
        fn();                                                                                                          \
        if (test_bad) { test_failed++; printf("FAIL %s\n", #fn); }                                                     \
        else if (test_skip) test_skipped++;                                                                            \
        else { test_passed++; printf("ok   %s\n", #fn); }                                                              \
        fflush(stdout);                                                                                                \
    } while (0)
#define DONE() (printf("%d passed, %d failed, %d skipped\n", test_passed, test_failed, test_skipped), test_failed != 0)
#define SKIP(...) do { test_skip = 1; printf("skip "); printf(__VA_ARGS__); printf("\n"); return; } while (0)
#define SKIP_EMULATED()                                                                                                \
    do { if (emulated()) SKIP("%s: minutes in an emulator; WKV_LONG=1 runs it", __func__); } while (0)

/* Whether a test of minutes leaves something out: in an emulator, unless WKV_LONG is set. */
static inline int emulated(void)
{
    return getenv("WKV_EMULATOR") && !getenv("WKV_LONG");
}

#undef FAILED /* windows.h, where it is included before, has another */
#define FAILED(...)                                                                                                    \
    do {                                                                                                               \
        test_bad++;                                                                                                    \
        printf("%s:%d: ", __FILE__, __LINE__);                                                                         \
        printf(__VA_ARGS__);                                                                                           \
        printf("\n");                                                                                                  \
    } while (0)
#define EXPECT(x) do { if (!(x)) FAILED("%s", #x); } while (0)
#define EXPECT_EQ(a, b)                                                                                                \
    do {                                                                                                               \
        long long a_ = (long long)(a), b_ = (long long)(b);                                                            \
        if (a_ != b_) FAILED("%s is %lld, expected %lld", #a, a_, b_);                                                 \
    } while (0)
#define EXPECT_NEAR(a, b, tolerance)                                                                                   \
    do {                                                                                                               \
        double a_ = (a), b_ = (b);                                                                                     \
        if (!(fabs(a_ - b_) <= (tolerance)))                                                                           \
            FAILED("%s is %.9g, expected %.9g within %g", #a, a_, b_, (double)(tolerance));                            \
    } while (0)
#define EXPECT_STR(a, b)                                                                                               \
    do {                                                                                                               \
        const char *a_ = (a), *b_ = (b);                                                                               \
        if (!a_ || strcmp(a_, b_)) FAILED("%s is \"%s\", expected \"%s\"", #a, a_ ? a_ : "(null)", b_);                \
    } while (0)
/* the error message contains these words */
#define EXPECT_HAS(text, words)                                                                                        \
    do {                                                                                                               \
        const char *t_ = (text);                                                                                       \
        if (!t_ || !strstr(t_, words)) FAILED("\"%s\" does not say \"%s\"", t_ ? t_ : "(null)", words);                \
    } while (0)

#endif
