/* pickle_names.h - the whitelist of Python names in a checkpoint's pickle, and their meaning to the reader.
 *
 * Every other name is refused. */
#ifndef WKV_FORMAT_PICKLE_NAMES_H
#define WKV_FORMAT_PICKLE_NAMES_H

#include "format/tensors.h"

typedef enum {
    MAKES_DICT, /* calls that leave a plain value */
    MAKES_TENSOR,
    MAKES_TENSOR_V3,
    MAKES_ITS_TENSOR,
    MAKES_FROM_TYPE,
    MAKES_ITS_ARGUMENT,
    IS_STORAGE, /* values */
    IS_UNTYPED_STORAGE,
    IS_DTYPE,
    IS_HARMLESS /* calls leave V_OTHER */
} role;

typedef struct whitelisted whitelisted;
struct whitelisted {
    const char *module, *name;
    role role;
    dtype type; /* of storages and dtypes; DTYPES: one that wkv does not read */
};

/* The entry of module.name, texts of m and n bytes; NULL: not allowed. */
const whitelisted *pickle_name(const uint8_t *module, size_t m, const uint8_t *name, size_t n);

#endif
