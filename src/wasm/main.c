/* main.c - the functions that the worker's script calls (web/worker.js). */
#include "page.h"
#include "serve/dialects.h"
#include <emscripten.h>
#include <string.h>
#include <time.h>

static server all = {.o = {.slots = 4, .max_tokens = 4096, .cache_memory = 64 << 20, .context = {.threads = 1}}};
static problem failed; /* the latest opening */

static const route paths[] = {
    {"GET", "/health", handle_health, NULL},
    {"GET", "/metrics", handle_metrics, NULL},
    {"GET", "/v1/models", handle_models, NULL},
    {"POST", "/v1/chat/completions", handle_chat, NULL},
    {NULL, NULL, NULL, NULL},
};

/* Close the model, before the script takes its files away. */
EMSCRIPTEN_KEEPALIVE void wasm_close(void) { page_close(); }

/* Open a file in the folder of those that the page was given; "" opens the built-in model. NULL, or the reason. */
EMSCRIPTEN_KEEPALIVE const char *wasm_open(const char *file, const char *name)
{
    if (!all.created) all.created = time(NULL);
    failed = (problem){0};
    page_open(&all, *file ? file : NULL, name, &failed);
    return failed.status ? failed.message : NULL;
}

EMSCRIPTEN_KEEPALIVE void wasm_request(int number, const char *method, const char *path, const char *body)
{
    static const char none[] = "{\"error\": {\"message\": \"no memory for a request\"}}";
    problem p;
    const route *r = paths;
    exchange *x = page_exchange(&all, number, method, path, body);
    if (!x) {
        page_reply(number, 503, "application/json", none, sizeof none - 1);
        return;
    }
    while (r->path && (strcmp(r->path, path) || strcmp(r->method, method))) r++;
    if (r->path)
        r->handle(x);
    else {
        refuse(&p, 404, NULL, "not_found", "a page has no %.100s", path);
        exchange_refuse(x, &p);
    }
    exchange_release(x);
}

EMSCRIPTEN_KEEPALIVE void wasm_leave(int number) { page_leave(&all, number); }
EMSCRIPTEN_KEEPALIVE int wasm_work(void) { return page_work(&all); }
