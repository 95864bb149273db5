/* sampling.h - the sampling options, shared by generate and chat. */
#ifndef WKV_CLI_SAMPLING_H
#define WKV_CLI_SAMPLING_H

#include "engine.h"

extern const group sampling_group;

/* Reset the settings before parsing. The help prints p's values, or `unknown` for those that depend on the model. */
void sampling_defaults(const wkv_profile *p, const char *unknown);

/* The settings of the options; missing ones come from p. Borrowed, until the next call. Returns 0, 1 after an error
 * message, or 2 after one about usage. */
int sampling_find(const wkv_sampler_options **out, const command *c, const engine *e, const wkv_profile *p);
uint64_t sampling_seed(void);

/* Go on with this seed, unless --seed has given another one: then 1. */
int sampling_resume(uint64_t seed);

/* Keep the settings, and put them back after a change that was refused. */
void sampling_keep(void);
void sampling_restore(void);

/* "temperature 1, top-p 0.3, no penalties"; and a note with the settings and profile name found last. */
enum { SAMPLING_WORDS = 200 };
void sampling_words(char out[SAMPLING_WORDS], const wkv_sampler_options *o);
void sampling_note(void);

#endif
