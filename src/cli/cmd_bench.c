/* cmd_bench.c - how fast a model runs, beside what the machine could do: everything is measured in one run, by the same threads. */
#include "commands.h"
#include "engine.h"
#include "input.h"
#include "say.h"
#include "wkv_bench.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *synthetic, *text_path;
static int type = -1, quick, as_json; /* type -1: not given */
static const char *const types[] = {"bf16", "f16", "f32"};

static const option options[] = {
    {0, "synthetic", OPT_TEXT, "SIZE", &synthetic, 0, 0, "",
     "a model of random weights instead of a file: 7:0.1B, 7:0.4B, 7:1.5B, 7:2.9B, 7:7.2B, 4:169M, 4:430M, 4:1.5B, "
     "4:3B, 4:7B"},
    {0, "type", OPT_CHOICE, "bf16|f16|f32", &type, 0, 0, "bf16", "numbers of the synthetic model"},
    {'f', "file", OPT_TEXT, "FILE", &text_path, 0, 0, "one that is built in", "the text that is read"},
    {0, "quick", OPT_SWITCH, NULL, &quick, 0, 0, "", "seconds instead of a minute: fewer repeats, no prompt of 2048"},
    {0, "json", OPT_SWITCH, NULL, &as_json, 0, 0, "", "write the report as JSON"},
};
static const group own = GROUP("Measurement", options);
static const group *const groups[] = {&own, &model_group, &tokenizer_group, &general_group, NULL};

/* Real text, because how many squared ReLUs are zero depends on it. It begins again when it ends. */
static const char sample[] =
    "The old mill stood where the river bends, and for as long as anyone could remember its wheel had turned by day "
    "and "
    "rested by night. When the miller's daughter came home from the city she found the sluice closed, the stones cold "
    "and "
    "a letter on the table. \"The water has not gone,\" it said, \"it has only learnt another way.\" She read it "
    "twice, put "
    "on her father's boots and walked upstream.\n\n"
    "A recurrent network reads one token at a time and keeps what it needs in a state of fixed size. For every token "
    "each "
    "weight is read from memory once, so that the speed of a single text is, to a first approximation, the bandwidth "
    "of "
    "the memory divided by the size of the weights: 2.8 GB at 27 GB/s is 9.6 tokens per second. A prompt is another "
    "matter: hundreds of tokens share each weight, and arithmetic becomes the limit.\n\n"
    "Der Zug nach Norden f\303\244hrt um 7:42 von Gleis 3; wer ihn verpasst, wartet zwei Stunden. Am Bahnsteig standen "
    "ein "
    "Mann mit einem Cello, zwei Kinder und ein Hund, der niemandem geh\303\266rte.\n\n"
    "int gcd(int a, int b)\n{\n    while (b) {\n        int t = a % b;\n        a = b;\n        b = t;\n    }\n    "
    "return a;\n}\n\n"
    "\346\230\245\345\244\251\346\235\245\344\272\206\357\274\214\346\262\263\350\276\271\347\232\204\346\237\263\346"
    "\240\221"
    "\345\217\221\344\272\206\346\226\260\350\212\275\343\200\202\345\255\251\345\255\220\344\273\254\345\234\250\346"
    "\241\245"
    "\344\270\212\346\225\260\350\271\204\345\255\220\343\200\202\n\n"
    "Q: How many weeks are there in a year, and what is left over?\nA: 52 weeks are 364 days, so one day is left, or "
    "two in a "
    "leap year.\n\n"
    "User: Which spices go into garam masala?\n\nAssistant: There is no single recipe. Most families roast coriander, "
    "cumin, "
    "cardamom, cloves, cinnamon and black pepper, and grind them when they have cooled; some add nutmeg, mace or bay "
    "leaves. "
    "It is added near the end of cooking, because heat drives its scent away.\n\n";

/* ---- measuring ------------------------------------------------------------------------------------------------------ */

enum { TEXTS = 32, PIECE = 512, REPEATS = 9 }; /* PIECE: tokens that one pass of the library reads */

typedef struct {
    int n, tokens, repeats;  /* n: what the row is about; tokens: of one repeat */
    double seconds[REPEATS]; /* sorted                                          */
    wkv_work work;           /* of one repeat                                   */
} figure;

typedef struct {
    engine e;
    wkv_roof roof;
    int32_t *ids; /* the text                         */
    int n_ids, from_text;
    wkv_state *states[TEXTS];
    int32_t next[TEXTS]; /* where in the text each one reads */
    float *logits;       /* TEXTS x vocabulary               */
    double load, first, zeros;
    size_t resident;
    figure decode, prefill[3], batch[4];
    int prefills;
    progress bar;
    int done;
} bench;

static void show_step(bench *b, const char *fmt, int n)
{
    char what[64];
    snprintf(what, sizeof what, fmt, n);
    progress_at(&b->bar, b->done++, 4 + b->prefills + 4, "%s", what);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int32_t take(bench *b, int text) { return b->ids[b->next[text]++ % b->n_ids]; }

/* That many texts read a token each and want to know what follows. */
static int step(bench *b, int many)
{
    wkv_sequence q[TEXTS];
    int32_t ids[TEXTS];
    for (int i = 0; i < many; i++) {
        ids[i] = take(b, i);
        q[i] = (wkv_sequence){.state = b->states[i],
                              .tokens = &ids[i],
                              .n = 1,
                              .logits = b->logits + (size_t)i * (size_t)b->e.about->vocab};
    }
    return wkv_eval_batch(b->e.context, q, many);
}

/* One text reads n tokens; the logits of the last are wanted. */
static int read_prompt(bench *b, int text, int n)
{
    int32_t ids[PIECE];
    for (int at = 0, piece; at < n && !interrupted; at += piece) {
        piece = n - at < PIECE ? n - at : PIECE;
        for (int i = 0; i < piece; i++) ids[i] = take(b, text);
        if (wkv_eval(b->e.context, b->states[text], ids, piece, at + piece == n ? b->logits : NULL)) return -1;
    }
    return 0;
}

/* Decoding: as many steps a repeat as take about `seconds`, after a first one that only warms up. */
static int measure_decode(bench *b, figure *f, int many, double seconds)
{
    double t = seconds_now();
    if (step(b, many)) return -1;
    t = seconds_now() - t;
    int steps = t > 0 && seconds / t < 128 ? (int)(seconds / t) : 128;
    if (steps < 4) steps = 4;
    *f = (figure){.n = many, .tokens = steps * many};
    wkv_work_of(&f->work, b->e.model, many, 1, 1);
    f->work.bytes *= steps;
    f->work.flops *= steps;
    for (int most = quick ? 3 : 5; f->repeats < most && !interrupted; f->repeats++) {
        t = seconds_now();
        for (int i = 0; i < steps && !interrupted; i++)
            if (step(b, many)) return -1;
        f->seconds[f->repeats] = seconds_now() - t;
    }
    qsort(f->seconds, (size_t)f->repeats, sizeof *f->seconds, compare);
    return 0;
}

/* A prompt of n tokens from the start of a text, again and again until the time is over. */
static int measure_prefill(bench *b, figure *f, int n, double seconds)
{
    *f = (figure){.n = n, .tokens = n};
    for (int at = 0; at < n; at += PIECE) {
        wkv_work w;
        int piece = n - at < PIECE ? n - at : PIECE;
        wkv_work_of(&w, b->e.model, 1, piece, at + piece == n);
        f->work.bytes += w.bytes;
        f->work.flops += w.flops;
    }
    double begun = seconds_now();
    for (int most = quick ? 3 : 5; f->repeats < most && !interrupted; f->repeats++) {
        wkv_state_reset(b->states[0]);
        b->next[0] = 0;
        double t = seconds_now();
        if (f->repeats && t - begun > seconds) break;
        if (read_prompt(b, 0, n)) return -1;
        f->seconds[f->repeats] = seconds_now() - t;
    }
    qsort(f->seconds, (size_t)f->repeats, sizeof *f->seconds, compare);
    return 0;
}

/* Everything, in the order in which a model is used. */
static int measure(bench *b)
{
    static const int prompts[] = {64, 512, 2048}, many[] = {1, 4, 16, 32};
    double t = seconds_now(), work = quick ? 0.05 : 1, roof = quick ? 0.6 : 6;
    b->prefills = quick ? 2 : 3;
    if (step(b, 1)) return -1;
    b->first = seconds_now() - t;
    show_step(b, "what the machine can do", 0);
    if (wkv_roof_measure(&b->roof, wkv_context_threads(b->e.context), roof)) return -1;

    show_step(b, "zeros", 0);
    if (wkv_relu2_zeros(&b->zeros, b->e.model, b->ids, b->n_ids < 256 ? b->n_ids : 256, b->roof.threads)) return -1;
    show_step(b, "decoding", 0);
    if (read_prompt(b, 0, 64) || measure_decode(b, &b->decode, 1, 2 * work)) return -1;
    for (int i = 0; i < b->prefills; i++) {
        show_step(b, "a prompt of %d tokens", prompts[i]);
        if (measure_prefill(b, &b->prefill[i], prompts[i], 5 * work)) return -1;
    }
    for (int i = 0; i < TEXTS && !interrupted; i++) { /* each text is another place of the same one */
        wkv_state_reset(b->states[i]);
        b->next[i] = i * b->n_ids / TEXTS;
        if (read_prompt(b, i, 8)) return -1;
    }
    for (int i = 0; i < 4; i++) {
        show_step(b, "batches of %d", many[i]);
        if (measure_decode(b, &b->batch[i], many[i], work)) return -1;
    }
    b->resident = wkv_memory_resident();
    show_step(b, "what the machine can do", 0); /* again: a limit is the best of two moments */
    return interrupted ? 0 : wkv_roof_measure(&b->roof, b->roof.threads, roof / 2);
}

/* ---- the report ----------------------------------------------------------------------------------------------------- */

static double median(const figure *f)
{
    const double *s = f->seconds;
    int n = f->repeats;
    return (s[n / 2] + s[(n - 1) / 2]) / 2;
}

/* The least time that the machine's limits allow, and which of them it is. */
static double least(const bench *b, const figure *f, const char **limit)
{
    double memory = f->work.bytes / b->roof.read, arithmetic = f->work.flops / b->roof.fma;
    *limit = memory > arithmetic ? "memory" : "arithmetic";
    return memory > arithmetic ? memory : arithmetic;
}

static void print_figure(const bench *b, const char *what, const figure *f)
{
    const char *limit;
    double t = median(f), share = least(b, f, &limit) / t;
    char label[32];
    snprintf(label, sizeof label, what, f->n);
    put_text("  %-17s %10.1f %10.1f %10.1f %9.1f %9.1f %6.0f %% of %s\n", label, f->tokens / t,
             f->tokens / f->seconds[f->repeats - 1], f->tokens / f->seconds[0], f->work.bytes / t * 1e-9,
             f->work.flops / t * 1e-9, 100 * share, limit);
}

static void print_text(const bench *b)
{
    const wkv_model_info *m = b->e.about;
    const wkv_roof *r = &b->roof;
    char count[32], resident[16], ahead[48] = "no prefetch";
    if (r->ahead) snprintf(ahead, sizeof ahead, "prefetch %d bytes ahead", r->ahead);
    put_text("%s%s%s: RWKV-%s, %s parameters, %s; %d thread%s, %s\n\n", bold(1), m->path ? m->path : "built-in",
             plain(1), m->version, as_count(count, m->parameters), m->types, r->threads, r->threads == 1 ? "" : "s",
             wkv_context_isa(b->e.context));
    put_text("%sThe machine%s\n", bold(1), plain(1));
    put_text("  memory    %9.1f GB/s      %d stream%s a thread, %s\n", r->read * 1e-9, r->streams,
             r->streams == 1 ? "" : "s", ahead);
    put_text("  float32   %9.1f GFLOP/s   %s\n", r->fma * 1e-9, r->fma_how);
    put_text("  int8      %9.1f GOP/s     %s\n\n", r->int8 * 1e-9, r->int8_how);
    put_text("%sThe model%s\n", bold(1), plain(1));
    put_text("  %s in %.1f ms, the first token took %.1f ms, %s resident\n", synthetic ? "made" : "opened",
             b->load * 1e3, b->first * 1e3, as_bytes(resident, (double)b->resident));
    put_text("  a token reads %.1f MB; %.1f %% of the squared ReLUs are zero, reading %s\n\n",
             b->decode.work.bytes / b->decode.tokens * 1e-6, 100 * b->zeros, b->from_text ? "text" : "random ids");
    put_text("%s%-19s %10s %10s %10s %9s %9s %s%s\n", bold(1), "Tokens per second", "median", "slowest", "fastest",
             "GB/s", "GFLOP/s", "  of the roof", plain(1));
    print_figure(b, "decode", &b->decode);
    for (int i = 0; i < b->prefills; i++) print_figure(b, "prefill %d", &b->prefill[i]);
    for (int i = 0; i < 4; i++) print_figure(b, i ? "%d texts at once" : "%d text", &b->batch[i]);
}

static json_t *figure_json(const bench *b, const char *what, const figure *f)
{
    const char *limit;
    double t = median(f), share = least(b, f, &limit) / t;
    return json_pack("{s:i s:f s:f s:f s:i s:f s:f s:f s:f s:s}", what, f->n, "tokens_per_s", f->tokens / t, "slowest",
                     f->tokens / f->seconds[f->repeats - 1], "fastest", f->tokens / f->seconds[0], "repeats",
                     f->repeats, "bytes_per_token", f->work.bytes / f->tokens, "gbs", f->work.bytes / t * 1e-9,
                     "gflops", f->work.flops / t * 1e-9, "share_of_roof", share, "roof", limit);
}

static int print_json(const bench *b)
{
    const wkv_model_info *m = b->e.about;
    const wkv_roof *r = &b->roof;
    json_t *prefill = json_array(), *batch = json_array();
    for (int i = 0; i < b->prefills; i++) json_array_append_new(prefill, figure_json(b, "tokens", &b->prefill[i]));
    for (int i = 0; i < 4; i++) json_array_append_new(batch, figure_json(b, "texts", &b->batch[i]));
    json_t *o = json_pack(
        "{s:s s:s? s:s s:s s:I s:i s:s s:f s:i s:i s:f s:f s:s s:f s:f s:I s:f s:s s:o s:o s:o}", "wkv", wkv_version(),
        "model", m->path, "version", m->version, "types", m->types, "parameters", (json_int_t)m->parameters, "threads",
        r->threads, "isa", wkv_context_isa(b->e.context), "bandwidth_gbs", r->read * 1e-9, "streams", r->streams,
        "prefetch_ahead", r->ahead, "fma_gflops", r->fma * 1e-9, "int8_gops", r->int8 * 1e-9, "int8_how", r->int8_how,
        "load_ms", b->load * 1e3, "first_token_ms", b->first * 1e3, "rss_bytes", (json_int_t)b->resident, "relu2_zeros",
        b->zeros, "reading", b->from_text ? "text" : "ids", "decode", figure_json(b, "texts", &b->decode), "prefill",
        prefill, "batch", batch);
    char *text = o ? json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
    if (text) put_text("%s\n", text);
    free(text);
    json_decref(o);
    return text ? 0 : complain("the report cannot be written as JSON: a name in it is not UTF-8");
}

/* ---- the command ---------------------------------------------------------------------------------------------------- */

static int open_model(bench *b)
{
    if (synthetic) note("making a model of size %s", synthetic);
    double t = seconds_now();
    if (synthetic ? wkv_model_synthetic(&b->e.model, synthetic, type < 0 ? NULL : types[type], TEXTS + 2)
                  : wkv_model_open(&b->e.model, engine_model, NULL))
        return complain_library();
    b->load = seconds_now() - t;
    if (engine_ready(&b->e, 0)) return 1;
    if (!(b->logits = malloc(sizeof *b->logits * TEXTS * (size_t)b->e.about->vocab))) return complain("out of memory");
    for (int i = 0; i < TEXTS; i++)
        if (wkv_state_new(&b->states[i], b->e.model)) return complain_library();
    return 0;
}

static int32_t *random_ids(int n, int vocab)
{
    int32_t *ids = malloc(sizeof *ids * (size_t)n);
    uint32_t x = 1;
    for (int i = 0; ids && i < n; i++) {
        x = x * 1664525u + 1013904223u;
        ids[i] = (int32_t)((uint64_t)x * (uint64_t)vocab >> 32);
    }
    return ids;
}

/* What is read: the text where the model has a vocabulary that can spell it, else random ids, unless the user named a text. */
static int open_text(bench *b)
{
    char *text = NULL;
    size_t bytes = sizeof sample - 1;
    if (text_path && input_all(&text, &bytes, text_path)) return 1;
    wkv_tokenizer *t;
    int status = 0, n = 0;
    if (!wkv_tokenizer_open(&t, engine_vocab, b->e.model) && wkv_tokenizer_size(t) <= b->e.about->vocab)
        n = wkv_encode(t, text ? text : sample, bytes, NULL, 0);
    if ((!t && (engine_vocab || text_path)) || (n < 0 && text_path))
        status = complain_library();
    else if (n <= 0 && text_path)
        status = complain("%s: no text that this model can read", text_path);
    else if (n > 0 && (b->ids = malloc(sizeof *b->ids * (size_t)n))) {
        b->n_ids = wkv_encode(t, text ? text : sample, bytes, b->ids, n);
        b->from_text = 1;
    } else if (n <= 0 && (b->ids = random_ids(2048, b->e.about->vocab)))
        b->n_ids = 2048;
    else
        status = complain("out of memory");
    wkv_tokenizer_close(t);
    free(text);
    return status;
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    if (synthetic && engine_model)
        return usage(&cmd_bench, "the model is given twice: %s and --synthetic %s", engine_model, synthetic);
    if (type >= 0 && !synthetic)
        return usage(&cmd_bench, "--type is the type of a --synthetic model; a file has its own");
    bench *b = calloc(1, sizeof *b);
    if (!b) return complain("out of memory");
    catch_interrupts();
    int status = open_model(b);
    if (!status) status = open_text(b);
    if (!status) {
        progress_begin(&b->bar, "measuring");
        int e = measure(b);
        progress_end(&b->bar);
        if (e)
            status = complain_library();
        else if (interrupted)
            status = 130;
        else if (as_json)
            status = print_json(b);
        else
            print_text(b);
    }
    for (int i = 0; i < TEXTS; i++) wkv_state_free(b->states[i]);
    free(b->logits);
    free(b->ids);
    engine_close(&b->e);
    free(b);
    return status;
}

const command cmd_bench = {
    .name = "bench",
    .operands = "",
    .most = 0,
    .summary = "how fast a model runs, beside what this machine could do",
    .about =
        "Measure, in one run and with the same threads, what the machine can do (reading memory, float32 "
        "multiply-adds, "
        "dot products of bytes) and what the model does (decoding, prompts, several texts at once). The roof is what "
        "the "
        "machine's limits allow, by the bytes that must be read and the float32 operations that must be done; each "
        "figure "
        "says how much of it was reached, and which limit it is. Figures are medians, with the slowest and the fastest "
        "repeat; those of "
        "the machine are the best seen. Close other programs before you believe any of them.\n\n"
        "--synthetic makes a model of a published size in memory, with random weights: it computes at the speed of a "
        "trained one. It is refused when there is not memory enough.",
    .examples = "wkv bench --quick  # the built-in model\n"
                "wkv bench -m MODEL.pth -t 4  # a checkpoint, with four threads\n"
                "wkv bench --synthetic 7:1.5B --type f16 --json  # a size, without its file",
    .groups = groups,
    .run = run,
};
