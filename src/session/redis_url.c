/* redis_url.c - redis://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER] and unix://[[USER]:PASSWORD@]/PATH[?db=NUMBER]. */
#include "base/error.h"
#include "session/redis_store.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT = 6379 };

/* A copy in which %41 is A; NULL: no memory, or no such digits. */
static char *decode(const char *from, size_t n)
{
    char *out = malloc(n + 1), *to = out;
    for (size_t i = 0; out && i < n; i++) {
        if (from[i] != '%') {
            *to++ = from[i];
        } else if (i + 2 < n && isxdigit((unsigned char)from[i + 1]) && isxdigit((unsigned char)from[i + 2])) {
            *to++ = (char)strtol((char[]){from[i + 1], from[i + 2], 0}, NULL, 16);
            i += 2;
        } else {
            free(out);
            return NULL;
        }
    }
    if (out) *to = 0;
    return out;
}

/* A number from 0 to `most` that is all of a text. */
static int read_number(int *out, const char *text, int most)
{
    const size_t n = strlen(text);
    if (!n || n > 6 || strspn(text, "0123456789") < n || atoi(text) > most) return -1;
    *out = atoi(text);
    return 0;
}

/* "[USER]:PASSWORD" */
static int read_password(redis_address *a, const char *text, size_t n)
{
    const char *colon = memchr(text, ':', n);
    const size_t user = colon ? (size_t)(colon - text) : n;
    if (!colon) return -1;
    if (user && !(a->user = decode(text, user))) return -1;
    a->password = decode(colon + 1, n - user - 1);
    return a->password ? 0 : -1;
}

/* "HOST[:PORT][/NUMBER]", where a host with colons is in brackets */
static int read_host(redis_address *a, char *text)
{
    char *slash = strchr(text, '/'), *host = text;
    a->port = PORT;
    if (slash) *slash++ = 0;
    if (slash && *slash && read_number(&a->number, slash, 1 << 16)) return -1;
    char *end = *host == '[' ? strchr(host, ']') : host + strcspn(host, ":");
    if (!end || (*host == '[' && end[1] && end[1] != ':')) return -1;
    char *port = *end == ']' ? end + 1 : end;
    if (*port == ':' && (read_number(&a->port, port + 1, 65535) || !a->port)) return -1;
    host += *host == '[';
    *end = 0;
    a->host = strdup(*host ? host : "localhost");
    return a->host ? 0 : -1;
}

/* "/PATH[?db=NUMBER]" */
static int read_path(redis_address *a, char *text)
{
    char *query = strchr(text, '?');
    if (query) *query++ = 0;
    if (*text != '/' || (query && (strncmp(query, "db=", 3) || read_number(&a->number, query + 3, 1 << 16)))) return -1;
    a->host = strdup(text);
    return a->host ? 0 : -1;
}

static int read_rest(redis_address *a, const char *text, int is_path)
{
    char *copy = strdup(text);
    const int bad = !copy || (is_path ? read_path(a, copy) : read_host(a, copy));
    free(copy);
    return bad;
}

int redis_address_read(redis_address *a, char **name, const char *url)
{
    *a = (redis_address){0};
    *name = NULL;
    if (!strncmp(url, "rediss://", 9))
        return fail(WKV_EUNSUPPORTED, "rediss:// (Redis with TLS) is not supported; use redis:// in a private network, "
                                      "or a tunnel such as stunnel");
    const int is_path = !strncmp(url, "unix://", 7);
    const char *text = url + (is_path ? 7 : 8), *at = strrchr(text, '@');
    const size_t n = strlen(url) + 1;
    int bad = at ? read_password(a, text, (size_t)(at - text)) : 0;
    if (at) text = at + 1;
    if (!bad) bad = read_rest(a, text, is_path);
    if (bad)
        return fail(WKV_EARG, "the URL of the store is not redis://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER] or "
                              "unix://[[USER]:PASSWORD@]/PATH[?db=NUMBER]");
    *name = malloc(n);
    if (!*name) return fail(WKV_ENOMEM, "no memory for a store");
    snprintf(*name, n, "%s%s", is_path ? "unix://" : "redis://", text);
    return 0;
}

void redis_address_release(redis_address *a)
{
    free(a->user);
    free(a->password);
    free(a->host);
    *a = (redis_address){0};
}
