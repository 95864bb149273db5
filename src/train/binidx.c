/* binidx.c - the token files of the official trainer: NAME.bin holds tokens, NAME.idx their layout
 * (docs/training.md 10). The trainer reads NAME.bin as one stream; document borders are only counted here. */
#include "base/error.h"
#include "base/path.h"
#include "train/binidx.h"
#include "train/data.h"
#include "base/platform/entry.h"
#include <stdlib.h>
#include <string.h>

/* "MMIDIDX\0\0", u64 version 1, u8 type, u64 sequences S, u64 borders D; then i32 lengths[S], i64 offsets[S], i64
 * borders[D]; nothing is aligned */
enum { HEADER = 34, UINT16 = 8, INT32 = 4 };

static uint64_t u64_at(const file_map *m, size_t at)
{
    uint64_t x;
    memcpy(&x, (const char *)m->data + at, sizeof x);
    return x;
}

/* Bytes per token, or an error code; *n: number of tokens. */
static int read_index(const file_map *m, int64_t *n)
{
    const char *bytes = (const char *)m->data;
    if (m->size < HEADER || memcmp(bytes, "MMIDIDX\0\0", 9))
        return fail(WKV_EFORMAT, "not a token index: it does not begin with MMIDIDX");
    if (u64_at(m, 9) != 1)
        return fail(WKV_EUNSUPPORTED, "index version %llu; expected 1", (unsigned long long)u64_at(m, 9));
    int type = (unsigned char)bytes[17];
    if (type != UINT16 && type != INT32)
        return fail(WKV_EUNSUPPORTED, "token type %d; expected 8 (uint16) or 4 (int32)", type);
    uint64_t S = u64_at(m, 18), D = u64_at(m, 26), rest = m->size - HEADER;
    if (S > rest / 12 || D > (rest - 12 * S) / 8 || rest != 12 * S + 8 * D)
        return fail(WKV_EFORMAT, "%zu bytes are too few for its %llu sequences", m->size, (unsigned long long)S);
    *n = 0;
    for (uint64_t i = 0; i < S; i++) {
        int32_t length;
        memcpy(&length, bytes + HEADER + 4 * i, sizeof length);
        if (length < 0) return fail(WKV_EFORMAT, "sequence %llu has %d tokens", (unsigned long long)i, length);
        *n += length;
    }
    return type == UINT16 ? 2 : 4;
}

int binidx_open(token_part *out, const char *idx_path)
{
    *out = (token_part){0};
    size_t n = strlen(idx_path);
    char *bin_path = strdup(idx_path);
    if (!bin_path) return fail(WKV_ENOMEM, "%s: no memory", idx_path);
    memcpy(bin_path + n - 3, idx_path[n - 1] == 'X' ? "BIN" : "bin", 3);
    file_map idx = {0};
    int64_t count = 0;
    int width = file_open(&idx, idx_path);
    if (!width && (width = read_index(&idx, &count)) < 0) fail_prefix(width, "%s", idx_path);
    file_close(&idx);
    int err = width < 0 ? width : file_open(&out->map, bin_path);
    if (!err && out->map.size != (size_t)count * (size_t)width) {
        err = fail(WKV_EFORMAT, "%s has %zu bytes, its index has %lld tokens of %d bytes", bin_path, out->map.size,
                   (long long)count, width);
        file_close(&out->map);
    }
    if (!err) {
        file_expect(&out->map, SMALL_READS); /* sequences are read in random order */
        out->ids = (void *)(uintptr_t)out->map.data;
        out->n = count;
        out->width = width;
        out->path = bin_path;
        return 0;
    }
    free(bin_path);
    return err;
}

char *binidx_index(const char *path)
{
    size_t n = strlen(path);
    int bin = path_has_extension(path, ".bin");
    char *idx = malloc(n + 5);
    if (!idx) return NULL;
    memcpy(idx, path, n + 1);
    if (path_has_extension(path, ".idx")) return idx;
    memcpy(idx + n - (bin ? 4 : 0), bin && path[n - 1] == 'N' ? ".IDX" : ".idx", 5);
    if (entry_exists(idx) && (bin || !entry_exists(path))) return idx;
    free(idx);
    return NULL;
}

int binidx_names(const char *path)
{
    char *idx = binidx_index(path);
    free(idx);
    return idx != NULL;
}
