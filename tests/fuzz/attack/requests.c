/* requests.c - a sound request, damaged in one of the ways, and how it is sent. */
#include "attack.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char method[16];
    bytes path, body, length; /* length: of the head, "Content-Length: ..."; n 0: as the body has */
    const char *key;
    int closes;
} parts;

static void write_request(bytes *to, const parts *p)
{
    char head[512];
    bytes_add(to, p->method);
    bytes_add(to, " ");
    bytes_add(to, p->path.at);
    snprintf(head, sizeof head, " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n%s", p->key,
             p->closes ? "Connection: close\r\n" : "");
    bytes_add(to, head);
    snprintf(head, sizeof head, "Content-Length: %zu\r\n", p->body.n);
    if (p->length.n)
        bytes_add(to, p->length.at);
    else if (p->body.n)
        bytes_add(to, head);
    bytes_add(to, "\r\n");
    bytes_splice(to, to->n, 0, p->body.at, p->body.n);
}

static void choose(parts *p, rng *r)
{
    sample s;
    corpus_choose(r, &s, &p->body);
    snprintf(p->method, sizeof p->method, "%s", s.method);
    bytes_clear(&p->path);
    bytes_add(&p->path, s.path);
    bytes_clear(&p->length);
    p->key = KEY;
    p->closes = 1;
}

/* The body in chunks. */
static void cut(parts *p, rng *r)
{
    bytes chunks = {0};
    char size[32];
    for (size_t at = 0, n; at < p->body.n; at += n) {
        n = 1 + below(r, 40);
        if (n > p->body.n - at) n = p->body.n - at;
        snprintf(size, sizeof size, below(r, 10) ? "%zx\r\n" : "%zX;a=b\r\n", n);
        bytes_add(&chunks, size);
        bytes_splice(&chunks, chunks.n, 0, p->body.at + at, n);
        bytes_add(&chunks, "\r\n");
    }
    bytes_add(&chunks, below(r, 8) ? "0\r\n\r\n" : "0\r\nX-Trailer: a\r\n\r\n");
    free(p->body.at);
    p->body = chunks;
    bytes_add(&p->length, "Transfer-Encoding: chunked\r\n");
}

static void wrong_length(parts *p, rng *r)
{
    static const char lengths[] =
        "-1\t0\tx\t\t18446744073709551616\t99999999999\t8388609\t+5\t0x10\t5, 6\t 7 \t67108865";
    char line[128];
    if (below(r, 2))
        snprintf(line, sizeof line, "Content-Length: %s\r\n", pick(lengths, r));
    else
        snprintf(line, sizeof line, "Content-Length: %zu\r\n%s", below(r, 2 * p->body.n + 2),
                 below(r, 4) ? "" : "Content-Length: 3\r\n");
    bytes_add(&p->length, line);
}

static void odd_header(parts *p, rng *r)
{
    static const char lines[] =
        "Expect: 100-continue\tExpect: 200-ok\tTransfer-Encoding: gzip\tTransfer-Encoding: chunked, gzip\t"
        "Upgrade: h2c\tConnection: keep-alive, upgrade\tOrigin: https://evil.example\tOrigin: null\t"
        "Host: evil.example\tHost: \tHost: [\tHost: a:b:c\tX-Api-Key: wrong\tAuthorization: Basic YTpi\t"
        "Authorization:\t folded: a\tX\x01: y\t: a\tno colon\tCookie: a=b; c=\"d\"\t"
        "Content-Type: text/plain; charset=\xff\tContent-Encoding: gzip\tRange: bytes=0-1\t"
        "Access-Control-Request-Headers: a, b";
    char line[128];
    if (p->body.n) snprintf(line, sizeof line, "Content-Length: %zu\r\n", p->body.n);
    if (p->body.n) bytes_add(&p->length, line);
    for (size_t n = 1 + below(r, 3); n; n--) {
        bytes_add(&p->length, pick(lines, r));
        bytes_add(&p->length, "\r\n");
    }
    if (!below(r, 10)) {
        bytes_add(&p->length, "X-Long: ");
        for (size_t n = (size_t)1 << below(r, 17); n; n--) bytes_add(&p->length, "b");
        bytes_add(&p->length, "\r\n");
    }
}

static void make_large_prompt(parts *p, rng *r)
{
    static const char *const paths[] = {"/v1/completions", "/tokenize", "/v1/embeddings", "/v1/chat/completions"};
    static const char *const begins[] = {"{\"max_tokens\": 1, \"prompt\": \"", "{\"content\": \"", "{\"input\": \"",
                                         "{\"max_tokens\": 1, \"messages\": [{\"role\": \"user\", \"content\": \""};
    static const char *const ends[] = {"\"}", "\"}", "\"}", "\"}]}"};
    const size_t which = below(r, 4);
    snprintf(p->method, sizeof p->method, "POST");
    bytes_clear(&p->path);
    bytes_add(&p->path, paths[which]);
    bytes_clear(&p->body);
    bytes_add(&p->body, begins[which]);
    while (p->body.n < 1 << 20) bytes_add(&p->body, "The king had a daughter who was more beautiful than the sun. ");
    bytes_add(&p->body, ends[which]);
}

/* Damage in one of the ways. Returns 1: it is still HTTP, so that an answer must come. */
static int damage(parts *p, rng *r)
{
    static const char methods[] = "GET\tPOST\tDELETE\tPUT\tPATCH\tHEAD\tOPTIONS\tTRACE\tget\tXXXXXXXXXXXXXX";
    const size_t way = below(r, 100);
    if (way < 50) {
        if (p->body.n) damage_json(&p->body, r);
    } else if (way < 62) {
        if (p->body.n) damage_bytes(&p->body, r);
    } else if (way < 67)
        damage_path(&p->path, r);
    else if (way < 72)
        snprintf(p->method, sizeof p->method, "%s", pick(methods, r));
    else if (way < 76)
        p->key = below(r, 2) ? "the-right-ke" : "";
    else if (way < 83)
        cut(p, r);
    else if (way < 88) {
        wrong_length(p, r);
        return 0;
    } else if (way < 94) {
        odd_header(p, r);
        return 0;
    } else if (way < 95)
        make_large_prompt(p, r);
    return way < 62 || (way >= 67 && way < 83) || way >= 94;
}

void attack_make(attack *a, rng *r)
{
    static parts p;
    *a = (attack){.end = WAIT, .answers = 1};
    bytes_clear(&a->text);
    const size_t several = below(r, 20) ? 1 : 2 + below(r, 4); /* pipelined */
    for (size_t i = 0; i < several; i++) {
        choose(&p, r);
        const int sound = damage(&p, r);
        p.closes = i + 1 == several;
        if (several > 1 && !strcmp(p.method, "HEAD")) snprintf(p.method, sizeof p.method, "GET");
        if (!sound) a->answers = 0;
        write_request(&a->text, &p);
    }
    if (!below(r, 12)) {
        damage_bytes(&a->text, r);
        a->answers = 0;
    }
    a->head = strstr(a->text.at, "HEAD ") == a->text.at;
    a->parts = below(r, 4) ? 1 : 2 + below(r, 6);
    if (!a->answers || !below(r, 6)) a->end = HALF_CLOSE;
    if (!below(r, 10)) a->end = LEAVE;
    if (!below(r, 20)) a->end = RESET;
    if (!below(r, 10)) a->end = LINGER;
}

void attack_write(bytes *to, const char *path, const char *body)
{
    parts p = {.key = KEY, .closes = 1};
    snprintf(p.method, sizeof p.method, body ? "POST" : "GET");
    bytes_add(&p.path, path);
    if (body) bytes_add(&p.body, body);
    write_request(to, &p);
    free(p.path.at);
    free(p.body.at);
}
