/* answers.c - is that HTTP, with a status of docs/server.md 9, JSON, and an error object of a dialect? */
#include "attack.h"
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct {
    int status, ours, head, complete; /* ours: it has X-Request-Id, and is not libmicrohttpd's own */
    char type[64];
    bytes body;
} response;

static int is_ours(int status)
{
    static const int known[] = {200, 204, 400, 401, 403, 404, 405, 409, 413, 429, 501, 503};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (status == known[i]) return 1;
    return 0;
}

/* A request that is no HTTP, or too large for libmicrohttpd, which refuses it by itself. */
static int is_library(int status)
{
    static const int known[] = {400, 411, 413, 414, 431, 501, 505};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (status == known[i]) return 1;
    return 0;
}

/* ---- HTTP -------------------------------------------------------------------------------------------------------- */

static const char *find_header(const char *head, const char *end, const char *name)
{
    for (const char *line = head; line < end; line = strstr(line, "\r\n") + 2)
        if (!strncasecmp(line, name, strlen(name)) && line[strlen(name)] == ':') {
            line += strlen(name) + 1;
            return line + strspn(line, " ");
        }
    return NULL;
}

/* Returns the bytes that were read, or -1: no chunks. *complete: the last chunk is there. */
static long read_chunks(bytes *body, const char *at, const char *end, int *complete)
{
    const char *begun = at;
    while (at < end) {
        char *behind;
        if (!isxdigit((unsigned char)*at)) return -1;
        const size_t n = strtoul(at, &behind, 16);
        if (behind + 2 > end) break;
        if (memcmp(behind, "\r\n", 2)) return -1;
        if (!n) {
            *complete = behind + 4 <= end;
            return (long)(behind + 4 - begun);
        }
        at = behind + 2;
        if (n > (size_t)(end - at)) break;
        bytes_splice(body, body->n, 0, at, n);
        at += n + 2;
    }
    return (long)(end - begun);
}

/* Returns the bytes of the response at `at`, or -1: none. */
static long read_response(response *r, const char *at, const char *end)
{
    const char *body = strstr(at, "\r\n\r\n");
    int status;
    if (sscanf(at, "HTTP/1.%*1[01] %3d ", &status) != 1) return -1;
    r->status = status;
    if (!body) return (long)(end - at);
    body += 4;
    const char *length = find_header(at, body - 2, "Content-Length"), *type = find_header(at, body - 2, "Content-Type"),
               *coding = find_header(at, body - 2, "Transfer-Encoding");
    r->ours = find_header(at, body - 2, "X-Request-Id") != NULL;
    if (type) snprintf(r->type, sizeof r->type, "%.*s", (int)strcspn(type, "\r;"), type);
    if (status / 100 == 1 || status == 204 || r->head) {
        r->complete = 1;
        return (long)(body - at);
    }
    if (coding && !strncasecmp(coding, "chunked", 7)) {
        const long n = read_chunks(&r->body, body, end, &r->complete);
        return n < 0 ? n : (long)(body - at) + n;
    }
    const size_t there = (size_t)(end - body); /* the library's own may have its headers twice */
    const size_t expected = length && r->ours ? strtoul(length, NULL, 10) : there;
    r->complete = there >= expected;
    bytes_splice(&r->body, 0, 0, body, r->complete ? expected : there);
    return (long)(body - at) + (long)r->body.n;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static int is_text_or_null(const json_t *v) { return json_is_string(v) || json_is_null(v); }

/* OpenAI: {"error": {"message", "type", "param", "code"}}, Anthropic: {"type": "error", "error": {"type", "message"}},
 * Ollama: {"error": "..."} */
static int is_error(const json_t *o)
{
    const json_t *e = json_object_get(o, "error"), *message = json_object_get(e, "message");
    if (json_is_string(e)) return json_string_length(e) > 0;
    if (json_object_get(o, "type")) return json_is_string(message) && json_is_string(json_object_get(e, "type"));
    return json_is_string(message) && json_string_length(message) && json_is_string(json_object_get(e, "type")) &&
           is_text_or_null(json_object_get(e, "param")) && is_text_or_null(json_object_get(e, "code"));
}

/* Jansson takes no key with U+0000, which JSON has: log-probabilities have the texts of tokens as keys. */
static int is_json(const char *text, size_t n, int error)
{
    json_error_t e;
    json_t *o = json_loadb(text, n, JSON_ALLOW_NUL, &e);
    if (!o) return !error && json_error_code(&e) == json_error_null_byte_in_key;
    const json_t *failed = json_object_get(o, "error"); /* null in a response of OpenAI */
    const int right = error ? is_error(o) : json_is_array(o) || (json_is_object(o) && (!failed || json_is_null(failed)));
    json_decref(o);
    return right;
}

/* The last event of a stream in the forms of Anthropic and of OpenAI's responses. */
static int is_last(const char *text, size_t n)
{
    static const char *const types[] = {"message_stop", "response.completed", "response.incomplete", "response.failed"};
    json_t *o = json_loadb(text, n, JSON_ALLOW_NUL, NULL);
    const char *type = json_string_value(json_object_get(o, "type"));
    int is = 0;
    for (size_t i = 0; type && i < sizeof types / sizeof *types; i++) is |= !strcmp(type, types[i]);
    json_decref(o);
    return is;
}

/* Comments, names of events, and events: objects, and as the last one an error or [DONE]. */
static const char *check_events(const bytes *b, int whole)
{
    int ended = 0;
    for (const char *at = b->at, *line; at && *at; at = line ? line + 1 : NULL) {
        line = strchr(at, '\n');
        const size_t n = line ? (size_t)(line - at) : strlen(at);
        if (!line) return whole ? "a stream that breaks off in a line" : NULL;
        if (!n || *at == ':' || !strncmp(at, "event: ", 7)) continue;
        if (strncmp(at, "data: ", 6)) return "a line of a stream that is no event";
        if (ended) return "an event after the last one";
        if (!strncmp(at, "data: [DONE]", 12) || is_json(at + 6, n - 6, 1) || is_last(at + 6, n - 6))
            ended = 1;
        else if (!is_json(at + 6, n - 6, 0))
            return "an event that is no object";
    }
    return whole && !ended ? "a stream without its end" : NULL;
}

static const char *check(const response *r, int whole)
{
    if (r->status / 100 == 1) return NULL;
    if (!r->ours && r->complete) return is_library(r->status) ? NULL : "a status that is not documented";
    if (!is_ours(r->status) && r->complete) return "a status that is not documented";
    if (!r->complete && whole) return "a response that is not complete";
    if (!strcmp(r->type, "text/event-stream")) return check_events(&r->body, r->complete);
    if (!r->complete || r->head || r->status == 204) return NULL;
    if (r->status == 200 && strcmp(r->type, "application/json")) return NULL; /* /metrics, the page at / */
    return is_json(r->body.at, r->body.n, r->status >= 400) ? NULL : "a body that is not of the documented form";
}

int answers_check(const bytes *all, int head, int whole, int of[600], char wrong[256])
{
    const char *at = all->at, *end = at + all->n, *why = NULL;
    int count = 0;
    while (at < end && !why) {
        response r = {.head = head};
        bytes_clear(&r.body);
        const long used = read_response(&r, at, end);
        why = used < 0 ? "bytes that are no response" : check(&r, whole);
        if (why) snprintf(wrong, 256, "%s: status %d, %.180s", why, r.status, r.body.at);
        if (r.status > 0 && r.status < 600) of[r.status]++;
        count += r.status >= 200;
        at += used < 1 ? (long)(end - at) : used;
        free(r.body.at);
    }
    return why ? -1 : count;
}
