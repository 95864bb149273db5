/* state_tuned.c - tuned initial states: the matrices S of each layer, in the forms of other programs. */
#include "base/error.h"
#include "base/path.h"
#include "rwkv/overlay.h"
#include "rwkv/parts.h"
#include "session/state_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ----------------------------------------------------------------------------------------------------- */

int read_tuned(wkv_state_file *f)
{
    const tensors *t = f->t;
    const file_tensor *first = layer_find(t, 0, "att.time_state");
    char found[SHAPE_TEXT];
    int L = state_layers(t, ".att.time_state");
    if (!first) return fail(WKV_EFORMAT, "%s: blocks.0.att.time_state is missing", tensors_path(t));
    int64_t H = tensor_axis(first, 0), N = tensor_axis(first, 1);
    if (first->dims != 3 || tensor_axis(first, 2) != N || H < 1 || N < 1 || N > 1024 || H > 1 << 20)
        return fail(WKV_EFORMAT, "%s: %s is %s, expected heads x N x N", tensors_path(t), first->name,
                    shape_text(first, found));
    if (tensors_count(t) != L)
        return fail(WKV_EUNSUPPORTED, "%s: has %d tensors, expected the %d of a tuned state alone", tensors_path(t),
                    tensors_count(t), L);
    f->view =
        (state_view){.tensors = matrix_state, .dim = {[D_C] = (int)(H * N), [D_H] = (int)H, [D_N] = (int)N}, .L = L};
    const size_t C = (size_t)(H * N), layer = (size_t)rwkv_state_layer(matrix_state, f->view.dim);
    float *S = malloc(C * (size_t)N * sizeof *S);
    int err = S ? state_allocate(f) : fail(WKV_ENOMEM, "%s: no memory for a layer", tensors_path(t));
    for (int l = 0; !err && l < L; l++) {
        char name[STATE_NAME];
        state_name(name, l, "att.time_state");
        const file_tensor *one = state_find(t, name, 3, (const int64_t[]){H, N, N});
        err = one ? bind_check_type(t, one) : WKV_EFORMAT;
        if (!err) err = state_read_tensor(t, one, S);
        if (!err) turn_heads(f->view.values + (size_t)l * layer + C, S, (int)H, (int)N);
    }
    free(S);
    snprintf(f->sizes, sizeof f->sizes, "%d layers, %d heads of %d", L, (int)H, (int)N);
    f->about = (wkv_state_info){.model = "",
                                .types = "",
                                .version = "",
                                .sizes = f->sizes,
                                .layers = L,
                                .width = (int)C,
                                .heads = (int)H,
                                .head_size = (int)N,
                                .tuned = 1,
                                .text = "",
                                .template_name = "",
                                .origin = ""};
    return err;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static int give_turned(const tensor_out *t, float *out)
{
    turn_heads(out, t->from, (int)t->shape[0], (int)t->shape[1]);
    return 0;
}

static int give_as_is(const tensor_out *t, float *out)
{
    memcpy(out, t->from, (size_t)tensor_out_values(t) * sizeof *out);
    return 0;
}

static int is_web(const char *path) { return path_has_extension(path, ".st") || path_has_extension(path, ".state"); }

int state_heads(const state_view *v)
{
    int at = 0;
    for (const state_tensor *t = v->tensors; t->name; at += rwkv_state_values(t, v->dim), t++)
        if (t->kind == STATE_HEADS) return at;
    return -1;
}

static void list_tuned(listing *l, const state_view *v, int at, int web)
{
    const int N = v->dim[D_N];
    for (int layer = 0; layer < v->L; layer++) {
        state_name(l->name[l->n], layer, "att.time_state");
        tensor_out *t = listing_append(l, web ? F16 : F32, 3, (const int64_t[]){v->dim[D_H], N, N}, NULL);
        t->values = web ? give_as_is : give_turned;
        t->from = v->values + (size_t)layer * (size_t)rwkv_state_layer(v->tensors, v->dim) + at;
    }
}

int state_write_tuned(const char *path, const state_view *v)
{
    int pth = path_has_extension(path, ".pth"), web = is_web(path), at = state_heads(v);
    if (!pth && !web && !path_has_extension(path, ".safetensors"))
        return fail(WKV_EARG,
                    "%s: a tuned state is written as .pth, .safetensors, .st or .state, not to this extension", path);
    if (at < 0)
        return fail(WKV_EUNSUPPORTED,
                    "%s: not written: the state of RWKV-4 has no matrices, which are all that a tuned "
                    "state has",
                    path);
    int err = state_check_finite(path, v);
    if (err) return err;
    listing l;
    err = listing_new(&l, path, v->L);
    if (!err) {
        list_tuned(&l, v, at, web);
        err = pth ? pth_write(path, l.t, l.n) : safetensors_write(path, l.t, l.n, NULL);
    }
    listing_free(&l);
    return err;
}

int wkv_state_write_tuned(const char *path, const wkv_state *s)
{
    REQUIRE(path, "the path");
    REQUIRE(s, "the state");
    int err = wkv_model_refuse_output(s->model, path);
    const state_view v = state_view_of(s);
    return err ? err : state_write_tuned(path, &v);
}

int wkv_state_file_write_tuned(const char *path, const wkv_state_file *f)
{
    REQUIRE(path, "the path");
    REQUIRE(f, "the state");
    return state_write_tuned(path, &f->view);
}
