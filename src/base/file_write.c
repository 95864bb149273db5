/* file_write.c - writing a file so that a reader never sees half of one, and a failure keeps the old one. */
#include "base/error.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int cannot(const char *path, const char *why) { return fail(WKV_EIO, "%s: cannot be written: %s", path, why); }

static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

/* The target of the links of `path`, which may not exist; freed by the caller. NULL: errno is set. */
static char *follow(const char *path)
{
    enum { MOST = 40 }; /* as the system */
    char link[PATH_MAX];
    char *at = strdup(path);
    for (int i = 0; at; i++) {
        ssize_t n = readlink(at, link, sizeof link - 1);
        if (n < 0) return at; /* not a link, or no file */
        link[n] = 0;
        size_t folder = *link == '/' ? 0 : folder_length(at);
        char *next = i < MOST ? malloc(folder + (size_t)n + 1) : NULL;
        if (next) {
            memcpy(next, at, folder);
            memcpy(next + folder, link, (size_t)n + 1);
        } else if (i >= MOST)
            errno = ELOOP;
        free(at);
        at = next;
    }
    return NULL;
}

/* ---- part files -------------------------------------------------------------------------------------------------- */

/* ".part-" and a process's number */
enum { SUFFIX = 32 };

/* Path of the part files of `target`, without the process's number; freed by the caller. */
static char *part_prefix(const char *target)
{
    size_t folder = folder_length(target), n = strlen(target + folder);
    char *prefix = malloc(folder + n + SUFFIX);
    if (!prefix) return NULL;
    memcpy(prefix, target, folder);
    prefix[folder] = 0;
    long most = pathconf(folder ? prefix : ".", _PC_NAME_MAX);
    if (most <= 0) most = 255;
    if (n + SUFFIX <= (size_t)most)
        sprintf(prefix + folder, "%s.part-", target + folder);
    else { /* FNV-1a of the name distinguishes truncated names */
        uint32_t hash = 2166136261u;
        for (const char *c = target + folder; *c; c++) hash = (hash ^ (unsigned char)*c) * 16777619u;
        int kept = most > 2 * SUFFIX ? (int)most - SUFFIX - 9 : 0;
        if ((size_t)kept > n) kept = (int)n;
        sprintf(prefix + folder, "%.*s~%08x.part-", kept, target + folder, (unsigned)hash);
    }
    return prefix;
}

/* Remove a part file that no process locks. */
static void remove_dead(const char *part, long pid)
{
    struct stat about;
    int fd = open(part, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return;
    int dead = !flock(fd, LOCK_EX | LOCK_NB);
    if (!dead && errno != EWOULDBLOCK) dead = kill((pid_t)pid, 0) && errno == ESRCH; /* the file system has no locks */
    /* its writer may have finished, and begun another one of that name, before we got the lock */
    if (dead && !fstat(fd, &about) && S_ISREG(about.st_mode) && file_is(part, (file_id){about.st_dev, about.st_ino}))
        unlink(part);
    close(fd);
}

/* Remove the part files that dead processes left of this path: files called prefix<digits>. */
static void remove_leftovers(const char *prefix)
{
    size_t folder = folder_length(prefix), n = strlen(prefix + folder);
    char *path = malloc(strlen(prefix) + SUFFIX);
    if (path) memcpy(path, prefix, folder), path[folder] = 0;
    DIR *d = path ? opendir(folder ? path : ".") : NULL;
    for (struct dirent *entry; d && (entry = readdir(d));) {
        const char *digits = entry->d_name + n;
        if (strncmp(entry->d_name, prefix + folder, n)) continue;
        size_t length = strlen(digits);
        if (!length || length > 10 || strspn(digits, "0123456789") != length) continue;
        strcpy(path + folder, entry->d_name);
        remove_dead(path, atol(digits));
    }
    if (d) closedir(d);
    free(path);
}

/* A new part file, locked. If another process removes it as a dead one's before it is locked, try again. */
static int open_part(const char *part, mode_t mode)
{
    for (int i = 0; i < 8; i++) {
        struct stat about;
        int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0) return -1;
        while (flock(fd, LOCK_EX) && errno == EINTR) continue; /* another process's remove_dead holds it for a moment */
        if (!fstat(fd, &about) && about.st_nlink) return fd;
        close(fd);
    }
    errno = EAGAIN;
    return -1;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static void forget(file_out *o)
{
    free(o->path);
    free(o->target);
    free(o->part);
    *o = (file_out){0};
}

static int open_beside(file_out *o, const struct stat *old)
{
    char *prefix = part_prefix(o->target);
    o->part = prefix ? malloc(strlen(prefix) + SUFFIX) : NULL;
    if (!o->part) {
        free(prefix);
        return fail(WKV_ENOMEM, "%s: no memory", o->path);
    }
    remove_leftovers(prefix);
    sprintf(o->part, "%s%ld", prefix, (long)getpid());
    free(prefix);
    int fd = open_part(o->part, old ? 0600 : 0666); /* contents of a private file are never readable by others */
    if (fd < 0) return cannot(o->path, errno == EEXIST ? "another process is writing it" : strerror(errno));
    if (old) {
        /* setting owner and group may be forbidden */
        if (fchown(fd, old->st_uid, old->st_gid) && fchown(fd, (uid_t)-1, old->st_gid)) errno = 0;
        if (fchmod(fd, old->st_mode & 0777)) errno = 0;
    }
    if ((o->f = fdopen(fd, "w+b"))) return WKV_OK;
    close(fd);
    unlink(o->part);
    return fail(WKV_ENOMEM, "%s: no memory", o->path);
}

static int open_as_is(file_out *o, const struct stat *about, file_kind kind)
{
    const char *name = S_ISFIFO(about->st_mode) ? "FIFO" : S_ISSOCK(about->st_mode) ? "socket" : "device";
    if (S_ISREG(about->st_mode)) name = "file without a name of its own";
    if (kind == FILE_REGULAR)
        return fail(WKV_EARG, "%s: is a %s, and the output is read back; give the path of a regular file",
                    o->path, name);
    int fd = open(o->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return cannot(o->path, strerror(errno));
    if ((o->f = fdopen(fd, "wb"))) return WKV_OK;
    close(fd);
    return fail(WKV_ENOMEM, "%s: no memory", o->path);
}

int file_create(file_out *out, const char *path, file_kind kind)
{
    struct stat about;
    *out = (file_out){.path = strdup(path)};
    if (!out->path) return fail(WKV_ENOMEM, "%s: no memory", path);
    int err = WKV_OK, there = !stat(path, &about); /* the system may forbid following another user's link */
    if (!*path || (!there && errno != ENOENT))
        err = cannot(path, strerror(errno));
    else if (there && S_ISDIR(about.st_mode))
        err = cannot(path, "it is a directory");
    else if (!(out->target = follow(path)))
        err = cannot(path, strerror(errno));
    else if (there && (!S_ISREG(about.st_mode) || !file_is(out->target, (file_id){about.st_dev, about.st_ino})))
        err = open_as_is(out, &about, kind); /* the second: a link of /proc whose text is not a path */
    else
        err = open_beside(out, there ? &about : NULL);
    if (err) forget(out);
    return err;
}

int file_put(file_out *o, const void *data, size_t bytes)
{
    if (bytes == 0 || fwrite(data, 1, bytes, o->f) == bytes) return WKV_OK;
    return cannot(o->path, strerror(errno));
}

int file_sync(file_out *o)
{
    /* ferror reports earlier failed writes: such a file must not be renamed into place */
    if (ferror(o->f) || fflush(o->f) || (o->part && fsync(fileno(o->f)))) return cannot(o->path, strerror(errno));
    return WKV_OK;
}

int file_commit(file_out *o)
{
    int err = file_sync(o);
    if (!err && o->part && rename(o->part, o->target)) err = cannot(o->path, strerror(errno));
    if (err) {
        file_abandon(o);
        return err;
    }
    if (fclose(o->f) && !o->part)
        err = cannot(o->path, strerror(errno)); /* a part file was already flushed to the disk */
    forget(o);
    return err;
}

void file_abandon(file_out *o)
{
    if (!o->f) return;
    if (o->part) unlink(o->part);
    fclose(o->f);
    forget(o);
}

void file_clean(const char *path)
{
    char *target = follow(path), *prefix = target ? part_prefix(target) : NULL;
    if (prefix) remove_leftovers(prefix);
    free(prefix);
    free(target);
}

int file_write(const char *path, const void *data, size_t bytes)
{
    file_out f;
    int err = file_create(&f, path, FILE_ANY);
    if (err) return err;
    if ((err = file_put(&f, data, bytes)))
        file_abandon(&f);
    else
        err = file_commit(&f);
    return err;
}

int file_log(FILE **out, const char *path)
{
    struct stat about;
    *out = NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666), err = WKV_OK;
    if (fd < 0) return cannot(path, strerror(errno));
    if (fstat(fd, &about))
        err = cannot(path, strerror(errno));
    else if (!S_ISREG(about.st_mode))
        err = fail(WKV_EIO, "%s: is not a regular file; move it away", path);
    else if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        err =
            fail(WKV_EARG, "%s: another process is using this folder; wait for it, or choose another folder", path);
    else if (!(*out = fdopen(fd, "r+b")))
        err = fail(WKV_ENOMEM, "%s: no memory", path);
    if (err) close(fd);
    return err;
}
