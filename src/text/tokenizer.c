/* tokenizer.c - open vocabularies of every kind, detected from their content, and encode texts. */
#include "text/tokenizer.h"
#include "text/alphabet.h"
#include "text/builtin.h"
#include "text/grammar/index.h"
#include "base/error.h"
#include "base/file.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int build_trie(wkv_tokenizer *t)
{
    trie_word *words = malloc(((size_t)t->v.size + 1) * sizeof *words);
    size_t n = 0;
    if (!words) return fail(WKV_ENOMEM, "%s: no memory", t->path);
    for (int i = 0; i < t->v.size; i++)
        if (t->v.words[i].bytes) words[n++] = (trie_word){vocabulary_word(&t->v, i), t->v.words[i].bytes, i};
    int err = trie_build(&t->t, words, n);
    free(words);
    return err;
}

/* World is recognised by its last word, 65529: 128 spaces. */
static int is_world(const vocabulary *v)
{
    if (v->size != 65530 || v->words[65529].bytes != 128) return 0;
    const char *last = vocabulary_word(v, 65529);
    return last[0] == ' ' && !memcmp(last, last + 1, 127);
}

/* RWKV's character vocabularies use U+E083 for missing characters (docs/formats.md 8.3). */
static int find_unknown(const wkv_tokenizer *t)
{
    size_t bytes = 0;
    int32_t id = trie_match(&t->t, "\xee\x82\x83", 3, &bytes);
    return id >= 0 && bytes == 3 ? id : -1;
}

/* Finish opening after the vocabulary is read: name, end-of-text id, trie. */
static int finish(wkv_tokenizer *t)
{
    if (t->bpe) {
        t->name = t->v.size == 50277 ? "GPT-NeoX 20B" : "BPE";
        return 0;
    }
    int err = build_trie(t);
    if (err) return err;
    if (!t->name) {
        t->name = is_world(&t->v) ? "World" : "trie";
        if (!t->v.words[0].bytes) t->end = 0; /* id 0 is the end of text unless it has text of its own */
    } else if (!strcmp(t->name, "characters"))
        t->unknown = find_unknown(t);
    return 0;
}

/* World in a JSON of Hugging Face's tokenizers (of any model type: its rules amount to longest match), or in their
 * vocab.json, as word: id; NULL: not World. */
static const json_t *world_words(const json_t *root)
{
    const json_t *model = json_object_get(root, "model"),
                 *words = json_is_object(model) ? json_object_get(model, "vocab") : root;
    return alphabet_is_world(words) ? words : NULL;
}

static int read_json(wkv_tokenizer *t, const char *data, size_t size)
{
    json_t *root;
    int characters, err = vocabulary_json(&root, data, size, t->path);
    if (err) return err;
    if (!json_is_object(root))
        err = fail(WKV_EFORMAT, "%s: expected a JSON object", t->path);
    else if (world_words(root)) {
        err = alphabet_world(&t->v, world_words(root));
        if (err) fail_prefix(err, "%s", t->path);
    } else if (json_object_get(root, "model"))
        err = bpe_new(&t->bpe, &t->v, &t->end, root, t->path);
    else {
        err = vocabulary_object(&t->v, root, &characters, t->path);
        if (!err && characters) t->name = "characters";
    }
    json_decref(root);
    return err;
}

static wkv_tokenizer *tokenizer_new(const char *path)
{
    wkv_tokenizer *t = calloc(1, sizeof *t);
    if (t && !(t->path = strdup(path))) free(t), t = NULL;
    if (!t) return fail(WKV_ENOMEM, "%s: no memory", path), NULL;
    t->end = t->unknown = -1;
    return t;
}

static int opened(wkv_tokenizer **out, wkv_tokenizer *t, int err)
{
    if (!err) err = finish(t);
    if (err)
        wkv_tokenizer_close(t);
    else
        *out = t;
    return err;
}

int tokenizer_open_memory(wkv_tokenizer **out, const char *data, size_t size, const char *name)
{
    size_t blank = 0;
    wkv_tokenizer *t;
    *out = NULL;
    if (size > INT_MAX) return fail(WKV_EFORMAT, "%s: %zu bytes, too many for a vocabulary", name, size);
    if (!(t = tokenizer_new(name))) return WKV_ENOMEM;
    if (size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3)) data += 3, size -= 3; /* byte order mark of Windows editors */
    const unsigned char *u = (const unsigned char *)data;
    while (blank < size && strchr(" \t\r\n", data[blank]) && data[blank]) blank++;
    int first = blank < size ? u[blank] : -1, err;
    if (first == '{' || first == 0xff || first == 0xfe) /* or UTF-16's byte order mark */
        err = read_json(t, data, size);
    else if (first >= '0' && first <= '9')
        err = vocabulary_lines(&t->v, data, size, name);
    else
        err = fail(WKV_EFORMAT, "%s: not a vocabulary: neither lines of `id 'text' bytes` nor JSON nor GGUF", name);
    return opened(out, t, err);
}

int tokenizer_from_gguf(wkv_tokenizer **out, const tensors *file)
{
    *out = NULL;
    wkv_tokenizer *t = tokenizer_new(tensors_path(file));
    return t ? opened(out, t, vocabulary_gguf(&t->v, file)) : WKV_ENOMEM;
}

static int open_gguf(wkv_tokenizer **out, const char *path)
{
    tensors *file;
    int err = tensors_open(&file, path);
    if (err) return err;
    err = tokenizer_from_gguf(out, file);
    tensors_close(file);
    return err;
}

static int open_bytes(wkv_tokenizer **out)
{
    wkv_tokenizer *t = tokenizer_new("bytes");
    if (!t) return WKV_ENOMEM;
    t->name = "bytes";
    return opened(out, t, vocabulary_bytes(&t->v));
}

int tokenizer_needs_file(const char *path) { return strcasecmp(path, "bytes") != 0 && !builtin_has(path); }

int tokenizer_open_file(wkv_tokenizer **out, const char *path)
{
    file_map f;
    *out = NULL;
    if (!strcasecmp(path, "bytes")) return open_bytes(out);
    if (builtin_has(path)) return tokenizer_open_builtin(out, path);
    int err = file_open(&f, path);
    if (err) return err;
    if (f.size >= 4 && !memcmp(f.data, "GGUF", 4))
        err = open_gguf(out, path);
    else if (f.size == 0)
        err = fail(WKV_EFORMAT, "%s: the file is empty", path);
    else
        err = tokenizer_open_memory(out, (const char *)f.data, f.size, path);
    file_close(&f);
    return err;
}

static int build_trie_again(wkv_tokenizer *t)
{
    trie_release(&t->t);
    t->t = (trie){0};
    return build_trie(t);
}

/* World without its last word, for models with one logit less than World has ids. */
static int leave_out_last(wkv_tokenizer *t)
{
    t->v.size--;
    return build_trie_again(t);
}

/* The id with exactly these bytes, -1: none. */
static int find_word(const wkv_tokenizer *t, const char *text, size_t n)
{
    for (int i = 0; i < t->v.size; i++)
        if (t->v.words[i].bytes == n && !memcmp(vocabulary_word(&t->v, i), text, n)) return i;
    return -1;
}

static int add_word(wkv_tokenizer *t, const char *text, size_t n)
{
    if (!n || n > MAX_WORD) return fail(WKV_EARG, "a token to add has %zu bytes, expected 1 to %d", n, MAX_WORD);
    int there = find_word(t, text, n);
    if (there >= 0) return fail(WKV_EARG, "%s: \"%.*s\" is id %d already", t->path, (int)n, text, there);
    return vocabulary_add(&t->v, t->v.size, text, n);
}

int tokenizer_add(wkv_tokenizer *t, const char *lines)
{
    if (t->bpe || !strcmp(t->name, "characters"))
        return fail(WKV_EUNSUPPORTED,
                    "%s: has rules besides its words (%s); tokens can only be added to lists of words",
                    t->path, t->name);
    for (const char *at = lines; at;) {
        size_t n = strcspn(at, "\n");
        int err = add_word(t, at, n);
        if (err) return err;
        at = at[n] ? at + n + 1 : NULL;
    }
    token_index_free(t->index);
    t->index = NULL;
    t->name = "trie"; /* the name after reopening from the output file */
    return build_trie_again(t);
}

int wkv_tokenizer_open(wkv_tokenizer **out, const char *path, const wkv_model *m)
{
    REQUIRE(out, "the place for the tokenizer");
    *out = NULL;
    if (!path && !m) return fail(WKV_EARG, "wkv_tokenizer_open: needs a path or a model");
    int err = path ? tokenizer_open_file(out, path) : tokenizer_of_model(out, m);
    if (err || !m || (*out)->v.size <= wkv_model_about(m)->vocab) return err;
    if (is_world(&(*out)->v) && wkv_model_about(m)->vocab == (*out)->v.size - 1 && !leave_out_last(*out)) return 0;
    err = fail(WKV_EARG, "%s: its largest id is %d, but the model %s has %d logits", (*out)->path, (*out)->v.size - 1,
               wkv_model_about(m)->path, wkv_model_about(m)->vocab);
    wkv_tokenizer_close(*out);
    *out = NULL;
    return err;
}

void wkv_tokenizer_close(wkv_tokenizer *t)
{
    if (!t) return;
    vocabulary_release(&t->v);
    trie_release(&t->t);
    bpe_free(t->bpe);
    token_index_free(t->index);
    free(t->path);
    free(t);
}

const char *wkv_tokenizer_name(const wkv_tokenizer *t) { return t ? t->name : NULL; }
const char *wkv_tokenizer_path(const wkv_tokenizer *t) { return t ? t->path : NULL; }
int wkv_tokenizer_size(const wkv_tokenizer *t) { return t ? t->v.size : 0; }
int wkv_tokenizer_end(const wkv_tokenizer *t) { return t ? t->end : -1; }

/* ---- text to ids, ids to text ------------------------------------------------------------------------------------ */

/* Bytes of the character at p: the lead byte and its continuation bytes. */
static size_t character(const char *p, size_t n)
{
    size_t i = 1;
    while (i < n && ((unsigned char)p[i] & 0xc0) == 0x80) i++;
    return i;
}

/* Longest match, from left to right. */
static int trie_encode(const wkv_tokenizer *t, const char *text, size_t n, id_list *found)
{
    for (size_t i = 0; i < n;) {
        size_t bytes = 0;
        int32_t id = trie_match(&t->t, text + i, n - i, &bytes);
        if (id < 0) {
            if (t->unknown < 0)
                return fail(WKV_EARG, "%s: cannot encode the text at byte %zu (0x%02x)", t->path, i,
                            (unsigned char)text[i]);
            id = t->unknown;
            bytes = character(text + i, n - i);
        }
        id_put(found, id);
        i += bytes;
    }
    return found->n;
}

int wkv_encode(const wkv_tokenizer *t, const char *text, size_t bytes, int32_t *ids, int cap)
{
    REQUIRE(t, "the tokenizer");
    if (!text && bytes) return fail(WKV_EARG, "wkv_encode: the text of %zu bytes is NULL", bytes);
    if (cap < 0 || (cap > 0 && !ids)) return fail(WKV_EARG, "wkv_encode: a capacity of %d ids", cap);
    if (bytes > INT_MAX) return fail(WKV_EARG, "wkv_encode: a text of %zu bytes, at most %d at once", bytes, INT_MAX);
    id_list found = {ids, 0, cap};
    return t->bpe ? bpe_encode(t->bpe, text, bytes, &found) : trie_encode(t, text, bytes, &found);
}

int wkv_encode_prompt(const wkv_tokenizer *t, const char *text, size_t bytes, int32_t *ids, int cap)
{
    int blank = t && text && t->bpe && bytes >= 2 && !memcmp(text + bytes - 2, "\n\n", 2) &&
                (bytes == 2 || !strchr(" \t\r\n", text[bytes - 3]));
    int n = wkv_encode(t, text, bytes - (blank ? 1 : 0), ids, cap);
    if (!blank || n < 0) return n;
    int32_t newline;
    wkv_encode(t, "\n", 1, &newline, 1);
    if (n < cap) ids[n] = newline;
    return n + 1;
}

const char *wkv_token_bytes(const wkv_tokenizer *t, int32_t id, size_t *bytes)
{
    if (bytes) *bytes = 0;
    if (!t || !bytes) return NULL;
    if (id < 0 || id >= t->v.size || id == t->end) return "";
    *bytes = t->v.words[id].bytes;
    return vocabulary_word(&t->v, id);
}
