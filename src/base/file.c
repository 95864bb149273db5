/* file.c - mapping whole files, and writing them so that a reader never sees half of one. */
#include "base/file.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int file_open(file_map *out, const char *path)
{
    *out = (file_map){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(WKV_EIO, "%s: %s", path, strerror(errno));
    struct stat about;
    int e = WKV_OK;
    if (fstat(fd, &about))
        e = fail(WKV_EIO, "%s: %s", path, strerror(errno));
    else if (S_ISDIR(about.st_mode))
        e = fail(WKV_EIO, "%s: is a directory, expected a file", path);
    else if (!S_ISREG(about.st_mode))
        e = fail(WKV_EIO, "%s: is not a regular file and cannot be mapped", path);
    else if (about.st_size > 0) {
        void *p = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
            e = fail(WKV_EIO, "%s: cannot be mapped: %s", path, strerror(errno));
        else
            *out = (file_map){p, (size_t)about.st_size};
    }
    close(fd);
    return e;
}

void file_close(file_map *m)
{
    if (m->data) munmap((void *)m->data, m->size);
    *m = (file_map){0};
}

void file_expect(const file_map *m, int long_runs)
{
    if (!m->size) return;
    madvise((void *)m->data, m->size, long_runs ? MADV_NORMAL : MADV_RANDOM);
    if (!long_runs) madvise((void *)m->data, m->size, MADV_DONTNEED); /* a shared mapping of a file: nothing is lost */
}

void file_forget(const file_map *m, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    if (!m->size || p < m->data || p + bytes > m->data + m->size) return;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), from = (size_t)(p - m->data) / page * page;
    madvise((void *)(m->data + from), bytes + (size_t)(p - m->data) - from, MADV_DONTNEED); /* shared with a file: nothing is lost */
}

static void forget(file_out *o)
{
    free(o->path);
    free(o->part);
    *o = (file_out){0};
}

int file_create(file_out *out, const char *path)
{
    size_t n = strlen(path) + 32;
    *out = (file_out){.path = strdup(path), .part = malloc(n)};
    if (!out->path || !out->part) {
        forget(out);
        return fail(WKV_ENOMEM, "%s: no memory", path);
    }
    snprintf(out->part, n, "%s.part-%ld", path, (long)getpid());
    out->f = fopen(out->part, "wbe");
    if (out->f) return WKV_OK;
    int e = fail(WKV_EIO, "%s: cannot be written: %s", path, strerror(errno));
    forget(out);
    return e;
}

int file_put(file_out *o, const void *data, size_t bytes)
{
    if (bytes == 0 || fwrite(data, 1, bytes, o->f) == bytes) return WKV_OK;
    return fail(WKV_EIO, "%s: cannot be written: %s", o->path, strerror(errno));
}

int file_commit(file_out *o)
{
    /* a write that failed earlier left its mark in ferror: such a file must not be renamed into place */
    int bad = ferror(o->f) || fflush(o->f) || fsync(fileno(o->f));
    bad |= fclose(o->f) != 0;
    int e = WKV_OK;
    if (bad || rename(o->part, o->path)) {
        e = fail(WKV_EIO, "%s: cannot be written: %s", o->path, strerror(errno));
        unlink(o->part);
    }
    forget(o);
    return e;
}

void file_abandon(file_out *o)
{
    if (!o->f) return;
    fclose(o->f);
    unlink(o->part);
    forget(o);
}

int file_write(const char *path, const void *data, size_t bytes)
{
    file_out f;
    int err = file_create(&f, path);
    if (err) return err;
    if ((err = file_put(&f, data, bytes)))
        file_abandon(&f);
    else
        err = file_commit(&f);
    return err;
}

int file_slurp(char **out, size_t *size, const char *path)
{
    *out = NULL;
    *size = 0;
    FILE *f = fopen(path, "rbe");
    if (!f) return fail(WKV_EIO, "%s: %s", path, strerror(errno));
    char *text = NULL;
    size_t n = 0, cap = 0, got;
    do {
        if (cap - n < 2) {
            cap = cap ? 2 * cap : 1 << 16;
            char *more = realloc(text, cap);
            if (!more) {
                free(text);
                fclose(f);
                return fail(WKV_ENOMEM, "%s: no memory for its %zu bytes", path, cap);
            }
            text = more;
        }
        got = fread(text + n, 1, cap - n - 1, f);
        n += got;
    } while (got > 0);
    int bad = ferror(f), why = errno;
    fclose(f);
    if (bad) {
        free(text);
        return fail(WKV_EIO, "%s: %s", path, strerror(why));
    }
    text[n] = 0;
    *out = text;
    *size = n;
    return WKV_OK;
}
