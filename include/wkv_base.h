/* wkv_base.h - JSON from strangers, UTF-8, ids and seeds, as the library has them, for servers and programs around it.
 *
 * Conventions are those of wkv.h. */
#ifndef WKV_BASE_H
#define WKV_BASE_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_t; /* <jansson.h> */

/* Read an object or an array (RFC 8259, UTF-8, at most 512 deep, of equal names the last one) as values of jansson,
 * which the caller releases with json_decref. jansson's own reader writes beyond its buffers when memory runs out.
 * WKV_EFORMAT with the line; WKV_ENOMEM. */
WKV_API int wkv_json_read(struct json_t **out, const char *text, size_t bytes);

/* The length of the UTF-8 character (RFC 3629) at the start of the n bytes at p; 0: it is incomplete, -1: there is
 * none. */
WKV_API int wkv_utf8_length(const char *p, size_t n);

/* PREFIX_ and 26 characters (a-z, 2-7) of 130 random bits; the prefix has at most 4 bytes. WKV_EIO: the system gives no
 * random bits. */
WKV_API int wkv_id_new(char out[32], const char *prefix);

/* 32 random bits, so that a seed is short to retype. */
WKV_API uint64_t wkv_random_seed(void);

#ifdef __cplusplus
}
#endif
#endif
