/* singular.h - orthonormal vectors, and the principal singular vectors of a matrix. */
#ifndef WKV_TRAIN_SINGULAR_H
#define WKV_TRAIN_SINGULAR_H

#include "ops/device.h"

/* n vectors of m >= n numbers, one after another, made orthonormal in order; a vector of zeros stays one. Gram-Schmidt
 * leaves a positive diagonal in R, which is the sign that torch.nn.init.orthogonal_ gives its QR. In double once is
 * enough for random vectors. */
void orthonormalise(double *q, int n, int m);

/* The first `rank` singular triples (u, s, v) of the map w, of type REAL: a [rank, in] has the rows sqrt(s) v', b [out,
 * rank] the columns sqrt(s) u, so that b a is nearly the matrix of this rank closest to w. They are found by random
 * projection with power iterations (Halko, Martinsson and Tropp, arXiv 0909.4061, algorithms 4.4 and 5.1), as PiSSA
 * (arXiv 2404.02948) and RWKV-PEFT do. The same seed gives the same bits with any number of threads. WKV_ENOMEM. */
int singular_vectors(real *a, real *b, const tensor *w, int rank, uint64_t seed, device *d);

#endif
