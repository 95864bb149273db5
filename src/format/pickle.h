/* pickle.h - the part of Python's pickle that checkpoints use, read as data.
 *
 * A pickle is a program for a stack machine that can import and call anything. This one has a whitelist of names in
 * place of imports, and can call nothing: an instruction that would build an object leaves a plain value that describes
 * it (docs/formats.md 1.3). */
#ifndef WKV_FORMAT_PICKLE_H
#define WKV_FORMAT_PICKLE_H

#include "format/pickle_names.h"
#include "format/tensors.h"

typedef enum {
    V_NONE, V_BOOL, V_INT, V_FLOAT, V_TEXT, V_TUPLE, V_LIST, V_DICT, /* plain values                     */
    V_NAME,                                                          /* a whitelisted global             */
    V_STORAGE, V_TENSOR,                                             /* objects that torch would rebuild */
    V_OTHER,                                                         /* harmless and unused              */
    V_MARK                                                           /* only on the stack                */
} value_kind;

typedef struct value value;

typedef struct pickle_storage pickle_storage;
struct pickle_storage {
    const pickle_storage *next; /* of all storages of the pickle */
    const char *key;           /* "0": the zip entry data/0, or the legacy stream's storage */
    size_t key_len;
    dtype type;                /* of the storage's class; U8 when untyped */
    int64_t bytes;             /* upper bound for its tensors of any type */
    int is_view;               /* of a root storage, at byte `from`; only in the legacy stream */
    int64_t from;
};

typedef struct {
    const pickle_storage *storage;
    dtype type;
    int64_t offset;            /* in elements of type, like the strides */
    int dims;
    int64_t shape[MAX_DIMS], stride[MAX_DIMS];
} pickle_tensor;

struct value {
    value_kind kind;
    union {
        int64_t i;                                    /* V_BOOL, V_INT */
        double f;
        struct { const char *s; size_t n; } text;     /* in the pickle's bytes */
        struct { value **item; int n, cap; } list;    /* V_DICT: key, value, key, value, ... */
        const whitelisted *name;
        const pickle_storage *storage;
        const pickle_tensor *tensor;
    };
};

typedef struct {
    const value *top;
    const pickle_storage *storages;
    size_t used; /* its bytes */
} pickle;

/* Read the pickle at the start of `size` bytes, its values in memory of t. */
int pickle_read(tensors *t, const uint8_t *data, size_t size, pickle *out);

/* The value of a text key of a dict; NULL: no such key. */
const value *dict_get(const value *dict, const char *key);

#endif
