/* corpus.c - sound requests: the lines of docs/server.md, and bodies with the fields that those lack. */
#include "attack.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 128, NAMES = 8 };
static sample samples[MOST];
static int n_samples;

#define TALK "\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]"

static const struct {
    const char *method, *path, *body;
} table[] = {
    {"POST", "/v1/chat/completions",
     "{" TALK
     ", \"model\": \"built-in\", \"max_completion_tokens\": 3, \"temperature\": 0.7, \"top_p\": 0.9, \"top_k\": 5,"
     "\"min_p\": 0.1, \"typical_p\": 0.9, \"presence_penalty\": 0.5, \"frequency_penalty\": 0.5, \"penalty_decay\": 0.9,"
     "\"logit_bias\": {\"66\": 5, \"0\": -100}, \"seed\": 7, \"stop\": [\"a\", \"the end\"], \"reasoning_effort\": \"low\"}"},
    {"POST", "/v1/chat/completions",
     "{" TALK ", \"mirostat_tau\": 3, \"mirostat_eta\": 0.1, \"max_tokens\": 3, \"stream\": true,"
     "\"stream_options\": {\"include_usage\": true}, \"logprobs\": true, \"top_logprobs\": 3, \"n\": 2}"},
    {"POST", "/v1/chat/completions",
     "{\"messages\": [{\"role\": \"system\", \"content\": \"Be brief.\"}, {\"role\": \"user\", \"content\": [{\"type\": \"text\","
     "\"text\": \"a\"}, {\"type\": \"text\", \"text\": \"b\"}]}, {\"role\": \"assistant\", \"content\": null}, {\"role\": \"user\","
     "\"content\": \"c\"}, {\"role\": \"assistant\", \"content\": \"d\"}], \"max_tokens\": 2, \"tools\": [],"
     "\"tool_choice\": \"none\", \"response_format\": {\"type\": \"text\"}, \"modalities\": [\"text\"]}"},
    {"POST", "/v1/chat/completions",
     "{" TALK ", \"max_tokens\": 60, \"tool_choice\": \"required\", \"parallel_tool_calls\": false, \"tools\": [{\"type\":"
     "\"function\", \"function\": {\"name\": \"f\", \"strict\": true, \"parameters\": {\"type\": \"object\", \"properties\":"
     "{\"a\": {\"$ref\": \"#/$defs/a\"}, \"b\": {\"enum\": [1, \"x\", null]}}, \"required\": [\"b\"],"
     "\"additionalProperties\": false, \"$defs\": {\"a\": {\"type\": \"array\", \"items\": {\"type\": \"string\","
     "\"pattern\": \"^[a-c]+(x|y)?$\"}, \"minItems\": 1, \"maxItems\": 3}}}}}, {\"type\": \"function\", \"function\":"
     "{\"name\": \"now\", \"description\": \"The time.\"}}]}"},
    {"POST", "/v1/chat/completions",
     "{" TALK ", \"max_tokens\": 40, \"stream\": true, \"logprobs\": true, \"response_format\": {\"type\": \"json_schema\","
     "\"json_schema\": {\"schema\": {\"anyOf\": [{\"type\": \"integer\", \"minimum\": -5, \"exclusiveMaximum\": 100},"
     "{\"allOf\": [{\"properties\": {\"k\": {\"const\": 1}}}, {\"required\": [\"k\"]}]}, {\"type\": \"string\","
     "\"maxLength\": 9, \"format\": \"date\"}, {\"prefixItems\": [true], \"items\": false}]}}}}"},
    {"POST", "/v1/chat/completions", "{" TALK ", \"session\": \"$SESSION\", \"max_tokens\": 2}"},
    {"POST", "/v1/chat/completions", "{" TALK ", \"session\": \"$SESSION\", \"max_tokens\": 2, \"stream\": true}"},
    {"POST", "/v1/chat/completions",
     "{" TALK ", \"session\": \"$SESSION\", \"parent\": \"$MESSAGE\", \"branch\": true, \"max_tokens\": 2}"},
    {"POST", "/v1/chat/completions",
     "{" TALK ", \"session\": \"$SESSION\", \"edit\": \"$MESSAGE\", \"max_tokens\": 2}"},
    {"POST", "/v1/chat/completions", "{" TALK ", \"return_state\": true, \"max_tokens\": 2}"},
    {"POST", "/v1/completions", "{\"prompt\": \"a\", \"return_state\": true, \"max_tokens\": 1}"},
    {"POST", "/v1/completions", "{\"prompt\": \"b\", \"state\": \"$STATE\", \"max_tokens\": 1}"},
    {"POST", "/v1/completions",
     "{\"prompt\": [[1, 2], [3]], \"max_tokens\": 2, \"n\": 2, \"best_of\": 2, \"suffix\": \"\"}"},
    {"POST", "/v1/completions",
     "{\"prompt\": [1, 2, 3], \"max_tokens\": 2, \"echo\": true, \"logprobs\": 5, \"stream\": true, \"seed\": 1}"},
    {"POST", "/v1/embeddings", "{\"input\": \"a\", \"encoding_format\": \"base64\", \"model\": \"built-in\"}"},
    {"POST", "/v1/sessions/$SESSION/branch", "{\"name\": \"x\", \"message\": \"$MESSAGE\", \"head\": \"$MESSAGE\"}"},
    {"POST", "/v1/sessions/$SESSION/branch", "{\"name\": \"y\", \"message\": \"$MESSAGE\"}"},
    {"POST", "/v1/sessions/$SESSION/mix", "{\"messages\": [\"$MESSAGE\", \"$MESSAGE\"], \"weights\": [1, 0.5]}"},
    {"POST", "/v1/sessions/$SESSION/undo", "{\"head\": \"$MESSAGE\"}"},
    {"POST", "/v1/sessions/$SESSION/undo", NULL},
    {"GET", "/v1/sessions/$SESSION/export", NULL},
    {"GET", "/v1/sessions/$SESSION?model=built-in", NULL},
    {"DELETE", "/v1/sessions/$SESSION", NULL},
    {"POST", "/v1/sessions", "{}"},
    {"POST", "/v1/tokenize", "{\"prompt\": \"<|endoftext|>\", \"return_token_strs\": true, \"model\": \"built-in\"}"},
    {"POST", "/v1/detokenize", "{\"tokens\": [0, 1, 255, 256], \"model\": \"built-in\"}"},
    {"GET", "/v1/models/built-in", NULL},
    {"OPTIONS", "/v1/chat/completions", NULL},
    {"HEAD", "/v1/sessions", NULL},
    {"GET", "/", NULL},
};

static void add(const char *method, const char *path, const char *body)
{
    if (n_samples == MOST) return;
    sample *s = &samples[n_samples++];
    snprintf(s->method, sizeof s->method, "%s", method);
    snprintf(s->path, sizeof s->path, "%s", path);
    s->body = body ? strdup(body) : NULL;
}

/* curl -s [-X METHOD] http://127.0.0.1:8080/PATH [-d 'BODY'] */
static void add_line(char *line)
{
    static const char server[] = "http://127.0.0.1:8080";
    const char *method = strstr(line, "-X ");
    char *path = strstr(line, server), *body = strstr(line, "-d '"), name[8] = "", *end;
    if (strncmp(line, "curl ", 5) || !path) return;
    path += sizeof server - 1;
    if (method) sscanf(method, "-X %7s", name);
    if (body && (end = strrchr(body += 4, '\''))) *end = 0;
    path[strcspn(path, " \n")] = 0;
    add(*name ? name : body ? "POST" : "GET", path, body);
}

int corpus_open(const char *document)
{
    FILE *f = fopen(document, "r");
    char line[1024];
    while (f && fgets(line, sizeof line, f)) add_line(line);
    if (f) fclose(f);
    const int lines = n_samples;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) add(table[i].method, table[i].path, table[i].body);
    return lines ? n_samples : 0;
}

/* ---- names that the server chose --------------------------------------------------------------------------------- */

static struct {
    const char *word, *before; /* in a sample; in an answer */
    char *seen[NAMES];
    int n;
} names[] = {{.word = "$SESSION", .before = "\"session\": \""},
             {.word = "$MESSAGE", .before = "\"id\": \"msg_"},
             {.word = "$STATE", .before = "\"state\": \""}};

void corpus_learn(const char *answer)
{
    for (int k = 0; k < 3; k++) {
        const char *at = strstr(answer, names[k].before);
        for (int i = 0; at && i < NAMES; i++) {
            const char *text = at + strlen(names[k].before) - (k == 1 ? 4 : 0), *end = strchr(text, '"');
            if (!end) return;
            char **to = &names[k].seen[names[k].n++ % NAMES];
            free(*to);
            *to = strndup(text, (size_t)(end - text));
            at = k == 2 ? NULL : strstr(end, names[k].before);
        }
    }
}

static void put_names(bytes *b, rng *r)
{
    for (int k = 0; k < 3; k++) {
        const char *at;
        while (b->n && (at = strstr(b->at, names[k].word))) {
            const int known = names[k].n < NAMES ? names[k].n : NAMES;
            const char *name = known ? names[k].seen[below(r, (size_t)known)] : "trip";
            bytes_splice(b, (size_t)(at - b->at), strlen(names[k].word), name, strlen(name));
        }
    }
}

void corpus_choose(rng *r, sample *s, bytes *body)
{
    bytes path = {0};
    *s = samples[below(r, (size_t)n_samples)];
    bytes_add(&path, s->path);
    put_names(&path, r);
    snprintf(s->path, sizeof s->path, "%s", path.at);
    free(path.at);
    bytes_clear(body);
    if (s->body) bytes_add(body, s->body);
    put_names(body, r);
}
