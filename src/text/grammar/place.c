/* place.c - from one place to the next, and the memory of all places. */
#include "text/grammar/place_parts.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

static int grow_places(places *p)
{
    if (!places_reserve(p, &p->places, &p->cap_places, p->n_places, 1, sizeof *p->places)) return 0;
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

int64_t places_tokens(const places *p, int at, int frame_index)
{
    const frame *f = p->frames + frame_index;
    const int begins = frame_index && p->a->rules[p->a->loops[f->loop].rule].start == at;
    return begins ? f->whole : cost_sum(p->a->cost[at].tokens, f->tokens);
}

/* The place of the threads found. */
static int intern(places *p)
{
    if (p->err) return NO_PLACE;
    const int n = places_reduce(p);
    if ((!n && !p->complete) || !grow_places(p)) return NO_PLACE;
    uint32_t hash = hash_mix(5, (uint32_t)p->complete);
    for (int i = 0; i < n; i++)
        hash = hash_mix(hash_mix(hash, (uint32_t)p->found[i].state), (uint32_t)p->found[i].frame);
    uint32_t at = hash & (uint32_t)(p->cap_place_table - 1);
    for (int i; (i = p->place_table[at]); at = (at + 1) & (uint32_t)(p->cap_place_table - 1)) {
        const place *q = p->places + i - 1;
        if (q->hash == hash && q->n == n && q->complete == p->complete &&
            !memcmp(p->threads + q->first, p->found, (size_t)n * sizeof *p->found))
            return i - 1;
    }
    if (!places_reserve(p, &p->threads, &p->cap_threads, p->n_threads, n, sizeof *p->threads)) return NO_PLACE;
    if (n) memcpy(p->threads + p->n_threads, p->found, (size_t)n * sizeof *p->found);
    p->places[p->n_places] = (place){.first = p->n_threads,
                                     .n = n,
                                     .complete = p->complete,
                                     .hash = hash,
                                     .tokens = p->complete ? 0 : p->least,
                                     .row = -1,
                                     .answer = -1};
    p->n_threads += n;
    p->place_table[at] = ++p->n_places;
    return p->n_places - 1;
}

int places_after(places *p, int at, int frame_index)
{
    places_begin(p);
    places_visit(p, at, frame_index, 0);
    places_close(p);
    return intern(p);
}

int places_of(places *p, const thread *threads, int n)
{
    places_begin(p);
    for (int i = 0; i < n; i++) places_add_thread(p, threads[i].state, threads[i].frame);
    return intern(p);
}

int places_end(places *p)
{
    places_begin(p);
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
    if (!places_reserve(p, &p->rows, &p->cap_rows, p->n_rows, 1, sizeof *p->rows)) return -1;
    for (int i = 0; i < 256; i++) p->rows[p->n_rows][i] = UNKNOWN_PLACE;
    return p->n_rows++;
}

int places_find_next(places *p, int at, unsigned char byte)
{
    const place from = p->places[at];
    places_begin(p);
    for (int i = 0; i < from.n; i++) {
        const thread t = p->threads[from.first + i];
        const int target = target_of(p->a, p->a->states + t.state, byte);
        if (target >= 0) places_visit(p, target, t.frame, 0);
        places_close(p);
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

/* ---- all of them ------------------------------------------------------------------------------------------------- */

int places_init(places *p, const automaton *a, int *start)
{
    *p = (places){.a = a};
    places_begin_frames(p);
    if (p->err) return p->err;
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
    while (n--) copy = places_push(to, from->frames[path[n]].loop, from->frames[path[n]].count, copy);
    return copy;
}

static int copy_place(places *to, const places *from, int at)
{
    const place q = from->places[at];
    places_begin(to);
    for (int i = 0; i < q.n && !to->err; i++) {
        const thread t = from->threads[q.first + i];
        places_add_thread(to, t.state, copy_frame(to, from, t.frame));
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
