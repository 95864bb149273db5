/* sampling.h - the options that say how the next token is drawn, shared by generate and chat. */
#ifndef WKV_CLI_SAMPLING_H
#define WKV_CLI_SAMPLING_H

#include "engine.h"

extern const group sampling_group;

/* Settings before parsing. Presence and frequency may be NAN: then they are `penalty` where tokens are words or parts of words,
 * and 0 where tokens are bytes or characters, which a text cannot help repeating. */
void sampling_defaults(float temperature, float top_p, float penalty);

/* The sampler that the options describe. Returns 0, 1 after a sentence or 2 after one about usage. */
int sampling_make(wkv_sampler **out, const command *c, const engine *e);
uint64_t sampling_seed(void);

#endif
