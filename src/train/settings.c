/* settings.c - table of the options that a checkpoint stores. */
#include "train/settings.h"
#include "ops/device.h"
#include "train/adapt.h"
#include "base/error.h"
#include "base/number.h"
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { TEXT, INT, INT64, SEED, FLOAT } kind;

/* A changed value leaves the result unchanged; changes it (refused); extends the run (checked later). */
typedef enum { FREE, BINDS, GROWS } binding;

typedef struct {
    const char *name;
    size_t at;
    kind kind;
    binding binding;
} setting;

#define ROW(field, kind, binding)                                                                                      \
    {                                                                                                                  \
#field, offsetof(wkv_train_options, field), kind, binding                                                      \
    }
static const setting table[] = {
    ROW(init, TEXT, FREE),
    ROW(method, TEXT, BINDS),
    ROW(rank, INT, BINDS),
    ROW(alpha, FLOAT, BINDS),
    ROW(targets, TEXT, BINDS),
    ROW(lora_dropout, FLOAT, BINDS),
    ROW(train, TEXT, BINDS),
    ROW(freeze, TEXT, BINDS),
    {"lora", offsetof(wkv_train_options, with.lora), TEXT, BINDS},
    {"lora_alpha", offsetof(wkv_train_options, with.lora_alpha), FLOAT, BINDS},
    {"load_state", offsetof(wkv_train_options, with.state), TEXT, BINDS},
    ROW(samples, INT, BINDS),
    ROW(loss, TEXT, BINDS),
    ROW(beta, FLOAT, BINDS),
    ROW(reference, TEXT, FREE),
    ROW(infctx, INT, BINDS),
    ROW(truncate, INT, BINDS),
    ROW(version, TEXT, BINDS),
    ROW(layers, INT, BINDS),
    ROW(width, INT, BINDS),
    ROW(head_size, INT, BINDS),
    ROW(ffn, INT, BINDS),
    ROW(vocab_size, INT, BINDS),
    ROW(steps, INT64, GROWS),
    ROW(schedule, TEXT, BINDS),
    ROW(lr_init, FLOAT, BINDS),
    ROW(lr_final, FLOAT, BINDS),
    ROW(warmup, INT, BINDS),
    ROW(hold, INT64, GROWS),
    ROW(exit_tokens, INT64, BINDS),
    ROW(beta1, FLOAT, BINDS),
    ROW(beta2, FLOAT, BINDS),
    ROW(eps, FLOAT, BINDS),
    ROW(weight_decay, FLOAT, BINDS),
    ROW(clip, FLOAT, BINDS),
    ROW(dropout, FLOAT, BINDS),
    ROW(seed, SEED, BINDS),
    ROW(context, INT, BINDS),
    ROW(batch, INT, BINDS),
    ROW(micro_batch, INT, BINDS),
    ROW(device, TEXT, BINDS),
    ROW(scan, INT, BINDS),
    ROW(order, TEXT, BINDS),
    ROW(valid_share, FLOAT, BINDS),
    ROW(valid, TEXT, FREE),
    ROW(vocab, TEXT, FREE),
    ROW(add_tokens, TEXT, BINDS),
    ROW(chat, TEXT, FREE),
    ROW(fields, TEXT, FREE),
    ROW(save_type, TEXT, FREE),
    ROW(save_every, INT, FREE),
    ROW(keep, INT, FREE),
    ROW(log_every, INT, FREE),
    ROW(valid_every, INT, FREE),
    ROW(patience, INT, FREE),
    ROW(eval, TEXT, FREE),
    ROW(sample_every, INT, FREE),
};
enum { ROWS = sizeof table / sizeof *table };
_Static_assert((int)ROWS <= (int)SETTINGS_MOST, "a text for each");

static void *field(const wkv_train_options *o, const setting *s) { return (char *)(uintptr_t)o + s->at; }

/* The value as text; NULL: not set. */
static const char *shown(const wkv_train_options *o, const setting *s, char out[32])
{
    const void *at = field(o, s);
    switch (s->kind) {
    case TEXT: return *(const char *const *)at;
    case INT: snprintf(out, 32, "%d", *(const int *)at); break;
    case INT64: snprintf(out, 32, "%" PRId64, *(const int64_t *)at); break;
    case SEED: snprintf(out, 32, "%" PRIu64, *(const uint64_t *)at); break;
    case FLOAT: number_shortest(out, *(const float *)at); break;
    }
    return out;
}

static int is_set(const wkv_train_options *o, const setting *s)
{
    const void *at = field(o, s);
    switch (s->kind) {
    case TEXT: return *(const char *const *)at != NULL;
    case INT: return *(const int *)at != 0;
    case FLOAT: return *(const float *)at != 0;
    default: return *(const int64_t *)at != 0;
    }
}

static void set(wkv_train_options *o, const setting *s, const char *text)
{
    void *at = field(o, s);
    switch (s->kind) {
    case TEXT: *(const char **)at = text; break;
    case INT: *(int *)at = atoi(text); break;
    case INT64: *(int64_t *)at = strtoll(text, NULL, 10); break;
    case SEED: *(uint64_t *)at = strtoull(text, NULL, 10); break;
    case FLOAT: *(float *)at = number_read_float(text, NULL); break;
    }
}

/* The command-line option of a field: "lr_init" is --lr; "eps" has none. */
enum { NAME = 32 };
static const char *option_name(char out[NAME], const char *field)
{
    static const struct {
        const char *field, *option;
    } others[] = {{"init", "--model"},        {"lr_init", "--lr"},           {"chat", "--template"},
                  {"valid_share", "--valid"}, {"add_tokens", "--add-token"}, {"eps", "eps"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(field, others[i].field)) return others[i].option;
    snprintf(out, NAME, "--%s", field);
    for (char *s = out; *s; s++)
        if (*s == '_') *s = '-';
    return out;
}

/* The value as on the command line: 0 for none, which is negative in the fields; texts on one line. */
enum { VALUE = 256 };
static const char *option_value(char out[VALUE], const char *text)
{
    snprintf(out, VALUE, "%s", *text == '-' ? "0" : text);
    for (char *s = out; *s; s++)
        if (*s == '\n') *s = ' ';
    return out;
}

int settings_finite(const wkv_train_options *o)
{
    for (int i = 0; i < ROWS; i++) {
        float x = table[i].kind == FLOAT ? *(const float *)field(o, &table[i]) : 0;
        char name[NAME];
        if (!isfinite(x))
            return fail(WKV_EARG, "%s is %g, expected a finite number", option_name(name, table[i].name), (double)x);
    }
    return isfinite(o->epochs) ? 0 : fail(WKV_EARG, "--epochs is %g, expected a finite number", o->epochs);
}

void settings_list(settings *s, const wkv_train_options *o)
{
    s->n = 0;
    for (int i = 0; i < ROWS; i++) {
        const char *text = shown(o, &table[i], s->text[i]);
        if (!text) continue;
        s->at[s->n++] = table[i].name;
        s->at[s->n++] = text;
    }
    s->at[s->n] = NULL;
}

static int binds(const setting *s, int longer) { return s->binding == BINDS || (s->binding == GROWS && !longer); }

int settings_resume(wkv_train_options *o, const char *(*find)(const void *where, const char *name), const void *where)
{
    const char *steps = find(where, "steps");
    int longer = steps && o->steps > strtoll(steps, NULL, 10);
    for (int i = 0; i < ROWS; i++) {
        const setting *s = &table[i];
        char now[32], name[NAME], a[VALUE], b[VALUE];
        const char *then = find(where, s->name);
        if (!then) continue;
        if (!is_set(o, s))
            set(o, s, then);
        else if (binds(s, longer) && strcmp(shown(o, s, now), then))
            return fail(
                WKV_EARG,
                "%s is %s in the resumed run, and %s now; it would change the result; omit it or use the first value",
                option_name(name, s->name), option_value(a, then), option_value(b, shown(o, s, now)));
    }
    return 0;
}

static void text_default(const char **at, const char *otherwise)
{
    if (!*at) *at = otherwise;
}

static void int_default(int *at, int otherwise)
{
    if (!*at) *at = otherwise;
}

static void float_default(float *at, float otherwise)
{
    if (*at == 0) *at = otherwise;
}

/* Sizes and epochs for a text of at most so many tokens. */
static const struct {
    int64_t tokens;
    int layers, width, context, passes;
} suits[] = {
    {30000, 2, 64, 64, 8},
    {300000, 3, 128, 128, 4},
    {3000000, 4, 192, 256, 3},
    {INT64_MAX, 6, 256, 512, 1},
};

/* Learning rate of a new model of a width. */
static float suitable_lr(int width)
{
    static const struct {
        int width;
        float lr;
    } rates[] = {{64, 3e-3f}, {128, 2e-3f}, {192, 1.5e-3f}, {256, 1e-3f}, {512, 8e-4f}, {768, 6e-4f}, {INT_MAX, 4e-4f}};
    int i = 0;
    while (width > rates[i].width) i++;
    return rates[i].lr;
}

/* A sequence needs one more token, its last target. */
static int context_within(int context, int64_t tokens)
{
    return tokens > context ? context : tokens > 2 ? (int)tokens - 1 : 1;
}

int settings_suit(wkv_train_options *o, int64_t tokens)
{
    enum { BATCH = 8, FEWEST = 100, MOST = 5000 }; /* steps */
    int i = 0, before = o->layers && o->width && o->context && o->batch && o->lr_init && (o->steps || o->epochs > 0);
    if (o->init) int_default(&o->context, context_within(512, tokens));
    if (o->init || before) return 0;
    while (tokens > suits[i].tokens) i++;
    int_default(&o->layers, suits[i].layers);
    int_default(&o->width, suits[i].width);
    int_default(&o->context, context_within(suits[i].context, tokens));
    int_default(&o->batch, BATCH);
    float_default(&o->lr_init, suitable_lr(o->width));
    if (o->steps || o->epochs > 0) return 1;
    int64_t step = (int64_t)o->context * o->batch, steps = (suits[i].passes * tokens + step - 1) / step;
    o->steps = steps < FEWEST ? FEWEST : steps > MOST ? MOST : steps;
    return 1;
}

/* Defaults for fine-tuning on samples. */
static int adapts(const wkv_train_options *o)
{
    return o->samples && (o->init || adapt_method(o->method) != TRAIN_ALL);
}

int settings_suit_samples(wkv_train_options *o, int samples)
{
    enum { EPOCHS = 3, FEWEST = 120 }; /* minimum of steps, enough to fit a few samples */
    int_default(&o->batch, 8);
    if (o->batch > samples) o->batch = samples;
    int64_t epoch = (samples + o->batch - 1) / o->batch;
    int64_t epochs = o->epochs > 0             ? (int64_t)ceil(o->epochs)
                     : epoch * EPOCHS < FEWEST ? (FEWEST + epoch - 1) / epoch
                                               : EPOCHS;
    if (o->epochs > 0 && o->steps && o->steps > epochs * epoch)
        return fail(WKV_EARG, "%g epochs are %lld steps; the resumed run has %lld", o->epochs,
                    (long long)(epochs * epoch), (long long)o->steps);
    if (!o->steps || o->epochs > 0) o->steps = epochs * epoch;
    if (!o->warmup && o->steps < 100) o->warmup = o->steps < 10 ? -1 : (int)(o->steps / 10);
    int_default(&o->valid_every, epoch < INT_MAX ? (int)epoch : INT_MAX);
    int_default(&o->log_every, 1);
    return 0;
}

static void default_of_adapted(wkv_train_options *o)
{
    int method = adapt_method(o->method), state_alone = method == TRAIN_STATE && !o->train;
    float_default(&o->lr_init, method & TRAIN_ALL ? 3e-5f : state_alone ? 1 : 1e-3f);
    float_default(&o->lr_final, state_alone ? o->lr_init / 100 : o->lr_init / 10);
    float_default(&o->eps, 1e-8f);
    float_default(&o->weight_decay, -1);
}

static void default_of_adapters(wkv_train_options *o)
{
    int method = adapt_method(o->method);
    int_default(&o->rank, method & TRAIN_MISS ? 32 : 16);
    if (!(method & TRAIN_MISS)) float_default(&o->alpha, (method & TRAIN_PISSA ? 1 : 2) * (float)o->rank);
    text_default(&o->targets, "att,ffn");
}

void settings_default_method(wkv_train_options *o) { text_default(&o->method, o->samples ? "lora" : "full"); }

void settings_default(wkv_train_options *o)
{
    settings_default_method(o);
    text_default(&o->loss, "cross-entropy");
    if (strcmp(o->loss, "cross-entropy")) float_default(&o->beta, 0.1f);
    if (adapts(o)) default_of_adapted(o);
    if (adapt_method(o->method) != TRAIN_ALL) default_of_adapters(o);
    if (adapt_method(o->method) == TRAIN_ALL && !o->init) {
        text_default(&o->version, "7");
        int_default(&o->layers, 6);
        int_default(&o->width, 256);
        int_default(&o->head_size, 64);
    }
    if (!o->steps) o->steps = 1000;
    text_default(&o->schedule, "cosine");
    float_default(&o->lr_init, 6e-4f);
    float_default(&o->lr_final, o->lr_init / 10);
    int_default(&o->warmup, 10);
    float_default(&o->beta1, 0.9f);
    float_default(&o->beta2, 0.99f);
    float_default(&o->eps, 1e-18f);
    float_default(&o->weight_decay, 0.1f);
    float_default(&o->clip, 1);
    if (!o->samples) int_default(&o->context, 512);
    int_default(&o->batch, 8);
    text_default(&o->device, device_default());
    text_default(&o->order, "epochs");
    float_default(&o->valid_share, strcmp(o->order, "magic") ? 0.01f : -1);
    text_default(&o->save_type, "bf16");
    int_default(&o->save_every, 1000);
    int_default(&o->keep, 2);
    int_default(&o->log_every, 10);
    int quarter = o->steps < 4 ? 1 : o->steps < 2000 ? (int)(o->steps / 4) : 500;
    int_default(&o->valid_every, quarter);
    int_default(&o->sample_every, quarter);
}
