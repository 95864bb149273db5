/* choose.c - the words that name parameters. */
#include "train/choose.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int name_stem(const char *name)
{
    static const char *const ends[] = {".weight", ".bias"};
    size_t n = strlen(name);
    for (int i = 0; i < 2; i++) {
        size_t cut = strlen(ends[i]);
        if (n > cut && !strcmp(name + n - cut, ends[i])) return (int)(n - cut);
    }
    return (int)n;
}

int choosable_adapted(const slot *s, int layer)
{
    return layer >= 0 && s->flags & (SLOT_MATRIX | SLOT_LOW_RANK) && !(s->flags & SLOT_5);
}

int choosable_all(const slot *s, int layer)
{
    (void)s, (void)layer;
    return 1;
}

/* ln0 belongs to layer 0 only by its name. */
static const char *short_name(const slot *s)
{
    static const char first[] = "blocks.0.";
    return s->name + (strncmp(s->name, first, strlen(first)) ? 0 : strlen(first));
}

static int is_vector(const slot *s) { return !(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK)); }

/* Every norm's name begins with ln: ln1, ln_out, att.ln_x. */
static int is_norm(const slot *s)
{
    const char *name = short_name(s), *half = strchr(name, '.');
    return is_vector(s) && (!strncmp(name, "ln", 2) || (half && !strncmp(half, ".ln", 3)));
}

static int is_low_rank(const slot *s) { return (s->flags & SLOT_LOW_RANK) != 0; }
static int is_time(const slot *s) { return is_vector(s) && !is_norm(s); }
static int is_att(const slot *s) { return s->flags & SLOT_MATRIX && !strncmp(s->name, "att.", 4); }
static int is_ffn(const slot *s) { return s->flags & SLOT_MATRIX && !strncmp(s->name, "ffn.", 4); }

static const struct {
    const char *word;
    int (*has)(const slot *s);
} kinds[] = {{"att", is_att}, {"ffn", is_ffn}, {"low-rank", is_low_rank}, {"norm", is_norm}, {"time", is_time}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Length of a word's "blocks.N.", if N is this layer, or that of ln0; -1: another layer. */
static int layer_prefix(const char *word, size_t n, const slot *s, int layer)
{
    static const char blocks[] = "blocks.";
    if (strncmp(word, blocks, strlen(blocks)) || !isdigit((unsigned char)word[strlen(blocks)])) return 0;
    char *end;
    const long number = strtol(word + strlen(blocks), &end, 10);
    if (short_name(s) != s->name) layer = 0;
    return *end == '.' && (size_t)(end - word) < n && number == layer ? (int)(end + 1 - word) : -1;
}

static int means(const char *word, size_t n, const slot *s, int layer)
{
    const int prefix = layer_prefix(word, n, s, layer);
    if (prefix < 0) return 0;
    word += prefix;
    n -= (size_t)prefix;
    for (int i = 0; i < KINDS; i++)
        if (n == strlen(kinds[i].word) && !strncmp(word, kinds[i].word, n)) return kinds[i].has(s);
    return n == (size_t)name_stem(short_name(s)) && !strncmp(short_name(s), word, n);
}

static const char *next_word(const char *word)
{
    word += strcspn(word, ",");
    return word + (*word == ',');
}

int choose_names(const char *words, const slot *s, int layer)
{
    for (const char *w = words ? words : ""; *w; w = next_word(w))
        if (means(w, strcspn(w, ","), s, layer)) return 1;
    return 0;
}

/* ---- names of a model -------------------------------------------------------------------------------------------- */

typedef struct {
    choosable_fn *choosable;
    const char *word;
    size_t n;
    int last; /* the layer with all kinds of tensors */
    char text[768];
    size_t used;
} search;

static int is_meant(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name, (void)t;
    const search *q = user;
    return q->choosable(s, layer) && means(q->word, q->n, s, layer);
}

static void list_word(search *q, const char *word, int n)
{
    if (q->used + (size_t)n + 3 < sizeof q->text)
        q->used += (size_t)sprintf(q->text + q->used, "%s%.*s", q->used ? ", " : "", n, word);
}

/* Weight and bias of a norm are adjacent and share one word. */
static int list_name(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name, (void)t;
    search *q = user;
    const char *word = short_name(s);
    int n = name_stem(word);
    if ((layer >= 0 && layer != q->last) || !q->choosable(s, layer)) return 0;
    if (strcmp(word + n, ".bias")) list_word(q, word, n);
    return 0;
}

int choose_check(const char *option, const char *words, const rwkv *m, choosable_fn *choosable)
{
    for (const char *w = words ? words : ""; *w; w = next_word(w)) {
        search q = {.choosable = choosable, .word = w, .n = strcspn(w, ","), .last = m->L - 1};
        if (rwkv_each(m, is_meant, &q)) continue;
        for (int i = 0; i < KINDS; i++) {
            search kind = {.choosable = choosable, .word = kinds[i].word, .n = strlen(kinds[i].word)};
            if (rwkv_each(m, is_meant, &kind)) list_word(&q, kinds[i].word, (int)kind.n);
        }
        rwkv_each(m, list_name, &q);
        return fail(WKV_EARG, "%s: RWKV-%s has no weights called \"%.*s\" for it; expected %s", option,
                    m->arch->version, (int)(q.n < 64 ? q.n : 64), w, q.text);
    }
    return 0;
}
