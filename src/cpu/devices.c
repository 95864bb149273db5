/* devices.c - the list of devices, and opening one by its name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cpu/cpu.h"
#include "cpu/ref.h"
#include "ops/plugin.h"

static const char *plain(int i) { return i ? NULL : "plain C"; }

static const struct {
    const char *name;
    int (*open)(device **out, int threads, const char *isa);
    const char *(*isa)(int i);
} devices[] = {{"cpu", cpu_open, cpu_isa}, {"reference", ref_open, plain}};
enum { DEVICES = sizeof devices / sizeof *devices };

/* The number in "opencl:N" and "gpu:N", 0 without one; -1: another name. */
static int which_opencl(const char *name)
{
    char *end;
    if (!strcmp(name, "opencl") || !strcmp(name, "gpu")) return 0;
    const char *number = !strncmp(name, "opencl:", 7) ? name + 7 : !strncmp(name, "gpu:", 4) ? name + 4 : "";
    const long n = strtol(number, &end, 10);
    return *number >= '0' && *number <= '9' && !*end && n < 1000 ? (int)n : -1;
}

static int open_opencl(device **out, int which)
{
    const plugin *p;
    const int err = plugin_load(&p, "opencl");
    return err ? err : p->open(out, which, fail);
}

int device_describe(int which, char *line, size_t bytes)
{
    const plugin *p;
    const int err = plugin_load(&p, "opencl");
    return err ? err : p->describe(which, line, bytes);
}

const char *device_default(void)
{
    const char *given = getenv("WKV_DEVICE");
    return given && *given ? given : devices[0].name;
}

int device_open(device **out, const char *name, int threads, const char *isa)
{
    char there[64] = "";
    *out = NULL;
    if (!name) name = device_default();
    if (threads < 0 || threads > 1024) return fail(WKV_EARG, "%d threads; 1 to 1024, or 0 for one per core", threads);
    for (int i = 0; i < DEVICES; i++) {
        if (!strcmp(name, devices[i].name)) return devices[i].open(out, threads, isa);
        size_t n = strlen(there);
        snprintf(there + n, sizeof there - n, "%s%s", !i ? "" : i + 1 < DEVICES ? ", " : " and ", devices[i].name);
    }
    if (which_opencl(name) >= 0) return open_opencl(out, which_opencl(name));
    return fail(WKV_EARG, "no device called \"%s\"; there are %s, and opencl or opencl:N where its plug-in is", name,
                there);
}

void device_close(device *d)
{
    if (d) d->close(d);
}

const char *device_name(int i) { return i >= 0 && i < DEVICES ? devices[i].name : NULL; }
const char *device_isa(int i, int isa) { return i >= 0 && i < DEVICES ? devices[i].isa(isa) : NULL; }
