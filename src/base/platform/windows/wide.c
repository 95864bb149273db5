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

/* An absolute path above 259 characters (247 of a folder) needs a prefix that turns its other rules off; that of a
 * share, \\server\share, another one. A short relative path counts with the current folder before it. */
wchar_t *wide_path(const char *path)
{
    enum { SHORT = 240, PREFIX = 7 };
    wchar_t *wide = wide_text(path);
    const DWORD n = wide ? GetFullPathNameW(wide, 0, NULL, NULL) : 0; /* with the zero at its end */
    if (n <= SHORT) return wide;
    wchar_t *full = malloc(sizeof *full * (PREFIX + n)), *absolute = full ? full + PREFIX : NULL;
    if (full) GetFullPathNameW(wide, n, absolute, NULL);
    free(wide);
    if (!full)
        errno = ENOMEM;
    else if (!wcsncmp(absolute, L"\\\\?\\", 4) || !wcsncmp(absolute, L"\\\\.\\", 4))
        wmemmove(full, absolute, n);
    else if (!wcsncmp(absolute, L"\\\\", 2)) {
        wmemcpy(full, L"\\\\?\\UNC", PREFIX);
        wmemmove(full + PREFIX, absolute + 1, n - 1);
    } else {
        wmemcpy(full, L"\\\\?\\", 4);
        wmemmove(full + 4, absolute, n);
    }
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
