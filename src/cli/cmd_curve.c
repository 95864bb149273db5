/* cmd_curve.c - `wkv curve`: a model by position in the text. */
#include "commands.h"
#include "curve.h"
#include "models.h"
#include "outputs.h"
#include "say.h"
#include "base/platform/child.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static curve of = {.tokens = 10000, .samples = 20};
static const char *sizes, *distances;
static int trained, no_time;

static const option options[] = {
    {0, "text", OPT_TEXT, "PATH", &of.text, 0, 0, "",
     "loss by position on a text: .txt, .jsonl with \"text\", or a folder"},
    {0, "length", OPT_COUNT, "N", &of.length, 1, INT_MAX, "an eighth of the text", "tokens of a stream of --text"},
    {0, "streams", OPT_COUNT, "N", &of.streams, 1, INT_MAX, "all", "most streams of --text"},
    {0, "trained", OPT_COUNT, "N", &trained, 1, INT_MAX, "the model's, if known", "trained length to mark"},
    {'n', "tokens", OPT_COUNT, "N", &of.tokens, 10, INT_MAX, NULL, "tokens whose time and memory are measured"},
    {0, "processor-time", OPT_SWITCH, NULL, &of.processor, 0, 0, "",
     "measure the processor time of one thread (-t 1) instead of the clock, on a machine that is busy with other "
     "programs"},
    {0, "no-time", OPT_SWITCH, NULL, &no_time, 0, 0, "", "omit the measurement of time and memory"},
    {0, "sizes", OPT_TEXT, "LIST", &sizes, 0, 0, "",
     "time and memory of published sizes with random weights: 7:0.1B,7:0.4B"},
    {0, "recall", OPT_TEXT, "LIST", &distances, 0, 0, "", "recall of a number after so many tokens: 128,512,2048"},
    {0, "samples", OPT_COUNT, "N", &of.samples, 1, 10000, NULL, "texts of each distance of --recall"},
    {0, "seed", OPT_SEED, "N", &of.seed, 0, 0, "0", "seed of the keys and numbers of --recall"},
    {0, "against", OPT_TEXT, "COMMAND", &of.against, 0, 0, "",
     "compare with a command that prints lines 'position ms bytes', such as tools/transformer.py"},
};
static const group own = GROUP("Measurement", options);

static const option model_options[] = {
    {0, "synthetic", OPT_TEXT, "SIZE", &of.synthetic, 0, 0, "",
     "use random weights of a published size instead of a file"},
    {0, "type", OPT_TEXT, "TYPE", &of.type, 0, 0, "bf16 for random weights, else as stored",
     "data type of the weights: f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, or a preset: q8, q5, q4, q4mix"},
};
static const group weights = GROUP("Weights", model_options);

static const group *const groups[] = {&own,           &outputs_group,   &weights,       &model_group,
                                      &adapter_group, &tokenizer_group, &general_group, NULL};

/* The words of a list in place; -1: too many, or one is empty. */
static int split(const char **out, int most, char *list)
{
    int n = 0;
    for (char *p = list; p; n++) {
        if (n == most) return -1;
        out[n] = p;
        if ((p = strchr(p, ','))) *p++ = 0;
        if (!*out[n]) return -1;
    }
    return n;
}

static int read_lists(curve *v, char *size_list, char *distance_list)
{
    const char *words[MOST_DISTANCES];
    if (size_list && (v->n_sizes = split(v->sizes, MOST_SIZES, size_list)) < 0)
        return usage(&cmd_curve, "--sizes: '%s' is not a list of at most %d sizes", sizes, MOST_SIZES);
    for (int i = 0; i < v->n_sizes; i++) {
        int known = 0;
        for (int k = 0; wkv_synthetic_name(k); k++) known |= !strcmp(wkv_synthetic_name(k), v->sizes[i]);
        if (!known)
            return usage(&cmd_curve, "--sizes: '%s' is not a published size; wkv bench --help lists them", v->sizes[i]);
    }
    if (distance_list && (v->n_distances = split(words, MOST_DISTANCES, distance_list)) < 0)
        return usage(&cmd_curve, "--recall: '%s' is not a list of at most %d lengths", distances, MOST_DISTANCES);
    for (int i = 0; i < v->n_distances; i++) {
        char *end;
        const long n = strtol(words[i], &end, 10);
        if (*end || n < 16 || n > INT_MAX)
            return usage(&cmd_curve, "--recall: '%s' is not a length in tokens from 16 on", words[i]);
        v->distances[i] = (int)n;
    }
    return 0;
}

static int check_options(const curve *v)
{
    if (v->synthetic && engine_model)
        return usage(&cmd_curve, "two models: %s and --synthetic %s; give one", engine_model, v->synthetic);
    if (v->synthetic && (v->text || distances))
        return usage(&cmd_curve, "random weights have no loss to measure; omit %s", v->text ? "--text" : "--recall");
    if (v->processor && engine_threads != 1)
        return usage(&cmd_curve, "--processor-time adds the times of all threads; give -t 1");
    if (!v->text && (v->length || v->streams))
        return usage(&cmd_curve, "%s belongs to --text", v->length ? "--length" : "--streams");
    if (no_time && v->against) return usage(&cmd_curve, "--against compares times; omit --no-time");
    if (v->against && !child_can_pause())
        return complain("--against: this system cannot pause another program, so the two would disturb each other; "
                        "measure the other program alone");
    if (no_time && !v->text && !distances && !sizes)
        return usage(&cmd_curve, "nothing to measure: --no-time needs --text, --recall or --sizes");
    return 0;
}

static int open_model(curve *v)
{
    engine_with.type = v->type;
    if (v->synthetic && wkv_model_synthetic(&v->e.model, v->synthetic, v->type, 2)) return complain_library();
    if (v->synthetic ? engine_ready(&v->e, 0) : engine_open(&v->e, v->text || v->n_distances)) return 1;
    const wkv_model_info *a = v->e.about;
    if (v->synthetic)
        snprintf(v->name, sizeof v->name, "RWKV-%c %s", *v->synthetic, v->synthetic + 2);
    else
        snprintf(v->name, sizeof v->name, "%.150s", engine_model_name(&v->e));
    v->weight_bytes = (double)wkv_model_bytes(v->e.model, NULL) / (double)a->parameters;
    v->trained = trained ? trained : a->context_length;
    return 0;
}

static int measure(curve *v)
{
    int status = 0;
    if (!no_time) status = curve_time(v);
    if (!status && v->against) status = curve_against(v);
    if (!status && v->text) status = curve_loss(v);
    if (!status && v->n_distances) status = curve_recall(v);
    if (!status && v->n_sizes) status = curve_sizes(v);
    if (status == 130) note("interrupted: the report has what was measured until then");
    return status;
}

static int show(const curve *v)
{
    wkv_report *r;
    if (curve_page(&r, v)) return 1;
    if (!outputs_json()) curve_print(v);
    return outputs_end(r);
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    curve *v = &of;
    int status = check_options(v);
    if (status) return status;
    char *size_list = sizes ? strdup(sizes) : NULL, *distance_list = distances ? strdup(distances) : NULL;
    status = (sizes && !size_list) || (distances && !distance_list) ? complain("out of memory")
                                                                    : read_lists(v, size_list, distance_list);
    catch_interrupts();
    if (!status && !(status = open_model(v)) &&
        !(status = outputs_check(v->e.model, (const char *const[]){v->text, NULL}))) {
        status = measure(v);
        if (!status || status == 130) {
            const int failed = show(v);
            if (failed) status = failed;
        }
    }
    free(v->ids);
    engine_close(&v->e);
    free(size_list);
    free(distance_list);
    return status;
}

const command cmd_curve = {
    .name = "curve",
    .operands = "[MODEL]",
    .most = 0,
    .model = &engine_model,
    .summary = "measure loss, time, memory and recall by position",
    .about =
        "Measure a model by position in the text: the milliseconds of one token after another and the memory of the "
        "process, whose change is given with its 95 % interval; with --text the loss; with --recall the recall of a "
        "number after a distance; with --sizes the time and memory of other sizes. Beside it are transformers of the "
        "same layers and width: computed from their shape, and with --against measured.\n\n"
        "--html writes a page with charts, --svg the charts alone, --json the numbers. Ctrl-C ends the measurement and "
        "reports what was measured.",
    .examples =
        "wkv curve -n 100000 --html curve.html  # the built-in model\n"
        "wkv curve MODEL.pth --text book.txt --length 16384 --no-time  # loss by position\n"
        "wkv curve --against 'python3 tools/transformer.py'  # beside a transformer\n"
        "wkv curve --no-time --sizes 7:0.1B,7:0.4B,7:1.5B --type q8  # by model size",
    .groups = groups,
    .run = run,
};
