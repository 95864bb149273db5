/* test_tokenizer.c - vocabularies of every kind, round trips, the vectors of the official tokenizers, streaming. */
#include "base/file.h"
#include "base/rng.h"
#include "test.h"
#include "text/tokenizer.h"
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

static wkv_tokenizer *from_text(const char *text, size_t n)
{
    wkv_tokenizer *t;
    return tokenizer_open_memory(&t, text, n, "memory") ? NULL : t;
}

#define OPEN(literal) from_text(literal, sizeof(literal) - 1)
#define REFUSES(literal, words)                                                                                        \
    do {                                                                                                               \
        EXPECT(!OPEN(literal));                                                                                        \
        EXPECT_HAS(wkv_error(), words);                                                                                \
    } while (0)

/* the tokenizer at SHARED_DIR/name; NULL when it is absent */
static wkv_tokenizer *shared(const char *name)
{
    char path[512];
    wkv_tokenizer *t;
    snprintf(path, sizeof path, SHARED_DIR "/tokenizer/%s", name);
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    fclose(f);
    if (wkv_tokenizer_open(&t, path, NULL)) FAILED("%s", wkv_error());
    return t;
}

/* ids are those, and the tokens' bytes are the text again */
static void expect_ids(const wkv_tokenizer *t, const char *text, size_t n, const int32_t *ids, int count)
{
    int32_t *got = malloc((n + 8) * sizeof *got);
    int found = wkv_encode(t, text, n, got, (int)n + 8), same = found == count;
    for (int i = 0; same && i < count; i++) same = got[i] == ids[i];
    if (!same) {
        FAILED("\"%.*s\" is %d ids, expected %d:", (int)n, text, found, count);
        for (int i = 0; i < found; i++) printf(" %d", got[i]);
        printf("\n");
    }
    free(got);
}

static size_t decode_all(const wkv_tokenizer *t, const int32_t *ids, int n, char *out)
{
    wkv_decoder d = {0};
    size_t length = 0;
    for (int i = 0; i < n; i++) length += wkv_decode(&d, t, ids[i], out + length);
    return length + wkv_decode_end(&d, out + length);
}

static void expect_round_trip(const wkv_tokenizer *t, const char *text, size_t n)
{
    int32_t *ids = malloc((n + 1) * sizeof *ids);
    int count = wkv_encode(t, text, n, ids, (int)n);
    if (count < 0 || count > (int)n)
        FAILED("encoding %zu bytes gives %d: %s", n, count, wkv_error());
    else {
        char *back = malloc(n + wkv_decoder_room(t));
        size_t length = decode_all(t, ids, count, back);
        EXPECT(length == n && !memcmp(back, text, n));
        free(back);
    }
    free(ids);
}

/* ---- small vocabularies, written here ---------------------------------------------------------------------------- */

static const char small[] = "1 'a' 1\n2 'b' 1\r\n3 'ab' 2\n4 'abab' 4\n5 \"'\" 1\n6 '\\x80' 2\n7 b'\\x80' 1\n8 '\\\\n' "
                            "2\n9 '\\n ' 2\n12 ' ' 1\n13 '\\u4e2d' 3\n14 '\xe4\xb8\xad\xe5\x9b\xbd' 6";

static void lines(void)
{
    wkv_tokenizer *t = OPEN(small);
    size_t n;
    EXPECT(t);
    if (!t) return;
    EXPECT_STR(wkv_tokenizer_name(t), "trie");
    EXPECT_STR(wkv_tokenizer_path(t), "memory");
    EXPECT_EQ(wkv_tokenizer_size(t), 15);
    EXPECT_EQ(wkv_tokenizer_end(t), 0);
    expect_ids(t, "abababa'", 8, (int32_t[]){4, 3, 1, 5}, 4); /* the longest first */
    expect_ids(t, "\xc2\x80\x80", 3, (int32_t[]){6, 7}, 2);   /* str and bytes escapes differ */
    expect_ids(t, "\\n\n  ", 5, (int32_t[]){8, 9, 12}, 3);    /* a literal with spaces in it */
    expect_ids(t, "\xe4\xb8\xad\xe4\xb8\xad\xe5\x9b\xbd", 9, (int32_t[]){13, 14}, 2);
    EXPECT_EQ(wkv_encode(t, "abba?", 5, NULL, 0), WKV_EARG);
    EXPECT_HAS(wkv_error(), "byte 4 (0x3f)");
    EXPECT_EQ(wkv_encode(t, "", 0, NULL, 0), 0);
    int32_t two[2] = {0, -7};
    EXPECT_EQ(wkv_encode(t, "abba", 4, two, 1), 3); /* counted all, written one */
    EXPECT_EQ(two[0], 3);
    EXPECT_EQ(two[1], -7);
    for (int id = -1; id < 17; id++) {
        wkv_token_bytes(t, id, &n);
        if (id < 1 || id == 10 || id == 11 || id > 14)
            EXPECT_EQ(n, 0);
        else
            EXPECT(n > 0);
    }
    wkv_tokenizer_close(t);
}

static void refusals(void)
{
    REFUSES("1 'a' 2\n", "line 1: the text has 1 bytes, the line says 2");
    REFUSES("1 'a' 1\n1 'b' 1\n", "line 2: id 1 occurs twice");
    REFUSES("1 'a' 1\n2 a 1\n", "line 2: expected a quoted text");
    REFUSES("1 '\\q' 1\n", "unknown escape");
    REFUSES("1 '\\' 1\n", "unknown escape");
    REFUSES("1 '\\x8' 1\n", "unknown escape");
    REFUSES("1 b'\\u0041' 1\n", "unknown escape");
    REFUSES("1 b'\xc3\xa9' 2\n", "above 127");
    REFUSES("1 'a'b' 3\n", "a quote inside");
    REFUSES("1 '' \n", "expected `id 'text' bytes`");
    REFUSES("1  1\n", "expected a quoted text");
    REFUSES("1 1\n", "expected `id");
    REFUSES("999999999 'a' 1\n", "id 999999999");
    REFUSES("99999999999999999999 'a' 1\n", "expected `id");
    REFUSES("hello\n", "not a vocabulary");
    REFUSES("", "not a vocabulary");
    REFUSES(" \n", "not a vocabulary");
    REFUSES("{", "invalid JSON");
    REFUSES("{}", "an empty vocabulary");
    REFUSES("{\"a\": 1}", "key \"a\", expected an id");
    REFUSES("{\"1\": 1}", "expected a string or an array");
    REFUSES("{\"1\": [256]}", "byte values from 0 to 255");
    REFUSES("{\"1\": \"a\", \"01\": \"b\"}", "id 1 occurs twice");
    EXPECT_EQ(wkv_tokenizer_open(&(wkv_tokenizer *){0}, "/nowhere/vocab.txt", NULL), WKV_EIO);
    EXPECT_HAS(wkv_error(), "/nowhere/vocab.txt");
    EXPECT_EQ(wkv_tokenizer_open(&(wkv_tokenizer *){0}, NULL, NULL), WKV_EARG);
    wkv_tokenizer_close(NULL);
}

/* A word of n letters in each kind of file. */
static char *with_word(const char *before, size_t n, const char *behind)
{
    char *text = malloc(strlen(before) + n + strlen(behind) + 1), *at = text + sprintf(text, "%s", before);
    memset(at, 'a', n);
    strcpy(at + n, behind);
    return text;
}

/* One word of 100,000 bytes would make a text take 100,000 times its length. */
static void refuses_word(const char *before, size_t n, const char *behind, const char *words)
{
    char *text = with_word(before, n, behind);
    EXPECT(!from_text(text, strlen(text)));
    if (strstr(wkv_error(), "needs PCRE2")) printf("     this build has no byte pair encoding\n");
    else EXPECT_HAS(wkv_error(), words);
    free(text);
}

static void long_words(void)
{
    static const char head[] =
        "{\"pre_tokenizer\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", \"merges\": [], \"vocab\": {";
    char before[400], *text;
    refuses_word("1 'b' 1\n2 '", 1025, "' 1025\n", "line 2: id 2 has 1025 bytes, expected at most 1024");
    refuses_word("1 'b' 1\n2 '", 100000, "' 100000\n", "line 2: id 2 has 100000 bytes");
    refuses_word("{\"1\": \"b\", \"2\": \"", 1025, "\"}", "id 2 has 1025 bytes, expected at most 1024");
    snprintf(before, sizeof before, "%s\"", head);
    refuses_word(before, 1025, "\": 1}}}", "id 1 has 1025 bytes, expected at most 1024");
    refuses_word(before, 3000, "\": 1}}}", "has 3000 bytes");
    snprintf(before, sizeof before, "%s\"a\": 0}}, \"added_tokens\": [{\"id\": 1, \"content\": \"", head);
    refuses_word(before, 1025, "\"}]}", "added_tokens[0]");
    snprintf(before, sizeof before, "%s\"a\": 0}}, \"added_tokens\": [{\"id\": 0, \"content\": \"", head);
    refuses_word(before, 1025, "\"}]}", "added_tokens[0]");
    text = with_word("1 'a' 1\n2 '", 1024, "' 1024\n");
    wkv_tokenizer *t = from_text(text, strlen(text));
    EXPECT(t);
    wkv_tokenizer_close(t);
    free(text);
}

static void byte_order_mark(void)
{
    wkv_tokenizer *t = OPEN("\xef\xbb\xbf" "1 'a' 1\n2 'b' 1\n");
    EXPECT(t && wkv_tokenizer_size(t) == 3);
    wkv_tokenizer_close(t);
    t = OPEN("\xef\xbb\xbf{\"0\": \"a\", \"1\": \"b\"}");
    EXPECT(t && wkv_tokenizer_size(t) == 2);
    wkv_tokenizer_close(t);
    REFUSES("\xef\xbb\xbfhello", "not a vocabulary");
}

static void characters(void)
{
    wkv_tokenizer *t = OPEN("{\"0\": \"\\n\", \"1\": \"a\", \"2\": \"\xc3\xa9\", \"3\": \"\xe4\xb8\xad\"}");
    EXPECT(t);
    if (!t) return;
    EXPECT_STR(wkv_tokenizer_name(t), "characters");
    EXPECT_EQ(wkv_tokenizer_end(t), -1);
    expect_ids(t, "a\n\xe4\xb8\xad\xc3\xa9", 7, (int32_t[]){1, 0, 3, 2}, 4);
    EXPECT_EQ(wkv_encode(t, "aa\xc3\xa8", 4, NULL, 0), WKV_EARG);
    EXPECT_HAS(wkv_error(), "byte 2");
    wkv_tokenizer_close(t);
    t = OPEN("{\"0\": \"a\", \"1\": \"\\ue083\"}"); /* with an unknown word */
    if (t) expect_ids(t, "a\xe4\xb8\xad\xc3z", 6, (int32_t[]){0, 1, 1, 1}, 4);
    wkv_tokenizer_close(t);
    static const char utf16[] = "\xff\xfe{\0\"\0"
                                "0\0\"\0:\0\"\0"
                                "a\0\"\0,\0\"\0"
                                "1\0\"\0:\0\"\0"
                                "\x3d\xd8\x00\xde"
                                "\"\0}\0";
    t = OPEN(utf16);
    EXPECT(t);
    if (t) expect_ids(t, "a\xf0\x9f\x98\x80", 5, (int32_t[]){0, 1}, 2);
    wkv_tokenizer_close(t);
}

static void json_words(void)
{
    wkv_tokenizer *t = OPEN("\xef\xbb\xbf{\"1\": \"a\", \"2\": [228, 184], \"3\": \"ab\"}");
    EXPECT(t);
    if (!t) return;
    EXPECT_STR(wkv_tokenizer_name(t), "trie");
    expect_ids(t, "aab\xe4\xb8", 5, (int32_t[]){1, 3, 2}, 3);
    wkv_tokenizer_close(t);
}

/* the rules of the 20B tokenizer on an alphabet of four */
static void merges(void)
{
    wkv_tokenizer *t =
        OPEN("{\"added_tokens\": [{\"id\": 0, \"content\": \"<|endoftext|>\"}, {\"id\": 10, \"content\": \"  \", "
             "\"normalized\": true}],"
             " \"normalizer\": {\"type\": \"NFC\"}, \"pre_tokenizer\": {\"type\": \"ByteLevel\"}, \"model\": "
             "{\"type\": \"BPE\","
             " \"vocab\": {\"<|endoftext|>\": 0, \"a\": 1, \"b\": 2, \"c\": 3, \"\xc4\xa0\": 4, \"ab\": 5, \"\xc4\xa0"
             "ab\": 6, \"abc\": 7, \"bc\": 8},"
             " \"merges\": [\"a b\", [\"b\", \"c\"], \"\xc4\xa0 ab\", \"ab c\"]}}");
    if (!t) SKIP("%s", wkv_error());
    EXPECT_STR(wkv_tokenizer_name(t), "BPE");
    EXPECT_EQ(wkv_tokenizer_end(t), 0);
    expect_ids(t, "abc", 3, (int32_t[]){7}, 1);
    expect_ids(t, "bcabbc", 6, (int32_t[]){8, 5, 8}, 3);
    expect_ids(t, "ab ab ac", 8, (int32_t[]){5, 6, 4, 1, 3}, 5);
    expect_ids(t, "c   ab", 6, (int32_t[]){3, 10, 6}, 3); /* of three blanks, two are a word */
    expect_ids(t, "ab<|endoftext|>bc", 17, (int32_t[]){5, 0, 8}, 3);
    expect_ids(t, "a\xc3\xa9z", 4, (int32_t[]){1}, 1); /* symbols it lacks are dropped */
    char *many = malloc(300000);                       /* one long word: not quadratic */
    memset(many, 'a', 300000);
    EXPECT_EQ(wkv_encode(t, many, 300000, NULL, 0), 300000);
    free(many);
    wkv_tokenizer_close(t);
    REFUSES("{\"model\": {\"type\": \"WordLevel\"}}", "type WordLevel, expected BPE");
    REFUSES("{\"model\": {}}", "pre_tokenizer none, expected ByteLevel");
    REFUSES("{\"model\": {}, \"pre_tokenizer\": {\"type\": \"ByteLevel\"}}", "model.vocab is empty");
    REFUSES("{\"model\": {\"vocab\": {\"a\": 1}, \"merges\": [\"a b\"]}, \"pre_tokenizer\": {\"type\": \"ByteLevel\"}}",
            "model.merges[0]: \"a b\"");
    REFUSES("{\"model\": {\"vocab\": {\"\xe4\xb8\xad\": 1}}, \"pre_tokenizer\": {\"type\": \"ByteLevel\"}}",
            "not in the byte alphabet");
}

static void random_bytes(const wkv_tokenizer *t)
{
    rng r = {1, 0};
    char text[4000];
    for (int round = 0; round < 50; round++) {
        size_t n = rng_u64(&r) % sizeof text;
        int kind = round % 3; /* any bytes; near-UTF-8; letters and blanks */
        for (size_t i = 0; i < n; i++) {
            uint64_t x = rng_u64(&r);
            text[i] = (char)(kind == 0   ? (int)(x & 255)
                             : kind == 1 ? "\xe4\xb8\xad\xf0\x9f\x98\x80 a\xc3"[x % 10]
                                         : "the \n0123 and"[x % 13]);
        }
        expect_round_trip(t, text, n);
    }
}

static void bytes(void)
{
    wkv_tokenizer *t;
    size_t n;
    EXPECT_EQ(wkv_tokenizer_open(&t, "bytes", NULL), 0);
    EXPECT_STR(wkv_tokenizer_name(t), "bytes");
    EXPECT_EQ(wkv_tokenizer_size(t), 256);
    EXPECT_EQ(wkv_tokenizer_end(t), -1);
    expect_ids(t, "\"in\0\xff", 5, (int32_t[]){0x22, 0x69, 0x6e, 0, 255}, 5);
    EXPECT_EQ(*wkv_token_bytes(t, 0, &n), 0);
    EXPECT_EQ(n, 1);
    random_bytes(t);
    wkv_tokenizer_close(t);
}

/* ---- streaming --------------------------------------------------------------------------------------------------- */

static void streaming(void)
{
    wkv_tokenizer *t;
    wkv_decoder d = {0};
    char out[16];
    EXPECT_EQ(wkv_tokenizer_open(&t, "bytes", NULL), 0);
    EXPECT_EQ(wkv_decode(&d, t, 0xf0, out), 0);
    EXPECT_EQ(wkv_decode(&d, t, 0x9f, out), 0);
    EXPECT_EQ(wkv_decode(&d, t, 0x98, out), 0);
    EXPECT_EQ(wkv_decode(&d, t, 0x80, out), 4);
    EXPECT(!memcmp(out, "\xf0\x9f\x98\x80", 4));
    EXPECT_EQ(wkv_decode(&d, t, 0xe4, out), 0); /* a character that never ends: its bytes go out as they are */
    EXPECT_EQ(wkv_decode(&d, t, 0xb8, out), 0);
    EXPECT_EQ(wkv_decode(&d, t, 'a', out), 3);
    EXPECT(!memcmp(out,
                   "\xe4\xb8"
                   "a",
                   3));
    EXPECT_EQ(wkv_decode(&d, t, 0xff, out), 1); /* never part of a character */
    EXPECT_EQ(wkv_decode(&d, t, 0xc3, out), 0);
    EXPECT_EQ(wkv_decode_end(&d, out), 1);
    EXPECT_EQ(wkv_decode_end(&d, out), 0);
    wkv_tokenizer_close(t);
}

/* every printed prefix is complete characters, for every division of a text's bytes into ids */
static void streaming_whole(void)
{
    static const char text[] = "a\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\xe2\x82\xac.";
    wkv_tokenizer *t;
    wkv_decoder d = {0};
    char out[64];
    size_t n = 0, valid = 0;
    EXPECT_EQ(wkv_tokenizer_open(&t, "bytes", NULL), 0);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        n += wkv_decode(&d, t, (unsigned char)text[i], out + n);
        while (valid < n)
            valid += (out[valid] & 0x80) == 0 ? 1 : (out[valid] & 0x20) == 0 ? 2 : (out[valid] & 0x10) == 0 ? 3 : 4;
        EXPECT_EQ(valid, n);
    }
    EXPECT(n == sizeof text - 1 && !memcmp(out, text, n));
    wkv_tokenizer_close(t);
}

/* ---- the official vocabularies ----------------------------------------------------------------------------------- */

static char *unhex(const char *hex, size_t *n)
{
    char *out = malloc(strlen(hex) / 2 + 1);
    unsigned value;
    for (*n = 0; sscanf(hex + 2 * *n, "%2x", &value) == 1; ++*n) out[*n] = (char)value;
    out[*n] = 0;
    return out;
}

/* every line of a .jsonl of {"text" or "hex", "tokens", "decoded"?} */
static void vectors(const wkv_tokenizer *t, const char *path, int at_least)
{
    char *data;
    size_t size, lines_read = 0;
    if (file_slurp(&data, &size, path)) SKIP("%s is absent", path);
    for (char *line = strtok(data, "\n"); line; line = strtok(NULL, "\n"), lines_read++) {
        json_t *item = json_loads(line, JSON_ALLOW_NUL, NULL), *value, *tokens = json_object_get(item, "tokens");
        const char *hex = json_string_value(json_object_get(item, "hex"));
        const json_t *text = json_object_get(item, "text"), *decoded = json_object_get(item, "decoded");
        size_t n = json_string_length(text), count = json_array_size(tokens), i;
        char *raw = hex ? unhex(hex, &n) : NULL;
        const char *p = raw ? raw : json_string_value(text);
        int32_t *ids = malloc((count + 1) * sizeof *ids);
        json_array_foreach(tokens, i, value) ids[i] = (int32_t)json_integer_value(value);
        expect_ids(t, p, n, ids, (int)count);
        if (!decoded && !strstr(p, "<|endoftext|>")) expect_round_trip(t, p, n);
        if (decoded) {
            char back[4096];
            size_t length = decode_all(t, ids, (int)count, back);
            EXPECT(length == json_string_length(decoded) && !memcmp(back, json_string_value(decoded), length));
        }
        free(ids);
        free(raw);
        json_decref(item);
    }
    EXPECT(lines_read >= (size_t)at_least);
    free(data);
}

static void world(void)
{
    wkv_tokenizer *t = shared("rwkv_vocab_v20230424.txt");
    struct timespec a, b;
    if (!t) SKIP("the World vocabulary is not in " SHARED_DIR);
    EXPECT_STR(wkv_tokenizer_name(t), "World");
    EXPECT_EQ(wkv_tokenizer_size(t), 65530);
    EXPECT_EQ(wkv_tokenizer_end(t), 0);
    vectors(t, SHARED_DIR "/tokenizer/vectors/world_vectors.jsonl", 103);
    random_bytes(t);
    for (int id = 1; id < 65530; id++) { /* every word is found again, as itself */
        size_t n;
        const char *p = wkv_token_bytes(t, id, &n);
        int32_t found = -1;
        if (wkv_encode(t, p, n, &found, 1) != 1 || found != id) FAILED("id %d is found as %d", id, found);
    }
    wkv_tokenizer_close(t);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    t = shared("rwkv_vocab_v20230424.txt");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    printf("     World opens in %.1f ms\n",
           (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6);
    wkv_tokenizer_close(t);
}

/* World as web-rwkv writes it is the same vocabulary */
static void world_json(void)
{
    wkv_tokenizer *t = shared("web-rwkv/rwkv_vocab_v20230424.json"), *lines_form = shared("rwkv_vocab_v20230424.txt");
    if (!t || !lines_form) SKIP("the World vocabularies are not in " SHARED_DIR);
    EXPECT_STR(wkv_tokenizer_name(t), "World");
    for (int id = 0; id < 65530; id++) {
        size_t n, m;
        const char *p = wkv_token_bytes(t, id, &n), *q = wkv_token_bytes(lines_form, id, &m);
        if (n != m || memcmp(p, q, n)) FAILED("id %d differs", id);
    }
    wkv_tokenizer_close(t);
    wkv_tokenizer_close(lines_form);
}

static void other_files(void)
{
    static const char *const names[] = {"web-rwkv/othello_vocab.txt", "web-rwkv/othello_vocab.json",
                                        "web-rwkv/puzzle15_vocab.txt", "web-rwkv/puzzle15_vocab.json"};
    for (int i = 0; i < 4; i++) {
        wkv_tokenizer *t = shared(names[i]);
        if (!t) SKIP("%s is not in " SHARED_DIR, names[i]);
        EXPECT_STR(wkv_tokenizer_name(t), "trie");
        wkv_tokenizer_close(t);
    }
    wkv_tokenizer *t = shared("enwik8-vocab.json");
    EXPECT_STR(wkv_tokenizer_name(t), "characters");
    EXPECT_EQ(wkv_tokenizer_size(t), 6064);
    expect_ids(t, "\t\n ", 3, (int32_t[]){0, 1, 2}, 3);
    wkv_tokenizer_close(t);
    EXPECT_EQ(wkv_tokenizer_open(&t, SHARED_DIR "/tokenizer/tokenizer-midi.json", NULL), WKV_EUNSUPPORTED);
}

static void neox(void)
{
    wkv_tokenizer *t;
    int e = wkv_tokenizer_open(&t, SHARED_DIR "/tokenizer/20B_tokenizer.json", NULL);
    if (e == WKV_EIO || e == WKV_EUNSUPPORTED) SKIP("%s", wkv_error());
    EXPECT_EQ(e, 0);
    if (e) return;
    EXPECT_STR(wkv_tokenizer_name(t), "GPT-NeoX 20B");
    EXPECT_EQ(wkv_tokenizer_size(t), 50277);
    EXPECT_EQ(wkv_tokenizer_end(t), 0);
    vectors(t, SHARED_DIR "/tokenizer/vectors/20B_vectors.jsonl", 94);
    EXPECT_EQ(wkv_encode(t, "ab\xff", 3, NULL, 0), WKV_EARG);
    EXPECT_HAS(wkv_error(), "byte 2");
    int32_t ids[3] = {0}; /* a prompt's last blank line is two newlines, a text's is one token */
    EXPECT_EQ(wkv_encode(t, "Hi\n\n", 4, ids, 3), 2);
    EXPECT_EQ(ids[1], 535);
    EXPECT_EQ(wkv_encode_prompt(t, "Hi\n\n", 4, ids, 3), 3);
    EXPECT(ids[1] == 187 && ids[2] == 187);
    EXPECT_EQ(wkv_encode_prompt(t, "Hi\n", 3, ids, 3), 2);
    wkv_tokenizer_close(t);
}

/* ---- in the library ---------------------------------------------------------------------------------------------- */

/* A word in the byte-level alphabet, as UTF-8. */
static void put_alphabet(char *out, const char *bytes, size_t n)
{
    int code[256], next = 256;
    for (int b = 0; b < 256; b++) code[b] = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174 ? b : next++;
    for (size_t i = 0; i < n; i++) {
        int c = code[(unsigned char)bytes[i]];
        if (c >= 0x80) *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(c < 0x80 ? c : 0x80 | (c & 63));
    }
    *out = 0;
}

/* World as the folders of Hugging Face have it: word: id, with entries for the end of a text and for reserved ids. */
static json_t *world_object(const wkv_tokenizer *t)
{
    json_t *words = json_object();
    char spelt[512];
    json_object_set_new(words, "<|endoftext|>", json_integer(0));
    for (int id = 1; id < wkv_tokenizer_size(t); id++) {
        size_t n;
        const char *bytes = wkv_token_bytes(t, id, &n);
        put_alphabet(spelt, bytes, n);
        json_object_set_new(words, spelt, json_integer(id));
    }
    for (int id = 65530; id < 65536; id++) {
        snprintf(spelt, sizeof spelt, "\xee\x80\x80rwkv_reserved_%d", id);
        json_object_set_new(words, spelt, json_integer(id));
    }
    return words;
}

static void same_vocabulary(const wkv_tokenizer *a, const wkv_tokenizer *b)
{
    EXPECT_EQ(wkv_tokenizer_size(a), wkv_tokenizer_size(b));
    EXPECT_EQ(wkv_tokenizer_end(a), wkv_tokenizer_end(b));
    EXPECT_STR(wkv_tokenizer_name(a), wkv_tokenizer_name(b));
    int differ = 0;
    for (int id = 0; id < wkv_tokenizer_size(a); id++) {
        size_t n, k;
        const char *x = wkv_token_bytes(a, id, &n), *y = wkv_token_bytes(b, id, &k);
        differ += n != k || memcmp(x, y, n);
    }
    EXPECT_EQ(differ, 0);
}

/* The library's World, the same in a tokenizer.json of either model type, in a vocab.json, and in the file where it is
 * there. */
static void world_in_the_library(void)
{
    wkv_tokenizer *t, *other;
    EXPECT_EQ(wkv_tokenizer_open(&t, "world", NULL), 0);
    EXPECT_STR(wkv_tokenizer_name(t), "World");
    EXPECT_STR(wkv_tokenizer_path(t), "world");
    expect_ids(t, "The Eiffel Tower", 16, (int32_t[]){6699, 304, 25740, 109, 37480}, 5);
    json_t *words = world_object(t);
    for (int i = 0; i < 3; i++) {
        static const char *const types[] = {"WordLevel", "RwkvTrie"};
        json_t *root = i == 2
                           ? json_incref(words)
                           : json_pack("{s [] s {s s s O}}", "added_tokens", "model", "type", types[i], "vocab", words);
        char *text = json_dumps(root, 0);
        if (tokenizer_open_memory(&other, text, strlen(text), "tokenizer.json")) FAILED("%s", wkv_error());
        else same_vocabulary(t, other);
        wkv_tokenizer_close(other);
        free(text);
        json_decref(root);
    }
    json_decref(words);
    other = shared("rwkv_vocab_v20230424.txt");
    if (other) same_vocabulary(t, other);
    wkv_tokenizer_close(other);
    wkv_tokenizer_close(t);
}

static void neox_in_the_library(void)
{
    wkv_tokenizer *t, *other;
    if (wkv_tokenizer_open(&t, "20B", NULL)) SKIP("%s", wkv_error());
    EXPECT_STR(wkv_tokenizer_name(t), "GPT-NeoX 20B");
    other = shared("20B_tokenizer.json");
    if (other) same_vocabulary(t, other);
    wkv_tokenizer_close(other);
    wkv_tokenizer_close(t);
}

int main(void)
{
    RUN(lines);
    RUN(refusals);
    RUN(long_words);
    RUN(byte_order_mark);
    RUN(characters);
    RUN(json_words);
    RUN(merges);
    RUN(bytes);
    RUN(streaming);
    RUN(streaming_whole);
    RUN(world);
    RUN(world_json);
    RUN(other_files);
    RUN(neox);
    RUN(world_in_the_library);
    RUN(neox_in_the_library);
    return DONE();
}
