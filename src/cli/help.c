/* help.c - the overview, the help of a command and the man page. */
#include "help.h"
#include "say.h"
#include "wkv.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *help_default(const option *o, char out[64])
{
    if (o->initial) return o->initial;
    out[0] = 0;
    switch (o->kind) {
    case OPT_COUNT: snprintf(out, 64, "%d", *(int *)o->to); break;
    case OPT_REAL: snprintf(out, 64, "%g", (double)*(float *)o->to); break;
    case OPT_TEXT: snprintf(out, 64, "%s", *(const char **)o->to ? *(const char **)o->to : ""); break;
    case OPT_CHOICE: {
        const char *word = o->value;
        for (int which = *(int *)o->to; which > 0; which--) word = strchr(word, '|') + 1;
        snprintf(out, 64, "%.*s", (int)strcspn(word, "|"), word);
        break;
    }
    default: break;
    }
    return out;
}

/* Print text from column `at` on, wrapped at `width`, later lines indented by `indent`. */
static void wrap(const char *text, int at, int indent, int width)
{
    while (*text) {
        int n = (int)strcspn(text, " ");
        if (at + n > width && at > indent) {
            put_text("\n%*s", indent, "");
            at = indent;
        }
        put(text, (size_t)n);
        at += n;
        text += n;
        while (*text == ' ') text++;
        if (*text && at + 1 + (int)strcspn(text, " ") <= width) {
            put_text(" ");
            at++;
        } else if (*text) {
            put_text("\n%*s", indent, "");
            at = indent;
        }
    }
    put_text("\n");
}

static int help_width(void)
{
    int w = terminal_width();
    return w > 100 ? 100 : w < 50 ? 50 : w;
}

/* "-n, --tokens N": returns its length */
static int signature(const option *o, char *out, size_t cap)
{
    return snprintf(out, cap, "%c%c%s --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                    o->letter ? "," : " ", o->name, o->value ? " " : "", o->value ? o->value : "");
}

/* Lines of a command and its effect, "wkv info -m M # look at it", in two columns; the first is as wide as its widest
 * entry. */
static void examples(const char *lines, void (*line)(const char *command, int n, int widest, const char *what))
{
    int widest = 0;
    for (const char *at = lines; *at; at += strcspn(at, "\n") + (at[strcspn(at, "\n")] != 0)) {
        const char *mark = strstr(at, "  # ");
        int n = (int)(mark ? mark - at : 0);
        if (n > widest) widest = n;
    }
    for (const char *at = lines; *at;) {
        int length = (int)strcspn(at, "\n");
        char one[400];
        snprintf(one, sizeof one, "%.*s", length, at);
        char *mark = strstr(one, "  # ");
        line(one, mark ? (int)(mark - one) : length, widest, mark ? mark + 4 : "");
        at += length + (at[length] != 0);
    }
}

static void example_line(const char *command_line, int n, int widest, const char *what)
{
    put_text("  %.*s%*s%s%s%s\n", n, command_line, *what ? widest - n + 2 : 0, "", dim(1), what, plain(1));
}

static void paragraphs(const char *text, int width)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        char one[1600];
        int n = snprintf(one, sizeof one, "%.*s", (int)(end ? (size_t)(end - text) : strlen(text)), text);
        for (int i = 0; i < n && i < (int)sizeof one - 1; i++)
            if (one[i] == '\n') one[i] = ' ';
        wrap(one, 0, 0, width);
        put_text("\n");
        text = end ? end + 2 : "";
    }
}

void help_command(const command *c)
{
    int width = help_width();
    if (c->defaults) c->defaults();
    put_text("%sUsage:%s wkv %s [options]%s%s\n\n", bold(1), plain(1), c->name, *c->operands ? " " : "", c->operands);
    paragraphs(c->about, width);
    const option *o;
    const char *title, *before = NULL;
    for (int i = 0; (o = option_at(c, i, &title)); i++, before = title) {
        if (title != before) put_text("%s%s%s%s\n", before ? "\n" : "", bold(1), title, plain(1));
        enum { COLUMN = 28 };
        char left[96], words[64], text[700];
        int n = signature(o, left, sizeof left);
        const char *initial = help_default(o, words);
        snprintf(text, sizeof text, "%s%s%s%s", o->help, *initial ? " (default " : "", initial, *initial ? ")" : "");
        put_text("  %s", left);
        if (n + 4 > COLUMN)
            put_text("\n%*s", COLUMN, "");
        else
            put_text("%*s", COLUMN - 2 - n, "");
        wrap(text, COLUMN, COLUMN, width);
    }
    if (*c->examples) {
        put_text("\n%sExamples%s\n", bold(1), plain(1));
        examples(c->examples, example_line);
    }
}

static const struct {
    const char *name, *what;
} environment[] = {
    {"WKV_MODELS", "folder of models, for -m NAME and wkv pull; before $XDG_DATA_HOME/wkv and ~/.local/share/wkv"},
    {"WKV_DATA", "folder of vocabularies; before the folders of models"},
    {"WKV_DEVICE", "device where --device is not given: cpu, reference, opencl, opencl:N"},
    {"WKV_DEVICE_MEMORY", "most memory to use on a GPU, in MB; without it all that the driver says it has"},
    {"WKV_PLUGINS", "folder of libwkv-opencl.so in place of those of the program and its library"},
    {"WKV_ISA", "instruction set instead of the best one: portable, avx2, avx512, neon, rvv"},
    {"NO_COLOR", "disables colours"},
    {"XDG_DATA_HOME", "replaces ~/.local/share"},
    {"XDG_CACHE_HOME", "replaces ~/.cache, for --cache-disk"},
    {"XDG_STATE_HOME", "replaces ~/.local/state, for the history of wkv chat"},
    {"HF_ENDPOINT", "mirror of https://huggingface.co for wkv pull"},
};
enum { VARIABLES = sizeof environment / sizeof *environment };

void help_overview(void)
{
    put_text("%swkv %s%s - generate, chat, convert, train and tune with RWKV models, versions 4 to 7\n\n", bold(1),
             WKV_VERSION, plain(1));
    put_text("%sUsage:%s wkv COMMAND [options]\n\n%sCommands%s\n", bold(1), plain(1), bold(1), plain(1));
    for (const command *const *c = commands; *c; c++) put_text("  %-10s  %s\n", (*c)->name, (*c)->summary);
    put_text("\n%sTry%s\n", bold(1), plain(1));
    examples("wkv generate \"Once upon a time\"  # with the built-in model\n"
             "wkv chat -m MODEL  # chat with a downloaded model: .pth, .safetensors, .gguf, .bin\n"
             "wkv COMMAND --help  # every option of a command",
             example_line);
    put_text("\n%sEnvironment%s\n", bold(1), plain(1));
    for (size_t i = 0; i < VARIABLES; i++) {
        put_text("  %-16s", environment[i].name);
        wrap(environment[i].what, 18, 18, help_width());
    }
}

/* ---- wkv(1) ------------------------------------------------------------------------------------------------------ */

/* text for roff: backslashes and dashes escaped, a leading dot or quote hidden */
static void roff(const char *text)
{
    if (*text == '.' || *text == '\'') put_text("\\&");
    for (; *text; text++) {
        if (*text == '\\')
            put_text("\\e");
        else if (*text == '-')
            put_text("\\-");
        else if (*text == '\n' && text[1] == '\n') {
            put_text("\n.PP");
            continue;
        } else
            put(text, 1);
        if (*text == '\n' && (text[1] == '.' || text[1] == '\'')) put_text("\\&");
    }
}

static void man_example(const char *command_line, int n, int widest, const char *what)
{
    (void)widest;
    char line[400];
    snprintf(line, sizeof line, "%.*s", n, command_line);
    put_text(".TP\n.B ");
    roff(line);
    put_text("\n");
    roff(what);
    put_text("\n");
}

static void man_command(const command *c)
{
    if (c->defaults) c->defaults();
    put_text(".SS wkv %s [\\fIoptions\\fR] %s\n", c->name, c->operands);
    roff(c->about);
    put_text("\n");
    const option *o;
    for (int i = 0; (o = option_at(c, i, NULL)); i++) {
        char words[64];
        const char *initial = help_default(o, words);
        put_text(".TP\n");
        if (o->letter) put_text("\\fB\\-%c\\fR, ", o->letter);
        put_text("\\fB\\-\\-");
        roff(o->name);
        put_text("\\fR");
        if (o->value) put_text(" \\fI%s\\fR", o->value);
        put_text("\n");
        roff(o->help);
        if (*initial) {
            put_text(" (default ");
            roff(initial);
            put_text(")");
        }
        put_text("\n");
    }
    if (*c->examples) {
        put_text(".PP\nExamples:\n");
        examples(c->examples, man_example);
    }
}

void help_man(void)
{
    put_text(".TH WKV 1 \"\" \"wkv %s\" \"User Commands\"\n.SH NAME\nwkv \\- run, chat with and train RWKV models\n",
             WKV_VERSION);
    put_text(".SH SYNOPSIS\n.B wkv\n.I COMMAND\n[\\fIoptions\\fR] [\\fIarguments\\fR]\n.SH DESCRIPTION\n"
             "wkv opens RWKV checkpoints of versions 4, 5, 6 and 7 as published: .pth, .safetensors, .gguf and\n"
             "rwkv.cpp files. Version, sizes, vocabulary and chat template are detected from the file.\n"
             "Results go to standard output; progress, speeds and notes go to standard error.\n.SH COMMANDS\n");
    for (const command *const *c = commands; *c; c++) man_command(*c);
    put_text(".SH EXIT STATUS\n.TP\n.B 0\nsuccess, or the reader of standard output left\n"
             ".TP\n.B 1\nfailure, with one sentence on standard error\n"
             ".TP\n.B 2\nwrong usage\n.TP\n.B 130\nstopped by Ctrl\\-C; output written so far is kept\n");
    put_text(".SH ENVIRONMENT\n");
    for (size_t i = 0; i < VARIABLES; i++) {
        put_text(".TP\n.B %s\n", environment[i].name);
        roff(environment[i].what);
        put_text("\n");
    }
}
