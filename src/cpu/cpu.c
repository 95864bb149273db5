/* cpu.c - the CPU device: the table, and each thread's scratch memory. */
#include "cpu/cpu.h"
#include <pthread.h>
#include <stdlib.h>
#include "base/error.h"

typedef struct {
    float *data[2];
    size_t floats[2];
} buffers;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void drop(void *arg)
{
    buffers *b = arg;
    free(b->data[0]);
    free(b->data[1]);
    free(b);
}

static void make_key(void) { CHECK(!pthread_key_create(&key, drop)); }

static float *at_least(int i, size_t floats)
{
    static _Thread_local buffers *mine;

    if (mine && mine->floats[i] >= floats) return mine->data[i];
    if (!mine) {
        pthread_once(&once, make_key);
        mine = calloc(1, sizeof *mine);
        CHECK(mine && !pthread_setspecific(key, mine));
    }
    free(mine->data[i]);
    floats = (floats + 1023) / 1024 * 1024;
    mine->data[i] = aligned_alloc(64, floats * sizeof(float));
    CHECK(mine->data[i]);
    mine->floats[i] = floats;
    return mine->data[i];
}

float *cpu_scratch(size_t floats) { return at_least(0, floats); }
float *cpu_shared(size_t floats) { return at_least(1, floats); }

const device device_cpu = {
    .name = "cpu",
    .linear = cpu_linear,
    .linear_dx = cpu_linear_dx,
    .linear_dw = cpu_linear_dw,
    .add = cpu_add,
    .mul = cpu_mul,
    .mul_back = cpu_mul_back,
    .lerp = cpu_lerp,
    .lerp_back = cpu_lerp_back,
    .sum_rows = cpu_sum_rows,
    .map = cpu_map,
    .map_back = cpu_map_back,
    .slope = cpu_slope,
    .norm = cpu_norm,
    .norm_back = cpu_norm_back,
    .mix = cpu_mix,
    .mix_back = cpu_mix_back,
    .unit = cpu_unit,
    .unit_back = cpu_unit_back,
    .bonus = cpu_bonus,
    .bonus_back = cpu_bonus_back,
    .wkv4 = cpu_wkv4,
    .wkv4_back = cpu_wkv4_back,
    .wkv4_scan = cpu_wkv4_scan,
    .wkv4_scan_back = cpu_wkv4_scan_back,
    .wkv6 = cpu_wkv6,
    .wkv6_back = cpu_wkv6_back,
    .wkv7 = cpu_wkv7,
    .wkv7_back = cpu_wkv7_back,
    .softmax_nll = cpu_softmax_nll,
};
