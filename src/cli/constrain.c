/* constrain.c - the grammar of the options of constrained output. */
#include "constrain.h"
#include "input.h"
#include "say.h"
#include <stdlib.h>
#include <string.h>

static const char *schema, *regex, *grammar;

static const option constrain_options[] = {
    {0, "json-schema", OPT_TEXT, "SCHEMA", &schema, 0, 0, "",
     "generate JSON of this schema: its text, if it begins with {, or a file; - is standard input"},
    {0, "regex", OPT_TEXT, "REGEX", &regex, 0, 0, "", "generate a text of this regular expression"},
    {0, "grammar", OPT_TEXT, "GBNF", &grammar, 0, 0, "",
     "generate a text of this grammar: its text, if it contains ::=, or a file"}};
const group constrain_group = GROUP("Constrained output", constrain_options);

int constrain_is_on(void) { return schema || regex || grammar; }

static int compile(wkv_grammar **out, wkv_grammar_kind kind, const char *shown, const char *text, size_t bytes,
                   const engine *e)
{
    if (!wkv_grammar_new(out, kind, text, bytes, e->tokenizer)) return 0;
    return complain("%s: %s", shown, wkv_error());
}

static int compile_file(wkv_grammar **out, wkv_grammar_kind kind, const char *path, const engine *e)
{
    char *text;
    size_t bytes;
    int status = input_text(&text, &bytes, path);
    if (status) return status;
    status = compile(out, kind, path, text, bytes, e);
    free(text);
    return status;
}

int constrain_find(wkv_grammar **out, const command *c, const engine *e)
{
    *out = NULL;
    if ((schema != NULL) + (regex != NULL) + (grammar != NULL) > 1)
        return usage(c, "--json-schema, --regex and --grammar are mutually exclusive");
    if (regex) return compile(out, WKV_GRAMMAR_REGEX, "--regex", regex, strlen(regex), e);
    if (grammar && strstr(grammar, "::="))
        return compile(out, WKV_GRAMMAR_GBNF, "--grammar", grammar, strlen(grammar), e);
    if (grammar) return compile_file(out, WKV_GRAMMAR_GBNF, grammar, e);
    if (!schema) return 0;
    if (schema[strspn(schema, " \t\r\n")] == '{')
        return compile(out, WKV_GRAMMAR_JSON_SCHEMA, "--json-schema", schema, strlen(schema), e);
    return compile_file(out, WKV_GRAMMAR_JSON_SCHEMA, schema, e);
}
