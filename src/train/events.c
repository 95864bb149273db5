/* events.c - TensorBoard event files. A file is a sequence of records
 *
 *     u64 length   u32 masked CRC-32C of those 8 bytes   data   u32 masked CRC-32C of data
 *
 * with data an Event (tensorflow/core/util/event.proto): 1 wall_time (double), 2 step (int64), 3 file_version
 * (string), 5 summary { 1 value { 1 tag, 2 simple_value (float) } }, 7 session_log { 1 status }. */
#include "base/error.h"
#include "train/history.h"
#include "base/platform/descriptor.h"
#include "base/platform/system.h"
#include <errno.h>
#include <string.h>
#include <time.h>

uint32_t crc32c(const void *data, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (const uint8_t *p = data; n--; p++) {
        crc ^= *p;
        for (int i = 0; i < 8; i++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static uint32_t masked(const void *data, size_t n)
{
    uint32_t crc = crc32c(data, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static int write_record(FILE *f, const void *data, uint64_t n)
{
    uint32_t head = masked(&n, sizeof n), tail = masked(data, n);
    fwrite(&n, sizeof n, 1, f);
    fwrite(&head, sizeof head, 1, f);
    fwrite(data, n, 1, f);
    fwrite(&tail, sizeof tail, 1, f);
    return ferror(f) ? fail(WKV_EIO, "the event file cannot be written: %s", strerror(errno)) : 0;
}

/* ---- protocol buffers -------------------------------------------------------------------------------------------- */

typedef struct {
    uint8_t at[256];
    size_t n;
} message;

enum { VARINT = 0, DOUBLE = 1, BYTES = 2, FLOAT = 5 }; /* wire type of a field */

static void put_varint(message *m, uint64_t x)
{
    for (; x > 127; x >>= 7) m->at[m->n++] = (uint8_t)(x | 128);
    m->at[m->n++] = (uint8_t)x;
}

static void put_bytes(message *m, int field, const void *data, size_t n)
{
    CHECK(m->n + n + 8 < sizeof m->at);
    put_varint(m, (uint64_t)field << 3 | BYTES);
    put_varint(m, n);
    memcpy(m->at + m->n, data, n);
    m->n += n;
}

static void put_plain(message *m, int field, int stored, const void *data, size_t n)
{
    put_varint(m, (uint64_t)field << 3 | (unsigned)stored);
    memcpy(m->at + m->n, data, n);
    m->n += n;
}

/* An event with the current time. */
static message event(int64_t step)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    double now = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    message m = {.n = 0};
    put_plain(&m, 1, DOUBLE, &now, sizeof now);
    put_varint(&m, 2 << 3 | VARINT);
    put_varint(&m, (uint64_t)step);
    return m;
}

int events_scalar(FILE *f, int64_t step, const char *tag, double value)
{
    float simple = (float)value;
    message v = {.n = 0}, summary = {.n = 0}, e = event(step);
    put_bytes(&v, 1, tag, strlen(tag));
    put_plain(&v, 2, FLOAT, &simple, sizeof simple);
    put_bytes(&summary, 1, v.at, v.n);
    put_bytes(&e, 5, summary.at, summary.n);
    return write_record(f, e.at, e.n);
}

/* A session start at a step makes TensorBoard discard earlier events of later steps. */
static int write_start(FILE *f, int64_t step)
{
    message log = {.n = 0}, e = event(step);
    put_varint(&log, 1 << 3 | VARINT);
    put_varint(&log, 1);
    put_bytes(&e, 7, log.at, log.n);
    return write_record(f, e.at, e.n);
}

FILE *events_open(const char *folder, int64_t step)
{
    static const char version[] = "brain.Event:2";
    char path[4096];
    FILE *f = NULL;
    /* never replace a file: two runs may begin in the same second */
    for (int i = 0; !f && (!i || (errno == EEXIST && i < 1000)); i++) {
        snprintf(path, sizeof path, "%s/events.out.tfevents.%010lld.wkv.%ld.%d", folder, (long long)time(NULL),
                 system_process(), i);
        const int fd = descriptor_open(path, OPEN_NEW, 0666);
        if (fd >= 0 && !(f = descriptor_stream(fd, "wb"))) descriptor_close(fd);
    }
    if (!f) {
        fail(WKV_EIO, "%s: %s", path, strerror(errno));
        return NULL;
    }
    message e = event(0);
    put_bytes(&e, 3, version, strlen(version));
    int err = write_record(f, e.at, e.n);
    if (!err && step) err = write_start(f, step + 1);
    if (!err) return f;
    fclose(f);
    return NULL;
}
