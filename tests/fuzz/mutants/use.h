/* use.h - a mutant is opened and used in the way that the commands use it. */
#ifndef WKV_FUZZ_USE_H
#define WKV_FUZZ_USE_H

#include "mutation.h"

typedef enum {
    USE_MODEL,      /* logits, generate, convert, tune          */
    USE_ADAPTER,    /* generate --lora, merge, tune             */
    USE_STATE,      /* generate --load-state, merge             */
    USE_VOCABULARY, /* tokenize, generate --vocab               */
    USE_INDEX,      /* a folder of shards with this index       */
    USE_TOKENS,     /* train --data X.idx                       */
    USE_LINES       /* tune --data X.jsonl, train --data        */
} use_kind;

/* `path` is the mutant, `scratch` a folder for what is written. Returns 1 when it was opened, 0 when it was refused with a sentence. */
int use_mutant(const sound *s, const char *path, const char *scratch, rng *r);

/* Files are read into memory of exactly their size in place of being mapped, so that a read beyond the end is seen. */
enum { MOST_BYTES = 64 << 20 }; /* of one allocation: more is refused, as on a machine without memory */

#endif
