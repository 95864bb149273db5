/* memory.c - host addresses on the device: arenas, twins of host blocks, and constants of the host. */
#define _GNU_SOURCE
#include "opencl/opencl.h"
#include "base/platform/pages.h"
#include "base/poison.h"
#include <stdlib.h>
#include <string.h>

enum {
    ALIGN = 256,     /* of a constant in the pool               */
    SMALL = 1 << 18, /* constants up to here share a buffer     */
    POOL = 1 << 22,
    PIECE = 1 << 22, /* bytes of pinned memory written at once  */
    ARENA_STEP = 1 << 22
};

static size_t whole(size_t n, size_t of) { return (n + of - 1) / of * of; }

/* ---- buffers ----------------------------------------------------------------------------------------------------- */

size_t opencl_left(const device *d)
{
    const opencl *o = (const opencl *)d;
    return o->memory - o->bytes;
}

cl_mem opencl_buffer(opencl *o, size_t bytes)
{
    cl_int status = CL_MEM_OBJECT_ALLOCATION_FAILURE;
    cl_mem buffer = NULL;
    if (o->error) return NULL;
    if (bytes <= o->device.left(&o->device))
        buffer = clCreateBuffer(o->context, CL_MEM_READ_WRITE, bytes ? bytes : 1, NULL, &status);
    if (!buffer || status) {
        opencl_broken(o, WKV_ENOMEM, "%s: no memory for %.1f MB more; %.1f of its %.1f MB are in use", o->name,
                      (double)bytes * 1e-6, (double)o->bytes * 1e-6, (double)o->memory * 1e-6);
        return NULL;
    }
    o->bytes += bytes;
    if (o->bytes > o->peak) o->peak = o->bytes;
    return buffer;
}

void opencl_release(opencl *o, cl_mem *buffer, size_t bytes)
{
    if (!*buffer) return;
    clReleaseMemObject(*buffer);
    *buffer = NULL;
    o->bytes -= bytes;
}

cl_mem opencl_scratch(opencl *o, int which, size_t bytes)
{
    if (bytes <= o->scratch_bytes[which]) return o->scratch[which];
    opencl_release(o, &o->scratch[which], o->scratch_bytes[which]); /* its kernels keep it until they have ended */
    o->scratch[which] = opencl_buffer(o, bytes);
    o->scratch_bytes[which] = o->scratch[which] ? bytes : 0;
    return o->scratch[which];
}

/* ---- regions ----------------------------------------------------------------------------------------------------- */

static region *region_of(opencl *o, const void *p)
{
    const char *at = p;
    for (int i = 0; i < REGIONS; i++)
        if (o->regions[i].base && at >= o->regions[i].base && at < o->regions[i].base + o->regions[i].bytes)
            return &o->regions[i];
    return NULL;
}

int opencl_in_region(const opencl *o, const void *p) { return region_of((opencl *)o, p) != NULL; }

static region *region_new(opencl *o)
{
    for (int i = 0; i < REGIONS; i++)
        if (!o->regions[i].base) return &o->regions[i];
    return NULL;
}

/* Let the buffer reach `bytes`; its values stay. It grows by an eighth, because both exist while one is copied. */
static void grow(opencl *o, region *r, size_t bytes)
{
    size_t more = r->have + r->have / 8 > bytes ? r->have + r->have / 8 : bytes;
    if (more > o->device.left(&o->device)) more = bytes;
    more = whole(more, ARENA_STEP) < r->bytes ? whole(more, ARENA_STEP) : r->bytes;
    cl_mem larger = opencl_buffer(o, more);
    if (!larger) return;
    if (r->have) {
        cl_int status = clEnqueueCopyBuffer(o->queue, r->buffer, larger, 0, 0, r->have, 0, NULL, NULL);
        if (status) opencl_failed(o, "clEnqueueCopyBuffer", status);
    }
    opencl_release(o, &r->buffer, r->have);
    r->buffer = larger;
    r->have = more;
}

int opencl_arena_new(device *d, arena *a, size_t bytes)
{
    opencl *o = opencl_of(d);
    region *r = region_new(o);
    if (!r) return fail(WKV_ENOMEM, "%s: no more than %d arenas", o->name, REGIONS);
    if (bytes > o->largest)
        return fail(WKV_ENOMEM, "%s has buffers of at most %.1f MB", o->name, (double)o->largest * 1e-6);
    void *p = pages_reserve(bytes);
    if (!p) return fail(WKV_ENOMEM, "no address space for %zu MiB of scratch memory", bytes >> 20);
    pages_forbid(p, bytes); /* addresses alone */
    *r = (region){.base = p, .bytes = bytes};
    *a = (arena){.base = p, .at = p, .end = (char *)p + bytes, .granted = bytes};
    return 0;
}

void opencl_arena_free(device *d, arena *a)
{
    opencl *o = opencl_of(d);
    region *r = a->base ? region_of(o, a->base) : NULL;
    if (!r) return;
    opencl_flush(o);
    opencl_release(o, &r->buffer, r->have);
    ASAN_UNPOISON_MEMORY_REGION(a->base, a->peak);
    pages_release(r->base, r->bytes);
    *r = (region){0};
    *a = (arena){0};
}

int opencl_twin_new(device *d, void *host, size_t bytes)
{
    opencl *o = opencl_of(d);
    region *r = region_new(o);
    if (!r) return fail(WKV_ENOMEM, "%s: no more than %d blocks", o->name, REGIONS);
    *r = (region){.base = host, .bytes = bytes, .have = bytes};
    r->buffer = opencl_buffer(o, bytes);
    if (r->buffer) return 0;
    *r = (region){0};
    return d->finish(d);
}

void opencl_twin_free(device *d, void *host)
{
    opencl *o = opencl_of(d);
    region *r = host ? region_of(o, host) : NULL;
    if (!r) return;
    opencl_flush(o);
    opencl_release(o, &r->buffer, r->have);
    *r = (region){0};
}

/* ---- writing in pinned pieces ------------------------------------------------------------------------------------ */

static void piece_wait(opencl *o, piece *p)
{
    if (!p->written) return;
    const cl_int status = clWaitForEvents(1, &p->written);
    if (status) opencl_failed(o, "clWaitForEvents", status);
    clReleaseEvent(p->written);
    p->written = NULL;
}

/* PIECE bytes to fill: one piece is filled, which may read the weights' file, while the other is written. NULL after an
 * error. */
static piece *piece_next(opencl *o)
{
    piece *p = &o->pieces[o->next_piece++ % PIECES];
    cl_int status = 0;
    if (o->error) return NULL;
    if (!p->buffer)
        p->buffer = clCreateBuffer(o->context, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, PIECE, NULL, &status);
    if (!status && !p->data)
        p->data = clEnqueueMapBuffer(o->queue, p->buffer, CL_TRUE, CL_MAP_WRITE, 0, PIECE, 0, NULL, NULL, &status);
    if (status) opencl_failed(o, "pinned memory", status);
    piece_wait(o, p);
    return o->error ? NULL : p;
}

static void piece_write(opencl *o, piece *p, cl_mem buffer, size_t at, size_t bytes)
{
    const cl_int status = clEnqueueWriteBuffer(o->queue, buffer, CL_FALSE, at, bytes, p->data, 0, NULL, &p->written);
    if (status) opencl_failed(o, "clEnqueueWriteBuffer", status);
    clFlush(o->queue);
}

void opencl_pieces_release(opencl *o)
{
    for (int i = 0; i < PIECES; i++) {
        piece *p = &o->pieces[i];
        piece_wait(o, p);
        if (p->data) clEnqueueUnmapMemObject(o->queue, p->buffer, p->data, 0, NULL, NULL);
        if (p->buffer) clReleaseMemObject(p->buffer);
        *p = (piece){0};
    }
}

/* Without pieces where they would only be a second copy in the same memory. */
static void write_to(opencl *o, place to, const void *from, size_t bytes)
{
    if (bytes <= SMALL || o->device.unified) {
        const cl_int status = clEnqueueWriteBuffer(o->queue, to.buffer, CL_TRUE, to.at, bytes, from, 0, NULL, NULL);
        if (status) opencl_failed(o, "clEnqueueWriteBuffer", status);
        return;
    }
    piece *p;
    for (size_t done = 0, n; done < bytes && (p = piece_next(o)); done += n) {
        n = bytes - done < PIECE ? bytes - done : PIECE;
        memcpy(p->data, (const char *)from + done, n);
        piece_write(o, p, to.buffer, to.at + done, n);
    }
}

/* ---- constants of the host --------------------------------------------------------------------------------------- */

static size_t slot_of(const opencl *o, const void *host, size_t bytes)
{
    const size_t h = ((size_t)(uintptr_t)host ^ bytes << 7) * 0x9e3779b97f4a7c15u;
    size_t i = h >> 20 & (o->capacity - 1);
    while (o->residents[i].host && (o->residents[i].host != host || o->residents[i].bytes != bytes))
        i = (i + 1) & (o->capacity - 1);
    return i;
}

static int more_slots(opencl *o)
{
    resident *old = o->residents;
    const size_t n = o->capacity;
    resident *list = calloc(n ? 2 * n : 1024, sizeof *list);
    if (!list) return 0;
    o->residents = list;
    o->capacity = n ? 2 * n : 1024;
    for (size_t i = 0; i < n; i++)
        if (old[i].host) o->residents[slot_of(o, old[i].host, old[i].bytes)] = old[i];
    free(old);
    return 1;
}

/* Memory for `bytes`: a part of the pool, or a buffer. */
static place take(opencl *o, size_t bytes)
{
    if (bytes > SMALL) return (place){opencl_buffer(o, bytes), 0};
    if (!o->pool || o->pooled + bytes > POOL) {
        o->pool = opencl_buffer(o, POOL); /* the residents keep the former */
        o->pooled = 0;
    }
    const place p = {o->pool, o->pooled};
    o->pooled += whole(bytes, ALIGN);
    return p;
}

static void give_back(opencl *o, place *p, size_t bytes)
{
    if (bytes > SMALL)
        opencl_release(o, &p->buffer, bytes);
    else
        o->pooled = p->at;
    *p = (place){0};
}

/* The values of a weight of a type without kernels, as f32, some rows, or a part of one, at a time. */
static void write_decoded(opencl *o, place to, const tensor *w)
{
    const stored_weight stored = weight_stored(w);
    const size_t most = PIECE / sizeof(float), cols = (size_t)w->cols, width = cols < most ? cols : most;
    for (size_t i = 0, n; i < (size_t)w->rows && !o->error; i += n) {
        n = (size_t)w->rows - i < most / width ? (size_t)w->rows - i : most / width;
        for (size_t at = 0; at < cols && !o->error; at += width) {
            const size_t some = cols - at < width ? cols - at : width;
            piece *p = piece_next(o);
            for (size_t k = 0; p && k < n; k++)
                layout_decode(&stored, w->data, (int64_t)(i + k), (int64_t)at, (int64_t)some, p->data + k * some);
            if (p) piece_write(o, p, to.buffer, to.at + (i * cols + at) * sizeof(float), n * some * sizeof(float));
        }
    }
}

/* Find or copy a constant of `bytes` on the device: of a tensor to decode, or as it is. */
static place constant(opencl *o, const void *host, size_t bytes, const tensor *decoded)
{
    if (2 * o->n_residents >= o->capacity && !more_slots(o))
        opencl_broken(o, WKV_ENOMEM, "no memory for a list of weights");
    if (o->error) return (place){0};
    resident *r = &o->residents[slot_of(o, host, bytes)];
    if (!r->host) {
        place p = take(o, bytes);
        if (!p.buffer) return p;
        if (decoded)
            write_decoded(o, p, decoded);
        else
            write_to(o, p, host, bytes);
        if (o->error) {
            give_back(o, &p, bytes);
            return p;
        }
        *r = (resident){host, bytes, p.buffer, p.at};
        o->n_residents++;
    }
    return (place){r->buffer, r->at};
}

place opencl_place(opencl *o, const void *p, size_t bytes)
{
    region *r = region_of(o, p);
    if (!r) return constant(o, p, bytes, NULL);
    const size_t at = (size_t)((const char *)p - r->base);
    if (at + bytes > r->have && !o->error) grow(o, r, at + bytes);
    return (place){o->error ? NULL : r->buffer, at};
}

static int has_kernels(const tensor *w) { return w->type != F64 && w->type <= Q5_1; }

size_t opencl_weight_bytes(const device *d, const tensor *w)
{
    (void)d;
    return (size_t)dtype_bytes(has_kernels(w) ? (dtype)w->type : F32, (int64_t)w->rows * w->cols);
}

place opencl_weight(opencl *o, const tensor *w, int *type)
{
    const size_t bytes = opencl_weight_bytes(&o->device, w);
    *type = has_kernels(w) ? w->type : F32;
    return has_kernels(w) ? opencl_place(o, w->data, bytes) : constant(o, w->data, bytes, w);
}

int opencl_keep_weight(device *d, const tensor *w)
{
    int type;
    opencl_weight(opencl_of(d), w, &type);
    return opencl_of(d)->error ? d->finish(d) : 0;
}

void opencl_memory_release(opencl *o)
{
    opencl_pieces_release(o);
    for (size_t i = 0; i < o->capacity; i++)
        if (o->residents[i].host && o->residents[i].bytes > SMALL) clReleaseMemObject(o->residents[i].buffer);
    for (size_t i = 0; i < o->capacity; i++) /* a pool, once */
        if (o->residents[i].host && o->residents[i].bytes <= SMALL && !o->residents[i].at)
            clReleaseMemObject(o->residents[i].buffer);
    free(o->residents);
    opencl_arena_free(&o->device, &o->slots);
    for (int i = 0; i < REGIONS; i++) opencl_release(o, &o->regions[i].buffer, o->regions[i].have);
    for (int i = 0; i < SCRATCHES; i++) opencl_release(o, &o->scratch[i], o->scratch_bytes[i]);
    opencl_release(o, &o->spans, 0);
    opencl_release(o, &o->of_row, 0);
    if (o->limits) clReleaseMemObject(o->limits);
    free(o->batch_copy);
}
