/* cmd_state.c - wkv state: make, describe, verify, compare, mix and convert files of states. */
#include "state.h"
#include "commands.h"
#include "input.h"
#include "models.h"
#include "say.h"
#include "wkv_file.h"
#include "writer.h"
#include "base/platform/entry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *out, *weights, *probe;
static int heads, as_json;

static const option options[] = {
    {'o', "out", OPT_TEXT, "FILE", &out, 0, 0, "", "make, mix, convert: output file"},
    {0, "weights", OPT_TEXT, "A,B,...", &weights, 0, 0, "equal", "mix: weight of each state; divided by their sum"},
    {0, "probe", OPT_TEXT, "TEXT", &probe, 0, 0, "a newline", "diff: text to read after each state"},
    {0, "heads", OPT_SWITCH, NULL, &heads, 0, 0, "", "diff: measure each head too"},
    {0, "json", OPT_SWITCH, NULL, &as_json, 0, 0, "", "info, diff: write the report as JSON"},
};
static const group own = GROUP("States", options);
static const group *const groups[] = {&own,           &model_group, &weights_group, &adapter_group, &tokenizer_group,
                                      &general_group, NULL};

wkv_state_file *state_open(const char *path)
{
    wkv_state_file *f;
    if (!wkv_state_file_open(&f, path)) return f;
    complain_library();
    return NULL;
}

int state_note(const wkv_state_file *f, const char *path, const engine *e, int *differs)
{
    char difference[512];
    if (wkv_state_file_compare(f, e->context, difference, sizeof difference)) return complain_library();
    *differs = *difference != 0;
    if (*differs) note("%s: %s", path, difference);
    return 0;
}

/* One line about the file written. */
static int report_file(const char *what)
{
    char bytes[16];
    entry_info about;
    put_text("%s: %s, %s\n", out, what, as_bytes(bytes, entry_read(&about, out) ? 0 : (double)about.bytes));
    return 0;
}

/* A state file is .safetensors: other extensions of checkpoints promise another format. */
static int check_extension(void)
{
    const char *dot = strrchr(out, '.');
    if (!has_model_extension(out) || (dot && !strcasecmp(dot, ".safetensors"))) return 0;
    return usage(&cmd_state,
                 "--out %s: a state file is .safetensors; wkv state convert writes tuned states as .pth and "
                 ".st",
                 out);
}

/* ---- make -------------------------------------------------------------------------------------------------------- */

static int read_and_save(const engine *e, wkv_batcher *b, wkv_session *s, const char *text, size_t bytes)
{
    char what[80], count[32];
    if (wkv_session_append_text(s, text, bytes)) return complain_library();
    const int from = wkv_session_about(s).read, n = wkv_session_about(s).n - from;
    const double begun = seconds_now();
    const int status = writer_read(NULL, b, s, "reading", NULL);
    const double seconds = seconds_now() - begun;
    if (status) return status;
    if (wkv_session_save(s, e->context, NULL, out)) return complain_library();
    snprintf(what, sizeof what, "%s tokens in %.1f s, %.0f tokens/s", as_count(count, n), seconds,
             seconds > 0 ? n / seconds : 0);
    return report_file(what);
}

static int make_of_text(const engine *e, const char *text, size_t bytes)
{
    wkv_batcher *b = NULL;
    wkv_session *s = NULL;
    int status = wkv_batcher_new(&b, e->context, &(wkv_batcher_options){.slots = 1}) ? complain_library() : 0;
    if (!status) status = engine_session(&s, e);
    if (!status) status = read_and_save(e, b, s, text, bytes);
    wkv_session_free(s);
    wkv_batcher_free(b);
    return status;
}

static int make(const char *path)
{
    char *text;
    size_t bytes;
    engine e;
    if (!out) return usage(&cmd_state, "--out is missing; it names the file of the state");
    if (check_extension()) return 2;
    if (wkv_file_refuse_input(out, path, "the text")) return complain_library();
    if (input_all(&text, &bytes, path)) return 1;
    size_t mark = input_mark(text, bytes), n = bytes - mark;
    n -= input_newline(text + mark, n); /* as wkv generate reads a prompt */
    int status = n ? engine_open(&e, 1) : complain("%s: has no text to read", path);
    if (!status) {
        catch_interrupts();
        status = make_of_text(&e, text + mark, n);
        engine_close(&e);
    }
    free(text);
    return status;
}

/* ---- mix, convert ------------------------------------------------------------------------------------------------ */

/* n numbers from --weights, which the caller frees; NULL: none given. Returns 0, or 2 after an error message. */
static int read_weights(float **list, int n)
{
    const char *at = weights;
    *list = NULL;
    if (!weights) return 0;
    if (!(*list = malloc(sizeof **list * (size_t)n))) return complain("out of memory");
    for (int i = 0; i < n; i++) {
        char *end;
        (*list)[i] = strtof(at, &end);
        if (end == at || (*end && *end != ',') || (i < n - 1) != (*end == ',')) {
            free(*list);
            return usage(&cmd_state, "--weights %s: expected %d numbers with commas between them, one for each state",
                         weights, n);
        }
        at = end + 1;
    }
    return 0;
}

static int refuse_inputs(int n, char **paths)
{
    for (int i = 0; i < n; i++)
        if (wkv_file_refuse_input(out, paths[i], "the state")) return complain_library();
    return 0;
}

static int mix(int n, char **paths)
{
    if (!out) return usage(&cmd_state, "--out is missing; it names the file of the mix");
    float *list;
    int status = refuse_inputs(n, paths);
    if (!status) status = read_weights(&list, n);
    if (status) return status;
    char what[48];
    wkv_state_file **files = calloc((size_t)n, sizeof *files);
    if (!files) status = complain("out of memory");
    for (int i = 0; i < n && !status; i++) status = !(files[i] = state_open(paths[i]));
    if (!status && !wkv_state_file_about(files[0])->tuned) status = check_extension();
    if (!status && wkv_state_file_mix(out, (const wkv_state_file *const *)files, list, n)) status = complain_library();
    snprintf(what, sizeof what, "mix of %d states", n);
    if (!status) status = report_file(what);
    for (int i = 0; files && i < n; i++) wkv_state_file_close(files[i]);
    free(files);
    free(list);
    return status;
}

static int convert(char **paths)
{
    if (!out) return usage(&cmd_state, "--out is missing; it names the file of the tuned state");
    wkv_state_file *f = refuse_inputs(1, paths) ? NULL : state_open(paths[0]);
    if (!f) return 1;
    const wkv_state_info *about = wkv_state_file_about(f);
    char what[80];
    snprintf(what, sizeof what, "tuned state of %d layers, %d heads of %d", about->layers, about->heads,
             about->head_size);
    int status = wkv_state_file_write_tuned(out, f) ? complain_library() : report_file(what);
    wkv_state_file_close(f);
    return status;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int run(int n, char **operands)
{
    const char *what = n ? operands[0] : "";
    char **paths = operands + 1;
    int files = n - 1;
    if (!strcmp(what, "make") && files == 1) return make(paths[0]);
    if (!strcmp(what, "info") && files >= 1) return state_info(files, paths, as_json);
    if (!strcmp(what, "verify") && files >= 1) return state_verify(files, paths);
    if (!strcmp(what, "mix") && files >= 1) return mix(files, paths);
    if (!strcmp(what, "convert") && files == 1) return convert(paths);
    if (!strcmp(what, "diff") && files == 2)
        return state_diff(&(state_comparison){{paths[0], paths[1]}, probe ? probe : "\n", heads, as_json});
    return usage(&cmd_state, "expected 'make TEXT', 'info FILE', 'verify FILE', 'diff A B', 'mix A B...' or 'convert "
                             "FILE'");
}

const command cmd_state = {
    .name = "state",
    .operands = "[MODEL] make|info|verify|diff|mix|convert FILE...",
    .most = 1 << 16,
    .model = &engine_model,
    .summary = "keep, compare and mix states: a text read once starts in milliseconds",
    .about =
        "A state is all that a model keeps of a text, a few MB for texts of any length. `make` reads a text file (- is "
        "standard input) and writes its state, the text and its ids, in a .safetensors file.\n\n"
        "`info` describes state files, and tuned states of wkv tune, RWKV-PEFT (.pth) and web-rwkv (.st, .state). "
        "`verify` checks them: a checksum, shapes, finite values; with -m it reads the ids again, and compares every "
        "bit, or, where the model or its arithmetic are not those of the file, reports the largest difference.\n\n"
        "`diff` prints, for each layer, the norms in both states, the relative difference of the matrices and of the "
        "token shifts, and the effect on the next token: the KL divergence when this part of A is replaced by B's and "
        "the probe is read. Below are the tokens with the largest changes of probability.\n\n"
        "`mix` writes the weighted mean of states of one model, and needs no model. `convert` writes the matrices as a "
        "tuned state for other programs: .pth or .safetensors (f32), .st or .state (f16); token shifts are not in it.",
    .examples = "wkv state make book.txt -m MODEL.pth -o book.safetensors  # read a text once\n"
                "wkv state info book.safetensors  # its text, tokens and model\n"
                "wkv state verify book.safetensors -m MODEL.pth  # read it again, compare bits\n"
                "wkv state diff a.safetensors b.safetensors -m MODEL.pth  # effect of each layer\n"
                "wkv state mix a.safetensors b.safetensors -o c.safetensors  # mean of both\n"
                "wkv state convert a.safetensors -o a.pth  # for the rwkv package",
    .groups = groups,
    .run = run,
};
