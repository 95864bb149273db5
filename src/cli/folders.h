/* folders.h - create a folder and its parents if missing. */
#ifndef WKV_CLI_FOLDERS_H
#define WKV_CLI_FOLDERS_H

#include <sys/types.h>

int make_folders(const char *path, mode_t mode); /* 0, or -1 with errno */

#endif
