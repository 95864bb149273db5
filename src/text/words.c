/* words.c - train a vocabulary. All frequent substrings of chunks are the first candidates. The cost of removing a word
 * is exact: the chunks that use it are encoded again without it. The cheapest words are dropped until the size is
 * right. Then frequent pairs of neighbours are added and the cheapest dropped again, as long as the text gets
 * shorter. */
#include "text/words.h"
#include "base/hash.h"
#include "base/error.h"
#include "text/trie.h"
#include "base/utf8.h"
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 16 }; /* bytes of a word */

/* ---- a table of byte strings ------------------------------------------------------------------------------------- */

static uint64_t hash(const char *p, size_t n)
{
    const uint64_t h = hash_bytes(HASH_START, p, n);
    return h ^ h >> 29;
}

static uint32_t *find_slot(const table *t, const char *bytes, size_t n)
{
    for (size_t i = hash(bytes, n);; i++) {
        uint32_t *slot = &t->slots[i & (t->n_slots - 1)];
        if (!*slot) return slot;
        const word_count *c = &t->at[*slot - 1];
        if (c->bytes == n && !memcmp(t->text + c->at, bytes, n)) return slot;
    }
}

static int table_grow(table *t, size_t bytes)
{
    if (t->used + bytes > t->text_capacity) {
        size_t capacity = 2 * (t->used + bytes) + 4096;
        char *text = capacity <= UINT32_MAX ? realloc(t->text, capacity) : NULL;
        if (!text) return fail(WKV_ENOMEM, "no memory for %zu bytes of words", capacity);
        t->text = text;
        t->text_capacity = capacity;
    }
    if (t->n < t->capacity) return 0;
    size_t capacity = t->capacity ? 2 * t->capacity : 1024;
    word_count *at = capacity < UINT32_MAX ? realloc(t->at, capacity * sizeof *at) : NULL;
    uint32_t *slots = calloc(2 * capacity, sizeof *slots);
    if (at) t->at = at;
    if (!at || !slots) {
        free(slots);
        return fail(WKV_ENOMEM, "no memory for %zu words", capacity);
    }
    free(t->slots);
    t->slots = slots;
    t->capacity = capacity;
    t->n_slots = 2 * capacity;
    for (size_t i = 0; i < t->n; i++) *find_slot(t, t->text + at[i].at, at[i].bytes) = (uint32_t)i + 1;
    return 0;
}

int table_add(table *t, const char *bytes, size_t n, int64_t count)
{
    int err = table_grow(t, n);
    if (err) return err;
    uint32_t *slot = find_slot(t, bytes, n);
    if (!*slot) {
        memcpy(t->text + t->used, bytes, n);
        t->at[t->n] = (word_count){.at = (uint32_t)t->used, .bytes = (uint32_t)n};
        t->used += n;
        *slot = (uint32_t)++t->n;
    }
    t->at[*slot - 1].count += count;
    return 0;
}

static int table_has(const table *t, const char *bytes, size_t n) { return t->n_slots && *find_slot(t, bytes, n); }

void table_release(table *t)
{
    free(t->at);
    free(t->slots);
    free(t->text);
    *t = (table){0};
}

/* ---- chunks ------------------------------------------------------------------------------------------------------ */

typedef enum { LETTER, WIDE, DIGIT, UNDERLINE, MARK, BLANK, LINE } class;

/* Marks beyond ASCII; all other characters are letters of some script. */
static int is_mark(uint32_t c)
{
    static const uint32_t ranges[][2] = {{0xa1, 0xa9},     {0xab, 0xb4},     {0xb6, 0xb9},      {0xbb, 0xbf},
                                         {0xd7, 0xd7},     {0xf7, 0xf7},     {0x2010, 0x2027},  {0x2030, 0x205e},
                                         {0x20a0, 0x20cf}, {0x2190, 0x2bff}, {0x3001, 0x3003},  {0x3008, 0x3020},
                                         {0x30fb, 0x30fb}, {0xfe30, 0xfe6f}, {0xff01, 0xff0f},  {0xff1a, 0xff20},
                                         {0xff3b, 0xff40}, {0xff5b, 0xff65}, {0x1f000, 0x1faff}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1]) return 1;
    return 0;
}

/* The class of the character at p[0..n), n > 0, and its length; an invalid byte is a mark. */
static class classify(const char *p, size_t n, size_t *length)
{
    unsigned char c = (unsigned char)*p;
    *length = 1;
    if (c < 0x80) {
        if (c == '\n') return LINE;
        if (c == ' ' || (c >= '\t' && c <= '\r')) return BLANK;
        if (c >= '0' && c <= '9') return DIGIT;
        if (c == '_') return UNDERLINE;
        return (c | 32) >= 'a' && (c | 32) <= 'z' ? LETTER : MARK;
    }
    int whole = utf8_length(p, n);
    if (whole <= 0) return MARK;
    *length = (size_t)whole;
    uint32_t code = c & (0x7fu >> whole);
    for (int i = 1; i < whole; i++) code = code << 6 | ((unsigned char)p[i] & 63);
    if (code == 0xa0 || (code >= 0x2000 && code <= 0x200a) || code == 0x3000) return BLANK;
    return is_mark(code) ? MARK : WIDE;
}

/* Bytes of an apostrophe between letters at p: 0 when there is none. */
static size_t apostrophe(const char *p, size_t n)
{
    size_t k = n > 1 && *p == '\'' ? 1 : n > 3 && !memcmp(p, "\xe2\x80\x99", 3) ? 3 : 0, length;
    return k && classify(p + k, n - k, &length) <= WIDE ? k : 0;
}

static size_t blanks(const char *p, size_t n)
{
    size_t at = 0, last = 0, length;
    while (at < n && classify(p + at, n - at, &length) == BLANK) last = at, at += length;
    /* the last one belongs to the next chunk */
    return at < n && *(p + at) != '\n' && last ? last : at;
}

/* The length of the first chunk of p[0..n), n > 0. Long ones are cut: nothing of more than LONGEST bytes is a word. */
static size_t chunk(const char *p, size_t n)
{
    enum { MOST = 64, MOST_WIDE = 24 };
    size_t length, lead = 0, k;
    class first = classify(p, n, &length);
    if (*p == ' ' && n > 1) {
        class next = classify(p + 1, n - 1, &length);
        if (next < BLANK) first = next, lead = 1;
    }
    if (first == BLANK) return blanks(p, n);
    size_t at = lead + length;
    while (at < n) {
        class next = classify(p + at, n - at, &length);
        int same = next == first || (next <= WIDE && first <= WIDE);
        if (!same && first <= WIDE && (k = apostrophe(p + at, n - at))) length = k, same = 1, next = LETTER;
        if (!same || at + length > (next == WIDE ? MOST_WIDE : MOST)) break;
        at += length;
    }
    return at;
}

int words_read(table *chunks, const char *text, size_t bytes)
{
    int err = 0;
    while (bytes && !err) {
        size_t n = chunk(text, bytes < 256 ? bytes : 256);
        err = table_add(chunks, text, n, 1);
        text += n;
        bytes -= n;
    }
    return err;
}

/* ---- encoding ---------------------------------------------------------------------------------------------------- */

/* The current words: 256 bytes and some of `candidates`. */
typedef struct {
    const table *chunks;
    table *candidates;
    int *word; /* of candidates: the words */
    int n;
    trie trie;     /* id: 256 + index into candidates, or a byte */
    int64_t *cost; /* of each candidate */
    int64_t tokens;
} choice;

static int build(choice *c)
{
    trie_word *w = malloc(((size_t)c->n + 256) * sizeof *w);
    static char bytes[256];
    if (!w) return fail(WKV_ENOMEM, "no memory for %d words", c->n);
    for (int i = 0; i < 256; i++) bytes[i] = (char)i, w[i] = (trie_word){&bytes[i], 1, i};
    for (int i = 0; i < c->n; i++) {
        const word_count *k = &c->candidates->at[c->word[i]];
        w[256 + i] = (trie_word){c->candidates->text + k->at, k->bytes, 256 + c->word[i]};
    }
    trie_release(&c->trie);
    int err = trie_build(&c->trie, w, (size_t)c->n + 256);
    free(w);
    return err;
}

/* The number of words in p[0..n) when the word `without` is excluded. */
static int cut_without(const trie *t, const char *p, size_t n, int32_t without)
{
    int parts = 0;
    for (size_t at = 0; at < n; parts++) {
        const trie_node *node = t->node;
        uint32_t state = 0;
        size_t length = 1;
        for (size_t i = at; i < n; i++) {
            uint32_t child = node[state].base + (unsigned char)p[i];
            if (node[child].parent != state) break;
            state = child;
            if (node[state].id >= 0 && node[state].id != without) length = i - at + 1;
        }
        at += length;
    }
    return parts;
}

typedef struct {
    int32_t id[256];
    size_t at[256];
    int n;
} parts;

static void cut(parts *c, const trie *t, const char *p, size_t n)
{
    c->n = 0;
    for (size_t at = 0, length = 1; at < n; at += length, c->n++) {
        c->id[c->n] = trie_match(t, p + at, n - at, &length);
        c->at[c->n] = at;
    }
}

/* The additional tokens of the text without each word, each on its own. */
static int count_costs(choice *c)
{
    int err = build(c);
    if (err) return err;
    memset(c->cost, 0, c->candidates->n * sizeof *c->cost);
    c->tokens = 0;
    for (size_t i = 0; i < c->chunks->n; i++) {
        const word_count *k = &c->chunks->at[i];
        const char *p = c->chunks->text + k->at;
        parts made;
        cut(&made, &c->trie, p, k->bytes);
        c->tokens += k->count * made.n;
        for (int j = 0; j < made.n; j++) {
            int seen = made.id[j] < 256; /* words before its first use are unchanged */
            for (int l = 0; l < j && !seen; l++) seen = made.id[l] == made.id[j];
            if (seen) continue;
            int without = cut_without(&c->trie, p + made.at[j], k->bytes - made.at[j], made.id[j]);
            c->cost[made.id[j] - 256] += k->count * (without - (made.n - j));
        }
    }
    return 0;
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

typedef struct {
    int64_t worth;
    const char *text;
    uint32_t bytes;
    int index; /* of candidates */
} ranked;

/* Descending value; ties in byte order. */
static int by_worth(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->worth != y->worth) return x->worth < y->worth ? 1 : -1;
    int order = memcmp(x->text, y->text, x->bytes < y->bytes ? x->bytes : y->bytes);
    return order ? order : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static ranked rank_of(const table *t, size_t i, int64_t worth)
{
    return (ranked){worth, t->text + t->at[i].at, t->at[i].bytes, (int)i};
}

/* Whole characters, at least two bytes, and no number of more than two digits. */
static int allowed(const char *p, size_t n)
{
    size_t digits = 0, lead = n && *p == ' ';
    if (n < 2 || n > LONGEST || utf8_check(p, n) != n) return 0;
    for (size_t i = lead; i < n; i++) digits += p[i] >= '0' && p[i] <= '9';
    return !(digits > 2 && digits == n - lead);
}

static int is_kept(const table *kept, const ranked *r) { return table_has(kept, r->text, r->bytes); }

/* Drop the cheapest words, few at a time because they replace each other, until `size` remain. */
static int prune(choice *c, const table *kept, int size)
{
    ranked *r = malloc(((size_t)c->n + 1) * sizeof *r);
    int err = r ? 0 : fail(WKV_ENOMEM, "no memory for %d words", c->n);
    while (!err && c->n > size) {
        if ((err = count_costs(c))) break;
        for (int i = 0; i < c->n; i++) {
            r[i] = rank_of(c->candidates, (size_t)c->word[i], c->cost[c->word[i]]);
            if (is_kept(kept, &r[i])) r[i].worth = INT64_MAX;
        }
        qsort(r, (size_t)c->n, sizeof *r, by_worth);
        int drop = c->n > 2 * size ? c->n / 8 + 1 : c->n / 100 > 8 ? c->n / 100 : 8;
        c->n -= drop < c->n - size ? drop : c->n - size;
        for (int i = 0; i < c->n; i++) c->word[i] = r[i].index;
    }
    free(r);
    return err ? err : count_costs(c);
}

/* Every substring of a chunk that may be a word. */
static int count_substrings(table *substrings, const table *chunks)
{
    for (size_t i = 0; i < chunks->n; i++) {
        const word_count *k = &chunks->at[i];
        const char *p = chunks->text + k->at;
        for (size_t from = 0; from < k->bytes; from++)
            for (size_t n = 2; n <= LONGEST && from + n <= k->bytes; n++) {
                if (((unsigned char)p[from] & 0xc0) == 0x80 || !allowed(p + from, n)) continue;
                int err = table_add(substrings, p + from, n, k->count);
                if (err) return err;
            }
    }
    return 0;
}

/* The `most` substrings that would save most tokens if used at every occurrence, and those to keep. */
static int first_choice(choice *c, const table *substrings, const table *kept, size_t most)
{
    ranked *r = malloc((substrings->n + 1) * sizeof *r);
    if (!r) return fail(WKV_ENOMEM, "no memory for %zu candidate words", substrings->n);
    size_t n = 0;
    int err = 0;
    for (size_t i = 0; i < substrings->n; i++)
        if (substrings->at[i].count > 1)
            r[n++] = rank_of(substrings, i, substrings->at[i].count * (substrings->at[i].bytes - 1));
    qsort(r, n, sizeof *r, by_worth);
    for (size_t i = 0; i < kept->n && !err; i++)
        err = table_add(c->candidates, kept->text + kept->at[i].at, kept->at[i].bytes, 1);
    for (size_t i = 0; i < n && i < most && !err; i++) err = table_add(c->candidates, r[i].text, r[i].bytes, 1);
    free(r);
    return err;
}

/* Capacity for the costs and words of all candidates. */
static int choice_capacity(choice *c)
{
    size_t n = c->candidates->n;
    int64_t *cost = realloc(c->cost, n * sizeof *cost);
    if (cost) c->cost = cost;
    int *word = realloc(c->word, n * sizeof *word);
    if (word) c->word = word;
    return cost && word ? 0 : fail(WKV_ENOMEM, "no memory for %zu words", n);
}

/* The most frequent pairs of neighbours become words. */
static int add_neighbours(choice *c, size_t most)
{
    table pairs = {0};
    int err = 0;
    for (size_t i = 0; i < c->chunks->n && !err; i++) {
        const word_count *k = &c->chunks->at[i];
        const char *p = c->chunks->text + k->at;
        parts made;
        cut(&made, &c->trie, p, k->bytes);
        for (int j = 0; j + 1 < made.n && !err; j++) {
            size_t end = j + 2 < made.n ? made.at[j + 2] : k->bytes, n = end - made.at[j];
            if (allowed(p + made.at[j], n)) err = table_add(&pairs, p + made.at[j], n, k->count);
        }
    }
    ranked *r = malloc((pairs.n + 1) * sizeof *r);
    if (!r && !err) err = fail(WKV_ENOMEM, "no memory for %zu pairs of words", pairs.n);
    for (size_t i = 0; !err && i < pairs.n; i++) r[i] = rank_of(&pairs, i, pairs.at[i].count);
    if (!err) qsort(r, pairs.n, sizeof *r, by_worth);
    if (most > pairs.n) most = pairs.n;
    for (size_t i = 0; !err && i < most; i++) err = table_add(c->candidates, r[i].text, r[i].bytes, 1);
    if (!err) err = choice_capacity(c);
    /* a pair is not a word now, but may have been one before */
    for (size_t i = 0; !err && i < most; i++)
        c->word[c->n++] = (int)*find_slot(c->candidates, r[i].text, r[i].bytes) - 1;
    free(r);
    table_release(&pairs);
    return err;
}

static int give(table *words, const choice *c)
{
    ranked *r = malloc(((size_t)c->n + 1) * sizeof *r);
    int err = r ? 0 : fail(WKV_ENOMEM, "no memory for %d words", c->n);
    for (int i = 0; !err && i < c->n; i++) {
        r[i] = rank_of(c->candidates, (size_t)c->word[i], 0);
        r[i].worth = -(int64_t)r[i].bytes;
    }
    if (!err) qsort(r, (size_t)c->n, sizeof *r, by_worth);
    for (int i = 0; !err && i < c->n; i++) err = table_add(words, r[i].text, r[i].bytes, 1);
    free(r);
    return err;
}

/* Exchange words as long as the text gets shorter. */
static int improve(choice *c, const table *kept, int size, int rounds, double bytes, words_report *report, void *user)
{
    int *best = malloc((size_t)size * sizeof *best), err = 0;
    if (!best) return fail(WKV_ENOMEM, "no memory for %d words", size);
    for (int round = 0;; round++) {
        int64_t tokens = c->tokens;
        memcpy(best, c->word, (size_t)size * sizeof *best);
        if (report && report(user, round, bytes / (double)tokens)) err = fail(WKV_ESTOPPED, "stopped");
        if (err || round == rounds) break;
        if ((err = add_neighbours(c, (size_t)size / (size_t)(8 + 4 * round) + 1)) || (err = prune(c, kept, size)))
            break;
        if (c->tokens < tokens) continue;
        memcpy(c->word, best, (size_t)size * sizeof *best);
        break;
    }
    free(best);
    return err;
}

int words_find(table *words, const table *chunks, int size, const char *const *always, int rounds, words_report *report,
               void *user)
{
    table kept = {0}, substrings = {0}, candidates = {0};
    choice c = {.chunks = chunks, .candidates = &candidates};
    double bytes = 0;
    int err = 0;
    for (size_t i = 0; i < chunks->n; i++) bytes += (double)chunks->at[i].bytes * (double)chunks->at[i].count;
    for (; always && *always && !err; always++) err = table_add(&kept, *always, strlen(*always), 1);
    if (!err) err = count_substrings(&substrings, chunks);
    if (!err) err = first_choice(&c, &substrings, &kept, 8 * (size_t)size);
    table_release(&substrings);
    if (!err && kept.n > (size_t)size)
        err = fail(WKV_EARG, "%zu required words exceed the vocabulary size of %d", kept.n, size);
    if (!err && !candidates.n)
        err = fail(WKV_EARG, "no word occurs often enough in the text for a vocabulary; use --vocab bytes");
    if (candidates.n < (size_t)size) size = (int)candidates.n;
    if (!err) err = choice_capacity(&c);
    for (size_t i = 0; !err && i < candidates.n; i++) c.word[c.n++] = (int)i;
    if (!err) err = prune(&c, &kept, size);
    if (!err) err = improve(&c, &kept, size, rounds, bytes, report, user);
    if (!err) err = give(words, &c);
    free(c.word);
    free(c.cost);
    trie_release(&c.trie);
    table_release(&candidates);
    table_release(&kept);
    return err;
}
