/* server.h - the struct that all threads of the server share. */
#ifndef WKV_SERVE_SERVER_H
#define WKV_SERVE_SERVER_H

#include "http.h"
#include "base/platform/system.h"
#include "serve.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { BODY = 8 << 20 /* bytes of a request, beside a state */ };

struct MHD_Daemon;
typedef struct models models;
typedef struct store_thread store_thread;
typedef struct running running;
typedef struct kept_response kept_response;

/* Engines take turns in the order in which they ask. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t turn;
    unsigned next, serving;
} turns;

void turns_enter(turns *t);
void turns_leave(turns *t);

/* Counters for /metrics. Times are in microseconds: of steps by the clock, of our own work by the processor's. */
typedef struct {
    _Atomic int64_t requests, refused, failed, cancelled;
    _Atomic int64_t prompt_tokens, cached_tokens, sampled_tokens;
    _Atomic int64_t steps, step_time, own_time; /* of engines: in the batcher, and outside of it while there is work */
} metrics;

struct server {
    serve_options o;
    char key_digests[64][32]; /* SHA-256 of each key */
    int n_keys;
    char secret[2][32]; /* of client-held states: the first signs, both verify */
    int n_secrets;
    models *models;
    store_thread *store;
    pthread_mutex_t turns_lock; /* of the list */
    running *running;           /* turns of sessions */
    pthread_mutex_t kept_lock;  /* of the table of responses_kept.c */
    kept_response *kept;
    int n_kept;
    size_t kept_bytes;
    turns compute;
    metrics count;
    _Atomic int closing; /* no new requests */
    int64_t created;     /* seconds since 1970 */
    /* http.c */
    struct MHD_Daemon *daemon;
    _Atomic int clocked;
    thread_clock http_clock; /* processor time of the HTTP thread, once it is clocked */
    int listening;
    pthread_mutex_t lock; /* of the list */
    exchange *exchanges;
    _Atomic size_t max_body; /* bytes of a request */
};

/* ---- handlers (HTTP thread) -------------------------------------------------------------------------------------- */

/* The form of errors and streams in a dialect. */
typedef struct {
    const char *stream;                                              /* the type of a stream           */
    const char *comment;                                             /* keeps a silent stream alive    */
    void (*error)(out *o, const exchange *x, const problem *p);      /* a whole response               */
    void (*last_event)(out *o, const exchange *x, const problem *p); /* an error inside a stream       */
} wire;

typedef struct {
    const char *method, *path; /* a path that ends in a slash and a star is a beginning */
    void (*handle)(exchange *x);
    const wire *wire; /* NULL: OpenAI's */
} route;

extern const wire openai_wire;
void wire_error(out *o, const exchange *x, const problem *p); /* OpenAI's form of a whole response */

extern const route routes[];

int64_t now_us(void); /* of the monotonic clock */

#endif
