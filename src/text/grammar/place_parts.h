/* place_parts.h - frames and threads, of which places are made; inside place.h. */
#ifndef WKV_TEXT_GRAMMAR_PLACE_PARTS_H
#define WKV_TEXT_GRAMMAR_PLACE_PARTS_H

#include "base/hash.h"
#include "text/grammar/place.h"

/* Room for n more elements of `size` bytes in the array at *at; 0: no memory, which is kept in p->err. */
int places_reserve(places *p, void *at, int *cap, int used, int n, size_t size);

void places_begin_frames(places *p); /* with frame 0 */
/* The frame of an iteration; 0: no memory. */
int places_push(places *p, int loop_index, int count, int around);

/* The threads of a place are found in p->found: begin, visit states, close; or add threads as they are. places_reduce
 * leaves out those that another one of the same state includes, and returns their number. */
void places_begin(places *p);
void places_visit(places *p, int at, int frame_index, int fresh); /* fresh: frames on the top without a byte yet */
void places_close(places *p);
void places_add_thread(places *p, int at, int frame_index);
int places_reduce(places *p);
/* The least tokens that end the output from a state on. */
int64_t places_tokens(const places *p, int at, int frame_index);

#endif
