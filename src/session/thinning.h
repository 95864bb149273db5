/* thinning.h - the states of one text that are worth their memory.
 *
 * An edit d ids before the end reads d ids again in any case, so a state that is a part of d further away is near
 * enough: the farther from the end, the fewer states. Kept are the last RECENT, of the others OCTAVE for each
 * doubling of the distance from the end, and every junction: RECENT + OCTAVE log2(n) beside the junctions, for n
 * ids. */
#ifndef WKV_SESSION_THINNING_H
#define WKV_SESSION_THINNING_H

#include "session/session.h"

enum { THINNING_RECENT = 16, THINNING_OCTAVE = 4 };

/* Choose among n places, ascending, in a text of `end` ids; drop[i] becomes 1 for those that are dropped, else 0. */
void thinning_choose(char *drop, const place *places, int n, int end);

#endif
