/* seeds.h - the sound files that mutants are made of: those of tests/golden and tests/fuzz/seeds, and others made of
 * them. */
#ifndef WKV_FUZZ_SEEDS_H
#define WKV_FUZZ_SEEDS_H

#include "mutation.h"

typedef struct {
    sound *list;
    int n;
} seeds;

/* Read and make them; folders for so many processes in `folder`. Not 0 after a sentence. */
int seeds_load(seeds *all, const char *folder, int processes);
void seeds_free(seeds *all);
/* Kinds of files are as frequent as there is to find in them, for any number of seeds. */
const sound *seeds_choose(const seeds *all, rng *r);
/* From now on files are in the scratch folder of one process. */
void seeds_enter(seeds *all, const char *scratch);
void seeds_write_bin(const char *scratch); /* the tokens beside an index of them */

#endif
