/* option.c - reading a command's arguments by its tables. */
#include "option.h"
#include "say.h"
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int asked_help, asked_version;

static const option general_options[] = {
    {'q', "quiet", OPT_SWITCH, NULL, &say_quiet, 0, 0, "", "no notes, speeds or progress on standard error"},
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

static const option *by_name(const command *c, const char *name, size_t n)
{
    const option *o;
    for (int i = 0; (o = option_at(c, i, NULL)); i++)
        if (strlen(o->name) == n && !memcmp(o->name, name, n)) return o;
    return NULL;
}

static const option *by_letter(const command *c, char letter)
{
    const option *o;
    for (int i = 0; (o = option_at(c, i, NULL)); i++)
        if (o->letter == letter) return o;
    return NULL;
}

static int unknown(const command *c, const char *name, int n)
{
    char typed[41];
    snprintf(typed, sizeof typed, "%.*s", n, name);
    const option *best = NULL, *o;
    int least = 99;
    for (int i = 0; (o = option_at(c, i, NULL)); i++) {
        int d = word_distance(typed, o->name);
        if (d < least) {
            least = d;
            best = o;
        }
    }
    if (best && word_is_near(typed, least))
        return usage(c, "there is no option --%.*s; did you mean --%s?", n, name, best->name);
    return usage(c, "there is no option --%.*s", n, name);
}

static int choose(const command *c, const option *o, const char *shown, const char *text)
{
    int which = 0;
    for (const char *word = o->value; word; which++) {
        const char *bar = strchr(word, '|');
        size_t n = bar ? (size_t)(bar - word) : strlen(word);
        if (strlen(text) == n && !memcmp(word, text, n)) {
            *(int *)o->to = which;
            return 0;
        }
        word = bar ? bar + 1 : NULL;
    }
    return usage(c, "%s: '%s' is not one of %s", shown, text, o->value);
}

/* Put a value where it belongs. `shown` is the option as it was typed. */
static int assign(const command *c, const option *o, const char *shown, const char *text)
{
    char *end;
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
        if (end == text || *end) return usage(c, "%s: '%s' is not a whole number", shown, text);
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
    case OPT_SEED: {
        unsigned long long v = strtoull(text, &end, 10);
        if (end == text || *end || *text == '-' || errno)
            return usage(c, "%s: '%s' is not a whole number from 0 to %llu", shown, text,
                         (unsigned long long)UINT64_MAX);
        *(uint64_t *)o->to = v;
        return 0;
    }
    }
    return 0;
}

/* --name, --name=value or --name value; *i moves over a value taken from the next argument */
static int long_option(const command *c, int count, char **args, int *i)
{
    const char *name = args[*i] + 2, *equals = strchr(name, '=');
    int n = equals ? (int)(equals - name) : (int)strlen(name);
    const option *o = by_name(c, name, (size_t)n);
    if (!o) return unknown(c, name, n);
    char shown[48];
    snprintf(shown, sizeof shown, "--%s", o->name);
    if (o->kind == OPT_SWITCH) return equals ? usage(c, "%s takes no value", shown) : assign(c, o, shown, NULL);
    if (equals) return assign(c, o, shown, equals + 1);
    if (*i + 1 >= count) return usage(c, "%s needs a value: %s %s", shown, shown, o->value);
    return assign(c, o, shown, args[++*i]);
}

/* -q, -n 5, -n5, and switches written together: -qh */
static int short_options(const command *c, int count, char **args, int *i)
{
    for (const char *letter = args[*i] + 1; *letter; letter++) {
        const option *o = by_letter(c, *letter);
        if (!o) return usage(c, "there is no option -%c", *letter);
        char shown[] = {'-', o->letter, 0};
        int status;
        if (o->kind == OPT_SWITCH) {
            if ((status = assign(c, o, shown, NULL))) return status;
            continue;
        }
        if (letter[1]) return assign(c, o, shown, letter + 1);
        if (*i + 1 >= count) return usage(c, "%s needs a value: %s %s", shown, shown, o->value);
        return assign(c, o, shown, args[++*i]);
    }
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
    if (*n > c->most && !asked_help) {
        if (!c->most) return usage(c, "'%s' is not an option, and %s takes nothing else", args[0], c->name);
        if (c->most == 1)
            return usage(c, "one %s is enough; what is '%s'? (put quotes around words that belong together)",
                         c->operands, args[1]);
        return usage(c, "'%s' is one argument too many", args[c->most]);
    }
    return 0;
}
