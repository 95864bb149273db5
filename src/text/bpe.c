/* bpe.c - the GPT-NeoX 20B tokenizer (docs/formats.md 8.2): special tokens, NFC, space runs, GPT-2's words, merges. */
#include "text/bpe.h"
#include "base/error.h"

#ifndef HAVE_BPE

int bpe_new(bpe **out, vocabulary *v, int *end, const json_t *root, const char *name)
{
    (void)v, (void)end, (void)root;
    *out = NULL;
    return fail(WKV_EUNSUPPORTED, "%s: this tokenizer needs PCRE2 and utf8proc, which this build of wkv lacks", name);
}

void bpe_free(bpe *b) { (void)b; }

int bpe_encode(const bpe *b, const char *text, size_t bytes, id_list *found)
{
    (void)b, (void)text, (void)bytes, (void)found;
    return fail(WKV_EUNSUPPORTED, "this build of wkv has no byte pair encoding");
}

#else

#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/alphabet.h"
#include "text/trie.h"
#include "base/utf8.h"
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

typedef struct {
    uint64_t pair; /* left << 32 | right; NO_PAIR: an empty slot */
    int32_t rank, id;
} merge;

#define NO_PAIR UINT64_MAX

struct bpe {
    int32_t byte_id[256]; /* -1: no symbol in the vocabulary (bytes that UTF-8 never uses) */
    merge *merges;        /* open addressing */
    size_t mask;
    trie raw, normal; /* added tokens matched in the raw text, and in the normalised text */
    int nfc;
    pcre2_code *words;
};

/* GPT-2's pattern with \s spelled out as Unicode's White_Space; PCRE2's \s also has U+180E. */
#define SPACE "\\x09-\\x0d\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
static const char gpt2_words[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" SPACE "\\p{L}\\p{N}]+|[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+";

/* ---- reading the file -------------------------------------------------------------------------------------------- */

static void read_bytes(bpe *b, const vocabulary *v)
{
    for (int i = 0; i < 256; i++) b->byte_id[i] = -1;
    for (int id = v->size - 1; id >= 0; id--)
        if (v->words[id].bytes == 1) b->byte_id[(unsigned char)*vocabulary_word(v, id)] = id;
}

static merge *merge_slot(const bpe *b, uint64_t pair)
{
    size_t i = (size_t)(pair * 0x9e3779b97f4a7c15u >> 32) & b->mask;
    while (b->merges[i].pair != pair && b->merges[i].pair != NO_PAIR) i = (i + 1) & b->mask;
    return &b->merges[i];
}

/* One rule, "A B" or ["A", "B"]: the ids of A, B and their concatenation. */
static int read_merge(bpe *b, const json_t *words, const json_t *rule, int rank)
{
    char left[1024], right[1024], both[2048];
    const char *text = json_string_value(rule), *space = text ? strchr(text, ' ') : NULL;
    const char *first = json_string_value(json_array_get(rule, 0)),
               *second = json_string_value(json_array_get(rule, 1));
    if (space)
        snprintf(left, sizeof left, "%.*s", (int)(space - text < 1023 ? space - text : 1023), text), second = space + 1;
    else if (first && second)
        snprintf(left, sizeof left, "%s", first);
    else
        return fail(WKV_EFORMAT, "model.merges[%d]: expected \"A B\"", rank);
    snprintf(right, sizeof right, "%s", second);
    snprintf(both, sizeof both, "%s%s", left, right);
    const json_t *l = json_object_get(words, left), *r = json_object_get(words, right),
                 *lr = json_object_get(words, both);
    if (!json_is_integer(l) || !json_is_integer(r) || !json_is_integer(lr))
        return fail(WKV_EFORMAT, "model.merges[%d]: \"%.40s %.40s\" has words that are not in model.vocab", rank, left,
                    right);
    merge *slot = merge_slot(b, (uint64_t)json_integer_value(l) << 32 | (uint64_t)json_integer_value(r));
    if (slot->pair != NO_PAIR) return 0;
    *slot = (merge){(uint64_t)json_integer_value(l) << 32 | (uint64_t)json_integer_value(r), rank,
                    (int32_t)json_integer_value(lr)};
    return 0;
}

static int read_merges(bpe *b, const json_t *words, const json_t *rules)
{
    size_t n = json_array_size(rules), slots = 16;
    while (slots < 2 * n) slots *= 2;
    if (!(b->merges = malloc(slots * sizeof *b->merges))) return fail(WKV_ENOMEM, "no memory for %zu merges", n);
    for (size_t i = 0; i < slots; i++) b->merges[i].pair = NO_PAIR;
    b->mask = slots - 1;
    for (size_t i = 0; i < n; i++) {
        int err = read_merge(b, words, json_array_get(rules, i), (int)i);
        if (err) return err;
    }
    return 0;
}

/* Added tokens: words matched as a whole before all other rules. */
static int read_added(bpe *b, vocabulary *v, int *end, const json_t *added)
{
    size_t n = json_array_size(added), n_raw = 0, n_normal = 0;
    trie_word *words = malloc((2 * n + 1) * sizeof *words), *raw = words, *normal = words + n;
    int err = words ? 0 : fail(WKV_ENOMEM, "no memory");
    for (size_t i = 0; i < n && !err; i++) {
        const json_t *token = json_array_get(added, i), *id = json_object_get(token, "id");
        const char *text = json_string_value(json_object_get(token, "content"));
        if (!text || !*text || !json_is_integer(id))
            err = fail(WKV_EFORMAT, "added_tokens[%zu]: expected an id and its text", i);
        else if (strlen(text) > MAX_WORD)
            err = fail(WKV_EFORMAT, "added_tokens[%zu]: \"%.40s...\" has %zu bytes, expected at most %d", i, text,
                     strlen(text), MAX_WORD);
        else if (json_integer_value(id) < 0 || json_integer_value(id) >= v->size ||
                 !v->words[json_integer_value(id)].bytes)
            err = vocabulary_add(v, json_integer_value(id), text, strlen(text));
        if (err) break;
        trie_word w = {text, (uint32_t)strlen(text), (int32_t)json_integer_value(id)};
        if (json_is_true(json_object_get(token, "normalized")))
            normal[n_normal++] = w;
        else
            raw[n_raw++] = w;
        if (!strcmp(text, "<|endoftext|>")) *end = w.id;
    }
    if (!err) err = trie_build(&b->raw, raw, n_raw);
    if (!err) err = trie_build(&b->normal, normal, n_normal);
    free(words);
    return err;
}

static const char *type_of(const json_t *object)
{
    const char *type = json_string_value(json_object_get(object, "type"));
    return type ? type : json_is_object(object) ? "BPE" : "none"; /* old files omit the model's type */
}

/* Only the 20B tokenizer's rules are supported; a file with others would give wrong ids. */
static int read_rules(bpe *b, const json_t *root)
{
    const json_t *normalizer = json_object_get(root, "normalizer"), *words = json_object_get(root, "pre_tokenizer");
    const char *model = type_of(json_object_get(root, "model"));
    if (strcmp(model, "BPE")) return fail(WKV_EUNSUPPORTED, "a tokenizer of type %.40s, expected BPE", model);
    b->nfc = !strcmp(type_of(normalizer), "NFC");
    if (!b->nfc && strcmp(type_of(normalizer), "none"))
        return fail(WKV_EUNSUPPORTED, "normalizer %.40s, expected NFC or none", type_of(normalizer));
    if (strcmp(type_of(words), "ByteLevel") || json_is_true(json_object_get(words, "add_prefix_space")))
        return fail(WKV_EUNSUPPORTED, "pre_tokenizer %.40s, expected ByteLevel without a prefix space", type_of(words));
    return 0;
}

static int compile_words(bpe *b)
{
    int code;
    PCRE2_SIZE at;
    b->words = pcre2_compile((PCRE2_SPTR)gpt2_words, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &code, &at, NULL);
    if (!b->words) return fail(WKV_EUNSUPPORTED, "this PCRE2 was built without Unicode (error %d)", code);
    pcre2_jit_compile(b->words, PCRE2_JIT_COMPLETE); /* without a JIT compiler, matching uses the interpreter */
    return 0;
}

int bpe_new(bpe **out, vocabulary *v, int *end, const json_t *root, const char *name)
{
    const json_t *model = json_object_get(root, "model"), *words = json_object_get(model, "vocab");
    bpe *b = calloc(1, sizeof *b);
    *out = NULL;
    if (!b) return fail(WKV_ENOMEM, "%s: no memory", name);
    int err = read_rules(b, root);
    if (!err) err = alphabet_words(v, words);
    if (!err) read_bytes(b, v);
    if (!err) err = read_merges(b, words, json_object_get(model, "merges"));
    if (!err) err = read_added(b, v, end, json_object_get(root, "added_tokens"));
    if (!err && !v->size) err = fail(WKV_EFORMAT, "model.vocab is empty");
    if (!err) err = compile_words(b);
    if (!err) return *out = b, 0;
    bpe_free(b);
    vocabulary_release(v);
    return fail_prefix(err, "%s", name);
}

void bpe_free(bpe *b)
{
    if (!b) return;
    pcre2_code_free(b->words);
    trie_release(&b->raw);
    trie_release(&b->normal);
    free(b->merges);
    free(b);
}

/* ---- encoding ---------------------------------------------------------------------------------------------------- */

typedef struct {
    int32_t id; /* -1: merged into the previous symbol */
    int32_t previous, next;
} symbol;

/* Working data of one call of bpe_encode. */
typedef struct {
    const bpe *b;
    id_list *found;
    pcre2_match_data *match;
    symbol *symbols;
    uint64_t *heap; /* rank << 32 | position of the left symbol: lowest rank first, ties from the left */
    size_t capacity;    /* of symbols; three times as many for the heap */
    size_t heaped;
} encoder;

static void heap_push(encoder *x, uint64_t key)
{
    size_t i = x->heaped++;
    for (; i && x->heap[(i - 1) / 2] > key; i = (i - 1) / 2) x->heap[i] = x->heap[(i - 1) / 2];
    x->heap[i] = key;
}

static uint64_t heap_pop(encoder *x)
{
    uint64_t top = x->heap[0], last = x->heap[--x->heaped];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= x->heaped) break;
        if (child + 1 < x->heaped && x->heap[child + 1] < x->heap[child]) child++;
        if (x->heap[child] >= last) break;
        x->heap[i] = x->heap[child];
        i = child;
    }
    x->heap[i] = last;
    return top;
}

/* The rule for the symbol at `left` and its neighbour; NULL: none. */
static const merge *rule_at(const encoder *x, int32_t left)
{
    if (left < 0 || x->symbols[left].id < 0 || x->symbols[left].next < 0) return NULL;
    const merge *m =
        merge_slot(x->b, (uint64_t)x->symbols[left].id << 32 | (uint32_t)x->symbols[x->symbols[left].next].id);
    return m->pair == NO_PAIR ? NULL : m;
}

static void consider(encoder *x, int32_t left)
{
    const merge *m = rule_at(x, left);
    if (m) heap_push(x, (uint64_t)m->rank << 32 | (uint32_t)left);
}

static int reserve(encoder *x, size_t n)
{
    if (n <= x->capacity) return 0;
    size_t capacity = n + n / 2 + 64;
    symbol *symbols = realloc(x->symbols, capacity * sizeof *symbols);
    if (symbols) x->symbols = symbols;
    uint64_t *heap = symbols ? realloc(x->heap, 3 * capacity * sizeof *heap) : NULL;
    if (!heap) return fail(WKV_ENOMEM, "no memory for a word of %zu bytes", n);
    x->heap = heap, x->capacity = capacity;
    return 0;
}

/* Merge the bytes of one word, lowest rank first. Each merge adds at most two pairs to the heap and removes one symbol,
 * so the heap never has more than three entries per byte. */
static int encode_word(encoder *x, const char *p, size_t n)
{
    int err = reserve(x, n);
    if (err) return err;
    int32_t count = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t id = x->b->byte_id[(unsigned char)p[i]];
        if (id >= 0) x->symbols[count] = (symbol){id, count - 1, count + 1}, count++;
    }
    if (!count) return 0;
    x->symbols[count - 1].next = -1;
    x->heaped = 0;
    for (int32_t i = 0; i + 1 < count; i++) consider(x, i);
    while (x->heaped) {
        uint64_t key = heap_pop(x);
        int32_t left = (int32_t)(uint32_t)key;
        const merge *m = rule_at(x, left);
        if (!m || (uint64_t)m->rank != key >> 32) continue; /* one of the two was merged meanwhile */
        symbol *l = &x->symbols[left], *r = &x->symbols[l->next];
        l->id = m->id, r->id = -1;
        l->next = r->next;
        if (l->next >= 0) x->symbols[l->next].previous = left;
        consider(x, l->previous);
        consider(x, left);
    }
    for (int32_t i = 0; i >= 0; i = x->symbols[i].next) id_put(x->found, x->symbols[i].id);
    return 0;
}

/* Split normalised text into words. The pattern matches at every position, so matches leave no gaps. */
static int encode_text(encoder *x, const char *p, size_t n)
{
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(x->match);
    for (size_t i = 0; i < n;) {
        int code = pcre2_match(x->b->words, (PCRE2_SPTR)p, n, i, PCRE2_NO_UTF_CHECK, x->match, NULL);
        if (code < 0) return fail(WKV_ENOMEM, "PCRE2 fails at byte %zu of the text (error %d)", i, code);
        int err = encode_word(x, p + span[0], span[1] - span[0]);
        if (err) return err;
        i = span[1];
    }
    return 0;
}

/* Normalised text: added tokens (runs of spaces) are separate words and split the text. */
static int encode_normal(encoder *x, const char *p, size_t n)
{
    size_t from = 0, bytes = 0;
    for (size_t i = 0; i < n;) {
        int32_t id = trie_match(&x->b->normal, p + i, n - i, &bytes);
        if (id < 0) {
            i++;
            continue;
        }
        int err = encode_text(x, p + from, i - from);
        if (err) return err;
        id_put(x->found, id);
        from = i += bytes;
    }
    return encode_text(x, p + from, n - from);
}

static int is_ascii(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] >= 0x80) return 0;
    return 1;
}

static int encode_raw(encoder *x, const char *p, size_t n)
{
    utf8proc_uint8_t *composed;
    if (!x->b->nfc || is_ascii(p, n)) return encode_normal(x, p, n);
    utf8proc_ssize_t length =
        utf8proc_map((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n, &composed, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (length < 0) return fail(WKV_EARG, "the text cannot be normalised: %s", utf8proc_errmsg(length));
    int err = encode_normal(x, (const char *)composed, (size_t)length);
    free(composed);
    return err;
}

int bpe_encode(const bpe *b, const char *text, size_t n, id_list *found)
{
    encoder x = {.b = b, .found = found, .match = pcre2_match_data_create(1, NULL)};
    size_t from = 0, bytes = 0, valid = utf8_check(text, n);
    int err = 0;
    if (!x.match) return fail(WKV_ENOMEM, "no memory");
    if (valid < n)
        err = fail(WKV_EARG, "the text is not UTF-8 at byte %zu (0x%02x)", valid, (unsigned char)text[valid]);
    for (size_t i = 0; i < n && !err;) {
        int32_t id = trie_match(&b->raw, text + i, n - i, &bytes);
        if (id < 0) {
            i++;
            continue;
        }
        err = encode_raw(&x, text + from, i - from);
        id_put(found, id);
        from = i += bytes;
    }
    if (!err) err = encode_raw(&x, text + from, n - from);
    pcre2_match_data_free(x.match);
    free(x.symbols);
    free(x.heap);
    return err ? err : found->n;
}

#endif
