/* option.c - parse a command's arguments by its option tables. */
#include "option.h"
#include "habits.h"
#include "models.h"
#include "say.h"
#include <stdarg.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int usage(const command *c, const char *fmt, ...)
{
    fflush(stdout);
    va_list args;
    va_start(args, fmt);
    fputs("wkv: ", stderr);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\nTry: wkv %s%shelp\n", c ? c->name : "", c ? " --" : "");
    return 2;
}

int asked_help, asked_version;

static const option general_options[] = {
    {'q', "quiet", OPT_SWITCH, NULL, &say_quiet, 0, 0, "", "omit notes, speeds and progress on standard error"},
    {'h', "help", OPT_SWITCH, NULL, &asked_help, 0, 0, "", "explain the command"},
    {0, "version", OPT_SWITCH, NULL, &asked_version, 0, 0, "", "print the version"},
};
const group general_group = GROUP("General", general_options);
const group short_group = {"General", general_options, 2};

const option *option_at(const command *c, int i, const char **title)
{
    for (const group *const *g = c->groups; *g; g++) {
        if (i < (*g)->n) {
            if (title) *title = (*g)->title;
            return &(*g)->options[i];
        }
        i -= (*g)->n;
    }
    return NULL;
}

int word_distance(const char *a, const char *b)
{
    enum { MOST = 40 };
    int n = (int)strlen(a), m = (int)strlen(b), row[MOST + 1];
    if (n > MOST || m > MOST) return MOST;
    for (int j = 0; j <= m; j++) row[j] = j;
    for (int i = 1; i <= n; i++) {
        int corner = row[0];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            int swap = corner + (a[i - 1] != b[j - 1]), skip = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            corner = row[j];
            row[j] = swap < skip ? swap : skip;
        }
    }
    return row[m];
}

int word_is_near(const char *typed, int distance)
{
    int n = (int)strlen(typed);
    return distance <= (n < 4 ? 1 : n < 8 ? 2 : 3);
}

static const option *by_name(const command *c, const char *name)
{
    const option *o;
    for (int i = 0; (o = option_at(c, i, NULL)); i++)
        if (!strcmp(o->name, name)) return o;
    return NULL;
}

static const option *by_letter(const command *c, char letter)
{
    const option *o;
    for (int i = 0; (o = option_at(c, i, NULL)); i++)
        if (o->letter == letter) return o;
    return NULL;
}

/* The option with the prefix `name`; NULL for none or several, which `all` lists as "--a, --b". */
static const option *by_prefix(const command *c, const char *name, char all[300])
{
    const option *o, *found = NULL;
    int n = 0;
    size_t used = 0;
    for (int i = 0; (o = option_at(c, i, NULL)); i++) {
        if (strncmp(o->name, name, strlen(name))) continue;
        if (used < 260) used += (size_t)snprintf(all + used, 300 - used, "%s--%.30s", n ? ", " : "", o->name);
        found = o;
        n++;
    }
    return n == 1 ? found : NULL;
}

static int unknown(const command *c, const char *name)
{
    const option *best = NULL, *o;
    int least = 99;
    for (int i = 0; (o = option_at(c, i, NULL)); i++) {
        int d = word_distance(name, o->name);
        if (d < least) {
            least = d;
            best = o;
        }
    }
    if (best && word_is_near(name, least)) return usage(c, "unknown option --%s; did you mean --%s?", name, best->name);
    return usage(c, "unknown option --%s", name);
}

static int choose(const command *c, const option *o, const char *shown, const char *text)
{
    int which = 0;
    for (const char *word = o->value; word; which++) {
        const char *bar = strchr(word, '|');
        size_t n = bar ? (size_t)(bar - word) : strlen(word);
        if (strlen(text) == n && !strncasecmp(word, text, n)) {
            *(int *)o->to = which;
            return 0;
        }
        word = bar ? bar + 1 : NULL;
    }
    return usage(c, "%s: '%s' is not one of %s", shown, text, o->value);
}

/* A size in bytes, with K, M, G or T for powers of 1,000. */
static int read_bytes(const command *c, const option *o, const char *shown, const char *text)
{
    static const char units[] = "KMGT";
    char *end;
    double v = strtod(text, &end);
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    for (const char *u = unit; u && u >= units; u--) v *= 1000;
    if (end == text || end[unit != NULL] || !(v >= o->low && v <= o->high))
        return usage(c, "%s: '%s' is not a size in bytes, such as 0, 500M or 4G", shown, text);
    *(int64_t *)o->to = (int64_t)v;
    return 0;
}

/* Store a value. `shown` is the option as typed. */
static int assign(const command *c, const option *o, const char *shown, const char *text)
{
    char *end;
    const char *other = text ? habit_value(o, shown, text) : NULL;
    if (other) return usage(c, "%s %s: %s", shown, text, other);
    errno = 0;
    switch (o->kind) {
    case OPT_SWITCH: *(int *)o->to = 1; return 0;
    case OPT_TEXT: *(const char **)o->to = text; return 0;
    case OPT_CHOICE: return choose(c, o, shown, text);
    case OPT_TEXTS: {
        texts *list = o->to;
        const char **at = realloc(list->at, sizeof *at * (size_t)(list->n + 1));
        if (!at) return complain("out of memory");
        list->at = at;
        list->at[list->n++] = text;
        return 0;
    }
    case OPT_COUNT: {
        long long v = strtoll(text, &end, 10);
        if (end == text || *end) return usage(c, "%s: '%s' is not an integer", shown, text);
        if (errno || (double)v < o->low || (double)v > o->high)
            return usage(c, "%s: %s is not between %.0f and %.0f", shown, text, o->low, o->high);
        *(int *)o->to = (int)v;
        return 0;
    }
    case OPT_REAL: {
        double v = strtod(text, &end);
        if (end == text || *end || !isfinite(v)) return usage(c, "%s: '%s' is not a number", shown, text);
        if (v < o->low || v > o->high) return usage(c, "%s: %s is not between %g and %g", shown, text, o->low, o->high);
        *(float *)o->to = (float)v;
        return 0;
    }
    case OPT_BYTES: return read_bytes(c, o, shown, text);
    case OPT_SEED: {
        unsigned long long v = strtoull(text, &end, 10);
        if (end == text || *end || *text == '-' || errno)
            return usage(c, "%s: '%s' is not an integer from 0 to %llu", shown, text, (unsigned long long)UINT64_MAX);
        *(uint64_t *)o->to = v;
        return 0;
    }
    }
    return 0;
}

/* The value after the option's `=` or letter, else the next argument, which *i then skips. */
static int give(const command *c, const option *o, const char *shown, const char *attached, int count, char **args,
                int *i)
{
    if (attached) return assign(c, o, shown, attached);
    if (*i + 1 >= count) return usage(c, "%s needs a value: %s %s", shown, shown, o->value);
    return assign(c, o, shown, args[++*i]);
}

/* An option of another program without a counterpart here. */
static int answer(const command *c, const habit *h, const char *attached, int count, char **args, int *i)
{
    if (h->kind == HABIT_REFUSE) return usage(c, "%s: %s", h->spelling, h->sentence);
    if (!attached && *i + 1 < count && habit_skips(h, args[*i + 1])) ++*i;
    note("%s", h->sentence);
    return 0;
}

/* --name, --name=value or --name value; underscores count as dashes, and an unambiguous prefix is enough */
static int long_option(const command *c, int count, char **args, int *i)
{
    const char *equals = strchr(args[*i], '='), *attached = equals ? equals + 1 : NULL;
    char shown[44], all[300];
    snprintf(shown, sizeof shown, "%.*s", equals ? (int)(equals - args[*i]) : (int)strlen(args[*i]), args[*i]);
    for (char *at = shown; *at; at++)
        if (*at == '_') *at = '-';
    const char *name = shown + 2;
    const option *o = by_name(c, name);
    const habit *h = o ? NULL : habit_option(c, shown);
    if (h && h->kind != HABIT_SAME) return answer(c, h, attached, count, args, i);
    if (h) o = by_name(c, h->option);
    if (!o && *name) {
        *all = 0;
        o = by_prefix(c, name, all);
        if (!o && *all) return usage(c, "%s is ambiguous: %s", shown, all);
        if (o) snprintf(shown, sizeof shown, "--%s", o->name);
    }
    if (!o) return unknown(c, name);
    if (o->kind == OPT_SWITCH) return attached ? usage(c, "%s takes no value", shown) : assign(c, o, shown, NULL);
    return give(c, o, shown, attached, count, args, i);
}

/* -q, -n 5, -n5, and switches written together: -qh; and other programs' -ngl 5 */
static int short_options(const command *c, int count, char **args, int *i)
{
    const habit *h = args[*i][2] ? habit_option(c, args[*i]) : NULL;
    if (h && h->kind != HABIT_SAME) return answer(c, h, NULL, count, args, i);
    if (h) return give(c, by_name(c, h->option), h->spelling, NULL, count, args, i);
    for (const char *letter = args[*i] + 1; *letter; letter++) {
        const option *o = by_letter(c, *letter);
        char shown[] = {'-', *letter, 0};
        const char *attached = letter[1] ? letter + 1 : NULL;
        h = o ? NULL : habit_option(c, shown);
        if (h && h->kind != HABIT_SAME) return answer(c, h, attached, count, args, i);
        if (h) o = by_name(c, h->option);
        if (!o) return usage(c, "unknown option -%c", *letter);
        if (o->kind != OPT_SWITCH) return give(c, o, shown, attached, count, args, i);
        int status = assign(c, o, shown, NULL);
        if (status) return status;
    }
    return 0;
}

/* Report an excess operand. */
static int too_many(const command *c, char **operands)
{
    const char *extra = operands[c->most];
    if (!c->most && c->model) return usage(c, "%s takes one model, found two: %s and '%s'", c->name, *c->model, extra);
    if (!c->most)
        return usage(c, "'%s' is not an option, and %s takes no arguments%s", extra, c->name,
                     by_name(c, "model") ? "; -m names a model" : "");
    if (c->model && !*c->model && has_model_extension(operands[0]))
        return usage(c, "%s: no such file; give an existing model first, or with -m", operands[0]);
    if (c->most == 1) return usage(c, "unexpected argument '%s'; put quotes around words that belong together", extra);
    const option *type = by_name(c, "type"); /* rwkv.cpp's and llama.cpp's order */
    if (type && isalpha((unsigned char)*extra) && strpbrk(extra, "0123456789"))
        return usage(c, "unexpected argument '%s'; --type %s sets the data type", extra, extra);
    return usage(c, "unexpected argument '%s'", extra);
}

/* The model as an operand: any operand if the command has no others; else the first, if it is an existing
 * checkpoint. */
static int take_model(const command *c, int *n, char **operands)
{
    if (!c->model || !*n || (c->most && !model_exists(operands[0]))) return 0;
    if (*c->model) return usage(c, "two models: %s and %s; give one", *c->model, operands[0]);
    *c->model = operands[0];
    memmove(operands, operands + 1, sizeof *operands * (size_t)-- * n);
    return 0;
}

int options_parse(const command *c, int count, char **args, int *n)
{
    *n = 0;
    int only_operands = 0, status;
    for (int i = 0; i < count; i++) {
        char *a = args[i];
        if (only_operands || a[0] != '-' || !a[1]) {
            args[(*n)++] = a;
            continue;
        }
        if (!strcmp(a, "--")) {
            only_operands = 1;
            continue;
        }
        if ((status = a[1] == '-' ? long_option(c, count, args, &i) : short_options(c, count, args, &i))) return status;
    }
    if (asked_help) return 0;
    if ((status = take_model(c, n, args))) return status;
    return *n > c->most ? too_many(c, args) : 0;
}
