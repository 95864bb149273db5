/* cpu_loops.c - plain loops over many values: each thread runs the reference's function on its share. Small entries are
 * the reference's functions, without threads. */
#include "cpu/cpu.h"
#include "cpu/ref.h"

typedef struct {
    device *d;
    const void *args;
} shared;

/* The share of n values, in multiples of `grain`. */
static size_t share_of(size_t n, size_t grain, int part, int parts, size_t *count)
{
    size_t grains = (n + grain - 1) / grain;
    size_t from = grains * (size_t)part / (size_t)parts * grain,
           to = grains * ((size_t)part + 1) / (size_t)parts * grain;
    if (from > n) from = n;
    *count = (to < n ? to : n) - from;
    return from;
}

static void drop_part(void *arg, int part, int parts)
{
    const shared *q = arg;
    drop_args a = *(const drop_args *)q->args;
    size_t from = share_of(a.n, 16, part, parts, &a.n);
    a.from += from;
    a.to += from;
    a.first += from;
    ref_drop(q->d, &a);
}

static void loss_part(void *arg, int part, int parts)
{
    const shared *q = arg;
    softmax_args a = *(const softmax_args *)q->args;
    int from, to;
    pool_share(a.T, 1, part, parts, &from, &to);
    a.T = to - from;
    a.logits += (size_t)from * (size_t)a.V;
    a.max += from;
    a.argmax += from;
    a.targets += from;
    if (a.scales) a.scales += from;
    ref_softmax_nll_back(q->d, &a);
}

static void square_part(void *arg, int part, int parts)
{
    const shared *q = arg;
    square_sums_args a = *(const square_sums_args *)q->args;
    size_t from = share_of(a.n, a.tile, part, parts, &a.n);
    a.x += from;
    a.sums += from / a.tile;
    ref_square_sums(q->d, &a);
}

static void adamw_part(void *arg, int part, int parts)
{
    const shared *q = arg;
    adamw_args a = *(const adamw_args *)q->args;
    size_t from = share_of(a.n, 16, part, parts, &a.n);
    a.w += from;
    a.g += from;
    a.mean += from;
    a.square += from;
    ref_adamw(q->d, &a);
}

static void run(device *d, void (*part)(void *, int, int), const void *args, double work)
{
    pool_run(cpu_worth(d, work), part, &(shared){d, args});
}

void cpu_drop(device *d, const drop_args *a) { run(d, drop_part, a, 10.0 * (double)a->n); }
void cpu_softmax_nll_back(device *d, const softmax_args *a) { run(d, loss_part, a, 1.0 * a->T * a->V); }
void cpu_square_sums(device *d, const square_sums_args *a) { run(d, square_part, a, 1.0 * (double)a->n); }
void cpu_adamw(device *d, const adamw_args *a) { run(d, adamw_part, a, 10.0 * (double)a->n); }

void cpu_mean(device *d, const mean_args *a) { ref_mean(d, a); }
void cpu_copy(device *d, const copy_args *a) { ref_copy(d, a); }
void cpu_fill(device *d, const fill_args *a) { ref_fill(d, a); }
void cpu_to_host(device *d, const transfer_args *a) { ref_to_host(d, a); }
void cpu_from_host(device *d, const transfer_args *a) { ref_from_host(d, a); }
void cpu_gather(device *d, const gather_args *a) { ref_gather(d, a); }
void cpu_gather_back(device *d, const gather_args *a) { ref_gather_back(d, a); }
void cpu_shift(device *d, const shift_args *a) { ref_shift(d, a); }
void cpu_shift_back(device *d, const shift_args *a) { ref_shift_back(d, a); }
void cpu_repeat(device *d, const repeat_args *a) { ref_repeat(d, a); }
void cpu_repeat_back(device *d, const repeat_args *a) { ref_repeat_back(d, a); }
void cpu_matrix_of_row(device *d, const matrix_of_row_args *a) { ref_matrix_of_row(d, a); }
void cpu_states_save(device *d, const states_args *a) { ref_states_save(d, a); }
void cpu_states_restore(device *d, const states_args *a) { ref_states_restore(d, a); }
