/* session.h - the struct behind wkv_session. */
#ifndef WKV_SESSION_SESSION_H
#define WKV_SESSION_SESSION_H

#include "rwkv/api.h"
#include "session/answer.h"

struct wkv_session {
    const wkv_model *model;
    const wkv_tokenizer *tokenizer;
    wkv_state *state; /* after ids[0 .. read)                               */
    float *hidden;    /* [C] the row of id read - 1, if has_hidden          */
    int has_hidden;
    int32_t *ids;
    int n, cap, read;
    int segments;
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

void batcher_remove(wkv_batcher *b, const wkv_session *s);

#endif
