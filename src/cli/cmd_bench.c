/* cmd_bench.c - `wkv bench`: a model's speed and the hardware limits, measured in one run by the same threads. */
#include "bench.h"
#include "commands.h"
#include "models.h"
#include <stdio.h>
#include <stdlib.h>

static const char *synthetic, *text_path, *sparsity, *out;
static const char *type;
static int only, quick, as_json;
static char synthetic_help[400];

static const option options[] = {
    {0, "synthetic", OPT_TEXT, "SIZE", &synthetic, 0, 0, "", synthetic_help},
    {0, "type", OPT_TEXT, "TYPE", &type, 0, 0, "bf16 for a synthetic model, else as stored",
     "data type of the weights: f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, or a preset: q8, q5, q4, q4mix"},
    {'f', "file", OPT_TEXT, "FILE", &text_path, 0, 0, "a built-in text", "text to read"},
    {0, "only", OPT_CHOICE, "all|decode|prefill|batch|train|scan|cards", &only, 0, 0, NULL,
     "run only this measurement; scan: version 4's recurrence as a parallel scan, without a model; cards: nothing is "
     "run, the tokens per second that the bandwidth of published GPUs allows are calculated"},
    {0, "quick", OPT_SWITCH, NULL, &quick, 0, 0, "",
     "take seconds instead of a minute: fewer repeats, no prompt of 2048 tokens, no training"},
    {0, "sparsity", OPT_TEXT, "TEXT", &sparsity, 0, 0, "",
     "measure activation sparsity instead of speed: the share of zero squared ReLUs per layer on the file TEXT"},
    {'o', "out", OPT_TEXT, "FILE", &out, 0, 0, "",
     "write the synthetic model to FILE, a GGUF with the World vocabulary, instead of measuring"},
    {0, "json", OPT_SWITCH, NULL, &as_json, 0, 0, "", "write the report as JSON"},
};
static const group own = GROUP("Measurement", options);
static const group *const groups[] = {&own, &model_group, &tokenizer_group, &general_group, NULL};

static void defaults(void)
{
    const char *name;
    size_t n = (size_t)snprintf(synthetic_help, sizeof synthetic_help,
                                "use random weights of a published size instead of a file: ");
    for (int i = 0; (name = wkv_synthetic_name(i)) && n < sizeof synthetic_help; i++)
        n += (size_t)snprintf(synthetic_help + n, sizeof synthetic_help - n, "%s%s", i ? ", " : "", name);
}

static int open_model(bench *b)
{
    if (!sparsity && wkv_meter_new(&b->meter, engine_threads))
        return complain_library(); /* before allocations that its baseline excludes */
    if (synthetic) note("making a model of size %s", synthetic);
    b->before = wkv_memory_resident();
    double t = seconds_now();
    if (synthetic && wkv_model_synthetic(&b->e.model, synthetic, type, TEXTS + 2)) return complain_library();
    if (!synthetic &&
        model_open(&b->e.model, engine_model, &(wkv_model_options){.type = type, .no_mmap = engine_with.no_mmap}))
        return 1;
    b->load = seconds_now() - t;
    if (engine_ready(&b->e, 0)) return 1;
    if (b->meter && wkv_meter_use(b->meter, b->e.context)) return complain_library();
    if (!(b->logits = malloc(sizeof *b->logits * TEXTS * (size_t)b->e.about->vocab))) return complain("out of memory");
    b->states[0] = b->e.state;
    return 0;
}

/* A model file for programs that measure by themselves. */
static int write_model(void)
{
    wkv_model *m;
    wkv_tokenizer *t;
    note("making a model of size %s", synthetic);
    if (wkv_model_synthetic(&m, synthetic, type, 0)) return complain_library();
    int status = wkv_tokenizer_open(&t, engine_vocab, m) ? complain_library() : 0;
    if (!status && wkv_convert(m, out, &(wkv_convert_options){.tokenizer = t})) status = complain_library();
    wkv_tokenizer_close(t);
    wkv_model_close(m);
    return status;
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    if (synthetic && engine_model)
        return usage(&cmd_bench, "two models: %s and --synthetic %s; give one", engine_model, synthetic);
    if (sparsity && text_path)
        return usage(&cmd_bench, "two texts: --file %s and --sparsity %s; give one", text_path, sparsity);
    if ((only == SCAN || only == CARDS) && (engine_model || synthetic || text_path || sparsity))
        return usage(&cmd_bench, "--only %s uses no model and no text; omit the other option",
                     only == SCAN ? "scan" : "cards");
    if (out && !synthetic)
        return usage(&cmd_bench, "--out %s writes a synthetic model; --synthetic gives its size", out);
    if (out) return write_model();
    if (only == CARDS) return bench_cards(as_json);
    if (only == SCAN) {
        catch_interrupts();
        return bench_scan(engine_threads, quick, as_json);
    }
    bench *b = calloc(1, sizeof *b);
    if (!b) return complain("out of memory");
    b->synthetic = synthetic;
    b->only = (bench_part)only;
    b->quick = quick;
    catch_interrupts();
    int status = open_model(b);
    if (!status) status = bench_text(&b->ids, &b->n_ids, &b->from_text, &b->e, sparsity ? sparsity : text_path);
    if (!status && sparsity)
        status = bench_sparsity(b, as_json);
    else if (!status && !(status = bench_measure(b))) {
        if (as_json)
            status = bench_print_json(b);
        else
            bench_print(b);
    }
    for (int i = 1; i < TEXTS; i++) wkv_state_free(b->states[i]);
    free(b->logits);
    free(b->ids);
    engine_close(&b->e);
    wkv_meter_free(b->meter);
    free(b);
    return status;
}

const command cmd_bench = {
    .name = "bench",
    .operands = "[MODEL]",
    .most = 0,
    .model = &engine_model,
    .summary = "measure a model's speed against the hardware limits",
    .about =
        "Measure the hardware limits (memory bandwidth, float32 multiply-adds, int8 dot products) and the model's "
        "speed (decoding, prompts, batches of texts) in one run with the same threads. The roof is the speed that the "
        "hardware limits allow for the bytes and operations of a pass (a roofline model); each row shows the "
        "percentage reached and the limit that applies. The limits are measured again before and after every repeat, "
        "because other programs use the machine too. Figures are medians, with the slowest and the fastest repeat.\n\n"
        "--synthetic makes a model of a published size in memory, with random weights, which runs at the speed of a "
        "trained one. A size that exceeds the free memory is refused.",
    .examples = "wkv bench --quick  # the built-in model\n"
                "wkv bench -m MODEL.pth -t 4  # a checkpoint, with four threads\n"
                "wkv bench --synthetic 7:1.5B --type f16 --json  # a size, without its file",
    .groups = groups,
    .defaults = defaults,
    .run = run,
};
