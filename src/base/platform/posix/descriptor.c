/* descriptor.c - open files of POSIX. */
#define _GNU_SOURCE
#include "base/platform/descriptor.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>
#include "base/platform/posix/posix.h"

int descriptor_open(const char *path, open_use use, unsigned mode)
{
    static const int flags[] = {
        [OPEN_READ] = O_RDONLY | O_NONBLOCK,
        [OPEN_READ_HERE] = O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
        [OPEN_WRITE] = O_WRONLY,
        [OPEN_UPDATE] = O_RDWR | O_CREAT | O_NONBLOCK,
        [OPEN_NEW] = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
        [OPEN_APPEND] = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK,
    };
    return open(path, flags[use] | O_CLOEXEC | O_NOCTTY, (mode_t)mode);
}

int descriptor_close(int fd) { return close(fd); }

int descriptor_entry(entry_info *out, int fd)
{
    struct stat s;
    if (fstat(fd, &s)) return -1;
    entry_of(out, &s);
    return 0;
}

ptrdiff_t descriptor_read(int fd, void *to, size_t bytes)
{
    for (;;) {
        const ssize_t n = read(fd, to, bytes);
        if (n >= 0 || errno != EINTR) return n;
    }
}

ptrdiff_t descriptor_write(int fd, const void *from, size_t bytes) { return write(fd, from, bytes); }

int descriptor_flush(int fd)
{
#ifdef F_FULLFSYNC /* macOS, whose fsync leaves bytes in the disk's own memory; not every file system has it */
    if (!fcntl(fd, F_FULLFSYNC)) return 0;
#endif
    return fsync(fd);
}

int descriptor_truncate(int fd, int64_t bytes) { return ftruncate(fd, (off_t)bytes); }

int descriptor_lock(int fd, int wait)
{
    for (;;)
        if (!flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB))
            return 0;
        else if (errno != EINTR)
            return -1;
}

int descriptor_keep_rights(int fd, const entry_info *old)
{
    int failed = fchown(fd, old->owner, old->group) && fchown(fd, (uid_t)-1, old->group);
    if (fchmod(fd, (mode_t)old->mode)) failed = 1;
    return failed ? -1 : 0;
}

FILE *descriptor_stream(int fd, const char *mode) { return fdopen(fd, mode); }

/* ---- streams ----------------------------------------------------------------------------------------------------- */

typedef struct {
    void *to;
    writer_put *put;
} writer;

#ifdef __APPLE__ /* which has funopen in place of fopencookie */
static int write_some(void *cookie, const char *from, int n)
{
    const writer *w = cookie;
    return w->put(w->to, from, (size_t)n) ? -1 : n;
}
#else
static ssize_t write_some(void *cookie, const char *from, size_t n)
{
    const writer *w = cookie;
    return w->put(w->to, from, n) ? 0 : (ssize_t)n;
}
#endif

static int end_writer(void *cookie)
{
    free(cookie);
    return 0;
}

FILE *writer_open(void *to, writer_put *put)
{
    writer *w = malloc(sizeof *w);
    if (w) *w = (writer){to, put};
#ifdef __APPLE__
    FILE *f = w ? funopen(w, NULL, write_some, NULL, end_writer) : NULL;
#else
    FILE *f = w ? fopencookie(w, "w", (cookie_io_functions_t){.write = write_some, .close = end_writer}) : NULL;
#endif
    if (f)
        setvbuf(f, NULL, _IONBF, 0);
    else
        free(w);
    return f;
}

/* It has no buffer. */
int writer_update(FILE *f, void *to, writer_put *put)
{
    (void)to, (void)put;
    return ferror(f) ? -1 : 0;
}

int writer_close(FILE *f, void *to, writer_put *put)
{
    (void)to, (void)put;
    return fclose(f) ? -1 : 0;
}

int discard_errors(void) { return freopen("/dev/null", "w", stderr) ? 0 : -1; }
