/* ref.h - the reference device's functions, one family a file: what each operation of device.h means, in plain loops on
 * one thread. Every other device is tested against these, and may use them for what is not worth its own code. */
#ifndef WKV_CPU_REF_H
#define WKV_CPU_REF_H

#include "base/scratch.h"
#include "ops/device.h"

int ref_open(device **out, int threads, const char *isa); /* one thread and plain C, whatever is asked for */

#define ENTRY(entry, args) void ref_##entry(device *d, const args *a);
DEVICE_ENTRIES(ENTRY)
#undef ENTRY

#endif
