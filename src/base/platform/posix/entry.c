/* entry.c - names in the file system of POSIX. */
#define _GNU_SOURCE
#include "base/platform/entry.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#endif
#include "base/platform/posix/posix.h"

void entry_of(entry_info *out, const struct stat *s)
{
#ifdef __APPLE__
    const struct timespec changed = s->st_mtimespec;
#else
    const struct timespec changed = s->st_mtim;
#endif
    *out = (entry_info){.kind = S_ISREG(s->st_mode)    ? ENTRY_FILE
                                : S_ISDIR(s->st_mode)  ? ENTRY_FOLDER
                                : S_ISFIFO(s->st_mode) ? ENTRY_FIFO
                                : S_ISSOCK(s->st_mode) ? ENTRY_SOCKET
                                : S_ISLNK(s->st_mode)  ? ENTRY_LINK
                                                       : ENTRY_DEVICE,
                        .bytes = (int64_t)s->st_size,
                        .stored = 512 * (int64_t)s->st_blocks,
                        .changed = (int64_t)changed.tv_sec * 1000000000 + changed.tv_nsec,
                        .id = {(uint64_t)s->st_dev, (uint64_t)s->st_ino},
                        .links = (unsigned)s->st_nlink,
                        .mode = s->st_mode & 0777,
                        .owner = s->st_uid,
                        .group = s->st_gid};
}

int entry_read(entry_info *out, const char *path)
{
    struct stat s;
    if (stat(path, &s)) return -1;
    entry_of(out, &s);
    return 0;
}

int entry_read_link(entry_info *out, const char *path)
{
    struct stat s;
    if (lstat(path, &s)) return -1;
    entry_of(out, &s);
    return 0;
}

static int is(const char *path, entry_kind kind)
{
    entry_info e;
    return !entry_read(&e, path) && e.kind == kind;
}

int entry_exists(const char *path) { return !access(path, F_OK); }
int entry_is_file(const char *path) { return is(path, ENTRY_FILE); }
int entry_is_folder(const char *path) { return is(path, ENTRY_FOLDER); }
int entry_is_readable(const char *path) { return !access(path, R_OK); }
int entry_rename(const char *from, const char *to) { return rename(from, to); }
int entry_remove(const char *path) { return unlink(path); }
int entry_touch(const char *path) { return utimensat(AT_FDCWD, path, NULL, 0); }

char *entry_target(const char *path)
{
    enum { MOST = 40 }; /* as the system */
    char link[PATH_MAX];
    char *at = strdup(path);
    for (int i = 0; at; i++) {
        ssize_t n = readlink(at, link, sizeof link - 1);
        if (n < 0) return at; /* not a link, or no file */
        link[n] = 0;
        const char *slash = strrchr(at, '/');
        size_t folder = *link == '/' || !slash ? 0 : (size_t)(slash - at) + 1;
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

char *entry_absolute(const char *path) { return realpath(path, NULL); }

size_t entry_longest_name(const char *folder)
{
    const long most = pathconf(folder, _PC_NAME_MAX);
    return most > 0 ? (size_t)most : 255;
}

double entry_disk_free(const char *path)
{
    struct statvfs v;
    return statvfs(path, &v) ? -1 : (double)v.f_bavail * (double)v.f_frsize;
}

int entry_disk(const char *path, unsigned long *type, unsigned *major_number, unsigned *minor_number)
{
#ifdef __linux__
    struct stat s;
    struct statfs fs;
    if (stat(path, &s) || statfs(path, &fs)) return -1;
    *type = (unsigned long)fs.f_type;
    *major_number = major(s.st_dev);
    *minor_number = minor(s.st_dev);
    return 0;
#else
    (void)path, (void)type, (void)major_number, (void)minor_number;
    errno = ENOSYS;
    return -1;
#endif
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

int folder_create(const char *path, unsigned mode) { return mkdir(path, (mode_t)mode); }
int folder_remove(const char *path) { return rmdir(path); }

int folder_flush(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    const int failed = fsync(fd) && errno != EINVAL && errno != EBADF; /* some file systems have no such flush */
    const int why = errno;
    close(fd);
    errno = why;
    return failed ? -1 : 0;
}

struct name_list {
    DIR *d;
};

name_list *listing_open(const char *folder)
{
    DIR *d = opendir(folder);
    name_list *l = d ? malloc(sizeof *l) : NULL;
    if (l) l->d = d;
    if (d && !l) closedir(d);
    return l;
}

const char *listing_next(name_list *l)
{
    const struct dirent *e = readdir(l->d);
    return e ? e->d_name : NULL;
}

void listing_close(name_list *l)
{
    if (l) closedir(l->d);
    free(l);
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

int path_is_slash(char c) { return c == '/'; }
int path_is_absolute(const char *path) { return *path == '/'; }
char *path_last_slash(const char *path) { return strrchr(path, '/'); }
