/* items_needle.c - numbers hidden in long texts.
 *
 *     introduction | filler, needle, filler, other needles | question      -> " 4172603"
 *
 * Texts as in RULER (arXiv 2404.06654, NVIDIA/RULER, scripts/data/synthetic/constants.py, niah). */
#include "base/error.h"
#include "base/rng.h"
#include "base/stream.h"
#include "study/items.h"
#include <stdlib.h>
#include <string.h>

static const char introduction[] = "Some special magic numbers are hidden within the following text. Make sure to "
                                   "memorize it. I will quiz you about the numbers afterwards.\n";
static const char noise[] =
    "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again. ";

static const char *const adjectives[] = {"quiet",  "amber",  "hollow", "rapid",  "distant", "gentle",
                                         "broken", "silver", "narrow", "frozen", "humble",  "bright",
                                         "wooden", "tired",  "hidden", "proud"};
static const char *const nouns[] = {"harbor", "lantern", "meadow", "engine", "river",  "castle",  "garden", "bridge",
                                    "forest", "window",  "island", "kettle", "mirror", "orchard", "valley", "teacher"};
enum { WORDS = 16, KEYS_MOST = 64, CHOICES_MOST = 64, SENTENCE = 256 };

typedef struct {
    wkv_items *s;
    const wkv_model *m;
    const wkv_tokenizer *words;
    const char *filler;
    size_t filler_bytes;
    int keys, choices;
    rng random;
    char key[KEYS_MOST][40];
    int number[CHOICES_MOST]; /* those of the keys first */
} maker;

static int below(maker *k, int n) { return (int)(rng_u64(&k->random) % (uint64_t)n); }

/* Different pairs of words, different numbers of seven digits. */
static void draw_needles(maker *k)
{
    int pairs[KEYS_MOST];
    for (int i = 0; i < k->keys; i++) {
        int again;
        do {
            again = 0;
            pairs[i] = below(k, WORDS * WORDS);
            for (int j = 0; j < i; j++) again |= pairs[j] == pairs[i];
        } while (again);
        snprintf(k->key[i], sizeof k->key[i], "%s-%s", adjectives[pairs[i] / WORDS], nouns[pairs[i] % WORDS]);
    }
    for (int i = 0; i < k->choices; i++) {
        int again;
        do {
            again = 0;
            k->number[i] = 1000000 + below(k, 9000000);
            for (int j = 0; j < i; j++) again |= k->number[j] == k->number[i];
        } while (again);
    }
}

/* ---- the text ---------------------------------------------------------------------------------------------------- */

/* The end of the sentence of the filler that contains byte `at`: a needle stands between two sentences. */
static size_t sentence_end(const maker *k, size_t at)
{
    for (size_t i = 0; i < 2000; i++) {
        const char c = k->filler[(at + i) % k->filler_bytes], d = k->filler[(at + i + 1) % k->filler_bytes];
        if ((c == '.' || c == '!' || c == '?') && (d == ' ' || d == '\n')) return at + i + 2;
    }
    while (((unsigned char)k->filler[at % k->filler_bytes] & 0xc0) == 0x80) at++;
    return at;
}

static void put_filler(stream *s, const maker *k, size_t from, size_t to)
{
    while (from < to) {
        const size_t at = from % k->filler_bytes, left = k->filler_bytes - at, n = to - from < left ? to - from : left;
        stream_put(s, k->filler + at, n);
        from += n;
    }
}

/* end: bytes of filler; at[i]: the place of needle i in it. */
static int put_text(stream *s, const maker *k, size_t end, const size_t *at)
{
    char sentence[SENTENCE];
    int order[KEYS_MOST];
    size_t done = 0;
    for (int i = 0, j; i < k->keys; order[j] = i++)
        for (j = i; j && at[order[j - 1]] > at[i]; j--) order[j] = order[j - 1];
    stream_put(s, introduction, strlen(introduction));
    for (int i = 0; i < k->keys; i++) {
        put_filler(s, k, done, at[order[i]]);
        done = at[order[i]];
        snprintf(sentence, sizeof sentence, "One of the special magic numbers for %s is: %d. ", k->key[order[i]],
                 k->number[order[i]]);
        stream_put(s, sentence, strlen(sentence));
    }
    put_filler(s, k, done, end);
    snprintf(
        sentence, sizeof sentence,
        "\nWhat is the special magic number for %s mentioned in the provided text? The special magic number for %s "
        "mentioned in the provided text is",
        *k->key, *k->key);
    return stream_put(s, sentence, strlen(sentence)) ? fail(WKV_ENOMEM, "no memory for a text of needles") : 0;
}

/* The text with about so many bytes of filler, and its number of tokens. share[i]: the depth of needle i. */
static int make_text(stream *s, int *tokens, const maker *k, size_t bytes, const double *share)
{
    size_t at[KEYS_MOST], end = bytes ? sentence_end(k, bytes) : 0;
    for (int i = 0; i < k->keys; i++) {
        const size_t wanted = (size_t)((double)end * share[i]);
        at[i] = wanted ? sentence_end(k, wanted) : 0;
        if (at[i] > end) at[i] = end;
    }
    *s = (stream){0};
    int err = put_text(s, k, end, at);
    if (!err && (*tokens = wkv_encode(k->words, s->text, s->n, NULL, 0)) < 0) err = *tokens;
    if (err) free(s->text);
    return err;
}

/* The longest text of at most `length` tokens that a few attempts find. */
static int fit_text(stream *s, const maker *k, int length, const double *share)
{
    enum { ATTEMPTS = 12, NEAR = 32 };
    size_t bytes = 0, best = 0;
    int tokens, least, most = -1, err;
    if ((err = make_text(s, &least, k, 0, share))) return err;
    free(s->text);
    if (least > length)
        return fail(WKV_EARG, "a needle and its question have %d tokens, more than the length %d", least, length);
    double per_token = 4;
    for (int i = 0; i < ATTEMPTS && (most < 0 || length - most > NEAR); i++) {
        bytes = best + (size_t)((double)(length - (most < 0 ? least : most)) * per_token);
        if ((err = make_text(s, &tokens, k, bytes, share))) return err;
        free(s->text);
        if (tokens > least) per_token = (double)bytes / (tokens - least);
        if (tokens <= length && tokens > most)
            best = bytes, most = tokens;
        else
            per_token *= 0.9;
    }
    return make_text(s, &tokens, k, best, share);
}

/* ---- items ------------------------------------------------------------------------------------------------------- */

static int describe(maker *k, wkv_item *q, int length, int depth)
{
    char group[32];
    json_t *about = json_pack("{s:s s:i s:i s:i s:i}", "key", *k->key, "number", *k->number, "length", length, "depth",
                              depth, "keys", k->keys);
    const int err = items_set_doc(k->s, q, about);
    json_decref(about);
    snprintf(group, sizeof group, "%d %d", length, depth);
    return err ? err : items_set_group(k->s, q, group);
}

static int add_needle(maker *k, int length, int depth)
{
    static const wkv_task rule = {.rule = RULE_HARNESS_4};
    double share[KEYS_MOST];
    char number[16];
    stream text;
    draw_needles(k);
    for (int i = 0; i < k->keys; i++) share[i] = i ? rng_uniform(&k->random) : depth / 100.0;
    int err = fit_text(&text, k, length, share);
    if (err) return err;
    wkv_item *q = items_add(k->s, k->choices);
    if (!q) err = WKV_ENOMEM;
    if (q) q->index = k->s->count - 1;
    for (int i = 0; i < k->choices && !err; i++) {
        snprintf(number, sizeof number, "%d", k->number[i]);
        err = items_encode_request(k->s, &q->requests[i], i ? q->requests : NULL, &rule, " ",
                                   &(item_text){text.text, number}, k->m, k->words);
    }
    free(text.text);
    if (!err) err = describe(k, q, length, depth);
    return err ? err : items_check_ids(q, k->m);
}

static int check_needles(const wkv_needle_options *o)
{
    if (!o->lengths || !o->depths || !*o->lengths || *o->depths < 0)
        return fail(WKV_EARG, "wkv_items_needles: the list of lengths or of depths is NULL or empty");
    for (const int *d = o->depths; *d >= 0; d++)
        if (*d > 100) return fail(WKV_EARG, "wkv_items_needles: depth %d, expected 0 to 100", *d);
    for (const int *l = o->lengths; *l; l++)
        if (*l < 0) return fail(WKV_EARG, "wkv_items_needles: length %d is negative", *l);
    if (o->samples < 0 || o->keys < 0 || o->keys > KEYS_MOST || o->choices < 0 || o->choices > CHOICES_MOST)
        return fail(WKV_EARG, "wkv_items_needles: samples %d, keys %d, choices %d; at most %d keys and choices",
                    o->samples, o->keys, o->choices, CHOICES_MOST);
    return 0;
}

int wkv_items_needles(wkv_items **out, const wkv_model *m, const wkv_tokenizer *words, const wkv_needle_options *o)
{
    static const char *const metrics[] = {"greedy", "acc", NULL};
    REQUIRE(out, "the place for the items");
    *out = NULL;
    REQUIRE(m, "the model");
    REQUIRE(words, "the tokenizer");
    REQUIRE(o, "the options");
    int err = check_needles(o);
    if (err) return err;
    maker k = {
        .m = m, .words = words, .filler = o->filler && *o->filler ? o->filler : noise, .random = {.seed = o->seed}};
    k.filler_bytes = strlen(k.filler);
    k.keys = o->keys ? o->keys : 1;
    k.choices = o->choices ? o->choices : 10;
    if (k.choices < k.keys) k.choices = k.keys;
    if (!(k.s = items_new(metrics))) return WKV_ENOMEM;
    for (const int *l = o->lengths; *l && !err; l++)
        for (const int *d = o->depths; *d >= 0 && !err; d++)
            for (int i = 0; i < (o->samples ? o->samples : 5) && !err; i++) err = add_needle(&k, *l, *d);
    if (err)
        wkv_items_free(k.s);
    else
        *out = k.s;
    return err;
}
