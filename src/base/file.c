/* file.c - reading whole files: mapped, in memory, or as a stream; regular files only. */
#include "base/file.h"
#include "base/error.h"
#include "base/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A descriptor of a regular file, or a failure. */
static int open_regular(const char *path, struct stat *about)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;
    if (fd < 0) return fail(WKV_EIO, "%s: %s", path, strerror(errno));
    if (fstat(fd, about))
        err = fail(WKV_EIO, "%s: %s", path, strerror(errno));
    else if (S_ISDIR(about->st_mode))
        err = fail(WKV_EIO, "%s: is a directory, expected a file", path);
    else if (!S_ISREG(about->st_mode))
        err = fail(WKV_EIO,
                 "%s: is a %s, expected a regular file; copy its data to one, or give - for standard input",
                 path,
                 S_ISFIFO(about->st_mode)   ? "FIFO"
                 : S_ISSOCK(about->st_mode) ? "socket"
                                            : "device");
    else
        return fd;
    close(fd);
    return err;
}

/* WKV_EUNSUPPORTED: a 32-bit process cannot address the file. */
static int check_size(const char *path, const struct stat *about)
{
    if ((uint64_t)about->st_size < SIZE_MAX / 2) return WKV_OK;
    return fail(WKV_EUNSUPPORTED, "%s: has %lld bytes, more than this build for %d-bit processors can address", path,
                (long long)about->st_size, (int)sizeof(size_t) * 8);
}

/* Read up to n bytes; fewer at the end of the file. */
static int read_all(int fd, char *to, size_t n, size_t *got, const char *path)
{
    for (*got = 0; *got < n;) {
        ssize_t k = read(fd, to + *got, n - *got);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return fail(WKV_EIO, "%s: %s", path, strerror(errno));
        if (k == 0) break;
        *got += (size_t)k;
    }
    return WKV_OK;
}

static int check_memory(const char *path, size_t size)
{
    enum { SMALL = 1 << 20 }; /* too small to query the available memory */
    size_t there = size > SMALL ? memory_available() : SIZE_MAX;
    return size < there ? WKV_OK
                        : fail(WKV_ENOMEM, "%s: has %zu bytes, and %zu bytes of memory are free", path, size, there);
}

int file_open(file_map *out, const char *path)
{
    struct stat about;
    int fd = open_regular(path, &about);
    *out = (file_map){0};
    if (fd < 0) return fd;
    file_map m = {.size = (size_t)about.st_size, .id = {about.st_dev, about.st_ino}};
    int err = check_size(path, &about);
    void *p = m.size && !err ? mmap(NULL, m.size, PROT_READ, MAP_SHARED, fd, 0) : NULL;
    if (p == MAP_FAILED)
        err = fail(WKV_EIO, "%s: cannot be mapped: %s", path, strerror(errno));
    else if (!err) {
        m.data = p;
        *out = m;
    }
    close(fd);
    return err;
}

int file_load(file_map *out, const char *path)
{
    struct stat about;
    int fd = open_regular(path, &about);
    *out = (file_map){0};
    if (fd < 0) return fd;
    file_map m = {.size = (size_t)about.st_size, .id = {about.st_dev, about.st_ino}, .in_memory = 1};
    size_t page = (size_t)sysconf(_SC_PAGESIZE), got = 0;
    int err = check_size(path, &about);
    if (!err) err = check_memory(path, m.size);
    char *copy = err ? NULL : aligned_alloc(page, (m.size / page + 1) * page);
    if (!err && !copy) err = fail(WKV_ENOMEM, "%s: no memory for its %zu bytes", path, m.size);
    if (!err) err = read_all(fd, copy, m.size, &got, path);
    if (!err && got < m.size)
        err = fail(WKV_EIO, "%s: was truncated while it was read: %zu of %zu bytes", path, got, m.size);
    close(fd);
    if (err || !m.size) {
        free(copy);
        copy = NULL;
    }
    m.data = (uint8_t *)copy;
    if (!err) *out = m;
    return err;
}

void file_close(file_map *m)
{
    if (m->in_memory)
        free((void *)(uintptr_t)m->data);
    else if (m->data)
        munmap((void *)(uintptr_t)m->data, m->size);
    *m = (file_map){0};
}

void file_expect(const file_map *m, file_reads next)
{
    if (!m->size || m->in_memory) return;
    madvise((void *)m->data, m->size, next == LONG_READS ? MADV_NORMAL : MADV_RANDOM);
    if (next == SMALL_READS)
        madvise((void *)m->data, m->size, MADV_DONTNEED); /* a shared mapping of a file: nothing is lost */
}

void file_forget(const file_map *m, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    if (!m->size || m->in_memory || p < m->data || p + bytes > m->data + m->size) return;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), from = (size_t)(p - m->data) / page * page;
    /* shared with a file: nothing is lost */
    madvise((void *)(m->data + from), bytes + (size_t)(p - m->data) - from, MADV_DONTNEED);
}

int file_slurp(char **out, size_t *size, const char *path)
{
    struct stat about;
    int fd = open_regular(path, &about);
    *out = NULL;
    *size = 0;
    if (fd < 0) return fd;
    size_t n = (size_t)about.st_size;
    int err = check_size(path, &about);
    if (!err) err = check_memory(path, n);
    char *text = err ? NULL : malloc(n + 1);
    if (!err && !text) err = fail(WKV_ENOMEM, "%s: no memory for its %zu bytes", path, n);
    if (!err) err = read_all(fd, text, n, &n, path);
    close(fd);
    if (err) {
        free(text);
        return err;
    }
    text[n] = 0;
    *out = text;
    *size = n;
    return WKV_OK;
}

int file_stream(FILE **out, const char *path)
{
    struct stat about;
    int fd = open_regular(path, &about);
    *out = fd < 0 ? NULL : fdopen(fd, "rb");
    if (fd < 0 || *out) return fd < 0 ? fd : WKV_OK;
    close(fd);
    return fail(WKV_ENOMEM, "%s: no memory", path);
}

/* ---- identity ---------------------------------------------------------------------------------------------------- */

int file_is(const char *path, file_id id)
{
    struct stat about;
    return !stat(path, &about) && about.st_dev == id.device && about.st_ino == id.inode;
}

int file_same(const char *a, const char *b)
{
    struct stat about;
    return !stat(a, &about) && file_is(b, (file_id){about.st_dev, about.st_ino});
}

int file_refuse_input(const char *path, const char *input, const char *role)
{
    if (!input || !file_same(path, input)) return WKV_OK;
    return fail(WKV_EARG, "%s: is an input, %s %s, and would be replaced; write to another path", path, role, input);
}
