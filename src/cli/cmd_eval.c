/* cmd_eval.c - `wkv eval`: options and help. */
#include "commands.h"
#include "eval.h"
#include "models.h"
#include "outputs.h"
#include "say.h"
#include "base/platform/descriptor.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static evaluation run_of = {.samples = 5, .keys = 1};
static const char *lengths = "1024,2048,4096", *depths = "0,25,50,75,100";
static int list, diff, published, rule;
static const char *results;
static int64_t sizes_from = 100000000;

static const option task_options[] = {
    {0, "task", OPT_TEXTS, "LIST", &run_of.tasks, 0, 0, "all that --data has",
     "tasks, comma-separated: names of --list, needle, or files of descriptions (.json)"},
    {'d', "data", OPT_TEXT, "PATH", &run_of.data, 0, 0, "",
     "file of the items, or a folder with the files of several tasks: .jsonl, .json, .csv, .tsv"},
    {0, "rule", OPT_CHOICE, "default|harness-0.4|harness-0.3|chatrwkv|blinkdl", &rule, 0, 0, "harness-0.4",
     "tokenization and beginning of a context: lm-evaluation-harness 0.4 or 0.3, ChatRWKV's adapter of it, or "
     "RWKV-LM's own loops for LAMBADA and MMLU"},
    {0, "shots", OPT_COUNT, "N", &run_of.shots, 0, 1000, "0", "examples before each question"},
    {0, "shots-from", OPT_TEXT, "FILE", &run_of.shots_from, 0, 0, "the first items, which are then not evaluated",
     "file of the examples"},
    {0, "limit", OPT_COUNT, "N", &run_of.limit, 1, INT_MAX, "all", "items of each task, documents of each domain"},
};
static const group task_group = GROUP("Tasks", task_options);

static const option text_options[] = {
    {0, "text", OPT_TEXTS, "PATH", &run_of.texts, 0, 0, "",
     "perplexity and bits per byte of a text: .txt, .jsonl with \"text\", or a folder; each of its files and "
     "sub-folders is a domain; may be repeated"},
    {'c', "context", OPT_COUNT, "N", &run_of.window, 2, INT_MAX, "whole documents",
     "cut documents into windows of N tokens, each from the initial state"},
    {0, "stride", OPT_COUNT, "N", &run_of.stride, 1, INT_MAX, "half of --context",
     "tokens between the beginnings of two windows; tokens of earlier windows are context only"},
};
static const group text_group = GROUP("Texts", text_options);

static const option needle_options[] = {
    {0, "lengths", OPT_TEXT, "LIST", &lengths, 0, 0, NULL, "tokens of the texts that hide a needle"},
    {0, "depths", OPT_TEXT, "LIST", &depths, 0, 0, NULL, "places of the needle, per cent of the text"},
    {0, "samples", OPT_COUNT, "N", &run_of.samples, 1, 10000, NULL, "texts of each length and depth"},
    {0, "keys", OPT_COUNT, "N", &run_of.keys, 1, 64, NULL, "needles in a text, of which one is asked for"},
    {0, "filler", OPT_TEXT, "FILE", &run_of.filler, 0, 0, "RULER's repeated sentences", "text around the needles"},
    {0, "seed", OPT_SEED, "N", &run_of.seed, 0, 0, "0", "seed of keys and numbers"},
};
static const group needle_group = GROUP("Needles", needle_options);

static const option output_options[] = {
    {0, "list", OPT_SWITCH, NULL, &list, 0, 0, "",
     "print the tasks with metrics, rules and files; with --json the descriptions, as examples for own ones"},
    {0, "groups", OPT_SWITCH, NULL, &run_of.groups, 0, 0, "", "add the results of each group: subjects, paradigms"},
    {'o', "out", OPT_TEXT, "FILE", &run_of.out, 0, 0, "",
     "write every item with its log-likelihoods as a line of JSON"},
    {0, "diff", OPT_SWITCH, NULL, &diff, 0, 0, "", "compare two files of --out, item by item"},
    {0, "published", OPT_SWITCH, NULL, &published, 0, 0, "",
     "compare published scores of RWKV and transformers by size, with the slopes; takes no model"},
    {0, "results", OPT_TEXT, "FILE", &results, 0, 0, "",
     "with --published: output of --json of a model, to show in it"},
    {0, "sizes-from", OPT_BYTES, "N", &sizes_from, 0, 1e15, "100M",
     "with --published: fit lines through models of N parameters or more"},
    {0, "batch", OPT_COUNT, "N", &run_of.batch, 1, 4096, "64, fewer when memory is short",
     "requests scored at once; does not change results"},
};
static const group items_group = GROUP("Results", output_options);

static const group *const groups[] = {&task_group,  &text_group,    &needle_group,  &items_group,     &outputs_group,
                                      &model_group, &weights_group, &adapter_group, &tokenizer_group, &general_group,
                                      NULL};

/* "1024,2048": at most 32 numbers; *out ends with `end`. */
static int read_numbers(int out[33], const char *shown, const char *text, int low, int high, int end)
{
    int n = 0;
    for (const char *p = text; *p; n++) {
        char *stop;
        const long x = strtol(p, &stop, 10);
        if (stop == p || (*stop && *stop != ',') || x < low || x > high || n == 32)
            return usage(&cmd_eval, "%s: '%s' is not a list of at most 32 integers from %d to %d", shown, text, low,
                         high);
        out[n] = (int)x;
        p = stop + (*stop == ',');
    }
    out[n] = end;
    return n ? 0 : usage(&cmd_eval, "%s: the list is empty", shown);
}

static int check_options(int n, char **operands)
{
    if (diff && n != 2) return usage(&cmd_eval, "--diff compares two files of --out: wkv eval --diff A.jsonl B.jsonl");
    if (!diff && n) return usage(&cmd_eval, "unexpected argument '%s'; --data and --text name files", operands[0]);
    if (diff || list || published) {
        const char *what = diff ? "--diff" : list ? "--list" : "--published";
        const struct {
            const char *name;
            int given;
        } others[] = {{"--data", run_of.data && 1},
                      {"--text", run_of.texts.n},
                      {"--task", run_of.tasks.n && !list},
                      {"--out", run_of.out && 1},
                      {"--html or --svg", outputs_wants_files() && !published},
                      {"--model", engine_model && 1}};
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            if (others[i].given) return usage(&cmd_eval, "%s does not belong to %s; omit it", others[i].name, what);
    }
    if (run_of.stride && !run_of.window) return usage(&cmd_eval, "--stride belongs to --context");
    if (run_of.window && !run_of.texts.n) return usage(&cmd_eval, "--context belongs to --text");
    if (run_of.stride && run_of.stride >= run_of.window)
        return usage(&cmd_eval, "--stride %d is not less than --context %d", run_of.stride, run_of.window);
    if (results && !published) return usage(&cmd_eval, "--results belongs to --published");
    if (!diff && !list && !published && !run_of.tasks.n && !run_of.data && !run_of.texts.n)
        return usage(&cmd_eval, "--data, --text or --task needle is missing; --list prints the tasks");
    int status = read_numbers(run_of.lengths, "--lengths", lengths, 16, INT_MAX, 0);
    return status ? status : read_numbers(run_of.depths, "--depths", depths, 0, 100, -1);
}

static int print_json(const evaluation *v)
{
    char *text = eval_json(v);
    if (!text) return complain("out of memory");
    put_text("%s\n", text);
    free(text);
    return 0;
}

/* Print and write the results; after Ctrl-C those of the items that are done. */
static int show(evaluation *v, int status)
{
    int written = 0;
    if (status && status != 130) return status;
    for (int i = 0; i < v->n_jobs && v->stopped; i++)
        if (v->jobs[i].items && eval_done(&v->jobs[i]) < wkv_items_count(v->jobs[i].items))
            note("interrupted: %d of the %d items of %s are done", eval_done(&v->jobs[i]),
                 wkv_items_count(v->jobs[i].items), v->jobs[i].name);
    if (outputs_json())
        written = print_json(v);
    else
        eval_print(v);
    if (v->out && !written) written = eval_write_items(v, v->out);
    if (outputs_wants_files() && !written) written = eval_page(v);
    return written ? written : status;
}

static int run(int n, char **operands)
{
    evaluation *v = &run_of;
    v->rule = wkv_task_rule_name(rule - 1);                             /* NULL: the task's own */
    if (n == 1 && !diff && !engine_model) engine_model = operands[--n]; /* a name of wkv pull */
    int status = check_options(n, operands);
    if (status) return status;
    if (list) return eval_list(v, outputs_json());
    if (diff) return eval_diff(operands[0], operands[1], outputs_json());
    if (published) return eval_published(results, (double)sizes_from);
    status = mpi_begin(&v->world);
    if (v->world.rank && discard_errors()) say_quiet = 1; /* process 0 speaks for all */
    catch_interrupts();
    if (!status) status = eval_plan(v);
    if (!status) status = eval_run(v);
    if (!v->world.rank && v->e.model) status = show(v, status);
    if (v->world.rank && status == 130) status = 0;
    eval_close(v);
    mpi_end(&v->world);
    return status;
}

const command cmd_eval = {
    .name = "eval",
    .operands = "[MODEL]",
    .most = 2,
    .model = &engine_model,
    .summary = "measure a model: tasks, perplexity, recall",
    .about =
        "Measure a model. --data evaluates tasks of multiple choice or completion with the rules of "
        "lm-evaluation-harness (LAMBADA, PIQA, HellaSwag, WinoGrande, ARC, OpenBookQA, COPA, BLiMP, MMLU and others, "
        "or own ones from a small description); --text measures perplexity and bits per byte; --task needle hides numbers "
        "in long texts and asks for them. Data sets are not part of wkv: --list prints where they are published.\n\n"
        "Values are means over items with their standard errors. They have the same bits for any --batch, --threads "
        "and number of processes: mpirun shares the items. Ctrl-C prints the part that is done.",
    .examples = "wkv eval MODEL.pth --data FOLDER  # every task with a file there\n"
                "wkv eval MODEL.pth --data FOLDER --task lambada,piqa --limit 200  # two tasks, 200 items of each\n"
                "wkv eval MODEL.pth --text book.txt --context 1024  # perplexity in windows\n"
                "wkv eval MODEL.pth --task needle --lengths 4096,16384  # recall by length and depth\n"
                "wkv eval --published --html scores.html  # published scores against size\n"
                "wkv eval --list --task piqa --json > mine.json  # a description to begin with\n"
                "mpirun -n 4 wkv eval MODEL.pth --data FOLDER -o items.jsonl  # four processes, and every item",
    .groups = groups,
    .run = run,
};
