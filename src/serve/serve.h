/* serve.h - the HTTP server: models behind the dialects of OpenAI's API, until a signal.
 *
 *     serve_options o = {.models = &path, .n_models = 1, .host = "127.0.0.1", .port = 8080, ...};
 *     status = serve_run(&o, &interrupted);
 *
 * Threads: one of libmicrohttpd for all connections (epoll), one engine for each resident model, one for the stores of
 * sessions, and the caller's, which keeps the clock. One engine computes at a time. docs/server.md describes the
 * endpoints. */
#ifndef WKV_SERVE_SERVE_H
#define WKV_SERVE_SERVE_H

#include "wkv.h"
#include <signal.h>

typedef struct {
    const char *name; /* as clients write it; "*": any name that is no model's */
    const char *model;
} serve_alias;

typedef struct {
    const char *name, *path; /* path NULL: the model inside the library */
} serve_model;

typedef struct {
    const serve_model *models; /* the first answers requests without a `model` */
    int n_models;
    const serve_alias *aliases;
    int n_aliases;
    wkv_model_options with; /* of every model */
    wkv_context_options context;
    const char *vocab;         /* NULL: each model's own */
    const char *template_name; /* NULL: each model's own */
    const char *host;          /* to listen at */
    int port;                  /* 0: any free one */
    const char *const *keys;
    int n_keys;
    const char *const *origins; /* CORS: "*" or "https://example.org" */
    int n_origins;
    const char *const *hosts; /* names accepted in Host, beside localhost, numbers and `host` */
    int n_hosts;
    int resident;                     /* models in memory at once                              */
    int idle_seconds;                 /* a model without requests is closed after it; 0: never */
    int slots;                        /* answers at work at once; 0: by the memory             */
    int queue;                        /* requests that wait, before 429                        */
    int max_tokens;                   /* of an answer                                          */
    int max_body;                     /* MB of a request; 0: by the state                      */
    int keep_alive;                   /* seconds between comments of a silent stream           */
    int client_timeout;               /* seconds in which a client takes nothing of its response */
    int body_timeout;                 /* seconds for the body of a request */
    int grace;                        /* seconds for streams to finish at shutdown             */
    int64_t cache_memory, cache_disk; /* bytes; 0: a quarter of the memory; none */
    const char *cache_folder;         /* NULL: none     */
    const char *store;                /* wkv_store_open; NULL: the user's folder              */
    int64_t store_expire;             /* wkv_store_options                                    */
    const char *secret_file;          /* key of client-held states; NULL: in the store's folder */
    int quiet;                        /* no access log  */
    void (*ready)(const char *host, int port);
} serve_options;

/* Returns the exit status. */
int serve_run(const serve_options *o, volatile sig_atomic_t *interrupted);

#endif
