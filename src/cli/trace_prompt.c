/* trace_prompt.c - wkv trace: a prompt's tokens, its subject, its answer. */
#include "say.h"
#include "trace.h"
#include <stdlib.h>
#include <string.h>

int trace_encode(trace_prompt *p, const engine *e, const char *prompt, const char *subject, size_t at)
{
    *p = (trace_prompt){.item.answer = -1};
    const int n = engine_encode(e->tokenizer, 1, prompt, strlen(prompt), &p->ids);
    if (n < 0) return 1;
    p->item.tokens = p->ids;
    p->item.n = n;
    for (int i = 0; i < n; i++)
        if (p->ids[i] < 0 || p->ids[i] >= e->about->vocab)
            return complain("the prompt has token %d; the model's ids are 0 to %d", (int)p->ids[i],
                            e->about->vocab - 1);
    if (wkv_trace_find(&p->item.from, &p->item.to, &p->inside, e->tokenizer, p->ids, n, prompt, at, strlen(subject)))
        return complain_library();
    return 0;
}

void trace_forget(trace_prompt *p)
{
    free(p->ids);
    *p = (trace_prompt){0};
}

/* The first id of the text after `before`; -1: it cannot be encoded. */
static int32_t first_id(const engine *e, const char *before, const char *text)
{
    char *joined = malloc(strlen(before) + strlen(text) + 1);
    int32_t id = -1;
    if (!joined) return -1;
    strcat(strcpy(joined, before), text);
    if (wkv_encode(e->tokenizer, joined, strlen(joined), &id, 1) < 1 || id >= e->about->vocab) id = -1;
    free(joined);
    return id;
}

int trace_expect(trace_prompt *p, engine *e, const char *answer)
{
    wkv_state_reset(e->state);
    if (wkv_eval(e->context, e->state, p->ids, p->item.n, e->logits)) return complain_library();
    if (!logits_finite(e->logits, (size_t)e->about->vocab)) return complain_logits(e->model);
    int32_t best = 0;
    for (int32_t i = 1; i < e->about->vocab; i++)
        if (e->logits[i] > e->logits[best]) best = i;
    p->known = 1;
    p->item.answer = best;
    if (!answer) return 0;
    const int32_t plain = first_id(e, "", answer), blank = first_id(e, " ", answer);
    if (plain < 0 && blank < 0) return complain("the answer \"%s\" has no token in this vocabulary", answer);
    p->item.answer = plain < 0 || (blank >= 0 && e->logits[blank] > e->logits[plain]) ? blank : plain;
    p->known = p->item.answer == best;
    return 0;
}
