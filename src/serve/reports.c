/* reports.c - /v1/models, /health, /metrics: the state of the server. */
#include "dialects.h"
#include "models.h"
#include "server.h"
#include "store_thread.h"
#include <string.h>

/* ---- models ------------------------------------------------------------------------------------------------------ */

static void put_sampler(out *o, const char *name, const wkv_sampler_options *s)
{
    out_format(o,
               ", \"%s\": {\"temperature\": %g, \"top_p\": %g, \"top_k\": %d, \"min_p\": %g, \"typical_p\": %g, "
               "\"presence_penalty\": %g, \"frequency_penalty\": %g, \"penalty_decay\": %g}",
               name, s->temperature, s->top_p, s->top_k, s->min_p, s->typical_p, s->presence, s->frequency,
               s->penalty_decay);
}

/* The fields of Anthropic's list are behind those of OpenAI's. */
static void put_model(out *o, const server *s, const model_report *m)
{
    out_text(o, "{\"id\": ");
    out_quoted(o, m->name);
    out_format(o, ", \"object\": \"model\", \"created\": %lld, \"owned_by\": \"wkv\", \"display_name\": ",
               (long long)s->created);
    out_quoted(o, m->name);
    out_text(o, ", \"created_at\": ");
    out_date(o, s->created);
    out_format(o,
               ", \"type\": \"model\", \"lifecycle\": \"active\", \"max_input_tokens\": %d, \"meta\": {\"n_ctx\": %d",
               models_window(m), models_window(m));
    if (m->context_length) out_format(o, ", \"n_ctx_train\": %d", m->context_length);
    if (m->vocab)
        out_format(o,
                   ", \"n_vocab\": %d, \"n_embd\": %d, \"n_params\": %lld, \"size\": %zu, \"version\": \"%s\", "
                   "\"template\": \"%s\", \"state_bytes\": %zu",
                   m->vocab, m->width, (long long)m->parameters, m->bytes, m->version, m->template_name,
                   m->state_bytes);
    if (m->vocab) put_sampler(o, "sampler", &m->sampler);
    if (m->vocab && m->reasons) put_sampler(o, "reasoning_sampler", &m->reasoning_sampler);
    out_format(o, ", \"resident\": %s}}", m->resident ? "true" : "false");
}

void handle_models(exchange *x)
{
    server *s = exchange_server(x);
    model_report m;
    out o = {0};
    out_text(&o, "{\"object\": \"list\", \"data\": [");
    for (int i = 0; models_report(s, i, &m); i++) {
        if (i) out_text(&o, ", ");
        put_model(&o, s, &m);
    }
    out_text(&o, "], \"has_more\": false, \"models\": []}"); /* Codex reads a list of its own, which may be empty */
    exchange_reply_json(x, &o);
}

void handle_model(exchange *x)
{
    server *s = exchange_server(x);
    const char *name = exchange_path(x) + strlen("/v1/models/");
    model_report m;
    problem p;
    for (int i = 0; models_report(s, i, &m); i++) {
        if (strcmp(m.name, name)) continue;
        out o = {0};
        put_model(&o, s, &m);
        exchange_reply_json(x, &o);
        return;
    }
    refuse(&p, 404, "model", "model_not_found", "there is no model '%.100s'; /v1/models lists them", name);
    exchange_refuse(x, &p);
}

/* ---- health ------------------------------------------------------------------------------------------------------ */

void handle_health(exchange *x)
{
    server *s = exchange_server(x);
    model_report m;
    problem p = {0};
    out o = {0};
    models_report(s, 0, &m);
    if (s->closing)
        refuse(&p, 503, NULL, "shutting_down", "the server is shutting down");
    else if (!models_ready(s))
        refuse(&p, 503, NULL, "loading", "the model %.100s is loading", m.name);
    else if (*m.failure)
        refuse(&p, 503, NULL, "model_not_loaded", "%s", m.failure);
    if (p.status) {
        exchange_refuse(x, &p);
        return;
    }
    out_text(&o, "{\"status\": \"ok\"}");
    exchange_reply_json(x, &o);
}

/* ---- metrics ----------------------------------------------------------------------------------------------------- */

static void put_metric(out *o, const char *name, const char *type, const char *help, double value)
{
    out_format(o, "# HELP wkv_%s %s\n# TYPE wkv_%s %s\nwkv_%s %.15g\n", name, help, name, type, name, value);
}

/* Prometheus' text format, version 0.0.4. */
void handle_metrics(exchange *x)
{
    server *s = exchange_server(x);
    const metrics *m = &s->count;
    out o = {0};
    int jobs = 0, resident = 0;
    model_report r;
    for (int i = 0; models_report(s, i, &r); i++) jobs += r.jobs, resident += r.resident;
    put_metric(&o, "requests_total", "counter", "Requests.", (double)m->requests);
    put_metric(&o, "requests_refused_total", "counter", "Responses with a status of 400 to 499.", (double)m->refused);
    put_metric(&o, "requests_failed_total", "counter", "Responses with a status of 500 or more.", (double)m->failed);
    put_metric(&o, "requests_left_total", "counter", "Requests of clients that left.", (double)m->cancelled);
    put_metric(&o, "prompt_tokens_total", "counter", "Tokens of prompts.", (double)m->prompt_tokens);
    put_metric(&o, "cached_tokens_total", "counter", "Tokens of prompts that were found in the cache.",
               (double)m->cached_tokens);
    put_metric(&o, "sampled_tokens_total", "counter", "Tokens of answers.", (double)m->sampled_tokens);
    put_metric(&o, "steps_total", "counter", "Steps of the batchers.", (double)m->steps);
    put_metric(&o, "step_seconds_total", "counter", "Time in steps.", 1e-6 * (double)m->step_time);
    put_metric(&o, "own_seconds_total", "counter", "Processor time of the engines between steps.",
               1e-6 * (double)m->own_time);
    put_metric(&o, "http_seconds_total", "counter", "Processor time of the thread of connections.",
               s->clocked ? 1e-6 * (double)thread_clock_us(s->http_clock) : 0);
    put_metric(&o, "jobs", "gauge", "Requests at work or waiting.", jobs);
    put_metric(&o, "store_jobs", "gauge", "Requests that the store works on, or that wait for it.",
               store_thread_jobs(s));
    put_metric(&o, "connections", "gauge", "Requests whose response is not finished.", http_busy(s));
    put_metric(&o, "models_resident", "gauge", "Models in memory.", resident);
    put_metric(&o, "memory_resident_bytes", "gauge", "Resident memory, mapped files included.",
               (double)wkv_memory_resident());
    exchange_reply(x, 200, "text/plain; version=0.0.4; charset=utf-8", &o);
}
