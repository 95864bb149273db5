/* write.c - a text that the model writes during its training. */
#include "rwkv/forward.h"
#include "train/trainer.h"
#include <stdlib.h>

typedef struct {
    wkv_trainer *t;
    wkv_sampler *s;
    const int32_t *prompt;
    int n_prompt;
    int32_t *out;
    int n, err;
    batch b;
} writing;

static void write_sample(void *arg)
{
    writing *w = arg;
    cx *c = &w->t->c;
    c->b = &w->b;
    c->recording = 0;
    for (int i = 0; i < w->n_prompt + w->n - 1 && !w->err; i++) {
        cx_reset(c);
        const int32_t *at = i < w->n_prompt ? &w->prompt[i] : &w->out[i - w->n_prompt];
        tensor *logits = rwkv_forward(c, w->t->m, at, NULL, 0);
        if (i < w->n_prompt - 1) continue;
        int32_t id = wkv_sample(w->s, reals(logits));
        if (id < 0) w->err = fail_prefix(id, "the sample after step %lld", (long long)w->t->step);
        w->out[i - w->n_prompt + 1] = id;
    }
}

int trainer_sample(wkv_trainer *t, const int32_t *prompt, int n_prompt, int32_t *out, int n)
{
    const rwkv *m = t->m;
    wkv_sampler *s;
    wkv_sampler_options how = {.temperature = 1, .top_p = 0.9f, .seed = t->seed + (uint64_t)t->step};
    real *state = malloc((size_t)rwkv_state_len(m) * sizeof *state);
    int err = state ? wkv_sampler_new(&s, &how, m->V, NULL) : fail(WKV_ENOMEM, "no memory for a state");
    if (err) {
        free(state);
        return err;
    }
    rwkv_state_init(m, state);
    span one = {.len = 1, .state = state};
    writing w = {t, s, prompt, n_prompt, out, n, 0, {.rows = 1, .n_spans = 1, .spans = &one}};
    t->c.drop_rate = t->c.adapter_drop_rate = 0;
    err = rwkv_reserve(&t->c, m, 1, 1, 0);
    if (!err) err = cx_run(&t->c, write_sample, &w);
    if (!err) err = w.err;
    wkv_sampler_free(s);
    free(state);
    return err;
}
