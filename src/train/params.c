/* params.c - a model with its tensors in one block; reading and writing its values. */
#include "train/params.h"
#include "base/path.h"
#include "base/thread.h"
#include "rwkv/api.h"
#include "rwkv/bind.h"
#include "rwkv/builtin.h"
#include "rwkv/export.h"
#include "rwkv/family.h"
#include "train/choose.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the blocks -------------------------------------------------------------------------------------------------- */

int params_list(params *p, const rwkv *m, const char *name, tensor *t, const slot *s, int layer)
{
    param *list = realloc(p->list, (size_t)(p->count + 1) * sizeof *list);
    if (!list) return fail(WKV_ENOMEM, "no memory for a list of parameters");
    p->list = list;
    int rows = m->dim[s->rows], cols = m->dim[s->cols], matrix = s->flags & (SLOT_MATRIX | SLOT_LOW_RANK);
    *t = (tensor){
        .rows = matrix ? rows : 1, .cols = matrix ? cols : rows * cols, .type = REAL, .layout = official_layout(s)};
    size_t n = (size_t)rows * (size_t)cols;
    param *q = &list[p->count++];
    *q = (param){.name = strdup(name), .t = t, .slot = s, .layer = layer, .at = p->n, .n = n, .lr_scale = 1};
    if (s->flags & SLOT_FAST2) q->lr_scale = 2;
    if (s->flags & SLOT_FAST3) q->lr_scale = 3;
    q->decays = (s->flags & SLOT_MATRIX) != 0;
    q->dims = official_shape(m, s, q->shape);
    p->n += (n + 15) / 16 * 16; /* align each tensor to a cache line; the gap stays zero */
    return q->name ? 0 : fail(WKV_ENOMEM, "no memory for a list of parameters");
}

static int list_one(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    params *p = user;
    return params_list(p, &p->model, name, t, s, layer);
}

static void point_into_blocks(params *p)
{
    p->grads = p->values + p->n;
    p->mean = p->grads + p->n;
    p->square = p->mean + (p->to - p->from);
    for (int i = 0; i < p->count; i++) {
        tensor *t = p->list[i].t;
        t->data = p->values + p->list[i].at;
        t->grad = p->list[i].frozen ? NULL : p->grads + p->list[i].at;
        t->requires_grad = !p->list[i].frozen;
    }
}

int params_freeze(params *p, const char *train, const char *freeze)
{
    int err = choose_check("--train", train, &p->model, choosable_all), left = 0;
    if (!err) err = choose_check("--freeze", freeze, &p->model, choosable_all);
    if (err) return err;
    for (int i = 0; i < p->count; i++) {
        param *q = &p->list[i];
        q->frozen = (train && !choose_names(train, q->slot, q->layer)) || choose_names(freeze, q->slot, q->layer);
        p->n_frozen += q->frozen ? q->n : 0;
        left += !q->frozen;
    }
    if (!left) return fail(WKV_EARG, "--freeze %s: no parameter is left to train", freeze);
    point_into_blocks(p);
    return 0;
}

int params_make(params *p)
{
    p->values = calloc(4 * p->n, sizeof *p->values);
    p->sums = malloc((p->n / OPTIMIZER_CHUNK + 1) * sizeof *p->sums);
    if (!p->values || !p->sums)
        return fail(WKV_ENOMEM, "no memory for parameters, gradients and moments: %zu MiB",
                    4 * p->n * sizeof *p->values >> 20);
    p->from = 0;
    p->to = p->n;
    point_into_blocks(p);
    return 0;
}

void params_share(const params *p, int rank, size_t *from, size_t *to)
{
    int first, last, chunks = (int)((p->n + OPTIMIZER_CHUNK - 1) / OPTIMIZER_CHUNK);
    pool_share(chunks, 1, rank, communicator_count(p->communicator), &first, &last);
    *from = (size_t)first * OPTIMIZER_CHUNK;
    *to = last == chunks ? p->n : (size_t)last * OPTIMIZER_CHUNK;
}

void params_shard(params *p, const wkv_communicator *communicator)
{
    p->communicator = communicator;
    params_share(p, communicator->rank, &p->from, &p->to);
    real *less = realloc(p->values, 2 * (p->n + p->to - p->from) * sizeof *less);
    if (less) p->values = less; /* otherwise keep the block */
    point_into_blocks(p);
}

int params_new(params *p, const arch *a, const int sizes[DIMS], int L)
{
    *p = (params){0};
    int err = rwkv_init(&p->model, a, L, sizes);
    if (err) return err;
    err = rwkv_each(&p->model, list_one, p);
    if (!err) err = params_make(p);
    if (err) params_release(p);
    return err;
}

void params_release(params *p)
{
    params_twin_free(p);
    for (int i = 0; i < p->count; i++) free(p->list[i].name);
    free(p->list);
    free(p->values);
    free(p->sums);
    rwkv_release(&p->model);
    *p = (params){0};
}

uint64_t params_sum(const params *p)
{
    uint64_t sum = 0xcbf29ce484222325u ^ p->n;
    for (size_t i = 0; i < p->n; i++) {
        uint32_t bits;
        float x = (float)p->values[i];
        memcpy(&bits, &x, sizeof bits);
        sum = (sum ^ bits) * 0x100000001b3u;
    }
    return sum;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* Fill the rows after the first `rows` with the mean of those. */
static void fill_rows(real *x, int rows, int all, int cols)
{
    for (int i = 0; i < cols; i++) {
        double sum = 0;
        for (int k = 0; k < rows; k++) sum += (double)x[(size_t)k * (size_t)cols + (size_t)i];
        for (int k = rows; k < all; k++) x[(size_t)k * (size_t)cols + (size_t)i] = (real)(sum / rows);
    }
}

/* Read a tensor from the file of a model of V logits. */
static int read_values(const params *p, const tensors *f, const char *prefix, int V, real *to)
{
    for (int i = 0; i < p->count; i++) {
        const param *q = &p->list[i];
        const int grows = q->slot && q->slot->rows == D_V && V < p->model.V, C = p->model.C;
        const size_t n = grows ? (size_t)V * (size_t)C : q->n;
        char name[160];
        snprintf(name, sizeof name, "%s%s", prefix, q->name);
        const file_tensor *from = tensors_find(f, name);
        if (!from || !tensor_is_weight(from) || tensor_values(from) != (int64_t)n)
            return fail(WKV_EFORMAT, "%s: %s is missing or has another size than the model", tensors_path(f), name);
        int err = tensor_read(from, to + q->at, (int64_t)n);
        if (err) return fail_prefix(err, "%s", tensors_path(f));
        if (grows) fill_rows(to + q->at, V, p->model.V, C);
    }
    return 0;
}

int params_load_values(params *p, const tensors *f)
{
    int err = params_to_host(p);
    params_host_changed(p);
    return err ? err : read_values(p, f, "", p->model.V, p->values);
}

int params_load_moments(params *p, const tensors *f)
{
    if (!p->communicator) {
        int err = params_to_host(p);
        params_host_changed(p);
        if (!err) err = read_values(p, f, "mean.", p->model.V, p->mean);
        return err ? err : read_values(p, f, "square.", p->model.V, p->square);
    }
    size_t share = (p->to - p->from) * sizeof *p->mean; /* buffer: the gradients, zero between steps */
    int err = read_values(p, f, "mean.", p->model.V, p->grads);
    if (!err) memcpy(p->mean, p->grads + p->from, share);
    if (!err) err = read_values(p, f, "square.", p->model.V, p->grads);
    if (!err) memcpy(p->square, p->grads + p->from, share);
    memset(p->grads, 0, p->n * sizeof *p->grads);
    return err;
}

int params_load(params *p, const char *path, int V)
{
    *p = (params){0};
    tensors *f;
    int builtin = !strcmp(path, BUILTIN_MODEL);
    int err =
        builtin ? tensors_open_memory(&f, wkv_builtin_model, wkv_builtin_model_size, path) : tensors_open(&f, path);
    if (err) return err;
    rwkv m = {0};
    err = rwkv_bind(&m, f, 0);
    if (!err) {
        char trained[64];
        int sizes[DIMS];
        memcpy(sizes, m.dim, sizeof sizes);
        if (V > m.V) sizes[D_V] = V;
        if (m.arch->new_sizes)
            err = params_new(p, m.arch, sizes, m.L);
        else
            err = fail(WKV_EUNSUPPORTED, "%s is version %s; %s can be trained", path, m.arch->version,
                       arch_list_trained(trained));
        if (!err) {
            p->model.group_eps = m.group_eps;
            err = read_values(p, f, "", m.V, p->values);
            const wkv_model from = {.file = f, .about = {.path = path, .vocab = m.V}};
            if (!family_name(p->family, &from)) p->family[0] = 0;
        }
        rwkv_release(&m);
    }
    tensors_close(f);
    return err;
}

/* Gather moment tensor i (all means, then all squares) from the processes with shards of it. The buffer is the
 * gradients, which are zero between steps and again afterwards. out NULL: this process only sends its shard. */
static void gather(const params *p, int i, float *out)
{
    const wkv_communicator *r = p->communicator;
    const param *q = &p->list[i % p->count];
    const real *mine = i < p->count ? p->mean : p->square;
    size_t end = q->at + q->n;
    for (int k = 0; k < r->count; k++) {
        size_t from, to;
        params_share(p, k, &from, &to);
        if (from < q->at) from = q->at;
        if (to > end) to = end;
        if (from >= to) continue;
        if (k == r->rank) memcpy(p->grads + from, mine + (from - p->from), (to - from) * sizeof *mine);
        r->broadcast(r->user, p->grads + from, (to - from) * sizeof *mine, k);
    }
    r->wait_all(r->user);
    if (out) memcpy(out, p->grads + q->at, q->n * sizeof *out);
    memset(p->grads + q->at, 0, q->n * sizeof *p->grads);
}

void params_send(const params *p)
{
    for (int i = 0; p->communicator && i < 2 * p->count; i++) gather(p, i, NULL);
}

typedef struct {
    const params *p;
    const real *values; /* NULL: gather them, ... */
    int *gathered;      /* ... number gathered before   */
    size_t n;
    char name[160];
} given;

static int give_values(const tensor_out *t, float *out)
{
    const given *g = t->from;
    if (g->values)
        memcpy(out, g->values, g->n * sizeof *out);
    else
        gather(g->p, (*g->gathered)++, out);
    return 0;
}

int params_check_type(const char *type)
{
    if (!type || !strcmp(type, "bf16") || !strcmp(type, "f32") || !strcmp(type, "pth")) return 0;
    return fail(WKV_EARG, "--save-type %s: expected bf16, f32 or pth", type);
}

int params_save(const params *p, const char *path, dtype type, int moments, const char *const *meta)
{
    static const char *const prefix[] = {"", "mean.", "square."};
    const real *const block[] = {p->values, p->mean, p->square};
    int kinds = moments ? 3 : 1, n = 0, gathered = 0;
    tensor_out *out = calloc((size_t)(kinds * p->count), sizeof *out);
    given *from = calloc((size_t)(kinds * p->count), sizeof *from);
    int err = out && from ? params_to_host(p) : fail(WKV_ENOMEM, "no memory to write %s", path);
    for (int k = 0; !err && k < kinds; k++)
        for (int i = 0; i < p->count; i++, n++) {
            const param *q = &p->list[i];
            from[n] = (given){
                .p = p, .values = k && p->communicator ? NULL : block[k] + q->at, .gathered = &gathered, .n = q->n};
            snprintf(from[n].name, sizeof from[n].name, "%s%s", prefix[k], q->name);
            out[n] = (tensor_out){.name = from[n].name, .type = type, .values = give_values, .from = &from[n]};
            out[n].dims = q->dims;
            memcpy(out[n].shape, q->shape, sizeof q->shape);
        }
    if (!err) err = path_has_extension(path, ".pth") ? pth_write(path, out, n) : safetensors_write(path, out, n, meta);
    while (moments && p->communicator && gathered < 2 * p->count) gather(p, gathered++, NULL); /* others wait */
    free(out);
    free(from);
    return err;
}
