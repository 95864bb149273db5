/* communicator.c - agreement between training processes. */
#include "train/communicator.h"
#include "base/error.h"
#include "base/thread.h"
#include <stdio.h>

const wkv_communicator *communicator_of(const wkv_train_options *o)
{
    return o->communicator && o->communicator->count > 1 ? o->communicator : NULL;
}

int communicator_check(const wkv_communicator *r)
{
    if (!r || r->count <= 1) return 0;
    if (r->rank < 0 || r->rank >= r->count)
        return fail(WKV_EARG, "rank %d of %d processes; ranks are 0 to count - 1", r->rank, r->count);
    if (r->allreduce && r->reduce && r->broadcast && r->progress && r->wait_all) return 0;
    return fail(WKV_EARG, "%d processes, but a function of their communicator is NULL", r->count);
}

int communicator_count(const wkv_communicator *r) { return r ? r->count : 1; }

int communicator_lead(const wkv_communicator *r) { return !r || r->rank == 0; }

void communicator_add(const wkv_communicator *r, double *x, int n)
{
    if (r) r->allreduce(r->user, x, n);
}

static void broadcast(const wkv_communicator *r, int from, void *x, size_t bytes)
{
    r->broadcast(r->user, x, bytes, from);
    r->wait_all(r->user);
}

void communicator_follow(const wkv_communicator *r, void *x, size_t bytes)
{
    if (r) broadcast(r, 0, x, bytes);
}

int communicator_agree(const wkv_communicator *r, int err) { return communicator_agree_on(r, err, NULL, 0); }

int communicator_agree_on(const wkv_communicator *r, int err, double *x, int n)
{
    enum { MOST = 4 };
    double sums[MOST + 1] = {err != 0}; /* error flags, then x */
    CHECK(n <= MOST);
    if (!r) return err;
    for (int i = 0; i < n; i++) sums[i + 1] = x[i];
    r->allreduce(r->user, sums, n + 1);
    for (int i = 0; i < n; i++) x[i] = sums[i + 1];
    for (int i = 0; sums[0] > 0 && i < r->count; i++) {
        int code = err;
        broadcast(r, i, &code, sizeof code);
        if (!code) continue;
        char text[1024];
        snprintf(text, sizeof text, "%s", wkv_error());
        broadcast(r, i, text, sizeof text);
        return i ? fail(code, "process %d: %s", i, text) : fail(code, "%s", text);
    }
    return 0;
}

static int local_count(const wkv_communicator *r) { return r && r->local_count > 1 ? r->local_count : 1; }

int communicator_threads(const wkv_communicator *r, int threads)
{
    int n = local_count(r);
    if (threads > 0 || n == 1) return threads;
    return cpu_cores() > n ? cpu_cores() / n : 1;
}

size_t communicator_memory(const wkv_communicator *r, size_t bytes) { return bytes / (size_t)local_count(r); }
