/* catalog.h - published checkpoints by short name. */
#ifndef WKV_CLI_CATALOG_H
#define WKV_CLI_CATALOG_H

#include <stdint.h>

typedef struct {
    const char *name;       /* "g1-1.5b" */
    const char *repository; /* on huggingface.co, "BlinkDL/rwkv7-g1" */
    const char *revision;   /* commit that has the file; repositories replace older files in main */
    const char *file;       /* NULL: the repository is one model, a Hugging Face folder */
    const char *type;       /* data type of the matrices */
    const char *version;    /* RWKV version */
    int layers, width, vocab;
    int64_t parameters; /* exact, or bytes / 2 of a bf16 file */
    int64_t bytes;      /* size of the file */
    const char *sha256; /* NULL: not published; the server may send it */
    const char *purpose;
} published;

extern const published catalog[]; /* the last has no name */

/* The entry with that short name, else the only entry with that file prefix; NULL: none. */
const published *catalog_find(const char *name);
const published *catalog_nearest(const char *name); /* the likely meaning of a typo, or NULL */

/* The name of the file or folder of a finished download. */
const char *catalog_file(const published *p);
/* `name` is a prefix of it, ignoring case. */
int catalog_begins(const published *p, const char *name);

#endif
