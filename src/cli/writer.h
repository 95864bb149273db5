/* writer.h - the model writes: tokens are drawn, read back, and shown as text until something ends it.
 *
 * Stop strings are matched on the bytes of the text, however tokens cut them, and are never shown: text that may be the
 * beginning of a stop string waits until that is decided. */
#ifndef WKV_CLI_WRITER_H
#define WKV_CLI_WRITER_H

#include "engine.h"

typedef enum {
    END_LIMIT,     /* as many tokens as were asked for */
    END_TEXT,      /* the model ended the text         */
    END_STOP,      /* a stop string                    */
    END_INTERRUPT, /* Ctrl-C                           */
    END_OUTPUT,    /* nobody reads any more            */
    END_LOGITS,    /* no token can be sampled, now or later; the sentence has been said */
    END_FAILED     /* the sentence has been said       */
} finish_reason;

typedef struct {
    engine *e;
    wkv_sampler *sampler;
    const char *const *stops;
    int n_stops;
    int limit;                                               /* most tokens; 0: no limit         */
    int (*show)(void *user, const char *text, size_t bytes); /* complete characters; not 0: stop */
    void *user;
    wkv_state *mark;                                         /* for writer_settle, else NULL     */

    int tokens;                                              /* drawn so far                     */
    double seconds;                                          /* spent writing                    */

    /* The text since the last moment when all was shown. `mark` is the state of that moment (when `marked`; otherwise
     * it is the state itself), so that going back to it and reading text[0 .. shown) again leaves just what was
     * shown. */
    char *text;
    size_t n, cap, shown;
    int marked;
    wkv_decoder decoder;
} writer;

/* Write from e->logits on. */
finish_reason writer_run(writer *w);

/* After writer_run with a mark: make the state hold what was shown, without blanks at its end, and then `separator`.
 * Returns 0 or 1 after a sentence. */
int writer_settle(writer *w, const char *separator);

void writer_free(writer *w); /* its buffer */

#endif
