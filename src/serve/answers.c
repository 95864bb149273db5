/* answers.c - from a request to sessions in the batcher, and from their events to the response. */
#include "answers.h"
#include "held.h"
#include "kept.h"
#include "models.h"
#include "names.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- beginning --------------------------------------------------------------------------------------------------- */

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

/* Add a choice to the batcher: to answer, or to read the prompt that others share. */
static int start(answers *a, choice *c, int only_reads)
{
    const engine *e = a->e;
    const char *stops[REQUEST_STOPS + 4];
    const wkv_sampler_options sampler = find_sampler(a, (int)(c - a->choices));
    const int most = e->server->o.max_tokens;
    wkv_generation g = {.sampler = &sampler,
                        .max_tokens = a->r.max_tokens > 0 && a->r.max_tokens < most ? a->r.max_tokens : most};
    if (a->r.n_messages) wkv_generation_chat(&g, e->how, 0);
    g.scores = a->r.logprobs >= 0;
    g.top = a->r.logprobs < 0 ? 0 : a->r.logprobs < e->about->vocab ? a->r.logprobs : e->about->vocab;
    int n = 0;
    for (; n < g.n_stops; n++) stops[n] = g.stops[n];
    for (int i = 0; i < a->r.n_stops; i++) stops[n++] = a->r.stops[i];
    g.stops = stops, g.n_stops = n;
    const int err = wkv_batcher_add(e->batcher, c->session, only_reads ? NULL : &g);
    if (!err && !only_reads) echo_show(a, c);
    return err;
}

static void complete(answers *a, choice *c, const char *finish)
{
    c->done = 1;
    c->sampled = wkv_session_about(c->session).sampled;
    c->finish = finish;
    if (a->r.stream) a->how->end(a, c);
}

/* Read a prompt, or the rest of it, and answer. */
static int start_prompt(answers *a, choice *c)
{
    if (a->r.max_tokens) return start(a, c, a->r.n > 1);
    for (choice *k = c; k < a->choices + a->n && k->prompt == c->prompt; k++) k->ends = 1;
    return 0;
}

/* A state of the client, or a session of the store, to go on from. */
static int begin_from(answers *a, choice *c, problem *p)
{
    const char *tenant = exchange_tenant(a->j.x);
    if (a->r.state && a->n > 1) return refuse(p, 400, "state", "invalid_value", "a state goes on with one answer only");
    if (a->r.state) return held_take(&c->session, a->e, tenant, a->r.state, strlen(a->r.state), p);
    return a->r.session ? kept_begin(&a->kept, &c->session, a, p) : 0;
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
    return a->kept ? start(a, c, 1) : start_prompt(a, c);
}

static int check_bias(const answers *a, problem *p)
{
    for (int i = 0; i < a->r.sampler.n_bias; i++)
        if (a->r.sampler.bias_ids[i] >= a->e->about->vocab)
            return refuse(p, 400, "logit_bias", "out_of_range", "logit_bias has the id %d; the model's ids are 0 to %d",
                          (int)a->r.sampler.bias_ids[i], a->e->about->vocab - 1);
    return 0;
}

static int begin(answers *a, problem *p)
{
    const int prompts = a->r.n_messages ? 1 : a->r.n_prompts;
    int err = 0;
    if (!a->r.seeded) a->r.seed = random_seed_of();
    a->n = prompts * a->r.n;
    if (!(a->choices = calloc((size_t)a->n, sizeof *a->choices)))
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
    exchange_accept(a->j.x);
    if (a->how->begin) a->how->begin(a);
    return 0;
}

/* The prompt was read once: the other answers to it begin with copies of its state. */
static int fork_choices(answers *a, choice *lead)
{
    int err = 0;
    for (choice *c = lead + 1; c < a->choices + a->n && !c->leads && !err; c++) {
        err = wkv_session_fork(&c->session, lead->session);
        if (!err) err = start(a, c, 0);
    }
    return err ? err : start(a, lead, 0);
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static void send_piece(answers *a)
{
    if (a->r.stream && a->piece.n) exchange_send(a->j.x, &a->piece);
    out_clear(&a->piece);
}

static void take_text(answers *a, choice *c, const wkv_event *e)
{
    const int reasoning = e->kind == WKV_EVENT_REASONING;
    if (a->kept && e->kind == WKV_EVENT_TEXT) out_put(&a->answer, e->text, e->bytes);
    if (e->kind == WKV_EVENT_TOKEN)
        a->how->token(a, c, e->token, e->top);
    else if (a->r.stream && a->r.logprobs < 0)
        a->how->part(a, c, reasoning, e->text, e->bytes);
    else /* for a whole response, or a stream's next token */
        out_put(reasoning ? &c->reasoning : &c->text, e->text, e->bytes);
}

static int finish_choice(answers *a, choice *c, const wkv_event *e, problem *p)
{
    if (e->finish_reason == WKV_FINISH_FAILED) return refuse(p, 500, NULL, "generation_failed", "%s", e->error);
    if (e->finish_reason == WKV_FINISH_READ) {
        if (a->kept && kept_asked(a->kept, c->session, p)) return -1;
        const int err = fork_choices(a, c);
        return err ? refuse_library(p, err, NULL) : 0;
    }
    if (a->kept && kept_answered(a->kept, c->session, &a->answer, p)) return -1;
    complete(a, c,
             e->finish_reason == WKV_FINISH_LENGTH || e->finish_reason == WKV_FINISH_CANCELLED ? "length" : "stop");
    return 0;
}

/* Events of a choice, while the client can take them. */
static int drain(answers *a, choice *c, problem *p)
{
    wkv_event e;
    int err = 0;
    const int waits = a->r.stream && a->e->server->closing < 2; /* at the end of a shutdown no more for a client */
    while (!err && !(waits && exchange_full(a->j.x)) && wkv_session_next_event(c->session, &e)) {
        if (e.kind == WKV_EVENT_DONE)
            err = finish_choice(a, c, &e, p);
        else
            take_text(a, c, &e);
        send_piece(a);
    }
    return err;
}

/* ---- the job ----------------------------------------------------------------------------------------------------- */

static void count(answers *a)
{
    metrics *m = &a->e->server->count;
    exchange_figures *f = exchange_log(a->j.x);
    f->prompt = a->prompt, f->cached = a->cached;
    f->finish = a->choices[0].finish;
    for (int i = 0; i < a->n; i++) f->sampled += a->choices[i].sampled;
    m->prompt_tokens += a->prompt;
    m->cached_tokens += a->cached;
    m->sampled_tokens += f->sampled;
}

/* Score prompts that are echoed; those that are complete go on to their answers. */
static int read_echo(answers *a)
{
    int err = a->r.echo && a->r.logprobs >= 0 ? echo_work(a) : 0;
    for (int i = 0; i < a->n && !err; i++) {
        choice *c = &a->choices[i];
        if (!c->to_score || c->scored < c->to_score) continue;
        c->to_score = 0;
        err = wkv_session_advance(c->session, c->scored);
        if (!err) err = start_prompt(a, c);
    }
    return err;
}

/* Take the events of a choice since the last step. */
static int advance(answers *a, choice *c, problem *p)
{
    if (c->ends) {
        echo_show(a, c);
        send_piece(a);
        complete(a, c, "length");
        send_piece(a);
        return 0;
    }
    if (!c->session || c->to_score) return 0;
    if (a->e->server->closing > 1) wkv_session_cancel(c->session);
    wkv_cache_keep(a->e->cache, c->session);
    return drain(a, c, p);
}

/* A part of the response was lost: there was no memory. */
static int has_lost(const choice *c)
{
    int lost = c->text.failed || c->reasoning.failed;
    for (int k = 0; k < 4; k++) lost |= c->tokens[k].failed;
    return lost;
}

static int stop(answers *a, const problem *p)
{
    exchange_refuse(a->j.x, p);
    return 1;
}

static int work(job *j, engine *e)
{
    answers *a = (answers *)j;
    problem p;
    a->e = e;
    if (exchange_gone(j->x)) return 1;
    if (!a->begun) { return check_bias(a, &p) || begin(a, &p) ? stop(a, &p) : 0; }
    const int err = read_echo(a);
    if (err) {
        refuse_library(&p, err, NULL);
        return stop(a, &p);
    }
    int done = 0, lost = 0;
    for (int i = 0; i < a->n; i++) {
        if (!a->choices[i].done && advance(a, &a->choices[i], &p)) return stop(a, &p);
        done += a->choices[i].done;
        lost |= has_lost(&a->choices[i]);
    }
    if (lost) {
        refuse(&p, 503, NULL, "out_of_memory", "no memory for the response");
        return stop(a, &p);
    }
    if (done < a->n) return 0;
    count(a);
    if (a->r.return_state && held_put(&a->state, a->e, exchange_tenant(j->x), a->choices[0].session, &p))
        return stop(a, &p);
    a->how->finish(a);
    send_piece(a);
    if (a->r.stream) exchange_end(j->x);
    return 1;
}

static void release(job *j)
{
    answers *a = (answers *)j;
    for (int i = 0; i < a->n && a->choices; i++) {
        choice *c = &a->choices[i];
        wkv_session_free(c->session);
        out_release(&c->text);
        out_release(&c->reasoning);
        free(c->scores);
        free(c->top);
        for (int k = 0; k < 4; k++) out_release(&c->tokens[k]);
    }
    free(a->choices);
    kept_end(a->kept);
    out_release(&a->answer);
    out_release(&a->state);
    out_release(&a->piece);
    request_release(&a->r);
    free(a);
}

void answers_give(exchange *x, const dialect *how)
{
    problem p = {0};
    size_t bytes;
    const char *body = exchange_body(x, &bytes);
    answers *a = job_new(x, sizeof *a, work, release);
    if (!a) return;
    a->how = how, a->created = time(NULL);
    snprintf(a->id, sizeof a->id, "%s%s", how->prefix, exchange_id(x));
    if (!how->read(&a->r, body, bytes, &p)) {
        if (a->r.stream) exchange_expect_stream(x);
        if (!models_give(a->r.model, &a->j, 1, &p)) return;
    }
    release(&a->j);
    exchange_refuse(x, &p);
}

void answers_usage(const answers *a, out *o)
{
    int sampled = 0;
    for (int i = 0; i < a->n; i++) sampled += a->choices[i].sampled;
    out_format(o,
               "{\"prompt_tokens\": %d, \"completion_tokens\": %d, \"total_tokens\": %d, "
               "\"prompt_tokens_details\": {\"cached_tokens\": %d}}",
               a->prompt, sampled, a->prompt + sampled, a->cached);
}

void answers_extras(const answers *a, out *o)
{
    if (a->state.n) {
        out_text(o, ", \"state\": ");
        out_put(o, a->state.at, a->state.n);
    }
    if (a->kept)
        out_format(o, ", \"session\": \"%s\", \"message\": \"%s\"", kept_session(a->kept), kept_message(a->kept));
}
