/* descriptor.c - open files of Windows. They may be renamed and removed while they are open, as on other systems. */
#include "base/platform/windows/windows.h"
#include "base/platform/descriptor.h"
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdlib.h>

#undef _fmode
int _fmode = _O_BINARY; /* of the C library: fopen translates no line ends */

static HANDLE handle_of(int fd) { return (HANDLE)_get_osfhandle(fd); }

int descriptor_open(const char *path, open_use use, unsigned mode)
{
    static const struct {
        DWORD access, creation;
        int flags;
    } how[] = {
        [OPEN_READ] = {GENERIC_READ, OPEN_EXISTING, _O_RDONLY},
        [OPEN_READ_HERE] = {GENERIC_READ, OPEN_EXISTING, _O_RDONLY},
        [OPEN_WRITE] = {GENERIC_WRITE, OPEN_EXISTING, _O_WRONLY},
        [OPEN_UPDATE] = {GENERIC_READ | GENERIC_WRITE, OPEN_ALWAYS, _O_RDWR},
        [OPEN_NEW] = {GENERIC_READ | GENERIC_WRITE | DELETE, CREATE_NEW, _O_RDWR},
        [OPEN_APPEND] = {FILE_APPEND_DATA | SYNCHRONIZE, OPEN_ALWAYS, _O_WRONLY | _O_APPEND},
    };
    (void)mode; /* the rights of a file are those of its folder */
    wchar_t *wide = wide_path(path);
    if (!wide) return -1;
    HANDLE h = CreateFileW(wide, how[use].access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                           how[use].creation, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    if (h == INVALID_HANDLE_VALUE) set_errno();
    free(wide);
    if (h == INVALID_HANDLE_VALUE) return -1;
    const int fd = _open_osfhandle((intptr_t)h, how[use].flags | _O_BINARY | _O_NOINHERIT);
    if (fd < 0) CloseHandle(h);
    return fd;
}

int descriptor_close(int fd) { return _close(fd); }
int descriptor_entry(entry_info *out, int fd) { return entry_of_handle(out, handle_of(fd)); }

ptrdiff_t descriptor_read(int fd, void *to, size_t bytes)
{
    enum { MOST = 1 << 30 }; /* of one call */
    return _read(fd, to, (unsigned)(bytes < MOST ? bytes : MOST));
}

ptrdiff_t descriptor_write(int fd, const void *from, size_t bytes)
{
    enum { MOST = 1 << 30 };
    return _write(fd, from, (unsigned)(bytes < MOST ? bytes : MOST));
}

int descriptor_flush(int fd) { return FlushFileBuffers(handle_of(fd)) ? 0 : set_errno(); }

int descriptor_truncate(int fd, int64_t bytes)
{
    FILE_END_OF_FILE_INFO end = {.EndOfFile.QuadPart = bytes};
    return SetFileInformationByHandle(handle_of(fd), FileEndOfFileInfo, &end, sizeof end) ? 0 : set_errno();
}

/* Locks of Windows are on bytes, and stop reading and writing them: this one is far behind the end of any file. */
int descriptor_lock(int fd, int wait)
{
    OVERLAPPED at = {.OffsetHigh = 0x40000000};
    const DWORD how = LOCKFILE_EXCLUSIVE_LOCK | (wait ? 0 : LOCKFILE_FAIL_IMMEDIATELY);
    return LockFileEx(handle_of(fd), how, 0, 1, 0, &at) ? 0 : set_errno();
}

int descriptor_keep_rights(int fd, const entry_info *old)
{
    (void)fd, (void)old;
    return 0;
}

FILE *descriptor_stream(int fd, const char *mode) { return _fdopen(fd, mode); }

/* ---- mappings ---------------------------------------------------------------------------------------------------- */

void *descriptor_map(int fd, size_t bytes)
{
    HANDLE m = CreateFileMappingW(handle_of(fd), NULL, PAGE_READONLY, (DWORD)(bytes >> 32), (DWORD)bytes, NULL);
    void *p = m ? MapViewOfFile(m, FILE_MAP_READ, 0, 0, bytes) : NULL;
    if (!p) set_errno();
    if (m) CloseHandle(m); /* the view keeps it */
    return p;
}

void map_release(const void *map, size_t bytes)
{
    (void)bytes;
    UnmapViewOfFile(map);
}

/* Windows reads ahead as it sees fit. */
void map_expect(const void *map, size_t bytes, int scattered) { (void)map, (void)bytes, (void)scattered; }

void map_forget(const void *map, size_t bytes)
{
    VirtualUnlock((void *)(uintptr_t)map, bytes); /* pages that are not locked leave the working set */
}

/* ---- streams ----------------------------------------------------------------------------------------------------- */

/* The bytes wait in a file without a lasting name: its C library has no streams of one's own. */
FILE *writer_open(void *to, writer_put *put)
{
    (void)to, (void)put;
    wchar_t folder[MAX_PATH + 1], path[MAX_PATH + 1];
    if (!GetTempPathW(MAX_PATH + 1, folder) || !GetTempFileNameW(folder, L"wkv", 0, path)) {
        set_errno();
        return NULL;
    }
    return _wfopen(path, L"w+bTD"); /* kept in memory where there is some, and deleted when it is closed */
}

int writer_update(FILE *f, void *to, writer_put *put)
{
    char part[65536];
    int lost = ferror(f) || fflush(f);
    rewind(f);
    for (size_t n; !lost && (n = fread(part, 1, sizeof part, f));) lost = put(to, part, n);
    if (ferror(f)) lost = 1;
    rewind(f);
    return lost || _chsize(_fileno(f), 0) ? -1 : 0;
}

int writer_close(FILE *f, void *to, writer_put *put)
{
    const int lost = writer_update(f, to, put);
    return fclose(f) || lost ? -1 : 0;
}

int discard_errors(void) { return freopen("NUL", "w", stderr) ? 0 : -1; }
