/* pack.c - matrices into another type, or into another order: tensor by tensor, 32 outputs at a time. */
#define _GNU_SOURCE
#include "rwkv/pack.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/thread.h"
#include "format/panels.h"
#include "format/units.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* One matrix on its way. `to` has its new place, or data NULL while there is only a plan. */
typedef struct {
    const char *name;
    const tensors *file; /* of `from` */
    const tensor *from;
    tensor to;
    int bad; /* a value that the type cannot hold: where any thread found one, and which */
    float value;
} change;

typedef struct {
    rwkv *m;
    const tensors *file;
    const recipe *recipe;
    char *data; /* NULL: only sizes are wanted */
    size_t used, capacity; /* bytes */
    int widest; /* inputs of a matrix that changes */
    pool *pool;
} packer;

/* ---- what is to become of a matrix ------------------------------------------------------------------------------------ */

/* Products of many types are quickest from panels; tables are read by rows. */
static int panels_wanted(const tensor *t, const slot *s)
{
    return !(s->flags & SLOT_TABLE) && panels_fit((dtype)t->type, t->rows, t->cols);
}

tensor rwkv_pack_form(const tensor *t, const slot *s, const recipe *r, int layer)
{
    int in = weight_in(t), out = weight_out(t);
    dtype type = r ? recipe_type(r, s, layer, in) : DTYPES;
    if (!(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK)) || (type == DTYPES && !(s->flags & SLOT_INPUT_MAJOR))) return *t;
    if (type == DTYPES) type = t->type == F64 ? F32 : (dtype)t->type; /* devices decode f64 to f32 in any case */
    tensor to = *t; /* its scale and its adapter */
    to.rows = out;
    to.cols = in;
    to.type = (int)type;
    to.in_rows = to.by_unit = to.panels = 0;
    to.data = NULL;
    if (!(s->flags & SLOT_INPUT_MAJOR)) {
        to.panels = panels_wanted(&to, s);
        return t->type == (int)type && !to.panels ? *t : to; /* either orientation will do */
    }
    to.by_unit = units_fit(type, in, out);
    to.in_rows = to.by_unit || dtypes[type].values == 1;
    if (!to.in_rows) return t->type == (int)type ? *t : to;
    to.rows = in;
    to.cols = out;
    return to;
}

static int is_so(const tensor *a, const tensor *b)
{
    return a->type == b->type && a->in_rows == b->in_rows && a->by_unit == b->by_unit && a->panels == b->panels;
}

static size_t bytes_of(const tensor *t) { return (size_t)dtype_bytes((dtype)t->type, (int64_t)t->rows * t->cols); }

/* ---- 32 outputs at a time ----------------------------------------------------------------------------------------------- */

enum { STRIP = 32 };

/* Outputs o .. o + n - 1 as rows of floats. */
static void read_strip(const tensor *t, int o, int n, float *to)
{
    int in = weight_in(t), block = dtypes[t->type].values;
    float some[256];
    const char *data = t->data;
    for (int i = 0; i < n && !t->in_rows; i++) {
        float *row = to + (size_t)i * (size_t)in;
        if (t->panels) panels_decode((dtype)t->type, data, in, o + i, 0, in, row);
        else dtype_decode((dtype)t->type, data + dtype_bytes((dtype)t->type, (int64_t)(o + i) * in), row, in);
    }
    for (int i = 0; i < in && t->in_rows; i++) {
        int at = block > 1 ? o / block * block : o;
        if (t->by_unit) units_decode((dtype)t->type, data, t->cols, i, o, n, some);
        else dtype_decode((dtype)t->type, data + dtype_bytes((dtype)t->type, (int64_t)i * t->cols + at), some, block > 1 ? block : n);
        for (int j = 0; j < n; j++) to[(size_t)j * (size_t)in + (size_t)i] = some[o - at + j];
    }
}

static void encode(change *c, const float *x, void *to, int n)
{
    int64_t bad = dtype_encode((dtype)c->to.type, x, to, n);
    if (bad < 0) return;
    c->value = x[bad];
    __atomic_store_n(&c->bad, 1, __ATOMIC_RELEASE);
}

/* Rows of plain numbers to columns, as they are; by way of a small square, because rows a power of two apart share few lines of the
 * cache. */
static void turn_strip(const change *c, int o, int n)
{
    const size_t size = (size_t)dtypes[c->to.type].bytes, F = (size_t)c->to.rows, C = (size_t)c->to.cols;
    const char *from = (const char *)c->from->data + (size_t)o * F * size;
    char *to = (char *)c->to.data + (size_t)o * size;
    uint32_t wide[STRIP][STRIP], turned_wide[STRIP][STRIP];
    uint16_t half[STRIP][STRIP], turned_half[STRIP][STRIP];
    for (size_t f = 0; f < F; f += STRIP) {
        size_t some = F - f < STRIP ? F - f : STRIP;
        for (int i = 0; i < n; i++) {
            const char *p = from + ((size_t)i * F + f) * size;
            memcpy(size == 2 ? (void *)half[i] : (void *)wide[i], p, some * size);
        }
        for (size_t k = 0; k < some; k++)
            for (int i = 0; i < n; i++) {
                if (size == 2) turned_half[k][i] = half[i][k];
                else turned_wide[k][i] = wide[i][k];
            }
        for (size_t k = 0; k < some; k++)
            memcpy(to + (f + k) * C * size, size == 2 ? (void *)turned_half[k] : (void *)turned_wide[k], (size_t)n * size);
    }
}

/* Through floats; `rows`: room for the strip's blocks. */
static void encode_strip(change *c, int o, int n, float *x, char *rows)
{
    const tensor *t = &c->to;
    int in = weight_in(t);
    dtype type = (dtype)t->type;
    int64_t row = dtype_bytes(type, in);
    read_strip(c->from, o, n, x);
    if (!t->in_rows || t->by_unit) {
        char *there = (char *)t->data + row * o, *to = t->by_unit || t->panels ? rows : there;
        for (int i = 0; i < n; i++) encode(c, x + (size_t)i * (size_t)in, to + row * i, in);
        if (t->by_unit) units_put(type, t->data, rows, row, in, t->cols, o);
        if (t->panels) panels_put(type, there, rows, row, in);
        return;
    }
    for (int f = 0; f < in; f++) {
        float some[STRIP];
        for (int i = 0; i < n; i++) some[i] = x[(size_t)i * (size_t)in + (size_t)f];
        encode(c, some, (char *)t->data + dtype_bytes(type, (int64_t)f * t->cols + o), n);
    }
}

/* Bytes of the file that a thread leaves in memory behind it: embedding and head are a sixth of a small model. */
enum { FORGET = 1 << 20 };

static void change_part(void *arg, int part, int parts)
{
    change *c = arg;
    const tensor *from = c->from, *to = &c->to;
    int out = weight_out(to), in = weight_in(to), begin, end, same = from->type == to->type;
    size_t room = (size_t)in * STRIP * sizeof(float);
    pool_share(out, STRIP, part, parts, &begin, &end);
    if (begin == end) return;
    float *x = scratch_own(2 * room);
    /* 0: outputs are not one behind the other */
    const int64_t from_row = from->in_rows || from->panels ? 0 : dtype_bytes((dtype)from->type, in);
    int kept = begin; /* the first output that has its pages of the file still in memory */
    for (int o = begin; o < end; o += STRIP) {
        int n = end - o < STRIP ? end - o : STRIP;
        int64_t row = dtype_bytes((dtype)to->type, in);
        const char *rows = (const char *)from->data + row * o;
        int by_row = same && !from->in_rows && !from->panels;
        if (by_row && to->by_unit)
            units_put((dtype)to->type, to->data, rows, row, in, out, o);
        else if (by_row && to->panels)
            panels_put((dtype)to->type, (char *)to->data + row * o, rows, row, in);
        else if (same && to->in_rows && !to->by_unit && !from->in_rows && dtypes[to->type].bytes <= 4)
            turn_strip(c, o, n);
        else
            encode_strip(c, o, n, x, (char *)x + room);
        if (from_row * (o + n - kept) < FORGET) continue;
        tensors_forget(c->file, (const char *)from->data + from_row * kept, (size_t)(from_row * (o + n - kept)));
        kept = o + n;
    }
}

/* ---- all of them -------------------------------------------------------------------------------------------------------- */

/* The head is the embedding itself. In a file any tensors may share bytes; each of the others is changed alone. */
static int is_tied(const rwkv *m)
{
    const tensor *a = &m->emb, *b = &m->head;
    return a->data == b->data && is_so(a, b) && a->rows == b->rows && a->cols == b->cols;
}

static int pack_one(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    packer *p = user;
    tensor to = rwkv_pack_form(t, s, p->recipe, layer), *emb = &p->m->emb, *head = &p->m->head;
    if (is_so(t, &to) || (t == head && is_tied(p->m))) return 0; /* a head that is the embedding stays it */
    size_t bytes = (bytes_of(&to) + 63) / 64 * 64;
    if (!p->data) {
        p->used += bytes;
        if (weight_in(&to) > p->widest) p->widest = weight_in(&to);
        return 0;
    }
    CHECK(bytes <= p->capacity - p->used);
    to.data = p->data + p->used;
    change c = {.name = name, .file = p->file, .from = t, .to = to};
    p->used += bytes;
    int tied = t == emb && is_tied(p->m);
    pool_run(p->pool, change_part, &c);
    if (c.bad)
        return fail(WKV_EARG, "%s: %s has a value of %g, which %s cannot hold", tensors_path(p->file), name, (double)c.value,
                    dtypes[to.type].name);
    tensors_forget(p->file, t->data, bytes_of(t));
    if (tied) *head = to;
    *t = to;
    return 0;
}

int packed_new(packed *out, size_t bytes, const char *name)
{
    *out = (packed){0};
    void *data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) return fail(WKV_ENOMEM, "%s: no memory for %.2f GB of weights", name, (double)bytes * 1e-9);
    *out = (packed){data, bytes};
#ifdef MADV_HUGEPAGE
    madvise(data, bytes, MADV_HUGEPAGE); /* rows here and there: fewer misses in the tables of pages */
#endif
    return 0;
}

int rwkv_pack(rwkv *m, const tensors *file, const recipe *r, packed *out)
{
    packer p = {.m = m, .file = file, .recipe = r};
    *out = (packed){0};
    rwkv_each(m, pack_one, &p);
    if (!p.used) return 0;
    size_t there = memory_available();
    if (p.used > there)
        return fail(WKV_ENOMEM, "%s: its weights need %.2f GB of memory%s%s, and %.2f GB are available", tensors_path(file),
                    (double)p.used * 1e-9, r ? " as " : "", r ? r->name : "", (double)there * 1e-9);
    int e = packed_new(out, p.used, tensors_path(file));
    if (e) return e;
    p.data = out->data;
    p.capacity = p.used;
    p.used = 0;
    rwkv saved = *m;
    char *layers = malloc((size_t)m->L * m->arch->layer_size);
    thread_memory memory = {0};
    const workspace strips = {.own = 2 * STRIP * sizeof(float) * (size_t)p.widest};
    e = layers ? scratch_reserve(&memory, strips) : fail(WKV_ENOMEM, "no memory for %d layers", m->L);
    if (!e) e = pool_new(&p.pool, 0);
    if (!e) e = pool_reserve(p.pool, strips);
    if (!e) {
        scratch_use(&memory);
        memcpy(layers, m->layers, (size_t)m->L * m->arch->layer_size);
        e = rwkv_each(m, pack_one, &p);
        scratch_use(NULL);
        if (e) { /* as it was */
            memcpy(m->layers, layers, (size_t)m->L * m->arch->layer_size);
            *m = saved;
        }
    }
    pool_free(p.pool);
    scratch_release(&memory);
    free(layers);
    if (e) rwkv_unpack(out);
    return e;
}

void rwkv_unpack(packed *p)
{
    if (p->data) munmap(p->data, p->bytes);
    *p = (packed){0};
}

typedef struct {
    const rwkv *m;
    const recipe *recipe;
    size_t bytes;
} sum;

static int add_bytes(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name;
    sum *total = user;
    tensor to = rwkv_pack_form(t, s, total->recipe, layer);
    if (t == &total->m->head && is_tied(total->m)) return 0;
    total->bytes += bytes_of(&to);
    return 0;
}

size_t rwkv_weight_bytes(const rwkv *m, const recipe *r)
{
    sum total = {.m = m, .recipe = r};
    rwkv_each(m, add_bytes, &total);
    return total.bytes;
}
