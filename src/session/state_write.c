/* state_write.c - writing a state file (docs/states.md). */
#include "base/error.h"
#include "base/path.h"
#include "base/utf8.h"
#include "session/state_file.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int listing_new(listing *l, const char *path, int capacity)
{
    *l = (listing){.t = calloc((size_t)capacity, sizeof *l->t), .name = calloc((size_t)capacity, sizeof *l->name)};
    return l->t && l->name ? 0 : fail(WKV_ENOMEM, "%s: no memory for the names of %d tensors", path, capacity);
}

void listing_free(listing *l)
{
    free(l->t);
    free(l->name);
}

tensor_out *listing_append(listing *l, dtype type, int dims, const int64_t *shape, const void *data)
{
    tensor_out *t = &l->t[l->n];
    *t = (tensor_out){.name = l->name[l->n], .type = type, .dims = dims, .data = data};
    memcpy(t->shape, shape, (size_t)dims * sizeof *shape);
    l->n++;
    return t;
}

int state_check_finite(const char *path, const wkv_state *s)
{
    size_t bad, layer = (size_t)rwkv_layer_state(&s->model->rwkv);
    if (all_finite(s->data, (size_t)s->n, &bad)) return 0;
    return fail(WKV_EFORMAT, "%s: not written: the state of layer %zu has a value of %g, expected finite ones", path,
                bad / layer, (double)s->data[bad]);
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static void list_state(listing *l, const wkv_state *s, const float *hidden, const wkv_state_info *about)
{
    const rwkv *m = &s->model->rwkv;
    const real *at = s->data;
    int64_t shape[3];
    for (int layer = 0; layer < m->L; layer++)
        for (const state_tensor *t = m->arch->state; t->name; t++) {
            state_name(l->name[l->n], layer, t->name);
            listing_append(l, F32, rwkv_state_shape(t, m->dim, shape), shape, at);
            at += rwkv_state_values(t, m->dim);
        }
    if (hidden) {
        strcpy(l->name[l->n], "hidden");
        listing_append(l, F32, 1, (const int64_t[]){m->C}, hidden);
    }
    if (about->n_ids) {
        strcpy(l->name[l->n], "ids");
        listing_append(l, I32, 1, (const int64_t[]){about->n_ids}, about->ids);
    }
}

static int check_about(const char *path, const wkv_state_info *about, const wkv_state *s)
{
    char lineage[DIGEST_TEXT];
    const int V = s->model->rwkv.V;
    model_lineage(lineage, s->model);
    if (strcmp(about->identity.lineage, lineage))
        return fail(WKV_EARG, "%s: not written: the identity is %s, expected that of the state's model, %s", path,
                    about->identity.lineage[0] ? "of another model" : "empty", s->model->about.path);
    if (about->n_ids < 0 || (about->n_ids && !about->ids) || about->read < 0 || about->read > about->n_ids)
        return fail(WKV_EARG, "%s: not written: %d ids, of which the state has read %d", path, about->n_ids,
                    about->read);
    for (int i = 0; i < about->n_ids; i++)
        if (about->ids[i] < 0 || about->ids[i] >= V)
            return fail(WKV_EARG, "%s: not written: id %d is %d; the model's ids are 0 to %d", path, i,
                        (int)about->ids[i], V - 1);
    return state_check_finite(path, s);
}

static const char *or_empty(const char *text) { return text ? text : ""; }

/* The model's file, with "?" for bytes that are not UTF-8. */
static void name_model(char out[256], const wkv_model *m)
{
    path_name(out, 256, m->about.path);
    for (size_t n = strlen(out), bad; (bad = utf8_check(out, n)) < n;) out[bad] = '?';
}

static int write_listing(const char *path, const listing *l, const wkv_state_info *about, const wkv_model *m)
{
    const wkv_identity *id = &about->identity;
    char model[256], sizes[SIZES_TEXT], read[16], seed[24], draws[24], sum[DIGEST_TEXT] = "";
    name_model(model, m);
    model_sizes(sizes, m);
    snprintf(read, sizeof read, "%d", about->read);
    snprintf(seed, sizeof seed, "%" PRIu64, about->seed);
    snprintf(draws, sizeof draws, "%" PRIu64, about->draws);
    const char *const meta[] = {"format",     STATE_FORMAT,
                                "version",    m->about.version,
                                "sizes",      sizes,
                                "model",      model,
                                "types",      m->about.types,
                                "lineage",    id->lineage,
                                "weights",    id->weights,
                                "base",       id->base,
                                "adapter",    id->adapter,
                                "initial",    id->initial,
                                "arithmetic", id->arithmetic,
                                "read",       read,
                                "text",       or_empty(about->text),
                                "template",   or_empty(about->template_name),
                                "origin",     or_empty(about->origin),
                                "seed",       seed,
                                "draws",      draws,
                                "sha256",     sum,
                                NULL};
    int err = state_checksum(sum, l->t, l->n, meta);
    return err ? err : safetensors_write(path, l->t, l->n, meta);
}

int wkv_state_file_write(const char *path, const wkv_state_info *about, const wkv_state *s, const float *hidden)
{
    enum { OTHERS = 2, MOST_OF_LAYER = 5 };
    REQUIRE(path, "the path");
    REQUIRE(about, "the description");
    REQUIRE(s, "the state");
    int err = check_about(path, about, s);
    if (!err) err = wkv_model_refuse_output(s->model, path);
    if (err) return err;
    listing l;
    err = listing_new(&l, path, s->model->rwkv.L * MOST_OF_LAYER + OTHERS);
    if (!err) {
        list_state(&l, s, hidden, about);
        err = write_listing(path, &l, about, s->model);
    }
    listing_free(&l);
    return err;
}
