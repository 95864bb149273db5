/* json.h - JSON text to values of jansson.
 *
 * Only the values are jansson's. Its own reader ignores a failure to grow its string buffer: without memory it loses
 * bytes of the string, and reads and writes beyond both buffers when the closing quote is lost. Its allocator can be
 * replaced only for the whole process, and the host may use jansson too. */
#ifndef WKV_BASE_JSON_H
#define WKV_BASE_JSON_H

#include <jansson.h>

enum { JSON_ANY_NUMBER = 1 << 30 }; /* NaN, Infinity, -Infinity, as in Python, and numbers out of range become 0 */

/* Read an object or an array (RFC 8259, UTF-8, at most 512 deep). flags: JSON_REJECT_DUPLICATES; JSON_ALLOW_NUL:
 * strings except keys may contain \u0000; JSON_ANY_NUMBER. WKV_EFORMAT: the reason, with the line; WKV_ENOMEM. The
 * caller releases it with json_decref. */
int json_read(json_t **out, const char *text, size_t bytes, int flags);

/* json_dumps, but NULL when memory ran out: jansson's drops a key that its buffer cannot hold. The caller frees it. */
char *json_text(const json_t *value, size_t flags);

#endif
