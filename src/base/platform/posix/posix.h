/* posix.h - the common part of the files of this folder. */
#ifndef WKV_BASE_PLATFORM_POSIX_H
#define WKV_BASE_PLATFORM_POSIX_H

#include "base/platform/entry.h"
#include <sys/stat.h>

void entry_of(entry_info *out, const struct stat *s);

#endif
