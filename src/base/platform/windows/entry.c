/* entry.c - names in the file system of Windows. */
#include "base/platform/windows/windows.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FILETIME counts 100 ns since 1601. */
static int64_t since_1970(FILETIME t)
{
    return (((int64_t)t.dwHighDateTime << 32 | t.dwLowDateTime) - 116444736000000000) * 100;
}

int entry_of_handle(entry_info *out, HANDLE h)
{
    BY_HANDLE_FILE_INFORMATION i;
    *out = (entry_info){.kind = ENTRY_DEVICE, .links = 1};
    const DWORD type = GetFileType(h);
    if (type == FILE_TYPE_PIPE) out->kind = ENTRY_FIFO;
    if (type != FILE_TYPE_DISK) return 0;
    if (!GetFileInformationByHandle(h, &i)) return set_errno();
    const int64_t bytes = (int64_t)i.nFileSizeHigh << 32 | i.nFileSizeLow;
    out->kind = i.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY ? ENTRY_FOLDER : ENTRY_FILE;
    out->bytes = bytes;
    out->stored = (bytes + 4095) / 4096 * 4096; /* clusters of NTFS */
    out->changed = since_1970(i.ftLastWriteTime);
    out->id = (file_id){i.dwVolumeSerialNumber, (uint64_t)i.nFileIndexHigh << 32 | i.nFileIndexLow};
    out->links = i.nNumberOfLinks;
    return 0;
}

static HANDLE open_entry(const char *path, DWORD access, DWORD more)
{
    wchar_t *wide = wide_path(path);
    if (!wide) return INVALID_HANDLE_VALUE;
    HANDLE h = CreateFileW(wide, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                           FILE_FLAG_BACKUP_SEMANTICS | more, NULL); /* the flag also opens folders */
    if (h == INVALID_HANDLE_VALUE) set_errno();
    free(wide);
    return h;
}

int entry_read(entry_info *out, const char *path)
{
    HANDLE h = open_entry(path, FILE_READ_ATTRIBUTES, 0);
    if (h == INVALID_HANDLE_VALUE) return -1;
    const int failed = entry_of_handle(out, h);
    CloseHandle(h);
    return failed;
}

int entry_read_link(entry_info *out, const char *path)
{
    wchar_t *wide = wide_path(path);
    const DWORD is = wide ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
    free(wide);
    if (is == INVALID_FILE_ATTRIBUTES) return set_errno();
    if (entry_read(out, path)) return -1;
    if (is & FILE_ATTRIBUTE_REPARSE_POINT) out->kind = ENTRY_LINK;
    return 0;
}

static int is(const char *path, entry_kind kind)
{
    entry_info e;
    return !entry_read(&e, path) && e.kind == kind;
}

int entry_exists(const char *path)
{
    entry_info e;
    return !entry_read(&e, path);
}

int entry_is_file(const char *path) { return is(path, ENTRY_FILE); }
int entry_is_folder(const char *path) { return is(path, ENTRY_FOLDER); }

int entry_is_readable(const char *path)
{
    HANDLE h = open_entry(path, GENERIC_READ, 0);
    if (h == INVALID_HANDLE_VALUE) return 0;
    CloseHandle(h);
    return 1;
}

int entry_rename(const char *from, const char *to)
{
    wchar_t *a = wide_path(from), *b = wide_path(to);
    const int failed =
        !a || !b || !MoveFileExW(a, b, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) ? set_errno() : 0;
    free(a);
    free(b);
    return failed;
}

int entry_remove(const char *path)
{
    wchar_t *wide = wide_path(path);
    const int failed = !wide || !DeleteFileW(wide) ? set_errno() : 0;
    free(wide);
    return failed;
}

int entry_touch(const char *path)
{
    FILETIME now;
    HANDLE h = open_entry(path, FILE_WRITE_ATTRIBUTES, 0);
    if (h == INVALID_HANDLE_VALUE) return -1;
    GetSystemTimeAsFileTime(&now);
    const int failed = SetFileTime(h, NULL, NULL, &now) ? 0 : set_errno();
    CloseHandle(h);
    return failed;
}

/* Links are followed by the system when a file is opened; one that is written is replaced. */
char *entry_target(const char *path) { return strdup(path); }

char *entry_absolute(const char *path)
{
    HANDLE h = open_entry(path, FILE_READ_ATTRIBUTES, 0);
    if (h == INVALID_HANDLE_VALUE) return NULL;
    const DWORD n = GetFinalPathNameByHandleW(h, NULL, 0, FILE_NAME_NORMALIZED);
    wchar_t *wide = n ? malloc(sizeof *wide * (n + 1)) : NULL;
    char *absolute = NULL;
    if (wide && GetFinalPathNameByHandleW(h, wide, n + 1, FILE_NAME_NORMALIZED))
        absolute = narrow_text(wcsncmp(wide, L"\\\\?\\", 4) || !wcsncmp(wide, L"\\\\?\\UNC", 7) ? wide : wide + 4);
    else
        set_errno();
    free(wide);
    CloseHandle(h);
    for (char *c = absolute; c && *c; c++)
        if (*c == '\\') *c = '/';
    return absolute;
}

size_t entry_longest_name(const char *folder)
{
    (void)folder;
    return 255;
}

double entry_disk_free(const char *path)
{
    ULARGE_INTEGER bytes;
    const char *slash = path_last_slash(path);
    char *folder = slash ? strdup(path) : strdup(".");
    if (slash && folder) folder[slash - path + 1] = 0;
    wchar_t *wide = folder ? wide_path(folder) : NULL;
    const int known = wide && GetDiskFreeSpaceExW(wide, &bytes, NULL, NULL);
    free(wide);
    free(folder);
    return known ? (double)bytes.QuadPart : -1;
}

int entry_disk(const char *path, unsigned long *type, unsigned *major, unsigned *minor)
{
    (void)path, (void)type, (void)major, (void)minor;
    errno = ENOSYS;
    return -1;
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

int folder_create(const char *path, unsigned mode)
{
    (void)mode; /* the rights of a folder are those of the one that it is in */
    wchar_t *wide = wide_path(path);
    int failed = !wide || !CreateDirectoryW(wide, NULL) ? set_errno() : 0;
    if (failed && errno != EEXIST && entry_is_folder(path)) errno = EEXIST; /* a drive says "access denied" */
    free(wide);
    return failed;
}

int folder_remove(const char *path)
{
    wchar_t *wide = wide_path(path);
    const int failed = !wide || !RemoveDirectoryW(wide) ? set_errno() : 0;
    free(wide);
    return failed;
}

/* The names of NTFS are in its journal; MoveFileEx was told to write through. */
int folder_flush(const char *path)
{
    (void)path;
    return 0;
}

struct name_list {
    HANDLE search;
    WIN32_FIND_DATAW found;
    int begun;
    char name[MAX_PATH * 3 + 1]; /* UTF-8 */
};

name_list *listing_open(const char *folder)
{
    const size_t n = strlen(folder);
    char *pattern = malloc(n + 3);
    if (!pattern) return NULL;
    snprintf(pattern, n + 3, "%s/*", folder);
    wchar_t *wide = wide_path(pattern);
    name_list *l = wide ? calloc(1, sizeof *l) : NULL;
    if (l && (l->search = FindFirstFileW(wide, &l->found)) == INVALID_HANDLE_VALUE) {
        set_errno();
        free(l);
        l = NULL;
    }
    free(wide);
    free(pattern);
    return l;
}

const char *listing_next(name_list *l)
{
    if (l->begun && !FindNextFileW(l->search, &l->found)) return NULL;
    l->begun = 1;
    WideCharToMultiByte(CP_UTF8, 0, l->found.cFileName, -1, l->name, sizeof l->name, NULL, NULL);
    return l->name;
}

void listing_close(name_list *l)
{
    if (l) FindClose(l->search);
    free(l);
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

int path_is_slash(char c) { return c == '/' || c == '\\'; }

int path_is_absolute(const char *path)
{
    const int letter = (*path >= 'A' && *path <= 'Z') || (*path >= 'a' && *path <= 'z');
    return path_is_slash(*path) || (letter && path[1] == ':');
}

char *path_last_slash(const char *path)
{
    char *slash = strrchr(path, '/'), *back = strrchr(path, '\\');
    return slash > back ? slash : back;
}
