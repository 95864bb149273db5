/* cmd_vocab.c - wkv vocab: build a vocabulary from text, or print one. */
#include "commands.h"
#include "say.h"
#include "wkv.h"
#include "wkv_train.h"
#include <stdlib.h>
#include <string.h>

static wkv_vocabulary_options set;
static texts data, always;
static const char *out;

static const option options[] = {
    {'d', "data", OPT_TEXTS, "PATH", &data, 0, 0, "",
     "train: text, a file or a folder, as for wkv train; may be repeated"},
    {0, "fields", OPT_TEXT, "NAMES", &set.fields, 0, 0, "the known ones",
     "train: names of the fields, as for wkv train"},
    {'o', "out", OPT_TEXT, "FILE", &out, 0, 0, "", "train: output file"},
    {'n', "size", OPT_COUNT, "N", &set.size, 258, 1 << 20, NULL,
     "train: maximum number of ids, including end of text and the 256 bytes"},
    {0, "always", OPT_TEXTS, "TEXT", &always, 0, 0, "", "train: token to include in any case; may be repeated"},
    {0, "rounds", OPT_COUNT, "N", &set.rounds, -1, 1000, NULL, "train: maximum rounds of replacing tokens; -1: none"},
    {0, "template", OPT_TEXT, "NAME", &set.chat, 0, 0, "plain", "train: chat template"},
};
static const group own = GROUP("Vocabulary", options);
static const group *const groups[] = {&own, &general_group, NULL};

static void defaults(void)
{
    set = (wkv_vocabulary_options){.size = 2048, .rounds = 24};
    data = always = (texts){0};
    out = NULL;
}

/* ---- train ------------------------------------------------------------------------------------------------------- */

static double reached;

static int report(void *user, int round, double bytes_per_token)
{
    (void)user;
    if (!round || bytes_per_token > reached) reached = bytes_per_token;
    note("round %d: %.4f bytes a token", round, bytes_per_token);
    return interrupted;
}

/* The list, NULL-terminated; NULL: out of memory. */
static const char *const *null_terminated(texts *list)
{
    const char **at = realloc(list->at, sizeof *at * (size_t)(list->n + 1));
    if (!at) return NULL;
    list->at = at;
    at[list->n] = NULL;
    return at;
}

static int train(void)
{
    if (!data.n) return usage(&cmd_vocab, "--data is missing; it names the text");
    if (!out) return usage(&cmd_vocab, "--out is missing; it names the vocabulary file");
    const char *const *paths = null_terminated(&data);
    set.always = null_terminated(&always);
    if (!paths || !set.always) return complain("out of memory");
    set.report = report;
    catch_interrupts();
    int size, skipped_entries = 0;
    set.made = &size;
    set.skipped_entries = &skipped_entries;
    if (wkv_vocabulary_train(out, paths, &set)) return interrupted ? 130 : complain_library();
    if (skipped_entries) note("%d entries of the folders were skipped, not data", skipped_entries);
    if (size < set.size) note("the text yields only %d ids", size);
    put_text("%s: %d ids, %.3f bytes a token\n", out, size, reached);
    return 0;
}

/* ---- show -------------------------------------------------------------------------------------------------------- */

static int show(const char *path)
{
    wkv_tokenizer *t;
    if (wkv_tokenizer_open(&t, path, NULL)) return complain_library();
    int size = wkv_tokenizer_size(t), words = 0;
    size_t longest = 0, all = 0;
    for (int i = 0; i < size; i++) {
        size_t n;
        const char *word = wkv_token_bytes(t, i, &n);
        words += n > 0;
        all += n;
        if (n > longest) longest = n;
        if (!n) continue;
        put_text("%d\t", i);
        put_escaped(word, n);
        if (put("\n", 1)) break;
    }
    note("%s: %s, %d ids, %d tokens with text, mean %.2f bytes, longest %zu", path, wkv_tokenizer_name(t), size, words,
         words ? (double)all / words : 0, longest);
    if (wkv_tokenizer_end(t) >= 0) note("id %d is the end of text", (int)wkv_tokenizer_end(t));
    wkv_tokenizer_close(t);
    return 0;
}

static int run(int n, char **operands)
{
    if (n == 1 && !strcmp(operands[0], "train")) return train();
    if (n == 2 && !strcmp(operands[0], "show")) return show(operands[1]);
    return usage(&cmd_vocab, "expected 'train' with --data and --out, or 'show FILE'");
}

const command cmd_vocab = {
    .name = "vocab",
    .operands = "train|show [FILE]",
    .most = 2,
    .summary = "build a vocabulary from text, or print one",
    .about =
        "`train` chooses the tokens that encode the text of --data in the fewest tokens under greedy longest-match "
        "encoding, and writes them in the format of the World vocabulary. Id 0 is the end of text, ids 1 to 256 "
        "are the single bytes, so every text can be encoded. The same text and options give the same file.\n\n"
        "`show` prints the ids and tokens of a vocabulary.",
    .examples = "wkv vocab train -d stories.jsonl --size 4096 -o stories.vocab.txt  # vocabulary of a small model\n"
                "wkv vocab show stories.vocab.txt | tail  # the last ids",
    .groups = groups,
    .defaults = defaults,
    .run = run,
};
