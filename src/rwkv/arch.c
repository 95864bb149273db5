/* arch.c - the table of versions. */
#include "rwkv/arch.h"
#include <stdio.h>
#include <string.h>

#define ADDRESS(name) &name,
const arch *const archs[] = {ARCHS(ADDRESS) NULL};
enum { COUNT = sizeof archs / sizeof *archs - 1 };

const arch *arch_find(const char *version)
{
    for (int i = 0; i < COUNT; i++)
        if (!strcmp(archs[i]->version, version)) return archs[i];
    return NULL;
}

const slot *arch_slot(const arch *a, axis_size size)
{
    for (int i = 0; i < a->n_slots; i++)
        if (a->slots[i].rows == size || a->slots[i].cols == size) return &a->slots[i];
    return NULL;
}

void arch_sizes(int dim[DIMS], const arch *a, int width, int head_size, int ffn, int vocab)
{
    memset(dim, 0, DIMS * sizeof *dim);
    dim[D_1] = 1;
    dim[D_C] = width;
    dim[D_V] = vocab;
    dim[D_F] = ffn;
    if (arch_slot(a, D_H)) {
        dim[D_N] = head_size;
        dim[D_H] = width / head_size;
    }
    a->new_sizes(dim);
}

const arch *arch_trained(int i)
{
    for (int k = COUNT - 1; k >= 0 && i >= 0; k--)
        if (archs[k]->new_sizes && !i--) return archs[k];
    return NULL;
}

const char *arch_list_trained(char out[64])
{
    const arch *a;
    size_t n = 0;
    for (int i = 0; (a = arch_trained(i)); i++)
        n += (size_t)snprintf(out + n, 64 - n, "%s%s", !i ? "" : arch_trained(i + 1) ? ", " : " and ", a->version);
    return out;
}
