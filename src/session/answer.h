/* answer.h - an answer under way: ids become text, until something ends it. */
#ifndef WKV_SESSION_ANSWER_H
#define WKV_SESSION_ANSWER_H

#include "base/rng.h"
#include "session/scored.h"
#include "session/sections.h"
#include "session/stops.h"

struct answer {
    wkv_sampler *sampler;
    stops stops;
    int stop;                 /* the number of the one that has ended the answer, -1: none */
    char *ending, *tool_stop; /* copies; NULL: none */
    int max_tokens, tokens;
    int divided; /* into sections */
    sections sections;
    scored scored;
    wkv_decoder decoder;
    wkv_matcher *matcher; /* of a grammar; NULL: any text */
    uint64_t *mask;       /* of the ids that may come next */

    /* The text since id number `mark` of the session: [0 .. shown) was given to the events, the rest is held back. The
     * state after `mark` ids is kept in `kept` once ids behind it are read (if has_kept). */
    char *text;
    size_t n, cap, shown;
    int from; /* ids of the session before the answer */
    int mark, has_kept;
    wkv_state *kept;
    float *kept_hidden;
};
typedef struct answer answer;

/* Copy g for an answer of s. WKV_EARG, WKV_ENOMEM */
int answer_new(answer **out, const wkv_session *s, const wkv_generation *g);
void answer_free(answer *a);

/* Sample a token from the logits and add it to the session. The answer may end with it: then the session's events have
 * DONE, and its ids and state are those of the text shown and the ending. */
void answer_sample(wkv_session *s, const float *logits);

/* End the answer. The rest of the text, held back until now, is shown. FAILED: for this code and wkv_error(). */
void answer_finish(wkv_session *s, wkv_finish_reason reason, int code);

#endif
