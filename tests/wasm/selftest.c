/* selftest.c - wkv_selftest in node: the multiply-adds of this build are exact, so that its bits must be those of every
 * processor with fused multiply-adds. */
#include "wkv.h"
#include <math.h>
#include <stdio.h>
#include "cpu/fma.h"

static int checks, failures;

static void report(void *user, const char *line, int passed)
{
    (void)user;
    checks++;
    failures += !passed;
    printf("%s  %s\n", passed ? "ok  " : "FAIL", line);
}

/* Multiply-adds of four are those of one: of any bits, and with sums that nearly cancel. */
static int same_multiply_adds(void)
{
    uint64_t seed = 1;
    for (int i = 0; i < 1 << 18; i++) {
        four_floats v[3];
        for (int k = 0; k < 12; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            const uint32_t bits = (uint32_t)(seed >> 32);
            float x;
            memcpy(&x, &bits, 4);
            v[k / 4][k % 4] = x;
        }
        if (i % 2) v[2] = -(v[0] * v[1]);
        const four_floats y = fma_four(v[0], v[1], v[2]);
        for (int k = 0; k < 4; k++) {
            const float one = fma_once(v[0][k], v[1][k], v[2][k]), four = y[k];
            if (memcmp(&one, &four, 4) && !(isnan(one) && isnan(four))) return 0;
        }
    }
    return 1;
}

int main(void)
{
    report(NULL, "multiply-adds in vectors", same_multiply_adds());
    if (wkv_selftest(report, NULL) && !failures) {
        printf("%s\n", wkv_error());
        return 1;
    }
    printf("%d passed, %d failed\n", checks - failures, failures);
    return failures != 0;
}
