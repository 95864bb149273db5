/* kill.c - a library for LD_PRELOAD that ends its process at the k-th operation on files, or fills the disk there.
 *
 *     KILL_AT=k KILL_HOW=before|half|after    SIGKILL before the k-th operation, in the middle of it (half of a write's
 *                                             bytes), or after it
 *     KILL_AT=k KILL_HOW=full                 from the k-th operation on, writes fail with ENOSPC
 *     KILL_COUNT=FILE                         the number of operations of a process that ends by itself
 *
 * Operations are write, pwrite, fwrite (which is flushed at once, since the C library's own write cannot be replaced),
 * fsync, fdatasync, ftruncate, rename, unlink and mkdir. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static long at, operations;
static char how; /* the first letter; 0: nothing happens */

__attribute__((constructor)) static void begin(void)
{
    const char *k = getenv("KILL_AT"), *mode = getenv("KILL_HOW");
    if (k && mode) at = atol(k), how = *mode;
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("KILL_COUNT");
    char text[24];
    if (!path) return;
    const long fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    syscall(SYS_write, fd, text, (size_t)snprintf(text, sizeof text, "%ld", operations));
}

static void die(void)
{
    for (;;) syscall(SYS_kill, getpid(), SIGKILL);
}

/* Before an operation: whether the disk is full. */
static int enter(void)
{
    operations++;
    if (how == 'b' && operations == at) die();
    return how == 'f' && operations >= at;
}

static int is_half(void) { return how == 'h' && operations == at; }

/* After it. */
static void leave(void)
{
    const int before = errno;
    if ((how == 'a' || how == 'h') && operations == at) die();
    errno = before;
}

static long full(void) { return errno = ENOSPC, -1; }

EXPORT ssize_t write(int fd, const void *data, size_t n)
{
    if (enter()) return full();
    const ssize_t done = REAL(write)(fd, data, is_half() ? n / 2 : n);
    leave();
    return done;
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset)
{
    if (enter()) return full();
    const ssize_t done = REAL(pwrite64)(fd, data, is_half() ? n / 2 : n, offset);
    leave();
    return done;
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t n, off_t offset) { return pwrite64(fd, data, n, offset); }

EXPORT size_t fwrite(const void *data, size_t size, size_t n, FILE *f)
{
    if (f == stdout || f == stderr) return REAL(fwrite)(data, size, n, f);
    if (enter()) return full(), 0;
    const size_t done = is_half() ? REAL(fwrite)(data, 1, size * n / 2, f) / size : REAL(fwrite)(data, size, n, f);
    fflush(f);
    leave();
    return done;
}

EXPORT int fsync(int fd)
{
    enter();
    const int err = REAL(fsync)(fd);
    leave();
    return err;
}

EXPORT int fdatasync(int fd)
{
    enter();
    const int err = REAL(fdatasync)(fd);
    leave();
    return err;
}

EXPORT int ftruncate64(int fd, off64_t n)
{
    enter();
    const int err = REAL(ftruncate64)(fd, n);
    leave();
    return err;
}

EXPORT int ftruncate(int fd, off_t n) { return ftruncate64(fd, n); }

EXPORT int rename(const char *from, const char *to)
{
    enter();
    const int err = REAL(rename)(from, to);
    leave();
    return err;
}

EXPORT int unlink(const char *path)
{
    enter();
    const int err = REAL(unlink)(path);
    leave();
    return err;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    if (enter()) return (int)full();
    const int err = REAL(mkdir)(path, mode);
    leave();
    return err;
}
