/* on_opencl.h - the OpenCL device of a test: number $WKV_OPENCL, or the first. */
#ifndef WKV_TESTS_ON_OPENCL_H
#define WKV_TESTS_ON_OPENCL_H

#include "ops/device.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>

static char opencl[64];      /* its name             */
static size_t opencl_memory; /* bytes that it offers */

/* Name the device and open it once; 0: it is not here, and the reason is printed. */
static inline int opencl_is_here(void)
{
    const char *which = getenv("WKV_OPENCL");
    device *d;
    snprintf(opencl, sizeof opencl, "opencl:%s", which ? which : "0");
    if (device_open(&d, opencl, 0, NULL)) {
        printf("skip opencl: %s\n", wkv_error());
        return 0;
    }
    opencl_memory = d->left(d);
    device_close(d);
    return 1;
}

#endif
