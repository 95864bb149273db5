/* devices.c - a list of the devices of this machine. */
#include "base/error.h"
#include "ops/device.h"
#include "rwkv/api.h"
#include <stdio.h>

static int built_in(void)
{
    int n = 0;
    while (device_name(n)) n++;
    return n;
}

int wkv_device_describe(int i, char name[32], char *line, size_t bytes)
{
    REQUIRE(name, "the name");
    REQUIRE(line, "the line");
    if (i < 0 || !bytes) return fail(WKV_EARG, "device %d, a line of %zu bytes", i, bytes);
    const int which = i - built_in();
    if (which >= 0) {
        snprintf(name, 32, "opencl:%d", which);
        return device_describe(which, line, bytes);
    }
    snprintf(name, 32, "%s", device_name(i));
    int n = snprintf(line, bytes, "%s", device_isa(i, 0));
    for (int isa = 1; device_isa(i, isa) && n >= 0 && (size_t)n < bytes; isa++)
        n += snprintf(line + n, bytes - (size_t)n, ", %s", device_isa(i, isa));
    return 1;
}
