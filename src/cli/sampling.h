/* sampling.h - the options that say how the next token is drawn, shared by generate and chat. */
#ifndef WKV_CLI_SAMPLING_H
#define WKV_CLI_SAMPLING_H

#include "engine.h"

extern const group sampling_group;

/* Settings before parsing: none given. The help shows p's values, or `unknown` for those that depend on the model. */
void sampling_defaults(const wkv_profile *p, const char *unknown);

/* The sampler of the options; settings not given are p's. Returns 0, 1 after a sentence or 2 after one about usage. */
int sampling_make(wkv_sampler **out, const command *c, const engine *e, const wkv_profile *p);
uint64_t sampling_seed(void);

/* "temperature 1, top-p 0.3, no penalties"; and a note that says so of the sampler made last, with the name of its
 * profile. */
enum { SAMPLING_WORDS = 200 };
void sampling_words(char out[SAMPLING_WORDS], const wkv_sampler_options *o);
void sampling_note(void);

#endif
