/* engine.c - open a model for serving, and its part of the memory. */
#include "engine.h"
#include "grammars.h"
#include <stdio.h>

enum { SLOTS = 64 };

/* A part of the memory that is available now: 70 % of it. Weights that are mapped are in it already. */
static size_t budget(void) { return wkv_memory_available() / 10 * 7; }

/* Each answer at work has a state, and a copy of it while text is held back. */
static int find_slots(const engine *e, size_t left)
{
    const size_t each = 2 * e->about->state_bytes + (size_t)e->about->vocab * sizeof(float);
    if (e->server->o.slots) return e->server->o.slots;
    const size_t fit = left / 2 / each;
    return fit < 1 ? 1 : fit < SLOTS ? (int)fit : SLOTS;
}

static int open_cache(engine *e, size_t left)
{
    const serve_options *o = &e->server->o;
    const wkv_cache_options how = {.memory = o->cache_memory ? (size_t)o->cache_memory : left / 4 + 1,
                                   .folder = o->cache_folder,
                                   .disk = o->cache_disk};
    return wkv_cache_new(&e->cache, e->context, e->tokenizer, &how);
}

int engine_load(engine *e, const char *path, problem *p)
{
    const serve_options *o = &e->server->o;
    int err = wkv_model_open(&e->model, path, &o->with);
    if (!err) err = wkv_tokenizer_open(&e->tokenizer, o->vocab, e->model);
    if (!err) err = wkv_context_new(&e->context, e->model, &o->context);
    if (!err) err = wkv_template_find(&e->how, o->template_name, e->model, e->tokenizer);
    if (!err) {
        const size_t left = budget();
        e->about = wkv_model_about(e->model);
        e->slots = find_slots(e, left);
        err = wkv_batcher_new(&e->batcher, e->context, &(wkv_batcher_options){.slots = e->slots});
        if (!err) err = open_cache(e, left);
    }
    if (!err) return 0;
    refuse(p, 503, "model", "model_not_loaded", "the model %s does not load: %.400s", e->name, wkv_error());
    engine_unload(e);
    return -1;
}

void engine_unload(engine *e)
{
    if (e->cache && wkv_cache_save(e->cache)) fprintf(stderr, "wkv: %s\n", wkv_error());
    grammars_close(e);
    wkv_cache_free(e->cache);
    wkv_batcher_free(e->batcher);
    wkv_context_free(e->context);
    wkv_tokenizer_close(e->tokenizer);
    wkv_model_close(e->model);
    *e = (engine){.server = e->server, .name = e->name};
}
