/* session.h - the struct behind wkv_session. */
#ifndef WKV_SESSION_SESSION_H
#define WKV_SESSION_SESSION_H

#include "rwkv/api.h"
#include "session/answer.h"
#include "session/segments.h"

/* The reasons for which a cache keeps a state, the least valuable first. */
typedef enum {
    CHECKPOINT_STEP,    /* a number of tokens has been read        */
    CHECKPOINT_PROMPT,  /* the end of the ids to read              */
    CHECKPOINT_SEGMENT, /* the end of a segment                    */
    CHECKPOINT_FILE,    /* it is in a file                         */
    CHECKPOINT_JUNCTION /* texts that were read part here          */
} checkpoint_kind;

/* A place in the ids at which the batcher ends a chunk, so that a cache can keep the state. */
typedef struct {
    int at; /* ids before it */
    checkpoint_kind kind;
    int on_disk; /* not 0: the state is to be written */
} place;

struct wkv_session {
    const wkv_model *model;
    const wkv_tokenizer *tokenizer;
    wkv_state *state; /* after ids[0 .. read)                               */
    float *hidden;    /* [C] the row of id read - 1, if has_hidden          */
    int has_hidden;
    int32_t *ids;
    int n, cap, read;
    segments segments;
    place *places; /* of wkv_cache_resume, ascending              */
    int n_places;
    int untrusted;        /* its state came from a file, or the caller has it and may change it: not for a cache */
    char *origin;         /* why its ids do not give its state: wkv_state_info; NULL: they do */
    int sampled;          /* tokens of the latest answer                        */
    rng random;           /* continues from answer to answer                    */
    wkv_batcher *batcher; /* that it is in; NULL: none                 */
    answer *answer;       /* in a batcher; NULL: only reading          */
    events events;
};

int session_reserve(wkv_session *s, int n); /* room for n more ids. WKV_ENOMEM */
/* Leave the batcher: DONE, for this reason, and with the answer's end if it has begun. */
void session_finish(wkv_session *s, wkv_finish_reason reason, int code);

/* The last bytes of the text of the first n ids as a string: more than a mark of a section. */
enum { LAST_BYTES = 32 };
void session_last_bytes(const wkv_session *s, int n, char out[LAST_BYTES]);

/* Copies of its state, and of its hidden row: NULL if it has none. The caller frees both. WKV_ENOMEM */
int session_copy_state(wkv_state **state, float **hidden, const wkv_session *s);

void batcher_remove(wkv_batcher *b, const wkv_session *s);

#endif
