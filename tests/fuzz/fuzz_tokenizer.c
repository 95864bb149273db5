/* fuzz_tokenizer.c - any bytes as a text: its tokens give the same text, and streamed text is complete characters. */
#include "text/tokenizer.h"
#include "base/utf8.h"
#include <stdlib.h>
#include <string.h>

static const char merges[] =
    "{\"added_tokens\": [{\"id\": 0, \"content\": \"<|endoftext|>\"}, {\"id\": 10, \"content\": \"  \", "
    "\"normalized\": true}],"
    " \"normalizer\": {\"type\": \"NFC\"}, \"pre_tokenizer\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\","
    " \"vocab\": {\"a\": 1, \"b\": 2, \"c\": 3, \"\xc4\xa0\": 4, \"ab\": 5, \"\xc4\xa0"
    "ab\": 6, \"abc\": 7, \"bc\": 8, \"\xc4\x8a\": 9},"
    " \"merges\": [\"a b\", \"b c\", \"\xc4\xa0 ab\", \"ab c\"]}}";

/* 256 bytes and some words */
static wkv_tokenizer *trie_of_words(void)
{
    static const char *const words[] = {
        "th", "the", " the", "\\n\\n", "ab", "abab", "  ", "\\xe4\\xb8", "\\xe4\\xb8\\xad\\xe5", "\\xf0\\x9f"};
    char lines[8192];
    size_t n = 0;
    wkv_tokenizer *t;
    for (int i = 0; i < 256; i++) n += (size_t)snprintf(lines + n, sizeof lines - n, "%d b'\\x%02x' 1\n", i + 1, i);
    for (int i = 0; i < 10; i++) {
        int bytes = strchr(words[i], 'x') ? (int)strlen(words[i]) / 4 : words[i][0] == '\\' ? 2 : (int)strlen(words[i]);
        n += (size_t)snprintf(lines + n, sizeof lines - n, "%d b'%s' %d\n", 257 + i, words[i], bytes);
    }
    if (tokenizer_open_memory(&t, lines, n, "words")) abort();
    return t;
}

static void check(const wkv_tokenizer *t, const char *text, size_t size, int exact)
{
    int32_t *ids = malloc((size + 1) * sizeof *ids);
    char *back = malloc(size + wkv_decoder_room(t));
    wkv_decoder d = {0};
    int n = wkv_encode(t, text, size, ids, (int)size);
    size_t length = 0;
    if (exact && n < 0) abort();
    for (int i = 0; i < n; i++) {
        length += wkv_decode(&d, t, ids[i], back + length);
        if (exact && utf8_check(text, size) == size && utf8_check(back, length) != length) abort();
    }
    length += wkv_decode_end(&d, back + length);
    if (exact && (length != size || memcmp(back, text, size))) abort();
    free(back);
    free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static wkv_tokenizer *words, *bytes, *pairs;
    if (!words) {
        words = trie_of_words();
        if (wkv_tokenizer_open(&bytes, "bytes", NULL)) abort();
        if (tokenizer_open_memory(&pairs, merges, sizeof merges - 1, "merges") && !strstr(wkv_error(), "PCRE2"))
            abort();
    }
    check(words, (const char *)data, size, 1);
    check(bytes, (const char *)data, size, 1);
    if (pairs) check(pairs, (const char *)data, size, 0);
    return 0;
}
