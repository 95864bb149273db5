/* lens.c - the common part of the measures of wkv_lens.h. */
#include "study/lens.h"
#include "base/error.h"
#include <string.h>

/* A layer's state begins and ends with the row of a token shift (wkv_state_data). */
float *lens_wkv(const rwkv *m, wkv_state *s, int layer)
{
    return s->data + (size_t)layer * (size_t)rwkv_layer_state(m) + (size_t)m->C;
}

int lens_wkv_values(const rwkv *m) { return rwkv_layer_state(m) - 2 * m->C; }

void lens_empty(const rwkv *m, float *wkv)
{
    memset(wkv, 0, (size_t)lens_wkv_values(m) * sizeof *wkv);
    for (int i = 0; !m->H && i < m->C; i++) wkv[2 * m->C + i] = -1e30F; /* version 4: the exponent of an empty sum */
}

void lens_copy_rows(void *user, const wkv_probed *p)
{
    const lens_rows *to = user;
    for (int t = 0; t < p->rows; t++)
        memcpy(to->rows + ((size_t)p->layer * (size_t)to->n + (size_t)p->of[t].token) * (size_t)p->cols,
               p->values + (size_t)t * (size_t)p->cols, (size_t)p->cols * sizeof *to->rows);
}

void lens_zero(void *user, const wkv_probed *p)
{
    (void)user;
    memset(p->values, 0, (size_t)p->rows * (size_t)p->cols * sizeof *p->values);
}

void lens_forget(void *user, const wkv_probed *p) { lens_empty(user, p->values); }

int lens_fail_logits(const wkv_context *c, int at)
{
    return fail(WKV_EFORMAT, "%s: its logits after token %d are NaN or infinite; probably weights in it are",
                context_model(c)->about.path, at);
}
