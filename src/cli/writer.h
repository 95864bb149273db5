/* writer.h - generate text: sample a token, evaluate it, print it, until a stop condition.
 *
 * Stop strings are matched on the bytes of the text, across token boundaries, and never printed: text that may begin a
 * stop string is held back until that is decided. */
#ifndef WKV_CLI_WRITER_H
#define WKV_CLI_WRITER_H

#include "engine.h"

typedef enum {
    END_LIMIT,     /* the token limit */
    END_TEXT,      /* the model ended the text */
    END_STOP,      /* a stop string */
    END_INTERRUPT, /* Ctrl-C */
    END_OUTPUT,    /* the output is closed */
    END_LOGITS,    /* no token can be sampled, now or later; an error message was printed */
    END_FAILED     /* an error message was printed */
} finish_reason;

typedef struct {
    engine *e;
    wkv_sampler *sampler;
    const char *const *stops;
    int n_stops;
    int limit;                                               /* token limit; 0: none */
    int (*show)(void *user, const char *text, size_t bytes); /* complete characters; not 0: stop */
    void *user;
    wkv_state *mark; /* for writer_settle, else NULL */

    int tokens;     /* tokens sampled so far */
    double seconds; /* seconds of generation */

    /* The text since the last point without held-back text. `mark` is a copy of the state at that point (if `marked`;
     * else the current state), so that restoring it and evaluating text[0 .. shown) matches the printed text. */
    char *text;
    size_t n, cap, shown;
    int marked;
    wkv_decoder decoder;
} writer;

/* Generate, starting from e->logits. */
finish_reason writer_run(writer *w);

/* After writer_run with a mark: set the state to the printed text, without trailing blanks, and then `separator`.
 * Returns 0, or 1 after an error message. */
int writer_settle(writer *w, const char *separator);

void writer_free(writer *w); /* its buffer */

#endif
