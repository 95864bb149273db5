/* api.h - the structs behind the public handles of wkv.h. */
#ifndef WKV_RWKV_API_H
#define WKV_RWKV_API_H

#include "rwkv/model.h"
#include "rwkv/pack.h"
#include "rwkv/probe.h"
#include "wkv_state.h"

struct wkv_model {
    rwkv rwkv;
    tensors *file;         /* its mapping holds the big matrices */
    packed packed;         /* matrices outside the mapping       */
    wkv_model_info about;
    char types[128];
    wkv_profile profile;
    uint64_t fingerprint;  /* of sizes and some weights: matches a state to its model */
    wkv_identity identity; /* session/identity.c computes it at the first use; "" before */
};

/* A state stores its sizes, so that it can be copied and freed after the model was closed. */
struct wkv_state {
    const wkv_model *model;
    uint64_t fingerprint;
    int n;                 /* reals */
    _Alignas(64) real data[]; /* aligns rows of its matrices to cache lines */
};

/* Open a checkpoint in memory, which the caller keeps until the model is closed; `name` takes the place of its path. */
int model_open_memory(wkv_model **out, const void *data, size_t size, const char *name);
/* Open official tensors t that are stored in `memory`; the model owns both. On failure t is closed and the caller still
 * owns `memory`. */
int model_open_made(wkv_model **out, tensors *t, packed memory);

/* Convert the matrices to the types of quantization preset `type` (NULL: keep their types) and to the kernels'
 * layout. */
int model_pack(wkv_model *m, const char *type);

device *context_device(const wkv_context *c);       /* of the head, and of the last layers */
device *context_device_of(const wkv_context *c, int i); /* of the i-th stage; NULL past the last */
const wkv_model *context_model(const wkv_context *c);
probes *context_probes(wkv_context *c);
/* wkv_eval_batch whose sequence i has the origin from[i] of its first token; NULL: {i, 0}. */
int context_eval(wkv_context *c, const wkv_sequence *sequences, int count, const wkv_row *from);
size_t context_bytes(const wkv_context *c); /* peak scratch memory */

#endif
