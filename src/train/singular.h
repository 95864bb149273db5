/* singular.h - orthonormalization, and the principal singular vectors of a matrix. */
#ifndef WKV_TRAIN_SINGULAR_H
#define WKV_TRAIN_SINGULAR_H

#include "ops/device.h"

/* Orthonormalize n contiguous vectors of m >= n numbers in order; zero vectors stay zero. Gram-Schmidt gives R a
 * positive diagonal, as torch.nn.init.orthogonal_ does for its QR. In double, one pass is enough for random vectors. */
void orthonormalise(double *q, int n, int m);

/* The first `rank` singular triples (u, s, v) of the map w, of type REAL: a [rank, in] has the rows sqrt(s) v', b [out,
 * rank] the columns sqrt(s) u, so b a is nearly the best approximation of w of this rank. The method is random
 * projection with power iterations (Halko, Martinsson and Tropp, arXiv 0909.4061, algorithms 4.4 and 5.1), as PiSSA
 * (arXiv 2404.02948) and RWKV-PEFT do. The same seed gives the same bits with any number of threads. WKV_ENOMEM. */
int singular_vectors(real *a, real *b, const tensor *w, int rank, uint64_t seed, device *d);

#endif
