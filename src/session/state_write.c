/* state_write.c - writing a state file (docs/states.md). */
#include "base/error.h"
#include "base/path.h"
#include "base/utf8.h"
#include "session/segments.h"
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

state_view state_view_of(const wkv_state *s)
{
    const rwkv *m = &s->model->rwkv;
    state_view v = {.tensors = m->arch->state, .L = m->L, .values = (real *)s->data};
    memcpy(v.dim, m->dim, sizeof v.dim);
    return v;
}

int state_check_finite(const char *path, const state_view *v)
{
    size_t bad, layer = (size_t)rwkv_state_layer(v->tensors, v->dim);
    if (all_finite(v->values, (size_t)v->L * layer, &bad)) return 0;
    return fail(WKV_EFORMAT, "%s: not written: the state of layer %zu has a value of %g, expected finite ones", path,
                bad / layer, (double)v->values[bad]);
}

void state_file_name(char out[256], const char *path)
{
    path_name(out, 256, path);
    for (size_t n = strlen(out), bad; (bad = utf8_check(out, n)) < n;) out[bad] = '?';
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static void list_state(listing *l, const state_view *v, const float *hidden, const wkv_state_info *about)
{
    const real *at = v->values;
    int64_t shape[3];
    for (int layer = 0; layer < v->L; layer++)
        for (const state_tensor *t = v->tensors; t->name; t++) {
            state_name(l->name[l->n], layer, t->name);
            listing_append(l, F32, rwkv_state_shape(t, v->dim, shape), shape, at);
            at += rwkv_state_values(t, v->dim);
        }
    if (hidden) {
        strcpy(l->name[l->n], "hidden");
        listing_append(l, F32, 1, (const int64_t[]){v->dim[D_C]}, hidden);
    }
    if (about->n_ids) {
        strcpy(l->name[l->n], "ids");
        listing_append(l, I32, 1, (const int64_t[]){about->n_ids}, about->ids);
    }
}

static const char *or_empty(const char *text) { return text ? text : ""; }

/* A copy as one line: a name of a file may contain anything, and "?" is in place of a control character. */
static char *one_line(const char *text)
{
    char *copy = strdup(or_empty(text));
    if (copy) utf8_replace_control(copy, '?');
    return copy;
}

static int write_listing(const state_target *to, const listing *l, const wkv_state_info *a)
{
    const wkv_identity *id = &a->identity;
    char *model = one_line(a->model), *template_name = one_line(a->template_name), *origin = one_line(a->origin);
    char read[16], seed[24], draws[24], sum[DIGEST_TEXT] = "";
    snprintf(read, sizeof read, "%d", a->read);
    snprintf(seed, sizeof seed, "%" PRIu64, a->seed);
    snprintf(draws, sizeof draws, "%" PRIu64, a->draws);
    const char *const meta[][2] = {
        {"format", STATE_FORMAT},
        {"version", a->version},
        {"sizes", a->sizes},
        {"model", model},
        {"types", a->types},
        {"lineage", id->lineage},
        {"weights", id->weights},
        {"base", id->base},
        {"adapter", id->adapter},
        {"initial", id->initial},
        {"arithmetic", id->arithmetic},
        {"read", read},
        {"segments", or_empty(a->segments)},
        {"text", or_empty(a->text)},
        {"template", template_name},
        {"origin", origin},
        {"seed", seed},
        {"draws", draws},
        {"sha256", sum},
        {NULL, NULL},
    };
    int err = model && template_name && origin ? 0 : fail(WKV_ENOMEM, "%s: no memory for its metadata", to->path);
    if (!err) err = state_checksum(sum, l->t, l->n, meta[0]);
    if (!err)
        err = to->bytes ? safetensors_write_memory(to->bytes, to->n, to->path, l->t, l->n, meta[0])
                        : safetensors_write(to->path, l->t, l->n, meta[0]);
    free(model);
    free(template_name);
    free(origin);
    return err;
}

int state_write(const state_target *to, const wkv_state_info *about, const state_view *v, const float *hidden)
{
    enum { OTHERS = 2 }; /* hidden, ids */
    listing l;
    int of_layer = 0, err = state_check_finite(to->path, v);
    if (err) return err;
    while (v->tensors[of_layer].name) of_layer++;
    err = listing_new(&l, to->path, v->L * of_layer + OTHERS);
    if (!err) {
        list_state(&l, v, hidden, about);
        err = write_listing(to, &l, about);
    }
    listing_free(&l);
    return err;
}

static int check_about(const state_target *to, const wkv_state_info *about, const wkv_model *m)
{
    const char *path = to->path;
    char lineage[DIGEST_TEXT];
    const int V = m->rwkv.V;
    model_lineage(lineage, m);
    if (strcmp(about->identity.lineage, lineage))
        return fail(WKV_EARG, "%s: not written: the identity is %s, expected that of the state's model, %s", path,
                    about->identity.lineage[0] ? "of another model" : "empty", m->about.path);
    if (about->n_ids < 0 || (about->n_ids && !about->ids) || about->read < 0 || about->read > about->n_ids)
        return fail(WKV_EARG, "%s: not written: %d ids, of which the state has read %d", path, about->n_ids,
                    about->read);
    const int err = segments_check(or_empty(about->segments), about->n_ids);
    if (err) return fail_prefix(err == WKV_EFORMAT ? WKV_EARG : err, "%s: not written", path);
    for (int i = 0; i < about->n_ids; i++)
        if (about->ids[i] < 0 || about->ids[i] >= V)
            return fail(WKV_EARG, "%s: not written: id %d is %d; the model's ids are 0 to %d", path, i,
                        (int)about->ids[i], V - 1);
    return to->bytes ? 0 : wkv_model_refuse_output(m, path);
}

int state_write_model(const state_target *to, const wkv_state_info *about, const wkv_state *s, const float *hidden)
{
    const wkv_model *m = s->model;
    const state_view v = state_view_of(s);
    char model[256], sizes[SIZES_TEXT];
    wkv_state_info all = *about;
    if (all.text && utf8_check(all.text, strlen(all.text)) < strlen(all.text)) all.text = "";
    int err = check_about(to, about, m);
    if (err) return err;
    state_file_name(model, m->about.path);
    model_sizes(sizes, m);
    all.version = m->about.version;
    all.types = m->about.types;
    all.model = model;
    all.sizes = sizes;
    return state_write(to, &all, &v, hidden);
}

int wkv_state_file_write(const char *path, const wkv_state_info *about, const wkv_state *s, const float *hidden)
{
    REQUIRE(path, "the path");
    REQUIRE(about, "the description");
    REQUIRE(s, "the state");
    return state_write_model(&(state_target){.path = path}, about, s, hidden);
}
