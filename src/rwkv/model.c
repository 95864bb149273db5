/* model.c - wkv_model: a checkpoint opened, bound, and described. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/error.h"
#include "format/reader.h"
#include "rwkv/api.h"
#include "rwkv/builtin.h"
#include "rwkv/family.h"
#include "rwkv/overlay.h"
#include "rwkv/pack.h"

const char *wkv_version(void) { return WKV_VERSION; }

typedef struct {
    int64_t parameters;
    int64_t small; /* vectors, which stay f32 in every type */
} census;

static int count(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name, (void)layer;
    census *c = user;
    int64_t n = (int64_t)t->rows * t->cols;
    c->parameters += n;
    if (!(s->flags & (SLOT_MATRIX | SLOT_LOW_RANK))) c->small += n;
    return 0;
}

/* "bf16, f32": the types in the file, most bytes first */
static void name_types(char *out, size_t room, int64_t *bytes)
{
    size_t n = 0;
    out[0] = 0;
    for (;;) {
        int best = -1;
        for (int i = 0; i < DTYPES; i++)
            if (bytes[i] > 0 && (best < 0 || bytes[i] > bytes[best])) best = i;
        if (best < 0 || n >= room) return;
        bytes[best] = 0;
        n += (size_t)snprintf(out + n, room - n, "%s%s", n ? ", " : "", dtypes[best].name);
    }
}

static void describe_chat(wkv_model *m)
{
    m->about.chat = family_template(m);
    m->about.context_length = family_context(m);
    m->about.profile = &m->profile;
    wkv_template_profile(&m->profile, &(wkv_template){.name = m->about.chat}, WKV_THINK_OFF, m);
}

static void describe(wkv_model *m)
{
    const rwkv *r = &m->rwkv;
    census c = {0};
    rwkv_each(r, count, &c);
    int64_t stored = 0, bytes[DTYPES] = {0};
    for (int i = 0; i < tensors_count(m->file); i++) {
        const file_tensor *f = tensors_at(m->file, i);
        int64_t n = dtype_bytes(f->type, tensor_values(f));
        bytes[f->type] += n;
        stored += n;
    }
    m->about = (wkv_model_info){
        .path = tensors_path(m->file),
        .format = tensors_format(m->file),
        .naming = tensors_naming(m->file),
        .version = r->arch->version,
        .types = m->types,
        .layers = r->L,
        .width = r->C,
        .heads = r->H,
        .head_size = r->N,
        .ffn = r->F,
        .vocab = r->V,
        .rank = {r->dim[D_R0], r->dim[D_R1], r->dim[D_R2], r->dim[D_R3]},
        .group_norm_eps = r->H ? (float)r->group_eps : 0,
        .parameters = c.parameters,
        .file_bytes = tensors_bytes(m->file),
        .state_bytes = (size_t)rwkv_state_len(r) * sizeof(real),
        .weight_bytes = {(size_t)(c.parameters * 4), (size_t)((c.parameters - c.small) * 2 + c.small * 4),
                         (size_t)stored},
    };
    for (int i = 0; i < RANKS; i++) m->about.rank_name[i] = r->arch->ranks[i].name;
    name_types(m->types, sizeof m->types, bytes);
    describe_chat(m);
    m->fingerprint = hash_bytes(HASH_START, r->dim, sizeof r->dim);
    m->fingerprint = hash_bytes(m->fingerprint, r->arch->version, strlen(r->arch->version));
    m->fingerprint = hash_bytes(m->fingerprint, r->ln_out_w.data, (size_t)r->C * sizeof(real));
    m->fingerprint = hash_bytes(m->fingerprint, r->ln0_b.data, (size_t)r->C * sizeof(real));
}

static int has_name(const tensors *t, const char *part)
{
    const file_tensor *f;
    for (int i = 0; (f = tensors_at(t, i)); i++)
        if (strstr(f->name, part)) return 1;
    return 0;
}

/* A file of adapters has adapters, or some tensors that replace the model's; a model has all of these. */
static int check_lora(const tensors *t)
{
    if (!tensors_count(t))
        return fail(WKV_EUNSUPPORTED, "%s: has no adapter: none of its entries is a tensor", tensors_path(t));
    int adapters = has_name(t, ".lora") || has_name(t, ".disha");
    if (!adapters && tensors_find(t, "emb.weight") && tensors_find(t, "blocks.0.ffn.key.weight"))
        return fail(WKV_EUNSUPPORTED, "%s: is a model, expected an adapter", tensors_path(t));
    return 0;
}

static int check_state(const tensors *t)
{
    if (has_name(t, ".att.time_state")) return 0;
    return fail(WKV_EUNSUPPORTED, "%s: has no tuned state: no tensor blocks.N.att.time_state among %d",
                tensors_path(t), tensors_count(t));
}

static int open_tensors(tensors **out, const char *path, const wkv_model_options *o)
{
    return o->no_mmap ? tensors_load(out, path) : tensors_open(out, path);
}

/* Overlay the tensors of the file at `path`, if not NULL, on the model's. */
static int open_overlay(tensors *file, tensors **over, const char *path, const wkv_model_options *o)
{
    *over = NULL;
    int err = path ? open_tensors(over, path, o) : 0;
    if (*over) tensors_overlay(file, *over);
    return err;
}

static int bind(wkv_model *m, tensors *file, const wkv_model_options *o)
{
    tensors *lora, *state;
    int err = open_overlay(file, &lora, o->lora, o);
    if (!err) err = open_overlay(file, &state, o->state, o);
    if (!err && lora) err = check_lora(lora);
    if (!err && state) err = check_state(state);
    if (err) return err;
    tensors_expect(file, SMALL_READS); /* vectors are copied, matrices stay in place */
    err = rwkv_bind(&m->rwkv, file, o->lora_alpha);
    tensors_expect(file, LONG_READS);
    if (err) return err;
    if (lora) err = rwkv_fits(&m->rwkv, lora);
    if (!err && state) err = rwkv_fits(&m->rwkv, state);
    if (err) rwkv_release(&m->rwkv);
    return err;
}

/* Bind and describe the tensors, opened with result e; closes them on failure. */
static int finish(wkv_model **out, tensors *file, int err, const wkv_model_options *options)
{
    static const wkv_model_options none;
    wkv_model *m = err ? NULL : calloc(1, sizeof *m);
    if (!err && !m) err = fail(WKV_ENOMEM, "no memory to open a model");
    if (!err) err = bind(m, file, options ? options : &none);
    if (err) {
        tensors_close(file);
        free(m);
        return err;
    }
    m->file = file;
    describe(m);
    *out = m;
    return 0;
}

static int open_memory(wkv_model **out, const void *data, size_t size, const char *name,
                       const wkv_model_options *options)
{
    tensors *file = NULL;
    *out = NULL;
    int err = tensors_open_memory(&file, data, size, name);
    return finish(out, file, err, options);
}

int model_open_memory(wkv_model **out, const void *data, size_t size, const char *name)
{
    return open_memory(out, data, size, name, NULL);
}

int model_open_made(wkv_model **out, tensors *t, packed memory)
{
    *out = NULL;
    int err = finish(out, t, tensors_index(t), NULL);
    if (!err) (*out)->packed = memory;
    return err;
}

static int count_types(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name, (void)s, (void)layer;
    ((int64_t *)user)[t->type] += dtype_bytes((dtype)t->type, (int64_t)t->rows * t->cols);
    return 0;
}

int model_pack(wkv_model *m, const char *type)
{
    const quant_preset *r = type ? quant_preset_find(type) : NULL;
    if (type && !r) return fail(WKV_EARG, "unknown weight type \"%s\", expected one of %s", type, quant_preset_names());
    int err = rwkv_pack(&m->rwkv, m->file, r, &m->packed);
    if (err || !r) return err;
    int64_t bytes[DTYPES] = {0};
    rwkv_each(&m->rwkv, count_types, bytes);
    name_types(m->types, sizeof m->types, bytes);
    return 0;
}

int wkv_model_open(wkv_model **out, const char *path, const wkv_model_options *options)
{
    static const wkv_model_options defaults;
    const wkv_model_options *o = options ? options : &defaults;
    REQUIRE(out, "out");
    *out = NULL;
    if (!(o->lora_alpha >= 0) || isinf(o->lora_alpha))
        return fail(WKV_EARG, "lora_alpha is %g, expected above 0, or 0 for the file's own", (double)o->lora_alpha);
    if (o->as_stored && o->type)
        return fail(WKV_EARG, "as_stored and type %s exclude each other; set one of them", o->type);
    if (path && !strcmp(path, BUILTIN_MODEL)) path = NULL;
    tensors *file = NULL;
    int err = path ? open_tensors(&file, path, o) : 0;
    err = path ? finish(out, file, err, o)
               : open_memory(out, wkv_builtin_model, wkv_builtin_model_size, BUILTIN_MODEL, o);
    if (!err && !o->as_stored && (err = model_pack(*out, o->type))) {
        wkv_model_close(*out);
        *out = NULL;
    }
    return err;
}

void wkv_model_close(wkv_model *m)
{
    if (!m) return;
    rwkv_release(&m->rwkv);
    tensors_close(m->file);
    rwkv_unpack(&m->packed);
    free(m);
}

size_t wkv_model_bytes(const wkv_model *m, const char *type)
{
    const quant_preset *r = type ? quant_preset_find(type) : NULL;
    return !m || (type && !r) ? 0 : rwkv_weight_bytes(&m->rwkv, r);
}

const wkv_model_info *wkv_model_about(const wkv_model *m) { return m ? &m->about : NULL; }

int wkv_model_refuse_output(const wkv_model *m, const char *path)
{
    return m && path ? tensors_refuse_output(m->file, path) : fail(WKV_EARG, "the model or the path is NULL");
}
