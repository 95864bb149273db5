/* quantize.h - quantized model files. */
#ifndef COMPAT_QUANTIZE_H
#define COMPAT_QUANTIZE_H

/* Write the model of a file with matrices of the type "Q4_0" to "Q8_0". A .bin of rwkv.cpp becomes a .bin with the same
 * tensors quantized as rwkv.cpp has it; any other model becomes a GGUF, by whatever name. WKV_EARG: another type, or
 * `path` is a file of the model; WKV_EUNSUPPORTED: a .bin that is quantized already; WKV_EFORMAT: a value that is NaN
 * or infinite; WKV_EIO, WKV_ENOMEM. */
int quantize(const char *from, const char *path, const char *type_name);

#endif
