/* ref.h - the reference device: the definition of each operation of device.h, in plain loops on one thread. Other
 * devices are tested against it, and may use its functions where faster code does not pay. */
#ifndef WKV_CPU_REF_H
#define WKV_CPU_REF_H

#include "base/scratch.h"
#include "ops/device.h"

int ref_open(device **out, int threads, const char *isa); /* always one thread and plain C */

#define ENTRY(entry, args) void ref_##entry(device *d, const args *a);
DEVICE_ENTRIES(ENTRY)
#undef ENTRY

#endif
