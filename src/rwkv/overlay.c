/* overlay.c - adapters of weights and tuned initial states of layers, and whether a whole overlay fits the model. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "rwkv/forward.h"
#include "rwkv/overlay.h"
#include "rwkv/sizes.h"

/* ---- adapters ---------------------------------------------------------------------------------------------------- */

/* Half of the adapter of `weight`: its name without ".weight", and the suffix. */
static const file_tensor *find_half(const tensors *t, const char *weight, const char *extension)
{
    size_t n = strlen(weight), cut = strlen(".weight");
    char full[104];
    if (n > cut && !strcmp(weight + n - cut, ".weight")) n -= cut;
    snprintf(full, sizeof full, "%.*s%s", (int)n, weight, extension);
    return tensors_find(t, full);
}

static int bind_half(binder *b, tensor *to, const file_tensor *f, int rows, int cols, weight_layout layout)
{
    *to = (tensor){.rows = rows, .cols = cols, .type = REAL, .layout = layout};
    to->data = bind_alloc(b, (size_t)rows * (size_t)cols);
    return to->data ? bind_reals(b, f, to->data, (size_t)rows * (size_t)cols) : 0;
}

/* The alpha of an adapter must be given by its file or by the caller. */
static int check_alpha(const binder *b, const char *path)
{
    if (b->alpha > 0 && isfinite(b->alpha)) return 0;
    return fail(WKV_EARG, "%s: no lora_alpha in the adapter, so it must be given (RWKV-PEFT's default is 32)", path);
}

/* lora_A [rank, in] and lora_B [out, rank]; in web-rwkv's files lora.0 [in, rank] and lora.1 [out, rank] */
static int bind_lora(binder *b, adapter *low, const tensor *w, const char *name, const file_tensor *A,
                     const file_tensor *B, int turned)
{
    const char *path = tensors_path_of(b->t, A);
    int in = weight_in(w), out = weight_out(w);
    int64_t rank = axis_from_last(B, 0);
    if (A->dims != 2 || B->dims != 2 || rank < 1 || rank > 1 << 16 || tensor_axis(B, 0) != out ||
        tensor_axis(A, turned) != rank || tensor_axis(A, !turned) != in)
        return fail(WKV_EFORMAT,
                    "%s: the adapter of %s is %lld x %lld and %lld x %lld, expected rank x %d and %d x rank", path,
                    name, (long long)tensor_axis(A, 0), (long long)tensor_axis(A, 1), (long long)tensor_axis(B, 0),
                    (long long)tensor_axis(B, 1), in, out);
    int err = check_alpha(b, path), r = (int)rank;
    if (!err)
        err = turned ? bind_half(b, &low->a, A, in, r, LAYOUT_INPUT_MAJOR)
                     : bind_half(b, &low->a, A, r, in, LAYOUT_ROW_MAJOR);
    if (!err) err = bind_half(b, &low->b, B, out, r, LAYOUT_ROW_MAJOR);
    low->b.scale = b->alpha / (float)rank;
    return err;
}

/* MiSS: [rank, out], which RWKV-PEFT calls disha; its mode "bat" has three axes and depends on the weight itself. */
static int bind_miss(binder *b, adapter *low, const tensor *w, const char *name, const file_tensor *f)
{
    char shape[SHAPE_TEXT];
    int64_t rank = tensor_axis(f, 0);
    if (f->dims != 2 || rank < 1 || rank > 1 << 16 || tensor_axis(f, 1) != weight_out(w))
        return fail(WKV_EFORMAT, "%s: %s is %s, expected the MiSS adapter of %s, rank x %d", tensors_path_of(b->t, f),
                    f->name, shape_text(f, shape), name, weight_out(w));
    return bind_half(b, &low->b, f, (int)rank, weight_out(w), LAYOUT_INPUT_MAJOR);
}

int bind_adapter(binder *b, tensor *w, const char *name, const slot *s, int layer)
{
    const file_tensor *A = find_half(b->t, name, ".lora_A"), *B = find_half(b->t, name, ".lora_B");
    const file_tensor *web = find_half(b->t, name, ".lora.0"), *miss = find_half(b->t, name, ".disha");
    if (!A && !B && web) B = find_half(b->t, name, ".lora.1");
    if (!A) A = web;
    if (!A && !B && !miss) return 0;
    const char *path = tensors_path_of(b->t, A ? A : B ? B : miss);
    if (miss && (A || B)) return fail(WKV_EFORMAT, "%s: %s has both a LoRA and a MiSS adapter", path, name);
    if (!miss && (!A || !B))
        return fail(WKV_EFORMAT, "%s: the adapter of %s is incomplete: lora_A without lora_B, or the reverse", path,
                    name);
    int err = bind_check_type(b->t, miss ? miss : A);
    if (err || (!miss && (err = bind_check_type(b->t, B)))) return err;
    if (layer < 0 || s->flags & (SLOT_5 | SLOT_TABLE))
        return fail(WKV_EUNSUPPORTED, "%s: an adapter of %s is not supported", path, name);
    adapter *low = (adapter *)bind_alloc(b, (sizeof *low + sizeof(real) - 1) / sizeof(real)), counted;
    adapter *to = low ? low : &counted;
    *to = (adapter){0};
    err = miss ? bind_miss(b, to, w, name, miss) : bind_lora(b, to, w, name, A, B, A == web);
    if (!err && low) w->adapter = low;
    return err;
}

/* ---- initial states ---------------------------------------------------------------------------------------------- */

/* The initial state of a layer; NULL, with wkv_error set, if it is missing or has another size. `path`: the file of the
 * other layers' states. */
static const file_tensor *find_state(const binder *b, int layer, const char *path)
{
    const rwkv *m = b->m;
    const file_tensor *f = layer_find(b->t, layer, "att.time_state");
    char shape[SHAPE_TEXT];
    if (!f)
        fail(WKV_EFORMAT, "%s: blocks.%d.att.time_state is missing; a tuned state has one for each of %d layers", path,
             layer, m->L);
    else if (tensor_values(f) != (int64_t)m->C * m->N)
        fail(WKV_EFORMAT, "%s: %s is %s, expected %d x %d x %d", tensors_path_of(b->t, f), f->name,
             shape_text(f, shape), m->H, m->N, m->N);
    else if (!bind_check_type(b->t, f))
        return f;
    return NULL;
}

/* The file with initial states; NULL: there are none. */
static const char *file_of_states(const binder *b)
{
    for (int l = 0; l < b->m->L && b->m->H; l++) {
        const file_tensor *f = layer_find(b->t, l, "att.time_state");
        if (f) return tensors_path_of(b->t, f);
    }
    return NULL;
}

/* blocks.N.att.time_state [H][value][key], a tuned initial state, transposed to our [H][key][value] */
int bind_state(binder *b)
{
    rwkv *m = b->m;
    int H = m->H, N = m->N, CN = m->C * N;
    const char *path = file_of_states(b);
    if (!path) return 0;
    for (int l = 0; l < m->L; l++)
        if (!find_state(b, l, path)) return WKV_EFORMAT;
    real *all = bind_alloc(b, (size_t)rwkv_state_len(m)), *S = bind_alloc(b, (size_t)CN);
    if (!all) return 0;
    m->state0 = NULL; /* rwkv_state_init must not copy it from itself */
    rwkv_state_init(m, all);
    for (int l = 0; l < m->L; l++) {
        int err = bind_reals(b, find_state(b, l, path), S, (size_t)CN);
        if (err) return err;
        turn_heads(all + (size_t)l * (size_t)rwkv_layer_state(m) + m->C, S, H, N);
    }
    m->state0 = all;
    return 0;
}

/* ---- overlays ---------------------------------------------------------------------------------------------------- */

/* Whether `name` is the weight's name, or that of its adapter (its stem and a suffix of adapters). */
static int is_of(void *user, const char *weight, tensor *t, const slot *s, int layer)
{
    (void)t, (void)s, (void)layer;
    static const char *const endings[] = {".lora_A", ".lora_B", ".lora.0", ".lora.1", ".disha"};
    const char *name = user;
    size_t n = strlen(weight), cut = strlen(".weight");
    if (!strcmp(name, weight)) return 1;
    if (n > cut && !strcmp(weight + n - cut, ".weight")) n -= cut;
    if (strncmp(name, weight, n)) return 0;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (!strcmp(name + n, endings[i])) return 1;
    return 0;
}

static int is_state(const rwkv *m, const file_tensor *f)
{
    int layer = -1, end = 0;
    return sscanf(f->name, "blocks.%d.att.time_state%n", &layer, &end) == 1 && end && !f->name[end] && layer >= 0 &&
           layer < m->L && m->H && tensor_values(f) == (int64_t)m->C * m->N;
}

int rwkv_fits(const rwkv *m, const tensors *over)
{
    const file_tensor *f;
    for (int i = 0; (f = tensors_at(over, i)); i++) {
        char shape[SHAPE_TEXT];
        if (is_state(m, f) || rwkv_each(m, is_of, (void *)f->name)) continue;
        return fail(WKV_EUNSUPPORTED,
                    "%s: tensor %s, %s, does not fit the model, an RWKV-%s of %d layers, %d channels and %d heads",
                    tensors_path(over), f->name, shape_text(f, shape), m->arch->version, m->L, m->C, m->H);
    }
    return 0;
}
