/* jsonl.h - reader of .jsonl and .json files of texts, conversations and instructions. It accepts the JSON of Python's
 * json module: a byte order mark, \u0000, duplicate keys (the last one wins), and in unused fields numbers of any size,
 * NaN, Infinity and -Infinity. */
#ifndef WKV_TRAIN_JSONL_H
#define WKV_TRAIN_JSONL_H

#include <jansson.h>
#include <stddef.h>

/* Parse a line: *out is its object (release with json_decref), NULL for a blank line. Numbers that JSON cannot
 * represent become 0. WKV_EFORMAT, WKV_ENOMEM. */
int jsonl_line(json_t **out, const char *line, size_t bytes);

/* Call fn for each object: one per line (.jsonl); or also a single list, or one object over several lines (.json). Not
 * 0 from fn stops. Messages begin with the line or the element. */
typedef int object_fn(void *user, const json_t *object);
int jsonl_each(const char *text, size_t bytes, object_fn *fn, void *user);
int json_each(const char *text, size_t bytes, object_fn *fn, void *user);

#endif
