/* params.h - a model whose weights can be trained: one block of parameters, one of gradients, two of moments.
 *
 * What there is to train is listed once, in the slot tables of rwkv/rwkvN.c; rwkv_each walks them and `param` is what
 * the optimizer and the file writer need to know of each tensor it meets. */
#ifndef WKV_TRAIN_PARAMS_H
#define WKV_TRAIN_PARAMS_H

#include "base/rng.h"
#include "rwkv/model.h"
#include "train/communicator.h"

typedef struct {
    char *name; /* official                                            */
    tensor *t;  /* in the model                                        */
    const slot *slot;
    const adapter *of; /* a half of this adapter; NULL: of none               */
    int layer;         /* -1: not of a layer                                  */
    size_t at, n;      /* its values are [at, at + n) of each block           */
    float lr_scale;    /* x the learning rate                                 */
    int frozen;        /* keeps its values: no gradient, no weight decay      */
    int decays;        /* weight decay applies                                */
    int dims;          /* its shape in a file                                 */
    int64_t shape[MAX_DIMS];
} param;

typedef struct {
    rwkv model;
    param *list;
    int count;
    size_t n;                             /* values in each block             */
    real *values, *grads, *mean, *square; /* one allocation, `values` first  */
    size_t n_frozen;                      /* values that are frozen          */
    size_t from, to;                      /* the moments here are of these   */
    const wkv_communicator *communicator;               /* who has the others; NULL: none  */
    double *sums;                         /* the optimizer's: one per OPTIMIZER_CHUNK */
    char family[256];                     /* family_name of the checkpoint that the values are from, "": none says it */
} params;

/* Values of a chunk: the optimizer sums squares in chunks, and processes share the moments by whole ones. */
enum { OPTIMIZER_CHUNK = 1 << 14 };

/* A model of L layers, all values 0. WKV_ENOMEM. */
int params_new(params *p, const arch *a, const int sizes[DIMS], int L);
/* Shape a tensor of m (as in a bound model, one that is no matrix has one row) and put it on the list. WKV_ENOMEM. */
int params_list(params *p, const rwkv *m, const char *name, tensor *t, const slot *s, int layer);
/* Those that the list of words names (train/choose.h) keep their values. WKV_EARG: a word names none, or none is left
 * to train. */
int params_freeze(params *p, const char *words);
/* The blocks, all values 0, for what is listed; each tensor of the list gets its place in them. WKV_ENOMEM. */
int params_make(params *p);
/* Keep the moments of this process's share of the values only, which begins and ends with an OPTIMIZER_CHUNK; the
 * others have the others. */
void params_shard(params *p, const wkv_communicator *communicator);
void params_share(const params *p, int rank, size_t *from, size_t *to);
void params_release(params *p);
/* A checksum of the values. */
uint64_t params_sum(const params *p);

/* Official initial values (docs/training.md 7). */
int params_init(params *p, uint64_t seed);

/* Sizes and values of a checkpoint; with fewer than V logits it gets V, and the new rows of embedding and head are the
 * mean of the others. */
int params_load(params *p, const char *path, int V);

/* Write them as safetensors, official names and shapes, type F32 or BF16; meta as safetensors_write takes it. With
 * `moments` those are written too, under the names behind "mean." and "square."; where they are shared out, all others
 * call params_send. */
int params_check_type(const char *save_type); /* WKV_EARG: neither NULL, "bf16", "f32" nor "pth" */
int params_save(const params *p, const char *path, dtype type, int moments, const char *const *meta);
void params_send(const params *p);

/* Values of the listed parameters, and moments, that were written so. WKV_EFORMAT: they are not there. */
int params_load_values(params *p, const tensors *f);
int params_load_moments(params *p, const tensors *f);

#endif
