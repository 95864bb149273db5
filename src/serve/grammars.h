/* grammars.h - the compiled grammars of an engine: clients send the same schema or tools with every request. */
#ifndef WKV_SERVE_GRAMMARS_H
#define WKV_SERVE_GRAMMARS_H

#include "engine.h"

typedef struct grammar grammar;

/* The grammar of a request's answers, to be released; NULL where any text may come. Returns 0, or -1 with the problem:
 * the schema or the parameters are not supported. */
int grammars_take(grammar **out, engine *e, const request *r, problem *p);
wkv_grammar *grammars_of(const grammar *g); /* NULL: any text */
void grammars_release(grammar *g);
void grammars_close(engine *e);

#endif
