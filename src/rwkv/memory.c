/* memory.c - available memory, memory of the process, and memory of a model. */
#include "base/memory.h"
#include "rwkv/api.h"

size_t wkv_memory_available(void) { return memory_available(); }
size_t wkv_memory_peak(void) { return memory_peak(); }
size_t wkv_memory_resident(void) { return memory_resident(); }

typedef struct {
    const wkv_model *m;
    size_t bytes;
} sum;

/* Tables of the file's mapping, read by row. */
static int add_table(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name, (void)layer;
    sum *mapped = user;
    const packed *p = &mapped->m->packed;
    const char *data = t->data;
    if (s->flags & SLOT_TABLE && (data < p->data || data >= p->data + p->bytes))
        mapped->bytes += (size_t)dtype_bytes((dtype)t->type, (int64_t)t->rows * t->cols);
    return 0;
}

size_t wkv_memory_needed(const wkv_context *c, int states)
{
    if (!c) return 0;
    const wkv_model *m = context_model(c);
    sum mapped = {.m = m};
    rwkv_each(&m->rwkv, add_table, &mapped);
    return wkv_model_bytes(m, NULL) - mapped.bytes + context_bytes(c) + (size_t)states * m->about.state_bytes;
}
