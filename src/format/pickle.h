/* pickle.h - the little of Python's pickle that checkpoints use, read as data.
 *
 * A pickle is a program for a stack machine that can import and call anything. Here it is run with a whitelist of names
 * in place of imports and with nothing that could be called: what would build an object leaves a plain value that says
 * what it would have been. Spec FORMATS 1.3. */
#ifndef WKV_FORMAT_PICKLE_H
#define WKV_FORMAT_PICKLE_H

#include "format/pickle_names.h"
#include "format/tensors.h"

typedef enum {
    V_NONE, V_BOOL, V_INT, V_FLOAT, V_TEXT, V_TUPLE, V_LIST, V_DICT, /* plain values                        */
    V_NAME,                                                          /* a whitelisted global                */
    V_STORAGE, V_TENSOR,                                             /* what torch would have rebuilt       */
    V_OTHER,                                                         /* harmless, of no interest            */
    V_MARK                                                           /* only on the stack                   */
} value_kind;

typedef struct value value;

typedef struct pickle_storage pickle_storage;
struct pickle_storage {
    const pickle_storage *next; /* of all that the pickle names */
    const char *key;           /* "0": the zip entry data/0, or the legacy stream's storage */
    size_t key_len;
    dtype type;                /* of the storage's class; U8 when untyped */
    int64_t bytes;             /* that its tensors may reach, whatever their types */
    int is_view;               /* of a root storage, only in the legacy stream; it begins there at byte `from` */
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
    size_t used; /* bytes it took */
} pickle;

/* The pickle at the front of `size` bytes, its values in memory of t. */
int pickle_read(tensors *t, const uint8_t *data, size_t size, pickle *out);

/* The value under a text key of a dict; NULL when it is not there. */
const value *dict_get(const value *dict, const char *key);

#endif
