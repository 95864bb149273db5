/* fuzz_tensors.h - open bytes as a checkpoint and use all that the view offers. */
#include "format/tensors.h"
#include <stdlib.h>

static void use(const uint8_t *data, size_t size, const char *name)
{
    tensors *t;
    if (tensors_open_memory(&t, data, size, name)) return;
    tensors_refuse(t);
    float *x = malloc(sizeof *x << 16);
    int64_t budget = 1 << 18; /* a few bytes can ask for the same values over and over */
    for (int i = 0; i < tensors_count(t); i++) {
        const file_tensor *f = tensors_at(t, i);
        int64_t n = tensor_values(f);
        if (tensors_find(t, f->name) != f) abort();
        if (n > 1 << 16 || n > budget) continue;
        budget -= n;
        for (int j = 0; j < f->dims; j++) tensor_axis(f, j);
        tensor_read(f, x, 1 << 16);
    }
    size_t len;
    unsigned sum = 0;
    for (int i = 0; i < tensors_token_count(t); i++) {
        const char *s = tensors_token(t, i, &len);
        for (size_t j = 0; j < len && j < 16; j++) sum += (unsigned char)s[j];
    }
    tensors_number(t, "general.alignment", sum);
    tensors_meta(t, "format");
    free(x);
    tensors_close(t);
}
