/* mpirun.c - wkv_communicator over MPI-3: nonblocking collectives in chunks.
 *
 * Operations wait in a queue with a bounded number of chunks in flight. This bounds MPI's own buffers, so that a
 * gradient of any size can be started at once. MPI matches collectives by their order, and the queue has the same order
 * in all processes. */
#include "mpirun.h"
#include "say.h"
#include <stdlib.h>
#include <string.h>

/* The number in the first of these environment variables that is set; else -1. */
static long surroundings(const char *const *names)
{
    for (; *names; names++)
        if (getenv(*names)) return strtol(getenv(*names), NULL, 10);
    return -1;
}

static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", NULL};
static const char *const places[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", NULL};

#ifdef HAVE_MPI
#include <mpi.h>

const char mpi_how[] = "start several with mpirun -n 4 wkv train ... or tune ...";

enum { PIECE_BYTES = 1 << 22, UNDER_WAY = 16, MOST = 4096 };

typedef struct {
    char *x;
    int n;          /* floats to sum, or bytes to broadcast */
    int adds, root; /* root -1: allreduce */
} chunk;

static chunk queue[MOST];
static MPI_Request request[UNDER_WAY]; /* of chunk i: i % UNDER_WAY */
static int rank, queued, begun, done;

static void begin(const chunk *p, MPI_Request *to)
{
    if (!p->adds)
        MPI_Ibcast(p->x, p->n, MPI_BYTE, p->root, MPI_COMM_WORLD, to);
    else if (p->root < 0)
        MPI_Iallreduce(MPI_IN_PLACE, p->x, p->n, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, to);
    else if (p->root == rank)
        MPI_Ireduce(MPI_IN_PLACE, p->x, p->n, MPI_FLOAT, MPI_SUM, p->root, MPI_COMM_WORLD, to);
    else
        MPI_Ireduce(p->x, NULL, p->n, MPI_FLOAT, MPI_SUM, p->root, MPI_COMM_WORLD, to);
}

static void begin_more(void)
{
    for (; begun < queued && begun - done < UNDER_WAY; begun++) begin(&queue[begun], &request[begun % UNDER_WAY]);
}

static void make_progress(void *user)
{
    (void)user;
    for (int over = 1; done < begun && over; done += over)
        MPI_Test(&request[done % UNDER_WAY], &over, MPI_STATUS_IGNORE);
    begin_more();
}

static void wait_all(void *user)
{
    (void)user;
    for (; done < queued; done++) {
        begin_more();
        MPI_Wait(&request[done % UNDER_WAY], MPI_STATUS_IGNORE);
    }
    queued = begun = done = 0;
}

static void put_in_queue(char *x, size_t n, size_t size, int adds, int root)
{
    for (size_t most = PIECE_BYTES / size; n;) {
        size_t count = n < most ? n : most;
        if (queued == MOST) wait_all(NULL);
        queue[queued++] = (chunk){.x = x, .n = (int)count, .adds = adds, .root = root};
        x += count * size;
        n -= count;
    }
    begin_more();
}

static void reduce(void *user, float *x, size_t n, int to)
{
    (void)user;
    put_in_queue((char *)x, n, sizeof *x, 1, to);
}

static void broadcast(void *user, void *x, size_t bytes, int from)
{
    (void)user;
    put_in_queue(x, bytes, 1, 0, from);
}

/* summed in one process, so that all get the same bits */
static void allreduce(void *user, double *x, int n)
{
    (void)user;
    MPI_Reduce(rank ? x : MPI_IN_PLACE, x, n, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    MPI_Bcast(x, n, MPI_DOUBLE, 0, MPI_COMM_WORLD);
}

int mpi_begin(wkv_communicator *r)
{
    *r = (wkv_communicator){.count = 1};
    if (surroundings(places) < 0) return 0;
    int threads;
    MPI_Comm here;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &threads);
    *r = (wkv_communicator){.allreduce = allreduce,
                            .reduce = reduce,
                            .broadcast = broadcast,
                            .progress = make_progress,
                            .wait_all = wait_all};
    MPI_Comm_rank(MPI_COMM_WORLD, &r->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &r->count);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
    MPI_Comm_size(here, &r->local_count);
    MPI_Comm_free(&here);
    rank = r->rank;
    if (r->count > 1 || surroundings(sizes) <= 1) return 0;
    if (!surroundings(places))
        complain(
            "%ld processes were started by a different MPI than wkv's and cannot connect; use the mpirun of the MPI "
            "that wkv was built with",
            surroundings(sizes));
    mpi_end(r);
    return 1;
}

void mpi_end(const wkv_communicator *r)
{
    if (r->allreduce) MPI_Finalize();
}

#else

const char mpi_how[] =
    "install Open MPI (Debian and Ubuntu: libopenmpi-dev and openmpi-bin; Fedora: openmpi-devel), and "
    "build wkv again after make clean";

int mpi_begin(wkv_communicator *r)
{
    *r = (wkv_communicator){.count = 1};
    if (surroundings(places) < 0 || surroundings(sizes) == 1) return 0;
    if (surroundings(places)) return 1;
    return complain("this wkv was built without MPI, so each process would train its own model: %s", mpi_how);
}

void mpi_end(const wkv_communicator *r) { (void)r; }

#endif
