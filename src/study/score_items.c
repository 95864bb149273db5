/* score_items.c - the log-likelihoods of all requests, in batches.
 *
 * The ids of a request, and the states that read them:
 *
 *     | common to all items | common to its group | rest of the context | continuation |
 *       root                  its first slot       each slot                       wkv_score
 *
 * A group is the requests of one item, or some of them when there are many. A state is copied where texts part. */
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "rwkv/api.h"
#include "study/items.h"
#include "train/communicator.h"
#include "wkv_study.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    GROUP_MOST = 16, /* requests of a group */
    BATCH = 64,
    STEP = 512, /* tokens of a pass; fewer when it takes longer than two seconds, so that Ctrl-C has an effect */
    STEP_LEAST = 64
};

typedef struct {
    wkv_request *r;
    int n, shared; /* requests; ids that all begin with, within each context but its last id */
} group;

typedef struct {
    wkv_state *state;
    wkv_request *r;
    int scored; /* ids of the continuation so far */
    double sum;
    int greedy;
} text_slot;

typedef struct {
    wkv_context *c;
    const wkv_score_options *o;
    group *groups; /* of this process */
    int n_groups, common;
    text_slot *slots;
    int batch, step;
    wkv_state *root;
    wkv_token_score scores[STEP];
    int64_t done, total; /* tokens */
} engine;

/* ---- groups ------------------------------------------------------------------------------------------------------ */

/* The length of the beginning that two contexts have in common, at most `most`. */
static int common_beginning(const wkv_request *a, const wkv_request *b, int most)
{
    int n = 0;
    if (a->context_ids == b->context_ids) return most;
    while (n < most && a->context_ids[n] == b->context_ids[n]) n++;
    return n;
}

static group make_group(wkv_request *r, int n)
{
    group g = {.r = r, .n = n, .shared = r->n_context - 1};
    for (int i = 1; i < n; i++) {
        const int most = r[i].n_context - 1 < g.shared ? r[i].n_context - 1 : g.shared;
        g.shared = common_beginning(r, &r[i], most);
    }
    return g;
}

/* This process has every count-th group. */
static int find_groups(engine *e, wkv_items *s)
{
    const wkv_communicator *p = e->o->communicator;
    const int count = communicator_count(p), rank = p ? p->rank : 0;
    int all = 0, at = 0;
    for (int i = 0; i < s->count; i++) all += (s->list[i].n + GROUP_MOST - 1) / GROUP_MOST;
    if (!(e->groups = malloc(sizeof *e->groups * (size_t)(all / count + 1))))
        return fail(WKV_ENOMEM, "no memory for %d groups of requests", all);
    for (int i = 0; i < s->count; i++)
        for (int from = 0; from < s->list[i].n; from += GROUP_MOST, at++) {
            const int n = s->list[i].n - from < GROUP_MOST ? s->list[i].n - from : GROUP_MOST;
            if (at % count == rank) e->groups[e->n_groups++] = make_group(s->list[i].requests + from, n);
        }
    return 0;
}

/* The beginning of all contexts, worth a state when there are several groups; and the tokens of all passes. */
static void find_common(engine *e)
{
    const group *g = e->groups;
    e->common = e->n_groups > 1 ? g->shared : 0;
    for (int i = 1; i < e->n_groups; i++) {
        const int most = g[i].shared < e->common ? g[i].shared : e->common;
        e->common = common_beginning(g->r, g[i].r, most);
    }
    e->total = e->common;
    for (int i = 0; i < e->n_groups; i++) {
        e->total += g[i].shared - e->common;
        for (int k = 0; k < g[i].n; k++) e->total += g[i].r[k].n_context - 1 - g[i].shared + g[i].r[k].n;
    }
}

/* ---- passes ------------------------------------------------------------------------------------------------------ */

/* After a pass of n tokens. */
static int count_pass(engine *e, int n, double seconds)
{
    e->done += n;
    if (seconds > 2 && e->step > STEP_LEAST) e->step /= 2;
    if (e->o->report && e->o->report(e->o->user, e->done, e->total)) return fail(WKV_ESTOPPED, "stopped by its caller");
    return 0;
}

/* Read all ids of the sequences; `q` is used up. */
static int read_all(engine *e, wkv_sequence *q, int count)
{
    for (int first = 0;;) {
        int n = 0, tokens = 0;
        while (first < count && !q[first].n) first++;
        wkv_sequence pass[BATCH];
        int from[BATCH];
        for (int i = first; i < count && n < BATCH && tokens < e->step; i++) {
            const int room = e->step - tokens, some = q[i].n < room ? q[i].n : room;
            if (!some) continue;
            pass[n] = q[i];
            pass[n].n = some;
            from[n++] = i;
            tokens += some;
        }
        if (!n) return 0;
        const double begun = clock_seconds();
        int err = wkv_eval_batch(e->c, pass, n);
        for (int i = 0; i < n; i++) q[from[i]].tokens += pass[i].n, q[from[i]].n -= pass[i].n;
        if (!err) err = count_pass(e, tokens, clock_seconds() - begun);
        if (err) return err;
    }
}

static void add_scores(text_slot *s, const wkv_token_score *t, int n)
{
    for (int i = 0; i < n; i++) {
        s->sum -= (double)t[i].nll;
        s->greedy &= !t[i].rank;
    }
    s->scored += n;
    if (s->scored < s->r->n) return;
    s->r->log_likelihood = s->sum;
    s->r->greedy = s->greedy;
    s->r->done = 1;
}

/* Score the continuations of the first n slots. */
static int score_all(engine *e, int count)
{
    for (int first = 0;;) {
        wkv_scored_text pass[BATCH];
        text_slot *of[BATCH];
        int n = 0, tokens = 0;
        while (first < count && e->slots[first].r->done) first++;
        for (int i = first; i < count && n < BATCH && tokens < e->step; i++) {
            text_slot *s = &e->slots[i];
            const int left = s->r->n - s->scored, room = e->step - tokens, some = left < room ? left : room;
            if (!some) continue;
            pass[n] = (wkv_scored_text){
                .state = s->state, .tokens = s->r->ids - 1 + s->scored, .n = some, .scores = e->scores + tokens};
            of[n++] = s;
            tokens += some;
        }
        if (!n) return 0;
        const double begun = clock_seconds();
        int err = wkv_score(e->c, pass, n);
        for (int i = 0; i < n && !err; i++) add_scores(of[i], pass[i].scores, pass[i].n);
        if (!err) err = count_pass(e, tokens, clock_seconds() - begun);
        if (err) return err;
    }
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

/* Copy the first slot of a group to the others, and list the rest of each context. */
static int part(const group *g, text_slot *first, wkv_sequence *q)
{
    for (int i = 1; i < g->n; i++) wkv_state_copy(first[i].state, first->state);
    for (int i = 0; i < g->n; i++)
        q[i] = (wkv_sequence){
            .state = first[i].state, .tokens = g->r[i].context_ids + g->shared, .n = g->r[i].n_context - 1 - g->shared};
    return g->n;
}

/* Groups [from, to), which have at most e->batch requests. */
static int run_batch(engine *e, int from, int to, wkv_sequence *q)
{
    int n = 0, used = 0;
    for (int i = from; i < to; i++) {
        const group *g = &e->groups[i];
        wkv_state_copy(e->slots[used].state, e->root);
        q[n++] = (wkv_sequence){
            .state = e->slots[used].state, .tokens = g->r->context_ids + e->common, .n = g->shared - e->common};
        for (int k = 0; k < g->n; k++, used++)
            e->slots[used] = (text_slot){.state = e->slots[used].state, .r = &g->r[k], .greedy = 1};
    }
    int err = read_all(e, q, n);
    if (err) return err;
    n = used = 0;
    for (int i = from; i < to; used += e->groups[i++].n) n += part(&e->groups[i], e->slots + used, q + n);
    err = read_all(e, q, n);
    return err ? err : score_all(e, used);
}

static int read_root(engine *e)
{
    if (e->o->begin && wkv_state_copy(e->root, e->o->begin)) return WKV_EARG;
    wkv_sequence q = {
        .state = e->root, .tokens = e->n_groups ? e->groups->r->context_ids : NULL, .n = e->n_groups ? e->common : 0};
    return read_all(e, &q, 1);
}

static int run(engine *e)
{
    wkv_sequence *q = malloc(sizeof *q * (size_t)e->batch);
    int err = q ? read_root(e) : fail(WKV_ENOMEM, "no memory for a batch of %d", e->batch);
    for (int from = 0, to; from < e->n_groups && !err; from = to) {
        int requests = 0;
        for (to = from; to < e->n_groups && requests + e->groups[to].n <= e->batch; to++) requests += e->groups[to].n;
        err = run_batch(e, from, to, q);
    }
    free(q);
    return err;
}

/* ---- the engine -------------------------------------------------------------------------------------------------- */

static void release(engine *e)
{
    for (int i = 0; e->slots && i < e->batch; i++) wkv_state_free(e->slots[i].state);
    wkv_state_free(e->root);
    free(e->slots);
    free(e->groups);
    free(e);
}

/* Requests at once: as asked, or as the memory allows; at least those of the largest group, at most all. */
static int choose_batch(const engine *e, const wkv_model *m)
{
    int all = 0, most = 1;
    for (int i = 0; i < e->n_groups; i++) {
        if (e->groups[i].n > most) most = e->groups[i].n;
        if (all < BATCH) all += e->groups[i].n;
    }
    const size_t room = communicator_memory(e->o->communicator, memory_available()) / 4,
                 fit = room / wkv_model_about(m)->state_bytes;
    int n = e->o->batch ? e->o->batch : fit < BATCH ? (int)fit : BATCH;
    if (n > all) n = all;
    return n > most ? n : most;
}

static int allocate(engine *e, wkv_items *s, const wkv_model *m)
{
    int err = find_groups(e, s);
    if (err) return err;
    find_common(e);
    e->step = STEP;
    const int n = choose_batch(e, m);
    if (!(e->slots = calloc((size_t)n, sizeof *e->slots))) return fail(WKV_ENOMEM, "no memory for %d slots", n);
    e->batch = n;
    err = wkv_state_new(&e->root, m);
    for (int i = 0; i < n && !err; i++) err = wkv_state_new(&e->slots[i].state, m);
    return err;
}

/* Every process gets all results: each request was done in one of them. */
static int exchange(wkv_items *s, const wkv_communicator *p)
{
    int n = 0, at = 0;
    for (int i = 0; i < s->count; i++) n += s->list[i].n;
    double *x = calloc((size_t)n * 3, sizeof *x);
    int err = communicator_agree(p, x ? 0 : fail(WKV_ENOMEM, "no memory for %d results", n));
    for (int i = 0; i < s->count && !err; i++)
        for (int k = 0; k < s->list[i].n; k++, at += 3) {
            const wkv_request *r = &s->list[i].requests[k];
            if (r->done) x[at] = r->log_likelihood, x[at + 1] = r->greedy, x[at + 2] = 1;
        }
    if (!err) communicator_add(p, x, at);
    at = 0;
    for (int i = 0; i < s->count && !err; i++)
        for (int k = 0; k < s->list[i].n; k++, at += 3) {
            wkv_request *r = &s->list[i].requests[k];
            r->log_likelihood = x[at];
            r->greedy = x[at + 1] > 0;
            r->done = x[at + 2] > 0;
        }
    free(x);
    return err;
}

int wkv_items_score(wkv_items *s, wkv_context *c, const wkv_score_options *o)
{
    const wkv_score_options none = {0};
    REQUIRE(s, "the items");
    REQUIRE(c, "the context");
    if (!o) o = &none;
    if (o->batch < 0 || o->batch > 1 << 16)
        return fail(WKV_EARG, "wkv_items_score: batch %d, expected 0 to %d", o->batch, 1 << 16);
    int err = communicator_check(o->communicator);
    if (err) return err;
    engine *e = calloc(1, sizeof *e);
    for (int i = 0; i < s->count; i++)
        for (int k = 0; k < s->list[i].n; k++) s->list[i].requests[k].done = 0;
    if (!e)
        err = fail(WKV_ENOMEM, "no memory for an evaluation");
    else {
        e->c = c;
        e->o = o;
        err = allocate(e, s, context_model(c));
        if (!err) err = run(e);
        release(e);
    }
    if (o->communicator && o->communicator->count > 1) {
        const int lost = exchange(s, o->communicator);
        err = communicator_agree(o->communicator, err ? err : lost);
    }
    return err;
}
