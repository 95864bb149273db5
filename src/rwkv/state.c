/* state.c - wkv_state: one block of reals, with the layout given in wkv.h. */
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/platform/pages.h"
#include "rwkv/api.h"
#include "rwkv/forward.h"

int wkv_state_new(wkv_state **out, const wkv_model *m)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(m, "the model");
    int n = rwkv_state_len(&m->rwkv);
    wkv_state *s = aligned_new(64, (sizeof *s + (size_t)n * sizeof(real) + 63) / 64 * 64);
    if (!s) return fail(WKV_ENOMEM, "no memory for a state of %zu bytes", (size_t)n * sizeof(real));
    s->model = m;
    s->fingerprint = m->fingerprint;
    s->n = n;
    wkv_state_reset(s);
    *out = s;
    return 0;
}

void wkv_state_free(wkv_state *s) { aligned_free(s); }

void wkv_state_reset(wkv_state *s)
{
    if (s) rwkv_state_init(&s->model->rwkv, s->data);
}

int wkv_state_copy(wkv_state *to, const wkv_state *from)
{
    REQUIRE(to, "the state to copy to");
    REQUIRE(from, "the state to copy from");
    if (to->fingerprint != from->fingerprint || to->n != from->n)
        return fail(WKV_EARG, "the two states belong to different models");
    memcpy(to->data, from->data, (size_t)to->n * sizeof(real));
    return 0;
}

float *wkv_state_data(wkv_state *s) { return s ? s->data : NULL; }
