/* windows.h - included into the tests for Windows: functions of POSIX that it lacks. Links and FIFOs cannot be made. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define truncate truncate64 /* _FILE_OFFSET_BITS leaves it out */

static inline int setenv(const char *name, const char *value, int replaces)
{
    return replaces || !getenv(name) ? _putenv_s(name, value) : 0;
}

static inline int unsetenv(const char *name) { return _putenv_s(name, ""); }

static inline int symlink(const char *target, const char *path)
{
    (void)target, (void)path;
    errno = ENOSYS;
    return -1;
}

static inline int mkfifo(const char *path, unsigned mode)
{
    (void)path, (void)mode;
    errno = ENOSYS;
    return -1;
}

static inline int link(const char *target, const char *path) { return symlink(target, path); }

static inline void *memmem(const void *in, size_t bytes, const void *wanted, size_t n)
{
    for (const char *at = in; bytes >= n; at++, bytes--)
        if (!memcmp(at, wanted, n)) return (void *)(size_t)at;
    return NULL;
}

/* A new file in place of XXXXXX. */
static inline int mkstemps(char *path, int after)
{
    static int n;
    char *at = path + strlen(path) - after - 6, digits[7];
    snprintf(digits, sizeof digits, "%06d", (getpid() + n++) % 1000000);
    memcpy(at, digits, 6);
    return open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
}
