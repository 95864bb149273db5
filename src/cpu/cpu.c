/* cpu.c - the CPU device: the table, opening, and the scratch memory of a pass. */
#include "cpu/cpu.h"
#include <stdlib.h>

static size_t most(size_t a, size_t b) { return a > b ? a : b; }
static size_t whole_vectors(int n) { return ((size_t)n + 15) / 16 * 16; }

/* For every instruction set. Floats: */
static workspace workspace_of(const pass_size *s)
{
    enum { PANEL_BYTES = 32 * (256 + (24 + INT8_BLOCK) * 4) }; /* int8_body.h: of the widest panel */
    const size_t T = (size_t)s->rows, C = whole_vectors(s->width), wide = whole_vectors(s->widest),
                 N = whole_vectors(s->head);
    size_t chunk = sizeof(x256) / sizeof(float), own = OUTER_SCRATCH + 32 * (wide + 64), shared;
    own = most(own, 4 * (wide / 256 + 1) * chunk + PANEL_BYTES / sizeof(float));
    own = most(own, 3 * C);                                     /* mix */
    own = most(own, N * (N + 16));                              /* wkv5 to wkv7, forward */
    shared = T * (12 * (C / 256 + 1) + wide / 256 + 1) * chunk; /* int8 x of 12 GEMMs in one parallel region */
    if (s->backward) {
        shared = most(shared, (T / 32 + (size_t)s->spans + 1) * (3 + MOST_MIXTURES) * C); /* cpu_mix.c */
        shared = most(shared, 2 * T * (N ? C / N + 1 : 1) + 2 * 32 * C);                  /* norms */
        shared = most(shared, N ? 0 : (T / 256 + 1) * 8 * C);                             /* wkv4 by scan */
        own = most(own, N ? 32 * N * N + 512 * N + 8192 : 3 * (T / 512 + 514) * C);       /* simd_back.h */
    }
    return (workspace){.own = own * sizeof(float), .shared = shared * sizeof(float)};
}

static int reserve(device *d, const pass_size *s)
{
    workspace w = workspace_of(s);
    int err = scratch_reserve(&cpu_of(d)->memory, w);
    if (!err) err = pool_reserve(cpu_of(d)->pool, w);
    return err ? err : tiler_reserve(&cpu_of(d)->tiler, s);
}

static void begin(device *d) { scratch_use(&cpu_of(d)->memory); }

static unsigned barriers(const device *d) { return pool_barriers(((const cpu_device *)d)->pool); }

void cpu_heads(device *d, const heads_args *a) { tiler_heads(&cpu_of(d)->tiler, a); }
void cpu_heads_back(device *d, const heads_args *a) { tiler_heads_back(&cpu_of(d)->tiler, a); }

static void close_cpu(device *d)
{
    cpu_device *c = cpu_of(d);
    tiler_release(&c->tiler);
    pool_free(c->pool);
    scratch_release(&c->memory);
    free(c->alone);
    free(c);
}

static const device table = {.name = "cpu",
                             .arena_new = host_arena_new,
                             .arena_free = host_arena_free,
                             .reserve = reserve,
                             .begin = begin,
                             .barriers = barriers,
                             .heads_kept = tiler_kept,
                             .close = close_cpu,
#define ENTRY(entry, args) .entry = cpu_##entry,
                             DEVICE_ENTRIES(ENTRY)
#undef ENTRY
};

int cpu_open(device **out, int threads, const char *isa)
{
    const simd *s;
    int err = simd_find(&s, isa);
    if (err) return err;
    cpu_device *c = calloc(1, sizeof *c), *alone = calloc(1, sizeof *alone);
    if (!c || !alone) {
        free(c);
        free(alone);
        return fail(WKV_ENOMEM, "no memory for a device");
    }
    *c = (cpu_device){.device = table, .simd = s, .int8 = int8_of(s->name), .alone = alone};
    c->device.isa = s->name;
    c->device.threads = 1;
    c->device.burn = s->burn;
    c->device.same_bits = s->fused;
    *alone = *c;
    err = pool_new(&c->pool, threads);
    if (!err) err = tiler_init(&c->tiler, &alone->device, c->pool);
    if (err) {
        close_cpu(&c->device);
        return err;
    }
    c->device.threads = pool_threads(c->pool);
    *out = &c->device;
    return 0;
}

const char *cpu_isa(int i) { return simd_at(i) ? simd_at(i)->name : NULL; }
