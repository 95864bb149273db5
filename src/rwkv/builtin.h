/* builtin.h - the model that is inside the library: models/default.safetensors and its vocabulary, byte for byte.
 *
 * builtin.S puts the two files into the read-only data, 64-byte aligned, so that they are mapped with the program and
 * shared between processes like any file. */
#ifndef WKV_RWKV_BUILTIN_H
#define WKV_RWKV_BUILTIN_H

#include <stdint.h>

extern const uint8_t wkv_builtin_model[] __attribute__((visibility("hidden"))); /* a safetensors file             */
extern const uint64_t wkv_builtin_model_size __attribute__((visibility("hidden")));
extern const uint8_t wkv_builtin_vocab[] __attribute__((visibility("hidden"))); /* a vocabulary in World's format */
extern const uint64_t wkv_builtin_vocab_size __attribute__((visibility("hidden")));

#endif
