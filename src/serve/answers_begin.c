/* answers_begin.c - a request becomes sessions in the batcher. */
#include "answers.h"
#include "grammars.h"
#include "held.h"
#include "kept.h"
#include "wkv_base.h"
#include <stdlib.h>
#include <string.h>

/* The settings that were sent, and the model's own. */
static wkv_sampler_options find_sampler(const answers *a, int number)
{
    wkv_profile own;
    wkv_sampler_options s = a->r.sampler;
    wkv_template_profile(&own, a->e->how, a->r.think, a->e->model);
    wkv_profile_fill(&s, &own, a->e->tokenizer);
    s.seed = a->r.seed + (uint64_t)number;
    return s;
}

static int append_prompt(const answers *a, wkv_session *s, int number)
{
    if (a->r.n_messages) return chat_append(a->e, s, &a->r);
    const prompt *q = &a->r.prompts[number];
    const int32_t end = wkv_tokenizer_end(a->e->tokenizer);
    if (!q->n) return wkv_session_append_ids(s, &end, 1); /* a text begins after the end of another one */
    return q->text ? wkv_session_append_text(s, q->text, (size_t)q->n) : wkv_session_append_ids(s, q->ids, q->n);
}

static int limit_of(const answers *a)
{
    const int most = a->e->server->o.max_tokens;
    return a->r.max_tokens > 0 && a->r.max_tokens < most ? a->r.max_tokens : most;
}

/* Add a choice to the batcher: to answer, or to read the prompt that others share. */
static int start(answers *a, choice *c, int only_reads)
{
    const engine *e = a->e;
    const char *stops[REQUEST_STOPS + 4];
    const wkv_sampler_options sampler = find_sampler(a, (int)(c - a->choices));
    wkv_generation g = {.sampler = &sampler, .max_tokens = limit_of(a)};
    if (a->r.n_messages) wkv_generation_chat(&g, e->how, a->r.tools != NULL);
    g.scores = a->r.logprobs >= 0;
    g.top = a->r.logprobs < 0 ? 0 : a->r.logprobs < e->about->vocab ? a->r.logprobs : e->about->vocab;
    int n = 0;
    for (; n < g.n_stops; n++) stops[n] = g.stops[n];
    c->own_stops = n;
    for (int i = 0; i < a->r.n_stops; i++) stops[n++] = a->r.stops[i];
    g.stops = stops, g.n_stops = a->r.schema || a->r.must_call ? 0 : n; /* they are data in JSON */
    g.grammar = grammars_of(a->form);
    const int err = wkv_batcher_add(e->batcher, c->session, only_reads ? NULL : &g);
    if (!err && !only_reads) echo_show(a, c);
    return err;
}

int answers_start(answers *a, choice *c)
{
    if (a->r.max_tokens || !a->r.echo) return start(a, c, a->r.n > 1 || !a->r.max_tokens);
    for (choice *k = c; k < a->choices + a->n && k->prompt == c->prompt; k++) k->ends = 1;
    return 0;
}

/* A state of the client, or a session of the store, to go on from. */
static int begin_from(answers *a, choice *c, problem *p)
{
    const char *tenant = exchange_tenant(a->j.x);
    if (a->r.state) return held_take(&c->session, a->e, tenant, a->r.state, strlen(a->r.state), p);
    return a->kept ? kept_begin(a->kept, &c->session, p) : 0;
}

/* The session of a prompt's first answer. */
static int begin_choice(answers *a, choice *c)
{
    int err = c->session ? 0 : wkv_session_new(&c->session, a->e->model, a->e->tokenizer);
    if (!err && !a->kept) err = append_prompt(a, c->session, c->prompt);
    if (err) return err;
    a->prompt += wkv_session_about(c->session).n;
    if (a->r.echo && a->r.logprobs >= 0 && wkv_session_about(c->session).n > 1) return echo_begin(a, c);
    const int found = wkv_cache_resume(a->e->cache, c->session);
    if (found < 0) return found;
    a->cached += found;
    return a->kept ? start(a, c, 1) : answers_start(a, c);
}

static int check_bias(const answers *a, problem *p)
{
    for (int i = 0; i < a->r.sampler.n_bias; i++)
        if (a->r.sampler.bias_ids[i] >= a->e->about->vocab)
            return refuse(p, 400, "logit_bias", "out_of_range", "logit_bias has the id %d; the model's ids are 0 to %d",
                          (int)a->r.sampler.bias_ids[i], a->e->about->vocab - 1);
    return 0;
}

static int check_tools(const answers *a, problem *p)
{
    if (!a->r.tools || a->e->how->tool_stop) return 0;
    return refuse(p, 501, "tools", "unsupported", "the chat template %s of the model has no form for tools",
                  a->e->how->name);
}

/* The grammar of the answers, for which the limit of tokens must suffice. */
static int take_form(answers *a, problem *p)
{
    if (grammars_take(&a->form, a->e, &a->r, p)) return -1;
    const int shortest = wkv_grammar_shortest(grammars_of(a->form)), limit = limit_of(a);
    if (shortest <= limit) return 0;
    return refuse(p, 400, "max_tokens", "out_of_range",
                  "max_tokens is %d, and the shortest answer in the form that was asked for has %d tokens", limit,
                  shortest);
}

int answers_begin(answers *a, problem *p)
{
    const int prompts = a->r.n_messages ? 1 : a->r.n_prompts;
    int err = 0;
    if (check_bias(a, p) || check_tools(a, p) || take_form(a, p)) return -1;
    if (!a->r.seeded) a->r.seed = wkv_random_seed();
    a->n = prompts * a->r.n;
    if (!(a->choices = calloc((size_t)a->n + 1, sizeof *a->choices))) /* none: the model was to be loaded */
        return refuse(p, 503, NULL, "out_of_memory", "no memory for %d answers", a->n);
    for (int i = 0; i < a->n && !err; i++) {
        choice *c = &a->choices[i];
        c->prompt = i / a->r.n;
        c->leads = i % a->r.n == 0;
        if (!i && begin_from(a, c, p)) return -1;
        if (c->leads) err = begin_choice(a, c);
    }
    if (err) return refuse_library(p, err, a->r.n_messages ? "messages" : "prompt");
    a->begun = 1;
    a->started = now_us();
    exchange_accept(a->j.x);
    if (a->how->begin) a->how->begin(a);
    return 0;
}

int answers_fork(answers *a, choice *lead)
{
    int err = 0;
    for (choice *c = lead + 1; c < a->choices + a->n && !c->leads && !err; c++) {
        err = wkv_session_fork(&c->session, lead->session);
        if (!err) err = start(a, c, 0);
    }
    return err ? err : start(a, lead, 0);
}
