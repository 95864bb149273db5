/* talk_check.c - the state of a conversation computed again from its tokens. */
#include "say.h"
#include "talk.h"
#include "writer.h"
#include <stdlib.h>
#include <string.h>

/* Read the ids that a session has not read, without the cache: that would compare a state with itself. */
static int read_again(const talk *c, wkv_session *s)
{
    const wkv_session_info about = wkv_session_about(s);
    return about.read < about.n ? writer_read(NULL, c->batcher, s, "reading again", NULL) : 0;
}

/* Ids read again, and the states of mixes that were made again, by node. */
typedef struct {
    int64_t read;
    wkv_state **mixes;
} replayed;

static int replay(wkv_session **out, const talk *c, int node, replayed *r);

/* Read the parts of a mix again, and set the state of s to their mean. */
static int replay_mix(wkv_session *s, const talk *c, int node, replayed *r)
{
    const wkv_node *mix = wkv_tree_node(c->tree, node);
    const int n = mix->n_parts;
    if (r->mixes[node]) return wkv_state_copy(wkv_session_state(s), r->mixes[node]) ? complain_library() : 0;
    wkv_session **part = calloc((size_t)n, sizeof *part);
    const wkv_state **states = calloc((size_t)n, sizeof *states);
    int status = part && states ? 0 : complain("out of memory");
    for (int i = 0; i < n && !status; i++) {
        status = replay(&part[i], c, mix->parts[i], r);
        if (!status) status = read_again(c, part[i]);
        states[i] = wkv_session_state(part[i]);
    }
    if (!status && (wkv_state_mix(wkv_session_state(s), states, mix->weights, n) ||
                    wkv_state_new(&r->mixes[node], c->e.model) || wkv_state_copy(r->mixes[node], wkv_session_state(s))))
        status = complain_library();
    for (int i = 0; i < n && part; i++) wkv_session_free(part[i]);
    free(part);
    free(states);
    return status;
}

/* A session with the ids of a node, to be read from the initial state. */
static int replay(wkv_session **out, const talk *c, int node, replayed *r)
{
    const wkv_node *n = wkv_tree_node(c->tree, node);
    int status = 0;
    *out = NULL;
    if (n && n->parent != WKV_NOWHERE)
        status = replay(out, c, n->parent, r);
    else if (wkv_session_new(out, c->e.model, c->e.tokenizer))
        status = complain_library();
    if (!status && n && n->role == WKV_ROLE_MIX) status = replay_mix(*out, c, node, r);
    if (!status && n && n->n && wkv_session_append_ids(*out, n->ids, n->n)) status = complain_library();
    if (n) r->read += n->n;
    return status;
}

/* The words of the file from which the conversation at a node began, or a part of its mix; NULL: it can be read
 * again. */
static const char *begun_from_file(const talk *c, int node)
{
    const wkv_node *n = wkv_tree_node(c->tree, node);
    while (n && n->parent != WKV_NOWHERE) n = wkv_tree_node(c->tree, n->parent);
    if (!n || n->role != WKV_ROLE_MIX) return n && *n->origin ? n->origin : NULL;
    const char *found = NULL;
    for (int i = 0; i < n->n_parts && !found; i++)
        if (i == 0 || n->parts[i] != n->parts[i - 1]) found = begun_from_file(c, n->parts[i]);
    return found;
}

static double largest_difference(const float *x, const float *y, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)x[i] - (double)y[i];
        if (d > most || -d > most) most = d < 0 ? -d : d;
    }
    return most;
}

static int compare(talk *c, wkv_session *again, int64_t read, double seconds)
{
    const size_t bytes = c->e.about->state_bytes;
    const float *x = wkv_state_data(wkv_session_state(c->session)), *y = wkv_state_data(wkv_session_state(again));
    if (!memcmp(x, y, bytes)) {
        const int apart = wkv_session_apart(c->session);
        note("%lld tokens read again in %.2f s give the same state, bit for bit", (long long)read, seconds);
        if (apart > 0)
            note("(%d of %d segments have other tokens than the whole text encoded at once)", apart,
                 wkv_session_about(c->session).segments);
        return 0;
    }
    return complain("%lld tokens read again give another state: the largest difference is %g", (long long)read,
                    largest_difference(x, y, bytes / sizeof *x));
}

int talk_check(talk *c)
{
    const double begun = seconds_now();
    const int nodes = wkv_tree_count(c->tree), head = wkv_tree_head(c->tree);
    const char *file = begun_from_file(c, head);
    if (file) {
        note("(the state cannot be computed again from its tokens: it began from a file, %s)", file);
        return 0;
    }
    wkv_session *again = NULL;
    replayed r = {.mixes = calloc((size_t)nodes + 1, sizeof *r.mixes)};
    int status = r.mixes ? talk_arrive(c) : complain("out of memory");
    if (!status) status = replay(&again, c, head, &r);
    if (!status) status = read_again(c, again);
    if (!status) status = compare(c, again, r.read, seconds_now() - begun);
    wkv_session_free(again);
    for (int i = 0; i < nodes && r.mixes; i++) wkv_state_free(r.mixes[i]);
    free(r.mixes);
    return status;
}
