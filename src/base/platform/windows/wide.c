/* wide.c - UTF-8 and UTF-16, and the errors of Windows as numbers of errno. */
#include "base/platform/windows/windows.h"
#include <errno.h>
#include <stdlib.h>
#include <wchar.h>

wchar_t *wide_text(const char *text)
{
    const int n = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    wchar_t *wide = malloc(sizeof *wide * (size_t)(n > 0 ? n : 1));
    if (!wide)
        errno = ENOMEM;
    else if (n > 0)
        MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, n);
    else
        *wide = 0;
    return wide;
}

/* Names above 259 characters need the absolute path after a prefix that turns its other rules off. */
wchar_t *wide_path(const char *path)
{
    enum { SHORT = 240 };
    static const wchar_t prefix[] = L"\\\\?\\";
    wchar_t *wide = wide_text(path);
    if (!wide || wcslen(wide) < SHORT || !wcsncmp(wide, prefix, 4) || !wcsncmp(wide, L"\\\\", 2)) return wide;
    const DWORD n = GetFullPathNameW(wide, 0, NULL, NULL);
    wchar_t *full = malloc(sizeof *full * (n + 4));
    if (full && n) {
        wmemcpy(full, prefix, 4);
        GetFullPathNameW(wide, n, full + 4, NULL);
    }
    free(wide);
    if (!full) errno = ENOMEM;
    return full;
}

char *narrow_text(const wchar_t *text)
{
    const int n = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *narrow = malloc((size_t)(n > 0 ? n : 1));
    if (!narrow)
        errno = ENOMEM;
    else if (n > 0)
        WideCharToMultiByte(CP_UTF8, 0, text, -1, narrow, n, NULL, NULL);
    else
        *narrow = 0;
    return narrow;
}

int set_errno(void)
{
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_DRIVE:
    case ERROR_BAD_NETPATH:
    case ERROR_BAD_PATHNAME:
    case ERROR_INVALID_NAME:
    case ERROR_DIRECTORY: errno = ENOENT; break;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS: errno = EEXIST; break;
    case ERROR_ACCESS_DENIED:
    case ERROR_WRITE_PROTECT:
    case ERROR_SHARING_VIOLATION:
    case ERROR_USER_MAPPED_FILE: errno = EACCES; break;
    case ERROR_LOCK_VIOLATION:
    case ERROR_IO_PENDING: errno = EWOULDBLOCK; break;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_COMMITMENT_LIMIT: errno = ENOMEM; break;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL: errno = ENOSPC; break;
    case ERROR_DIR_NOT_EMPTY: errno = ENOTEMPTY; break;
    case ERROR_TOO_MANY_OPEN_FILES: errno = EMFILE; break;
    case ERROR_FILENAME_EXCED_RANGE: errno = ENAMETOOLONG; break;
    case ERROR_BROKEN_PIPE:
    case ERROR_NO_DATA: errno = EPIPE; break;
    default: errno = EIO;
    }
    return -1;
}
