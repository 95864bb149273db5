/* checkpoints.c - a radix tree of token ids: nodes found, made by splitting, and removed by joining. */
#include "session/checkpoints.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

static int has_state(const checkpoint *c) { return c->state || *c->file; }

/* ---- search ------------------------------------------------------------------------------------------------------ */

/* The child that begins with this id. */
static checkpoint *child_of(const checkpoint *c, int32_t id)
{
    checkpoint *child = c->child;
    while (child && child->ids[0] != id) child = child->next;
    return child;
}

/* In blocks: a conversation is compared once for each of its answers. */
static int equal_ids(const int32_t *a, const int32_t *b, int n)
{
    enum { BLOCK = 64 };
    int i = 0;
    while (n - i >= BLOCK && !memcmp(a + i, b + i, BLOCK * sizeof *a)) i += BLOCK;
    while (i < n && a[i] == b[i]) i++;
    return i;
}

/* The deepest node on the path of the ids. *inside: so many ids of `*child`, a child of it, follow. */
static checkpoint *descend(checkpoint *root, const int32_t *ids, int n, checkpoint **child, int *inside)
{
    checkpoint *c = root;
    for (;;) {
        const int left = n - c->length;
        *inside = 0;
        *child = left ? child_of(c, ids[c->length]) : NULL;
        if (!*child) return c;
        *inside = equal_ids((*child)->ids, ids + c->length, left < (*child)->n ? left : (*child)->n);
        if (*inside < (*child)->n) return c;
        c = *child;
    }
}

checkpoint *checkpoints_find(checkpoint *root, const int32_t *ids, int n, int *common)
{
    checkpoint *child, *c = descend(root, ids, n, &child, common);
    *common += c->length;
    while (c && !has_state(c)) c = c->parent;
    return c;
}

checkpoint *checkpoints_at(checkpoint *root, const int32_t *ids, int n)
{
    int inside;
    checkpoint *child, *c = descend(root, ids, n, &child, &inside);
    return c->length == n ? c : NULL;
}

checkpoint *checkpoints_next(const checkpoint *c)
{
    if (c->child) return c->child;
    while (c && !c->next) c = c->parent;
    return c ? c->next : NULL;
}

void checkpoints_ids(const checkpoint *c, int32_t *out)
{
    if (c->n_tail) memcpy(out + c->length, c->tail, sizeof *out * (size_t)c->n_tail);
    for (; c->parent; c = c->parent) memcpy(out + c->length - c->n, c->ids, sizeof *out * (size_t)c->n);
}

size_t checkpoints_bytes(const checkpoint *c)
{
    size_t bytes = sizeof *c + sizeof *c->ids * (size_t)(c->n + c->n_tail);
    if (c->segments) bytes += strlen(c->segments);
    if (c->state) bytes += (size_t)c->state->n * sizeof(real) + (size_t)c->state->model->rwkv.C * sizeof *c->hidden;
    for (const sampled_answer *a = c->answers; a; a = a->next) bytes += sizeof *a + sizeof *a->ids * (size_t)a->n;
    return bytes;
}

/* ---- change ------------------------------------------------------------------------------------------------------ */

static checkpoint *new_node(checkpoint *parent, const int32_t *ids, int n)
{
    checkpoint *c = calloc(1, sizeof *c);
    int32_t *copy = malloc(sizeof *copy * (size_t)n);
    if (!c || !copy) {
        free(c);
        free(copy);
        fail(WKV_ENOMEM, "no memory for %d ids of a cache", n);
        return NULL;
    }
    memcpy(copy, ids, sizeof *copy * (size_t)n);
    c->parent = parent;
    c->ids = copy, c->n = n;
    c->length = parent->length + n;
    return c;
}

/* The place of c in its parent's list of children. */
static checkpoint **place_of(checkpoint *c)
{
    checkpoint **at = &c->parent->child;
    while (*at != c) at = &(*at)->next;
    return at;
}

/* Put a new node between c and its parent, after the first n ids of c. */
static checkpoint *split(checkpoint *c, int n)
{
    checkpoint *above = new_node(c->parent, c->ids, n);
    if (!above) return NULL;
    *place_of(c) = above;
    above->next = c->next;
    above->child = c;
    c->parent = above;
    c->next = NULL;
    c->n -= n;
    memmove(c->ids, c->ids + n, sizeof *c->ids * (size_t)c->n);
    return above;
}

checkpoint *checkpoints_put(checkpoint *root, const int32_t *ids, int n)
{
    int inside;
    checkpoint *child, *c = descend(root, ids, n, &child, &inside);
    if (inside && !(c = split(child, inside))) return NULL;
    if (c->length == n) return c;
    child = new_node(c, ids + c->length, n - c->length);
    if (!child) {
        checkpoints_prune(c);
        return NULL;
    }
    child->next = c->child;
    return c->child = child;
}

void checkpoints_forget(checkpoint *c)
{
    wkv_state_free(c->state);
    free(c->hidden);
    c->state = NULL;
    c->hidden = NULL;
}

static void free_node(checkpoint *c)
{
    checkpoints_forget(c);
    for (sampled_answer *a = c->answers, *older; a; a = older) {
        older = a->next;
        free(a);
    }
    free(c->ids);
    free(c->tail);
    free(c->segments);
    free(c);
}

/* A node with one child that only joins: the child takes its ids and its place. Without memory it stays. */
static void join(checkpoint *c)
{
    checkpoint *child = c->child;
    int32_t *ids = realloc(child->ids, sizeof *ids * (size_t)(c->n + child->n));
    if (!ids) return;
    memmove(ids + c->n, ids, sizeof *ids * (size_t)child->n);
    memcpy(ids, c->ids, sizeof *ids * (size_t)c->n);
    child->ids = ids, child->n += c->n;
    child->parent = c->parent;
    child->next = c->next;
    *place_of(c) = child;
    free_node(c);
}

void checkpoints_prune(checkpoint *c)
{
    while (c->parent && !has_state(c) && !c->child) {
        checkpoint *parent = c->parent;
        *place_of(c) = c->next;
        free_node(c);
        c = parent;
    }
    if (c->parent && !has_state(c) && !c->answers && !c->child->next) join(c);
}

static sampled_answer *take_answer(checkpoint *c, const int32_t *ids, int n)
{
    for (sampled_answer **at = &c->answers; *at; at = &(*at)->next) {
        sampled_answer *a = *at;
        if (a->n != n || memcmp(a->ids, ids, sizeof *ids * (size_t)n)) continue;
        *at = a->next;
        return a;
    }
    return NULL;
}

int checkpoints_add_answer(checkpoint *root, const int32_t *ids, int from, int end)
{
    const int n = end - from;
    checkpoint *c = checkpoints_put(root, ids, from);
    if (!c) return WKV_ENOMEM;
    sampled_answer *known = take_answer(c, ids + from, n), *a = known;
    if (!a && !(a = malloc(sizeof *a + sizeof *ids * (size_t)n))) {
        checkpoints_prune(c);
        return fail(WKV_ENOMEM, "no memory for an answer of %d ids", n);
    }
    a->n = n;
    memcpy(a->ids, ids + from, sizeof *ids * (size_t)n);
    a->next = c->answers;
    c->answers = a;
    return !known;
}

void checkpoints_release(checkpoint *root)
{
    while (root->child) {
        checkpoint *c = root->child;
        while (c->child) c = c->child;
        c->parent->child = c->next;
        free_node(c);
    }
    for (sampled_answer *a = root->answers, *older; a; a = older) {
        older = a->next;
        free(a);
    }
    root->answers = NULL;
}
