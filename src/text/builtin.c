/* builtin.c - decompress a vocabulary inside the library. */
#include "text/builtin.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define HIDDEN __attribute__((visibility("hidden")))
extern const uint8_t wkv_builtin_world[] HIDDEN, wkv_builtin_neox[] HIDDEN;
extern const uint64_t wkv_builtin_world_size HIDDEN, wkv_builtin_neox_size HIDDEN;

typedef struct {
    const char *name;
    const uint8_t *packed;
    const uint64_t *size;
} builtin;

static const builtin all[] = {
    {"world", wkv_builtin_world, &wkv_builtin_world_size},
    {"20B", wkv_builtin_neox, &wkv_builtin_neox_size},
};

static const builtin *find(const char *name)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcasecmp(all[i].name, name)) return &all[i];
    return NULL;
}

int builtin_has(const char *name) { return find(name) != NULL; }

/* The text, which the caller frees; gzip's last four bytes are its size. */
static int unpack(char **out, size_t *size, const builtin *b)
{
    uint32_t bytes;
    memcpy(&bytes, b->packed + *b->size - sizeof bytes, sizeof bytes);
    *out = malloc(bytes);
    z_stream s = {.next_in = (Bytef *)(uintptr_t)b->packed,
                  .avail_in = (uInt)*b->size,
                  .next_out = (Bytef *)*out,
                  .avail_out = bytes};
    if (!*out || inflateInit2(&s, MAX_WBITS + 16) != Z_OK) {
        free(*out);
        return fail(WKV_ENOMEM, "no memory for the vocabulary %s", b->name);
    }
    int end = inflate(&s, Z_FINISH);
    inflateEnd(&s);
    *size = bytes;
    if (end == Z_STREAM_END) return 0;
    free(*out);
    *out = NULL;
    return fail(WKV_ENOMEM, "no memory to unpack the vocabulary %s", b->name);
}

int builtin_text(char **text, size_t *bytes, const char *name)
{
    const builtin *b = find(name);
    *text = NULL;
    if (!b) return fail(WKV_EARG, "the library has no vocabulary \"%s\"; expected world or 20B", name);
    return unpack(text, bytes, b);
}

int tokenizer_open_builtin(wkv_tokenizer **out, const char *name)
{
    char *text;
    size_t size = 0;
    *out = NULL;
    int err = builtin_text(&text, &size, name);
    if (err) return err;
    err = tokenizer_open_memory(out, text, size, find(name)->name);
    free(text);
    return err;
}
