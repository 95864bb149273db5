/* model_report.c - a model that is in memory, for reports. */
#include "models.h"
#include <stdio.h>

enum { WINDOW = 8192 };

/* The settings of requests that send none (answers.c). */
static wkv_sampler_options default_sampler(const engine *e, wkv_think think)
{
    wkv_profile own;
    wkv_sampler_options s = request_no_sampler();
    wkv_template_profile(&own, e->how, think, e->model);
    wkv_profile_fill(&s, &own, e->tokenizer);
    return s;
}

static int can_reason(const wkv_template *t)
{
    return wkv_template_turn(t, 0, NULL, "", WKV_THINK_MEDIUM, NULL, 0) !=
           wkv_template_turn(t, 0, NULL, "", WKV_THINK_OFF, NULL, 0);
}

void model_describe(model_report *r, const engine *e)
{
    const wkv_model_info *about = e->about;
    r->context_length = about->context_length;
    r->vocab = about->vocab;
    r->width = about->width;
    r->slots = e->slots;
    r->parameters = about->parameters;
    r->bytes = about->weight_bytes[2];
    r->state_bytes = about->state_bytes;
    r->sampler = default_sampler(e, WKV_THINK_OFF);
    r->reasoning_sampler = default_sampler(e, WKV_THINK_MEDIUM);
    r->reasons = can_reason(e->how);
    snprintf(r->version, sizeof r->version, "%s", about->version);
    snprintf(r->template_name, sizeof r->template_name, "%s", e->how->name);
    *r->failure = 0;
}

int models_window(const model_report *m) { return m->context_length ? m->context_length : WINDOW; }
