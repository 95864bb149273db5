/* memory.c - memory estimate of each training method, from the sizes of the model.
 *
 * Activations are measured by running forward and backward on a device with empty kernels, so that no weight is read
 * and no page of scratch memory is touched. */
#include "base/error.h"
#include "ops/device.h"
#include "train/adapt.h"
#include "train/settings.h"
#include "train/trainer.h"
#include <string.h>

/* ---- a device that only allocates -------------------------------------------------------------------------------- */

#define ENTRY(entry, args)                                                                                             \
    static void skip_##entry(device *d, const args *a) { (void)d, (void)a; }
DEVICE_ENTRIES(ENTRY)
#undef ENTRY

static void zeros_to_host(device *d, const transfer_args *a)
{
    (void)d;
    memset(a->to, 0, a->n * sizeof *a->to);
}

static size_t whole_heads(device *d, const heads_args *a)
{
    (void)d, (void)a;
    return 0;
}

/* whole: heads run on whole matrices, as on a device with memory of its own; else in the processor's tiles. */
static void silence(device *d, int whole)
{
#define ENTRY(entry, args) d->entry = skip_##entry;
    DEVICE_ENTRIES(ENTRY)
#undef ENTRY
    d->to_host = zeros_to_host;
    if (whole) d->heads_kept = whole_heads;
}

/* 1: the device of this name has memory of its own. */
static int is_separate(const char *name)
{
    device *d;
    int err = device_open(&d, name, 1, NULL);
    if (err) return err;
    const int separate = d->separate;
    device_close(d);
    return separate;
}

/* ---- costs ------------------------------------------------------------------------------------------------------- */

/* Rows computed at once in a step of samples of maximum length. */
static int64_t step_rows(const wkv_train_options *o)
{
    int64_t longest = o->infctx ? o->infctx : o->context;
    return o->micro_batch ? o->micro_batch * longest : longest > GROUP_ROWS ? longest : GROUP_ROWS;
}

static int work_bytes(wkv_trainer *t, int64_t rows, size_t *out)
{
    enum { ROWS = 256 }; /* enough rows to make one-time buffers negligible */
    static const int32_t ids[ROWS + 1];
    const sample s = {.ids = ids, .n = ROWS + 1};
    row_cost cost;
    int err = trainer_cost(t, &s, 1, t->checkpointing < 0, &cost);
    *out = trainer_work_bytes(t, &cost, rows);
    return err;
}

static int without_adapter(void *user, const char *name, tensor *w, const slot *s, int layer)
{
    (void)user, (void)name, (void)s, (void)layer;
    w->adapter = NULL;
    return 0;
}

/* Activations of adapters; and those of states and of all weights, which are equal, because every operation after the
 * embedding has a gradient. */
static int measure(wkv_trainer *t, int whole, int64_t rows, size_t *of_lora, size_t *of_others)
{
    silence(t->device, whole);
    t->chunk = 0;
    int err = work_bytes(t, rows, of_lora);
    if (err) return err;
    rwkv_each(t->m, without_adapter, NULL);
    t->m->emb.requires_grad = 1;
    t->m->emb.grad = (real *)(uintptr_t)t->m->emb.data; /* an address that is never written to */
    return work_bytes(t, rows, of_others);
}

static void fill(wkv_train_memory *row, const wkv_model *m, const char *method, int64_t trained, size_t work)
{
    static const char *const types[] = {"bf16", "q8_0", "q4_0"};
    *row = (wkv_train_memory){.method = method, .trained = trained, .work_bytes = work};
    int frozen = adapt_method(method) != TRAIN_ALL;
    for (int i = 0; i < 3 && trained; i++)
        if (frozen || !i) row->bytes[i] = (frozen ? wkv_model_bytes(m, types[i]) : 0) + 16 * (size_t)trained + work;
}

int wkv_train_memory_needed(wkv_train_memory out[WKV_TRAIN_METHODS], int64_t *rows, const wkv_train_options *options)
{
    REQUIRE(out, "the place for the figures");
    REQUIRE(options, "the list of options");
    wkv_train_options o = *options;
    wkv_trainer *t;
    size_t of_lora, of_others;
    const int whole = is_separate(o.device);
    if (whole < 0) return whole;
    o.method = "lora";
    o.samples = 1;
    o.loss = o.reference = NULL; /* pairs need no more: the reference shares the mapping */
    o.beta = 0;
    o.communicator = NULL;
    o.shard_optimizer = 0;
    o.threads = 1;
    o.device = "cpu"; /* silenced */
    if (!o.context) o.context = 1024;
    int err = wkv_trainer_new(&t, &o);
    if (err) return err;
    int64_t most = step_rows(&o);
    err = measure(t, whole, most, &of_lora, &of_others);
    if (!err) {
        int64_t state = t->m->H ? rwkv_state_len(t->m) : 0;
        fill(&out[0], t->base, "state", state, of_others);
        fill(&out[1], t->base, "lora", (int64_t)t->p.n, of_lora);
        fill(&out[2], t->base, "full", wkv_model_about(t->base)->parameters, of_others);
        if (rows) *rows = most;
    }
    wkv_trainer_free(t);
    return err;
}
