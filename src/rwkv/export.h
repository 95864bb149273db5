/* export.h - the tensors of a model on their way into a file. */
#ifndef WKV_RWKV_EXPORT_H
#define WKV_RWKV_EXPORT_H

#include "format/write.h"
#include "rwkv/model.h"

/* The axes that the official file has; returns how many. */
int official_shape(const rwkv *m, const slot *s, int64_t shape[MAX_DIMS]);

enum { MAX_PARTS = 6 };

typedef struct exporter exporter;

/* Where the values of one tensor come from and what is done to them. */
typedef struct {
    exporter *of;
    stored_form form;
    const slot *slot; /* NULL: a tuned initial state */
    int layer;
    const tensor *weight; /* in the model: its adapter is added */
    const file_tensor *from[MAX_PARTS];
    int as_exp; /* e to the power of what the file holds            */
    int repeat; /* each value so many times (5.1's heads), or 1     */
} source;

/* Fill in the first block, call export_list, choose types, hand out[0..count) to a writer, call export_release. */
struct exporter {
    const rwkv *m;
    const tensors *file;
    const char *naming;
    int (*report)(void *user, double done, double total); /* before each tensor, in values; not 0: stop; or NULL */
    void *user;

    tensor_out *out; /* of type F32 until somebody chooses */
    source **how;    /* of each */
    int count;
    double done, total;
};

/* List all tensors of a bound model in the order of its tables, with their names and shapes in the file. The model and
 * its file must outlive what is listed. WKV_ENOMEM. */
int export_list(exporter *x);
void export_release(exporter *x);

/* The type in which nothing of this tensor is lost: its own in the file where that is F32, F16 or BF16, else F32. */
dtype export_type(const source *s);

#endif
