/* cmd_dump.c - `wkv dump`: values inside a model while it reads a text, to a file. */
#include "commands.h"
#include "dump.h"
#include "engine.h"
#include "models.h"
#include "outputs.h"
#include "passage.h"
#include "say.h"
#include "wkv_file.h"
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 512 }; /* tokens between two looks at Ctrl-C */

static const char *site_names, *positions, *out_path;
static int as_json, list_only;

static const option options[] = {
    {'s', "sites", OPT_TEXT, "LIST", &site_names, 0, 0, "all",
     "sites to write, separated by commas: resid_post, blocks.3.k, blocks.0-5.r, blocks.*.state, embed, or names of "
     "TransformerLens"},
    {'o', "out", OPT_TEXT, "FILE", &out_path, 0, 0, "", "output file, .safetensors or .npz"},
    {0, "positions", OPT_TEXT, "last|all|A:B", &positions, 0, 0, "all, of the state the last",
     "tokens whose values are written; A:B is from A to before B, counted from 0"},
    {0, "json", OPT_SWITCH, NULL, &as_json, 0, 0, "",
     "print the shape, minimum, maximum, mean and norm of each array as JSON"},
    {0, "list", OPT_SWITCH, NULL, &list_only, 0, 0, "", "list the model's sites and the shapes of a token's values"},
};
static const group own = GROUP("Values", options);
static const group *const groups[] = {&own,           &passage_group,   &model_group,   &weights_group,
                                      &adapter_group, &tokenizer_group, &general_group, NULL};

/* ---- the arrays -------------------------------------------------------------------------------------------------- */

static int *index_of(const dump *d, int layer, wkv_site site) { return &d->index[(layer + 1) * WKV_SITES + site]; }

static void keep(void *user, const wkv_probed *p)
{
    const dump *d = user;
    dumped *v = &d->v[*index_of(d, p->layer, p->site)];
    for (int t = 0; t < p->rows; t++) {
        const int token = p->of ? p->of[t].token + d->base : v->from;
        if (token < v->from || token >= v->to) continue;
        memcpy(v->values + (size_t)(token - v->from) * v->row, p->values + (size_t)t * v->row, v->row * sizeof(float));
    }
}

/* "A:B", "last" or "all" (NULL: the default) of n tokens. Returns 0, or 2 after a message about usage. */
static int choose_positions(int *from, int *to, wkv_site site, int n)
{
    const char *asked = positions ? positions : site == WKV_SITE_STATE ? "last" : "all";
    int end = 0;
    *to = n;
    *from = !strcmp(asked, "last") ? n - 1 : 0;
    if (!strcmp(asked, "last") || !strcmp(asked, "all")) return 0;
    if (sscanf(asked, "%9d:%9d%n", from, to, &end) != 2 || asked[end] || !isdigit((unsigned char)*asked) || *from < 0)
        return usage(&cmd_dump, "--positions: expected last, all or A:B, found '%s'", asked);
    if (*from >= *to || *to > n)
        return usage(&cmd_dump, "--positions: %s is no range of the text's %d tokens, 0:%d", asked, n, n);
    return 0;
}

static void dump_free(dump *d)
{
    for (int i = 0; i < d->n; i++) free(d->v[i].values);
    free(d->v);
    free(d->index);
    *d = (dump){0};
}

static int allocate(dump *d, int tokens)
{
    char needed[16], free_memory[16];
    size_t bytes = 0;
    for (int i = 0; i < d->n; i++) bytes += dump_rows(&d->v[i]) * d->v[i].row * sizeof(float);
    if (bytes > wkv_memory_available())
        return complain("the values take %s, and %s of memory are available; choose fewer --sites, or --positions",
                        as_bytes(needed, (double)bytes), as_bytes(free_memory, (double)wkv_memory_available()));
    for (int i = 0; i < d->n; i++)
        if (!(d->v[i].values = calloc(dump_rows(&d->v[i]) * d->v[i].row, sizeof(float))))
            return complain("out of memory: %s", as_bytes(needed, (double)bytes));
    note("%d array%s of %d tokens, %s", d->n, d->n == 1 ? "" : "s", tokens, as_bytes(needed, (double)bytes));
    return 0;
}

/* The chosen sites with memory for their values. Returns 0, or the exit status after an error message. */
static int plan(dump *d, const engine *e, int tokens)
{
    const int n = wkv_sites(e->model, site_names, NULL, 0);
    wkv_site_info *all = n > 0 ? malloc(sizeof *all * (size_t)n) : NULL;
    *d = (dump){.layers = e->about->layers};
    if (n < 0) return complain_library();
    d->v = calloc((size_t)n, sizeof *d->v);
    d->index = malloc(sizeof *d->index * ((size_t)d->layers + 1) * WKV_SITES);
    int status = all && d->v && d->index ? 0 : complain("out of memory");
    if (!status) wkv_sites(e->model, site_names, all, n);
    for (int i = 0; i < n && !status; i++) {
        dumped *v = &d->v[d->n++];
        v->about = all[i];
        v->row = 1;
        for (int k = 0; k < all[i].dims; k++) v->row *= (size_t)all[i].shape[k];
        if (all[i].layer < 0)
            snprintf(v->name, sizeof v->name, "%s", wkv_site_name(all[i].site));
        else
            snprintf(v->name, sizeof v->name, "blocks.%d.%s", all[i].layer, wkv_site_name(all[i].site));
        *index_of(d, all[i].layer, all[i].site) = i;
        status = choose_positions(&v->from, &v->to, all[i].site, tokens);
    }
    free(all);
    return status ? status : allocate(d, tokens);
}

static int evaluate(dump *d, engine *e, const int32_t *ids, int n)
{
    progress bar;
    int status = wkv_probe_add(e->context, site_names, keep, d) ? complain_library() : 0;
    progress_begin(&bar, "evaluating");
    for (int some; d->base < n && !status; d->base += some) {
        some = n - d->base < CHUNK ? n - d->base : CHUNK;
        if (interrupted)
            status = 130;
        else if (wkv_eval(e->context, e->state, ids + d->base, some, NULL)) {
            progress_end(&bar);
            status = complain_library();
        }
        progress_at(&bar, d->base + some, n, "%d of %d tokens", d->base + some, n);
    }
    progress_end(&bar);
    return status;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static void range_text(char out[32], const dump *d, int state)
{
    snprintf(out, 32, "none");
    for (int i = 0; i < d->n; i++)
        if ((d->v[i].about.site == WKV_SITE_STATE) == state) snprintf(out, 32, "%d:%d", d->v[i].from, d->v[i].to);
}

static int write_file(const dump *d, const engine *e, const passage *p)
{
    char range[2][32];
    const int whole = !passage_as_ids && !memchr(p->text, 0, p->bytes);
    json_t *utf8 = whole ? json_string(p->text) : NULL; /* a header cannot hold other bytes */
    for (int state = 0; state < 2; state++) range_text(range[state], d, state);
    const char *const meta[] = {"model",
                                e->about->path ? e->about->path : "built-in",
                                "version",
                                e->about->version,
                                "sites",
                                site_names ? site_names : "all",
                                "positions",
                                range[0],
                                "state_positions",
                                range[1],
                                utf8 ? "text" : NULL,
                                p->text,
                                NULL};
    wkv_array *a = calloc((size_t)d->n + 1, sizeof *a);
    int status = a ? 0 : complain("out of memory");
    for (int i = 0; i < d->n && a; i++) {
        a[i] = (wkv_array){.name = d->v[i].name, .values = d->v[i].values};
        a[i].dims = dump_shape(&d->v[i], a[i].shape);
    }
    if (a) a[d->n] = (wkv_array){.name = "tokens", .ids = p->ids, .dims = 1, .shape = {p->n}};
    if (!status && wkv_arrays_write(out_path, a, d->n + 1, meta)) status = complain_library();
    free(a);
    json_decref(utf8);
    return status;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int run_list(void)
{
    wkv_model *m;
    if (model_open(&m, engine_model, &(wkv_model_options){.as_stored = 1, .no_mmap = engine_with.no_mmap})) return 1;
    const int status = dump_list(m, site_names);
    wkv_model_close(m);
    return status;
}

static int run(int n, char **operands)
{
    if (list_only && (out_path || as_json))
        return usage(&cmd_dump, "--list prints names only; omit %s", out_path ? "--out" : "--json");
    if (site_names && !strcmp(site_names, "all")) site_names = NULL;
    if (list_only) return run_list();
    if (!out_path && !as_json) return usage(&cmd_dump, "no output: give --out FILE, --json or --list");
    const char *extension = out_path ? strrchr(out_path, '.') : NULL;
    if (out_path && (!extension || (strcmp(extension, ".npz") && strcmp(extension, ".safetensors"))))
        return usage(&cmd_dump, "%s: arrays are written as .safetensors or .npz", out_path);
    passage text;
    engine e;
    dump d = {0};
    int status = passage_read(&text, &cmd_dump, n, operands, NULL);
    if (status) return status;
    if ((status = engine_open(&e, !passage_as_ids))) {
        passage_free(&text);
        return status;
    }
    if (out_path &&
        (wkv_model_refuse_output(e.model, out_path) || wkv_file_refuse_input(out_path, passage_file, "the text")))
        status = complain_library();
    if (!status) status = passage_encode(&text, &e, 1);
    if (!status) status = outputs_possible(&out_path, 1);
    catch_interrupts();
    if (!status) status = plan(&d, &e, text.n);
    if (!status) status = evaluate(&d, &e, text.ids, text.n);
    if (!status && out_path) status = write_file(&d, &e, &text);
    if (!status && as_json) status = dump_json(&d, out_path, text.n);
    engine_close(&e);
    dump_free(&d);
    passage_free(&text);
    return status;
}

const command cmd_dump = {
    .name = "dump",
    .operands = "[MODEL] [TEXT]",
    .most = 1,
    .model = &engine_model,
    .summary = "write values inside a model while it reads a text",
    .about =
        "Read a text and write the values at sites of the model: the residual stream, the outputs of time mix and "
        "channel mix, receptance, key, value, decay, gate, the wkv state, the squared ReLU. Each site of each layer "
        "is an array with a row per token, named blocks.N.SITE; \"tokens\" has the ids. The values are float32 and "
        "do not depend on the number of threads. --list shows the sites of a model.\n\n"
        "A .npz opens with numpy.load, a .safetensors with safetensors.numpy.load_file. The file is written under a "
        "temporary name and renamed when complete; it cannot be an input file.",
    .examples = "wkv dump \"The sky is\" --sites resid_post -o acts.safetensors  # every layer\n"
                "wkv dump \"The sky is\" --sites state,blocks.0-2.k -o acts.npz  # the last token's state\n"
                "wkv dump MODEL.pth -f book.txt --sites ffn_act --positions last --json  # a summary, no file\n"
                "wkv dump MODEL.pth --list  # all sites",
    .groups = groups,
    .run = run,
};
