/* cache_plan.c - the places at which a prompt is read in chunks, because their states are worth keeping.
 *
 * A chunk costs the time of its weights once more, so there are few: thinning decides before reading, as it would
 * afterwards. */
#include "base/error.h"
#include "session/cache.h"
#include "session/thinning.h"
#include <stdlib.h>

enum {
    STEP = 1024, /* ids between two places of a long segment                   */
    NEAR = 32    /* ids that are read faster than a state of them is worth it  */
};

typedef struct {
    place *at;
    int n;
} list;

static void add(list *l, int at, checkpoint_kind kind) { l->at[l->n++] = (place){.at = at, .kind = kind}; }

/* Every step up to `end`. */
static void add_steps(list *l, int *step, int end)
{
    for (; *step < end; *step += STEP) add(l, *step, CHECKPOINT_STEP);
}

static int compare(const void *a, const void *b)
{
    const place *x = a, *y = b;
    return x->at != y->at ? (x->at < y->at ? -1 : 1) : (int)y->kind - (int)x->kind;
}

/* Ends of segments, steps, the junction and the end: ascending, of several at the same id the most valuable first. */
static void list_all(list *l, const wkv_session *s, const cache_plan *p)
{
    int step = (p->from / STEP + 1) * STEP;
    for (int i = 0; i < s->segments.n; i++) {
        const int end = s->segments.at[i].end;
        if (end <= p->from || end >= s->n) continue;
        add_steps(l, &step, end);
        add(l, end, CHECKPOINT_SEGMENT);
    }
    add_steps(l, &step, s->n);
    if (p->junction > p->from && p->junction < s->n) add(l, p->junction, CHECKPOINT_JUNCTION);
    if (s->n > p->from) add(l, s->n, CHECKPOINT_PROMPT);
    if (l->n) qsort(l->at, (size_t)l->n, sizeof *l->at, compare);
}

/* Leave out places shortly after another one, which then stands for them, and steps shortly before one. */
static void drop_near(list *l, int from)
{
    int kept = 0;
    for (int i = 0; i < l->n; i++) {
        const place p = l->at[i];
        const int before = kept ? l->at[kept - 1].at : from;
        const int leads = p.kind == CHECKPOINT_STEP && i + 1 < l->n && l->at[i + 1].at - p.at < NEAR;
        if (p.kind == CHECKPOINT_PROMPT || (p.at - before >= NEAR && !leads))
            l->at[kept++] = p;
        else if (kept && p.kind == CHECKPOINT_JUNCTION)
            l->at[kept - 1].kind = CHECKPOINT_JUNCTION;
    }
    l->n = kept;
}

static int thin(list *l, int end)
{
    char *drop = malloc((size_t)l->n + 1);
    if (!drop) return fail(WKV_ENOMEM, "no memory for %d places of a prompt", l->n);
    int kept = 0;
    thinning_choose(drop, l->at, l->n, end);
    for (int i = 0; i < l->n; i++)
        if (!drop[i]) l->at[kept++] = l->at[i];
    l->n = kept;
    free(drop);
    return 0;
}

/* A state goes to disk if it saves enough reading, counted from the one before it there. The end of a long prompt goes
 * there anyway: the same prompt comes again. */
static void choose_for_disk(list *l, const cache_plan *plan)
{
    int before = plan->on_disk;
    for (int i = 0; i < l->n; i++) {
        place *p = &l->at[i];
        const int from = p->kind == CHECKPOINT_PROMPT ? plan->on_disk : before;
        p->on_disk = p->kind != CHECKPOINT_STEP && p->at - from >= plan->tokens;
        if (p->on_disk) before = p->at;
    }
}

int cache_choose_places(wkv_session *s, const cache_plan *plan)
{
    enum { OTHERS = 3 /* the junction, the end, a step */ };
    const size_t most = (size_t)s->segments.n + (size_t)(s->n - plan->from) / STEP + OTHERS;
    list l = {.at = malloc(most * sizeof *l.at)};
    if (!l.at) return fail(WKV_ENOMEM, "no memory for %zu places of a prompt", most);
    list_all(&l, s, plan);
    drop_near(&l, plan->from);
    const int err = thin(&l, s->n);
    if (err) {
        free(l.at);
        return err;
    }
    if (plan->tokens) choose_for_disk(&l, plan);
    free(s->places);
    s->places = l.at, s->n_places = l.n;
    return 0;
}
