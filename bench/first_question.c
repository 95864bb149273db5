/* first_question.c - recall of the first turn after 5 and 30 turns, from four kinds of states:
 * `first_question MODEL QUESTIONS [ANSWERS]`; docs/first-question.md has the results.
 *
 * QUESTIONS is the output of tools/talk.py; MODEL may be "" for the built-in one. The turns are read as they are
 * written, user and assistant, and only the last question is answered, greedily. ANSWERS receives every answer. */
#include "wkv_state.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TURNS = 30, FIELDS = 4 + 2 * TURNS, LENGTHS = 2, ANSWER_TOKENS = 100, TEXT = 4096, GROUPS = 8 };

static const int lengths[LENGTHS] = {5, TURNS};

/* Weights of the states after turns 1, 2, ... n. */
static float running(int i, int n) { return i == n - 1; }
static float first(int i, int n) { return (void)n, i == 0; }
static float mean(int i, int n) { return (void)i, (void)n, 1; }
static float first_twice(int i, int n) { return (void)n, i ? 1 : 2; }
static float first_half(int i, int n) { return i ? 1 : (float)(n - 1); }
static float first_and_last(int i, int n) { return i == 0 || i == n - 1; }

static const struct {
    const char *name;
    float (*weight)(int i, int n);
} kinds[] = {
    {"running state", running},
    {"state of turn 1 put back", first},
    {"mean of the states of all turns", mean},
    {"weighted mean, turn 1 twice", first_twice},
    {"weighted mean, turn 1 as much as all others", first_half},
    {"mean of turn 1 and the running state", first_and_last},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

typedef struct {
    wkv_model *model;
    wkv_tokenizer *tokenizer;
    wkv_context *context;
    const wkv_template *how;
    wkv_state *after[TURNS], *mixed; /* after[i]: the state after turn i + 1 */
    float *logits;
    int32_t ids[TEXT];
    FILE *answers;
    double reading, mixing; /* seconds */
    long read, mixes;       /* tokens, means of 30 states */
} bench;

/* Hits of one language and thing asked for. */
typedef struct {
    char name[64];
    int asked, hits[LENGTHS][KINDS];
} group;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(int err)
{
    if (!err) return;
    fprintf(stderr, "first_question: %s\n", wkv_error());
    exit(1);
}

static void begin(bench *b, const char *path)
{
    must(wkv_model_open(&b->model, *path ? path : NULL, NULL));
    must(wkv_tokenizer_open(&b->tokenizer, NULL, b->model));
    must(wkv_context_new(&b->context, b->model, NULL));
    must(wkv_template_find(&b->how, NULL, b->model, b->tokenizer));
    for (int i = 0; i < TURNS; i++) must(wkv_state_new(&b->after[i], b->model));
    must(wkv_state_new(&b->mixed, b->model));
    b->logits = malloc(sizeof(float) * (size_t)wkv_model_about(b->model)->vocab);
    if (!b->logits) {
        fprintf(stderr, "first_question: out of memory\n");
        exit(1);
    }
}

static void end(bench *b)
{
    for (int i = 0; i < TURNS; i++) wkv_state_free(b->after[i]);
    wkv_state_free(b->mixed);
    free(b->logits);
    wkv_context_free(b->context);
    wkv_tokenizer_close(b->tokenizer);
    wkv_model_close(b->model);
    if (b->answers) fclose(b->answers);
}

static void read_text(bench *b, wkv_state *s, const char *text)
{
    int n = wkv_encode_prompt(b->tokenizer, text, strlen(text), b->ids, TEXT);
    must(n < 0 ? n : 0); /* n is at most the number of bytes */
    must(wkv_eval(b->context, s, b->ids, n, b->logits));
    b->read += n;
}

static void read_user(bench *b, wkv_state *s, int is_first, const char *user)
{
    char text[TEXT];
    wkv_template_turn(b->how, is_first, NULL, user, WKV_THINK_OFF, text, sizeof text);
    read_text(b, s, text);
}

/* The states after each turn. */
static void read_turns(bench *b, char **turns)
{
    char text[TEXT];
    double start = now();
    for (int i = 0; i < TURNS; i++) {
        wkv_state *s = b->after[i];
        if (i)
            must(wkv_state_copy(s, b->after[i - 1]));
        else
            wkv_state_reset(s);
        read_user(b, s, i == 0, turns[2 * i]);
        wkv_template_reply(b->how, turns[2 * i + 1], text, sizeof text);
        read_text(b, s, text);
    }
    b->reading += now() - start;
}

/* mixed = the weighted mean of the states after the first n turns */
static void mix(bench *b, int kind, int n)
{
    float weights[TURNS];
    for (int i = 0; i < n; i++) weights[i] = kinds[kind].weight(i, n);
    double start = now();
    must(wkv_state_mix(b->mixed, (const wkv_state *const *)b->after, weights, n));
    if (kinds[kind].weight == mean && n == TURNS) b->mixing += now() - start, b->mixes++;
}

static int32_t likeliest(const float *logits, int n)
{
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

/* The greedy answer to `question` from the state `mixed`, up to a stop string. */
static void ask(bench *b, const char *question, char *out)
{
    const int vocab = wkv_model_about(b->model)->vocab, last = wkv_tokenizer_end(b->tokenizer);
    size_t n = 0, bytes;
    read_user(b, b->mixed, 0, question);
    for (int i = 0; i < ANSWER_TOKENS; i++) {
        int32_t id = likeliest(b->logits, vocab);
        if (id == last) break;
        const char *word = wkv_token_bytes(b->tokenizer, id, &bytes);
        if (n + bytes >= TEXT) break;
        memcpy(out + n, word, bytes);
        out[n += bytes] = 0;
        char *stop = strstr(out, b->how->stops[0]);
        if (stop) *stop = 0;
        if (stop) return;
        must(wkv_eval(b->context, b->mixed, &id, 1, b->logits));
    }
    out[n] = 0;
}

/* Lower-case ASCII, without end marks and blanks at the end. */
static void plain(char *out, const char *text)
{
    size_t n = 0;
    for (; *text && n < TEXT - 1; text++) out[n++] = (char)tolower((unsigned char)*text);
    while (n && strchr(" ?.!\"", out[n - 1])) n--;
    while (n >= 3 && (!strncmp(out + n - 3, "？", 3) || !strncmp(out + n - 3, "。", 3))) n -= 3;
    out[n] = 0;
}

/* Whether the answer contains the expected text, up to case and end mark. */
static int contains(const char *answer, const char *expected)
{
    char a[TEXT], e[TEXT];
    plain(a, answer);
    plain(e, expected);
    return strstr(a, e) != NULL;
}

static group *group_of(group *groups, const char *about, const char *language)
{
    char name[sizeof groups->name];
    snprintf(name, sizeof name, "%s, %s", about, language);
    for (int i = 0; i < GROUPS; i++) {
        if (!*groups[i].name) strcpy(groups[i].name, name);
        if (!strcmp(groups[i].name, name)) return groups + i;
    }
    fprintf(stderr, "first_question: more than %d kinds of questions\n", GROUPS);
    exit(1);
}

/* Ask one row's question after each length, with each kind of state; hits count for its language and for all. */
static void run_row(bench *b, group *groups, char **field)
{
    group *all = group_of(groups, field[1], "all"), *own = group_of(groups, field[1], field[0]);
    char answer[TEXT];
    read_turns(b, field + 4);
    for (int l = 0; l < LENGTHS; l++)
        for (int k = 0; k < KINDS; k++) {
            *answer = 0;
            mix(b, k, lengths[l]);
            ask(b, field[2], answer);
            const int hit = contains(answer, field[3]);
            all->hits[l][k] += hit;
            own->hits[l][k] += hit;
            for (char *line = answer; (line = strchr(line, '\n'));) *line = ' ';
            if (b->answers)
                fprintf(b->answers, "%s\t%d\t%s\t%d\t%s\t%s\n", own->name, lengths[l], kinds[k].name, hit, field[3],
                        answer);
        }
    all->asked++;
    own->asked++;
}

/* Split a row at its tabs. */
static int split(char *row, char **field)
{
    int n = 0;
    row[strcspn(row, "\n")] = 0;
    for (; row && n < FIELDS; n++) {
        field[n] = row;
        if ((row = strchr(row, '\t'))) *row++ = 0;
    }
    return n == FIELDS && !row;
}

/* "150 of 200, 75 % (69 to 80)": Wilson's 95 % interval. */
static void print_share(int hits, int of)
{
    const double z = 1.96, n = of, p = hits / n, middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    const double half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
    printf(" %d of %d, %.3g %% (%.0f to %.0f) |", hits, of, 100 * p, 100 * fmax(middle - half, 0),
           100 * fmin(middle + half, 1));
}

static void print_group(const group *g)
{
    printf("\n| %s |", g->name);
    for (int l = 0; l < LENGTHS; l++) printf(" after %d turns |", lengths[l]);
    printf("\n|---|---|---|\n");
    for (int k = 0; k < KINDS; k++) {
        printf("| %s |", kinds[k].name);
        for (int l = 0; l < LENGTHS; l++) print_share(g->hits[l][k], g->asked);
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    static bench b;
    group groups[GROUPS] = {0};
    static char row[1 << 16], *field[FIELDS];
    if (argc < 3 || argc > 4) return fprintf(stderr, "usage: first_question MODEL QUESTIONS [ANSWERS]\n"), 2;
    FILE *f = fopen(argv[2], "r");
    b.answers = argc == 4 ? fopen(argv[3], "w") : NULL;
    if (!f || (argc == 4 && !b.answers)) return perror(f ? argv[3] : argv[2]), 1;
    begin(&b, argv[1]);
    while (fgets(row, sizeof row, f)) {
        if (!split(row, field)) return fprintf(stderr, "%s: a row has other than %d fields\n", argv[2], FIELDS), 1;
        run_row(&b, groups, field);
    }
    for (int i = 0; i < GROUPS && *groups[i].name; i++) print_group(&groups[i]);
    printf("\n%ld tokens read; a turn takes %.2f ms to read, a mean of %d states %.3f ms\n", b.read,
           1e3 * b.reading / (double)(b.mixes * TURNS), TURNS, 1e3 * b.mixing / (double)b.mixes);
    fclose(f);
    end(&b);
}
