/* devices.c - the list of devices, and opening one by its name. */
#include <stdio.h>
#include <string.h>
#include "cpu/cpu.h"
#include "cpu/ref.h"

static const char *plain(int i) { return i ? NULL : "plain C"; }

static const struct {
    const char *name;
    int (*open)(device **out, int threads, const char *isa);
    const char *(*isa)(int i);
} devices[] = {{"cpu", cpu_open, cpu_isa}, {"reference", ref_open, plain}};
enum { DEVICES = sizeof devices / sizeof *devices };

int device_open(device **out, const char *name, int threads, const char *isa)
{
    char there[64] = "";
    *out = NULL;
    if (threads < 0 || threads > 1024) return fail(WKV_EARG, "%d threads; 1 to 1024, or 0 for one per core", threads);
    for (int i = 0; i < DEVICES; i++) {
        if (!name || !strcmp(name, devices[i].name)) return devices[i].open(out, threads, isa);
        size_t n = strlen(there);
        snprintf(there + n, sizeof there - n, "%s%s", !i ? "" : i + 1 < DEVICES ? ", " : " and ", devices[i].name);
    }
    return fail(WKV_EARG, "no device called \"%s\"; there are %s", name, there);
}

void device_close(device *d)
{
    if (d) d->close(d);
}

const char *device_name(int i) { return i >= 0 && i < DEVICES ? devices[i].name : NULL; }
const char *device_isa(int i, int isa) { return i >= 0 && i < DEVICES ? devices[i].isa(isa) : NULL; }
