/* memory.c - how much memory there is, is taken, and is needed. */
#include "base/memory.h"
#include "rwkv/api.h"
#include "wkv_bench.h"

size_t wkv_memory_available(void) { return memory_available(); }
size_t wkv_memory_peak(void) { return memory_peak(); }
size_t wkv_memory_resident(void) { return memory_resident(); }

size_t wkv_memory_needed(const wkv_context *c, int states)
{
    if (!c) return 0;
    const wkv_model *m = context_model(c);
    const tensor *emb = &m->rwkv.emb;
    const char *data = emb->data;
    int mapped = data < m->packed.data || data >= m->packed.data + m->packed.bytes;
    size_t rows = mapped ? (size_t)dtype_bytes((dtype)emb->type, (int64_t)emb->rows * emb->cols) : 0;
    return wkv_model_bytes(m, NULL) - rows + context_bytes(c) + (size_t)states * m->about.state_bytes;
}
