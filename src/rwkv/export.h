/* export.h - the tensors of a model as a file stores them. */
#ifndef WKV_RWKV_EXPORT_H
#define WKV_RWKV_EXPORT_H

#include "format/write.h"
#include "rwkv/model.h"

/* The axes in the official file; returns their number. */
int official_shape(const rwkv *m, const slot *s, int64_t shape[MAX_DIMS]);

enum { MAX_PARTS = 6 };

typedef struct exporter exporter;

/* The source of one tensor's values, and their transformation. */
typedef struct {
    exporter *of;
    stored_form form;
    const slot *slot; /* NULL: a tuned initial state */
    int layer;
    const tensor *weight; /* in the model, for its adapter, which is added */
    const file_tensor *from[MAX_PARTS];
    int as_exp; /* the exponential of the file's values          */
    int repeat; /* repetitions of each value (5.1's heads), or 1 */
} source;

/* Fill in the first block, call export_list, choose types, pass out[0..count) to a writer, call export_release. */
struct exporter {
    const rwkv *m;
    const tensors *file;
    const char *naming;
    int (*report)(void *user, double done, double total); /* before each tensor, in values; not 0: stop; or NULL */
    void *user;

    tensor_out *out; /* of type F32 until the caller chooses */
    source **how;    /* of each */
    int count;
    double done, total;
};

/* List all tensors of a bound model in the order of its tables, with their names and shapes in the file. The caller
 * keeps the model and its file until export_release. WKV_ENOMEM. */
int export_list(exporter *x);
void export_release(exporter *x);

/* The lossless type of this tensor: its own in the file if that is F32, F16 or BF16, else F32. */
dtype export_type(const source *s);

#endif
