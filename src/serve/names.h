/* names.h - random names of answers and requests. */
#ifndef WKV_SERVE_NAMES_H
#define WKV_SERVE_NAMES_H

#include <stdint.h>

void random_name(char out[32]); /* 26 characters, a-z and 2-7, of 130 random bits */
uint64_t random_seed_of(void);

#endif
