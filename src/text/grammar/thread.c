/* thread.c - the threads of the next place: from some states, through all that read no byte, to those that do. */
#include "text/grammar/place_parts.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

/* A text in more ways than this at once follows those of them that end the output with the fewest tokens: it stays one
 * of the grammar, and can be completed within its limit. */
enum { MOST_THREADS = 256, MOST_VISITS = 1 << 13 };

void places_begin(places *p)
{
    p->n_found = p->n_todo = p->n_seen = p->complete = 0;
    p->least = p->most = IMPOSSIBLE;
    if (!++p->turn) {
        memset(p->seen, 0, (size_t)p->cap_seen * sizeof *p->seen);
        p->turn = 1;
    }
}

/* Continue at a state; `fresh`: frames on the top whose iterations have no byte yet. */
void places_visit(places *p, int at, int frame_index, int fresh)
{
    if (!places_reserve(p, &p->todo, &p->cap_todo, p->n_todo, 1, sizeof *p->todo)) return;
    p->todo[p->n_todo++] = (visit){at, frame_index, fresh, 0};
}

static int grow_seen(places *p)
{
    if (2 * (p->n_seen + 1) <= p->cap_seen) return 1;
    const int cap = p->cap_seen ? 2 * p->cap_seen : 256;
    visit *seen = calloc((size_t)cap, sizeof *seen);
    if (!seen) {
        p->err = fail(WKV_ENOMEM, "no memory for the places of a grammar");
        return 0;
    }
    for (int i = 0; i < p->cap_seen; i++) {
        const visit *v = p->seen + i;
        if (v->turn != p->turn) continue;
        uint32_t at = hash_mix(hash_mix(hash_mix(3, (uint32_t)v->state), (uint32_t)v->frame), (uint32_t)v->fresh) &
                      (uint32_t)(cap - 1);
        while (seen[at].turn == p->turn) at = (at + 1) & (uint32_t)(cap - 1);
        seen[at] = *v;
    }
    free(p->seen);
    p->seen = seen, p->cap_seen = cap;
    return 1;
}

/* Was this visited in the same turn? Then there is nothing to do, nor where there are many visits and this one leads to
 * no shorter end. */
static int is_seen(places *p, const visit *v)
{
    if (!grow_seen(p)) return 1;
    if (p->n_seen >= MOST_VISITS && places_tokens(p, v->state, v->frame) >= p->least) return 1;
    uint32_t at = hash_mix(hash_mix(hash_mix(3, (uint32_t)v->state), (uint32_t)v->frame), (uint32_t)v->fresh) &
                  (uint32_t)(p->cap_seen - 1);
    for (; p->seen[at].turn == p->turn; at = (at + 1) & (uint32_t)(p->cap_seen - 1))
        if (p->seen[at].state == v->state && p->seen[at].frame == v->frame && p->seen[at].fresh == v->fresh) return 1;
    p->seen[at] = *v;
    p->seen[at].turn = p->turn;
    p->n_seen++;
    return 0;
}

typedef struct {
    int64_t tokens;
    frame frame;
    thread thread;
} ranked;

/* Frames are numbered as they come, so they decide last. */
static int by_tokens(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->tokens != y->tokens) return x->tokens < y->tokens ? -1 : 1;
    if (x->thread.state != y->thread.state) return x->thread.state < y->thread.state ? -1 : 1;
    if (x->frame.loops != y->frame.loops) return x->frame.loops < y->frame.loops ? -1 : 1;
    if (x->frame.count != y->frame.count) return x->frame.count < y->frame.count ? -1 : 1;
    return x->thread.frame < y->thread.frame ? -1 : x->thread.frame > y->thread.frame;
}

/* Leave out the threads of the most tokens. */
static void keep_shortest(places *p)
{
    ranked all[2 * MOST_THREADS];
    for (int i = 0; i < p->n_found; i++) {
        const thread t = p->found[i];
        all[i] = (ranked){places_tokens(p, t.state, t.frame), p->frames[t.frame], t};
    }
    qsort(all, (size_t)p->n_found, sizeof *all, by_tokens);
    p->n_found = MOST_THREADS;
    p->most = all[MOST_THREADS - 1].tokens;
    for (int i = 0; i < MOST_THREADS; i++) p->found[i] = all[i].thread;
}

void places_add_thread(places *p, int at, int frame_index)
{
    const state_cost *c = p->a->cost + at;
    const int64_t tokens = places_tokens(p, at, frame_index);
    if (tokens >= p->most || c->frames + p->frames[frame_index].depth > MOST_FRAMES) return;
    if (p->n_found == 2 * MOST_THREADS) keep_shortest(p);
    if (!places_reserve(p, &p->found, &p->cap_found, p->n_found, 1, sizeof *p->found)) return;
    p->found[p->n_found++] = (thread){at, frame_index};
    if (tokens < p->least) p->least = tokens;
}

/* Start iteration `count` of a loop. */
static void begin(places *p, int loop_index, int count, int around, int fresh)
{
    if (p->frames[around].depth >= MOST_FRAMES) return;
    const int f = places_push(p, loop_index, count, around);
    if (f) places_visit(p, p->a->rules[p->a->loops[loop_index].rule].start, f, fresh);
}

/* The iteration has ended: an empty one counts for nothing. */
static void end(places *p, const visit *v)
{
    if (!v->frame) p->complete = 1;
    if (!v->frame || v->fresh) return;
    const frame f = p->frames[v->frame];
    const loop *l = p->a->loops + f.loop;
    if (f.count >= l->min) places_visit(p, l->exit, f.around, 0);
    if (l->max == NO_LIMIT)
        begin(p, f.loop, f.count < l->min ? f.count + 1 : f.count, f.around, 1);
    else if (f.count < l->max)
        begin(p, f.loop, f.count + 1, f.around, 1);
}

/* Follow all states to be visited to those that read bytes. */
void places_close(places *p)
{
    while (p->n_todo && !p->err) {
        const visit v = p->todo[--p->n_todo];
        const state *s = p->a->states + v.state;
        if (s->kind == STATE_BYTES) {
            places_add_thread(p, v.state, v.frame);
            continue;
        }
        if (is_seen(p, &v)) continue;
        if (s->kind == STATE_END) end(p, &v);
        for (int i = 0; s->kind == STATE_SPLIT && i < s->n; i++)
            places_visit(p, p->a->targets[s->from + i], v.frame, v.fresh);
        if (s->kind == STATE_LOOP) {
            if (!p->a->loops[s->from].min) places_visit(p, p->a->loops[s->from].exit, v.frame, v.fresh);
            begin(p, s->from, 1, v.frame, v.fresh + 1);
        }
    }
    p->n_todo = 0;
}

/* Does frame a allow all that frame b allows? It does in the same loops at lower counts that have reached the min. */
static int allows(const places *p, int a, int b)
{
    if (p->frames[a].loops != p->frames[b].loops) return 0;
    while (a != b) {
        const frame *x = p->frames + a, *y = p->frames + b;
        if (!a || !b || x->loop != y->loop) return 0;
        if (x->count != y->count && (x->count > y->count || x->count < p->a->loops[x->loop].min)) return 0;
        a = x->around, b = y->around;
    }
    return 1;
}

static int by_state(const void *a, const void *b)
{
    const thread *x = a, *y = b;
    if (x->state != y->state) return x->state < y->state ? -1 : 1;
    return x->frame < y->frame ? -1 : x->frame > y->frame;
}

static void sort(thread *t, int n)
{
    if (n > 12) {
        qsort(t, (size_t)n, sizeof *t, by_state);
        return;
    }
    for (int i = 1; i < n; i++) {
        const thread one = t[i];
        int k = i;
        for (; k && by_state(t + k - 1, &one) > 0; k--) t[k] = t[k - 1];
        t[k] = one;
    }
}

int places_reduce(places *p)
{
    enum { COMPARED = 16 /* threads of one state: the others stay, which is longer, not wrong */ };
    if (p->n_found > MOST_THREADS) keep_shortest(p);
    thread *t = p->found;
    const int n = p->n_found;
    int kept = 0;
    sort(t, n);
    for (int i = 0, from = 0; i < n; i++) {
        if (!i || t[i].state != t[i - 1].state) from = kept;
        if (kept - from > COMPARED) from = kept - COMPARED;
        int k = from;
        while (k < kept && !allows(p, t[k].frame, t[i].frame)) k++;
        if (k < kept) continue;
        int m = from;
        for (k = from; k < kept; k++)
            if (!allows(p, t[i].frame, t[k].frame)) t[m++] = t[k];
        t[m] = t[i];
        kept = m + 1;
    }
    return kept;
}
