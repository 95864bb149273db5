/* names.c - random names. */
#include "names.h"
#include <string.h>
#include <sys/random.h>

void random_name(char out[32])
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567"; /* RFC 4648, in small letters */
    unsigned char bits[26] = {0};
    if (getrandom(bits, sizeof bits, 0) < 0) memset(bits, 0, sizeof bits);
    for (int i = 0; i < 26; i++) out[i] = digits[bits[i] & 31];
    out[26] = 0;
}

uint64_t random_seed_of(void)
{
    uint32_t seed = 0; /* 32 bits, so that it is short to retype */
    if (getrandom(&seed, sizeof seed, 0) < 0) return 1;
    return seed;
}
