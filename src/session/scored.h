/* scored.h - probabilities of the tokens of an answer, until the text of each is shown. */
#ifndef WKV_SESSION_SCORED_H
#define WKV_SESSION_SCORED_H

#include "session/events.h"

typedef struct {
    int on, top;             /* top: the most probable tokens beside the sampled one   */
    size_t *ends;            /* [n] the end of each token in the text held back         */
    wkv_token_score *scores; /* [n][1 + top]                                            */
    int n, cap;
} scored;

/* Add a token, with the logits it was sampled from, of a vocabulary of V. WKV_ENOMEM */
int scored_add(scored *s, int32_t id, const float *logits, int V);
void scored_place(scored *s, size_t end); /* the end of the token added last */
/* Give the tokens up to `shown` to the events. WKV_ENOMEM */
int scored_show(scored *s, events *e, size_t shown);
void scored_release(scored *s);

#endif
