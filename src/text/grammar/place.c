/* place.c - from one place to the next. */
#include "text/grammar/place.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

/* A text in more ways than this at once follows the first of them only: the output stays one of the grammar. */
enum { MOST_THREADS = 256, MOST_VISITS = 1 << 16 };

/* Room for one more element in the array at *at; 0: no memory, which is kept in p->err. */
static int reserve(places *p, void *at, int *cap, int used, int n, size_t size)
{
    void *old, *grown;
    if (used + n <= *cap) return 1;
    const int more = 2 * *cap + n + 64;
    memcpy(&old, at, sizeof old);
    if (p->err || !(grown = realloc(old, (size_t)more * size))) {
        p->err = fail(WKV_ENOMEM, "no memory for the places of a grammar");
        return 0;
    }
    memcpy(at, &grown, sizeof grown);
    *cap = more;
    return 1;
}

static uint32_t mix(uint32_t h, uint32_t x)
{
    h = (h ^ x) * 0x9e3779b1u;
    return h ^ h >> 15;
}

/* ---- frames -------------------------------------------------------------------------------------------------------- */

static uint32_t hash_frame(const frame *f)
{
    return mix(mix(mix(7, (uint32_t)f->loop), (uint32_t)f->count), (uint32_t)f->around);
}

static int grow_frames(places *p)
{
    if (!reserve(p, &p->frames, &p->cap_frames, p->n_frames, 1, sizeof *p->frames)) return 0;
    if (2 * (p->n_frames + 1) <= p->cap_frame_table) return 1;
    const int cap = p->cap_frame_table ? 2 * p->cap_frame_table : 512;
    int *table = calloc((size_t)cap, sizeof *table);
    if (!table) {
        p->err = fail(WKV_ENOMEM, "no memory for the places of a grammar");
        return 0;
    }
    for (int i = 1; i < p->n_frames; i++) {
        uint32_t at = hash_frame(p->frames + i) & (uint32_t)(cap - 1);
        while (table[at]) at = (at + 1) & (uint32_t)(cap - 1);
        table[at] = i;
    }
    free(p->frame_table);
    p->frame_table = table, p->cap_frame_table = cap;
    return 1;
}

/* The frame of an iteration, 0: no memory. */
static int push(places *p, int loop_index, int count, int around)
{
    frame f = {loop_index, count, around, p->frames[around].depth + 1, 0};
    if (!grow_frames(p)) return 0;
    uint32_t at = hash_frame(&f) & (uint32_t)(p->cap_frame_table - 1);
    for (int i; (i = p->frame_table[at]); at = (at + 1) & (uint32_t)(p->cap_frame_table - 1))
        if (p->frames[i].loop == loop_index && p->frames[i].count == count && p->frames[i].around == around) return i;
    const loop *l = p->a->loops + loop_index;
    const int more = l->min > count ? l->min - count : 0;
    f.tokens = cost_sum(cost_times(p->a->cost[p->a->rules[l->rule].start].tokens, more),
                        cost_sum(p->a->cost[l->exit].tokens, p->frames[around].tokens));
    p->frames[p->n_frames] = f;
    return p->frame_table[at] = p->n_frames++;
}

/* ---- threads ------------------------------------------------------------------------------------------------------- */

/* Continue at a state; `fresh`: frames on the top whose iterations have no byte yet. */
static void visit_later(places *p, int at, int frame_index, int fresh)
{
    if (!reserve(p, &p->todo, &p->cap_todo, p->n_todo, 1, sizeof *p->todo)) return;
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
        uint32_t at = mix(mix(mix(3, (uint32_t)v->state), (uint32_t)v->frame), (uint32_t)v->fresh) & (uint32_t)(cap - 1);
        while (seen[at].turn == p->turn) at = (at + 1) & (uint32_t)(cap - 1);
        seen[at] = *v;
    }
    free(p->seen);
    p->seen = seen, p->cap_seen = cap;
    return 1;
}

/* Was this visited in the same turn? Then, or without room, there is nothing to do. */
static int is_seen(places *p, const visit *v)
{
    if (!grow_seen(p) || p->n_seen >= MOST_VISITS) return 1;
    uint32_t at = mix(mix(mix(3, (uint32_t)v->state), (uint32_t)v->frame), (uint32_t)v->fresh) &
                  (uint32_t)(p->cap_seen - 1);
    for (; p->seen[at].turn == p->turn; at = (at + 1) & (uint32_t)(p->cap_seen - 1))
        if (p->seen[at].state == v->state && p->seen[at].frame == v->frame && p->seen[at].fresh == v->fresh) return 1;
    p->seen[at] = *v;
    p->seen[at].turn = p->turn;
    p->n_seen++;
    return 0;
}

static void find_thread(places *p, int at, int frame_index)
{
    const state_cost *c = p->a->cost + at;
    if (c->tokens >= IMPOSSIBLE || c->frames + p->frames[frame_index].depth > MOST_FRAMES ||
        p->frames[frame_index].tokens >= IMPOSSIBLE || p->n_found >= MOST_THREADS)
        return;
    if (!reserve(p, &p->found, &p->cap_found, p->n_found, 1, sizeof *p->found)) return;
    p->found[p->n_found++] = (thread){at, frame_index};
}

/* Start iteration `count` of a loop. */
static void begin(places *p, int loop_index, int count, int around, int fresh)
{
    if (p->frames[around].depth >= MOST_FRAMES) return;
    const int f = push(p, loop_index, count, around);
    if (f) visit_later(p, p->a->rules[p->a->loops[loop_index].rule].start, f, fresh);
}

/* The iteration has ended: an empty one counts for nothing. */
static void end(places *p, const visit *v)
{
    if (!v->frame) p->complete = 1;
    if (!v->frame || v->fresh) return;
    const frame f = p->frames[v->frame];
    const loop *l = p->a->loops + f.loop;
    if (f.count >= l->min) visit_later(p, l->exit, f.around, 0);
    if (l->max == NO_LIMIT)
        begin(p, f.loop, f.count < l->min ? f.count + 1 : f.count, f.around, 1);
    else if (f.count < l->max)
        begin(p, f.loop, f.count + 1, f.around, 1);
}

/* Follow all states to be visited to those that read bytes. */
static void close_set(places *p)
{
    while (p->n_todo && !p->err) {
        const visit v = p->todo[--p->n_todo];
        const state *s = p->a->states + v.state;
        if (s->kind == STATE_BYTES) {
            find_thread(p, v.state, v.frame);
            continue;
        }
        if (is_seen(p, &v)) continue;
        if (s->kind == STATE_END) end(p, &v);
        for (int i = 0; s->kind == STATE_SPLIT && i < s->n; i++)
            visit_later(p, p->a->targets[s->from + i], v.frame, v.fresh);
        if (s->kind == STATE_LOOP) {
            if (!p->a->loops[s->from].min) visit_later(p, p->a->loops[s->from].exit, v.frame, v.fresh);
            begin(p, s->from, 1, v.frame, v.fresh + 1);
        }
    }
    p->n_todo = 0;
}

/* Does frame a allow all that frame b allows? It does in the same loops at lower counts that have reached the min. */
static int allows(const places *p, int a, int b)
{
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

/* Leave out threads that another one of the same state includes. */
static int reduce(const places *p, thread *t, int n)
{
    int kept = 0;
    sort(t, n);
    for (int i = 0, from = 0; i < n; i++) {
        if (!i || t[i].state != t[i - 1].state) from = kept;
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

/* ---- places -------------------------------------------------------------------------------------------------------- */

static int grow_places(places *p)
{
    if (!reserve(p, &p->places, &p->cap_places, p->n_places, 1, sizeof *p->places)) return 0;
    if (2 * (p->n_places + 1) <= p->cap_place_table) return 1;
    const int cap = p->cap_place_table ? 2 * p->cap_place_table : 512;
    int *table = calloc((size_t)cap, sizeof *table);
    if (!table) {
        p->err = fail(WKV_ENOMEM, "no memory for the places of a grammar");
        return 0;
    }
    for (int i = 0; i < p->n_places; i++) {
        uint32_t at = p->places[i].hash & (uint32_t)(cap - 1);
        while (table[at]) at = (at + 1) & (uint32_t)(cap - 1);
        table[at] = i + 1;
    }
    free(p->place_table);
    p->place_table = table, p->cap_place_table = cap;
    return 1;
}

static int64_t tokens_of(const places *p, const thread *t, int n)
{
    int64_t least = IMPOSSIBLE;
    for (int i = 0; i < n; i++) {
        const int64_t one = cost_sum(p->a->cost[t[i].state].tokens, p->frames[t[i].frame].tokens);
        if (one < least) least = one;
    }
    return least;
}

/* The place of the threads found. */
static int intern(places *p)
{
    if (p->err) return NO_PLACE;
    const int n = reduce(p, p->found, p->n_found);
    if ((!n && !p->complete) || !grow_places(p)) return NO_PLACE;
    uint32_t hash = mix(5, (uint32_t)p->complete);
    for (int i = 0; i < n; i++) hash = mix(mix(hash, (uint32_t)p->found[i].state), (uint32_t)p->found[i].frame);
    uint32_t at = hash & (uint32_t)(p->cap_place_table - 1);
    for (int i; (i = p->place_table[at]); at = (at + 1) & (uint32_t)(p->cap_place_table - 1)) {
        const place *q = p->places + i - 1;
        if (q->hash == hash && q->n == n && q->complete == p->complete &&
            !memcmp(p->threads + q->first, p->found, (size_t)n * sizeof *p->found))
            return i - 1;
    }
    if (!reserve(p, &p->threads, &p->cap_threads, p->n_threads, n, sizeof *p->threads)) return NO_PLACE;
    if (n) memcpy(p->threads + p->n_threads, p->found, (size_t)n * sizeof *p->found);
    p->places[p->n_places] = (place){.first = p->n_threads,
                                     .n = n,
                                     .complete = p->complete,
                                     .hash = hash,
                                     .tokens = p->complete ? 0 : tokens_of(p, p->found, n),
                                     .row = -1,
                                     .answer = -1};
    p->n_threads += n;
    p->place_table[at] = ++p->n_places;
    return p->n_places - 1;
}

static void begin_set(places *p)
{
    p->n_found = p->n_todo = p->n_seen = p->complete = 0;
    if (!++p->turn) {
        memset(p->seen, 0, (size_t)p->cap_seen * sizeof *p->seen);
        p->turn = 1;
    }
}

int places_after(places *p, int at, int frame_index)
{
    begin_set(p);
    visit_later(p, at, frame_index, 0);
    close_set(p);
    return intern(p);
}

int places_of(places *p, const thread *threads, int n)
{
    begin_set(p);
    for (int i = 0; i < n; i++) find_thread(p, threads[i].state, threads[i].frame);
    return intern(p);
}

int places_end(places *p)
{
    begin_set(p);
    p->complete = 1;
    return intern(p);
}

/* The target of a state's edge for a byte, -1: none. */
static int target_of(const automaton *a, const state *s, unsigned char byte)
{
    const edge *e = a->edges + s->from;
    int from = 0, to = s->n;
    while (from < to) {
        const int middle = (from + to) / 2;
        if (e[middle].to < byte)
            from = middle + 1;
        else
            to = middle;
    }
    return from < s->n && e[from].from <= byte ? e[from].target : -1;
}

static int new_row(places *p)
{
    if (!reserve(p, &p->rows, &p->cap_rows, p->n_rows, 1, sizeof *p->rows)) return -1;
    for (int i = 0; i < 256; i++) p->rows[p->n_rows][i] = UNKNOWN_PLACE;
    return p->n_rows++;
}

int places_find_next(places *p, int at, unsigned char byte)
{
    const place from = p->places[at];
    begin_set(p);
    for (int i = 0; i < from.n; i++) {
        const thread t = p->threads[from.first + i];
        const int target = target_of(p->a, p->a->states + t.state, byte);
        if (target >= 0) visit_later(p, target, t.frame, 0);
        close_set(p);
    }
    const int next = intern(p), row = from.row >= 0 ? from.row : new_row(p);
    if (row < 0 || p->err) return NO_PLACE;
    p->places[at].row = row;
    return p->rows[row][byte] = next;
}

const uint64_t *places_bytes(places *p, int at)
{
    place *q = p->places + at;
    for (int i = 0; i < q->n && !q->has_bytes; i++) {
        const state *s = p->a->states + p->threads[q->first + i].state;
        for (const edge *e = p->a->edges + s->from; e < p->a->edges + s->from + s->n; e++)
            for (int c = e->from; c <= e->to; c++) q->bytes[c >> 6] |= (uint64_t)1 << (c & 63);
    }
    q->has_bytes = 1;
    return q->bytes;
}

/* ---- all of them --------------------------------------------------------------------------------------------------- */

int places_init(places *p, const automaton *a, int *start)
{
    *p = (places){.a = a};
    if (!grow_frames(p)) return p->err;
    p->frames[p->n_frames++] = (frame){.loop = -1};
    *start = places_after(p, a->rules[0].start, 0);
    return p->err;
}

void places_release(places *p)
{
    free(p->frames);
    free(p->threads);
    free(p->found);
    free(p->places);
    free(p->rows);
    free(p->todo);
    free(p->seen);
    free(p->frame_table);
    free(p->place_table);
    *p = (places){0};
}

size_t places_size(const places *p)
{
    return (size_t)p->n_rows * sizeof *p->rows + (size_t)p->n_places * (sizeof *p->places + 8) +
           (size_t)p->n_threads * sizeof *p->threads + (size_t)p->n_frames * (sizeof *p->frames + 8);
}

/* The same frame among other places. */
static int copy_frame(places *to, const places *from, int at)
{
    int path[MOST_FRAMES + 1], n = 0, copy = 0;
    for (; at && n <= MOST_FRAMES; at = from->frames[at].around) path[n++] = at;
    while (n--) copy = push(to, from->frames[path[n]].loop, from->frames[path[n]].count, copy);
    return copy;
}

static int copy_place(places *to, const places *from, int at)
{
    const place q = from->places[at];
    begin_set(to);
    for (int i = 0; i < q.n && !to->err; i++) {
        const thread t = from->threads[q.first + i];
        find_thread(to, t.state, copy_frame(to, from, t.frame));
    }
    to->complete = q.complete;
    return intern(to);
}

int places_compact(places *p, int *at, int n)
{
    places kept;
    int start, *copies = malloc(((size_t)n + 1) * sizeof *copies);
    int err = copies ? places_init(&kept, p->a, &start) : fail(WKV_ENOMEM, "no memory for the places of a grammar");
    if (!copies) return err;
    for (int i = 0; i < n && !err; i++) {
        copies[i] = copy_place(&kept, p, at[i]);
        err = kept.err;
    }
    if (!err) {
        memcpy(at, copies, (size_t)n * sizeof *at);
        places_release(p);
        *p = kept;
    } else
        places_release(&kept);
    free(copies);
    return err;
}
