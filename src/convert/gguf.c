/* gguf.c - metadata and vocabulary of a GGUF as llama.cpp reads them (docs/formats.md 4.3, 4.5). */
#include "convert/gguf.h"
#include "base/error.h"
#include "base/stream.h"
#include "rwkv/api.h"
#include "rwkv/family.h"
#include "text/tokenizer.h"
#include <stdlib.h>
#include <string.h>

int gguf_wants_f32(const source *s)
{
    return !s->slot || !(s->slot->flags & (SLOT_MATRIX | SLOT_LOW_RANK)) || s->slot->flags & SLOT_KEEP_TYPE;
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

typedef struct {
    gguf_meta item[40];
    char key[40][64];
    int n;
    const char *arch; /* prefix of its own keys */
} metadata;

static gguf_meta *add_meta(metadata *m, const char *key, int kind)
{
    CHECK(m->n < 40);
    snprintf(m->key[m->n], sizeof m->key[0], "%s%s", *key == '.' ? m->arch : "", key);
    m->item[m->n] = (gguf_meta){.key = m->key[m->n], .kind = kind};
    return &m->item[m->n++];
}

static void add_number(metadata *m, const char *key, double x) { add_meta(m, key, GGUF_U32)->number = x; }
static void add_text(metadata *m, const char *key, const char *text) { add_meta(m, key, GGUF_TEXT)->text = text; }

/* general.file_type: llama.cpp's number for "mostly this type" */
static int file_type(const exporter *x)
{
    static const int numbers[DTYPES] = {
        [F32] = 0,   [F16] = 1,   [BF16] = 32, [Q4_0] = 2,  [Q4_1] = 3,  [Q8_0] = 7,    [Q5_0] = 8,    [Q5_1] = 9,
        [Q4_K] = 15, [Q5_K] = 17, [Q6_K] = 18, [Q2_K] = 10, [Q3_K] = 12, [IQ4_NL] = 25, [IQ4_XS] = 30, [MXFP4] = 38};
    dtype t = F32;
    for (int i = 0; i < x->count; i++)
        if (x->how[i]->slot && x->how[i]->slot->flags & SLOT_KEY) t = x->out[i].type;
    return numbers[t];
}

enum { ANY_CONTEXT = 1048576 }; /* as llama.cpp's converters write for every RWKV */

static void describe(metadata *m, const wkv_model *model, const exporter *x, const char *name)
{
    const rwkv *r = &model->rwkv;
    for (int i = 0; i < x->count; i++)
        if (layout_is_input_major(x->out[i].layout)) {
            add_text(m, LAYOUT_GGUF_KEY, LAYOUT_GGUF_INPUT_MAJOR);
            break;
        }
    add_text(m, "general.architecture", m->arch);
    add_text(m, "general.type", "model");
    add_text(m, "general.name", name);
    add_number(m, "general.file_type", file_type(x));
    add_number(m, "general.quantization_version", 2);
    add_number(m, ".context_length", model->about.context_length ? model->about.context_length : ANY_CONTEXT);
    add_number(m, ".embedding_length", r->C);
    add_number(m, ".block_count", r->L);
    add_number(m, ".feed_forward_length", r->F);
    add_number(m, ".attention.head_count", 0);
    add_meta(m, ".attention.layer_norm_epsilon", GGUF_F32)->number = 1e-5;
    add_number(m, ".vocab_size", r->V);
    if (r->H) add_number(m, ".wkv.head_size", r->N);
    if (r->arch->gguf_zero) add_number(m, r->arch->gguf_zero, 0);
    for (int i = 0; r->arch->ranks[i].name; i++) add_number(m, r->arch->ranks[i].gguf_key, r->dim[D_R0 + i]);
}

/* ---- vocabulary -------------------------------------------------------------------------------------------------- */

typedef struct {
    char *text; /* all words, concatenated */
    size_t *ends;
    int32_t *kinds;
} words;

enum { NORMAL = 1, CONTROL = 3, UNUSED = 5 };

/* The bytes as Python prints them between b' and '. Returns the length of the text. */
static int escape(FILE *f, const char *p, size_t n)
{
    int length = 0, both = memchr(p, '\'', n) && memchr(p, '"', n);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == '\\' || (c == '\'' && both))
            length += fprintf(f, "\\%c", c);
        else if (c == '\t' || c == '\n' || c == '\r')
            length += fprintf(f, "\\%c", c == '\t' ? 't' : c == '\n' ? 'n' : 'r');
        else if (c < 32 || c > 126)
            length += fprintf(f, "\\x%02x", c);
        else
            length += fprintf(f, "%c", c);
    }
    return length;
}

/* All V words: a token without text is "<s>", the end of a text, if it is token 0, else padding. */
static int collect(words *w, const wkv_tokenizer *t, int V)
{
    stream all;
    FILE *f = stream_open(&all);
    w->ends = malloc((size_t)V * sizeof *w->ends);
    w->kinds = malloc((size_t)V * sizeof *w->kinds);
    int there = f && w->ends && w->kinds;
    size_t end = 0;
    for (int i = 0; there && i < V; i++) {
        size_t n;
        const char *bytes = wkv_token_bytes(t, i, &n);
        w->kinds[i] = n ? NORMAL : i ? UNUSED : CONTROL;
        if (n)
            end += (size_t)escape(f, bytes, n);
        else
            end += (size_t)(i ? fprintf(f, "[PAD%d]", i) : fprintf(f, "<s>"));
        w->ends[i] = end;
    }
    int err = stream_close(f, &all, "the words of a vocabulary");
    w->text = all.text;
    return there || err ? err : fail(WKV_ENOMEM, "no memory for a vocabulary of %d words", V);
}

static int add_vocabulary(metadata *m, words *w, const wkv_tokenizer *t, int V)
{
    if (!t) {
        add_text(m, "tokenizer.ggml.model", "no_vocab");
        return WKV_OK;
    }
    if (wkv_tokenizer_size(t) > V)
        return fail(WKV_EARG, "%s: its ids reach %d, but the model has %d logits", wkv_tokenizer_path(t),
                    wkv_tokenizer_size(t) - 1, V);
    int err = collect(w, t, V);
    if (err) return err;
    add_text(m, "tokenizer.ggml.model", "rwkv");
    gguf_meta *tokens = add_meta(m, "tokenizer.ggml.tokens", GGUF_TEXTS), *kinds;
    tokens->text = w->text;
    tokens->ends = w->ends;
    kinds = add_meta(m, "tokenizer.ggml.token_type", GGUF_I32S);
    kinds->numbers = w->kinds;
    tokens->count = kinds->count = V;
    if (w->kinds[0] == CONTROL) {
        add_number(m, "tokenizer.ggml.bos_token_id", 0);
        add_number(m, "tokenizer.ggml.eos_token_id", 0);
    }
    if (!strcmp(wkv_tokenizer_name(t), "World")) {
        add_number(m, "tokenizer.ggml.eot_token_id", 261); /* two line breaks, after a turn */
        add_text(m, "tokenizer.chat_template", "rwkv-world");
    }
    return WKV_OK;
}

int gguf_holds(const wkv_tokenizer *t) { return !t || !t->bpe; }

int gguf_export(file_out *f, const wkv_model *m, const exporter *x, const wkv_tokenizer *t)
{
    metadata meta = {.arch = m->rwkv.arch->gguf};
    words w = {0};
    char name[256];
    family_name(name, m);
    describe(&meta, m, x, name);
    int err = add_vocabulary(&meta, &w, t, m->rwkv.V);
    if (!err) err = gguf_put(f, x->out, x->count, meta.item, meta.n);
    free(w.text);
    free(w.ends);
    free(w.kinds);
    return err;
}
