/* ref.c - the reference device: the table, and the scratch memory of a pass. */
#include "cpu/ref.h"
#include "cpu/tiler.h"
#include <stdlib.h>

typedef struct {
    device device; /* first: entries are given its address */
    thread_memory memory;
    tiler tiler;
} reference;

static size_t most(size_t a, size_t b) { return a > b ? a : b; }

static int reserve(device *d, const pass_size *s)
{
    const size_t T = (size_t)s->rows, C = (size_t)s->width, N = (size_t)s->head;
    size_t own = most(2 * (size_t)s->widest, 6 * (T + 1)); /* reals: a row of a weight; wkv4 */
    own = most(own, s->backward ? 4 * T * C : 2 * C);      /* mix */
    own = most(own, s->backward ? (N * N + N) * (32 + 2) : N);
    int err = scratch_reserve(&((reference *)d)->memory, (workspace){.own = own * sizeof(real)});
    return err ? err : tiler_reserve(&((reference *)d)->tiler, s);
}

static void begin(device *d) { scratch_use(&((reference *)d)->memory); }

static unsigned barriers(const device *d)
{
    (void)d;
    return 0;
}

void ref_heads(device *d, const heads_args *a) { tiler_heads(&((reference *)d)->tiler, a); }
void ref_heads_back(device *d, const heads_args *a) { tiler_heads_back(&((reference *)d)->tiler, a); }

static void close_reference(device *d)
{
    tiler_release(&((reference *)d)->tiler);
    scratch_release(&((reference *)d)->memory);
    free(d);
}

static const device table = {.name = "reference",
                             .isa = "plain C",
                             .threads = 1,
                             .arena_new = host_arena_new,
                             .arena_free = host_arena_free,
                             .reserve = reserve,
                             .begin = begin,
                             .barriers = barriers,
                             .heads_kept = tiler_kept,
                             .close = close_reference,
#define ENTRY(entry, args) .entry = ref_##entry,
                             DEVICE_ENTRIES(ENTRY)
#undef ENTRY
};

int ref_open(device **out, int threads, const char *isa)
{
    (void)threads, (void)isa;
    reference *r = calloc(1, sizeof *r);
    if (!r) return fail(WKV_ENOMEM, "no memory for a device");
    r->device = table;
    int err = tiler_init(&r->tiler, &r->device, NULL);
    if (err) {
        free(r);
        return err;
    }
    *out = &r->device;
    return 0;
}
