/* serve.c - start, keep the clock, shut down. */
#include "serve.h"
#include "guard.h"
#include "held.h"
#include "models.h"
#include "responses_kept.h"
#include "server.h"
#include "store_thread.h"
#include "wkv_store.h"
#include "base/platform/pages.h"
#include "base/platform/system.h"
#include <stdio.h>
#include <time.h>

enum {
    TICK = 100000,    /* microseconds */
    LAST_TICKS = 10,  /* for the last bytes of responses */
    LARGE = 256 << 10 /* bytes of a block that has its own pages */
};

/* Let streams finish, for some time; a second signal ends it. */
static void shut_down(server *s, volatile sig_atomic_t *interrupted)
{
    const int64_t until = now_us() + (int64_t)s->o.grace * 1000000;
    s->closing = 1;
    *interrupted = 0;
    http_quiesce(s);
    while (http_busy(s) && now_us() < until && !*interrupted) {
        system_sleep(1e-6 * TICK);
        http_tick(s);
    }
    s->closing = 2; /* answers end where they are */
    models_close(s);
    store_thread_end(s);
    for (int i = 0; i < LAST_TICKS && http_busy(s); i++) system_sleep(1e-6 * TICK);
    http_stop(s);
    models_free(s);
    store_thread_free(s);
    responses_free(s);
}

/* The only model has failed to load, and has never been loaded: no request can be answered. */
static int has_no_model(server *s)
{
    model_report r;
    return s->o.n_models == 1 && models_ready(s) && models_report(s, 0, &r) && *r.failure && !r.vocab;
}

/* A server that cannot be reached now may come; all other requests are answered meanwhile. */
static int check_store(const server *s)
{
    wkv_store *store;
    if (!wkv_store_is_shared(s->o.store) && !s->o.store_expire) return 0;
    const int err = wkv_store_open(&store, s->o.store, &(wkv_store_options){.expire_seconds = s->o.store_expire});
    wkv_store_close(store);
    if (err) fprintf(stderr, "wkv: %s%s\n", wkv_error(), err == WKV_EIO ? "; sessions are refused until then" : "");
    return err && err != WKV_EIO;
}

int serve_run(const serve_options *o, volatile sig_atomic_t *interrupted)
{
    static server all; /* large, and one for a process */
    server *s = &all;
    *s = (server){.o = *o, .created = time(NULL), .max_body = o->max_body ? (size_t)o->max_body << 20 : BODY};
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->turns_lock, NULL);
    pthread_mutex_init(&s->kept_lock, NULL);
    pthread_mutex_init(&s->compute.lock, NULL);
    pthread_cond_init(&s->compute.turn, NULL);
    system_raise_files();        /* each connection takes one; the usual limit is a soft one */
    memory_return_blocks(LARGE); /* bodies, texts and states */
    if (guard_open(s) || check_store(s) || held_open(s) || store_thread_begin(s)) return 1;
    if (models_open(s) || http_start(s)) {
        models_close(s);
        store_thread_end(s);
        models_free(s);
        store_thread_free(s);
        return 1;
    }
    if (o->ready) o->ready(o->host, s->o.port);
    int status = 0;
    while (!*interrupted && !status) {
        system_sleep(1e-6 * TICK);
        http_tick(s);
        status = has_no_model(s);
    }
    shut_down(s, interrupted);
    return status;
}
