/* api.h - what stands behind the public handles of wkv.h. */
#ifndef WKV_RWKV_API_H
#define WKV_RWKV_API_H

#include "rwkv/model.h"
#include "rwkv/pack.h"
#include "wkv.h"

struct wkv_model {
    rwkv rwkv;
    tensors *file;         /* the mapping the big matrices lie in */
    packed packed;         /* the matrices that do not lie in the mapping    */
    wkv_model_info about;
    char types[128];
    wkv_profile profile;
    uint64_t fingerprint;  /* of sizes and some weights: tells whose a state is */
};

/* A state knows the sizes it was made for, so that it can outlive the model for copying and freeing. */
struct wkv_state {
    const wkv_model *model;
    uint64_t fingerprint;
    int n;                 /* reals */
    _Alignas(64) real data[]; /* rows of the matrices in it are then whole cache lines */
};

/* A checkpoint in memory that outlives the model; `name` stands for its path. */
int model_open_memory(wkv_model **out, const void *data, size_t size, const char *name);
/* One of official tensors that lie in `memory`: the model takes both; when it fails, t is closed and memory is not. */
int model_open_made(wkv_model **out, tensors *t, packed memory);

/* Give its matrices the types that `type` names (quant_preset.h; NULL: those they have) and the layout they are run in. */
int model_pack(wkv_model *m, const char *type);

/* What a context computes on, and for which model. */
device *context_device(const wkv_context *c);
const wkv_model *context_model(const wkv_context *c);
size_t context_bytes(const wkv_context *c); /* most scratch memory it ever used */

#endif
