/* descriptor.h - open files by their descriptors. Data are bytes: no system translates line ends. Functions return -1
 * with the reason in errno when they fail. */
#ifndef WKV_BASE_PLATFORM_DESCRIPTOR_H
#define WKV_BASE_PLATFORM_DESCRIPTOR_H

#include "base/platform/entry.h"
#include <stdio.h>

typedef enum {
    OPEN_READ,      /* an existing file, for reading                      */
    OPEN_READ_HERE, /* the same; a link is refused                        */
    OPEN_WRITE,     /* an existing file, for writing                      */
    OPEN_UPDATE,    /* for reading and writing, created where missing     */
    OPEN_NEW,       /* for reading and writing; EEXIST: it is there       */
    OPEN_APPEND     /* each write goes to the end; created where missing  */
} open_use;

/* Opening never waits for the other end of a FIFO. mode: access rights of a file that is created. */
int descriptor_open(const char *path, open_use use, unsigned mode);
int descriptor_close(int fd);
int descriptor_entry(entry_info *out, int fd);
ptrdiff_t descriptor_read(int fd, void *to, size_t bytes); /* fewer bytes before the end; 0: the end */
ptrdiff_t descriptor_write(int fd, const void *from, size_t bytes);
int descriptor_flush(int fd); /* to the disk */
int descriptor_truncate(int fd, int64_t bytes);
/* Lock a file against other processes until it is closed. EWOULDBLOCK: another has it; others: there are no locks. */
int descriptor_lock(int fd, int wait);
int descriptor_keep_rights(int fd, const entry_info *old); /* the mode, owner and group of `old`, as far as allowed */
FILE *descriptor_stream(int fd, const char *mode);         /* fclose closes both */

/* The file in memory, read-only, for as long as it is mapped. NULL: errno. The descriptor may be closed. */
void *descriptor_map(int fd, size_t bytes);
void map_release(const void *map, size_t bytes);
void map_expect(const void *map, size_t bytes, int scattered); /* read-ahead, or none */
void map_forget(const void *map, size_t bytes);                /* give its pages back; the next read gets them again */

/* A stream whose bytes are given to put(to, ...), at writer_update or writer_close at the latest; put returns 0 or -1.
 * NULL: errno. */
typedef int writer_put(void *to, const char *from, size_t bytes);
FILE *writer_open(void *to, writer_put *put);
int writer_update(FILE *f, void *to, writer_put *put); /* 0, or -1 */
int writer_close(FILE *f, void *to, writer_put *put);  /* 0, or -1: a byte was lost */

/* Discard everything that is written to standard error. */
int discard_errors(void);

#endif
