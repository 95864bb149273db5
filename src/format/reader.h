/* reader.h - the shared base of the container readers: the struct behind `tensors`, and functions that add to it.
 *
 * A reader is a function that parses the bytes of a file and adds tensors under their stored names, texts, and numbers.
 * names.c then makes the names official. Error messages of readers do not begin with the path: tensors.c adds it. */
#ifndef WKV_FORMAT_READER_H
#define WKV_FORMAT_READER_H

#include "base/error.h"
#include "base/file.h"
#include "format/tensors.h"

typedef struct {
    const char *key, *text; /* text NULL: a number */
    double number;
} meta_item;

typedef struct {
    const uint8_t *bytes; /* in the mapping */
    size_t len;
} token_item;

struct tensors {
    const char *path, *format, *naming;
    const char *file; /* the only file, possibly in the folder `path`; NULL: several, or memory */
    file_map *maps;
    int n_maps, cap_maps;
    file_id index; /* the file that lists the shards; inode 0: none */
    size_t bytes;
    file_tensor *list;
    int count, cap;
    const file_tensor **by_name; /* into list, sorted; made last */
    meta_item *meta;
    int n_meta, cap_meta;
    token_item *tokens;
    int n_tokens;
    void *kept;    /* chain of blocks: names, texts, inflated entries; freed at close */
    tensors *overlay; /* or NULL */
};

/* tensors_new makes an empty view with the path `path`; tensors_index sorts its names, after all were added and made
 * official. WKV_ENOMEM, WKV_EFORMAT. */
int tensors_new(tensors **out, const char *path);
int tensors_index(tensors *t);

/* Memory that lives as long as t; NULL: no memory. tensors_text copies n bytes and adds a zero. */
void *tensors_memory(tensors *t, size_t bytes);
char *tensors_text(tensors *t, const void *s, size_t n);
/* Grow an array to a capacity of `need` items; WKV_ENOMEM. */
int grow(void *array, int *cap, int need, size_t item);

/* From type, dims and shape of *f: row-major strides, scale 1, and the bytes it needs; refuses impossible shapes. */
int tensor_strides(file_tensor *f, const char *name, int64_t *bytes);
/* Add *f under a copy of the n bytes of `name`; names with control characters are refused. */
int tensors_add(tensors *t, const char *name, size_t n, const file_tensor *f);
int tensors_add_text(tensors *t, const char *key, size_t key_len, const char *text, size_t len);
int tensors_add_number(tensors *t, const char *key, size_t key_len, double number);

/* The containers. The caller keeps the `size` bytes at `data` until t is closed. */
int read_pth_zip(tensors *t, const uint8_t *data, size_t size);
int read_pth_legacy(tensors *t, const uint8_t *data, size_t size);
int read_safetensors(tensors *t, const uint8_t *data, size_t size);
int read_gguf(tensors *t, const uint8_t *data, size_t size);
int read_rwkvcpp(tensors *t, const uint8_t *data, size_t size);

/* Detect the container by its first bytes and read it, or fail with a sentence that names its kind. detect.c */
int read_any(tensors *t, const uint8_t *data, size_t size, const char *name);

/* The files of a path. n is 1 for one file; a directory or an index of shards gives all its files, the names of tensors
 * in the index, and the files beside the weights of a Hugging Face folder. Free with checkpoint_free. folder.c */
enum { BESIDE = 4 };
typedef struct {
    char **file;
    int n;
    struct json_t *index;
    struct json_t *beside[BESIDE]; /* config.json and others, in the order of folder.c's table; NULL: missing */
    char *chat;                    /* chat_template.jinja; NULL: missing                                      */
    size_t chat_bytes;
    file_id index_id; /* the file of the index */
} checkpoint;
int checkpoint_find(checkpoint *out, const char *path);
int checkpoint_complete(const checkpoint *c, const tensors *t);
/* Add each number in the files beside the weights to t as metadata, prefixed by the file's name without .json
 * ("config.hidden_size"), and the chat template as "tokenizer.chat_template", as in a GGUF. WKV_ENOMEM. */
int checkpoint_beside(const checkpoint *c, tensors *t);
void checkpoint_free(checkpoint *c);

/* Make all names official and record how each tensor is stored differently. names.c */
int names_official(tensors *t);

#endif
