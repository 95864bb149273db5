/* pth_write.c - writing a .pth: a zip of a pickle and one entry per tensor's numbers (docs/formats.md 1.2, 1.3). */
#include "base/error.h"
#include "base/stream.h"
#include "format/write.h"
#include "format/zip_write.h"
#include "base/platform/system.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* ---- the pickle: {name: _rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict())} --------------------- */

static void pickle_text(FILE *p, const char *s)
{
    putc('X', p);
    zip_number(p, strlen(s), 4);
    fputs(s, p);
}

static void pickle_number(FILE *p, int64_t x)
{
    if (x <= INT32_MAX) {
        putc('J', p);
        zip_number(p, (uint64_t)x, 4);
    } else {
        fputs("\x8a\x08", p);
        zip_number(p, (uint64_t)x, 8);
    }
}

static void pickle_tensor(FILE *p, const tensor_out *t, int number)
{
    static const char *const storage[DTYPES] = {[F32] = "Float", [F16] = "Half", [BF16] = "BFloat16"};
    char key[16];
    CHECK(t->type <= BF16 && storage[t->type]);
    snprintf(key, sizeof key, "%d", number);
    pickle_text(p, t->name);
    fputs("ctorch._utils\n_rebuild_tensor_v2\n((", p);
    pickle_text(p, "storage");
    fprintf(p, "ctorch\n%sStorage\n", storage[t->type]);
    pickle_text(p, key);
    pickle_text(p, "cpu");
    pickle_number(p, tensor_out_values(t));
    fputs("tQ", p);
    pickle_number(p, 0);
    putc('(', p);
    for (int i = 0; i < t->dims; i++) pickle_number(p, t->shape[i]);
    fputs("t(", p);
    for (int i = 0; i < t->dims; i++) {
        int64_t stride = 1;
        for (int j = i + 1; j < t->dims; j++) stride *= t->shape[j];
        pickle_number(p, stride);
    }
    fputs("t\x89"
          "ccollections\nOrderedDict\n)RtR",
          p);
}

static int put_pickle(zip_writer *z, const tensor_out *t, int n)
{
    stream pickle;
    FILE *p = stream_open(&pickle);
    if (!p) return fail(WKV_ENOMEM, "%s: no memory", z->out->path);
    fputs("\x80\x02}(", p);
    for (int i = 0; i < n; i++) pickle_tensor(p, &t[i], i);
    fputs("u.", p);
    int err = stream_close(p, &pickle, z->out->path);
    if (!err) err = zip_entry_put(z, "data.pkl", pickle.text, pickle.n);
    free(pickle.text);
    return err;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static int put_all(zip_writer *z, const tensor_out *t, int n)
{
    int err = put_pickle(z, t, n);
    if (!err) err = zip_entry_put(z, "byteorder", "little", 6);
    for (int i = 0; !err && i < n; i++) {
        char name[32];
        zip_written one;
        snprintf(name, sizeof name, "data/%d", i);
        zip_entry_begin(z, &one, name, (uint64_t)tensor_out_bytes(&t[i]));
        err = tensor_put(z->out, &t[i], &one.crc);
        if (!err) err = zip_entry_end(z, &one);
    }
    return err ? err : zip_entry_put(z, "version", "3\n", 2);
}

/* The folder of all entries: "model" of "some/where/model.pth", at most 200 bytes of it */
static char *stem(const char *path)
{
    const char *slash = path_last_slash(path), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    size_t n = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    return n && n <= 200 ? text_copy(name, n) : strdup("archive");
}

int pth_put(file_out *f, const tensor_out *t, int n)
{
    zip_writer z;
    char *folder = stem(f->path);
    int err = zip_begin(&z, f, folder);
    if (!err) err = folder ? put_all(&z, t, n) : fail(WKV_ENOMEM, "%s: no memory", f->path);
    err = zip_end(&z, err);
    free(folder);
    return err;
}
