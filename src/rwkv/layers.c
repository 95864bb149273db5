/* layers.c - the memory of a model's layers, and every tensor with its name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rwkv/parts.h"
#include "base/platform/pages.h"

const state_tensor matrix_state[] = {
    {"att.shift", {D_C}, STATE_SHIFT},
    {"att.state", {D_H, D_N, D_N}, STATE_HEADS}, /* [H][key][value] */
    {"ffn.shift", {D_C}, STATE_SHIFT},
    {.name = NULL},
};

int rwkv_state_shape(const state_tensor *s, const int dim[DIMS], int64_t shape[3])
{
    int dims = 0;
    while (dims < 3 && s->axes[dims] != D_1) {
        shape[dims] = dim[s->axes[dims]];
        dims++;
    }
    return dims;
}

int rwkv_state_values(const state_tensor *s, const int dim[DIMS])
{
    int64_t shape[3], n = 1;
    for (int i = rwkv_state_shape(s, dim, shape); i > 0; i--) n *= shape[i - 1];
    return (int)n;
}

int rwkv_state_layer(const state_tensor *all, const int dim[DIMS])
{
    int n = 0;
    for (const state_tensor *s = all; s->name; s++) n += rwkv_state_values(s, dim);
    return n;
}

int rwkv_layer_state(const rwkv *m) { return rwkv_state_layer(m->arch->state, m->dim); }

int rwkv_init(rwkv *m, const arch *a, int L, const int dim[DIMS])
{
    *m = (rwkv){.arch = a,
                .L = L,
                .C = dim[D_C],
                .V = dim[D_V],
                .F = dim[D_F],
                .H = dim[D_H],
                .N = dim[D_N],
                .group_eps = (real)64e-5};
    memcpy(m->dim, dim, sizeof m->dim);
    m->dim[D_1] = 1;
    m->layers = calloc((size_t)L, a->layer_size);
    return m->layers ? 0 : fail(WKV_ENOMEM, "no memory for %d layers", L);
}

void rwkv_release(rwkv *m)
{
    free(m->layers);
    aligned_free(m->owned);
    *m = (rwkv){0};
}

#define LAYER rwkv /* the struct with the tensors outside the layers */
static const slot before[] = {
    SLOT("emb.weight", emb, D_V, D_C, SLOT_MATRIX | SLOT_TABLE, .init = INIT_UNIFORM, .init_with = {1e-4}),
    SLOT_NORM("blocks.0.ln0", ln0, 0),
};
static const slot after[] = {
    SLOT_NORM("ln_out", ln_out, 0),
    SLOT("head.weight", head, D_V, D_C, SLOT_MATRIX, .init = INIT_ORTHOGONAL_TALL, .init_with = {0.5}),
};

int rwkv_each(const rwkv *m, int (*fn)(void *user, const char *name, tensor *t, const slot *s, int layer), void *user)
{
    int err;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        if ((err = fn(user, before[i].name, (tensor *)((char *)m + before[i].at), &before[i], -1))) return err;
    for (int l = 0; l < m->L; l++)
        for (int i = 0; i < m->arch->n_slots; i++) {
            const slot *s = &m->arch->slots[i];
            char name[96];
            if (l == 0 && s->flags & SLOT_LATE) continue;
            snprintf(name, sizeof name, "blocks.%d.%s", l, s->name);
            if ((err = fn(user, name, (tensor *)((char *)rwkv_layer(m, l) + s->at), s, l))) return err;
        }
    for (size_t i = 0; i < sizeof after / sizeof *after; i++)
        if ((err = fn(user, after[i].name, (tensor *)((char *)m + after[i].at), &after[i], -1))) return err;
    return 0;
}
