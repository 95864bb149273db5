/* params.h - a trainable model: one block of parameters, one of gradients, two of moments.
 *
 * The slot tables of rwkv/rwkvN.c list all tensors; rwkv_each walks them, and a `param` describes each one to the
 * optimizer and the file writer. */
#ifndef WKV_TRAIN_PARAMS_H
#define WKV_TRAIN_PARAMS_H

#include "base/rng.h"
#include "ops/device.h"
#include "rwkv/model.h"
#include "train/communicator.h"

typedef struct {
    char *name; /* official name                                       */
    tensor *t;  /* tensor in the model                                 */
    const slot *slot;
    const adapter *of; /* A or B of this adapter; NULL: not of an adapter     */
    int layer;         /* -1: not in a layer                                  */
    size_t at, n;      /* range [at, at + n) of each block                    */
    float lr_scale;    /* factor of the learning rate                         */
    int frozen;        /* no gradient, no weight decay                        */
    int decays;        /* weight decay applies                                */
    int dims;          /* shape in a file                                     */
    int64_t shape[MAX_DIMS];
} param;

typedef struct {
    rwkv model;
    param *list;
    int count;
    size_t n;                             /* values in each block             */
    real *values, *grads, *mean, *square; /* one allocation, `values` first  */
    size_t n_frozen;                      /* values that are frozen          */
    size_t from, to;                      /* values with moments here        */
    const wkv_communicator *communicator; /* others have the rest; NULL: none */
    double *sums;                         /* the optimizer's: one per OPTIMIZER_CHUNK */
    char family[256];                     /* family_name of the initial checkpoint; "": unknown */
    struct params_twin *twin;             /* of the blocks, on a device with memory of its own; NULL: none */
} params;

/* Values per chunk: the optimizer sums squares per chunk, and moments are sharded in whole chunks. */
enum { OPTIMIZER_CHUNK = 1 << 14 };

/* A model of L layers, all values 0. WKV_ENOMEM. */
int params_new(params *p, const arch *a, const int sizes[DIMS], int L);
/* Set the shape of a tensor of m (as in a bound model, a vector has one row) and list it. WKV_ENOMEM. */
int params_list(params *p, const rwkv *m, const char *name, tensor *t, const slot *s, int layer);
/* Freeze the parameters that `freeze` selects (train/choose.h), and those that `train` does not, if it is given.
 * WKV_EARG: a word selects none, or none is left to train. */
int params_freeze(params *p, const char *train, const char *freeze);
/* Allocate the blocks, all 0, for the listed tensors and place the tensors in them. WKV_ENOMEM. */
int params_make(params *p);
/* Shard the moments: this process keeps those of its share of the values, a range of whole OPTIMIZER_CHUNKs. */
void params_shard(params *p, const wkv_communicator *communicator);
void params_share(const params *p, int rank, size_t *from, size_t *to);
void params_release(params *p);
/* Checksum of the values. */
uint64_t params_sum(const params *p);

/* ---- twin.c: the blocks on a device with memory of its own ---- */

/* Make the twin; on other devices, do nothing. WKV_ENOMEM. */
int params_twin_new(params *p, device *d);
void params_twin_free(params *p);
/* Call before the device uses the blocks, and before the host reads or writes them: copies what the other side changed.
 * Without a twin they do nothing. The second may fail as the device does (finish). */
void params_to_device(params *p);
int params_to_host(const params *p);
/* Call when the host has changed them, after params_to_host. */
void params_host_changed(const params *p);
/* Set all gradients to 0. */
void params_clear_grads(params *p, device *d);

/* Official initial values (docs/training.md 7). */
int params_init(params *p, uint64_t seed);

/* Sizes and values of a checkpoint; one with fewer than V logits is extended to V, where the new rows of embedding and
 * head are the mean of the others. */
int params_load(params *p, const char *path, int V);

/* Write the values as safetensors with official names and shapes, type F32 or BF16; meta as for safetensors_write. With
 * `moments` also the moments, with the prefixes "mean." and "square."; if they are sharded, all other processes call
 * params_send. */
int params_check_type(const char *save_type); /* WKV_EARG: not NULL, "bf16", "f32" or "pth" */
int params_save(const params *p, const char *path, dtype type, int moments, const char *const *meta);
void params_send(const params *p);

/* Read values and moments of the listed parameters from such a file. WKV_EFORMAT: a tensor is missing. */
int params_load_values(params *p, const tensors *f);
int params_load_moments(params *p, const tensors *f);

#endif
