/* file.c - reading whole files: mapped, in memory, or as a stream; regular files only. */
#include "base/file.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/platform/descriptor.h"
#include "base/platform/pages.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A descriptor of a regular file, or a failure. */
static int open_regular(const char *path, entry_info *about)
{
    int fd = descriptor_open(path, OPEN_READ, 0), err;
    if (fd < 0) return fail(WKV_EIO, "%s: %s", path, strerror(errno));
    if (descriptor_entry(about, fd))
        err = fail(WKV_EIO, "%s: %s", path, strerror(errno));
    else if (about->kind == ENTRY_FOLDER)
        err = fail(WKV_EIO, "%s: is a directory, expected a file", path);
    else if (about->kind != ENTRY_FILE)
        err = fail(WKV_EIO, "%s: is a %s, expected a regular file; copy its data to one, or give - for standard input",
                   path,
                   about->kind == ENTRY_FIFO     ? "FIFO"
                   : about->kind == ENTRY_SOCKET ? "socket"
                                                 : "device");
    else
        return fd;
    descriptor_close(fd);
    return err;
}

/* WKV_EUNSUPPORTED: a 32-bit process cannot address the file. */
static int check_size(const char *path, const entry_info *about)
{
    if ((uint64_t)about->bytes < SIZE_MAX / 2) return WKV_OK;
    return fail(WKV_EUNSUPPORTED, "%s: has %lld bytes, more than this build for %d-bit processors can address", path,
                (long long)about->bytes, (int)sizeof(size_t) * 8);
}

/* Read up to n bytes; fewer at the end of the file. */
static int read_all(int fd, char *to, size_t n, size_t *got, const char *path)
{
    for (*got = 0; *got < n;) {
        const ptrdiff_t k = descriptor_read(fd, to + *got, n - *got);
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
    entry_info about;
    int fd = open_regular(path, &about);
    *out = (file_map){0};
    if (fd < 0) return fd;
    file_map m = {.size = (size_t)about.bytes, .id = about.id};
    int err = check_size(path, &about);
    if (!err && m.size && !(m.data = descriptor_map(fd, m.size)))
        err = fail(WKV_EIO, "%s: cannot be mapped: %s", path, strerror(errno));
    else
        *out = m;
    descriptor_close(fd);
    return err;
}

int file_load(file_map *out, const char *path)
{
    entry_info about;
    int fd = open_regular(path, &about);
    *out = (file_map){0};
    if (fd < 0) return fd;
    file_map m = {.size = (size_t)about.bytes, .id = about.id, .in_memory = 1};
    size_t page = pages_size(), got = 0;
    int err = check_size(path, &about);
    if (!err) err = check_memory(path, m.size);
    char *copy = err ? NULL : aligned_new(page, (m.size / page + 1) * page);
    if (!err && !copy) err = fail(WKV_ENOMEM, "%s: no memory for its %zu bytes", path, m.size);
    if (!err) err = read_all(fd, copy, m.size, &got, path);
    if (!err && got < m.size)
        err = fail(WKV_EIO, "%s: was truncated while it was read: %zu of %zu bytes", path, got, m.size);
    descriptor_close(fd);
    if (err || !m.size) {
        aligned_free(copy);
        copy = NULL;
    }
    m.data = (uint8_t *)copy;
    if (!err) *out = m;
    return err;
}

void file_close(file_map *m)
{
    if (m->in_memory)
        aligned_free((void *)(uintptr_t)m->data);
    else if (m->data)
        map_release(m->data, m->size);
    *m = (file_map){0};
}

void file_expect(const file_map *m, file_reads next)
{
    if (!m->size || m->in_memory) return;
    map_expect(m->data, m->size, next != LONG_READS);
    if (next == SMALL_READS) map_forget(m->data, m->size);
}

void file_forget(const file_map *m, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    if (!m->size || m->in_memory || p < m->data || p + bytes > m->data + m->size) return;
    size_t page = pages_size(), from = (size_t)(p - m->data) / page * page;
    map_forget(m->data + from, bytes + (size_t)(p - m->data) - from);
}

int file_slurp(char **out, size_t *size, const char *path)
{
    entry_info about;
    int fd = open_regular(path, &about);
    *out = NULL;
    *size = 0;
    if (fd < 0) return fd;
    size_t n = (size_t)about.bytes;
    int err = check_size(path, &about);
    if (!err) err = check_memory(path, n);
    char *text = err ? NULL : malloc(n + 1);
    if (!err && !text) err = fail(WKV_ENOMEM, "%s: no memory for its %zu bytes", path, n);
    if (!err) err = read_all(fd, text, n, &n, path);
    descriptor_close(fd);
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
    entry_info about;
    int fd = open_regular(path, &about);
    *out = fd < 0 ? NULL : descriptor_stream(fd, "rb");
    if (fd < 0 || *out) return fd < 0 ? fd : WKV_OK;
    descriptor_close(fd);
    return fail(WKV_ENOMEM, "%s: no memory", path);
}

/* ---- identity ---------------------------------------------------------------------------------------------------- */

int file_is(const char *path, file_id id)
{
    entry_info about;
    return !entry_read(&about, path) && about.id.device == id.device && about.id.inode == id.inode;
}

int file_same(const char *a, const char *b)
{
    entry_info about;
    return !entry_read(&about, a) && file_is(b, about.id);
}

int file_refuse_input(const char *path, const char *input, const char *role)
{
    if (!input || !file_same(path, input)) return WKV_OK;
    return fail(WKV_EARG, "%s: is an input, %s %s, and would be replaced; write to another path", path, role, input);
}
