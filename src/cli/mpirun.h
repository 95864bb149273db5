/* mpirun.h - `mpirun wkv train` and `tune`: the processes of one run and their communicator. */
#ifndef WKV_CLI_MPIRUN_H
#define WKV_CLI_MPIRUN_H

#include "wkv_train.h"

/* The processes started together with this one; count 1 without mpirun. Returns an exit status: 1, with an error
 * message from rank 0, if wkv or its MPI cannot reach the others. */
extern const char mpi_how[]; /* advice for a single process */
int mpi_begin(wkv_communicator *r);
void mpi_end(const wkv_communicator *r);

#endif
