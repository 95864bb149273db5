/* jsonl.h - the one reader of .jsonl and .json files of texts, conversations and instructions. It accepts all that
 * Python's json writes and reads: a byte order mark, \u0000, a key that is there twice (the last one is valid), and
 * beside the strings that are used numbers of any size, NaN, Infinity and -Infinity. */
#ifndef WKV_TRAIN_JSONL_H
#define WKV_TRAIN_JSONL_H

#include <jansson.h>
#include <stddef.h>

/* A line: *out is its object, which json_decref gives back, or NULL when there are only blanks. Numbers that JSON
 * cannot hold become 0. WKV_EFORMAT, WKV_ENOMEM. */
int jsonl_line(json_t **out, const char *line, size_t bytes);

/* fn for each object of a text: of a .jsonl, which has one in a line; of a .json, which may also be one list of them,
 * or one object in several lines. Not 0 from fn stops. Sentences begin with the line or the element. */
typedef int object_fn(void *user, const json_t *object);
int jsonl_each(const char *text, size_t bytes, object_fn *fn, void *user);
int json_each(const char *text, size_t bytes, object_fn *fn, void *user);

#endif
