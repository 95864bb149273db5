/* wkv_grammar.h - constrained output: JSON Schema, a regular expression or GBNF as a mask of the ids that may come
 * next.
 *
 *     wkv_grammar *g;  wkv_matcher *m;
 *     wkv_grammar_new(&g, WKV_GRAMMAR_JSON_SCHEMA, schema, strlen(schema), tokenizer);  wkv_matcher_new(&m, g);
 *     while (wkv_matcher_complete(m) < 2) {
 *         wkv_matcher_mask(m, mask, 0);
 *         id = wkv_sample_masked(sampler, logits, mask);
 *         if (id == wkv_tokenizer_end(tokenizer)) break;
 *         wkv_matcher_accept(m, id);
 *     }
 *
 * An answer of a session does this by itself: wkv_generation.grammar (wkv_session.h). docs/constrained.md describes the
 * three languages and the form of the output.
 *
 * Conventions are those of wkv.h. */
#ifndef WKV_GRAMMAR_H
#define WKV_GRAMMAR_H

#include "wkv.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { WKV_GRAMMAR_JSON_SCHEMA, WKV_GRAMMAR_REGEX, WKV_GRAMMAR_GBNF } wkv_grammar_kind;

/* A grammar for the words of one tokenizer. Many matchers may use it, on one thread at a time: it keeps the masks that
 * it has found. */
typedef struct wkv_grammar wkv_grammar;

/* The text is copied, the tokenizer borrowed. A regular expression is for the whole output. WKV_EFORMAT: the text is
 * not of its language; WKV_EUNSUPPORTED: it is, but has a part that is not supported, which the sentence names, or no
 * output satisfies it; WKV_ENOMEM. */
WKV_API int wkv_grammar_new(wkv_grammar **out, wkv_grammar_kind kind, const char *text, size_t bytes,
                            const wkv_tokenizer *t);
WKV_API void wkv_grammar_free(wkv_grammar *g); /* after its matchers */

/* The tokens of the shortest output, without the id that ends a text: an answer with fewer cannot be complete. */
WKV_API int wkv_grammar_shortest(const wkv_grammar *g);

/* The place of one answer in a grammar. */
typedef struct wkv_matcher wkv_matcher;

WKV_API int wkv_matcher_new(wkv_matcher **out, wkv_grammar *g);
WKV_API void wkv_matcher_free(wkv_matcher *m);

/* The ids that may come next, bit id % 64 of mask[id / 64], of (wkv_tokenizer_size + 63) / 64 words. The id that ends a
 * text is one of them where the output is complete. left: tokens that the answer may still have, this one included; ids
 * after which too few are left for a complete output are excluded; 0: no limit. WKV_EARG: `left` is less than the
 * shortest rest of the output; WKV_ENOMEM. */
WKV_API int wkv_matcher_mask(wkv_matcher *m, uint64_t *mask, int left);

/* WKV_EARG: the id may not come here; nothing has changed. WKV_ENOMEM */
WKV_API int wkv_matcher_accept(wkv_matcher *m, int32_t id);

/* 0: the output is not complete; 1: it is, and may continue; 2: it is, and nothing else may come. */
WKV_API int wkv_matcher_complete(const wkv_matcher *m);

#ifdef __cplusplus
}
#endif
#endif
