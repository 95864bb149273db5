/* cmd_lens.c - `wkv lens`: views of a model while it reads a text. */
#include "commands.h"
#include "lens.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int (*show)(lens *v);
} views[] = {
    {"logits", lens_logits},     {"attention", lens_attention},     {"shift", lens_shift},
    {"state", lens_knock},       {"spectrum", lens_spectrum},       {"health", lens_health},
    {"sparsity", lens_sparsity}, {"calibration", lens_calibration}, {"steer", lens_steer},
};
enum { VIEWS = sizeof views / sizeof *views };

static const char *view = "all", *line;
static int tokens = 128, layer = -1;

static const option options[] = {
    {0, "view", OPT_TEXT, "LIST", &view, 0, 0, NULL,
     "views, separated by commas: logits, attention, shift, state, spectrum, health, sparsity, calibration, steer"},
    {'n', "tokens", OPT_COUNT, "N", &tokens, 2, 4096, NULL,
     "tokens of the views that read the text many times; spectrum, health and calibration read all"},
    {0, "layer", OPT_COUNT, "N", &layer, 0, INT_MAX, "none",
     "add a map of effective attention for each head of layer N"},
    {0, "line", OPT_TEXT, "TEXT", &line, 0, 0, "a sentence about the built-in text",
     "line to inject, in the view steer"},
};
static const group own = GROUP("Lens", options);
static const group *const groups[] = {&own,           &passage_group,   &outputs_group, &model_group, &weights_group,
                                      &adapter_group, &tokenizer_group, &general_group, NULL};

int lens_progress(lens *v, int done, int total)
{
    progress_at(&v->bar, done, total, "%d of %d", done, total);
    return interrupted ? 130 : 0;
}

wkv_state *lens_state(const lens *v)
{
    wkv_state *s;
    if (!wkv_state_new(&s, v->e.model)) return s;
    complain_library();
    return NULL;
}

int lens_read(lens *v, wkv_state *s, const int32_t *ids, int n)
{
    for (int at = 0, some; at < n; at += some) {
        some = n - at < CHUNK ? n - at : CHUNK;
        if (wkv_eval(v->e.context, s, ids + at, some, NULL)) return complain_library();
        if (lens_progress(v, at + some, n)) return 130;
    }
    return 0;
}

int lens_layer_lines(lens *v, const wkv_plot *plot, const double *x, const double *y, int n)
{
    wkv_series *s = calloc((size_t)v->L, sizeof *s);
    char last[16];
    wkv_plot p = *plot;
    if (!s) return complain("out of memory");
    for (int l = 0; l < v->L; l++)
        s[l] = (wkv_series){.name = v->names[l],
                            .mark = v->L <= 6 ? WKV_LINE : WKV_THIN,
                            .n = n,
                            .x = x,
                            .y = y + (size_t)l * (size_t)n,
                            .shade = v->L > 1 ? l / (v->L - 1.0) : 1};
    snprintf(last, sizeof last, "%d", v->L - 1);
    p.series = s;
    p.n_series = v->L;
    if (v->L > 6) p.shades = (wkv_shades){"layer", "0", last};
    wkv_report_plot(v->r, &p);
    free(s);
    return 0;
}

/* A bit for each view of the list; 0 after an error message. */
static unsigned read_views(void)
{
    unsigned chosen = 0;
    if (!strcmp(view, "all")) return (1U << VIEWS) - 1;
    for (const char *p = view; *p; p += *p == ',') {
        const size_t n = strcspn(p, ",");
        int found = -1;
        for (int i = 0; i < VIEWS; i++)
            if (strlen(views[i].name) == n && !strncmp(p, views[i].name, n)) found = i;
        if (found < 0) {
            usage(
                &cmd_lens,
                "--view: '%.*s' is no view; the views are logits, attention, shift, state, spectrum, health, sparsity, "
                "calibration, steer, and all",
                (int)n, p);
            return 0;
        }
        chosen |= 1U << found;
        p += n;
    }
    if (!chosen) usage(&cmd_lens, "--view: the list is empty");
    return chosen;
}

static int is_chosen(unsigned chosen, const char *name)
{
    for (int i = 0; i < VIEWS; i++)
        if (!strcmp(views[i].name, name)) return chosen >> i & 1;
    return 0;
}

/* The labels of tokens and layers. */
static int make_labels(lens *v)
{
    v->label = malloc(sizeof *v->label * (size_t)v->text.n);
    v->labels = malloc(sizeof *v->labels * (size_t)v->text.n);
    v->name = malloc(sizeof *v->name * (size_t)v->L);
    v->names = malloc(sizeof *v->names * (size_t)v->L);
    if (!v->label || !v->labels || !v->name || !v->names) return complain("out of memory");
    for (int l = 0; l < v->L; l++) {
        snprintf(v->name[l], sizeof v->name[l], "layer %d", l);
        v->names[l] = v->name[l];
    }
    for (int i = 0; i < v->text.n; i++) {
        passage_label(v->label[i], LABEL, &v->e, v->text.ids[i]);
        v->labels[i] = v->label[i];
    }
    return 0;
}

/* The health of a state is shown, whatever its values; other views would turn NaN into plausible shares. */
static int refuse_nan(const lens *v)
{
    float *logits = malloc(sizeof *logits * (size_t)v->e.about->vocab);
    wkv_state *s = lens_state(v);
    int status = logits && s ? 0 : 1;
    if (!logits) complain("out of memory");
    if (!status && wkv_eval(v->e.context, s, v->text.ids, v->n, logits)) status = complain_library();
    if (!status && !logits_finite(logits, (size_t)v->e.about->vocab))
        status = complain_logits(v->e.model);
    wkv_state_free(s);
    free(logits);
    return status;
}

static int show(lens *v, unsigned chosen)
{
    char title[200], summary[300], count[32];
    const wkv_model_info *about = v->e.about;
    snprintf(title, sizeof title, "Inside %.120s", engine_model_name(&v->e));
    snprintf(summary, sizeof summary, "RWKV-%s, %d layers of width %d; a text of %s tokens.", about->version, v->L,
             v->C, as_count(count, v->text.n));
    if (outputs_begin(&v->r, title, summary)) return 1;
    int status = 0;
    for (int i = 0; i < VIEWS && !status; i++) {
        if (!(chosen >> i & 1)) continue;
        progress_begin(&v->bar, views[i].name);
        status = views[i].show(v);
        progress_end(&v->bar);
    }
    if (status && status != 130) {
        wkv_report_free(v->r);
        return status;
    }
    if (status) note("interrupted: the report has the views until then");
    const int failed = outputs_end(v->r);
    return failed ? failed : status;
}

static int run(int n, char **operands)
{
    static const char witch[] = "The old woman was a wicked witch, and she hated the smell of bread.\n\n";
    lens v = {.line = line ? line : witch, .layer = layer};
    const unsigned chosen = read_views();
    if (!chosen) return 2;
    if (layer >= 0 && !is_chosen(chosen, "attention")) return usage(&cmd_lens, "--layer is for the view attention");
    if (line && !is_chosen(chosen, "steer")) return usage(&cmd_lens, "--line is for the view steer");
    int status = passage_read(&v.text, &cmd_lens, n, operands, passage_sample);
    if (status) return status;
    if ((status = engine_open(&v.e, 0))) {
        passage_free(&v.text);
        return status;
    }
    v.L = v.e.about->layers, v.C = v.e.about->width, v.H = v.e.about->heads;
    catch_interrupts();
    status = engine_refuse_begin(&v.e) || outputs_check(v.e.model, (const char *const[]){passage_file, NULL});
    if (!status && layer >= v.L) status = complain("--layer %d: the model's layers are 0 to %d", layer, v.L - 1);
    if (!status && !passage_as_ids && wkv_tokenizer_open(&v.e.tokenizer, engine_vocab, v.e.model))
        status = complain_library();
    if (!status) status = passage_encode(&v.text, &v.e, 2);
    v.n = v.text.n < tokens ? v.text.n : tokens;
    if (!status) status = make_labels(&v);
    if (!status && strcmp(view, "health")) status = refuse_nan(&v);
    if (!status) status = show(&v, chosen);
    free(v.share);
    free(v.names);
    free(v.name);
    free(v.labels);
    free(v.label);
    passage_free(&v.text);
    engine_close(&v.e);
    return status;
}

const command cmd_lens = {
    .name = "lens",
    .operands = "[MODEL] [TEXT]",
    .most = 1,
    .model = &engine_model,
    .summary = "look inside a model while it reads a text",
    .about =
        "Look inside a model while it reads a text, by default a built-in one. The views are\n\n"
        "logits: the next token that each depth would predict. attention: the exact share of each earlier token in the "
        "read-out of the state. shift: the distance over which tokens act without the state. state: the loss when a "
        "part of a layer is knocked out. spectrum: the effective rank of the state. health: the size of the state's "
        "values by paragraph, or by turn of a conversation (.json). sparsity: of activations and of effective attention. "
        "calibration: confidence, accuracy and entropy. steer: the effect of an injected line on later predictions, "
        "and the layers whose states carry it.\n\n"
        "--html writes a page with all charts, --svg the charts alone, --json the numbers. Ctrl-C ends with the views "
        "so far.",
    .examples = "wkv lens --html lens.html  # all views\n"
                "wkv lens \"The sky is\" --view logits  # one view\n"
                "wkv lens MODEL.pth --view attention --layer 5  # and heads\n"
                "wkv lens MODEL.pth -f chat.json --view health  # by turn\n"
                "wkv lens --view steer --line \"Speak like a pirate.\"  # injected",
    .groups = groups,
    .run = run,
};
