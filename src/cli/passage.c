/* passage.c - the text that a measure of a model reads. */
#include "passage.h"
#include "input.h"
#include "say.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *prompt;
const char *passage_file;
int passage_as_ids;

static const option options[] = {
    {'p', "prompt", OPT_TEXT, "TEXT", &prompt, 0, 0, "",
     "text to read, like the argument, but never taken for a model"},
    {'f', "prompt-file", OPT_TEXT, "FILE", &passage_file, 0, 0, "", "read the text from FILE; - is standard input"},
    {0, "ids", OPT_SWITCH, NULL, &passage_as_ids, 0, 0, "", "the text is token ids, separated by blanks or commas"},
};
const group passage_group = GROUP("Text", options);

const char passage_sample[] =
    "Once upon a time a miller lived by the river with his three sons. The eldest was strong, the second was clever, and "
    "the youngest, who was called Tom, was kind. One evening an old woman knocked at the door and asked for a piece of "
    "bread. The eldest said that there was none, and the second pretended to be asleep; but Tom gave her his own supper "
    "and a place by the fire.\n\n"
    "In the morning the old woman was gone. On the table lay a small golden key, and beside it a letter. \"The key opens "
    "one door only,\" it said, \"and the door is where the river begins.\" So Tom put the key in his pocket, said "
    "good-bye to his father and his brothers, and walked up the river for seven days.\n\n"
    "On the eighth day he came to a high mountain, and in the mountain there was a door. He took the golden key out of "
    "his pocket and turned it in the lock. Behind the door sat the old woman by the fire. \"You gave me your supper,\" "
    "she said, \"now you shall have mine.\" And she gave him a loaf of bread which never grew smaller, however much was "
    "eaten of it.\n\n"
    "When Tom came home his brothers laughed at the loaf, until they had eaten of it for a year and a day. Then they "
    "were ashamed, and from that time on the door of the mill was open to everyone who was hungry. And if the river has "
    "not run dry, the wheel of the mill is turning still.\n";

int passage_read(passage *p, const command *c, int n, char **operands, const char *fallback)
{
    const char *argument = n ? operands[0] : NULL;
    const int given = (argument != NULL) + (prompt != NULL) + (passage_file != NULL);
    *p = (passage){0};
    if (given > 1) return usage(c, "two texts; give one, as an argument, with --prompt or with --prompt-file");
    if (passage_as_ids && !given) return usage(c, "--ids without a text");
    if (passage_file || (argument && !strcmp(argument, "-")) || (!given && !fallback && !on_terminal(0)))
        return input_text(&p->text, &p->bytes, passage_file ? passage_file : "-");
    if (!given && !fallback) return usage(c, "no text; give it as an argument, with --prompt or with --prompt-file");
    p->text = strdup(argument ? argument : prompt ? prompt : fallback);
    p->bytes = p->text ? strlen(p->text) : 0;
    return p->text ? 0 : complain("out of memory");
}

int passage_encode(passage *p, const engine *e, int least)
{
    const int n = passage_as_ids ? input_ids(&p->ids, p->text, p->bytes, "--ids")
                                 : engine_encode(e->tokenizer, 1, p->text, p->bytes, &p->ids);
    if (n < 0) return 1;
    if (n < least)
        return least == 1 ? complain("the text has no tokens")
                          : complain("the text has %d tokens; at least %d are needed", n, least);
    for (int i = 0; i < n; i++)
        if (p->ids[i] < 0 || p->ids[i] >= e->about->vocab)
            return complain("token %d is %d; the model's ids are 0 to %d", i, (int)p->ids[i], e->about->vocab - 1);
    p->n = n;
    return 0;
}

void passage_free(passage *p)
{
    free(p->ids);
    free(p->text);
    *p = (passage){0};
}

void passage_label(char *out, size_t capacity, const engine *e, int32_t id)
{
    size_t bytes = 0;
    const char *text = e->tokenizer ? wkv_token_bytes(e->tokenizer, id, &bytes) : NULL;
    if (!text || !bytes) {
        snprintf(out, capacity, e->tokenizer ? "<%d>" : "%d", (int)id);
        return;
    }
    json_t *valid = json_stringn(text, bytes); /* NULL: bytes that are no UTF-8 */
    if (valid)
        snprintf(out, capacity, "%.*s", (int)bytes, text);
    else
        for (size_t i = 0, at = 0; i < bytes && at + 5 < capacity; i++)
            at += (size_t)snprintf(out + at, capacity - at, "\\x%02X", (unsigned char)text[i]);
    json_decref(valid);
}
