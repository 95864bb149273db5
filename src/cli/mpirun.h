/* mpirun.h - `mpirun wkv train` and tune: the processes of one run, and how they talk. */
#ifndef WKV_CLI_MPIRUN_H
#define WKV_CLI_MPIRUN_H

#include "wkv_train.h"

/* The processes this one was started with: count 1 when it was started alone. Returns an exit status: 1, with a
 * sentence from the first process, when wkv or its MPI cannot talk to the others that are there. */
extern const char mpi_how[]; /* how to get there from a process that is alone */
int mpi_begin(wkv_communicator *r);
void mpi_end(const wkv_communicator *r);

#endif
