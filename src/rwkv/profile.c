/* profile.c - the sampling settings that the publishers of each family use.
 *
 *     g1         generation configurations of RWKV-7 G1 for Hugging Face: rwkv-rs/transformers-rwkv,
 *                temp/rwkv_pth2st.py: generation_config.json for open thoughts, fake_think_generation_config.json for
 *                faked ones
 *     world      BlinkDL/ChatRWKV, API_DEMO_CHAT.py (965e40b), which also runs G1 without reasoning
 *     raven      BlinkDL/ChatRWKV, v2/chat.py (965e40b)
 *     pile       the same in the version for Pile models (0871fa6): penalties without decay
 *     plain      nothing is published: no penalties, which would harm texts with legitimate repetition */
#include "rwkv/api.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *family;
    wkv_profile open, fake, otherwise; /* of the three ways to think; without a name: as otherwise */
} published[] = {
    {"g1",
     {"g1 open think",
      {.temperature = 0.96f, .top_p = 0.76f, .top_k = 32, .presence = 1, .frequency = 0.1f, .penalty_decay = 0.988f}},
     {"g1 fake think", {.temperature = 1, .top_p = 0.28f, .top_k = 32, .penalty_decay = 0.996f}},
     {"g1", {.temperature = 1, .top_p = 0.3f, .presence = 0.5f, .frequency = 0.5f, .penalty_decay = 0.996f}}},
    {"world",
     {0},
     {0},
     {"world", {.temperature = 1, .top_p = 0.3f, .presence = 0.5f, .frequency = 0.5f, .penalty_decay = 0.996f}}},
    {"raven",
     {0},
     {0},
     {"raven", {.temperature = 1.2f, .top_p = 0.5f, .presence = 0.4f, .frequency = 0.4f, .penalty_decay = 0.996f}}},
    {"pile",
     {0},
     {0},
     {"pile", {.temperature = 1, .top_p = 0.8f, .presence = 0.2f, .frequency = 0.2f, .penalty_decay = 1}}},
    {"plain", {0}, {0}, {"plain", {.temperature = 1, .top_p = 0.7f, .penalty_decay = 0.996f}}},
};
enum { FAMILIES = sizeof published / sizeof *published };

static const wkv_profile *find(const wkv_template *t, wkv_think think)
{
    int i = 0;
    while (i < FAMILIES - 1 && strcmp(published[i].family, t->name)) i++;
    const int fake = think == WKV_THINK_FAKE || think == WKV_THINK_FAKE_INLINE;
    const wkv_profile *p = think == WKV_THINK_OFF ? &published[i].otherwise
                           : fake                 ? &published[i].fake
                                                  : &published[i].open;
    return p->name ? p : &published[i].otherwise;
}

/* Set *x to a number of a generation configuration and return 1; ignore one that a sampler would refuse. */
static int take_setting(float *x, const tensors *t, const char *file, const char *key, double low, double high)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%s", file, key);
    double v = tensors_number(t, full, NAN);
    if (!(v >= low && v <= high)) return 0;
    *x = (float)v;
    return 1;
}

/* Numbers of generation_config.json, or its variants, override the published ones. */
static int take_all(wkv_sampler_options *o, const tensors *t, const char *file)
{
    float k;
    int n = take_setting(&o->temperature, t, file, "temperature", 0, 100) +
            take_setting(&o->top_p, t, file, "top_p", 0, 1) + take_setting(&o->min_p, t, file, "min_p", 0, 1) +
            take_setting(&o->typical_p, t, file, "typical_p", 0, 1) +
            take_setting(&o->presence, t, file, "presence_penalty", -100, 100) +
            take_setting(&o->frequency, t, file, "frequency_penalty", -100, 100) +
            take_setting(&o->penalty_decay, t, file, "penalty_decay", 0.01, 1);
    if (!take_setting(&k, t, file, "top_k", 0, 1e6)) return n;
    o->top_k = (int)k;
    return n + 1;
}

void wkv_template_profile(wkv_profile *out, const wkv_template *t, wkv_think think, const wkv_model *m)
{
    if (!out || !t) return;
    *out = *find(t, think);
    if (!m || !m->file) return;
    const int fake = think == WKV_THINK_FAKE || think == WKV_THINK_FAKE_INLINE;
    if (take_all(&out->sampler, m->file, "generation_config")) out->name = "generation_config.json";
    if (fake && take_all(&out->sampler, m->file, "fake_think_generation_config"))
        out->name = "fake_think_generation_config.json";
}
