/* cpu.c - the CPU device: the table, and the workspace of a pass. */
#include "cpu/cpu.h"
#include "cpu/int8.h"

static size_t most(size_t a, size_t b) { return a > b ? a : b; }
static size_t whole_vectors(int n) { return ((size_t)n + 15) / 16 * 16; }

/* Whatever the instruction set, because the newest context's is everybody's. Floats: */
workspace cpu_workspace(const pass_size *s)
{
    enum { PANEL_BYTES = 32 * (256 + (24 + INT8_BLOCK) * 4) }; /* int8_body.h: of the widest panel */
    const size_t T = (size_t)s->rows, C = whole_vectors(s->width), wide = whole_vectors(s->widest),
                 N = whole_vectors(s->head);
    size_t chunk = sizeof(x256) / sizeof(float), own = OUTER_SCRATCH + 32 * (wide + 64), shared;
    own = most(own, 4 * (wide / 256 + 1) * chunk + PANEL_BYTES / sizeof(float));
    own = most(own, 3 * C);                                            /* mix */
    own = most(own, N * (N + 16));                                     /* wkv5 to wkv7, forward */
    shared = T * (12 * (C / 256 + 1) + wide / 256 + 1) * chunk;        /* int8 x of 12 GEMMs in one parallel region */
    if (s->backward) {
        shared = most(shared, (T / 32 + (size_t)s->spans + 1) * (3 + MOST_MIXTURES) * C); /* cpu_mix.c */
        shared = most(shared, 2 * T * (N ? C / N + 1 : 1) + 2 * 32 * C);                  /* norms */
        shared = most(shared, N ? 0 : (T / 256 + 1) * 8 * C);                             /* wkv4 by scan */
        own = most(own, N ? 32 * N * N + 512 * N + 8192 : 3 * (T / 512 + 514) * C);       /* simd_back.h */
    }
    return (workspace){.own = own * sizeof(float), .shared = shared * sizeof(float)};
}

const device device_cpu = {
    .name = "cpu",
    .workspace = cpu_workspace,
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
