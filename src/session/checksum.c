/* checksum.c - the checksum of a state file, and checks of its values. */
#include "base/error.h"
#include "session/state_file.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_keys(const void *a, const void *b) { return strcmp(**(char ***)a, **(char ***)b); }

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const tensor_out **)a)->name, (*(const tensor_out **)b)->name);
}

static void put_tensor(digest *d, const tensor_out *t)
{
    char axes[24 * MAX_DIMS] = "";
    size_t n = 0;
    for (int i = 0; i < t->dims; i++)
        n += (size_t)snprintf(axes + n, sizeof axes - n, "%s%lld", i ? "," : "", (long long)t->shape[i]);
    digest_text(d, t->name);
    digest_text(d, dtypes[t->type].name);
    digest_text(d, axes);
    digest_put(d, t->data, (size_t)tensor_out_bytes(t));
}

int state_checksum(char out[DIGEST_TEXT], const tensor_out *t, int n, const char *const *meta)
{
    size_t keys = 0;
    while (meta[2 * keys]) keys++;
    const char *const **key = malloc((keys + 1) * sizeof *key);
    const tensor_out **sorted = malloc(((size_t)n + 1) * sizeof *sorted);
    int err = key && sorted ? 0 : fail(WKV_ENOMEM, "no memory for the checksum of %d tensors", n);
    if (!err) {
        digest d;
        for (size_t i = 0; i < keys; i++) key[i] = &meta[2 * i];
        for (int i = 0; i < n; i++) sorted[i] = &t[i];
        qsort(key, keys, sizeof *key, compare_keys);
        qsort(sorted, (size_t)n, sizeof *sorted, compare_names);
        digest_begin(&d);
        for (size_t i = 0; i < keys; i++) {
            if (!strcmp(key[i][0], "sha256")) continue;
            digest_text(&d, key[i][0]);
            digest_text(&d, key[i][1]);
        }
        for (int i = 0; i < n; i++) put_tensor(&d, sorted[i]);
        digest_end(&d, out);
    }
    free(sorted);
    free(key);
    return err;
}

void state_name(char out[STATE_NAME], int layer, const char *name)
{
    snprintf(out, STATE_NAME, "blocks.%d.%s", layer, name);
}

int all_finite(const float *x, size_t n, size_t *bad)
{
    int any = 0;
    for (size_t i = 0; i < n; i++) any |= !(x[i] - x[i] == 0); /* a loop that compilers vectorize */
    for (*bad = 0; any && isfinite(x[*bad]);) ++*bad;
    return !any;
}
