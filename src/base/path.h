/* path.h - parts of a file's path. */
#ifndef WKV_BASE_PATH_H
#define WKV_BASE_PATH_H

#include <stddef.h>

/* Whether the path has this extension (".pth"), case-insensitive, after a name. */
int path_has_extension(const char *path, const char *extension);

/* The last name in a path: "model" of "some/model/"; of "." and ".." the folder's own. "" when there is none. */
void path_name(char *out, size_t capacity, const char *path);

/* The folder of a path: "some" of "some/model", "." of "model". */
void path_folder(char *out, size_t capacity, const char *path);

#endif
