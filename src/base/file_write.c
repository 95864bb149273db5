/* file_write.c - writing a file so that a reader never sees half of one, and a failure keeps the old one. */
#include "base/error.h"
#include "base/file.h"
#include "base/platform/descriptor.h"
#include "base/platform/system.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int cannot(const char *path, const char *why) { return fail(WKV_EIO, "%s: cannot be written: %s", path, why); }

static size_t folder_length(const char *path)
{
    const char *slash = path_last_slash(path);
    return slash ? (size_t)(slash - path) + 1 : 0;
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
    const size_t most = entry_longest_name(folder ? prefix : ".");
    if (n + SUFFIX <= most)
        sprintf(prefix + folder, "%s.part-", target + folder);
    else { /* FNV-1a of the name distinguishes truncated names */
        uint32_t hash = 2166136261u;
        for (const char *c = target + folder; *c; c++) hash = (hash ^ (unsigned char)*c) * 16777619u;
        int kept = most > 2 * (size_t)SUFFIX ? (int)most - SUFFIX - 9 : 0;
        if ((size_t)kept > n) kept = (int)n;
        sprintf(prefix + folder, "%.*s~%08x.part-", kept, target + folder, (unsigned)hash);
    }
    return prefix;
}

/* Remove a part file that no process locks. */
static void remove_dead(const char *part, long pid)
{
    entry_info about;
    int fd = descriptor_open(part, OPEN_READ_HERE, 0);
    if (fd < 0) return;
    int dead = !descriptor_lock(fd, 0);
    if (!dead && errno != EWOULDBLOCK) dead = !system_has_process(pid); /* the file system has no locks */
    /* its writer may have finished, and begun another one of that name, before we got the lock */
    if (dead && !descriptor_entry(&about, fd) && about.kind == ENTRY_FILE && file_is(part, about.id))
        entry_remove(part);
    descriptor_close(fd);
}

/* Remove the part files that dead processes left of this path: files called prefix<digits>. */
static void remove_leftovers(const char *prefix)
{
    size_t folder = folder_length(prefix), n = strlen(prefix + folder);
    char *path = malloc(strlen(prefix) + SUFFIX);
    if (path) memcpy(path, prefix, folder), path[folder] = 0;
    name_list *l = path ? listing_open(folder ? path : ".") : NULL;
    for (const char *name; l && (name = listing_next(l));) {
        const char *digits = name + n;
        if (strncmp(name, prefix + folder, n)) continue;
        size_t length = strlen(digits);
        if (!length || length > 10 || strspn(digits, "0123456789") != length) continue;
        strcpy(path + folder, name);
        remove_dead(path, atol(digits));
    }
    listing_close(l);
    free(path);
}

/* A new part file, locked. If another process removes it as a dead one's before it is locked, try again. */
static int open_part(const char *part, unsigned mode)
{
    for (int i = 0; i < 8; i++) {
        entry_info about;
        int fd = descriptor_open(part, OPEN_NEW, mode);
        if (fd < 0) return -1;
        descriptor_lock(fd, 1); /* another process's remove_dead holds it for a moment */
        if (!descriptor_entry(&about, fd) && about.links) return fd;
        descriptor_close(fd);
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

static int open_beside(file_out *o, const entry_info *old)
{
    char *prefix = part_prefix(o->target);
    o->part = prefix ? malloc(strlen(prefix) + SUFFIX) : NULL;
    if (!o->part) {
        free(prefix);
        return fail(WKV_ENOMEM, "%s: no memory", o->path);
    }
    remove_leftovers(prefix);
    sprintf(o->part, "%s%ld", prefix, system_process());
    free(prefix);
    int fd = open_part(o->part, old ? 0600 : 0666); /* contents of a private file are never readable by others */
    if (fd < 0) return cannot(o->path, errno == EEXIST ? "another process is writing it" : strerror(errno));
    if (old && descriptor_keep_rights(fd, old)) errno = 0; /* setting owner and group may be forbidden */
    if ((o->f = descriptor_stream(fd, "w+b"))) return WKV_OK;
    descriptor_close(fd);
    entry_remove(o->part);
    return fail(WKV_ENOMEM, "%s: no memory", o->path);
}

static int open_as_is(file_out *o, const entry_info *about, file_kind kind)
{
    const char *name = about->kind == ENTRY_FIFO ? "FIFO" : about->kind == ENTRY_SOCKET ? "socket" : "device";
    if (about->kind == ENTRY_FILE) name = "file without a name of its own";
    if (kind == FILE_REGULAR)
        return fail(WKV_EARG, "%s: is a %s, and the output is read back; give the path of a regular file", o->path,
                    name);
    int fd = descriptor_open(o->path, OPEN_WRITE, 0);
    if (fd < 0) return cannot(o->path, strerror(errno));
    if ((o->f = descriptor_stream(fd, "wb"))) return WKV_OK;
    descriptor_close(fd);
    return fail(WKV_ENOMEM, "%s: no memory", o->path);
}

int file_create(file_out *out, const char *path, file_kind kind)
{
    entry_info about;
    *out = (file_out){.path = strdup(path)};
    if (!out->path) return fail(WKV_ENOMEM, "%s: no memory", path);
    int err = WKV_OK, there = !entry_read(&about, path); /* the system may forbid following another user's link */
    if (!*path || (!there && errno != ENOENT))
        err = cannot(path, strerror(errno));
    else if (there && about.kind == ENTRY_FOLDER)
        err = cannot(path, "it is a directory");
    else if (!(out->target = entry_target(path)))
        err = cannot(path, strerror(errno));
    else if (there && (about.kind != ENTRY_FILE || !file_is(out->target, about.id)))
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
    if (ferror(o->f) || fflush(o->f) || (o->part && descriptor_flush(fileno(o->f))))
        return cannot(o->path, strerror(errno));
    return WKV_OK;
}

int file_commit(file_out *o)
{
    int err = file_sync(o);
    if (!err && o->part && entry_rename(o->part, o->target)) err = cannot(o->path, strerror(errno));
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
    if (o->part) entry_remove(o->part);
    fclose(o->f);
    forget(o);
}

void file_clean(const char *path)
{
    char *target = entry_target(path), *prefix = target ? part_prefix(target) : NULL;
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
    entry_info about;
    *out = NULL;
    int fd = descriptor_open(path, OPEN_UPDATE, 0666), err = WKV_OK;
    if (fd < 0) return cannot(path, strerror(errno));
    if (descriptor_entry(&about, fd))
        err = cannot(path, strerror(errno));
    else if (about.kind != ENTRY_FILE)
        err = fail(WKV_EIO, "%s: is not a regular file; move it away", path);
    else if (descriptor_lock(fd, 0) && errno == EWOULDBLOCK)
        err = fail(WKV_EARG, "%s: another process is using this folder; wait for it, or choose another folder", path);
    else if (!(*out = descriptor_stream(fd, "r+b")))
        err = fail(WKV_ENOMEM, "%s: no memory", path);
    if (err) descriptor_close(fd);
    return err;
}
