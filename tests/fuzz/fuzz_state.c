/* fuzz_state.c - any bytes as a state file: as they are, and, if they are a safetensors file with a checksum, with the
 * checksum of their contents, which no random edit finds. */
#define _GNU_SOURCE
#include "format/reader.h"
#include "session/state_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void use(const uint8_t *data, size_t size)
{
    char path[32];
    wkv_state_file *f;
    int in = memfd_create("state", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", in);
    if (in < 0 || write(in, data, size) != (ssize_t)size) abort();
    if (!wkv_state_file_open(&f, path)) {
        const wkv_state_info *a = wkv_state_file_about(f);
        size_t bad, n = (size_t)f->view.L * (size_t)rwkv_state_layer(f->view.tensors, f->view.dim);
        if (a->read > a->n_ids || !a->text || !all_finite(f->view.values, n, &bad)) abort();
        real *mean = malloc(n * sizeof *mean + 1);
        const real *both[2] = {f->view.values, f->view.values};
        if (mean && (state_mix(mean, &f->view, both, NULL, 2) || memcmp(mean, both[0], n * sizeof *mean))) abort();
        free(mean);
        wkv_state_file_close(f);
    } else if (!*wkv_error())
        abort();
    close(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char key[] = "\"sha256\":\"";
    char sum[DIGEST_TEXT];
    tensors *t;
    use(data, size);
    if (tensors_open_memory(&t, data, size, "x.safetensors")) return 0;
    const uint8_t *at = memmem(data, size, key, sizeof key - 1);
    size_t digits = at ? (size_t)(at - data) + sizeof key - 1 : size;
    uint8_t *copy = digits + DIGEST_TEXT < size && !strcmp(t->format, "safetensors") ? malloc(size) : NULL;
    if (copy && !state_file_checksum(sum, t)) {
        memcpy(copy, data, size);
        memcpy(copy + digits, sum, DIGEST_TEXT - 1);
        use(copy, size);
    }
    free(copy);
    tensors_close(t);
    return 0;
}
