/* use.h - a mutant is opened and used in the way that the commands use it. */
#ifndef WKV_FUZZ_USE_H
#define WKV_FUZZ_USE_H

#include "mutation.h"

typedef enum {
    USE_MODEL,      /* logits, generate, convert, tune          */
    USE_ADAPTER,    /* generate --lora, merge, tune             */
    USE_STATE,      /* generate --state, merge, state           */
    USE_STATE_FILE, /* state info, verify, mix, convert         */
    USE_VOCABULARY, /* tokenize, generate --vocab               */
    USE_INDEX,      /* a folder of shards with this index       */
    USE_TOKENS,     /* train --data X.idx                       */
    USE_LINES,      /* tune --data X.jsonl, train --data        */
    USE_RUN         /* train --resume                           */
} use_kind;

/* `path` is the mutant, `scratch` a folder for outputs. Returns 1 when it was opened, 0 when it was refused
 * with a sentence. */
int use_mutant(const sound *s, const char *path, const char *scratch, rng *r);

int refused(void);                                  /* 0; aborts when there is no sentence */
int use_state_file(const sound *s, const char *path, const char *scratch, rng *r);
int use_tokens(const char *path, const void *form); /* a text_form; NULL: there are tokens only */
int use_lines(const char *path, rng *r);
int use_run(const char *scratch);
int make_run(const char *folder, const char *text); /* a run of three steps that can be resumed; not 0: wkv_error() */

#endif
