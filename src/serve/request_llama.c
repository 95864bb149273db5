/* request_llama.c - the bodies of Ollama's API and of llama.cpp's server, which have the same names of settings. */
#include "request.h"
#include "request_memory.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* ---- settings ---------------------------------------------------------------------------------------------------- */

/* -1 and -2 stand for "no limit": the server's. */
static int read_limit(request *r, const json_t *o, const char *name, problem *p)
{
    int n = -1;
    if (field_count(&n, o, name, -2, INT_MAX, p)) return -1;
    r->max_tokens = n < 0 ? -1 : n;
    return 0;
}

/* `limit` is the field of the most tokens. A negative seed is a random one, and clients send the settings of mirostat
 * also where it is off. */
static int read_settings(request *r, const json_t *o, const char *limit, problem *p)
{
    int mirostat = 0;
    if (request_sampling(r, o, p) || read_limit(r, o, limit, p) || request_stops(r, o, "stop", p) ||
        field_count(&mirostat, o, "mirostat", 0, 2, p))
        return -1;
    if (!mirostat) r->sampler.mirostat_tau = 0;
    if (json_integer_value(json_object_get(o, "seed")) < 0) r->seeded = 0;
    return 0;
}

/* ---- Ollama ------------------------------------------------------------------------------------------------------ */

/* "": any text, "json": an object, or a schema. */
static int read_format(request *r, problem *p)
{
    const json_t *v = json_object_get(r->body, "format");
    if (!v || json_is_null(v)) return 0;
    if (json_is_object(v)) return request_schema(r, v, p);
    if (!json_is_string(v)) return field_refuse(p, "format", "\"json\" or a schema", v);
    if (!*json_string_value(v)) return 0;
    if (strcmp(json_string_value(v), "json"))
        return refuse(p, 400, "format", "invalid_value", "format is '%.40s', expected json or a schema",
                      json_string_value(v));
    r->schema = "{\"type\":\"object\"}";
    return 0;
}

static int read_think(request *r, problem *p)
{
    const json_t *v = json_object_get(r->body, "think");
    if (json_is_string(v)) return request_think(r, json_string_value(v), "think", p);
    if (json_is_true(v)) r->think = WKV_THINK_MEDIUM;
    return !v || json_is_boolean(v) || json_is_null(v) ? 0 : field_refuse(p, "think", "a boolean or a string", v);
}

static int read_logprobs(request *r, problem *p)
{
    int with = 0, top = 0;
    if (field_flag(&with, r->body, "logprobs", p) || field_count(&top, r->body, "top_logprobs", 0, REQUEST_TOP, p))
        return -1;
    if (with) r->logprobs = top;
    return 0;
}

static int begin_ollama(request *r, const char *body, size_t bytes, problem *p)
{
    const json_t *options = NULL;
    if (request_begin(r, body, bytes, p) || field_text(&r->model, r->body, "name", p) ||
        field_text(&r->model, r->body, "model", p) || field_object(&options, r->body, "options", p))
        return -1;
    r->stream = 1;
    return field_flag(&r->stream, r->body, "stream", p) || read_settings(r, options, "num_predict", p) ||
                   read_format(r, p) || read_think(r, p) || read_logprobs(r, p)
               ? -1
               : 0;
}

static int refuse_images(const json_t *o, problem *p)
{
    if (!json_array_size(json_object_get(o, "images"))) return 0;
    return refuse(p, 501, "images", "unsupported", "images are not supported: this server reads text only");
}

/* Without messages the model is only loaded: one object, also where a stream was asked for. */
int request_ollama_chat(request *r, const char *body, size_t bytes, problem *p)
{
    const json_t *list = NULL;
    if (begin_ollama(r, body, bytes, p) || field_list(&list, r->body, "messages", p)) return -1;
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *m = json_array_get(list, i);
        if (refuse_images(m, p)) return -1;
        /* Ollama's own package leaves out what is empty */
        if (json_is_object(m) && !json_object_get(m, "content")) json_object_set_new(m, "content", json_string(""));
    }
    if (!json_array_size(list)) {
        r->stream = 0;
        return 0;
    }
    return request_tools(r, p) || request_messages(r, p) ? -1 : 0;
}

/* A text that the model continues as it is. */
static int read_raw(request *r, const char *text, problem *p)
{
    if (!(r->prompts = request_take(r, sizeof *r->prompts, p))) return -1;
    r->prompts[0] = (prompt){.text = text, .n = (int)strlen(text)};
    r->n_prompts = 1;
    return 0;
}

/* Without a prompt the model is only loaded, as above. */
int request_ollama_generate(request *r, const char *body, size_t bytes, problem *p)
{
    const char *text = "", *system = "", *suffix = "", *template = "";
    const json_t *context = NULL;
    int raw = 0;
    if (begin_ollama(r, body, bytes, p) || refuse_images(r->body, p) || field_text(&text, r->body, "prompt", p) ||
        field_text(&system, r->body, "system", p) || field_text(&suffix, r->body, "suffix", p) ||
        field_text(&template, r->body, "template", p) || field_flag(&raw, r->body, "raw", p) ||
        field_list(&context, r->body, "context", p))
        return -1;
    if (json_array_size(context))
        return refuse(p, 501, "context", "unsupported",
                      "context is not supported: send the messages of the conversation to /api/chat");
    if (*suffix)
        return refuse(p, 501, "suffix", "unsupported",
                      "suffix is not supported: RWKV models have no token to fill in with");
    if (*template)
        return refuse(p, 501, "template", "unsupported",
                      "template is not supported: send raw with the whole prompt, or leave it out");
    if (!*text) {
        r->stream = 0;
        return 0;
    }
    if (raw) return read_raw(r, text, p);
    return (*system && request_message(r, SPEAKER_SYSTEM, system, NULL, p)) ||
                   request_message(r, SPEAKER_USER, text, NULL, p)
               ? -1
               : 0;
}

/* ---- llama.cpp --------------------------------------------------------------------------------------------------- */

/* [[id, bias], ...], where false bans, becomes the object of the other dialects. */
static int read_pairs(request *r, problem *p)
{
    const json_t *list = json_object_get(r->body, "logit_bias");
    if (!json_is_array(list)) return 0;
    json_t *by_id = json_object();
    int bad = 0;
    for (size_t i = 0; i < json_array_size(list) && !bad; i++) {
        const json_t *id = json_array_get(json_array_get(list, i), 0),
                     *bias = json_array_get(json_array_get(list, i), 1);
        char key[32];
        if (!json_is_integer(id) || !(json_is_number(bias) || json_is_false(bias))) {
            bad = refuse(p, 400, "logit_bias", "invalid_value",
                         "logit_bias[%zu] is not a pair of an id and a number or false", i);
            break;
        }
        snprintf(key, sizeof key, "%lld", (long long)json_integer_value(id));
        json_object_set_new(by_id, key, json_real(json_is_false(bias) ? -100 : json_number_value(bias)));
    }
    json_object_set_new(r->body, "logit_bias", by_id);
    return bad;
}

static int refuse_other(const request *r, problem *p)
{
    const char *grammar = "";
    int endless = 0;
    if (field_text(&grammar, r->body, "grammar", p) || field_flag(&endless, r->body, "ignore_eos", p)) return -1;
    if (*grammar)
        return refuse(p, 501, "grammar", "unsupported", "grammar is not supported: send the schema of an answer");
    if (endless)
        return refuse(p, 501, "ignore_eos", "unsupported",
                      "ignore_eos is not supported: send the logit_bias -100 of the token that ends a text");
    if (json_array_size(json_object_get(r->body, "image_data")) ||
        json_object_get(json_object_get(r->body, "prompt"), "multimodal_data"))
        return refuse(p, 501, "prompt", "unsupported", "images are not supported: this server reads text only");
    return 0;
}

int request_llama_completion(request *r, const char *body, size_t bytes, problem *p)
{
    const json_t *schema = NULL;
    if (request_begin(r, body, bytes, p) || refuse_other(r, p) || read_pairs(r, p) ||
        field_text(&r->model, r->body, "model", p) || read_settings(r, r->body, "n_predict", p) ||
        request_prompts(r, "prompt", p) || field_flag(&r->stream, r->body, "stream", p) ||
        field_count(&r->logprobs, r->body, "n_probs", 0, REQUEST_TOP, p) ||
        field_object(&schema, r->body, "json_schema", p))
        return -1;
    if (!r->logprobs) r->logprobs = -1; /* n_probs 0: none */
    return json_object_size(schema) ? request_schema(r, schema, p) : 0;
}
