/* passage.h - the text that a measure of a model reads: an argument, --prompt, --prompt-file, or a built-in one. */
#ifndef WKV_CLI_PASSAGE_H
#define WKV_CLI_PASSAGE_H

#include "engine.h"

extern const group passage_group; /* --prompt, --prompt-file, --ids */
extern const char *passage_file;  /* of --prompt-file; NULL: not given */
extern int passage_as_ids;        /* --ids */

typedef struct {
    char *text;
    size_t bytes;
    int32_t *ids; /* all within the vocabulary */
    int n;
} passage;

/* Read the text. `fallback`: if none is given; NULL: standard input, and on a terminal an error of usage of the
 * command. Returns 0, or the exit status after an error message. */
int passage_read(passage *p, const command *c, int n, char **operands, const char *fallback);
/* Its ids, at least `least`. Returns 0, or 1 after an error message. */
int passage_encode(passage *p, const engine *e, int least);
void passage_free(passage *p);

/* A token as a label: its bytes, or \xNN where they are no text, or its id without a vocabulary. */
void passage_label(char *out, size_t capacity, const engine *e, int32_t id);

/* Four paragraphs of English, written for this program. */
extern const char passage_sample[];

#endif
