/* adjust.c - bans, biases and penalties, as a sorted list of the ids that have any. */
#include "text/adjust.h"
#include "base/error.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
    const adjustment *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* For any addend, an id at the largest float stays possible, and one at -infinity impossible. */
static float clamp(float x) { return x <= FLT_MAX ? x : isnan(x) ? -INFINITY : FLT_MAX; }

/* Sum up the biases of equal ids. */
static void join(adjustments *a)
{
    int n = 0;
    qsort(a->list, (size_t)a->n, sizeof *a->list, by_id);
    for (int i = 0; i < a->n; i++) {
        if (n && a->list[n - 1].id == a->list[i].id)
            a->list[n - 1].bias = clamp(a->list[n - 1].bias + a->list[i].bias);
        else
            a->list[n++] = a->list[i];
    }
    a->n = n;
}

int adjust_init(adjustments *a, const wkv_sampler_options *o, const wkv_tokenizer *t)
{
    *a = (adjustments){.presence = o->presence, .frequency = o->frequency, .tokenizer = t};
    a->decay = o->penalty_decay > 0 ? o->penalty_decay : 0.996f;
    a->capacity = o->n_bias + o->n_bans;
    if (!a->capacity) return 0;
    a->list = malloc((size_t)a->capacity * sizeof *a->list);
    if (!a->list) return fail(WKV_ENOMEM, "no memory for %d biases and bans of a sampler", a->capacity);
    for (int i = 0; i < o->n_bias; i++) a->list[a->n++] = (adjustment){.id = o->bias_ids[i], .bias = o->bias[i]};
    for (int i = 0; i < o->n_bans; i++) a->list[a->n++] = (adjustment){.id = o->bans[i], .bias = -INFINITY};
    join(a);
    return 0;
}

void adjust_release(adjustments *a)
{
    free(a->list);
    *a = (adjustments){0};
}

static int penalizes(const adjustments *a) { return a->presence != 0 || a->frequency != 0; }

int adjust_reserve(adjustments *a)
{
    if (!penalizes(a) || a->n < a->capacity) return 0;
    int capacity = a->capacity < 16 ? 16 : a->capacity + a->capacity / 2;
    adjustment *list = realloc(a->list, (size_t)capacity * sizeof *list);
    if (!list) return fail(WKV_ENOMEM, "no memory for the penalties of %d tokens", capacity);
    a->list = list;
    a->capacity = capacity;
    return 0;
}

int adjust_find(const adjustments *a, int32_t id)
{
    int from = 0, to = a->n;
    while (from < to) {
        int middle = (from + to) / 2;
        if (a->list[middle].id < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* The official sampler does not count tokens that are substrings of this string; "12" is one, "10" is not. */
static int is_exempt(const wkv_tokenizer *t, int32_t id)
{
    static const char digits[] = " \t0123456789";
    size_t n;
    const char *p = wkv_token_bytes(t, id, &n);
    for (size_t i = 0; i + n < sizeof digits; i++)
        if (!memcmp(digits + i, p, n)) return 1;
    return 0;
}

void adjust_count(adjustments *a, int32_t id, int vocab)
{
    if (!penalizes(a)) return;
    for (int i = 0; i < a->n; i++) a->list[i].count *= a->decay;
    if (id < 0 || id >= vocab) return;
    int i = adjust_find(a, id);
    adjustment *b = a->list + i;
    if (i == a->n || b->id != id) {
        CHECK(a->n < a->capacity);
        memmove(b + 1, b, (size_t)(a->n++ - i) * sizeof *b);
        *b = (adjustment){.id = id};
    }
    if (!b->seen) b->exempt = a->tokenizer && is_exempt(a->tokenizer, id);
    b->seen = 1;
    if (!b->exempt) b->count += 1;
}

void adjust_reset(adjustments *a)
{
    int n = 0;
    for (int i = 0; i < a->n; i++)
        if (a->list[i].bias != 0) a->list[n++] = (adjustment){.id = a->list[i].id, .bias = a->list[i].bias};
    a->n = n;
}

float adjust_logit(const adjustments *a, const adjustment *b, float x)
{
    if (!(x <= FLT_MAX)) return x;
    x = clamp(x + b->bias);
    return b->seen ? clamp(x - (a->presence + b->count * a->frequency)) : x;
}
