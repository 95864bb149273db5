/* communicator.h - exchange between training processes other than gradients and weights. NULL: a single process, every
 * call returns at once. */
#ifndef WKV_TRAIN_COMMUNICATOR_H
#define WKV_TRAIN_COMMUNICATOR_H

#include "wkv_train.h"

/* The communicator of the options; NULL if this process is the only one. */
const wkv_communicator *communicator_of(const wkv_train_options *o);

/* WKV_EARG: a function is missing, or rank or count is invalid. */
int communicator_check(const wkv_communicator *r);
int communicator_count(const wkv_communicator *r);
int communicator_lead(const wkv_communicator *r); /* process 0, or the only one: it writes files and calls report */

/* All-reduce: x becomes the sum over all processes. */
void communicator_add(const wkv_communicator *r, double *x, int n);

/* Broadcast x from process 0. */
void communicator_follow(const wkv_communicator *r, void *x, size_t bytes);

/* Agree on an error: 0 if no process has one, else the error code and message of the first process with one. */
int communicator_agree(const wkv_communicator *r, int err);
/* The same, and all-reduce at most 4 numbers. */
int communicator_agree_on(const wkv_communicator *r, int err, double *x, int n);

/* Threads and bytes of memory for each process on this machine. */
int communicator_threads(const wkv_communicator *r, int threads);
size_t communicator_memory(const wkv_communicator *r, size_t bytes);

#endif
