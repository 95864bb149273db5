/* choices.c - multiple-choice questions: reading, tokenizing, answering. */
#include "train/choices.h"
#include "base/error.h"
#include "base/utf8.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *field, *before, *behind;
} contexts[] = {{"ctx", "", ""},
                {"query", "", ""},
                {"prompt", "", ""},
                {"question_stem", "", ""},
                {"question", "Question: ", "\nAnswer:"}};
static const char *const answers[] = {"answer", "answerKey", "label", "gold"};

enum { MOST_CHOICES = 64 };
enum { CONTEXTS = sizeof contexts / sizeof *contexts, ANSWERS = sizeof answers / sizeof *answers };

typedef struct {
    choices *c;
    const wkv_tokenizer *vocab;
} reader;

static int put(const reader *r, const char *text, size_t bytes, int counts)
{
    return samples_put(&r->c->texts, r->vocab, text, bytes, counts);
}

/* The context of an object; an empty one becomes the end of text. */
static int put_context(const reader *r, const json_t *object)
{
    samples *s = &r->c->texts;
    int i = 0;
    while (i < CONTEXTS && !json_is_string(json_object_get(object, contexts[i].field))) i++;
    if (i == CONTEXTS)
        return fail(WKV_EFORMAT, "no string \"ctx\", \"query\", \"prompt\", \"question_stem\" or \"question\"");
    const json_t *text = json_object_get(object, contexts[i].field);
    size_t before = s->n;
    int err = put(r, contexts[i].before, strlen(contexts[i].before), 0);
    if (!err) err = put(r, json_string_value(text), json_string_length(text), 0);
    if (!err) err = put(r, contexts[i].behind, strlen(contexts[i].behind), 0);
    if (err || s->n > before) return err;
    if (wkv_tokenizer_end(r->vocab) < 0)
        return fail(WKV_EFORMAT, "\"%s\" is empty, and the vocabulary has no end-of-text token to start from",
                    contexts[i].field);
    return samples_put_end(s, r->vocab, 0);
}

static int put_choice(const reader *r, const json_t *object, const json_t *text)
{
    choices *c = r->c;
    if (!json_is_string(text) || !json_string_length(text))
        return fail(WKV_EFORMAT, "a choice is not a string, or is empty");
    if (c->texts.count == c->characters_capacity) {
        int capacity = c->characters_capacity ? 2 * c->characters_capacity : 64,
            *more = realloc(c->characters, sizeof *more * (size_t)capacity);
        if (!more) return fail(WKV_ENOMEM, "no memory for %d choices", capacity);
        c->characters = more;
        c->characters_capacity = capacity;
    }
    c->characters[c->texts.count] = utf8_count(json_string_value(text));
    int err = put_context(r, object);
    if (!err) err = put(r, " ", 1, 1);
    if (!err) err = put(r, json_string_value(text), json_string_length(text), 1);
    return err ? err : samples_end(&c->texts, 0);
}

static int find_string(const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *at = json_string_value(json_array_get(list, i));
        if (at && !strcmp(at, text)) return (int)i;
    }
    return -1;
}

/* Index of the right choice; negative: not a choice. */
static int find_right(const json_t *answer, const json_t *texts, const json_t *labels)
{
    const char *text = json_string_value(answer);
    if (json_is_integer(answer)) return json_integer_value(answer) < 1 << 20 ? (int)json_integer_value(answer) : -1;
    if (!text) return -1;
    if (labels) return find_string(labels, text);
    int at = find_string(texts, text);
    return at < 0 && *text >= 'A' && *text <= 'Z' && !text[1] ? *text - 'A' : at;
}

static int add_question(void *user, const json_t *object)
{
    const reader *r = user;
    choices *c = r->c;
    const json_t *texts = json_object_get(object, "choices"), *labels = json_object_get(texts, "label"), *answer = NULL;
    if (json_is_object(texts)) texts = json_object_get(texts, "text");
    int n = (int)json_array_size(texts), i = 0;
    if (n < 2 || n > MOST_CHOICES)
        return fail(WKV_EFORMAT, "\"choices\" is not a list of 2 to %d strings", MOST_CHOICES);
    while (i < ANSWERS && !(answer = json_object_get(object, answers[i]))) i++;
    if (!answer) return fail(WKV_EFORMAT, "no \"answer\", \"answerKey\", \"label\" or \"gold\"");
    int right = find_right(answer, texts, labels);
    if (right < 0 || right >= n)
        return fail(WKV_EFORMAT,
                    "\"%s\" is not one of the %d choices; expected an index from 0, a letter, or the choice",
                    answers[i], n);
    if (c->count == c->capacity) {
        int capacity = c->capacity ? 2 * c->capacity : 64;
        question *more = realloc(c->list, sizeof *more * (size_t)capacity);
        if (!more) return fail(WKV_ENOMEM, "no memory for %d questions", capacity);
        c->list = more;
        c->capacity = capacity;
    }
    c->list[c->count++] = (question){c->texts.count, n, right};
    int err = 0;
    for (int k = 0; k < n && !err; k++) err = put_choice(r, object, json_array_get(texts, (size_t)k));
    return err;
}

static int refuse_text(void *user, const char *text, size_t bytes)
{
    (void)user, (void)text, (void)bytes;
    return fail(WKV_EFORMAT, "is plain text; questions are objects of a .jsonl or .json");
}

int choices_read(choices *c, const char *path, const wkv_tokenizer *vocab)
{
    reader r = {c, vocab};
    return documents_of_file(path, &(document_reader){refuse_text, add_question, &r});
}

void choices_release(choices *c)
{
    samples_release(&c->texts);
    free(c->characters);
    free(c->list);
    *c = (choices){0};
}

/* ---- answering --------------------------------------------------------------------------------------------------- */

/* Log-likelihoods of the choices of a question, each of at most `most` tokens including its end. */
static int score(const choices *c, wkv_trainer *t, const question *q, int most, double *out)
{
    sample list[MOST_CHOICES];
    for (int k = 0; k < q->n; k++) {
        sample s = samples_at(&c->texts, q->first + k);
        int skip = most && s.n > most + 1 ? s.n - most - 1 : 0;
        list[k] = (sample){.ids = s.ids + skip, .counts = s.counts + skip, .n = s.n - skip};
    }
    reading r = {.m = t->m, .s = list, .n = q->n, .sums = out};
    int err = trainer_read(t, &r);
    for (int k = 0; k < q->n; k++) out[k] = -out[k];
    return err;
}

int choices_answer(const choices *c, wkv_trainer *t, int from, int to, int most, double right[2])
{
    right[0] = right[1] = 0;
    for (const question *q = c->list + from; q < c->list + to; q++) {
        double best[2] = {-INFINITY, -INFINITY}, sums[MOST_CHOICES];
        int is[2] = {-1, -1}, err = score(c, t, q, most, sums);
        if (err) return err;
        for (int k = 0; k < q->n; k++) {
            const double scores[2] = {sums[k], sums[k] / c->characters[q->first + k]};
            for (int i = 0; i < 2; i++)
                if (scores[i] > best[i]) best[i] = scores[i], is[i] = k;
        }
        for (int i = 0; i < 2; i++) right[i] += is[i] == q->right;
    }
    return 0;
}
