/* pack.c - matrices into another type or layout: tensor by tensor, 32 outputs at a time. */
#include "rwkv/pack.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/thread.h"
#include "base/platform/pages.h"
#include <stdlib.h>
#include <string.h>

/* One matrix to convert. to.data is its new memory, NULL while only sizes are computed. */
typedef struct {
    const char *name;
    const tensors *file; /* of `from` */
    const tensor *from;
    tensor to;
    int bad;     /* a thread found a value that the type cannot represent */
    float value; /* that value */
} change;

typedef struct {
    rwkv *m;
    const tensors *file;
    const quant_preset *preset;
    char *data;              /* NULL: compute sizes only */
    uint64_t used, capacity; /* bytes, also of types that 32 bits cannot address */
    int widest;              /* most inputs of a converted matrix */
    pool *pool;
} packer;

/* ---- type and layout after packing ------------------------------------------------------------------------------- */

/* Keeps scale and adapter. */
tensor rwkv_pack_form(const tensor *t, const slot *s, const quant_preset *r, int layer)
{
    int in = weight_in(t), out = weight_out(t);
    dtype type = r ? quant_preset_type(r, s, layer, in) : DTYPES;
    if (!(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK)) || (type == DTYPES && !(s->flags & SLOT_INPUT_MAJOR))) return *t;
    if (type == DTYPES) type = t->type == F64 ? F32 : (dtype)t->type; /* devices decode f64 to f32 in any case */
    tensor to = *t;
    to.type = (int)type;
    to.layout = fastest_layout(s, type, in, out);
    to.rows = layout_is_input_major(to.layout) ? in : out;
    to.cols = layout_is_input_major(to.layout) ? out : in;
    to.data = NULL;
    return t->type == to.type && layout_is_row_major(to.layout) ? *t : to;
}

static int is_so(const tensor *a, const tensor *b) { return a->type == b->type && a->layout == b->layout; }

static size_t bytes_of(const tensor *t) { return (size_t)dtype_bytes((dtype)t->type, (int64_t)t->rows * t->cols); }

/* ---- 32 outputs at a time ---------------------------------------------------------------------------------------- */

enum { STRIP = LAYOUT_TILE };

/* Read outputs o .. o + n - 1 as rows of floats. */
static void read_strip(const tensor *t, int o, int n, float *to)
{
    const stored_weight w = weight_stored(t);
    int in = weight_in(t), block = dtypes[t->type].values;
    int at = block > 1 ? o / block * block : o, width = block > 1 ? block : n;
    float some[256];
    for (int i = 0; i < n && !layout_is_input_major(t->layout); i++)
        layout_decode(&w, t->data, o + i, 0, in, to + (size_t)i * (size_t)in);
    for (int i = 0; i < in && layout_is_input_major(t->layout); i++) {
        layout_decode(&w, t->data, i, at, width, some);
        for (int j = 0; j < n; j++) to[(size_t)j * (size_t)in + (size_t)i] = some[o - at + j];
    }
}

/* The same in the new type; x: a buffer for the floats. */
static void encode_strip(change *c, int o, int n, float *x, void *rows)
{
    int in = weight_in(c->from);
    read_strip(c->from, o, n, x);
    int64_t bad = dtype_encode((dtype)c->to.type, x, rows, (int64_t)n * in);
    if (bad < 0) return;
    c->value = x[bad];
    __atomic_store_n(&c->bad, 1, __ATOMIC_RELEASE);
}

/* Bytes of the file that a thread may read before it releases their pages: embedding and head are a sixth of a small
 * model. */
enum { FORGET = 1 << 20 };

static void change_part(void *arg, int part, int parts)
{
    change *c = arg;
    const tensor *from = c->from;
    const stored_weight to = weight_stored(&c->to);
    int out = (int)to.out, begin, end, in_place = layout_is_row_major(from->layout);
    const int64_t row = dtype_bytes(to.type, to.in), from_row = in_place ? dtype_bytes((dtype)from->type, to.in) : 0;
    pool_share(out, STRIP, part, parts, &begin, &end);
    if (begin == end) return;
    float *x = scratch_own(2 * sizeof *x * STRIP * (size_t)to.in);
    void *blocks = x + STRIP * to.in;
    int kept = begin; /* the first output with pages not yet released */
    for (int o = begin; o < end; o += STRIP) {
        int n = end - o < STRIP ? end - o : STRIP, as_is = in_place && from->type == c->to.type;
        if (!as_is) encode_strip(c, o, n, x, blocks);
        layout_put(&to, c->to.data, o, n, as_is ? (const char *)from->data + row * o : blocks);
        if (from_row * (o + n - kept) < FORGET) continue;
        tensors_forget(c->file, (const char *)from->data + from_row * kept, (size_t)(from_row * (o + n - kept)));
        kept = o + n;
    }
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

/* Whether the head is the embedding. Other tensors may share bytes in a file too, but are converted separately. */
static int is_tied(const rwkv *m)
{
    const tensor *a = &m->emb, *b = &m->head;
    return a->data == b->data && is_so(a, b) && a->rows == b->rows && a->cols == b->cols;
}

static int pack_one(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    packer *p = user;
    tensor to = rwkv_pack_form(t, s, p->preset, layer), *emb = &p->m->emb, *head = &p->m->head;
    if (is_so(t, &to) || (t == head && is_tied(p->m))) return 0; /* a tied head is converted with the embedding */
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
        return fail(WKV_EARG, "%s: %s has a value of %g, which %s cannot represent", tensors_path(p->file), name,
                    (double)c.value, dtypes[to.type].name);
    tensors_forget(p->file, t->data, bytes_of(t));
    if (tied) *head = to;
    *t = to;
    return 0;
}

int packed_new(packed *out, size_t bytes, const char *name)
{
    *out = (packed){0};
    void *data = pages_new(bytes);
    if (!data) return fail(WKV_ENOMEM, "%s: no memory for %.2f GB of weights", name, (double)bytes * 1e-9);
    *out = (packed){data, bytes};
    pages_prefer_large(data, bytes); /* random access to rows */
    return 0;
}

int rwkv_pack(rwkv *m, const tensors *file, const quant_preset *r, packed *out)
{
    packer p = {.m = m, .file = file, .preset = r};
    *out = (packed){0};
    rwkv_each(m, pack_one, &p);
    if (!p.used) return 0;
    size_t there = memory_available();
    if (p.used > there)
        return fail(WKV_ENOMEM, "%s: its weights need %.2f GB of memory%s%s, and %.2f GB are available",
                    tensors_path(file), (double)p.used * 1e-9, r ? " as " : "", r ? r->name : "", (double)there * 1e-9);
    int err = packed_new(out, (size_t)p.used, tensors_path(file));
    if (err) return err;
    p.data = out->data;
    p.capacity = p.used;
    p.used = 0;
    rwkv saved = *m;
    char *layers = malloc((size_t)m->L * m->arch->layer_size);
    thread_memory memory = {0};
    const workspace strips = {.own = 2 * STRIP * sizeof(float) * (size_t)p.widest};
    err = layers ? scratch_reserve(&memory, strips) : fail(WKV_ENOMEM, "no memory for %d layers", m->L);
    if (!err) err = pool_new(&p.pool, 0);
    if (!err) err = pool_reserve(p.pool, strips);
    if (!err) {
        scratch_use(&memory);
        memcpy(layers, m->layers, (size_t)m->L * m->arch->layer_size);
        err = rwkv_each(m, pack_one, &p);
        scratch_use(NULL);
        if (err) { /* restore m */
            memcpy(m->layers, layers, (size_t)m->L * m->arch->layer_size);
            *m = saved;
        }
    }
    pool_free(p.pool);
    scratch_release(&memory);
    free(layers);
    if (err) rwkv_unpack(out);
    return err;
}

void rwkv_unpack(packed *p)
{
    if (p->data) pages_release(p->data, p->bytes);
    *p = (packed){0};
}

typedef struct {
    const rwkv *m;
    const quant_preset *preset;
    size_t bytes;
} sum;

static int add_bytes(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name;
    sum *total = user;
    tensor to = rwkv_pack_form(t, s, total->preset, layer);
    if (t == &total->m->head && is_tied(total->m)) return 0;
    total->bytes += bytes_of(&to);
    return 0;
}

size_t rwkv_weight_bytes(const rwkv *m, const quant_preset *r)
{
    sum total = {.m = m, .preset = r};
    rwkv_each(m, add_bytes, &total);
    return total.bytes;
}
