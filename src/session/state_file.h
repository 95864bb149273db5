/* state_file.h - shared by reading and writing a state file: keys, checksum, lists of tensors. */
#ifndef WKV_SESSION_STATE_FILE_H
#define WKV_SESSION_STATE_FILE_H

#include "format/write.h"
#include "rwkv/api.h"
#include "session/identity.h"

/* The value of the key "format"; another revision is refused. */
#define STATE_FORMAT "wkv state 1"

enum { STATE_NAME = 64 };

/* A state and the order of its values, with or without a model. */
typedef struct {
    const state_tensor *tensors; /* of a layer            */
    int dim[DIMS];               /* C, H and N are used   */
    int L;
    real *values; /* as in wkv_state_data  */
} state_view;

state_view state_view_of(const wkv_state *s);
/* The place of the matrices in a layer; -1: it has none. */
int state_heads(const state_view *v);

struct wkv_state_file {
    tensors *t; /* owns the texts */
    wkv_state_info about;
    char sizes[SIZES_TEXT]; /* of a tuned state */
    state_view view;
    float *hidden;
    int32_t *ids;
};

/* Open a state file for its description and ids alone: no state, and no checksum. Fails as wkv_state_file_open. */
int state_file_peek(wkv_state_file **out, const char *path);

/* Read and check the opened file f->t: a state file, a tuned initial state, the description of a state file. */
int read_state(wkv_state_file *f);
int read_tuned(wkv_state_file *f);
int read_description(wkv_state_file *f);

/* ---- shared by both ---------------------------------------------------------------------------------------------- */

/* The number of tensors called blocks.*NAME. */
int state_layers(const tensors *t, const char *name);
/* Memory for the values of f->view, all 0. WKV_EUNSUPPORTED, WKV_ENOMEM. */
int state_allocate(wkv_state_file *f);
/* The tensor of this name and shape; NULL, with an error, if there is none. */
const file_tensor *state_find(const tensors *t, const char *name, int dims, const int64_t *shape);
/* All its values. WKV_EFORMAT: one is not finite. */
int state_read_tensor(const tensors *t, const file_tensor *f, float *out);

/* ---- shared with writing ----------------------------------------------------------------------------------------- */

/* The SHA-256 of a file's contents, which its key "sha256" has: each key but that one and its value, sorted by key,
 * then each tensor's name, type and axes ("2,16,16"), and its bytes, sorted by name. Every text is hashed with its zero
 * byte. All tensors have `data`. meta: key, value, ..., NULL. WKV_ENOMEM. */
int state_checksum(char out[DIGEST_TEXT], const tensor_out *t, int n, const char *const *meta);
/* The same of an open .safetensors file. */
int state_file_checksum(char out[DIGEST_TEXT], const tensors *t);

/* The name of a layer's tensor, "blocks.3.att.state". */
void state_name(char out[STATE_NAME], int layer, const char *name);

/* Whether all n values are finite; if not, *bad is the first that is infinite or NaN. */
int all_finite(const float *x, size_t n, size_t *bad);

/* A file to write: at a path, or with `bytes` in memory that the caller frees, and then `path` is its name in messages. */
typedef struct {
    const char *path;
    char **bytes;
    size_t *n;
} state_target;

/* Write the state with everything in `about`. WKV_EFORMAT: a value is not finite; WKV_EARG: a text is not UTF-8;
 * WKV_EIO, WKV_ENOMEM. */
int state_write(const state_target *to, const wkv_state_info *about, const state_view *v, const float *hidden);
/* The same with the model of a state for what it gives: wkv_state_file_write. */
int state_write_model(const state_target *to, const wkv_state_info *about, const wkv_state *s, const float *hidden);
/* wkv_state_write_tuned, without a check of the model's files. */
int state_write_tuned(const char *path, const state_view *v);

/* out = the weighted mean of n states of v's order, of which it may be one (wkv_state_mix). WKV_EARG. */
int state_mix(real *out, const state_view *v, const real *const *states, const float *weights, int n);

/* WKV_EFORMAT: a value of the state, which is to be written to `path`, is not finite. */
int state_check_finite(const char *path, const state_view *v);

/* The last name in a path, with "?" for bytes that are not UTF-8. */
void state_file_name(char out[256], const char *path);

/* Tensors to write, and their names. */
typedef struct {
    tensor_out *t;
    char (*name)[STATE_NAME];
    int n;
} listing;

int listing_new(listing *l, const char *path, int capacity); /* WKV_ENOMEM */
void listing_free(listing *l);
/* Append a tensor with the name in l->name[l->n], and return it. */
tensor_out *listing_append(listing *l, dtype type, int dims, const int64_t *shape, const void *data);

#endif
