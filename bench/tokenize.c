/* tokenize.c - the speed of opening a vocabulary and of tokenizing a text: `tokenize VOCABULARY TEXT`, on one thread,
 * best of five. */
#include "wkv.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static char *read_all(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    char *data = NULL;
    if (f && !fseek(f, 0, SEEK_END) && (data = malloc((size_t)ftell(f) + 1))) {
        long n = ftell(f);
        rewind(f);
        *size = fread(data, 1, (size_t)n, f);
    }
    if (f) fclose(f);
    return data;
}

int main(int argc, char **argv)
{
    size_t size = 0;
    char *text = argc == 3 ? read_all(argv[2], &size) : NULL;
    wkv_tokenizer *t;
    if (!text) return fprintf(stderr, "usage: tokenize VOCABULARY TEXT\n"), 2;
    double start = now();
    if (wkv_tokenizer_open(&t, argv[1], NULL)) return fprintf(stderr, "%s\n", wkv_error()), 1;
    double opened = now() - start, best = 1e9;
    int32_t *ids = malloc((size + 1) * sizeof *ids);
    int n = 0;
    for (int i = 0; i < 5; i++) {
        start = now();
        n = wkv_encode(t, text, size, ids, (int)size);
        double took = now() - start;
        if (took < best) best = took;
    }
    if (n < 0) return fprintf(stderr, "%s\n", wkv_error()), 1;
    printf("%s: opened in %.1f ms; %zu bytes, %d ids, %.3f bytes per id, %.1f MB/s\n", wkv_tokenizer_name(t),
           opened * 1e3, size, n, (double)size / n, (double)size / best / 1e6);
    wkv_tokenizer_close(t);
    free(ids);
    free(text);
}
