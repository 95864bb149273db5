/* fuzz_vocabulary.c - any bytes as a vocabulary file: it opens or is refused, and one that opens cuts and spells
 * texts. */
#include "text/tokenizer.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wkv_tokenizer *t;
    if (tokenizer_open_memory(&t, (const char *)data, size, "fuzz")) {
        if (t || !*wkv_error()) abort();
        return 0;
    }
    int32_t ids[64];
    wkv_decoder d = {0};
    char *out = malloc(wkv_decoder_room(t));
    int n = wkv_encode(t, (const char *)data, size, ids, 64); /* the file is a text that its own words are in */
    for (int i = 0; i < n && i < 64; i++) {
        size_t bytes;
        if (ids[i] < 0 || ids[i] >= wkv_tokenizer_size(t)) abort();
        wkv_token_bytes(t, ids[i], &bytes);
        if (wkv_decode(&d, t, ids[i], out) > wkv_decoder_room(t)) abort();
    }
    wkv_decode_end(&d, out);
    free(out);
    wkv_tokenizer_close(t);
    return 0;
}
