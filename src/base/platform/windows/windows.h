/* windows.h - the common part of the files of this folder. Included first. */
#ifndef WKV_BASE_PLATFORM_WINDOWS_H
#define WKV_BASE_PLATFORM_WINDOWS_H

#include <winsock2.h>
#include <windows.h>
#include <stdint.h>
#include "base/platform/entry.h"

wchar_t *wide_text(const char *text);           /* UTF-16 of UTF-8; freed by the caller. NULL: no memory, with errno */
wchar_t *wide_path(const char *path);           /* the same of a path, in the form for long ones where it is long    */
char *narrow_text(const wchar_t *text);         /* UTF-8 of UTF-16; freed by the caller */
int set_errno(void);                            /* from GetLastError(); returns -1      */
int entry_of_handle(entry_info *out, HANDLE h); /* 0, or -1 with errno                  */

#endif
