/* alphabet.c - decode words from the byte-level alphabet. */
#include "text/alphabet.h"
#include "base/error.h"
#include <string.h>

enum { CHARACTERS = 324, WORLD_LAST = 65529, WORLD_SPACES = 128 };

/* Bytes 33-126, 161-172, 174-255 map to themselves, the other 68 to U+0100 and up. byte_of[c]: the byte of character c,
 * -1: none. */
static void make_alphabet(int16_t byte_of[CHARACTERS])
{
    int next = 256;
    for (int c = 0; c < CHARACTERS; c++) byte_of[c] = -1;
    for (int b = 0; b < 256; b++) {
        int c = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174 ? b : next++;
        byte_of[c] = (int16_t)b;
    }
}

/* Decode a word of n bytes of UTF-8 into out (capacity n). Returns its length; -1: a character outside the alphabet. */
static ptrdiff_t spell(const int16_t byte_of[CHARACTERS], const char *p, size_t n, char *out)
{
    size_t length = 0;
    for (size_t i = 0; i < n; length++) {
        unsigned c = (unsigned char)p[i++];
        if (c >= 0x80) { /* two bytes, U+0080 to U+017F; longer characters are outside the alphabet */
            if (c < 0xc2 || c > 0xc5 || i == n) return -1;
            c = (c & 31) << 6 | ((unsigned char)p[i++] & 63);
        }
        if (c >= CHARACTERS || byte_of[c] < 0) return -1;
        out[length] = (char)byte_of[c];
    }
    return (ptrdiff_t)length;
}

static int add_words(vocabulary *v, const json_t *words, int world)
{
    const char *key;
    json_t *id;
    int16_t byte_of[CHARACTERS];
    make_alphabet(byte_of);
    json_object_foreach((json_t *)words, key, id)
    {
        char bytes[2 * MAX_WORD]; /* a byte of the word has one or two bytes of UTF-8 in the alphabet */
        size_t n = strlen(key);
        if (!json_is_integer(id)) return fail(WKV_EFORMAT, "model.vocab: \"%.40s\" has no id", key);
        if (world && (json_integer_value(id) <= 0 || json_integer_value(id) > WORLD_LAST)) continue;
        if (n > sizeof bytes)
            return fail(WKV_EFORMAT, "model.vocab: \"%.40s...\" has %zu bytes, expected at most %zu", key, n,
                        sizeof bytes);
        ptrdiff_t length = spell(byte_of, key, n, bytes);
        if (length < 0) return fail(WKV_EFORMAT, "model.vocab: \"%.40s\" is not in the byte alphabet", key);
        int err = vocabulary_add(v, json_integer_value(id), bytes, (size_t)length);
        if (err) return fail_prefix(err, "model.vocab");
    }
    return 0;
}

int alphabet_words(vocabulary *v, const json_t *words) { return add_words(v, words, 0); }
int alphabet_world(vocabulary *v, const json_t *words) { return add_words(v, words, 1); }

int alphabet_is_world(const json_t *words)
{
    char spaces[2 * WORLD_SPACES + 1]; /* a space is U+0120 */
    for (int i = 0; i < WORLD_SPACES; i++) memcpy(spaces + 2 * i, "\xc4\xa0", 2);
    spaces[2 * WORLD_SPACES] = 0;
    const json_t *id = json_object_get(words, spaces);
    return json_is_integer(id) && json_integer_value(id) == WORLD_LAST;
}
