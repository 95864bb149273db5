/* test_devices.c - every entry of the CPU device except matrix products (test_device_linear.c), on every instruction
 * set of this machine, against the reference device: the same values within rounding, and the same bits for every
 * division of rows and number of threads. */
#define _GNU_SOURCE
#include "entries.h"

/* Run `ops` on the reference and on the CPU device with 1, 2, 3 threads. */
static void compare(const char *name, void (*ops)(device *, const inputs *, results *), const inputs *in,
                    double tolerance)
{
    results expected = {0}, first = {0};
    reference->begin(reference);
    ops(reference, in, &expected);
    for (int p = 0; p < DEVICES; p++) {
        results found = {0};
        cpus[p]->begin(cpus[p]);
        ops(cpus[p], in, &found);
        for (int i = 0; i < found.pieces; i++) {
            size_t from = found.piece[i], n = (i + 1 < found.pieces ? found.piece[i + 1] : found.n) - from;
            double d = apart(found.values + from, expected.values + from, n);
            if (!(d <= tolerance))
                FAILED("%s %s, T %d C %d heads %d: result %d is off by %g", cpus[0]->isa, name, in->T, in->C, in->heads,
                       i, d);
        }
        EXPECT_EQ(found.n, expected.n);
        if (!p) {
            first = found;
            for (int i = 0; i < found.pieces; i++) {
                size_t from = found.piece[i], n = (i + 1 < found.pieces ? found.piece[i + 1] : found.n) - from;
                same_everywhere(found.values + from, n);
                if (known.differ)
                    FAILED("%s %s, T %d C %d heads %d: result %d has other bits than %s", cpus[0]->isa, name, in->T,
                           in->C, in->heads, i, device_isa(0, 0));
                known.differ = 0;
            }
        } else {
            if (!same_bits(found.values, first.values, found.n))
                FAILED("%s %s, T %d C %d heads %d: other bits with %d threads", cpus[0]->isa, name, in->T, in->C,
                       in->heads, p + 1);
            free(found.values);
        }
    }
    free(first.values);
    free(expected.values);
}

static void rows(void)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        inputs in = inputs_new(shapes[i][0], shapes[i][1], shapes[i][2]);
        compare("rows", rows_ops, &in, 5e-5);
        compare("training", train_ops, &in, 1e-6);
        inputs_free(&in);
    }
}

static void recurrences(void)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        inputs in = inputs_new(shapes[i][0], shapes[i][1], shapes[i][2]);
        compare("time", time_ops, &in, 1e-4);
        compare("mix", mix_ops, &in, 1e-4);
        inputs_free(&in);
    }
}

/* A span run in chunks leaves the same bits as the whole. */
static void recurrences_in_pieces(void)
{
    enum { T = 23, C = 192, HEADS = 3, N = C / HEADS };
    inputs in = inputs_new(T, C, HEADS);
    for (int version = 4; version <= 7; version++) {
        float *state[2], *y[2];
        for (int way = 0; way < 2; way++) {
            state[way] = copy(in.state, C * N);
            y[way] = room(T * C);
            if (version == 4)
                for (int i = 0; i < C; i++) state[way][C + i] = (float)fabs(state[way][C + i]) + 0.1f;
            for (int t = 0, n = way ? T : 1; t < T; t += n, n += !way) {
                if (n > T - t) n = T - t;
                run_rows(cpus[1], &in, version, t, n, state[way], y[way]);
            }
        }
        if (!same_bits(y[0], y[1], T * C) || !same_bits(state[0], state[1], C * N))
            FAILED("%s: version %d in pieces", cpus[0]->isa, version);
        for (int way = 0; way < 2; way++) drop(state[way]), drop(y[way]);
    }
    inputs_free(&in);
}

static void expect_isa(const char *isa, const char *found)
{
    device *d;
    EXPECT_EQ(device_open(&d, "cpu", 1, isa), 0);
    EXPECT_STR(d->isa, found);
    device_close(d);
}

/* Devices by name and instruction set, several of them at once. */
static void choosing(void)
{
    device *d;
    const char *best = device_isa(0, 0);
    expect_isa("portable", "portable");
    EXPECT_EQ(device_open(&d, "cpu", 1, "sse9"), WKV_EARG);
    EXPECT_HAS(wkv_error(), "sse9");
    EXPECT(!d);
#ifdef __x86_64__
    EXPECT_EQ(device_open(&d, "cpu", 1, "neon"), WKV_EUNSUPPORTED);
#else
    EXPECT_EQ(device_open(&d, "cpu", 1, "avx2"), WKV_EUNSUPPORTED);
#endif
    EXPECT_EQ(device_open(&d, "tpu", 1, NULL), WKV_EARG);
    EXPECT_HAS(wkv_error(), "there are cpu and reference");
    setenv("WKV_ISA", "portable", 1);
    expect_isa(NULL, "portable");
    expect_isa(best, best);
    unsetenv("WKV_ISA");
    expect_isa(NULL, best);
}

static void on_this_isa(void)
{
    RUN(rows);
    RUN(recurrences);
    RUN(recurrences_in_pieces);
}

int main(void)
{
    RUN(choosing);
    on_every_isa(on_this_isa);
    return DONE();
}
