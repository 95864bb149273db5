/* arrays.c - wkv_arrays_write: a program's own arrays as .safetensors or .npz. */
#include "base/error.h"
#include "base/path.h"
#include "base/utf8.h"
#include "format/write.h"
#include "wkv_file.h"
#include <stdlib.h>
#include <string.h>

/* Names become names of files in a zip archive. */
static int check_array(const wkv_array *a, int i)
{
    const char *name = a->name;
    const size_t n = name ? strlen(name) : 0;
    if (!n || n > 200 || utf8_check(name, n) < n || strpbrk(name, "/\\"))
        return fail(WKV_EARG, "array %d has no name of 1 to 200 bytes of UTF-8 without slashes", i);
    if (!a->values == !a->ids) return fail(WKV_EARG, "array %s has neither or both of values and ids", name);
    if (a->dims < 0 || a->dims > 4) return fail(WKV_EARG, "array %s has %d axes, expected 0 to 4", name, a->dims);
    for (int k = 0, bits = 0; k < a->dims; k++) {
        int64_t size = a->shape[k];
        if (size < 1) return fail(WKV_EARG, "array %s: axis %d has size %lld", name, k, (long long)size);
        for (; size; size >>= 1) bits++;
        if (bits > 60) return fail(WKV_EARG, "array %s has more than 2^60 values", name);
    }
    return 0;
}

static tensor_out tensor_of(const wkv_array *a)
{
    tensor_out t = {.name = a->name,
                    .type = a->ids ? I32 : F32,
                    .dims = a->dims,
                    .data = a->ids ? (const void *)a->ids : (const void *)a->values};
    memcpy(t.shape, a->shape, (size_t)a->dims * sizeof *a->shape);
    return t;
}

static int check(const char *path, const wkv_array *arrays, int n, const char *const *meta)
{
    if (!path || !arrays || n < 1)
        return fail(WKV_EARG, "wkv_arrays_write: the path or the list of %d arrays is missing", n);
    if (!path_has_extension(path, ".safetensors") && !path_has_extension(path, ".npz"))
        return fail(WKV_EARG, "%s: arrays are written as .safetensors or .npz", path);
    for (int i = 0; meta && meta[i]; i += 2) {
        if (!meta[i + 1]) return fail(WKV_EARG, "%s: metadata %.80s has no text", path, meta[i]);
        for (int k = i; k < i + 2; k++)
            if (utf8_check(meta[k], strlen(meta[k])) < strlen(meta[k]))
                return fail(WKV_EARG, "%s: metadata \"%.80s\" is not UTF-8", path, meta[k]);
    }
    for (int i = 0, err; i < n; i++) {
        if ((err = check_array(&arrays[i], i))) return err;
        for (int k = 0; k < i; k++)
            if (!strcmp(arrays[i].name, arrays[k].name))
                return fail(WKV_EARG, "two arrays are called %s", arrays[i].name);
    }
    return 0;
}

int wkv_arrays_write(const char *path, const wkv_array *arrays, int n, const char *const *meta)
{
    int err = check(path, arrays, n, meta);
    if (err) return err;
    tensor_out *t = malloc(sizeof *t * (size_t)n);
    file_out f;
    if (!t) return fail(WKV_ENOMEM, "%s: no memory for a list of %d arrays", path, n);
    for (int i = 0; i < n; i++) t[i] = tensor_of(&arrays[i]);
    if (path_has_extension(path, ".safetensors"))
        err = safetensors_write(path, t, n, meta);
    else if (!(err = file_create(&f, path, FILE_REGULAR))) {
        if ((err = npz_put(&f, t, n, meta)))
            file_abandon(&f);
        else
            err = file_commit(&f);
    }
    free(t);
    return err;
}
