#include "cpu/ref.h"

static size_t most(size_t a, size_t b) { return a > b ? a : b; }

/* Reals: */
static workspace ref_workspace(const pass_size *s)
{
    const size_t T = (size_t)s->rows, C = (size_t)s->width, N = (size_t)s->head;
    size_t own = most(2 * (size_t)s->widest, 6 * (T + 1)); /* a row of a weight; wkv4 */
    own = most(own, s->backward ? 4 * T * C : 2 * C);      /* mix */
    own = most(own, s->backward ? (N * N + N) * (32 + 2) : N);
    return (workspace){.own = own * sizeof(real)};
}

const device device_reference = {
    .name = "reference",
    .workspace = ref_workspace,
    .linear = ref_linear,
    .linear_dx = ref_linear_dx,
    .linear_dw = ref_linear_dw,
    .add = ref_add,
    .mul = ref_mul,
    .mul_back = ref_mul_back,
    .lerp = ref_lerp,
    .lerp_back = ref_lerp_back,
    .sum_rows = ref_sum_rows,
    .map = ref_map,
    .map_back = ref_map_back,
    .slope = ref_slope,
    .norm = ref_norm,
    .norm_back = ref_norm_back,
    .mix = ref_mix,
    .mix_back = ref_mix_back,
    .unit = ref_unit,
    .unit_back = ref_unit_back,
    .bonus = ref_bonus,
    .bonus_back = ref_bonus_back,
    .wkv4 = ref_wkv4,
    .wkv4_back = ref_wkv4_back,
    .wkv4_scan = ref_wkv4_scan,
    .wkv4_scan_back = ref_wkv4_scan_back,
    .wkv6 = ref_wkv6,
    .wkv6_back = ref_wkv6_back,
    .wkv7 = ref_wkv7,
    .wkv7_back = ref_wkv7_back,
    .softmax_nll = ref_softmax_nll,
};
