/* grammars.c - a list of grammars, of which those that no answer uses leave when there are many. */
#include "grammars.h"
#include <stdlib.h>
#include <string.h>

enum { MOST = 16 };

struct grammar {
    grammar *next; /* used before this one */
    char *key;     /* the request's part that it is of */
    wkv_grammar *of;
    int users;
};

static char *key_of(const request *r)
{
    out o = {0};
    out_format(&o, "%d %d %d %s\n%s\n", r->think, r->must_call, r->one_call, r->function ? r->function : "",
               r->schema ? r->schema : "");
    out_text(&o, r->tools_text ? r->tools_text : "");
    out_put(&o, "", 1);
    if (o.failed) out_release(&o);
    return o.at;
}

static void drop(grammar *g)
{
    wkv_grammar_free(g->of);
    free(g->key);
    free(g);
}

static void drop_unused(engine *e)
{
    int n = 0;
    for (grammar **at = &e->grammars; *at;) {
        grammar *g = *at;
        if (++n <= MOST || g->users) {
            at = &g->next;
            continue;
        }
        *at = g->next;
        drop(g);
    }
}

static int compile(grammar *g, const engine *e, const request *r, problem *p)
{
    const wkv_answer_form form = {.how = e->how,
                                  .think = r->think,
                                  .tools = r->tools,
                                  .function = r->function,
                                  .must_call = r->must_call,
                                  .one_call = r->one_call,
                                  .schema = r->schema};
    const char *field = r->schema ? "response_format" : "tools";
    const int err = r->n_messages
                        ? wkv_grammar_answer(&g->of, &form, e->tokenizer)
                        : wkv_grammar_new(&g->of, WKV_GRAMMAR_JSON_SCHEMA, r->schema, strlen(r->schema), e->tokenizer);
    if (err == WKV_EFORMAT || err == WKV_EUNSUPPORTED)
        return refuse(p, 400, field, "unsupported_schema", "%s: %.400s", field, wkv_error());
    return err ? refuse_library(p, err, field) : 0;
}

int grammars_take(grammar **found, engine *e, const request *r, problem *p)
{
    *found = NULL;
    if (!r->tools && !r->schema) return 0;
    char *key = key_of(r);
    grammar **at = &e->grammars, *g;
    while (key && *at && strcmp((*at)->key, key)) at = &(*at)->next;
    if ((g = key ? *at : NULL)) {
        *at = g->next;
        free(key);
    } else {
        if (!key || !(g = calloc(1, sizeof *g))) {
            free(key);
            return refuse(p, 503, NULL, "out_of_memory", "no memory for a grammar");
        }
        g->key = key;
        if (compile(g, e, r, p)) {
            drop(g);
            return -1;
        }
    }
    g->next = e->grammars, e->grammars = g;
    g->users++;
    drop_unused(e);
    *found = g;
    return 0;
}

wkv_grammar *grammars_of(const grammar *g) { return g ? g->of : NULL; }

void grammars_release(grammar *g)
{
    if (g) g->users--;
}

void grammars_close(engine *e)
{
    while (e->grammars) {
        grammar *g = e->grammars;
        e->grammars = g->next;
        drop(g);
    }
}
