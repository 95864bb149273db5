/* writer.h - one session on the command line: its prompt is read with a progress bar, its answer printed as it is
 * generated, and Ctrl-C ends either. */
#ifndef WKV_CLI_WRITER_H
#define WKV_CLI_WRITER_H

#include "engine.h"
#include "wkv_session.h"

/* Read the ids appended to s. Returns 0, 1 after an error message, or 130 after Ctrl-C between two steps. */
int writer_read(wkv_batcher *b, wkv_session *s, const char *what);

typedef struct {
    wkv_finish_reason reason;
    int closed;     /* the output is closed: the answer was cancelled       */
    int hopeless;   /* with FAILED: no token can be sampled, now or later   */
    char *text;     /* of the answer, without its reasoning; the caller frees it; NULL: out of memory */
    int tokens;     /* sampled                                              */
    double seconds; /* of generation                                        */
} written;

/* Generate and print an answer. FAILED: after an error message. */
written writer_answer(engine *e, wkv_batcher *b, wkv_session *s, const wkv_generation *g);

#endif
