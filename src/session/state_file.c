/* state_file.c - state files and tuned initial states: opening, and their use.
 *
 * The kind of a file is decided by the names of its tensors, before its data are read: it may be a model of many
 * gigabytes. A state is then read into memory and checked as a whole, so that nothing refuses it later. */
#include "session/state_file.h"
#include "base/error.h"
#include "base/memory.h"
#include "rwkv/bind.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the kind of a file ------------------------------------------------------------------------------------------ */

static int ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

/* The tensors called blocks.*.NAME. */
int state_layers(const tensors *t, const char *name)
{
    const file_tensor *f;
    int n = 0;
    for (int i = 0; (f = tensors_at(t, i)); i++) n += !strncmp(f->name, "blocks.", 7) && ends_in(f->name, name);
    return n;
}

/* *tuned: the matrices of a tuned initial state alone. */
static int find_kind(const tensors *t, int *tuned)
{
    const char *path = tensors_path(t), *adapted = tensors_adapter(t);
    *tuned = 0;
    if (!tensors_count(t)) return fail(WKV_EUNSUPPORTED, "%s: has no tensors, expected a state", path);
    if (tensors_find(t, "emb.weight"))
        return fail(WKV_EUNSUPPORTED, "%s: is a model (it has emb.weight), expected a state", path);
    if (adapted) return fail(WKV_EUNSUPPORTED, "%s: is an adapter (it has %s), expected a state", path, adapted);
    if (state_layers(t, ".att.shift")) return 0;
    *tuned = state_layers(t, ".att.time_state") > 0;
    if (*tuned) return 0;
    return fail(WKV_EUNSUPPORTED,
                "%s: is not a state: no tensor blocks.0.att.shift or blocks.0.att.time_state among %d (the first is "
                "%s)",
                path, tensors_count(t), tensors_at(t, 0)->name);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* The tensor of a layer, of a shape; NULL, with an error, if there is no such tensor. */
const file_tensor *state_find(const tensors *t, const char *name, int dims, const int64_t *shape)
{
    const file_tensor *f = tensors_find(t, name);
    char found[SHAPE_TEXT], expected[SHAPE_TEXT];
    file_tensor wanted = {.dims = dims};
    memcpy(wanted.shape, shape, (size_t)dims * sizeof *shape);
    int same = f && f->dims == dims;
    for (int i = 0; same && i < dims; i++) same = tensor_axis(f, i) == shape[i];
    if (same) return f;
    if (!f)
        fail(WKV_EFORMAT, "%s: %s is missing, expected %s", tensors_path(t), name, shape_text(&wanted, expected));
    else
        fail(WKV_EFORMAT, "%s: %s is %s, expected %s", tensors_path(t), name, shape_text(f, found),
             shape_text(&wanted, expected));
    return NULL;
}

int state_read_tensor(const tensors *t, const file_tensor *f, float *out)
{
    size_t bad, n = (size_t)tensor_values(f);
    int err = tensor_read(f, out, (int64_t)n);
    if (err) return fail_prefix(err, "%s", tensors_path(t));
    if (all_finite(out, n, &bad)) return 0;
    return fail(WKV_EFORMAT, "%s: value %zu of %s is %g, expected a finite one", tensors_path(t), bad, f->name,
                (double)out[bad]);
}

int state_allocate(wkv_state_file *f)
{
    state_view *v = &f->view;
    size_t there = memory_available(), C = (size_t)v->dim[D_C],
           bound = (size_t)v->L * (5 * C + C * (size_t)v->dim[D_N]);
    if (bound > INT32_MAX)
        return fail(WKV_EUNSUPPORTED,
                    "%s: a state of %d layers of %d channels in heads of %d, expected fewer than 2^31 "
                    "values",
                    tensors_path(f->t), v->L, v->dim[D_C], v->dim[D_N]);
    size_t n = (size_t)v->L * (size_t)rwkv_state_layer(v->tensors, v->dim);
    if (n * sizeof *v->values < there && (v->values = calloc(n, sizeof *v->values))) return 0;
    return fail(WKV_ENOMEM, "%s: its state needs %.3f GB of memory, and %.3f GB are available", tensors_path(f->t),
                (double)n * 4e-9, (double)there * 1e-9);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int check_one_file(const tensors *t)
{
    if (tensors_file(t) && !strcmp(tensors_file(t), tensors_path(t))) return 0;
    return fail(WKV_EUNSUPPORTED, "%s: is a folder or an index of files, expected the file of a state",
                tensors_path(t));
}

int wkv_state_file_open(wkv_state_file **out, const char *path)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(path, "the path");
    tensors *t;
    int tuned, err = tensors_open(&t, path);
    if (err) return err;
    err = check_one_file(t);
    if (!err) err = find_kind(t, &tuned);
    tensors_close(t);
    wkv_state_file *f = err ? NULL : calloc(1, sizeof *f);
    if (!err && !f) err = fail(WKV_ENOMEM, "%s: no memory to open a state", path);
    if (!err) err = tensors_load(&f->t, path);
    if (!err) err = tuned ? read_tuned(f) : read_state(f);
    if (err)
        wkv_state_file_close(f);
    else
        *out = f;
    return err;
}

int wkv_state_file_open_memory(wkv_state_file **out, const void *data, size_t bytes, const char *name)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(data, "the data");
    REQUIRE(name, "the name");
    wkv_state_file *f = calloc(1, sizeof *f);
    if (!f) return fail(WKV_ENOMEM, "%s: no memory to open a state", name);
    int tuned, err = tensors_open_memory(&f->t, data, bytes, name);
    if (!err) err = find_kind(f->t, &tuned);
    if (!err) err = tuned ? read_tuned(f) : read_state(f);
    if (err)
        wkv_state_file_close(f);
    else
        *out = f;
    return err;
}

int state_file_peek(wkv_state_file **out, const char *path)
{
    wkv_state_file *f = calloc(1, sizeof *f);
    *out = NULL;
    if (!f) return fail(WKV_ENOMEM, "%s: no memory to open a state", path);
    int err = tensors_open(&f->t, path);
    if (!err) err = read_description(f);
    if (err)
        wkv_state_file_close(f);
    else
        *out = f;
    return err;
}

void wkv_state_file_close(wkv_state_file *f)
{
    if (!f) return;
    tensors_close(f->t);
    free(f->view.values);
    free(f->hidden);
    free(f->ids);
    free(f);
}

const wkv_state_info *wkv_state_file_about(const wkv_state_file *f) { return f ? &f->about : NULL; }
const float *wkv_state_file_hidden(const wkv_state_file *f) { return f ? f->hidden : NULL; }

/* ---- use --------------------------------------------------------------------------------------------------------- */

static int check_lineage(const wkv_state_file *f, const wkv_model *m)
{
    const wkv_state_info *a = &f->about;
    char lineage[DIGEST_TEXT], sizes[SIZES_TEXT];
    model_lineage(lineage, m);
    model_sizes(sizes, m);
    int same = a->layers == m->rwkv.L && a->width == m->rwkv.C && a->heads == m->rwkv.H && a->head_size == m->rwkv.N &&
               (a->tuned || !strcmp(a->identity.lineage, lineage));
    if (same) return 0;
    return fail(WKV_EARG, "%s: is a %s of %.*s; the model %s is %s", tensors_path(f->t),
                a->tuned ? "tuned state" : "state", SIZES_TEXT, a->sizes, m->about.path, sizes);
}

int wkv_state_file_read(const wkv_state_file *f, wkv_state *s)
{
    REQUIRE(f, "the file");
    REQUIRE(s, "the state");
    int err = check_lineage(f, s->model);
    if (!err) memcpy(s->data, f->view.values, (size_t)s->n * sizeof *s->data);
    return err;
}

/* ---- differences ------------------------------------------------------------------------------------------------- */

typedef struct {
    char *out;
    size_t capacity, n;
} sentence;

__attribute__((format(printf, 2, 3))) static void add(sentence *s, const char *fmt, ...)
{
    va_list args;
    char part[512];
    va_start(args, fmt);
    vsnprintf(part, sizeof part, fmt, args);
    va_end(args);
    size_t left = s->n < s->capacity ? s->capacity - s->n : 0;
    s->n += (size_t)snprintf(left ? s->out + s->n : NULL, left, "%s%s", s->n ? "; " : "was computed ", part);
}

/* A part of a model that may be missing: an adapter, an initial state. */
static void add_part(sentence *s, const char *name, const char *there, const char *here)
{
    if (!*there && *here)
        add(s, "without %s, and the model has one", name);
    else if (*there && !*here)
        add(s, "with %s, and the model has none", name);
    else if (strcmp(there, here))
        add(s, "with another %s", name + strcspn(name, " ") + 1);
}

int wkv_state_file_compare(const wkv_state_file *f, const wkv_context *c, char *out, size_t capacity)
{
    REQUIRE(f, "the file");
    REQUIRE(c, "the context");
    if (!out && capacity) return fail(WKV_EARG, "%s: out is NULL", __func__);
    if (capacity) *out = 0;
    const wkv_state_info *a = &f->about;
    const wkv_model *m = context_model(c);
    wkv_identity here;
    int err = check_lineage(f, m);
    if (!err) err = wkv_identify(&here, c);
    if (err || a->tuned) return err;
    sentence s = {out, capacity, 0};
    if (strcmp(a->identity.base, here.base)) {
        if (strcmp(a->types, m->about.types))
            add(&s, "with weights of type %s, and the model has %s", a->types, m->about.types);
        else
            add(&s, "with other weights (%s)", *a->model ? a->model : "of an unnamed model");
    }
    add_part(&s, "an adapter", a->identity.adapter, here.adapter);
    add_part(&s, "an initial state", a->identity.initial, here.initial);
    if (strcmp(a->identity.arithmetic, here.arithmetic))
        add(&s, "with arithmetic %s, and the context has %s", a->identity.arithmetic, here.arithmetic);
    return 0;
}
