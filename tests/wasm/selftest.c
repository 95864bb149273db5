/* selftest.c - wkv_selftest in node: the multiply-adds of this build are exact, so that its bits must be those of every
 * processor with fused multiply-adds. */
#include "wkv.h"
#include <stdio.h>

static int checks, failures;

static void report(void *user, const char *line, int passed)
{
    (void)user;
    checks++;
    failures += !passed;
    printf("%s  %s\n", passed ? "ok  " : "FAIL", line);
}

int main(void)
{
    if (wkv_selftest(report, NULL) && !failures) {
        printf("%s\n", wkv_error());
        return 1;
    }
    printf("%d passed, %d failed\n", checks - failures, failures);
    return failures != 0;
}
