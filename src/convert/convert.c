/* convert.c - a model to another file format: container, names, data types. */
#include "base/error.h"
#include "base/path.h"
#include "rwkv/api.h"
#include "rwkv/family.h"
#include "convert/gguf.h"
#include "text/beside.h"
#include <string.h>

/* A container, chosen by the file's extension. */
typedef struct {
    const char *extension, *naming;
    int types; /* one bit per dtype that wkv convert can write to it */
} container;

#define BIT(type) (1 << (type))
#define BLOCKS (BIT(Q8_0) | BIT(Q5_1) | BIT(Q5_0) | BIT(Q4_1) | BIT(Q4_0))
static const container containers[] = {
    {".pth", "official", BIT(F32) | BIT(F16) | BIT(BF16)},
    {".safetensors", "official", BIT(F32) | BIT(F16) | BIT(BF16)},
    {".st", "web-rwkv", BIT(F16)}, /* the only type that its readers accept */
    {".gguf", "llama.cpp", BIT(F32) | BIT(F16) | BIT(BF16) | BLOCKS},
};
enum { PTH, SAFETENSORS, ST, GGUF, CONTAINERS };

static const container *find_container(const char *path)
{
    for (int i = 0; i < CONTAINERS; i++)
        if (path_has_extension(path, containers[i].extension)) return &containers[i];
    return NULL;
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

static int check(const container *c, const wkv_model *m, const char *path, const char *type, const quant_preset *r,
                 const wkv_tokenizer *words)
{
    char list[96];
    if (!c)
        return fail(WKV_EARG, "%s: unknown extension, expected .pth, .safetensors, .st or .gguf", path);
    if (type && !(r && c->types & BIT(r->layers) && c->types & BIT(r->vocabulary)))
        return fail(WKV_EARG, "%s: cannot store %s, only %s", path, type, list_types(list, c->types));
    const arch *a = m->rwkv.arch;
    if (c == &containers[ST] && a->no_web_form)
        return fail(WKV_EUNSUPPORTED, "%s: web-rwkv's files cannot store version %s; use .pth or .safetensors", path,
                    a->version);
    if (a->extra && (c == &containers[ST] || c == &containers[GGUF]))
        return fail(WKV_EUNSUPPORTED,
                    "%s: %s cannot store the %s of %s, an RWKV-%s; use .pth or .safetensors", path,
                    c == &containers[ST] ? "web-rwkv's files" : "GGUF files of llama.cpp", a->extra, m->about.path,
                    a->version);
    if (c == &containers[GGUF] && m->rwkv.state0)
        return fail(WKV_EUNSUPPORTED, "%s: a GGUF cannot store the tuned initial state of %s; use .pth or .safetensors",
                    path, m->about.path);
    int err = tensors_refuse_output(m->file, path);
    return err || !words ? err : file_refuse_input(path, wkv_tokenizer_path(words), "the vocabulary");
}

/* Blocks that are copied from the source file unchanged. */
static int as_blocks(const source *s)
{
    const file_tensor *f = s->from[0];
    int swapped = f->transposed != layout_is_input_major(f->layout); /* whether blocks are along the other axis */
    return dtype_is_blocks(f->type) && f->holds == AS_IS && f->scale == 1 && s->form.parts == 1 && s->repeat == 1 &&
           f->contiguous && swapped == s->form.swapped && !(s->weight && s->weight->adapter);
}

static dtype choose_type(const container *c, const tensor_out *t, const source *s, const quant_preset *wanted)
{
    if (c == &containers[ST]) return F16;
    if (c == &containers[GGUF] && gguf_wants_f32(s)) return F32;
    if (!wanted) return c == &containers[GGUF] && as_blocks(s) ? s->from[0]->type : export_type(s);
    dtype type = s->slot ? quant_preset_type(wanted, s->slot, s->layer, (int)t->shape[t->dims - 1]) : DTYPES;
    return type != DTYPES ? type : wanted->layers <= BF16 ? wanted->layers : F32;
}

/* The kernels' layout of a matrix, so that opening the file needs no copy. */
static void choose_layout(tensor_out *t, source *s)
{
    if (!s->slot || t->dims != 2) return;
    int64_t out = t->shape[0], in = t->shape[1];
    t->layout = fastest_layout(s->slot, t->type, in, out);
    if (!layout_is_input_major(t->layout)) return;
    if (in == out) { /* readers recognize an input-major matrix by its shape */
        t->layout = layout_fits(LAYOUT_INTERLEAVED, t->type, in, out) ? LAYOUT_INTERLEAVED : LAYOUT_ROW_MAJOR;
        return;
    }
    s->form.swapped = !layout_permutes_blocks(t->layout); /* the writer transposes blocks itself */
    t->shape[0] = in;
    t->shape[1] = out;
}

static void choose_form(const container *c, tensor_out *t, source *s, const wkv_convert_options *o)
{
    if (c != &containers[GGUF]) return;
    if (dtype_is_blocks(t->type) && t->type == s->from[0]->type && as_blocks(s)) t->blocks = s->from[0];
    if (!o->portable) choose_layout(t, s);
}

/* The file at `path` is replaced last, after the new one was read back and verified. */
static int write_file(const container *c, const wkv_model *m, const char *path, const exporter *x,
                      const wkv_convert_options *o, const beside *words)
{
    char name[256];
    const char *const meta[] = {"format", "pt", "general.name", name, NULL};
    file_out f;
    int err = file_create(&f, path, FILE_REGULAR);
    if (err) return err;
    family_name(name, m);
    if (c == &containers[PTH])
        err = pth_put(&f, x->out, x->count);
    else if (c == &containers[GGUF])
        err = gguf_export(&f, m, x, gguf_holds(o->tokenizer) ? o->tokenizer : NULL);
    else
        err = safetensors_put(&f, x->out, x->count, meta);
    if (!err) err = tensors_verify(&f, x->out, x->count);
    if (!err && o->verify && o->verify(o->user, f.part))
        err = fail(WKV_ESTOPPED, "%s: stopped; the file is unchanged", path);
    if (!err) err = beside_write(words);
    if (!err) return file_commit(&f);
    file_abandon(&f);
    return err;
}

int wkv_convert(const wkv_model *m, const char *path, const wkv_convert_options *options)
{
    const wkv_convert_options none = {0}, *o = options ? options : &none;
    REQUIRE(m, "the model");
    REQUIRE(path, "the path");
    const container *c = find_container(path);
    const quant_preset *r = o->type ? quant_preset_find(o->type) : NULL;
    int err = check(c, m, path, o->type, r, o->tokenizer);
    if (err) return err;
    beside words;
    if ((err = beside_plan(&words, path, m->rwkv.V,
                         c == &containers[GGUF] && gguf_holds(o->tokenizer) ? NULL : o->tokenizer)))
        return err;
    exporter x = {.m = &m->rwkv, .file = m->file, .naming = c->naming, .report = o->report, .user = o->user};
    if ((err = export_list(&x))) goto done;
    for (int i = 0; i < x.count; i++) {
        x.out[i].type = choose_type(c, &x.out[i], x.how[i], r);
        choose_form(c, &x.out[i], x.how[i], o);
    }
    err = write_file(c, m, path, &x, o, &words);
    export_release(&x);
done:
    beside_release(&words);
    return err;
}
