/* names.c - every naming of RWKV checkpoints, made official (docs/formats.md 2, 4.4, 5).
 *
 * A naming is a list of rules; the first that fits applies. In a pattern '#' matches a number and a final '*' the rest,
 * both copied to the official name. A rule also gives the difference of the stored tensor: its last two axes are
 * swapped, it is a function of the official number, or it is several official tensors fused along its first axis (their
 * names are then separated by blanks). A tensor that no rule fits keeps its name. */
#include "base/path.h"
#include "format/reader.h"
#include "format/write.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SWAPPED = 1,     /* the last two axes are swapped against the official file */
    EXP = 2,         /* holds e^x                                               */
    NEG_EXP = 4,     /* holds -e^x                                              */
    EXP_NEG_EXP = 8, /* holds e^-e^x                                            */
    FLAT = 16,       /* all axes become one                                     */
    DROP_LAST = 32,  /* the last axis, of size 1, is removed                    */
    HEADS = 64,      /* [C] becomes [H, N], N from the metadata                 */
    RESCALED = 128,  /* block i is divided by 2^(i / n), n from the metadata    */
    NOT_FIRST = 256  /* block 0's is a dummy, not a tensor of the model         */
};

typedef struct {
    const char *from, *to;
    int how;
} rule;

static const rule none[] = {{0}};

/* Hugging Face transformers' Rwkv (4) and the custom code of RWKV-5 and 6; the prefix "rwkv." is already removed */
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

/* flash-linear-attention's RWKV-7; the prefix "model." is already removed */
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

/* rwkv-rs's RWKV-7 ("linear_attn"), vectors as [C]; the prefix "model." is already removed */
static const rule rwkv_rs[] = {
    {"embed_tokens.weight", "emb.weight", 0},
    {"embedding_norm.*", "blocks.0.ln0.*", 0},
    {"lm_head.weight", "head.weight", 0},
    {"norm.*", "ln_out.*", 0},
    {"layers.#.input_layernorm.*", "blocks.#.ln1.*", 0},
    {"layers.#.post_attention_layernorm.*", "blocks.#.ln2.*", 0},
    {"layers.#.linear_attn.g_norm.*", "blocks.#.att.ln_x.*", 0},
    {"layers.#.linear_attn.r_proj.weight", "blocks.#.att.receptance.weight", 0},
    {"layers.#.linear_attn.k_proj.weight", "blocks.#.att.key.weight", 0},
    {"layers.#.linear_attn.v_proj.weight", "blocks.#.att.value.weight", 0},
    {"layers.#.linear_attn.o_proj.weight", "blocks.#.att.output.weight", 0},
    {"layers.#.linear_attn.*", "blocks.#.att.*", 0},
    {"layers.#.mlp.*", "blocks.#.ffn.*", 0},
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
static const rule swapped7[] = {
    {"blocks.#.att.w1", "blocks.#.att.w1", SWAPPED},
    {"blocks.#.att.w2", "blocks.#.att.w2", SWAPPED},
    {"blocks.#.att.a1", "blocks.#.att.a1", SWAPPED},
    {"blocks.#.att.a2", "blocks.#.att.a2", SWAPPED},
    {"blocks.#.att.v1", "blocks.#.att.v1", SWAPPED},
    {"blocks.#.att.v2", "blocks.#.att.v2", SWAPPED},
    {"blocks.#.att.g1", "blocks.#.att.g1", SWAPPED},
    {"blocks.#.att.g2", "blocks.#.att.g2", SWAPPED},
    {0},
};
static const rule web7[] = {
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
    {"blocks.#.att.x_rwkvag",
     "blocks.#.att.x_r blocks.#.att.x_w blocks.#.att.x_k blocks.#.att.x_v blocks.#.att.x_a blocks.#.att.x_g", 0},
    {0},
};

/* llama.cpp's GGUF, rwkv6 and rwkv7; rwkv4 and rwkv5 by the same conventions, with u of v5 as the wkv uses it */
static const rule gguf[] = {
    {"token_embd.weight", "emb.weight", 0},
    {"token_embd_norm.*", "blocks.0.ln0.*", 0},
    {"output_norm.*", "ln_out.*", 0},
    {"output.weight", "head.weight", 0},
    {"blk.#.attn_norm.*", "blocks.#.ln1.*", 0},
    {"blk.#.attn_norm_2.*", "blocks.#.ln2.*", 0},
    {"blk.#.time_mix_ln.*", "blocks.#.att.ln_x.*", 0},
    {"blk.#.time_mix_receptance.weight", "blocks.#.att.receptance.weight", 0},
    {"blk.#.time_mix_key.weight", "blocks.#.att.key.weight", 0},
    {"blk.#.time_mix_value.weight", "blocks.#.att.value.weight", 0},
    {"blk.#.time_mix_gate.weight", "blocks.#.att.gate.weight", 0},
    {"blk.#.time_mix_output.weight", "blocks.#.att.output.weight", RESCALED},
    {"blk.#.channel_mix_key.weight", "blocks.#.ffn.key.weight", 0},
    {"blk.#.channel_mix_receptance.weight", "blocks.#.ffn.receptance.weight", 0},
    {"blk.#.channel_mix_value.weight", "blocks.#.ffn.value.weight", RESCALED},
    {0},
};
static const rule gguf4[] = {
    {"blk.#.time_mix_first.weight", "blocks.#.att.time_first", 0},
    {"blk.#.time_mix_decay.weight", "blocks.#.att.time_decay", 0},
    {"blk.#.time_mix_lerp_k.weight", "blocks.#.att.time_mix_k", 0},
    {"blk.#.time_mix_lerp_v.weight", "blocks.#.att.time_mix_v", 0},
    {"blk.#.time_mix_lerp_r.weight", "blocks.#.att.time_mix_r", 0},
    {"blk.#.channel_mix_lerp_k.weight", "blocks.#.ffn.time_mix_k", 0},
    {"blk.#.channel_mix_lerp_r.weight", "blocks.#.ffn.time_mix_r", 0},
    {0},
};
static const rule gguf50[] = {
    {"blk.#.time_mix_first.weight", "blocks.#.att.time_first", EXP}, /* 5.0; the rest is for all of 5 */
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
    {"blk.#.time_mix_lerp_fused.weight",
     "blocks.#.att.time_maa_w blocks.#.att.time_maa_k blocks.#.att.time_maa_v blocks.#.att.time_maa_r "
     "blocks.#.att.time_maa_g",
     0},
    {"blk.#.time_mix_lerp_x.weight", "blocks.#.att.time_maa_x", 0},
    {"blk.#.time_mix_lerp_w.weight", "blocks.#.att.time_maa_w", 0}, /* older files store the five separately */
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

/* ---- detecting the naming ---------------------------------------------------------------------------------------- */

/* The name without the prefixes of modules that wrapped the model when it was trained or saved. */
static const char *unwrapped(const char *name)
{
    static const char *const wrapper[] = {"_forward_module.", "_orig_mod.", "module.", "model.", "rwkv.", "rwkv7."};
    for (size_t i = 0; i < sizeof wrapper / sizeof *wrapper; i++) {
        size_t n = strlen(wrapper[i]);
        if (strncmp(name, wrapper[i], n) || !name[n]) continue;
        name += n;
        i = (size_t)-1; /* restart from the first */
    }
    return name;
}

/* Linear search, before the names are indexed. */
static const file_tensor *look(const tensors *t, const char *name)
{
    for (int i = 0; i < t->count; i++) {
        if (!strcmp(t->list[i].name, name)) return &t->list[i];
    }
    return NULL;
}

static int is(const char *text, const char *start) { return !strncmp(text, start, strlen(start)); }

/* Whether the small matrices of a v7 with official names are swapped, as web-rwkv's: by the shape of w1 [C, rank] or a
 * similar one, or, if all are square, by the file's extension. */
static int is_swapped7(const tensors *t)
{
    const file_tensor *emb = look(t, "emb.weight");
    int64_t C = emb && emb->dims == 2 ? emb->shape[1] : 0;
    static const char *const first[] = {"blocks.0.att.w1", "blocks.0.att.a1", "blocks.0.att.g1", "blocks.1.att.v1"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        const file_tensor *f = look(t, first[i]);
        if (f && f->dims == 2 && f->shape[0] != f->shape[1]) return f->shape[1] == C;
    }
    return look(t, first[0]) && path_has_extension(t->path, ".st");
}

/* Two lists of rules, the version's own and a shared one; and a GGUF's metadata about heads and rescaling. */
typedef struct {
    const rule *own, *shared;
    double head_size, rescale_every; /* 0: no rescaling */
} naming;

/* The rules of a naming that differs from version to version. A row applies to all versions that begin with `version`.
 * `mark` is a GGUF's architecture, or a tensor of rwkv.cpp's files, NULL: any file. The first row that fits applies. */
static const struct {
    const char *naming, *version, *mark;
    const rule *own, *shared;
} versions[] = {
    {"llama.cpp", "7", "rwkv7", gguf7, gguf},
    {"llama.cpp", "6", "rwkv6", gguf6, gguf},
    {"llama.cpp", "5.0", "rwkv5", gguf50, gguf},
    {"llama.cpp", "5", "rwkv5", gguf50 + 1, gguf},
    {"llama.cpp", "4", "rwkv4", gguf4, gguf},
    {"web-rwkv", "7", NULL, web7, swapped7},
    {"web-rwkv", "6", NULL, web6, none},
    {"web-rwkv", "5", NULL, web5, none},
    {"rwkv.cpp", "7", "blocks.0.att.r_k", cpp7, swapped7},
    {"rwkv.cpp", "6", "blocks.0.att.time_maa_x", cpp6, none},
    {"rwkv.cpp", "5", "blocks.0.att.gate.weight", cpp52, none},
    {"rwkv.cpp", "5.0", "blocks.0.att.ln_x.weight", cpp50, none},
    {"rwkv.cpp", "4", NULL, cpp4, none},
};
enum { VERSIONS = sizeof versions / sizeof *versions };

static naming find_gguf(tensors *t)
{
    const char *arch = tensors_meta(t, "general.architecture");
    t->naming = "llama.cpp";
    for (int i = 0; arch && i < VERSIONS; i++) {
        if (!versions[i].mark || strcmp(arch, versions[i].mark)) continue;
        if (!strcmp(versions[i].version, "5.0") && look(t, "blk.0.time_mix_gate.weight")) continue;
        char head_size[32], rescale[48];
        snprintf(head_size, sizeof head_size, "%s.wkv.head_size", arch);
        snprintf(rescale, sizeof rescale, "%s.rescale_every_n_layers", arch);
        return (naming){versions[i].own, versions[i].shared, tensors_number(t, head_size, 64),
                        tensors_number(t, rescale, 0)};
    }
    t->naming = "unknown";
    return (naming){none, none, 0, 0};
}

static naming find_cpp(tensors *t)
{
    t->naming = "rwkv.cpp";
    int i = 0;
    while (strcmp(versions[i].naming, t->naming) || (versions[i].mark && !look(t, versions[i].mark))) i++;
    return (naming){versions[i].own, versions[i].shared, 0, 0};
}

/* Only web-rwkv's v5 has the bonus of 5.1 and 5.2 as time_first [H, N]. */
static int is_web5(const tensors *t)
{
    const file_tensor *bonus = look(t, "blocks.0.att.time_first");
    return bonus && bonus->dims >= 2 && look(t, "blocks.0.att.gate.weight") && !look(t, "blocks.0.att.time_faaaa");
}

/* A state alone shows its naming only by the file's extension: Ai00's converter writes .st and .state. */
static int is_web_state(const tensors *t)
{
    int told = path_has_extension(t->path, ".st") || path_has_extension(t->path, ".state");
    return told && look(t, "blocks.0.att.time_state") && !look(t, "emb.weight");
}

/* `behind_rwkv7`: the names had the prefix "rwkv7.", as in transformers' Rwkv7, which are official otherwise. */
static naming find_naming(tensors *t, int behind_rwkv7)
{
    if (is(t->format, "gguf")) return find_gguf(t);
    if (is(t->format, "rwkv.cpp")) return find_cpp(t);
    t->naming = "fla";
    if (look(t, "layers.0.attn.r_proj.weight")) return (naming){fla, none, 0, 0};
    t->naming = "rwkv-rs";
    if (look(t, "layers.0.linear_attn.r_proj.weight")) return (naming){rwkv_rs, none, 0, 0};
    t->naming = "hf";
    if (look(t, "blocks.0.attention.key.weight")) return (naming){hf, none, 0, 0};
    t->naming = "web-rwkv";
    if (look(t, "blocks.0.att.time_mix_w1")) return (naming){web6, none, 0, 0};
    if (look(t, "blocks.0.att.r_k") && is_swapped7(t)) return (naming){web7, swapped7, 0, 0};
    if (is_web_state(t)) return (naming){web7, none, 0, 0};
    if (is_web5(t)) return (naming){web5, none, 0, 0};
    t->naming = behind_rwkv7 ? "transformers" : "official";
    return (naming){none, none, 0, 0};
}

/* ---- applying a rule --------------------------------------------------------------------------------------------- */

/* Whether name fits pattern; *number and *rest are the texts matched by '#' and '*'. */
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
        } else if (*pattern != *name++)
            return 0;
    }
    return !*name;
}

/* The first rule that fits; if none does, one that keeps the name. */
static const rule *find_rule(const naming *n, const char *name, const char **number, const char **rest)
{
    for (const rule *r = n->own; r->from; r++) {
        if (fits(r->from, name, number, rest)) return r;
    }
    for (const rule *r = n->shared; r->from; r++) {
        if (fits(r->from, name, number, rest)) return r;
    }
    *number = "";
    *rest = name;
    static const rule keep = {NULL, "*", 0};
    return &keep;
}

/* Write n characters of `pattern`, with '#' and '*' filled in, and a zero to p. */
static void fill(char *p, const char *pattern, size_t n, const char *number, const char *rest)
{
    for (size_t i = 0; i < n; i++) {
        if (pattern[i] == '#')
            for (const char *d = number; isdigit((unsigned char)*d); d++) *p++ = *d;
        else if (pattern[i] == '*')
            for (const char *c = rest; *c; c++) *p++ = *c;
        else
            *p++ = pattern[i];
    }
    *p = 0;
}

/* The official name, from the n characters of `to`. */
static char *official_name(tensors *t, const char *to, size_t n, const char *number, const char *rest)
{
    char *name = tensors_memory(t, n + strlen(number) + strlen(rest) + 1);
    if (name)
        fill(name, to, n, number, rest);
    else
        fail(WKV_ENOMEM, "no memory for a name");
    return name;
}

/* The axes of the official tensor. */
static void reshape(file_tensor *f, int how, double head_size)
{
    int64_t n = tensor_values(f);
    if (how & FLAT) {
        f->dims = 1;
        f->shape[0] = n;
        f->stride[0] = 1;
    } else if (how & DROP_LAST && f->dims > 1 && f->shape[f->dims - 1] == 1) {
        f->dims--;
    } else if (how & HEADS && f->dims == 1 && head_size >= 1 && head_size <= (double)n && n % (int64_t)head_size == 0) {
        f->dims = 2;
        f->shape[1] = f->stride[0] = (int64_t)head_size;
        f->shape[0] = n / f->shape[1];
        f->stride[1] = 1;
    }
}

/* Record how the stored tensor of block `number` differs from the official one. */
static void set_differences(file_tensor *f, const naming *n, const rule *r, const char *number)
{
    f->transposed = r->how & SWAPPED && f->dims >= 2;
    if (r->how & EXP) f->holds = HOLDS_EXP;
    if (r->how & NEG_EXP) f->holds = HOLDS_NEG_EXP;
    if (r->how & EXP_NEG_EXP) f->holds = HOLDS_EXP_NEG_EXP;
    if (r->how & RESCALED && n->rescale_every >= 1)
        f->scale = ldexpf(1, (int)fmin((double)strtoll(number, NULL, 10) / n->rescale_every, 64));
    reshape(f, r->how, n->head_size);
}

/* Remove the first axis, of `parts` fused vectors. */
static int unfuse(file_tensor *f, int parts)
{
    if (f->dims < 2 || f->shape[0] != parts || !f->contiguous || dtypes[f->type].values > 1)
        return fail(WKV_EFORMAT, "tensor %s: its first axis is %lld, expected %d fused vectors", f->name,
                    (long long)(f->dims ? f->shape[0] : 0), parts);
    f->dims--;
    memmove(f->shape, f->shape + 1, sizeof f->shape - sizeof *f->shape);
    memmove(f->stride, f->stride + 1, sizeof f->stride - sizeof *f->stride);
    return WKV_OK;
}

/* Append one tensor, or the parts of a fused one, to `out`. */
static int apply(tensors *t, const rule *r, file_tensor f, const char *number, const char *rest, tensors *out)
{
    int parts = 1;
    for (const char *s = r->to; *s; s++) parts += *s == ' ';
    if (parts > 1) {
        int err = unfuse(&f, parts);
        if (err) return err;
    }
    for (const char *to = r->to; *to; to += *to == ' ') {
        size_t n = strcspn(to, " ");
        f.name = official_name(t, to, n, number, rest);
        if (!f.name || grow(&out->list, &out->cap, out->count + 1, sizeof *out->list)) return WKV_ENOMEM;
        out->list[out->count++] = f;
        f.data += dtype_bytes(f.type, tensor_values(&f));
        to += n;
    }
    return WKV_OK;
}

/* A GGUF of ours may have an input-major ffn.value, [F, C], as its metadata say. */
static int find_input_major(tensors *t, const naming *found)
{
    const char *how = tensors_meta(t, LAYOUT_GGUF_KEY), *number, *rest;
    const rule *value = find_rule(found, "blk.0.channel_mix_value.weight", &number, &rest);
    const file_tensor *emb = look(t, "emb.weight");
    if (how && strcmp(how, LAYOUT_GGUF_INPUT_MAJOR))
        return fail(WKV_EUNSUPPORTED, "%s is \"%s\", expected \"%s\"; a later version may have written it",
                    LAYOUT_GGUF_KEY, how, LAYOUT_GGUF_INPUT_MAJOR);
    for (int i = 0; how && value->from && emb && emb->dims == 2 && i < t->count; i++) {
        file_tensor *f = &t->list[i];
        if (!fits(value->to, f->name, &number, &rest)) continue;
        if (f->dims != 2 || f->shape[1] != emb->shape[1] || f->shape[0] == f->shape[1]) continue;
        weight_layout l = dtypes[f->type].values == 1 ? LAYOUT_INPUT_MAJOR : LAYOUT_SPARSE_BLOCKS;
        if (!layout_is_row_major(f->layout) || !layout_fits(l, f->type, f->shape[0], f->shape[1]))
            return fail(WKV_EFORMAT, "tensor %s: %lld x %lld of %s cannot be input-major", f->name,
                        (long long)f->shape[0], (long long)f->shape[1], dtypes[f->type].name);
        f->transposed = 1;
        f->layout = l;
    }
    return WKV_OK;
}

int names_official(tensors *t)
{
    int behind_rwkv7 = look(t, "rwkv7.emb.weight") != NULL;
    for (int i = 0; i < t->count; i++) t->list[i].name = unwrapped(t->list[i].name);
    naming found = find_naming(t, behind_rwkv7);
    tensors out = {0};
    int err = WKV_OK;
    for (int i = 0; !err && i < t->count; i++) {
        const char *number, *rest;
        const rule *r = find_rule(&found, t->list[i].name, &number, &rest);
        if (r->how & NOT_FIRST && strtoll(number, NULL, 10) == 0) continue;
        set_differences(&t->list[i], &found, r, number);
        err = apply(t, r, t->list[i], number, rest, &out);
    }
    free(t->list);
    t->list = out.list;
    t->count = out.count;
    t->cap = out.cap;
    if (!err) err = find_input_major(t, &found);
    if (!err && (found.own == cpp50 || found.own == cpp52)) {
        err = tensors_add_number(t, "group_norm_eps", 14, 1e-5); /* official: 64e-5; docs/models.md 3.2 */
    }
    return err;
}

/* ---- the inverse, for writing ------------------------------------------------------------------------------------ */

static naming find_writing(const char *wanted, const char *version)
{
    for (int i = 0; i < VERSIONS; i++)
        if (!strcmp(versions[i].naming, wanted) && is(version, versions[i].version))
            return (naming){versions[i].own, versions[i].shared, 0, 0};
    return (naming){none, none, 0, 0};
}

/* Whether rule r gives the name `official`; then *out is its stored form. */
static int invert(const rule *r, const char *official, stored_form *out)
{
    char one[96];
    const char *number, *rest;
    int parts = 0, part = -1;
    for (const char *to = r->to; *to; to += *to == ' ', parts++) {
        size_t n = strcspn(to, " ");
        snprintf(one, sizeof one, "%.*s", (int)n, to);
        if (part < 0 && fits(one, official, &number, &rest)) {
            part = parts;
            fill(out->name, r->from, strlen(r->from), number, rest);
        }
        to += n;
    }
    if (part < 0) return 0;
    out->parts = parts;
    out->part = part;
    out->swapped = (r->how & SWAPPED) != 0;
    out->flat = (r->how & HEADS) != 0;
    out->exp = (r->how & EXP) != 0;
    return 1;
}

void names_stored(stored_form *out, const char *wanted, const char *version, const char *official)
{
    naming n = find_writing(wanted, version);
    *out = (stored_form){.parts = 1};
    CHECK(strlen(official) < sizeof out->name / 2);
    for (const rule *r = n.own; r->from; r++) {
        if (invert(r, official, out)) return;
    }
    for (const rule *r = n.shared; r->from; r++) {
        if (invert(r, official, out)) return;
    }
    strcpy(out->name, official);
}
