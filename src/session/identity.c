/* identity.c - which model and which computation a state belongs to.
 *
 * Vectors are hashed whole, and of a matrix PAGES pieces at fixed pseudo-random places: training moves nearly all
 * values of a matrix, so that a fine-tune of one is found, while a model of 7B costs some thousand pages of its file.
 * Values are decoded first: the layouts that only permute blocks give the same digest. Type and orientation are part of
 * it, since the order of sums depends on them. */
#include "session/identity.h"
#include "base/error.h"
#include "ops/device.h"
#include "ops/drop.h"
#include "rwkv/api.h"
#include "wkv_state.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
    PAGE = 2048, /* values in a piece, a multiple of every block: 4 KB of f16 */
    PAGES = 2    /* of a matrix                                               */
};

/* ---- lineage ----------------------------------------------------------------------------------------------------- */

void model_sizes(char out[SIZES_TEXT], const wkv_model *m)
{
    const wkv_model_info *a = &m->about;
    size_t n = (size_t)snprintf(out, SIZES_TEXT, "RWKV-%s, %d layer%s, %d channels", a->version, a->layers,
                                a->layers > 1 ? "s" : "", a->width);
    if (a->heads) n += (size_t)snprintf(out + n, SIZES_TEXT - n, ", %d heads of %d", a->heads, a->head_size);
    n += (size_t)snprintf(out + n, SIZES_TEXT - n, ", ffn %d, vocabulary %d", a->ffn, a->vocab);
    for (int i = 0; a->rank_name[i]; i++)
        n += (size_t)snprintf(out + n, SIZES_TEXT - n, "%s%s %d", i ? " " : ", ranks ", a->rank_name[i], a->rank[i]);
    CHECK(n < SIZES_TEXT);
}

void model_lineage(char out[DIGEST_TEXT], const wkv_model *m)
{
    char sizes[SIZES_TEXT];
    digest d;
    model_sizes(sizes, m);
    digest_begin(&d);
    digest_put(&d, sizes, strlen(sizes));
    digest_end(&d, out);
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

/* Values begin .. end - 1 of a matrix, counted row after row as stored; at most PAGE. */
static void put_page(digest *d, const tensor *t, int64_t begin, int64_t end)
{
    const stored_weight w = weight_stored(t);
    const int64_t cols = layout_is_input_major(t->layout) ? w.out : w.in;
    float x[PAGE];
    int64_t n = 0;
    for (int64_t at = begin, some; at < end; at += some, n += some) {
        int64_t left = cols - at % cols;
        some = end - at < left ? end - at : left;
        layout_decode(&w, t->data, at / cols, at % cols, some, x + n);
    }
    for (int64_t i = 0; t->scale != 0 && i < n; i++) x[i] *= t->scale;
    digest_put(d, x, (size_t)n * sizeof *x);
}

static void put_matrix(digest *d, const tensor *t)
{
    const int64_t all = (int64_t)weight_in(t) * weight_out(t), pages = (all + PAGE - 1) / PAGE;
    const int64_t n = pages < PAGES ? pages : PAGES;
    for (int64_t i = 0; i < n; i++) {
        int64_t begin = (n < pages ? (int64_t)(mix64((uint64_t)i + 1) % (uint64_t)pages) : i) * PAGE;
        put_page(d, t, begin, all - begin < PAGE ? all : begin + PAGE);
    }
}

/* With its shape and type. */
static void put_weight(digest *d, const char *name, const tensor *t)
{
    char about[160];
    snprintf(about, sizeof about, "%s %s %s %d %d", name, dtypes[t->type].name,
             layout_is_input_major(t->layout) ? "input-major" : "", weight_in(t), weight_out(t));
    digest_text(d, about);
    put_matrix(d, t);
}

typedef struct {
    digest base, adapter;
    int adapted;
} weights;

static void put_adapter(weights *w, const char *name, const adapter *low)
{
    w->adapted = 1;
    digest_put(&w->adapter, &low->b.scale, sizeof low->b.scale);
    if (low->a.rows) put_weight(&w->adapter, name, &low->a);
    put_weight(&w->adapter, name, &low->b);
}

static int put_tensor(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)layer;
    weights *w = user;
    if (s->flags & (SLOT_MATRIX | SLOT_LOW_RANK))
        put_weight(&w->base, name, t);
    else
        digest_put(&w->base, t->data, (size_t)t->cols * sizeof(real));
    for (const adapter *low = t->adapter; low; low = low->next) put_adapter(w, name, low);
    return 0;
}

static void identify_weights(wkv_identity *out, const rwkv *m)
{
    weights w = {.adapted = 0};
    digest d;
    digest_begin(&w.base);
    digest_begin(&w.adapter);
    digest_put(&w.base, &m->group_eps, sizeof m->group_eps);
    rwkv_each(m, put_tensor, &w);
    digest_end(&w.base, out->base);
    if (w.adapted) digest_end(&w.adapter, out->adapter);
    if (m->state0) {
        digest_begin(&d);
        digest_put(&d, m->state0, (size_t)rwkv_state_len(m) * sizeof(real));
        digest_end(&d, out->initial);
    }
    digest_begin(&d);
    digest_text(&d, out->base);
    digest_text(&d, out->adapter);
    digest_text(&d, out->initial);
    digest_end(&d, out->weights);
}

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

/* "f32 1", and the devices with bits of their own: "f32 1 opencl"; "f32 1 opencl 12/24" where the last 12 of 24 layers
 * run on it. */
static void name_arithmetic(char out[32], const wkv_context *c)
{
    wkv_stage g;
    size_t n = (size_t)snprintf(out, 32, "f32 %d", ARITHMETIC_REVISION);
    for (int i = 0; wkv_context_stage(c, i, &g) > 0 && n < 32; i++) {
        if (context_device_of(c, i)->same_bits) continue;
        const int cpu = !strcmp(g.device, "cpu"), part = !cpu && g.first;
        n += (size_t)snprintf(out + n, 32 - n, " %s", cpu ? g.isa : g.device);
        if (part && n < 32) n += (size_t)snprintf(out + n, 32 - n, " %d/%d", g.layers, g.first + g.layers);
    }
}

/* Models have threads in common; their identity is computed once. */
static pthread_mutex_t computing = PTHREAD_MUTEX_INITIALIZER;

int wkv_identify(wkv_identity *out, const wkv_context *c)
{
    REQUIRE(out, "out");
    *out = (wkv_identity){0};
    REQUIRE(c, "the context");
    wkv_identity *known = &((wkv_model *)context_model(c))->identity; /* the model's only member that changes */
    pthread_mutex_lock(&computing);
    if (!known->lineage[0]) {
        tensors_expect(context_model(c)->file, SCATTERED_READS);
        identify_weights(known, &context_model(c)->rwkv);
        tensors_expect(context_model(c)->file, LONG_READS);
        model_lineage(known->lineage, context_model(c));
    }
    *out = *known;
    pthread_mutex_unlock(&computing);
    name_arithmetic(out->arithmetic, c);
    return 0;
}
