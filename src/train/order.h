/* order.h - which piece of the text comes next: all that a resumed run must know is how many were given out. */
#ifndef WKV_TRAIN_ORDER_H
#define WKV_TRAIN_ORDER_H

#include <stdint.h>

/* Of a text, pieces of `context` tokens and the one after, or of samples. Two orders:
 *   epochs  every one once an epoch, shuffled anew each time, of a text with the cuts moved;
 *   magic   the official one (docs/training.md 10): piece ii = 1, 2, ... is number (phi ii^3 mod p), p the magic prime;
 *           each of p pieces once in p. */
typedef struct {
    int64_t n; /* tokens of the text, from the first, that are read; 0: samples */
    int context;
    uint64_t seed;
    int64_t given, epoch;  /* pieces given out; the epoch of the last one, from 0  */
    int64_t chunks, shift; /* pieces or samples of an epoch; where the first piece begins */
    uint32_t *shuffled;
    int64_t prime, phi; /* magic; 0: epochs                                     */
} order;

/* WKV_EARG: too few tokens for one piece. WKV_ENOMEM. */
int order_init(order *o, int64_t n, int context, uint64_t seed, int magic);
int order_init_samples(order *o, int count, uint64_t seed);
void order_release(order *o);
/* The next one: the place of its first token, or the number of the sample. */
int64_t order_next(order *o);
void order_seek(order *o, int64_t given);

/* Largest prime of the form 3 k + 2 that is not above (n / context) - 1; 0: there is none. Its phi. */
int64_t magic_prime(int64_t n, int context);
int64_t magic_phi(int64_t prime);
int64_t magic_piece(int64_t prime, int64_t phi, int64_t ii);

#endif
