/* place.h - the places of an output in an automaton.
 *
 * A thread is a state that reads bytes, and the frames of the loops that run there. A place is a set of threads, each
 * set once, with the places that follow its bytes, as they become known: so a walk over words is one look-up a byte. */
#ifndef WKV_TEXT_GRAMMAR_PLACE_H
#define WKV_TEXT_GRAMMAR_PLACE_H

#include "text/grammar/automaton.h"

/* An iteration that runs: number `count` (from 1; of a loop without a limit not more than its min, or 1), and the frame
 * around it. Frame 0 is around all. Each content exists once. */
typedef struct {
    int loop, count, around;
    int depth;      /* frames around it */
    uint32_t loops; /* a hash of its loop and those around it */
    int64_t tokens; /* the least that end the output once this iteration has ended */
    int64_t whole;  /* the least from its beginning on */
} frame;

typedef struct {
    int state, frame;
} thread;

typedef struct {
    int first, n; /* threads[first .. first + n), in order */
    int complete; /* the output may end here */
    uint32_t hash;
    int64_t tokens;    /* the least that end the output */
    int row;           /* of the next places; -1: none yet */
    int answer;        /* of mask.c; -1: none yet */
    uint64_t bytes[4]; /* those that may come, if has_bytes */
    int has_bytes;
    uint64_t seen[4]; /* bytes that a walk has followed */
    int walk;         /* its number                     */
} place;

enum { NO_PLACE = -1, UNKNOWN_PLACE = -2 };

typedef int place_row[256];

typedef struct {
    int state, frame, fresh;
    uint32_t turn;
} visit;

typedef struct {
    const automaton *a;
    frame *frames;
    thread *threads, *found;
    place *places;
    place_row *rows;
    visit *todo, *seen;
    int *frame_table, *place_table;
    int n_frames, n_threads, n_places, n_rows, n_found, n_todo, n_seen;
    int cap_frames, cap_threads, cap_places, cap_rows, cap_found, cap_todo, cap_seen, cap_frame_table, cap_place_table;
    uint32_t turn; /* of `seen` */
    int complete;  /* of the place that is being found */
    int64_t least; /* tokens that end the output for one of the threads found */
    int64_t most;  /* those of a thread that is left out                      */
    int err;       /* WKV_ENOMEM, for good */
} places;

/* The places of an automaton, which must outlive them. *start: the place before the output. WKV_ENOMEM */
int places_init(places *p, const automaton *a, int *start);
void places_release(places *p);

/* The place after a byte, or NO_PLACE: it may not come, or no memory (p->err). */
int places_find_next(places *p, int at, unsigned char byte);
static inline int places_next(places *p, int at, unsigned char byte)
{
    const int row = p->places[at].row, next = row >= 0 ? p->rows[row][byte] : UNKNOWN_PLACE;
    return next != UNKNOWN_PLACE ? next : places_find_next(p, at, byte);
}

/* The place of a loop's exit in the frame around it, that of some threads of another place, and that after the output.
 * */
int places_after(places *p, int state, int frame);
int places_of(places *p, const thread *threads, int n);
int places_end(places *p);

/* The bytes that may come, 256 bits. */
const uint64_t *places_bytes(places *p, int at);

size_t places_size(const places *p); /* bytes in use */
/* Forget all places but those at[0 .. n), which get new numbers. WKV_ENOMEM: nothing has changed. */
int places_compact(places *p, int *at, int n);

#endif
