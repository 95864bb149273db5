/* cmd_info.c - `wkv info`: describe a model without reading its weights. */
#include "commands.h"
#include "engine.h"
#include "models.h"
#include "sampling.h"
#include "say.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int as_json, as_devices;

static const option options[] = {
    {0, "devices", OPT_SWITCH, NULL, &as_devices, 0, 0, "", "list the devices for --device instead of a model"},
    {0, "json", OPT_SWITCH, NULL, &as_json, 0, 0, "", "write the report as JSON"},
};
static const group own = GROUP("Report", options);
static const group *const groups[] = {&model_group, &tokenizer_group, &own, &general_group, NULL};

static const char *const types[] = {"f32", "f16", "q8", "q5", "q4"}; /* for the memory report */
enum { TYPES = sizeof types / sizeof *types };

static void print_chat(const wkv_model *model, const wkv_template *chat)
{
    char words[SAMPLING_WORDS];
    wkv_profile p;
    wkv_template_profile(&p, chat, WKV_THINK_OFF, model);
    sampling_words(words, &p.sampler);
    put_text("  chat         template %s (%s, %s)\n", chat->name, chat->user, chat->assistant);
    put_text("  sampling     %s: %s\n", p.name, words);
}

static json_t *profile_json(const wkv_model *model, const wkv_template *chat)
{
    wkv_profile p;
    wkv_template_profile(&p, chat, WKV_THINK_OFF, model);
    const wkv_sampler_options *o = &p.sampler;
    return json_pack("{s:s s:f s:f s:i s:f s:f s:f s:f s:f}", "name", p.name, "temperature", (double)o->temperature,
                     "top_p", (double)o->top_p, "top_k", o->top_k, "min_p", (double)o->min_p, "typical_p",
                     (double)o->typical_p, "presence", (double)o->presence, "frequency", (double)o->frequency,
                     "penalty_decay", (double)o->penalty_decay);
}

static int print_text(const wkv_model *model, const wkv_tokenizer *t, const char *no_tokenizer,
                      const wkv_template *chat)
{
    const wkv_model_info *m = wkv_model_about(model);
    char a[32];
    put_text("%s%s%s\n", bold(1), m->path ? m->path : "(built in)", plain(1));
    put_text("  version      RWKV-%s\n", m->version);
    put_text("  file         %s, %s names, %s\n", m->format, m->naming, as_bytes(a, (double)m->file_bytes));
    put_text("  weights      %s parameters, stored as %s\n", as_count(a, m->parameters), m->types);
    put_text("  layers       %d of width %d, feed-forward %d\n", m->layers, m->width, m->ffn);
    if (m->heads) put_text("  heads        %d of size %d\n", m->heads, m->head_size);
    for (int i = 0; m->rank_name[i]; i++)
        put_text("%s%s %d", i ? ", " : "  low ranks    ", m->rank_name[i], m->rank[i]);
    if (m->rank_name[0]) put_text("\n");
    put_text("  vocabulary   %s tokens\n", as_count(a, m->vocab));
    if (t) {
        const char *name = wkv_tokenizer_name(t), *path = wkv_tokenizer_path(t);
        const int inside = path && m->path && !strcmp(path, m->path);
        if (inside)
            put_text("  tokenizer    %s, inside the file\n", strcmp(name, "trie") ? name : "its own");
        else if (path && strcmp(path, name))
            put_text("  tokenizer    %s, %s\n", name, path);
        else /* byte tokens need no file */
            put_text("  tokenizer    %s\n", name);
    } else {
        put_text("  tokenizer    none: %s\n", no_tokenizer);
    }
    print_chat(model, chat);
    if (m->context_length)
        put_text("  context      trained on texts of %d tokens; longer texts work too\n", m->context_length);
    else
        put_text("  context      unknown; texts of any length work\n");
    put_text("   memory       %s as stored", as_bytes(a, (double)wkv_model_bytes(model, NULL)));
    for (int i = 0; i < TYPES; i++)
        put_text("%s %s %s", i ? "," : "; with --type", types[i],
                 as_bytes(a, (double)wkv_model_bytes(model, types[i])));
    put_text("\n");
    put_text("  state        %s per text of any length\n", as_bytes(a, (double)m->state_bytes));
    return 0;
}

static int print_json(const wkv_model *model, const wkv_tokenizer *t, const wkv_template *chat)
{
    const wkv_model_info *m = wkv_model_about(model);
    json_t *r =
        json_pack("{s:s? s:s s:s s:s s:s s:i s:i s:i s:i s:i s:i s:f s:I s:I s:I}", "path", m->path, "format",
                  m->format, "naming", m->naming, "version", m->version, "types", m->types, "layers", m->layers,
                  "width", m->width, "heads", m->heads, "head_size", m->head_size, "ffn", m->ffn, "vocab", m->vocab,
                  "group_norm_eps", (double)m->group_norm_eps, "parameters", (json_int_t)m->parameters, "file_bytes",
                  (json_int_t)m->file_bytes, "state_bytes", (json_int_t)m->state_bytes);
    json_t *low = json_object();
    for (int i = 0; m->rank_name[i]; i++) json_object_set_new(low, m->rank_name[i], json_integer(m->rank[i]));
    json_object_set_new(r, "ranks", low);
    json_t *bytes = json_pack("{s:I}", "stored", (json_int_t)m->weight_bytes[2]);
    for (int i = 0; i < TYPES; i++)
        json_object_set_new(bytes, types[i], json_integer((json_int_t)wkv_model_bytes(model, types[i])));
    json_object_set_new(r, "weight_bytes", bytes);
    json_object_set_new(r, "tokenizer",
                        t ? json_pack("{s:s s:s? s:i s:i}", "name", wkv_tokenizer_name(t), "path",
                                      wkv_tokenizer_path(t), "size", wkv_tokenizer_size(t), "end", wkv_tokenizer_end(t))
                          : json_null());
    json_object_set_new(
        r, "template",
        json_pack("{s:s s:s s:s}", "name", chat->name, "user", chat->user, "assistant", chat->assistant));
    json_object_set_new(r, "context_length", m->context_length ? json_integer(m->context_length) : json_null());
    json_object_set_new(r, "sampling", profile_json(model, chat));
    /* digits of a float, not of the double it became */
    char *text = json_dumps(r, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    if (text) put_text("%s\n", text);
    free(text);
    json_decref(r);
    return text ? 0 : complain("the report cannot be written as JSON: a name is not UTF-8");
}

/* A line each, and the reason where OpenCL's are not known. */
static int print_devices(void)
{
    char name[32], line[400];
    int known = 1;
    json_t *list = json_array();
    for (int i = 0; (known = wkv_device_describe(i, name, line, sizeof line)) > 0; i++)
        if (as_json)
            json_array_append_new(list, json_pack("{s:s s:s}", "device", name, "about", line));
        else
            put_text("  %-12s %s\n", name, line);
    char *text = as_json ? json_dumps(list, JSON_INDENT(2)) : NULL;
    if (text) put_text("%s\n", text);
    free(text);
    json_decref(list);
    if (known < 0) note("no OpenCL devices: %s", wkv_error());
    return 0;
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    wkv_model *model;
    if (as_devices) return print_devices();
    if (model_open(&model, engine_model, &(wkv_model_options){.as_stored = 1, .no_mmap = engine_with.no_mmap}))
        return 1;
    wkv_tokenizer *t;
    const wkv_template *chat = NULL;
    char no_tokenizer[1024] = "";
    if (wkv_tokenizer_open(&t, engine_vocab, model)) snprintf(no_tokenizer, sizeof no_tokenizer, "%s", wkv_error());
    int status = wkv_template_find(&chat, NULL, model, t) ? complain_library() : 0;
    if (!status) status = as_json ? print_json(model, t, chat) : print_text(model, t, no_tokenizer, chat);
    wkv_tokenizer_close(t);
    wkv_model_close(model);
    return status;
}

const command cmd_info = {
    .name = "info",
    .operands = "[MODEL]",
    .most = 0,
    .model = &engine_model,
    .summary = "describe a model: version, sizes, tokenizer, template, memory",
    .about =
        "Describe a model file: RWKV version, sizes, data types of the weights, tokenizer, chat template, the "
        "publisher's sampling settings for chat, training context length, and memory. The weights are not read, so "
        "this is quick for any size.",
    .examples = "wkv info MODEL.pth  # a checkpoint\nwkv info MODEL.pth --json  # the same for programs\n"
                "wkv info --devices  # what --device can be",
    .groups = groups,
    .run = run,
};
