/* answers.c - the events of sessions in the batcher become the response of a dialect. */
#include "answers.h"
#include "grammars.h"
#include "held.h"
#include "kept.h"
#include "models.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- events ------------------------------------------------------------------------------------------------------ */

static void complete(answers *a, choice *c, const char *finish)
{
    c->done = 1;
    c->sampled = wkv_session_about(c->session).sampled;
    c->finish = finish;
    answers_turn(a, c, ITEM_NONE);
    if (a->r.stream && !a->kept) a->how->end(a, c); /* a turn of a session ends when it is on the disk */
}

static void send_piece(answers *a)
{
    if (a->r.stream && a->piece.n) exchange_send(a->j.x, &a->piece);
    out_clear(&a->piece);
}

void answers_turn(answers *a, choice *c, item to)
{
    if (!a->how->open || !a->r.stream || (to == c->item && to != ITEM_CALL)) return;
    if (c->item) {
        a->how->close(a, c);
        c->items++;
    }
    c->item = to;
    if (to) a->how->open(a, c);
}

static int take_text(answers *a, choice *c, const wkv_event *e)
{
    if (e->kind == WKV_EVENT_TOOL_CALL) return calls_take(a, c, e->text, e->bytes);
    const int reasoning = e->kind == WKV_EVENT_REASONING;
    if (a->kept && e->kind == WKV_EVENT_TEXT) out_put(&a->answer, e->text, e->bytes);
    if (a->left) return 0;
    if (e->kind == WKV_EVENT_TOKEN)
        a->how->token(a, c, e->token, e->top);
    else if (a->r.stream && a->r.logprobs < 0) {
        answers_turn(a, c, reasoning ? ITEM_REASONING : ITEM_TEXT);
        a->how->part(a, c, reasoning, e->text, e->bytes);
    } else /* for a whole response, or a stream's next token */
        out_put(reasoning ? &c->reasoning : &c->text, e->text, e->bytes);
    return 0;
}

/* Server or client end before a turn of a session has an answer to keep. */
static int refuse_turn(problem *p) { return refuse(p, 503, NULL, "shutting_down", "the server is shutting down"); }

static int finish_choice(answers *a, choice *c, const wkv_event *e, problem *p)
{
    c->why = e->finish_reason;
    if (e->finish_reason == WKV_FINISH_FAILED) return refuse(p, 500, NULL, "generation_failed", "%s", e->error);
    if (e->finish_reason == WKV_FINISH_READ) {
        if (a->kept && kept_asked(a->kept, c->session, p)) return -1;
        a->asked = a->kept != NULL;
        if (!a->r.max_tokens) { /* the prompt was to be read, for the cache */
            complete(a, c, "length");
            return 0;
        }
        const int err = answers_fork(a, c);
        return err ? refuse_library(p, err, NULL) : 0;
    }
    const int cut = e->finish_reason == WKV_FINISH_CANCELLED;
    if (!cut) calls_end(a, c);
    if (a->kept && cut && !wkv_session_about(c->session).sampled) return refuse_turn(p);
    if (e->stop >= c->own_stops) c->stop = a->r.stops[e->stop - c->own_stops];
    if (a->kept && kept_answered(a->kept, c->session, &a->answer, p)) return -1;
    complete(a, c, e->finish_reason == WKV_FINISH_LENGTH || cut ? "length" : c->n_calls ? "tool_calls" : "stop");
    return 0;
}

/* Events of a choice, while the client can take them. */
static int drain(answers *a, choice *c, problem *p)
{
    wkv_event e;
    int err = 0;
    const int waits = a->r.stream && !a->left && a->e->server->closing < 2; /* then no more for a client */
    while (!err && !(waits && exchange_full(a->j.x)) && wkv_session_next_event(c->session, &e)) {
        if (!a->first) a->first = now_us();
        if (e.kind == WKV_EVENT_DONE)
            err = finish_choice(a, c, &e, p);
        else if (take_text(a, c, &e))
            err = refuse_library(p, WKV_ENOMEM, NULL);
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
    f->finish = a->n ? a->choices[0].finish : NULL;
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
        if (!err) err = answers_start(a, c);
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
    if (a->left || a->e->server->closing > 1) wkv_session_cancel(c->session);
    wkv_cache_keep(a->e->cache, c->session);
    return drain(a, c, p);
}

/* A part of the response was lost: there was no memory. */
static int has_lost(const choice *c)
{
    int lost = c->text.failed || c->reasoning.failed || c->arguments.failed || c->calls.failed;
    for (int k = 0; k < 4; k++) lost |= c->tokens[k].failed;
    return lost;
}

static job_result stop(answers *a, const problem *p)
{
    if (a->kept) kept_leave(a->kept);
    exchange_refuse(a->j.x, p);
    return JOB_DONE;
}

static job_result respond(answers *a)
{
    problem p;
    count(a);
    if (a->left) return JOB_DONE;
    if (a->r.return_state && held_put(&a->state, a->e, exchange_tenant(a->j.x), a->choices[0].session, &p))
        return stop(a, &p);
    if (a->kept && a->r.stream) a->how->end(a, &a->choices[0]);
    a->how->finish(a);
    send_piece(a);
    if (a->r.stream) exchange_end(a->j.x);
    return JOB_DONE;
}

/* The part of the store's thread in a turn of a session. */
static int store(job *j)
{
    answers *a = (answers *)j;
    if (!a->begun) return kept_load(a->kept);
    kept_save(a->kept);
    return 0;
}

static job_result begin(answers *a)
{
    problem p;
    if (a->r.session && !a->kept) {
        if ((a->kept = kept_new(a))) return JOB_STORES;
        refuse(&p, 503, NULL, "out_of_memory", "no memory for a session");
        return stop(a, &p);
    }
    return answers_begin(a, &p) ? stop(a, &p) : JOB_WORKS;
}

/* Events of all choices; *done: the choices that are complete. */
static int advance_all(answers *a, int *done, problem *p)
{
    const int err = read_echo(a);
    int lost = 0;
    if (err) return refuse_library(p, err, NULL);
    *done = 0;
    for (int i = 0; i < a->n; i++) {
        if (!a->choices[i].done && advance(a, &a->choices[i], p)) return -1;
        *done += a->choices[i].done;
        lost |= has_lost(&a->choices[i]);
    }
    return lost ? refuse(p, 503, NULL, "out_of_memory", "no memory for the response") : 0;
}

static job_result work(job *j, engine *e)
{
    answers *a = (answers *)j;
    problem p;
    int done = 0;
    a->e = e;
    if (a->kept && kept_problem(a->kept)) return stop(a, kept_problem(a->kept));
    if (a->saves) return respond(a);
    a->left = exchange_gone(j->x);
    if (a->left && !a->asked) return JOB_DONE; /* of an answer in a session the part that is there is kept */
    if (!a->begun) return begin(a);
    if (advance_all(a, &done, &p)) return stop(a, &p);
    if (done < a->n) return JOB_WORKS;
    a->saves = a->kept != NULL;
    return a->saves ? JOB_STORES : respond(a);
}

static void release(job *j)
{
    answers *a = (answers *)j;
    for (int i = 0; i < a->n && a->choices; i++) {
        choice *c = &a->choices[i];
        wkv_session_free(c->session);
        out_release(&c->text);
        out_release(&c->reasoning);
        out_release(&c->arguments);
        out_release(&c->calls);
        wkv_call_reader_free(c->reader);
        free(c->scores);
        free(c->top);
        for (int k = 0; k < 4; k++) out_release(&c->tokens[k]);
    }
    free(a->choices);
    grammars_release(a->form);
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
    a->j.store = store;
    a->how = how, a->created = time(NULL), a->given = now_us();
    snprintf(a->id, sizeof a->id, "%s%s", how->prefix, exchange_id(x));
    if (!how->read(&a->r, body, bytes, &p) && (!how->follow || !how->follow(a, &p))) {
        if (a->r.stream) exchange_expect_stream(x);
        if (!models_give(a->r.model, &a->j, 1, &p)) return;
    }
    release(&a->j);
    exchange_refuse(x, &p);
}

void answers_begin_event(answers *a, const char *type)
{
    out_format(&a->piece, "event: %s\ndata: {\"type\": \"%s\"", type, type);
}

void answers_end_event(answers *a) { out_text(&a->piece, "}\n\n"); }

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
