/* convert.c - a model into a file of another kind: which container, which names, which numbers. */
#include "base/error.h"
#include "rwkv/api.h"
#include "convert/gguf.h"
#include <string.h>

/* What the ending of a file's name promises. */
typedef struct {
    const char *ending, *naming;
    int types; /* a bit for each dtype that it can hold, as our conversion writes it */
} container;

#define BIT(type) (1 << (type))
#define BLOCKS (BIT(Q8_0) | BIT(Q5_1) | BIT(Q5_0) | BIT(Q4_1) | BIT(Q4_0))
static const container containers[] = {
    {".pth", "official", BIT(F32) | BIT(F16) | BIT(BF16)},
    {".safetensors", "official", BIT(F32) | BIT(F16) | BIT(BF16)},
    {".st", "web-rwkv", BIT(F16)}, /* its readers expect nothing else */
    {".gguf", "llama.cpp", BIT(F32) | BIT(F16) | BIT(BF16) | BLOCKS},
};
enum { PTH, SAFETENSORS, ST, GGUF, CONTAINERS };

static const container *find_container(const char *path)
{
    size_t n = strlen(path);
    for (int i = 0; i < CONTAINERS; i++) {
        size_t m = strlen(containers[i].ending);
        if (n > m && !strcmp(path + n - m, containers[i].ending)) return &containers[i];
    }
    return NULL;
}

/* The type called `name`; DTYPES when none of ours is. */
static dtype find_type(const char *name)
{
    dtype t = F32;
    while (t < DTYPES && strcmp(dtypes[t].name, name)) t++;
    return t;
}

/* "f32, f16 and bf16" */
static const char *list_types(char out[96], int types)
{
    size_t n = 0;
    for (dtype t = F32; t < DTYPES; t++) {
        if (!(types & BIT(t))) continue;
        types &= ~BIT(t);
        n += (size_t)snprintf(out + n, 96 - n, "%s%s", !n ? "" : types ? ", " : " and ", dtypes[t].name);
    }
    return out;
}

static int check(const container *c, const wkv_model *m, const char *path, const char *type)
{
    char list[96];
    if (!c)
        return fail(WKV_EARG, "%s: its ending says nothing; .pth, .safetensors, .st and .gguf can be written", path);
    if (type && (find_type(type) == DTYPES || !(c->types & BIT(find_type(type)))))
        return fail(WKV_EARG, "%s: cannot hold %s; %s can be", path, type, list_types(list, c->types));
    if (c == &containers[ST] && m->rwkv.arch == &arch50)
        return fail(WKV_EUNSUPPORTED, "%s: version 5.0 has no form in web-rwkv's files", path);
    if (c == &containers[GGUF] && m->rwkv.state0)
        return fail(WKV_EUNSUPPORTED, "%s: a GGUF has no place for the tuned initial state of %s", path, m->about.path);
    return WKV_OK;
}

/* Of a file in blocks: the matrices of the layers as wanted, those of the vocabulary with 8 bits, f16 for what is small or has
 * no whole blocks in a row. */
static dtype choose_blocks(const tensor_out *t, const source *s, dtype wanted)
{
    if (!(s->slot->flags & SLOT_MATRIX) || t->shape[t->dims - 1] % dtypes[wanted].values) return F16;
    return s->layer < 0 ? Q8_0 : wanted;
}

static dtype choose_type(const container *c, const tensor_out *t, const source *s, const char *wanted)
{
    if (c == &containers[ST]) return F16;
    if (c == &containers[GGUF] && gguf_wants_f32(s)) return F32;
    if (!wanted) return export_type(s);
    dtype type = find_type(wanted);
    return BIT(type) & BLOCKS ? choose_blocks(t, s, type) : type;
}

int wkv_convert(const wkv_model *m, const char *path, const wkv_convert_options *options)
{
    static const char *const meta[] = {"format", "pt", NULL};
    const wkv_convert_options none = {0}, *o = options ? options : &none;
    const container *c = find_container(path);
    int e = check(c, m, path, o->type);
    if (e) return e;
    exporter x = {.m = &m->rwkv, .file = m->file, .naming = c->naming, .report = o->report, .user = o->user};
    if ((e = export_list(&x))) return e;
    for (int i = 0; i < x.count; i++) x.out[i].type = choose_type(c, &x.out[i], x.how[i], o->type);
    if (c == &containers[PTH])
        e = pth_write(path, x.out, x.count);
    else if (c == &containers[GGUF])
        e = gguf_export(path, m, &x, o->tokenizer);
    else
        e = safetensors_write(path, x.out, x.count, meta);
    export_release(&x);
    return e;
}
