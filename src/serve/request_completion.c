/* request_completion.c - bodies with prompts: /v1/completions and /v1/embeddings. */
#include "request.h"
#include "request_memory.h"
#include <limits.h>
#include <string.h>

static int is_ids(const json_t *v) { return json_is_array(v) && json_is_integer(json_array_get(v, 0)); }

static int read_ids(prompt *to, request *r, const json_t *list, const char *name, problem *p)
{
    const size_t n = json_array_size(list);
    if (n > INT_MAX / 4) return refuse(p, 400, name, "out_of_range", "%s has too many ids", name);
    int32_t *ids = request_take(r, n * sizeof *ids, p);
    if (!ids) return -1;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_integer(v)) return field_refuse(p, name, "ids only", v);
        const json_int_t id = json_integer_value(v);
        if (id < 0 || id > INT32_MAX)
            return refuse(p, 400, name, "out_of_range", "%s has the id %lld, expected ids of this model's tokens", name,
                          (long long)id);
        ids[i] = (int32_t)id;
    }
    *to = (prompt){.ids = ids, .n = (int)n};
    return 0;
}

static int read_prompt(prompt *to, request *r, const json_t *v, const char *name, problem *p)
{
    if (is_ids(v)) return read_ids(to, r, v, name, p);
    if (!json_is_string(v)) return field_refuse(p, name, "strings or arrays of ids", v);
    *to = (prompt){.text = json_string_value(v), .n = (int)json_string_length(v)};
    return 0;
}

/* A string, an array of strings, of ids, or of arrays of ids. */
int request_prompts(request *r, const char *name, problem *p)
{
    const json_t *v = json_object_get(r->body, name);
    if (!v || json_is_null(v)) return refuse(p, 400, name, "missing", "%s is missing", name);
    const int several = json_is_array(v) && !is_ids(v);
    const size_t n = several ? json_array_size(v) : 1;
    if (n < 1 || n > REQUEST_PROMPTS)
        return refuse(p, 400, name, "out_of_range", "%s has %zu elements, expected 1 to %d", name, n, REQUEST_PROMPTS);
    if (!(r->prompts = request_take(r, n * sizeof *r->prompts, p))) return -1;
    for (size_t i = 0; i < n; i++)
        if (read_prompt(&r->prompts[i], r, several ? json_array_get(v, i) : v, name, p)) return -1;
    r->n_prompts = (int)n;
    return 0;
}

int request_completion(request *r, const char *body, size_t bytes, problem *p)
{
    const char *suffix = NULL;
    int best = 1;
    if (request_begin(r, body, bytes, p) || request_settings(r, p) || request_prompts(r, "prompt", p) ||
        field_count(&r->logprobs, r->body, "logprobs", 0, REQUEST_TOP, p) || field_flag(&r->echo, r->body, "echo", p) ||
        field_text(&suffix, r->body, "suffix", p) || field_count(&best, r->body, "best_of", 1, 128, p))
        return -1;
    if (r->session) return refuse(p, 400, "session", "invalid_value", "a session goes on with /v1/chat/completions");
    if ((r->state || r->return_state) && (r->n_prompts > 1 || r->echo))
        return refuse(p, 400, r->state ? "state" : "return_state", "invalid_value",
                      "a state is for one prompt without echo");
    if (suffix && *suffix)
        return refuse(p, 501, "suffix", "unsupported",
                      "suffix is not supported: RWKV models have no token to fill in with");
    if (best > r->n)
        return refuse(p, 501, "best_of", "unsupported",
                      "best_of is %d; this server returns all n answers: send n instead", best);
    if (!r->max_tokens && !r->echo)
        return refuse(p, 400, "max_tokens", "out_of_range", "max_tokens is 0 without echo: there is nothing to return");
    if (r->n_prompts * r->n > REQUEST_PROMPTS)
        return refuse(p, 400, "n", "out_of_range", "%d prompts of %d answers each, expected at most %d answers",
                      r->n_prompts, r->n, REQUEST_PROMPTS);
    if (r->max_tokens < 0) r->max_tokens = 16; /* OpenAI's default */
    return 0;
}

int request_embeddings(request *r, const char *input, int *base64, const char *body, size_t bytes, problem *p)
{
    const char *encoding = "float";
    int dimensions = 0;
    if (request_begin(r, body, bytes, p) || field_text(&r->model, r->body, "model", p) ||
        request_prompts(r, input, p) || field_text(&encoding, r->body, "encoding_format", p) ||
        field_count(&dimensions, r->body, "dimensions", 1, INT_MAX, p))
        return -1;
    if (dimensions)
        return refuse(p, 501, "dimensions", "unsupported",
                      "an embedding has the width of the model, and a part of it has no meaning; omit dimensions");
    for (int i = 0; i < r->n_prompts; i++) {
        if (!r->prompts[i].text)
            return refuse(p, 400, input, "unsupported",
                          "%s has token ids, probably of another model's vocabulary; send texts: in LangChain "
                          "OpenAIEmbeddings(check_embedding_ctx_length=False)",
                          input);
        if (!r->prompts[i].n) return refuse(p, 400, input, "invalid_value", "%s has an empty string", input);
    }
    *base64 = !strcmp(encoding, "base64");
    if (!*base64 && strcmp(encoding, "float"))
        return refuse(p, 400, "encoding_format", "invalid_value",
                      "encoding_format is '%.40s', expected float or base64", encoding);
    return 0;
}
