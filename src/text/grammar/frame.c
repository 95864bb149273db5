/* frame.c - the frames of loops, each content once. */
#include "text/grammar/place_parts.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

int places_reserve(places *p, void *at, int *cap, int used, int n, size_t size)
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

static uint32_t hash_frame(const frame *f)
{
    return hash_mix(hash_mix(hash_mix(7, (uint32_t)f->loop), (uint32_t)f->count), (uint32_t)f->around);
}

static int grow_frames(places *p)
{
    if (!places_reserve(p, &p->frames, &p->cap_frames, p->n_frames, 1, sizeof *p->frames)) return 0;
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

int places_push(places *p, int loop_index, int count, int around)
{
    frame f = {.loop = loop_index, .count = count, .around = around, .depth = p->frames[around].depth + 1};
    if (!grow_frames(p)) return 0;
    uint32_t at = hash_frame(&f) & (uint32_t)(p->cap_frame_table - 1);
    for (int i; (i = p->frame_table[at]); at = (at + 1) & (uint32_t)(p->cap_frame_table - 1))
        if (p->frames[i].loop == loop_index && p->frames[i].count == count && p->frames[i].around == around) return i;
    f.loops = hash_mix(p->frames[around].loops, (uint32_t)loop_index + 1);
    const loop *l = p->a->loops + loop_index;
    const int more = l->min > count ? l->min - count : 0;
    const int64_t rest = cost_sum(p->a->cost[l->exit].tokens, p->frames[around].tokens);
    f.tokens = cost_sum(automaton_times(p->a, l->rule, more), rest);
    f.whole = cost_sum(automaton_times(p->a, l->rule, more + 1), rest);
    p->frames[p->n_frames] = f;
    return p->frame_table[at] = p->n_frames++;
}

void places_begin_frames(places *p)
{
    if (grow_frames(p)) p->frames[p->n_frames++] = (frame){.loop = -1};
}
