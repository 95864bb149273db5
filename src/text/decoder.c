/* decoder.c - ids to text: all at once, and streaming, in complete characters. */
#include "text/tokenizer.h"
#include "base/error.h"
#include "base/utf8.h"
#include <stdlib.h>
#include <string.h>

int tokenizer_spell(char **text, size_t *bytes, const wkv_tokenizer *t, const int32_t *ids, int n)
{
    size_t of_id, all = 0;
    for (int i = 0; i < n; i++) {
        wkv_token_bytes(t, ids[i], &of_id);
        all += of_id;
    }
    char *to = *text = malloc(all + 1);
    *bytes = all;
    if (!to) return fail(WKV_ENOMEM, "no memory for a text of %zu bytes", all);
    for (int i = 0; i < n; i++, to += of_id) {
        const char *p = wkv_token_bytes(t, ids[i], &of_id);
        memcpy(to, p, of_id);
    }
    *to = 0;
    return 0;
}

/* Add one byte to the pending ones and move complete characters to out; returns their bytes. A byte that cannot begin
 * or continue a character is output alone, and the bytes after it are examined again. */
static size_t push(wkv_decoder *d, char byte, char *out)
{
    size_t n = 0;
    d->wait[d->n++] = byte;
    while (d->n) {
        int length = utf8_length(d->wait, (size_t)d->n);
        if (!length) break;
        if (length < 0) length = 1;
        memcpy(out + n, d->wait, (size_t)length);
        n += (size_t)length;
        d->n -= length;
        memmove(d->wait, d->wait + length, (size_t)d->n);
    }
    return n;
}

size_t wkv_decode(wkv_decoder *d, const wkv_tokenizer *t, int32_t id, char *out)
{
    size_t bytes, n = 0;
    if (!d || !t || !out) return 0;
    const char *p = wkv_token_bytes(t, id, &bytes);
    for (size_t i = 0; i < bytes; i++) n += push(d, p[i], out + n);
    return n;
}

size_t wkv_decode_end(wkv_decoder *d, char *out)
{
    if (!d || !out) return 0;
    size_t n = (size_t)d->n;
    memcpy(out, d->wait, n);
    d->n = 0;
    return n;
}

size_t wkv_decoder_room(const wkv_tokenizer *t)
{
    return t ? (size_t)t->v.longest + sizeof((wkv_decoder *)0)->wait : 0;
}
