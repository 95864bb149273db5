/* cpu.c - the CPU device: the table, and each thread's scratch memory. */
#include "cpu/cpu.h"
#include <pthread.h>
#include <stdlib.h>
#include "base/error.h"
#include "cpu/ref.h"

typedef struct {
    float *data;
    size_t floats;
} buffer;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void drop(void *arg)
{
    buffer *b = arg;
    free(b->data);
    free(b);
}

static void make_key(void) { CHECK(!pthread_key_create(&key, drop)); }

float *cpu_scratch(size_t floats)
{
    static _Thread_local buffer *mine;

    if (mine && mine->floats >= floats) return mine->data;
    if (!mine) {
        pthread_once(&once, make_key);
        mine = calloc(1, sizeof *mine);
        CHECK(mine && !pthread_setspecific(key, mine));
    }
    free(mine->data);
    floats = (floats + 1023) / 1024 * 1024;
    mine->data = aligned_alloc(64, floats * sizeof(float));
    CHECK(mine->data);
    mine->floats = floats;
    return mine->data;
}

const device device_cpu = {
    .name = "cpu",
    .linear = cpu_linear,
    .linear_dx = cpu_linear_dx,
    .linear_dw = cpu_linear_dw,
    .add = ref_add,
    .mul = ref_mul,
    .mul_back = ref_mul_back,
    .lerp = ref_lerp,
    .lerp_back = ref_lerp_back,
    .sum_rows = ref_sum_rows,
    .map = ref_map,
    .map_back = ref_map_back,
    .norm = ref_norm,
    .norm_back = ref_norm_back,
    .unit = ref_unit,
    .unit_back = ref_unit_back,
    .bonus = ref_bonus,
    .bonus_back = ref_bonus_back,
    .wkv4 = ref_wkv4,
    .wkv4_back = ref_wkv4_back,
    .wkv6 = ref_wkv6,
    .wkv6_back = ref_wkv6_back,
    .wkv7 = ref_wkv7,
    .wkv7_back = ref_wkv7_back,
    .softmax_nll = ref_softmax_nll,
};
