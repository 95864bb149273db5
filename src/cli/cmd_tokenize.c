/* cmd_tokenize.c - `wkv tokenize`: text to token ids and back. */
#include "commands.h"
#include "engine.h"
#include "models.h"
#include "input.h"
#include "say.h"
#include "wkv_train.h"
#include "base/platform/system.h"
#include <stdlib.h>
#include <string.h>

static int decode, as_json, count_only;
static const char *jsonl;

static const option options[] = {
    {'d', "decode", OPT_SWITCH, NULL, &decode, 0, 0, "", "convert ids, separated by blanks or commas, to text"},
    {0, "jsonl", OPT_TEXT, "FILE", &jsonl, 0, 0, "",
     "print a JSON array of ids for the field \"text\" of every line of FILE; - is standard input"},
    {'c', "count", OPT_SWITCH, NULL, &count_only, 0, 0, "", "print the number of tokens instead of their ids"},
    {0, "json", OPT_SWITCH, NULL, &as_json, 0, 0, "", "write ids as a JSON array"},
};
static const group own = GROUP("Text", options);
static const group *const groups[] = {&own, &tokenizer_group, &model_group, &general_group, NULL};

/* ids of one text at a time, in a buffer that grows */
typedef struct {
    const wkv_tokenizer *t;
    int32_t *ids;
    int cap;
    int json;
} encoder;

/* Print a line for a text. Returns 0, 1 after an error message (prefixed with `where`), -1 when the output is
 * closed. */
static int spell(encoder *s, const char *text, size_t bytes, const char *where, long line)
{
    int n = wkv_encode(s->t, text, bytes, s->ids, s->cap);
    if (n > s->cap) {
        int32_t *more = realloc(s->ids, sizeof *more * (size_t)n);
        if (!more) return complain("out of memory");
        s->ids = more;
        s->cap = n;
        n = wkv_encode(s->t, text, bytes, s->ids, s->cap);
    }
    if (n < 0) return line ? complain("%s:%ld: %s", where, line, wkv_error()) : complain_library();
    if (count_only) return put_text("%d\n", n);
    if (s->json) put("[", 1);
    for (int i = 0; i < n; i++) put_text("%s%d", i ? s->json ? ", " : " " : "", s->ids[i]);
    return put_text(s->json ? "]\n" : "\n");
}

static int spell_line(encoder *s, const char *text, size_t bytes, const char *name, long number)
{
    char *document;
    size_t length;
    if (wkv_jsonl_text(&document, &length, text, bytes)) return complain("%s:%ld: %s", name, number, wkv_error());
    int status = document ? spell(s, document, length, name, number) : 0;
    free(document);
    return status;
}

static int spell_jsonl(encoder *s)
{
    FILE *f = input_open(jsonl);
    if (!f) return 1;
    const char *name = f == stdin ? "standard input" : jsonl;
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int status = 0;
    for (long number = 1; !status && !interrupted && (n = text_line(&line, &cap, f)) > 0; number++)
        status = spell_line(s, line, (size_t)n, name, number);
    if (!status && ferror(f) && !interrupted) status = complain("%s cannot be read", name);
    free(line);
    input_close(f);
    return interrupted ? 130 : status;
}

static int unspell(const wkv_tokenizer *t, const char *text, size_t bytes, const char *name)
{
    int32_t *ids;
    int n = input_ids(&ids, text, bytes, name), status = n < 0;
    const int size = wkv_tokenizer_size(t);
    if (count_only && n >= 0) put_text("%d\n", n);
    for (int i = 0; i < n && !status && !count_only; i++) {
        size_t length;
        if (ids[i] >= size)
            status = complain("%s: expected ids from 0 to %d, found %d", name, size - 1, ids[i]);
        else {
            const char *bytes_of_id = wkv_token_bytes(t, ids[i], &length);
            if (length && put(bytes_of_id, length)) break;
        }
    }
    free(ids);
    return status;
}

static int open_tokenizer(wkv_tokenizer **t)
{
    wkv_model *model = NULL;
    *t = NULL;
    if (!engine_vocab &&
        model_open(&model, engine_model, &(wkv_model_options){.as_stored = 1, .no_mmap = engine_with.no_mmap}))
        return 1;
    int status = wkv_tokenizer_open(t, engine_vocab, model) ? complain_library() : 0;
    wkv_model_close(model);
    return status;
}

static int run(int n, char **operands)
{
    if (jsonl && (n || decode))
        return usage(&cmd_tokenize, "--jsonl cannot be combined with %s", n ? "other texts" : "--decode");
    encoder s = {.json = as_json || jsonl};
    wkv_tokenizer *t;
    int status = open_tokenizer(&t);
    if (status) return status;
    catch_interrupts();
    s.t = t;
    const int from_stdin = !n || (n == 1 && !strcmp(operands[0], "-"));
    if (jsonl) status = spell_jsonl(&s);
    for (int i = 0; i < n && !from_stdin && !status; i++)
        status = decode ? unspell(t, operands[i], strlen(operands[i]), "the argument")
                        : spell(&s, operands[i], strlen(operands[i]), NULL, 0);
    if (!jsonl && from_stdin) {
        char *text;
        size_t bytes;
        if (!(status = input_all(&text, &bytes, "-")))
            status = decode ? unspell(t, text, bytes, "standard input") : spell(&s, text, bytes, NULL, 0);
        free(text);
    }
    if (decode && !from_stdin && !count_only && on_terminal(1)) put_text("\n");
    free(s.ids);
    wkv_tokenizer_close(t);
    return status < 0 ? 0 : status;
}

const command cmd_tokenize = {
    .name = "tokenize",
    .operands = "[MODEL] [TEXT...]",
    .most = 1 << 20,
    .model = &engine_model,
    .summary = "convert text to token ids and back",
    .about =
        "Print a line of token ids for each argument, or for all of standard input. --decode converts ids back to "
        "text, byte for byte. - is standard input; a first argument that is an existing checkpoint is the model. With "
        "--jsonl, every line of the file is a JSON object with a document in its field \"text\".\n\n"
        "The vocabulary is --vocab FILE, or else the model's.",
    .examples = "wkv tokenize -m MODEL.pth \"Hello world\"  # ids\n"
                "wkv tokenize --vocab rwkv_vocab_v20230424.txt -c < book.txt  # tokens of a book\n"
                "wkv tokenize --vocab rwkv_vocab_v20230424.txt -d 33155 37576  # text\n"
                "wkv tokenize --vocab V.txt --jsonl data.jsonl > ids.jsonl  # training data",
    .groups = groups,
    .run = run,
};
