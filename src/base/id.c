/* id.c - identifiers of random bits. */
#include "base/id.h"
#include "base/error.h"
#include "base/platform/system.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

int id_new(char out[ID_TEXT], const char *prefix)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567"; /* RFC 4648, in small letters */
    unsigned char bits[26];
    if (system_random(bits, sizeof bits)) return fail(WKV_EIO, "no random bits for an id: %s", strerror(errno));
    int n = snprintf(out, ID_TEXT, "%.4s_", prefix);
    for (size_t i = 0; i < sizeof bits; i++) out[n++] = digits[bits[i] & 31];
    out[n] = 0;
    return 0;
}
