/* cpu.h - shared by the files of the CPU device. */
#ifndef WKV_CPU_CPU_H
#define WKV_CPU_CPU_H

#include "base/scratch.h"
#include "base/thread.h"
#include "cpu/int8.h"
#include "cpu/simd.h"
#include "cpu/tiler.h"
#include "ops/device.h"

typedef struct cpu_device cpu_device;
struct cpu_device {
    device device; /* first: entries are given its address  */
    const simd *simd;
    const int8_set *int8;
    pool *pool;           /* NULL: one thread                     */
    thread_memory memory; /* of the thread that drives the device */
    tiler tiler;
    cpu_device *alone; /* the same without the pool, for tiles  */
};

static inline cpu_device *cpu_of(device *d) { return (cpu_device *)d; }

int cpu_open(device **out, int threads, const char *isa);
const char *cpu_isa(int i);

/* This thread's scratch memory, `floats` long, 64-byte aligned; valid until it asks again. */
static inline float *cpu_scratch(size_t floats) { return scratch_own(floats * sizeof(float)); }
/* Another such buffer, kept while parallel regions run: the data that their workers share. */
static inline float *cpu_shared(size_t floats) { return scratch_shared(floats * sizeof(float)); }

/* The pool, or NULL when `work` (elementary operations) is too little to wake it. */
static inline pool *cpu_worth(device *d, double work) { return work < 30000 ? NULL : cpu_of(d)->pool; }

/* A pointer into a gradient; NULL if the gradient is NULL (not needed). */
static inline float *cpu_at(float *p, size_t i) { return p ? p + i : NULL; }
static inline const float *cpu_in(const float *p, size_t i) { return p ? p + i : NULL; }

#define ENTRY(entry, args) void cpu_##entry(device *d, const args *a);
DEVICE_ENTRIES(ENTRY)
#undef ENTRY

#endif
