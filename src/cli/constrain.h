/* constrain.h - the options of constrained output: a JSON schema, a regular expression or a grammar. */
#ifndef WKV_CLI_CONSTRAIN_H
#define WKV_CLI_CONSTRAIN_H

#include "engine.h"
#include "wkv_grammar.h"

extern const group constrain_group;

/* Is one of the options given? */
int constrain_is_on(void);

/* The grammar of the options for the model's tokenizer, which the caller frees; NULL without one. Returns 0, 1 after an
 * error message, or 2 after one about usage. */
int constrain_find(wkv_grammar **out, const command *c, const engine *e);

#endif
