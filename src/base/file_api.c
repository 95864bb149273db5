/* file_api.c - wkv_file.h over base/file.h. */
#include "wkv_file.h"
#include "base/error.h"
#include "base/file.h"
#include <stdlib.h>

struct wkv_file {
    file_out out;
};

static int missing(void) { return fail(WKV_EARG, "the path, the file or the result is NULL"); }

int wkv_file_open(FILE **out, const char *path)
{
    if (out) *out = NULL;
    return out && path ? file_stream(out, path) : missing();
}

int wkv_file_read(char **out, size_t *bytes, const char *path)
{
    if (out) *out = NULL;
    return out && bytes && path ? file_slurp(out, bytes, path) : missing();
}

int wkv_file_same(const char *a, const char *b) { return a && b && file_same(a, b); }

int wkv_file_refuse_input(const char *path, const char *input, const char *role)
{
    return path ? file_refuse_input(path, input, role ? role : "the file") : missing();
}

int wkv_file_make_folders(const char *path, unsigned mode)
{
    return path ? file_make_folders(path, mode) : missing();
}

int wkv_file_create(wkv_file **out, const char *path)
{
    if (out) *out = NULL;
    if (!out || !path) return missing();
    *out = malloc(sizeof **out);
    if (!*out) return fail(WKV_ENOMEM, "%s: no memory", path);
    int err = file_create(&(*out)->out, path, FILE_ANY);
    if (!err) return WKV_OK;
    free(*out);
    *out = NULL;
    return err;
}

int wkv_file_put(wkv_file *f, const void *data, size_t bytes)
{
    return f && (data || !bytes) ? file_put(&f->out, data, bytes) : missing();
}

int wkv_file_commit(wkv_file *f)
{
    if (!f) return missing();
    int err = file_commit(&f->out);
    free(f);
    return err;
}

void wkv_file_abandon(wkv_file *f)
{
    if (f) file_abandon(&f->out);
    free(f);
}
