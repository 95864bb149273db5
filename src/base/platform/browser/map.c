/* map.c - files in memory, in place of mappings, which WebAssembly does not have. A file that is mapped twice is there
 * once. */
#include "base/platform/descriptor.h"
#include "base/platform/pages.h"
#include <errno.h>
#include <stdlib.h>

enum { PIECE = 16 << 20 }; /* bytes that are read at once: the browser has them in memory too, meanwhile */

typedef struct mapping mapping;
struct mapping {
    mapping *next;
    file_id id;
    int64_t changed;
    char *data;
    size_t bytes;
    int users;
};
static mapping *mappings;

static int read_whole(int fd, char *to, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        const size_t left = bytes - done;
        const ptrdiff_t n = descriptor_read(fd, to + done, left < PIECE ? left : PIECE);
        if (n < 0) return -1;
        if (!n) {
            errno = EIO;
            return -1;
        }
        done += (size_t)n;
    }
    return 0;
}

static mapping *find(const entry_info *about, size_t bytes)
{
    mapping *m = mappings;
    while (m && (m->id.device != about->id.device || m->id.inode != about->id.inode || m->changed != about->changed ||
                 m->bytes != bytes))
        m = m->next;
    return m;
}

static mapping *read_new(int fd, const entry_info *about, size_t bytes)
{
    mapping *m = malloc(sizeof *m);
    char *data = aligned_new(pages_size(), bytes);
    if (m && data && !read_whole(fd, data, bytes)) {
        *m = (mapping){.next = mappings, .id = about->id, .changed = about->changed, .data = data, .bytes = bytes};
        return mappings = m;
    }
    if (!m || !data) errno = ENOMEM;
    aligned_free(data);
    free(m);
    return NULL;
}

void *descriptor_map(int fd, size_t bytes)
{
    entry_info about;
    if (descriptor_entry(&about, fd)) return NULL;
    mapping *m = find(&about, bytes);
    if (!m) m = read_new(fd, &about, bytes);
    if (!m) return NULL;
    m->users++;
    return m->data;
}

void map_release(const void *map, size_t bytes)
{
    (void)bytes;
    mapping **at = &mappings;
    while (*at && (*at)->data != map) at = &(*at)->next;
    mapping *m = *at;
    if (!m || --m->users) return;
    *at = m->next;
    aligned_free(m->data);
    free(m);
}

void map_expect(const void *map, size_t bytes, int scattered) { (void)map, (void)bytes, (void)scattered; }
void map_forget(const void *map, size_t bytes) { (void)map, (void)bytes; }
