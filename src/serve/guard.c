/* guard.c - who may ask. */
#include "guard.h"
#include "exchange.h"
#include "base/platform/socket.h"
#include <microhttpd.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static void digest(char to[32], const char *text)
{
    struct sha256_ctx c;
    sha256_init(&c);
    sha256_update(&c, strlen(text), (const uint8_t *)text);
    sha256_digest(&c, 32, (uint8_t *)to);
}

int guard_open(server *s)
{
    const int most = (int)(sizeof s->key_digests / sizeof *s->key_digests);
    if (s->o.n_keys > most) {
        fprintf(stderr, "wkv: %d keys, expected at most %d\n", s->o.n_keys, most);
        return 1;
    }
    for (int i = 0; i < s->o.n_keys; i++) digest(s->key_digests[i], s->o.keys[i]);
    s->n_keys = s->o.n_keys;
    return 0;
}

/* ---- Host -------------------------------------------------------------------------------------------------------- */

int guard_is_loopback(const char *host)
{
    struct in_addr four;
    struct in6_addr six;
    if (!strcasecmp(host, "localhost")) return 1;
    if (inet_pton(AF_INET, host, &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* The name without brackets and port. */
static int split_host(char name[256], const char *host)
{
    const char *end = *host == '[' ? strchr(host, ']') : strrchr(host, ':');
    const char *from = host + (*host == '[');
    if (*host == '[' && !end) return -1;
    const size_t n = end ? (size_t)(end - from) : strlen(from);
    if (!n || n > 255) return -1;
    memcpy(name, from, n);
    name[n] = 0;
    return 0;
}

int guard_knows_host(const char *host, const char *own, const char *const *names, int n)
{
    char name[256];
    struct in6_addr number;
    if (split_host(name, host)) return 0;
    const size_t length = strlen(name);
    const int number_or_local = inet_pton(AF_INET, name, &number) == 1 || inet_pton(AF_INET6, name, &number) == 1 ||
                                !strcasecmp(name, "localhost") ||
                                (length > 10 && !strcasecmp(name + length - 10, ".localhost"));
    if (number_or_local || !strcasecmp(name, own)) return 1;
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], "*") || !strcasecmp(name, names[i])) return 1;
    return 0;
}

static int check_host(const exchange *x, problem *p)
{
    const serve_options *o = &x->server->o;
    const char *host = exchange_header(x, "Host");
    if (!host && x->interim) return refuse(p, 400, NULL, "no_host", "the request has no Host header");
    if (!host || guard_knows_host(host, o->host, o->hosts, o->n_hosts)) return 0;
    return refuse(p, 403, NULL, "host_not_allowed", "Host is %.100s; wkv serve --allow-host accepts this name", host);
}

/* ---- origins ----------------------------------------------------------------------------------------------------- */

/* The page was loaded from this server. */
static int is_own_origin(const exchange *x, const char *origin)
{
    const char *host = exchange_header(x, "Host");
    const char *name = strstr(origin, "://");
    return host && name && !strcasecmp(name + 3, host);
}

/* A program with a web view: no page of a site has such an origin (Ollama's server allows the same). */
static int is_program(const char *origin)
{
    static const char *const schemes[] = {"app://", "tauri://", "vscode-file://", "vscode-webview://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (!strncasecmp(origin, schemes[i], strlen(schemes[i]))) return 1;
    return 0;
}

static int is_allowed_origin(const exchange *x, const char *origin)
{
    const serve_options *o = &x->server->o;
    if (is_program(origin)) return 1;
    for (int i = 0; i < o->n_origins; i++)
        if (!strcmp(o->origins[i], "*") || !strcasecmp(o->origins[i], origin)) return 1;
    return 0;
}

/* A browser sends simple requests of any page without asking; the server refuses them. */
static int check_origin(exchange *x, problem *p)
{
    const char *origin = exchange_header(x, "Origin");
    if (!origin || is_own_origin(x, origin)) return 0;
    if (is_allowed_origin(x, origin)) {
        snprintf(x->origin, sizeof x->origin, "%s", origin);
        return 0;
    }
    return refuse(p, 403, NULL, "origin_not_allowed",
                  "pages of %.100s may not use this server; wkv serve --cors allows it", origin);
}

void guard_add_headers(exchange *x, struct MHD_Response *r)
{
    const char *origin = exchange_header(x, "Origin");
    if (!x->preflight && !*x->origin) return;
    if (!origin || !is_allowed_origin(x, origin)) return;
    MHD_add_response_header(r, "Access-Control-Allow-Origin", origin);
    MHD_add_response_header(r, "Vary", "Origin");
    if (!x->preflight) return;
    const char *asked = exchange_header(x, "Access-Control-Request-Headers");
    MHD_add_response_header(r, "Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
    MHD_add_response_header(r, "Access-Control-Allow-Headers",
                            asked && *asked ? asked : "Authorization, Content-Type, X-Api-Key");
    MHD_add_response_header(r, "Access-Control-Max-Age", "600");
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static const char *find_key(const exchange *x)
{
    const char *bearer = exchange_header(x, "Authorization");
    if (bearer && !strncasecmp(bearer, "Bearer ", 7)) return bearer + 7;
    return exchange_header(x, "X-Api-Key");
}

/* Digests are compared, all of them and in constant time: the time of an answer says nothing about a key. */
static int check_key(exchange *x, problem *p)
{
    const server *s = x->server;
    char given[32];
    int known = 0;
    /* The page asks for the key, so it is given without one. */
    static const char *const open[] = {"/health", "/v1/health", "/", "/v1"};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        if (!strcmp(x->path, open[i])) return 0;
    if (!s->n_keys) return 0;
    const char *key = find_key(x);
    if (!key)
        return refuse(p, 401, NULL, "missing_api_key", "the request has no key; send it as Authorization: Bearer KEY");
    digest(given, key);
    for (int i = 0; i < s->n_keys; i++) known |= memeql_sec(given, s->key_digests[i], sizeof given);
    if (!known) return refuse(p, 401, NULL, "invalid_api_key", "the key is wrong");
    for (int i = 0; i < 16; i++) snprintf(x->tenant + 2 * i, 3, "%02x", (unsigned char)given[i]);
    return 0;
}

int guard_check(exchange *x, problem *p) { return check_host(x, p) || check_origin(x, p) || check_key(x, p) ? -1 : 0; }
