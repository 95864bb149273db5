/* reader.h - what the container readers share: the inside of `tensors`, and how to put things into it.
 *
 * A reader is a function that is given the bytes of a file and adds tensors with the names they have there, text, and
 * numbers. names.c then makes the names official. Sentences of readers do not begin with the path: tensors.c adds
 * it. */
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
    const char *file; /* the only one, which may lie in the folder `path`; NULL: several, or memory */
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
    tensors *over; /* what was laid over it, or NULL */
};

/* An empty view that is called `path`; and its names in order, when all are there and official. WKV_ENOMEM,
 * WKV_EFORMAT. */
int tensors_new(tensors **out, const char *path);
int tensors_index(tensors *t);

/* Memory that lives as long as t; NULL when there is none. tensors_text copies n bytes and ends them with a zero. */
void *tensors_memory(tensors *t, size_t bytes);
char *tensors_text(tensors *t, const void *s, size_t n);
/* Make room for `need` items in a growing array; WKV_ENOMEM. */
int grow(void *array, int *cap, int need, size_t item);

/* From type, dims and shape of *f: row-major strides, scale 1, and the bytes it takes; refuses what cannot be. */
int tensor_strides(file_tensor *f, const char *name, int64_t *bytes);
/* Add *f under a copy of the n bytes of `name`; a name that could not be printed is refused. */
int tensors_add(tensors *t, const char *name, size_t n, const file_tensor *f);
int tensors_add_text(tensors *t, const char *key, size_t key_len, const char *text, size_t len);
int tensors_add_number(tensors *t, const char *key, size_t key_len, double number);

/* The containers. `size` bytes at `data` outlive t. */
int read_pth_zip(tensors *t, const uint8_t *data, size_t size);
int read_pth_legacy(tensors *t, const uint8_t *data, size_t size);
int read_safetensors(tensors *t, const uint8_t *data, size_t size);
int read_gguf(tensors *t, const uint8_t *data, size_t size);
int read_rwkvcpp(tensors *t, const uint8_t *data, size_t size);

/* Tell the container from its first bytes and read it, or say in a sentence what else it is. detect.c */
int read_any(tensors *t, const uint8_t *data, size_t size, const char *name);

/* The files a path stands for. n is 1 for one file; a directory or an index of shards gives them all, the names the
 * index promises, and the files beside the weights of a Hugging Face folder. Free with checkpoint_free. folder.c */
enum { BESIDE = 4 };
typedef struct {
    char **file;
    int n;
    struct json_t *index;
    struct json_t *beside[BESIDE]; /* config.json and its kin, in the order of folder.c's table; NULL: there is none */
    char *chat;                    /* chat_template.jinja; NULL: there is none                                       */
    size_t chat_bytes;
    file_id index_id; /* the file of the index */
} checkpoint;
int checkpoint_find(checkpoint *out, const char *path);
int checkpoint_complete(const checkpoint *c, const tensors *t);
/* Add each number in the files beside the weights to t as metadata, the file's name without .json in front of its own
 * ("config.hidden_size"), and the chat template as "tokenizer.chat_template", as a GGUF has it. WKV_ENOMEM. */
int checkpoint_beside(const checkpoint *c, tensors *t);
void checkpoint_free(checkpoint *c);

/* Make all names official and note what is stored differently. names.c */
int names_official(tensors *t);

#endif
