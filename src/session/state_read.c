/* state_read.c - a state file (docs/states.md), read and checked. */
#include "base/error.h"
#include "base/utf8.h"
#include "format/reader.h"
#include "rwkv/parts.h"
#include "session/segments.h"
#include "session/state_file.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- the checksum ------------------------------------------------------------------------------------------------ */

int state_file_checksum(char out[DIGEST_TEXT], const tensors *t)
{
    tensor_out *list = calloc((size_t)t->count + 1, sizeof *list);
    const char **meta = calloc(2 * (size_t)t->n_meta + 1, sizeof *meta);
    int err = list && meta ? 0 : fail(WKV_ENOMEM, "%s: no memory for its checksum", tensors_path(t));
    for (int i = 0; !err && i < t->count; i++) {
        const file_tensor *f = &t->list[i];
        list[i] = (tensor_out){.name = f->name, .type = f->type, .dims = f->dims, .data = f->data};
        memcpy(list[i].shape, f->shape, sizeof f->shape);
    }
    for (int i = 0; !err && i < t->n_meta; i++) {
        meta[2 * i] = t->meta[i].key;
        meta[2 * i + 1] = t->meta[i].text;
    }
    if (!err) err = state_checksum(out, list, t->count, meta);
    free(meta);
    free(list);
    return err;
}

static int verify(const tensors *t)
{
    const char *format = tensors_meta(t, "format"), *expected = tensors_meta(t, "sha256");
    if (strcmp(tensors_format(t), "safetensors"))
        return fail(WKV_EUNSUPPORTED, "%s: is a %s with tensors of a state, expected .safetensors", tensors_path(t),
                    tensors_format(t));
    if (!format || !expected)
        return fail(WKV_EUNSUPPORTED, "%s: has no metadata \"%s\", expected a state that wkv wrote", tensors_path(t),
                    format ? "sha256" : "format");
    if (strcmp(format, STATE_FORMAT))
        return fail(WKV_EUNSUPPORTED,
                    "%s: is of the format \"%.40s\", expected \"%s\"; another version of wkv wrote it", tensors_path(t),
                    format, STATE_FORMAT);
    char sum[DIGEST_TEXT];
    int err = state_file_checksum(sum, t);
    if (err || !strcmp(sum, expected)) return err;
    return fail(WKV_EFORMAT, "%s: is damaged: its contents have SHA-256 %.12s..., its metadata says %.12s...",
                tensors_path(t), sum, expected);
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

static int copy_digest(char out[DIGEST_TEXT], const tensors *t, const char *key)
{
    const char *text = tensors_meta(t, key);
    size_t n = text ? strlen(text) : 1;
    if (n >= DIGEST_TEXT)
        return fail(WKV_EFORMAT, "%s: its %s has %zu characters, expected at most 64", tensors_path(t), key, n);
    if (!text) return fail(WKV_EFORMAT, "%s: has no metadata \"%s\"", tensors_path(t), key);
    memcpy(out, text, n + 1);
    return 0;
}

static int read_identity(wkv_identity *id, const tensors *t)
{
    const char *arithmetic = tensors_meta(t, "arithmetic");
    int err = copy_digest(id->lineage, t, "lineage");
    if (!err) err = copy_digest(id->weights, t, "weights");
    if (!err) err = copy_digest(id->base, t, "base");
    if (!err) err = copy_digest(id->adapter, t, "adapter");
    if (!err) err = copy_digest(id->initial, t, "initial");
    if (!err && (!arithmetic || strlen(arithmetic) >= sizeof id->arithmetic))
        err = fail(WKV_EFORMAT, "%s: its arithmetic is not a short text, expected \"f32 1\"", tensors_path(t));
    if (!err) strcpy(id->arithmetic, arithmetic);
    return err;
}

static int read_count(uint64_t *out, const tensors *t, const char *key)
{
    const char *text = tensors_meta(t, key);
    char *end = NULL;
    errno = 0;
    *out = text && *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    return end && !*end && !errno ? 0
                                  : fail(WKV_EFORMAT, "%s: its %s is \"%.40s\", expected a number", tensors_path(t),
                                         key, text ? text : "");
}

static const char *text_of(const tensors *t, const char *key)
{
    const char *text = tensors_meta(t, key);
    return text ? text : "";
}

/* Texts of one line are printed as they are; `text` may hold anything. */
static int check_lines(const tensors *t)
{
    static const char *const keys[] = {"model", "types", "version", "sizes", "template", "origin"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *text = text_of(t, keys[i]);
        const size_t n = strlen(text), at = utf8_control(text, n);
        if (at < n)
            return fail(WKV_EFORMAT, "%s: its %s contains a control character at byte %zu", tensors_path(t), keys[i],
                        at);
    }
    return 0;
}

static int read_texts(wkv_state_file *f)
{
    const tensors *t = f->t;
    wkv_state_info *a = &f->about;
    uint64_t read = 0;
    a->model = text_of(t, "model");
    a->types = text_of(t, "types");
    a->version = text_of(t, "version");
    a->sizes = text_of(t, "sizes");
    a->segments = text_of(t, "segments");
    a->text = text_of(t, "text");
    a->template_name = text_of(t, "template");
    a->origin = text_of(t, "origin");
    int err = check_lines(t);
    if (!err) err = read_identity(&a->identity, t);
    if (!err) err = read_count(&read, t, "read");
    if (!err) err = read_count(&a->seed, t, "seed");
    if (!err) err = read_count(&a->draws, t, "draws");
    if (!err && read > (uint64_t)a->n_ids)
        err = fail(WKV_EFORMAT, "%s: its state has read %llu ids, and the file has %d", tensors_path(t),
                   (unsigned long long)read, a->n_ids);
    a->read = (int)read;
    if (err) return err;
    err = segments_check(a->segments, a->n_ids);
    return err ? fail_prefix(err, "%s", tensors_path(t)) : 0;
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

static int is_of_type(const tensors *t, const file_tensor *f, dtype type)
{
    if (f->type == type) return 1;
    fail(WKV_EFORMAT, "%s: %s is of type %s, expected %s", tensors_path(t), f->name, dtypes[f->type].name,
         dtypes[type].name);
    return 0;
}

static int read_ids(wkv_state_file *f)
{
    const file_tensor *ids = tensors_find(f->t, "ids");
    if (!ids) return 0;
    int64_t n = tensor_values(ids);
    if (ids->dims != 1 || n > INT32_MAX || !is_of_type(f->t, ids, I32))
        return fail(WKV_EFORMAT, "%s: ids is not a list of i32", tensors_path(f->t));
    if (!(f->ids = malloc((size_t)n * sizeof *f->ids + 1)))
        return fail(WKV_ENOMEM, "%s: no memory for %lld ids", tensors_path(f->t), (long long)n);
    memcpy(f->ids, ids->data, (size_t)n * sizeof *f->ids);
    for (int64_t i = 0; i < n; i++)
        if (f->ids[i] < 0)
            return fail(WKV_EFORMAT, "%s: id %lld is %d, expected at least 0", tensors_path(f->t), (long long)i,
                        (int)f->ids[i]);
    f->about.ids = f->ids;
    f->about.n_ids = (int)n;
    return 0;
}

static int read_hidden(wkv_state_file *f)
{
    if (!tensors_find(f->t, "hidden")) return 0;
    const file_tensor *h = state_find(f->t, "hidden", 1, (const int64_t[]){f->about.width});
    if (!h || !is_of_type(f->t, h, F32)) return WKV_EFORMAT;
    if (!(f->hidden = malloc((size_t)f->about.width * sizeof *f->hidden)))
        return fail(WKV_ENOMEM, "%s: no memory for %d values", tensors_path(f->t), f->about.width);
    return state_read_tensor(f->t, h, f->hidden);
}

static const arch *find_arch(const tensors *t)
{
    const char *version = text_of(t, "version");
    for (int i = 0; archs[i]; i++)
        if (!strcmp(archs[i]->version, version)) return archs[i];
    fail(WKV_EUNSUPPORTED, "%s: is a state of RWKV-%.8s, expected versions 4 to 7", tensors_path(t), version);
    return NULL;
}

/* Width, heads and head size, from the shapes of layer 0. */
static int read_sizes(const tensors *t, const arch *a, int dim[DIMS])
{
    for (const state_tensor *s = a->state; s->name; s++) {
        const file_tensor *f = layer_find(t, 0, s->name);
        for (int i = 0; f && i < 3 && s->axes[i] != D_1; i++) {
            int64_t n = i < f->dims ? tensor_axis(f, i) : 0;
            dim[s->axes[i]] = n > 0 && n < 1 << 20 ? (int)n : 0;
        }
    }
    if (dim[D_C] && (!arch_slot(a, D_H) || (int64_t)dim[D_H] * dim[D_N] == dim[D_C])) return 0;
    return fail(WKV_EFORMAT, "%s: a state of %d channels with %d heads of %d, expected heads that divide the channels",
                tensors_path(t), dim[D_C], dim[D_H], dim[D_N]);
}

static int read_layer(const wkv_state_file *f, int layer, real *out)
{
    int64_t shape[3];
    for (const state_tensor *s = f->view.tensors; s->name; s++) {
        char name[STATE_NAME];
        state_name(name, layer, s->name);
        const file_tensor *t = state_find(f->t, name, rwkv_state_shape(s, f->view.dim, shape), shape);
        if (!t || !is_of_type(f->t, t, F32)) return WKV_EFORMAT;
        int err = state_read_tensor(f->t, t, out);
        if (err) return err;
        out += rwkv_state_values(s, f->view.dim);
    }
    return 0;
}

static int read_layers(wkv_state_file *f)
{
    state_view *v = &f->view;
    int err = state_allocate(f);
    size_t layer = (size_t)rwkv_state_layer(v->tensors, v->dim);
    for (int l = 0; !err && l < v->L; l++) err = read_layer(f, l, v->values + (size_t)l * layer);
    f->about.layers = v->L;
    f->about.width = v->dim[D_C];
    f->about.heads = v->dim[D_H];
    f->about.head_size = v->dim[D_N];
    return err;
}

/* Every tensor is one of those that were read. */
static int check_count(const wkv_state_file *f)
{
    int n = (f->hidden != NULL) + (f->ids != NULL);
    for (const state_tensor *s = f->view.tensors; s->name; s++) n += f->view.L;
    if (tensors_count(f->t) == n) return 0;
    return fail(WKV_EFORMAT, "%s: has %d tensors, expected the %d of a state of %d layers", tensors_path(f->t),
                tensors_count(f->t), n, f->view.L);
}

int read_description(wkv_state_file *f)
{
    const int err = read_ids(f);
    return err ? err : read_texts(f);
}

int read_state(wkv_state_file *f)
{
    int err = verify(f->t);
    const arch *a = err ? NULL : find_arch(f->t);
    if (!a) return err ? err : WKV_EUNSUPPORTED;
    f->view = (state_view){.tensors = a->state, .dim = {1}, .L = state_layers(f->t, ".att.shift")};
    err = read_sizes(f->t, a, f->view.dim);
    if (!err) err = read_layers(f);
    if (!err) err = read_hidden(f);
    if (!err) err = read_description(f);
    return err ? err : check_count(f);
}
