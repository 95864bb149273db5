/* request.c - the fields that the dialects share: sampling, limits, stops, log-probabilities. */
#include "request.h"
#include "request_memory.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request_memory {
    struct request_memory *next;
};

void *request_take(request *r, size_t bytes, problem *p)
{
    struct request_memory *m = malloc(sizeof *m + bytes);
    if (!m) {
        refuse(p, 503, NULL, "out_of_memory", "no memory for %zu bytes of a request", bytes);
        return NULL;
    }
    m->next = r->memory;
    r->memory = m;
    return m + 1;
}

const char *request_keep(request *r, char *text, problem *p)
{
    char *kept = text ? request_take(r, strlen(text) + 1, p) : NULL;
    if (!text) refuse(p, 503, NULL, "out_of_memory", "no memory for a request");
    if (kept) strcpy(kept, text);
    free(text);
    return kept;
}

void request_release(request *r)
{
    for (struct request_memory *m = r->memory, *next; m; m = next) {
        next = m->next;
        free(m);
    }
    wkv_tools_free(r->tools);
    json_decref(r->body);
    *r = (request){0};
}

wkv_sampler_options request_no_sampler(void)
{
    return (wkv_sampler_options){.temperature = NAN,
                                 .top_p = NAN,
                                 .top_k = -1,
                                 .min_p = NAN,
                                 .typical_p = NAN,
                                 .presence = NAN,
                                 .frequency = NAN,
                                 .penalty_decay = NAN};
}

int request_begin(request *r, const char *body, size_t bytes, problem *p)
{
    *r = (request){.max_tokens = -1, .n = 1, .logprobs = -1};
    r->sampler = request_no_sampler();
    return fields_read(&r->body, body, bytes, p);
}

/* ---- sampling ---------------------------------------------------------------------------------------------------- */

static int read_seed(request *r, const json_t *o, problem *p)
{
    const json_t *v = json_object_get(o, "seed");
    if (!v || json_is_null(v)) return 0;
    if (!json_is_integer(v)) return field_refuse(p, "seed", "an integer", v);
    r->seeded = 1;
    r->seed = (uint64_t)json_integer_value(v);
    return 0;
}

static int read_bias(request *r, const json_t *settings, problem *p)
{
    const json_t *o = NULL;
    if (field_object(&o, settings, "logit_bias", p)) return -1;
    const size_t n = json_object_size(o);
    if (!n) return 0;
    int32_t *ids = request_take(r, n * sizeof *ids, p);
    float *bias = request_take(r, n * sizeof *bias, p);
    if (!ids || !bias) return -1;
    const char *key;
    json_t *v;
    int at = 0;
    json_object_foreach((json_t *)o, key, v)
    {
        char *end;
        errno = 0;
        const long id = strtol(key, &end, 10);
        if (end == key || *end || errno || id < 0 || id > INT32_MAX)
            return refuse(p, 400, "logit_bias", "invalid_value",
                          "logit_bias has the key '%.40s', expected ids of this model's tokens", key);
        if (!json_is_number(v)) return field_refuse(p, "logit_bias", "numbers by id", v);
        const double x = json_number_value(v);
        if (!(x >= -100 && x <= 100))
            return refuse(p, 400, "logit_bias", "out_of_range", "logit_bias of %ld is %g, expected -100 to 100", id, x);
        ids[at] = (int32_t)id;
        bias[at++] = x <= -100 ? -INFINITY : (float)x;
    }
    r->sampler.bias_ids = ids, r->sampler.bias = bias, r->sampler.n_bias = at;
    return 0;
}

/* -1 stands for "no limit", as 0 does. */
static int read_top_k(wkv_sampler_options *s, const json_t *o, problem *p)
{
    int n = INT_MAX;
    if (field_count(&n, o, "top_k", -1, 1000000, p)) return -1;
    if (n < INT_MAX) s->top_k = n < 0 ? 0 : n;
    return 0;
}

int request_sampling(request *r, const json_t *o, problem *p)
{
    wkv_sampler_options *s = &r->sampler;
    int bad = field_real(&s->temperature, o, "temperature", 0, 100, p) || field_real(&s->top_p, o, "top_p", 0, 1, p) ||
              read_top_k(s, o, p) || field_real(&s->min_p, o, "min_p", 0, 1, p) ||
              field_real(&s->typical_p, o, "typical_p", 0, 1, p) ||
              field_real(&s->presence, o, "presence_penalty", -100, 100, p) ||
              field_real(&s->frequency, o, "frequency_penalty", -100, 100, p) ||
              field_real(&s->penalty_decay, o, "penalty_decay", 0.01, 1, p) ||
              field_real(&s->mirostat_tau, o, "mirostat_tau", 0, 100, p) ||
              field_real(&s->mirostat_eta, o, "mirostat_eta", 0, 1, p);
    return bad || read_seed(r, o, p) || read_bias(r, o, p) ? -1 : 0;
}

int request_think(request *r, const char *word, const char *name, problem *p)
{
    static const struct {
        const char *word;
        wkv_think think;
    } efforts[] = {{"none", WKV_THINK_OFF},      {"minimal", WKV_THINK_OFF}, {"low", WKV_THINK_SHORT},
                   {"medium", WKV_THINK_MEDIUM}, {"high", WKV_THINK_LONG},   {"xhigh", WKV_THINK_LONG},
                   {"max", WKV_THINK_LONG}};
    for (size_t i = 0; i < sizeof efforts / sizeof *efforts; i++)
        if (!strcmp(word, efforts[i].word)) {
            r->think = efforts[i].think;
            return 0;
        }
    return refuse(p, 400, name, "invalid_value", "%s is '%.40s', expected none, minimal, low, medium or high", name,
                  word);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static int add_stop(request *r, const json_t *v, const char *name, problem *p)
{
    if (!json_string_length(v)) return 0;
    if (json_string_length(v) > 256) return refuse(p, 400, name, "out_of_range", "%s has more than 256 bytes", name);
    if (r->n_stops == REQUEST_STOPS)
        return refuse(p, 400, name, "out_of_range", "%s is too many, expected at most %d strings", name, REQUEST_STOPS);
    r->stops[r->n_stops++] = json_string_value(v);
    return 0;
}

int request_stops(request *r, const json_t *o, const char *name, problem *p)
{
    const json_t *v = json_object_get(o, name);
    if (!v || json_is_null(v)) return 0;
    if (json_is_string(v)) return add_stop(r, v, name, p);
    if (!json_is_array(v)) return field_refuse(p, name, "a string or an array of strings", v);
    for (size_t i = 0; i < json_array_size(v); i++) {
        char element[64];
        snprintf(element, sizeof element, "%s[%zu]", name, i);
        if (!json_is_string(json_array_get(v, i))) return field_refuse(p, element, "a string", json_array_get(v, i));
        if (add_stop(r, json_array_get(v, i), element, p)) return -1;
    }
    return 0;
}

static int read_stream(request *r, problem *p)
{
    const json_t *how = NULL;
    if (field_flag(&r->stream, r->body, "stream", p) || field_object(&how, r->body, "stream_options", p)) return -1;
    return how ? field_flag(&r->usage, how, "include_usage", p) : 0;
}

/* Fields that say something about a session or a state, which must then be there, and agree. */
static int check_extras(const request *r, problem *p)
{
    const char *of = r->parent ? "parent" : r->edit ? "edit" : r->branch ? "branch" : NULL;
    if (of && !r->session)
        return refuse(p, 400, of, "invalid_value", "%s is of a session, and the request has no session", of);
    if (r->edit && r->branch && r->parent)
        return refuse(p, 400, "parent", "invalid_value",
                      "with branch, the turn goes on from parent or from before edit: send one of them");
    if (r->state && r->session) return refuse(p, 400, "state", "invalid_value", "state and session exclude each other");
    if (r->n == 1) return 0;
    const char *single = r->session ? "session" : r->state ? "state" : r->return_state ? "return_state" : NULL;
    return single ? refuse(p, 400, "n", "invalid_value", "n is %d, expected 1 with %s", r->n, single) : 0;
}

int request_settings(request *r, problem *p)
{
    const json_t *o = r->body;
    return field_text(&r->model, o, "model", p) || request_sampling(r, o, p) ||
                   field_count(&r->max_tokens, o, "max_tokens", 0, INT_MAX, p) ||
                   field_count(&r->max_tokens, o, "max_completion_tokens", 0, INT_MAX, p) ||
                   field_count(&r->n, o, "n", 1, REQUEST_CHOICES, p) || request_stops(r, o, "stop", p) ||
                   read_stream(r, p) || request_format(r, p) || field_flag(&r->return_state, o, "return_state", p) ||
                   field_text(&r->state, o, "state", p) || field_text(&r->session, o, "session", p) ||
                   field_text(&r->parent, o, "parent", p) || field_text(&r->edit, o, "edit", p) ||
                   field_flag(&r->branch, o, "branch", p) || check_extras(r, p)
               ? -1
               : 0;
}
