/* devices.h - the devices of tests that compare the CPU device with the reference on every instruction set of this
 * machine: memory with guard pages, random weights, results that must be the same bits everywhere. */
#ifndef WKV_TEST_DEVICES_H
#define WKV_TEST_DEVICES_H

#include <stdlib.h>
#include "base/hash.h"
#include "base/platform/pages.h"
#include "base/rng.h"
#include "room.h"
#include "test.h"

enum { DEVICES = 3 };
static device *reference, *cpus[DEVICES]; /* cpus: of 1, 2, 3 threads */
static rng dice = {7, 0};

/* Memory that ends at an inaccessible page: a kernel that accesses memory after an array stops the test. The
 * kernels are compiled without sanitizers, so this replaces them. */
static struct {
    char *p, *base;
    size_t bytes;
} fences[4096];
static int n_fences;

/* With a block, memory is a part of it in place of pages, until the block's memory is taken back as a whole: a device
 * with memory of its own has a twin of the block. */
static struct {
    char *base;
    size_t used, bytes;
} block;

static inline void *fenced(size_t bytes)
{
    if (block.base) {
        char *part = block.base + block.used;
        block.used += (bytes + 63) / 64 * 64;
        CHECK(block.used <= block.bytes);
        return part;
    }
    size_t page = pages_size(), data = (bytes + page - 1) / page * page;
    char *base = pages_new(data + page);
    CHECK(base && n_fences < (int)(sizeof fences / sizeof *fences));
    pages_forbid(base + data, page);
    fences[n_fences].p = base + data - bytes;
    fences[n_fences].base = base;
    fences[n_fences].bytes = data + page;
    return fences[n_fences++].p;
}

static inline void drop(void *p)
{
    int i = n_fences - 1;
    if (!p || (block.base && (char *)p >= block.base && (char *)p < block.base + block.bytes)) return;
    while (i >= 0 && fences[i].p != (char *)p) i--;
    CHECK(i >= 0);
    pages_release(fences[i].base, fences[i].bytes);
    fences[i] = fences[--n_fences];
}

static inline float *room(size_t n) { return fenced(n * sizeof(float)); }

static inline float *copy(const float *x, size_t n) { return memcpy(room(n), x, n * sizeof *x); }

static inline float *normal(size_t n, float by)
{
    float *p = room(n);
    for (size_t i = 0; i < n; i++) p[i] = by * (float)rng_normal(&dice);
    return p;
}

/* largest difference, relative to the size of the values expected */
static inline double apart(const float *found, const float *expected, size_t n)
{
    double most = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)found[i] - (double)expected[i]);
        if (!(d <= most)) most = d; /* a NaN stays */
        square += (double)expected[i] * (double)expected[i];
    }
    return n ? most / (sqrt(square / (double)n) + 1e-20) : 0;
}

/* Results are in the same order on every instruction set; those with fused multiply-adds give the same bits. */
static struct {
    uint64_t *hash; /* of each result of the first set */
    size_t n, cap, at;
    int sets, differ;
} known;

static inline void same_everywhere(const float *x, size_t n)
{
    const uint64_t h = hash_bytes(HASH_START, x, n * sizeof *x);
    if (!cpus[0]->same_bits) return;
    if (known.sets == 1) {
        if (known.n == known.cap) known.hash = realloc(known.hash, sizeof h * (known.cap = 2 * known.cap + 64));
        CHECK(known.hash);
        known.hash[known.n++] = h;
    } else if (known.at >= known.n || known.hash[known.at] != h)
        known.differ++;
    known.at++;
}

static inline int same_bits(const float *x, const float *y, size_t n) { return !memcmp(x, y, n * sizeof *x); }

/* ---- weights ----------------------------------------------------------------------------------------------------- */

static void put_f16(char *at, float x)
{
    uint16_t h = f32_to_f16(x);
    memcpy(at, &h, 2);
}

/* A random weight at an odd address, or ending at a guard page. Blocks are random bits under scales that keep
 * the values near 1. */
static inline tensor weight(dtype type, int rows, int cols, weight_layout layout, float scale, void **to_free)
{
    size_t values = (size_t)rows * (size_t)cols, bytes = (size_t)dtype_bytes(type, (int64_t)values);
    size_t odd = rng_u64(&dice) & 1 ? 0 : type == F32 || type == F64 ? 4 : 1;
    char *base = fenced(bytes + (odd ? 64 : 0)), *data = base + odd;
    for (size_t i = 0; i < bytes; i++) data[i] = (char)rng_u64(&dice);
    if (dtypes[type].values == 1)
        for (size_t i = 0; i < values; i++) {
            float x = (float)rng_normal(&dice);
            double wide = x;
            uint16_t half = type == BF16 ? f32_to_bf16(x) : f32_to_f16(x);
            if (type == F32)
                memcpy(data + 4 * i, &x, 4);
            else if (type == F64)
                memcpy(data + 8 * i, &wide, 8);
            else
                memcpy(data + 2 * i, &half, 2);
        }
    else
        for (size_t b = 0; b < bytes; b += (size_t)dtypes[type].bytes) {
            float d = (1 + (float)rng_uniform(&dice)) / (type == Q8_0                     ? 128
                                                         : type == Q6_K || type == IQ4_XS ? 2048
                                                         : type == IQ4_NL || type == Q3_K ? 128
                                                         : type == Q4_K || type == Q5_K   ? 512
                                                                                          : 16);
            size_t at = type == Q6_K ? 208 : type == Q3_K ? 108 : type == Q2_K ? 80 : 0;
            if (type == MXFP4)
                data[b] = (char)(124 + (rng_u64(&dice) & 1)); /* a power of two alone */
            else
                put_f16(data + b + at, d);
            if (type == Q4_1 || type == Q5_1 || type == Q4_K || type == Q5_K || type == Q2_K)
                put_f16(data + b + at + 2, d);
        }
    *to_free = base;
    return (tensor){.rows = rows, .cols = cols, .type = type, .layout = layout, .scale = scale, .data = data};
}

static inline void linear_one(device *d, product q, int T) { d->linear(d, &(linear_args){.q = &q, .n = 1, .T = T}); }

/* Run `test` on each instruction set, best first, with the same random numbers. */
static inline void on_every_isa(void (*test)(void))
{
    reference = room_device("reference", 1, NULL);
    for (int i = 0; device_isa(0, i); i++) {
        for (int p = DEVICES - 1; p >= 0; p--) cpus[p] = room_device("cpu", p + 1, device_isa(0, i));
        printf("-- %s\n", cpus[0]->isa);
        dice = (rng){7, 0};
        known.sets += cpus[0]->same_bits;
        known.at = 0;
        test();
        reference->begin(reference);
        for (int p = 0; p < DEVICES; p++) device_close(cpus[p]);
    }
    device_close(reference);
}

#endif
