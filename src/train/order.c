/* order.c - shuffled epochs, and the official order of the magic prime. */
#include "train/order.h"
#include "base/error.h"
#include "base/rng.h"
#include <math.h>
#include <stdlib.h>

/* ---- magic ------------------------------------------------------------------------------------------------------- */

static int is_prime(int64_t n)
{
    if (n < 4) return n > 1;
    if (n % 2 == 0) return 0;
    for (int64_t i = 3; i <= n / i; i += 2)
        if (n % i == 0) return 0;
    return 1;
}

int64_t magic_prime(int64_t n, int context)
{
    int64_t p = n / context - 1;
    while (p > 1 && (p % 3 != 2 || !is_prime(p))) p--;
    return p > 1 ? p : 0;
}

/* in double, then truncated, as in the official trainer */
int64_t magic_phi(int64_t prime) { return (int64_t)((double)prime * ((sqrt(5) - 1) / 2)); }

/* a b mod p, bit by bit, because the product may need more than 64 bits; a < p, p < 2^63. */
static uint64_t times(uint64_t a, uint64_t b, uint64_t p)
{
    uint64_t sum = 0;
    for (; b; b >>= 1, a = 2 * a % p)
        if (b & 1) sum = (sum + a) % p;
    return sum;
}

int64_t magic_piece(int64_t prime, int64_t phi, int64_t ii)
{
    uint64_t p = (uint64_t)prime, i = (uint64_t)ii % p;
    return (int64_t)times((uint64_t)phi, times(i, times(i, i, p), p), p);
}

/* ---- epochs ------------------------------------------------------------------------------------------------------ */

/* Fisher-Yates shuffle with a random stream per epoch. The shift of the boundaries, less than one context, needs a
 * spare sequence at the end. */
static void shuffle(order *o)
{
    rng r = {.seed = o->seed + 0x9e3779b97f4a7c15u * (uint64_t)(o->epoch + 1)};
    int64_t spare = o->n - 1 - o->chunks * o->context; /* tokens after the last sequence */
    o->shift = o->n ? (int64_t)(rng_u64(&r) % (uint64_t)(spare + 1)) : 0;
    for (int64_t i = 0; i < o->chunks; i++) o->shuffled[i] = (uint32_t)i;
    for (int64_t i = o->chunks - 1; i > 0; i--) {
        int64_t j = (int64_t)(rng_u64(&r) % (uint64_t)(i + 1));
        uint32_t was = o->shuffled[i];
        o->shuffled[i] = o->shuffled[j];
        o->shuffled[j] = was;
    }
}

static int allocate(order *o)
{
    o->shuffled = malloc((size_t)o->chunks * sizeof *o->shuffled);
    return o->shuffled ? 0 : fail(WKV_ENOMEM, "no memory to shuffle %lld sequences", (long long)o->chunks);
}

int order_init_samples(order *o, int count, uint64_t seed)
{
    *o = (order){.context = 1, .seed = seed, .epoch = -1, .chunks = count};
    return allocate(o);
}

int order_init(order *o, int64_t n, int context, uint64_t seed, int magic)
{
    *o = (order){.n = n, .context = context, .seed = seed, .epoch = -1};
    int64_t sequences = (n - 1) / context;
    if (n < 2) return fail(WKV_EARG, "%lld tokens of text to train on, expected 2 or more", (long long)n);
    if (sequences < 1)
        return fail(WKV_EARG, "%lld tokens to train on, expected %d or more for --context %d; -T %lld fits",
                    (long long)n, context + 1, context, (long long)n - 1);
    if (magic) {
        o->prime = o->chunks = magic_prime(n, context);
        o->phi = magic_phi(o->prime);
        if (o->prime) return 0;
        return fail(WKV_EARG, "%lld tokens are too few for --order magic with --context %d; reduce --context",
                    (long long)n, context);
    }
    if (sequences > UINT32_MAX)
        return fail(WKV_EUNSUPPORTED, "%lld sequences; the limit for shuffling is %u", (long long)sequences,
                    UINT32_MAX);
    o->chunks = sequences > 1 ? sequences - 1 : 1; /* one is spare for the shift */
    return allocate(o);
}

void order_release(order *o)
{
    free(o->shuffled);
    *o = (order){0};
}

void order_seek(order *o, int64_t given) { o->given = given; }

int64_t order_next(order *o)
{
    int64_t epoch = o->given / o->chunks, at;
    if (o->prime)
        at = magic_piece(o->prime, o->phi, 1 + o->given) * o->context;
    else {
        if (epoch != o->epoch) {
            o->epoch = epoch;
            shuffle(o);
        }
        at = o->shift + (int64_t)o->shuffled[o->given % o->chunks] * o->context;
    }
    o->epoch = epoch;
    o->given++;
    return at;
}
