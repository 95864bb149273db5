/* communicator.h - processes that train together: what they tell each other beside gradients and weights. NULL is one process
 * alone, which has nobody to tell. */
#ifndef WKV_TRAIN_RANKS_H
#define WKV_TRAIN_RANKS_H

#include "wkv_train.h"

/* Those of the options; NULL when this process is the only one. */
const wkv_communicator *communicator_of(const wkv_train_options *o);

/* A host gives all functions, or none. */
int communicator_check(const wkv_communicator *r);
int communicator_count(const wkv_communicator *r);
int communicator_lead(const wkv_communicator *r); /* this is the one that writes and speaks */

/* x becomes its sum over all. */
void communicator_add(const wkv_communicator *r, double *x, int n);

/* x becomes what it is in the process that leads. */
void communicator_follow(const wkv_communicator *r, void *x, size_t bytes);

/* What the calls since the last time came to: 0, or the failure, with its sentence, of the first process that has
 * one. */
int communicator_agree(const wkv_communicator *r, int err);
/* The same, and at most 4 numbers become their sums over all. */
int communicator_agree_on(const wkv_communicator *r, int err, double *x, int n);

/* Threads and bytes of this machine for one of the processes on it. */
int communicator_threads(const wkv_communicator *r, int threads);
size_t communicator_memory(const wkv_communicator *r, size_t bytes);

#endif
