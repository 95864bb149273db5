/* adapt_save.c - output files of fine-tuning: adapters and parameters of --train, or states. */
#include "base/number.h"
#include "base/path.h"
#include "format/write.h"
#include "rwkv/overlay.h"
#include "train/adapt.h"
#include <stdlib.h>
#include <string.h>

static int give_state(const tensor_out *o, float *out)
{
    const param *q = o->from;
    turn_heads(out, reals(q->t), (int)o->shape[0], (int)o->shape[1]);
    return 0;
}

static int give_values(const tensor_out *o, float *out)
{
    const param *q = o->from;
    memcpy(out, reals(q->t), q->n * sizeof *out);
    return 0;
}

/* PiSSA as a plain LoRA of twice the rank: A or B joined with its frozen counterpart, [A; A0] and [B, -B0]. The peft
 * library converts PiSSA the same way. */
static int give_a(const tensor_out *o, float *out)
{
    for (const adapter *low = o->from; low; low = low->next) {
        size_t n = (size_t)low->a.rows * (size_t)low->a.cols;
        memcpy(out, low->a.data, n * sizeof *out);
        out += n;
    }
    return 0;
}

static int give_b(const tensor_out *o, float *out)
{
    const adapter *first = o->from;
    for (int i = 0; i < first->b.rows; i++)
        for (const adapter *low = first; low; low = low->next) {
            memcpy(out, reals(&low->b) + (size_t)i * (size_t)low->b.cols, (size_t)low->b.cols * sizeof *out);
            out += low->b.cols;
        }
    return 0;
}

static tensor_out entry(const wkv_trainer *t, const param *q, dtype type)
{
    tensor_out o = {.name = q->name, .type = type, .from = q};
    const adapter *low = q->of;
    if (low) {
        const int first = q->t == &low->a, times = low->next ? 2 : 1;
        o.values = first ? give_a : give_b;
        o.from = low;
        o.dims = 2;
        o.shape[0] = first ? times * low->a.rows : low->b.rows;
        o.shape[1] = first ? low->a.cols : times * low->b.cols;
        return o;
    }
    if (q->slot) {
        o.values = give_values;
        o.dims = q->dims;
        memcpy(o.shape, q->shape, sizeof q->shape);
        return o;
    }
    o.values = give_state;
    o.dims = 3;
    o.shape[0] = t->m->H;
    o.shape[1] = o.shape[2] = t->m->N;
    return o;
}

int adapt_save(const wkv_trainer *t, const char *path, train_method method, dtype type)
{
    int n = 0, err;
    tensor_out *out = calloc((size_t)t->p.count, sizeof *out);
    if (!out) return fail(WKV_ENOMEM, "no memory to write %s", path);
    if ((err = params_to_host(&t->p))) {
        free(out);
        return err;
    }
    for (int i = 0; i < t->p.count; i++)
        if ((method == TRAIN_STATE) == !t->p.list[i].slot) out[n++] = entry(t, &t->p.list[i], type);
    char alpha[32];
    number_shortest(alpha, t->methods & TRAIN_PISSA ? 2 * t->scale_alpha : t->scale_alpha);
    const char *meta[] = {"format", "pt", method == TRAIN_LORA && t->scale_alpha > 0 ? "lora_alpha" : NULL, alpha,
                          NULL};
    err = path_has_extension(path, ".pth") ? pth_write(path, out, n) : safetensors_write(path, out, n, meta);
    free(out);
    return err;
}
