/* order.h - order of the training sequences, a function of the number of sequences read so far. */
#ifndef WKV_TRAIN_ORDER_H
#define WKV_TRAIN_ORDER_H

#include <stdint.h>

/* Sequences are `context` tokens of a text and the next one, or samples. Two orders:
 *   epochs  each sequence once per epoch, reshuffled every epoch, with shifted boundaries in a text;
 *   magic   the official order (docs/training.md 10): ii = 1, 2, ... is sequence (phi ii^3 mod p), p the magic prime;
 *           each of p sequences once in p. */
typedef struct {
    int64_t n; /* tokens of the text to read, from the first; 0: samples */
    int context;
    uint64_t seed;
    int64_t given, epoch;  /* sequences read; the epoch of the last one, from 0  */
    int64_t chunks, shift; /* sequences per epoch; start of the first one */
    uint32_t *shuffled;
    int64_t prime, phi; /* magic; 0: epochs                                     */
} order;

/* WKV_EARG: too few tokens for one sequence. WKV_ENOMEM. */
int order_init(order *o, int64_t n, int context, uint64_t seed, int magic);
int order_init_samples(order *o, int count, uint64_t seed);
void order_release(order *o);
/* The next sequence: index of its first token, or of the sample. */
int64_t order_next(order *o);
void order_seek(order *o, int64_t given);

/* Magic prime: the largest prime 3 k + 2 of at most (n / context) - 1; 0: none. Its phi. */
int64_t magic_prime(int64_t n, int context);
int64_t magic_phi(int64_t prime);
int64_t magic_piece(int64_t prime, int64_t phi, int64_t ii);

#endif
