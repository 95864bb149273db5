/* entry.h - names in the file system: their kind and size, renaming, removing, folders.
 *
 * Paths are UTF-8 on every system. A slash separates names; on Windows a backslash does too. Functions that can fail
 * return 0, or -1 with the reason in errno. */
#ifndef WKV_BASE_PLATFORM_ENTRY_H
#define WKV_BASE_PLATFORM_ENTRY_H

#include <stddef.h>
#include <stdint.h>

/* Identity of a file, the same through hard and symbolic links. */
typedef struct {
    uint64_t device, inode;
} file_id;

typedef enum { ENTRY_FILE, ENTRY_FOLDER, ENTRY_FIFO, ENTRY_SOCKET, ENTRY_DEVICE, ENTRY_LINK } entry_kind;

typedef struct {
    entry_kind kind;
    int64_t bytes;
    int64_t stored;  /* bytes that it takes on the disk                   */
    int64_t changed; /* time of the last write, nanoseconds since 1970    */
    file_id id;
    unsigned links;              /* names of the file; 0: removed         */
    unsigned mode, owner, group; /* access rights of POSIX; 0 on Windows  */
} entry_info;

int entry_read(entry_info *out, const char *path);      /* of the target of a link */
int entry_read_link(entry_info *out, const char *path); /* ENTRY_LINK for a link   */
int entry_exists(const char *path);
int entry_is_file(const char *path); /* a regular file   */
int entry_is_folder(const char *path);
int entry_is_readable(const char *path); /* by this process  */

int entry_rename(const char *from, const char *to); /* replaces `to` */
int entry_remove(const char *path);                 /* a file        */
int entry_touch(const char *path);                  /* sets the time of the last write to now */

/* The path after following links of its last name, which may not exist; freed by the caller. */
char *entry_target(const char *path);
/* The absolute path without links of an existing file; freed by the caller. */
char *entry_absolute(const char *path);
size_t entry_longest_name(const char *folder); /* bytes */

double entry_disk_free(const char *path); /* bytes free for this user on its disk; -1: unknown */
/* The type of its file system (statfs(2)) and the numbers of its device; -1: unknown, as on all systems but Linux. */
int entry_disk(const char *path, unsigned long *type, unsigned *major, unsigned *minor);

/* ---- folders ----------------------------------------------------------------------------------------------------- */

int folder_create(const char *path, unsigned mode); /* EEXIST: it is there */
int folder_remove(const char *path);                /* an empty one        */
int folder_flush(const char *path);                 /* its names to the disk, where the file system can */

typedef struct name_list name_list;
name_list *listing_open(const char *folder); /* NULL: errno */
const char *listing_next(name_list *l); /* the next name, "." and ".." included, until the next call; NULL: the end */
void listing_close(name_list *l);       /* NULL is accepted */
/* The names that `take` accepts, in the order of strcmp; the caller frees each and the list. -1: errno. */
int listing_sorted(char ***names, const char *folder, int (*take)(const char *name));

/* ---- paths ------------------------------------------------------------------------------------------------------- */

int path_is_slash(char c);
int path_is_absolute(const char *path);
char *path_last_slash(const char *path); /* NULL: none */

#endif
