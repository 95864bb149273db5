/* builtin.h - the model inside the library: models/default.gguf, unchanged, with its vocabulary.
 *
 * builtin.S includes the file in the read-only data, 64-byte aligned, so that it is mapped with the program and shared
 * between processes like any file. */
#ifndef WKV_RWKV_BUILTIN_H
#define WKV_RWKV_BUILTIN_H

#include <stdint.h>

/* Its name, in place of a path. */
#define BUILTIN_MODEL "built-in"

extern const uint8_t wkv_builtin_model[] __attribute__((visibility("hidden"))); /* a GGUF */
extern const uint64_t wkv_builtin_model_size __attribute__((visibility("hidden")));

#endif
