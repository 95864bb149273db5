/* names.c - every naming of RWKV checkpoints, made official. Spec FORMATS 2, 3.2, 3.3, 4.4, 5.
 *
 * A naming is a list of rules, the first that fits counts. In a pattern '#' stands for a number and a final '*' for the rest,
 * both copied to the official name. A rule also says how the stored tensor differs: its last two axes are swapped, it
 * holds a function of the official number, or it is several official tensors fused along its first axis (their names are
 * then listed with blanks between). What no rule fits keeps its name. */
#include "format/reader.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SWAPPED = 1,     /* the last two axes against the official file                              */
    EXP = 2,         /* holds e^x                                                                */
    NEG_EXP = 4,     /* holds -e^x                                                               */
    EXP_NEG_EXP = 8, /* holds e^-e^x                                                             */
    FLAT = 16,       /* all axes become one                                                      */
    DROP_LAST = 32,  /* the last axis, of size 1, goes                                           */
    HEADS = 64,      /* [C] becomes [H, N], N from the metadata                                  */
    RESCALED = 128,  /* block i is divided by 2^(i / n), n from the metadata                     */
    NOT_FIRST = 256  /* block 0 has a dummy in its place that is no tensor of the model          */
};

typedef struct {
    const char *from, *to;
    int how;
} rule;

static const rule official[] = {{0}};

/* Hugging Face transformers' Rwkv (4) and the custom code of RWKV-5 and 6; "rwkv." is taken off before */
static const rule hf[] = {
    {"embeddings.weight", "emb.weight", 0},
    {"blocks.#.pre_ln.*", "blocks.#.ln0.*", 0},
    {"blocks.#.attention.time_mix_key", "blocks.#.att.time_mix_k", 0},
    {"blocks.#.attention.time_mix_value", "blocks.#.att.time_mix_v", 0},
    {"blocks.#.attention.time_mix_receptance", "blocks.#.att.time_mix_r", 0},
    {"blocks.#.attention.time_mix_gate", "blocks.#.att.time_mix_g", 0},
    {"blocks.#.attention.*", "blocks.#.att.*", 0},
    {"blocks.#.feed_forward.time_mix_key", "blocks.#.ffn.time_mix_k", 0},
    {"blocks.#.feed_forward.time_mix_receptance", "blocks.#.ffn.time_mix_r", 0},
    {"blocks.#.feed_forward.*", "blocks.#.ffn.*", 0},
    {0},
};

/* flash-linear-attention's RWKV-7; "model." is taken off before */
static const rule fla[] = {
    {"embeddings.weight", "emb.weight", 0},
    {"lm_head.weight", "head.weight", 0},
    {"norm.*", "ln_out.*", 0},
    {"layers.#.pre_norm.*", "blocks.#.ln0.*", 0},
    {"layers.#.attn_norm.*", "blocks.#.ln1.*", 0},
    {"layers.#.ffn_norm.*", "blocks.#.ln2.*", 0},
    {"layers.#.attn.g_norm.*", "blocks.#.att.ln_x.*", 0},
    {"layers.#.attn.r_proj.weight", "blocks.#.att.receptance.weight", 0},
    {"layers.#.attn.k_proj.weight", "blocks.#.att.key.weight", 0},
    {"layers.#.attn.v_proj.weight", "blocks.#.att.value.weight", 0},
    {"layers.#.attn.o_proj.weight", "blocks.#.att.output.weight", 0},
    {"layers.#.attn.w_lora.lora.0.weight", "blocks.#.att.w1", SWAPPED},
    {"layers.#.attn.w_lora.lora.2.weight", "blocks.#.att.w2", SWAPPED},
    {"layers.#.attn.w_lora.lora.2.bias", "blocks.#.att.w0", 0},
    {"layers.#.attn.a_lora.lora.0.weight", "blocks.#.att.a1", SWAPPED},
    {"layers.#.attn.a_lora.lora.2.weight", "blocks.#.att.a2", SWAPPED},
    {"layers.#.attn.a_lora.lora.2.bias", "blocks.#.att.a0", 0},
    {"layers.#.attn.v_lora.lora.0.weight", "blocks.#.att.v1", SWAPPED},
    {"layers.#.attn.v_lora.lora.2.weight", "blocks.#.att.v2", SWAPPED},
    {"layers.#.attn.v_lora.lora.2.bias", "blocks.#.att.v0", 0},
    {"layers.#.attn.g_lora.lora.0.weight", "blocks.#.att.g1", SWAPPED},
    {"layers.#.attn.g_lora.lora.2.weight", "blocks.#.att.g2", SWAPPED},
    {"layers.#.attn.x_x",
     "blocks.#.att.x_r blocks.#.att.x_w blocks.#.att.x_k blocks.#.att.x_v blocks.#.att.x_a blocks.#.att.x_g", 0},
    {"layers.#.attn.*", "blocks.#.att.*", 0},
    {"layers.#.ffn.*", "blocks.#.ffn.*", 0},
    {0},
};

/* web-rwkv's .st: v5 renames the bonus; v6 also the mixes; small matrices and states are swapped. v4 is official. */
static const rule web5[] = {
    {"blocks.#.att.time_first", "blocks.#.att.time_faaaa", 0},
    {"blocks.#.att.time_state", "blocks.#.att.time_state", SWAPPED},
    {0},
};
static const rule web6[] = {
    {"blocks.#.att.time_first", "blocks.#.att.time_faaaa", 0},
    {"blocks.#.att.time_mix_w1", "blocks.#.att.time_maa_w1", SWAPPED},
    {"blocks.#.att.time_mix_w2", "blocks.#.att.time_maa_w2", SWAPPED},
    {"blocks.#.att.time_decay_w1", "blocks.#.att.time_decay_w1", SWAPPED},
    {"blocks.#.att.time_decay_w2", "blocks.#.att.time_decay_w2", SWAPPED},
    {"blocks.#.att.time_state", "blocks.#.att.time_state", SWAPPED},
    {"blocks.#.att.time_mix_*", "blocks.#.att.time_maa_*", 0},
    {"blocks.#.ffn.time_mix_*", "blocks.#.ffn.time_maa_*", 0},
    {0},
};
#define SWAP7                                                                                                          \
    {"blocks.#.att.w1", "blocks.#.att.w1", SWAPPED}, {"blocks.#.att.w2", "blocks.#.att.w2", SWAPPED},                 \
    {"blocks.#.att.a1", "blocks.#.att.a1", SWAPPED}, {"blocks.#.att.a2", "blocks.#.att.a2", SWAPPED},                 \
    {"blocks.#.att.v1", "blocks.#.att.v1", SWAPPED}, {"blocks.#.att.v2", "blocks.#.att.v2", SWAPPED},                 \
    {"blocks.#.att.g1", "blocks.#.att.g1", SWAPPED}, {"blocks.#.att.g2", "blocks.#.att.g2", SWAPPED}
static const rule web7[] = {
    SWAP7,
    {"blocks.#.att.time_state", "blocks.#.att.time_state", SWAPPED},
    {0},
};

/* rwkv.cpp's .bin */
static const rule cpp4[] = {{"blocks.#.att.time_decay", "blocks.#.att.time_decay", NEG_EXP}, {0}};
static const rule cpp50[] = {
    {"blocks.#.att.time_decay", "blocks.#.att.time_decay", EXP_NEG_EXP | FLAT},
    {"blocks.#.att.time_first", "blocks.#.att.time_first", EXP | FLAT},
    {0},
};
static const rule cpp52[] = {
    {"blocks.#.att.time_decay", "blocks.#.att.time_decay", EXP_NEG_EXP | DROP_LAST},
    {"blocks.#.att.time_faaaa", "blocks.#.att.time_faaaa", DROP_LAST},
    {0},
};
static const rule cpp6[] = {
    {"blocks.#.att.time_decay", "blocks.#.att.time_decay", FLAT},
    {"blocks.#.att.time_faaaa", "blocks.#.att.time_faaaa", DROP_LAST},
    {"blocks.#.att.time_maa_w1", "blocks.#.att.time_maa_w1", SWAPPED},
    {"blocks.#.att.time_maa_w2", "blocks.#.att.time_maa_w2", SWAPPED},
    {"blocks.#.att.time_decay_w1", "blocks.#.att.time_decay_w1", SWAPPED},
    {"blocks.#.att.time_decay_w2", "blocks.#.att.time_decay_w2", SWAPPED},
    {0},
};
static const rule cpp7[] = {
    SWAP7,
    {"blocks.#.att.x_rwkvag",
     "blocks.#.att.x_r blocks.#.att.x_w blocks.#.att.x_k blocks.#.att.x_v blocks.#.att.x_a blocks.#.att.x_g", 0},
    {0},
};

/* llama.cpp's GGUF, rwkv6 and rwkv7; rwkv4 and rwkv5 by the same conventions, with u of v5 as the wkv uses it */
#define GGUF_COMMON                                                                                                    \
    {"token_embd.weight", "emb.weight", 0}, {"token_embd_norm.*", "blocks.0.ln0.*", 0},                               \
    {"output_norm.*", "ln_out.*", 0}, {"output.weight", "head.weight", 0},                                            \
    {"blk.#.attn_norm.*", "blocks.#.ln1.*", 0}, {"blk.#.attn_norm_2.*", "blocks.#.ln2.*", 0},                         \
    {"blk.#.time_mix_ln.*", "blocks.#.att.ln_x.*", 0},                                                                \
    {"blk.#.time_mix_receptance.weight", "blocks.#.att.receptance.weight", 0},                                        \
    {"blk.#.time_mix_key.weight", "blocks.#.att.key.weight", 0},                                                      \
    {"blk.#.time_mix_value.weight", "blocks.#.att.value.weight", 0},                                                  \
    {"blk.#.time_mix_gate.weight", "blocks.#.att.gate.weight", 0},                                                    \
    {"blk.#.time_mix_output.weight", "blocks.#.att.output.weight", RESCALED},                                         \
    {"blk.#.channel_mix_key.weight", "blocks.#.ffn.key.weight", 0},                                                   \
    {"blk.#.channel_mix_receptance.weight", "blocks.#.ffn.receptance.weight", 0},                                     \
    {"blk.#.channel_mix_value.weight", "blocks.#.ffn.value.weight", RESCALED}
static const rule gguf4[] = {
    GGUF_COMMON,
    {"blk.#.time_mix_first.weight", "blocks.#.att.time_first", 0},
    {"blk.#.time_mix_decay.weight", "blocks.#.att.time_decay", 0},
    {"blk.#.time_mix_lerp_k.weight", "blocks.#.att.time_mix_k", 0},
    {"blk.#.time_mix_lerp_v.weight", "blocks.#.att.time_mix_v", 0},
    {"blk.#.time_mix_lerp_r.weight", "blocks.#.att.time_mix_r", 0},
    {"blk.#.channel_mix_lerp_k.weight", "blocks.#.ffn.time_mix_k", 0},
    {"blk.#.channel_mix_lerp_r.weight", "blocks.#.ffn.time_mix_r", 0},
    {0},
};
static const rule gguf5[] = {
    GGUF_COMMON,
    {"blk.#.time_mix_first.weight", "blocks.#.att.time_faaaa", 0},
    {"blk.#.time_mix_decay.weight", "blocks.#.att.time_decay", 0},
    {"blk.#.time_mix_lerp_k.weight", "blocks.#.att.time_mix_k", 0},
    {"blk.#.time_mix_lerp_v.weight", "blocks.#.att.time_mix_v", 0},
    {"blk.#.time_mix_lerp_r.weight", "blocks.#.att.time_mix_r", 0},
    {"blk.#.time_mix_lerp_g.weight", "blocks.#.att.time_mix_g", 0},
    {"blk.#.channel_mix_lerp_k.weight", "blocks.#.ffn.time_mix_k", 0},
    {"blk.#.channel_mix_lerp_r.weight", "blocks.#.ffn.time_mix_r", 0},
    {0},
};
static const rule gguf6[] = {
    GGUF_COMMON,
    {"blk.#.time_mix_lerp_fused.weight",
     "blocks.#.att.time_maa_w blocks.#.att.time_maa_k blocks.#.att.time_maa_v blocks.#.att.time_maa_r blocks.#.att.time_maa_g", 0},
    {"blk.#.time_mix_lerp_x.weight", "blocks.#.att.time_maa_x", 0},
    {"blk.#.time_mix_lerp_w.weight", "blocks.#.att.time_maa_w", 0}, /* older files have the five apart */
    {"blk.#.time_mix_lerp_k.weight", "blocks.#.att.time_maa_k", 0},
    {"blk.#.time_mix_lerp_v.weight", "blocks.#.att.time_maa_v", 0},
    {"blk.#.time_mix_lerp_r.weight", "blocks.#.att.time_maa_r", 0},
    {"blk.#.time_mix_lerp_g.weight", "blocks.#.att.time_maa_g", 0},
    {"blk.#.time_mix_w1.weight", "blocks.#.att.time_maa_w1", SWAPPED},
    {"blk.#.time_mix_w2.weight", "blocks.#.att.time_maa_w2", SWAPPED},
    {"blk.#.time_mix_first.weight", "blocks.#.att.time_faaaa", 0},
    {"blk.#.time_mix_decay.weight", "blocks.#.att.time_decay", 0},
    {"blk.#.time_mix_decay_w1.weight", "blocks.#.att.time_decay_w1", SWAPPED},
    {"blk.#.time_mix_decay_w2.weight", "blocks.#.att.time_decay_w2", SWAPPED},
    {"blk.#.channel_mix_lerp_k.weight", "blocks.#.ffn.time_maa_k", 0},
    {"blk.#.channel_mix_lerp_r.weight", "blocks.#.ffn.time_maa_r", 0},
    {0},
};
static const rule gguf7[] = {
    GGUF_COMMON,
    {"blk.#.time_mix_lerp_fused.weight",
     "blocks.#.att.x_r blocks.#.att.x_w blocks.#.att.x_k blocks.#.att.x_v blocks.#.att.x_a blocks.#.att.x_g", 0},
    {"blk.#.time_mix_w0.weight", "blocks.#.att.w0", 0},
    {"blk.#.time_mix_a0.weight", "blocks.#.att.a0", 0},
    {"blk.#.time_mix_v0.weight", "blocks.#.att.v0", NOT_FIRST},
    {"blk.#.time_mix_w1.weight", "blocks.#.att.w1", SWAPPED},
    {"blk.#.time_mix_w2.weight", "blocks.#.att.w2", SWAPPED},
    {"blk.#.time_mix_a1.weight", "blocks.#.att.a1", SWAPPED},
    {"blk.#.time_mix_a2.weight", "blocks.#.att.a2", SWAPPED},
    {"blk.#.time_mix_v1.weight", "blocks.#.att.v1", SWAPPED | NOT_FIRST},
    {"blk.#.time_mix_v2.weight", "blocks.#.att.v2", SWAPPED | NOT_FIRST},
    {"blk.#.time_mix_g1.weight", "blocks.#.att.g1", SWAPPED},
    {"blk.#.time_mix_g2.weight", "blocks.#.att.g2", SWAPPED},
    {"blk.#.time_mix_k_k.weight", "blocks.#.att.k_k", 0},
    {"blk.#.time_mix_k_a.weight", "blocks.#.att.k_a", 0},
    {"blk.#.time_mix_r_k.weight", "blocks.#.att.r_k", HEADS},
    {"blk.#.channel_mix_lerp_k.weight", "blocks.#.ffn.x_k", 0},
    {0},
};

/* ---- which naming a file has -------------------------------------------------------------------------------------------- */

/* Whatever wrapped the model while it trained or was saved put its own name in front. */
static const char *unwrapped(const char *name)
{
    static const char *const wrapper[] = {"_forward_module.", "_orig_mod.", "module.", "model.", "rwkv."};
    for (size_t i = 0; i < sizeof wrapper / sizeof *wrapper; i++) {
        size_t n = strlen(wrapper[i]);
        if (!strncmp(name, wrapper[i], n) && name[n]) return unwrapped(name + n);
    }
    return name;
}

/* Before the names are indexed. */
static const file_tensor *look(const tensors *t, const char *name)
{
    for (int i = 0; i < t->count; i++) {
        if (!strcmp(t->list[i].name, name)) return &t->list[i];
    }
    return NULL;
}

static int is(const char *text, const char *start) { return !strncmp(text, start, strlen(start)); }

/* Whether the small matrices of a v7 with official names are swapped, as web-rwkv's are: seen from w1 [C, rank] and its like
 * unless all are square, which only the file's name can then tell. */
static int is_swapped7(const tensors *t)
{
    const file_tensor *emb = look(t, "emb.weight");
    int64_t C = emb && emb->dims == 2 ? emb->shape[1] : 0;
    static const char *const first[] = {"blocks.0.att.w1", "blocks.0.att.a1", "blocks.0.att.g1", "blocks.1.att.v1"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        const file_tensor *f = look(t, first[i]);
        if (f && f->dims == 2 && f->shape[0] != f->shape[1]) return f->shape[1] == C;
    }
    size_t n = strlen(t->path);
    return look(t, first[0]) && n > 3 && !strcmp(t->path + n - 3, ".st");
}

static const rule *find_naming(tensors *t)
{
    const char *arch = tensors_meta(t, "general.architecture");
    int gate = look(t, "blocks.0.att.gate.weight") != NULL;
    const file_tensor *first = look(t, "blocks.0.att.time_first");
    if (is(t->format, "gguf")) {
        t->naming = "llama.cpp";
        if (arch && !strcmp(arch, "rwkv4")) return gguf4;
        if (arch && !strcmp(arch, "rwkv5")) return gguf5;
        if (arch && !strcmp(arch, "rwkv6")) return gguf6;
        if (arch && !strcmp(arch, "rwkv7")) return gguf7;
        t->naming = "unknown";
        return official;
    }
    if (is(t->format, "rwkv.cpp")) {
        t->naming = "rwkv.cpp";
        if (look(t, "blocks.0.att.r_k")) return cpp7;
        if (look(t, "blocks.0.att.time_maa_x")) return cpp6;
        if (look(t, "blocks.0.att.ln_x.weight")) return gate ? cpp52 : cpp50;
        return cpp4;
    }
    if (look(t, "layers.0.attn.r_proj.weight")) return t->naming = "fla", fla;
    if (look(t, "blocks.0.attention.key.weight")) return t->naming = "hf", hf;
    if (look(t, "blocks.0.att.time_mix_w1")) return t->naming = "web-rwkv", web6;
    if (look(t, "blocks.0.att.r_k") && is_swapped7(t)) return t->naming = "web-rwkv", web7;
    if (gate && first && first->dims >= 2 && !look(t, "blocks.0.att.time_faaaa")) return t->naming = "web-rwkv", web5;
    t->naming = "official";
    return official;
}

/* ---- applying a rule ------------------------------------------------------------------------------------------------------ */

/* Does name fit pattern? *number is where '#' stood, *rest what '*' stood for. */
static int fits(const char *pattern, const char *name, const char **number, const char **rest)
{
    *number = *rest = "";
    for (; *pattern; pattern++) {
        if (*pattern == '*') {
            *rest = name;
            return 1;
        }
        if (*pattern == '#') {
            *number = name;
            if (!isdigit((unsigned char)*name)) return 0;
            while (isdigit((unsigned char)*name)) name++;
        } else if (*pattern != *name++) return 0;
    }
    return !*name;
}

/* The official name: n characters of `to` with '#' and '*' filled in. */
static char *fill(tensors *t, const char *to, size_t n, const char *number, const char *rest)
{
    char *name = tensors_memory(t, n + strlen(number) + strlen(rest) + 1), *p = name;
    if (!name) {
        fail(WKV_ENOMEM, "no memory for a name");
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (to[i] == '#') for (const char *d = number; isdigit((unsigned char)*d); d++) *p++ = *d;
        else if (to[i] == '*') p = stpcpy(p, rest);
        else *p++ = to[i];
    }
    *p = 0;
    return name;
}

static void reshape(file_tensor *f, const rule *r, int64_t head_size)
{
    int64_t n = tensor_values(f);
    if (r->how & FLAT) {
        f->dims = 1;
        f->shape[0] = n;
        f->stride[0] = 1;
    } else if (r->how & DROP_LAST && f->dims > 1 && f->shape[f->dims - 1] == 1) {
        f->dims--;
    } else if (r->how & HEADS && f->dims == 1 && head_size > 0 && n % head_size == 0) {
        f->dims = 2;
        f->shape[0] = n / head_size;
        f->shape[1] = f->stride[0] = head_size;
        f->stride[1] = 1;
    }
}

/* One tensor, or the parts of a fused one, go to the end of `out`. */
static int apply(tensors *t, const rule *r, const file_tensor *stored, const char *number, const char *rest, tensors *out)
{
    const char *arch = tensors_meta(t, "general.architecture");
    char key[64];
    file_tensor f = *stored;
    f.transposed = r->how & SWAPPED && f.dims >= 2;
    f.holds = r->how & EXP ? HOLDS_EXP : r->how & NEG_EXP ? HOLDS_NEG_EXP : r->how & EXP_NEG_EXP ? HOLDS_EXP_NEG_EXP : AS_IS;
    if (r->how & HEADS) {
        snprintf(key, sizeof key, "%s.wkv.head_size", arch);
        reshape(&f, r, (int64_t)tensors_number(t, key, 64));
    } else reshape(&f, r, 0);
    if (r->how & RESCALED) {
        snprintf(key, sizeof key, "%s.rescale_every_n_layers", arch);
        double every = tensors_number(t, key, 0), block = strtod(number, NULL);
        if (every >= 1) f.scale = ldexpf(1, (int)(block / every));
    }
    int parts = 1;
    for (const char *s = r->to; *s; s++) parts += *s == ' ';
    if (parts > 1 && (f.dims < 2 || f.shape[0] != parts || !f.contiguous || dtypes[f.type].values > 1))
        return fail(WKV_EFORMAT, "tensor %s: its first axis is %lld, expected %d fused vectors", stored->name,
                    (long long)(f.dims ? f.shape[0] : 0), parts);
    if (parts > 1) {
        f.dims--;
        memmove(f.shape, f.shape + 1, sizeof f.shape - sizeof *f.shape);
        memmove(f.stride, f.stride + 1, sizeof f.stride - sizeof *f.stride);
    }
    const char *to = r->to;
    for (int i = 0; i < parts; i++) {
        size_t n = strcspn(to, " ");
        f.name = fill(t, to, n, number, rest);
        if (!f.name || grow(&out->list, &out->cap, out->count + 1, sizeof *out->list)) return WKV_ENOMEM;
        out->list[out->count++] = f;
        f.data += dtype_bytes(f.type, tensor_values(&f));
        to += n + (to[n] == ' ');
    }
    return WKV_OK;
}

int names_official(tensors *t)
{
    for (int i = 0; i < t->count; i++) t->list[i].name = unwrapped(t->list[i].name);
    const rule *rules = find_naming(t), keep = {.to = "*"};
    tensors out = {0};
    int e = WKV_OK;
    for (int i = 0; !e && i < t->count; i++) {
        const char *number = "", *rest = t->list[i].name;
        const rule *r = rules;
        while (r->from && !fits(r->from, t->list[i].name, &number, &rest)) r++;
        if (r->from && r->how & NOT_FIRST && strtod(number, NULL) == 0) continue;
        if (!r->from) number = "", rest = t->list[i].name;
        e = apply(t, r->from ? r : &keep, &t->list[i], number, rest, &out);
    }
    free(t->list);
    t->list = out.list;
    t->count = out.count;
    t->cap = out.cap;
    if (!e && !strcmp(t->naming, "rwkv.cpp") && (rules == cpp50 || rules == cpp52)) {
        e = tensors_add_number(t, "group_norm_eps", 14, 1e-5); /* its v5 alone, official is 64e-5; spec FORMATS 2 */
    }
    return e;
}
