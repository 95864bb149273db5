/* test_opencl.c - every entry of the OpenCL device against the reference device: the same values within rounding, and
 * the same bits for every division of rows. It runs on $WKV_OPENCL (0: the first OpenCL device), which is PoCL where
 * there is no GPU. */
#define _GNU_SOURCE
#include "entries.h"
#include "format/layout.h"

static device *opencl;

/* ---- entries over host memory: the block goes to its twin before each, and back after it ------------------------- */

static void to_twin(void)
{
    opencl->from_host(opencl,
                      &(transfer_args){.from = (float *)block.base, .to = (float *)block.base, .n = block.used / 4});
}

static void from_twin(void)
{
    opencl->to_host(opencl,
                    &(transfer_args){.from = (float *)block.base, .to = (float *)block.base, .n = block.used / 4});
    if (opencl->finish(opencl)) FAILED("%s", wkv_error());
}

#define ENTRY(entry, args)                                                                                             \
    static void both_##entry(device *d, const args *a)                                                                 \
    {                                                                                                                  \
        (void)d;                                                                                                       \
        to_twin();                                                                                                     \
        opencl->entry(opencl, a);                                                                                      \
        from_twin();                                                                                                   \
    }
DEVICE_ENTRIES(ENTRY)
#undef ENTRY

static device both = {
#define ENTRY(entry, args) .entry = both_##entry,
    DEVICE_ENTRIES(ENTRY)
#undef ENTRY
};

static int block_use(void)
{
    block.bytes = (size_t)64 << 20;
    block.base = pages_new(block.bytes);
    CHECK(block.base != NULL);
    if (!opencl->twin_new(opencl, block.base, block.bytes)) return 1;
    FAILED("%s", wkv_error());
    return 0;
}

/* ---- entries except matrix products ------------------------------------------------------------------------------ */

static void compare(const char *name, void (*ops)(device *, const inputs *, results *), const inputs *in,
                    double tolerance)
{
    results expected = {0}, found = {0};
    reference->begin(reference);
    ops(reference, in, &expected);
    ops(&both, in, &found);
    EXPECT_EQ(found.n, expected.n);
    for (int i = 0; i < found.pieces; i++) {
        const size_t from = found.piece[i], n = (i + 1 < found.pieces ? found.piece[i + 1] : found.n) - from;
        const double d = apart(found.values + from, expected.values + from, n);
        if (!(d <= tolerance))
            FAILED("%s, T %d C %d heads %d: result %d is off by %g", name, in->T, in->C, in->heads, i, d);
    }
    free(found.values);
    free(expected.values);
}

/* Under an interpreter (tools/oclgrind.sh) the small shapes alone. */
static int small_only(void) { return getenv("WKV_OPENCL_SMALL") != NULL; }

static void entries(void)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (small_only() && shapes[i][0] * shapes[i][1] > 320) continue;
        block.used = 0;
        inputs in = inputs_new(shapes[i][0], shapes[i][1], shapes[i][2]);
        compare("rows", rows_ops, &in, 5e-5);
        compare("training", train_ops, &in, 1e-6);
        compare("time", time_ops, &in, 1e-4);
        compare("mix", mix_ops, &in, 1e-4);
        inputs_free(&in);
    }
}

/* Copies, rows of tables, shift, states: exact. */
static void moves(void)
{
    enum { T = 11, C = 70, SPANS_ = 3 };
    static const int32_t ids[T] = {3, 0, 10, 3, 3, 7, 1, 0, 2, 9, 10};
    block.used = 0;
    inputs in = inputs_new(T, C, 1);
    float *end[2][8];
    for (int k = 0; k < 2; k++) {
        device *d = k ? &both : reference;
        span spans[SPANS_];
        float *state = copy(in.state, SPANS * state_len(&in)), *dstate = copy(in.dstate, SPANS * state_len(&in));
        float *y = room(T * C), *dx = copy(in.x[3], T * C), *table = copy(in.x[4], T * C), *rows = room(T * C),
              *wide = room(3 * C * 5), *kept = room(SPANS_ * C), *turned = room(T * 7), *x7 = copy(in.x[8], T * 7);
        batch b = batch_of(&in, spans, state, dstate);
        tensor w = {.rows = T, .cols = C, .type = F32, .data = table};
        d->shift(d, &(shift_args){.batch = &b, .C = C, .at = 2, .x = in.x[0], .y = y});
        d->shift_back(d, &(shift_args){.batch = &b, .C = C, .at = 2, .dy = in.x[1], .dx = dx});
        d->gather(d, &(gather_args){.w = &w, .ids = ids, .T = T, .y = rows});
        d->gather_back(d, &(gather_args){.w = &w, .ids = ids, .T = T, .dy = in.x[5], .dw = table});
        d->repeat(d, &(repeat_args){.C = C, .n = 3, .x = in.x[6], .y = wide});
        d->repeat_back(d, &(repeat_args){.C = C, .n = 3, .dy = wide, .dx = rows});
        d->states_save(d, &(states_args){.batch = &b, .at = 3, .len = C, .kept = kept});
        d->states_restore(d, &(states_args){.batch = &b, .at = 0, .len = C, .kept = kept});
        d->fill(d, &(fill_args){.x = wide, .n = 5, .value = 3});
        d->copy(d, &(copy_args){.rows = 5, .cols = 9, .to_stride = C, .from_stride = 12, .from = in.x[7], .to = wide});
        d->copy(d, &(copy_args){
                       .rows = 5, .cols = 9, .to_stride = C, .from_stride = 12, .from = in.x[7], .to = wide, .add = 1});
        d->matrix_of_row(d, &(matrix_of_row_args){.T = 1, .n = 7, .x = x7, .m = in.x[9], .y = turned});
        float *all[8] = {state, dstate, y, dx, table, rows, wide, turned};
        memcpy(end[k], all, sizeof all);
    }
    static const size_t sizes[8] = {0, 0, T * C, T * C, T * C, T * C, 3 * C, 7};
    for (int i = 0; i < 8; i++) {
        const size_t n = sizes[i] ? sizes[i] : SPANS * state_len(&in);
        if (apart(end[1][i], end[0][i], n) > 1e-6) FAILED("result %d is off by %g", i, apart(end[1][i], end[0][i], n));
    }
}

/* A row alone, and in a batch; a span whole, and in chunks: the same bits. */
static void in_pieces(void)
{
    enum { T = 23, C = 192, HEADS = 3, N = C / HEADS };
    if (small_only()) SKIP("in_pieces: values are compared, not accesses");
    block.used = 0;
    inputs in = inputs_new(T, C, HEADS);
    for (int version = 3; version <= 7; version++) { /* 3: norm, shift and mixtures */
        float *state[2], *y[2];
        for (int way = 0; way < 2; way++) {
            state[way] = copy(in.state, C * N);
            y[way] = room(T * C);
            if (version == 4)
                for (int i = 0; i < C; i++) state[way][C + i] = (float)fabs(state[way][C + i]) + 0.1f;
            for (int t = 0, n = way ? T : 1; t < T; t += n, n += !way) {
                if (n > T - t) n = T - t;
                const span sp = {0, n, state[way], NULL};
                const batch b = {n, 1, &sp};
                const size_t j = (size_t)t * C;
                if (version > 3)
                    run_rows(&both, &in, version, t, n, state[way], y[way]);
                else
                    both.mix(&both, &(mix_args){.batch = &b,
                                                .C = C,
                                                .x = in.x[0] + j,
                                                .w = in.row[0],
                                                .b = in.row[1],
                                                .eps = 1e-5f,
                                                .n = 1,
                                                .y = {y[way] + j},
                                                .mu = {in.row[2]}});
            }
        }
        if (!same_bits(y[0], y[1], T * C) || !same_bits(state[0], state[1], C * N))
            FAILED("version %d in pieces has other bits", version);
    }
}

/* ---- matrix products --------------------------------------------------------------------------------------------- */

/* A weight of the host that stays, because the device knows constants by their addresses. */
static tensor stays(dtype type, int in, int out, weight_layout layout)
{
    void *ignored;
    char *base = block.base;
    block.base = NULL;
    const int swapped = layout == LAYOUT_INPUT_MAJOR;
    tensor w = weight(type, swapped ? in : out, swapped ? out : in, swapped ? layout : LAYOUT_ROW_MAJOR,
                      rng_uniform(&dice) < 0.5 ? 0 : 0.25f, &ignored);
    if (layout_permutes_blocks(layout)) {
        const int inputs_first = layout_is_input_major(layout);
        const stored_weight to = {layout, type, in, out};
        void *data = fenced((size_t)dtype_bytes(type, (int64_t)in * out));
        layout_put(&to, data, 0, 0, w.data);
        for (int o = 0; o < out; o += LAYOUT_TILE)
            layout_put(&to, data, o, LAYOUT_TILE, (char *)w.data + dtype_bytes(type, in) * o);
        w.rows = inputs_first ? in : out;
        w.cols = inputs_first ? out : in;
        w.layout = layout;
        w.data = data;
    }
    block.base = base;
    return w;
}

static void linear_case(dtype type, int in, int out, weight_layout layout, int T)
{
    block.used = 0;
    tensor w = stays(type, in, out, layout);
    const size_t nx = (size_t)T * (size_t)in, ny = (size_t)T * (size_t)out;
    float *x = normal(nx, 1), *dy = normal(ny, 1), *y[3], *dx[3];
    const float *bias = normal((size_t)out, 1), *from = normal(ny, 1), *to = normal(ny, 1), *times = normal(ny, 1),
                *plus = normal(ny, 1);
    for (size_t i = 0; i < nx; i++) x[i] = x[i] < 0 ? 0 : x[i]; /* zeros, which input-major products skip */
    for (int k = 0; k < 3; k++) {                               /* reference, whole, in pieces */
        device *d = k ? &both : reference;
        y[k] = room(ny);
        dx[k] = normal(nx, 0);
        for (size_t i = 0; i < nx; i++) dx[k][i] = x[i];
        for (int t = 0, n = k == 2 ? 1 : T; t < T; t += n, n += k == 2) {
            if (n > T - t) n = T - t;
            const size_t i = (size_t)t * (size_t)in, o = (size_t)t * (size_t)out;
            linear_one(d,
                       (product){.y = y[k] + o,
                                 .x = x + i,
                                 .w = &w,
                                 .bias = bias,
                                 .map = MAP_TANH,
                                 .from = from + o,
                                 .to = to + o,
                                 .times = times + o,
                                 .plus = plus + o},
                       n);
            d->linear_dx(d, &(linear_back_args){.dx = dx[k] + i, .dy = dy + o, .w = &w, .T = n, .add = 1});
        }
    }
    if (!(apart(y[1], y[0], ny) <= 5e-5) || !(apart(dx[1], dx[0], nx) <= 2e-5))
        FAILED("%s %d -> %d, layout %d, %d tokens: %g, dx %g", dtypes[type].name, in, out, (int)layout, T,
               apart(y[1], y[0], ny), apart(dx[1], dx[0], nx));
    if (!same_bits(y[1], y[2], ny) || !same_bits(dx[1], dx[2], nx))
        FAILED("%s %d -> %d, layout %d, %d tokens: other bits in pieces", dtypes[type].name, in, out, (int)layout, T);
}

static void linear(void)
{
    static const int sizes[][3] = {{1, 1, 1}, {7, 100, 5}, {257, 64, 17}, {64, 257, 2}, {700, 31, 9}};
    for (dtype type = F32; type <= MXFP4; type++) {
        const int block_of = dtypes[type].values;
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            const int in = sizes[i][0], out = sizes[i][1], T = sizes[i][2];
            if (type >= Q4_K && i % 3 != 1) continue; /* decoded when they are copied */
            if (small_only() && in * out * T > 4000) continue;
            linear_case(type, (in + block_of - 1) / block_of * block_of, out, LAYOUT_ROW_MAJOR, T);
            linear_case(type, in, (out + block_of - 1) / block_of * block_of, LAYOUT_INPUT_MAJOR, T);
            for (int l = LAYOUT_SPARSE_BLOCKS; l <= LAYOUT_INTERLEAVED && type >= Q8_0 && type <= Q5_1; l++)
                linear_case(type, (in + 31) / 32 * 32, (out + 31) / 32 * 32, (weight_layout)l, T);
        }
    }
}

/* The gradient of a weight, row-major and input-major, several products of one call. */
static void linear_dw(void)
{
    for (int layout = LAYOUT_ROW_MAJOR; layout <= LAYOUT_INPUT_MAJOR; layout++)
        for (int T = 1; T < 40; T += 19) {
            enum { IN = 70, OUT = 131 };
            block.used = 0;
            const int swapped = layout == LAYOUT_INPUT_MAJOR;
            float *x = normal((size_t)T * IN, 1), *dy = normal((size_t)T * OUT, 1), *w0 = normal(IN * OUT, 1), *dw[2];
            tensor w = {.rows = swapped ? IN : OUT, .cols = swapped ? OUT : IN, .layout = (weight_layout)layout};
            w.data = w0;
            for (int k = 0; k < 2; k++) {
                device *d = k ? &both : reference;
                dw[k] = copy(w0, IN * OUT);
                d->linear_dw(d, &(linear_back_args){.x = x, .dy = dy, .w = &w, .dw = dw[k], .T = T});
            }
            if (!(apart(dw[1], dw[0], IN * OUT) <= 2e-5)) FAILED("dw is off by %g", apart(dw[1], dw[0], IN * OUT));
        }
}

/* ---- operations that wait ---------------------------------------------------------------------------------------- */

/* A pass of three rows in two spans, as a layer is one: lists of operations, mixtures read by products of several
 * types, parts of a matrix. After step `cut` (-1: none) everything is transferred, so that what waits must run. */
enum {
    FEW_OUTPUTS = 21,
    FEW_T = 3,
    FEW_C = 96,
    FEW_HEADS = 3,
    FEW_N = FEW_C / FEW_HEADS,
    FEW_LOW = 64,
    FEW_STEPS = 30
};
enum { STATE_HEADS = 2 * FEW_C, FEW_STATE = STATE_HEADS + FEW_C * FEW_N + 2 * FEW_C };

typedef struct {
    const inputs *in;
    tensor w[6];
} few;

static void step(device *d, int *steps, int cut)
{
    if (d != opencl || (*steps)++ != cut) return;
    from_twin();
    to_twin();
}

static float *few_pass(device *d, const few *f, int cut)
{
    enum { T = FEW_T, C = FEW_C, H = FEW_HEADS, TC = T * C, OUTPUTS = FEW_OUTPUTS };
    const inputs *in = f->in;
    float *state = copy(in->state, 2 * FEW_STATE), *y = room(OUTPUTS * TC), *m[OUTPUTS];
    const span spans[] = {{0, 2, state, NULL}, {2, 1, state + FEW_STATE, NULL}};
    const batch b = {T, 2, spans};
    int done = 0;
    memset(y, 0, OUTPUTS * TC * sizeof *y);
    for (int i = 0; i < OUTPUTS; i++) m[i] = y + i * TC;
#define STEP(call) call, step(d, &done, cut)
    if (d == opencl) to_twin();
    STEP(d->norm(d, &(norm_args){T, C, 1, 1e-5f, .x = in->x[0], .w = in->row[0], .b = in->row[1], .y = m[0]}));
    STEP(d->shift(d, &(shift_args){.batch = &b, .C = C, .x = m[0], .y = m[1]}));
    STEP(d->lerp(d, &(lerp_args){T, C, 1, .x = m[0], .y = m[1], .mu = in->row[2], .z = m[2]}));
    STEP(linear_one(d, (product){.y = m[3], .x = m[2], .w = &f->w[0], .map = MAP_TANH}, T));
    STEP(d->copy(d, &(copy_args){T, 32, 32, FEW_LOW, .from = m[3] + 32, .to = m[4]}));
    STEP(
        linear_one(d, (product){.y = m[5], .x = m[4], .w = &f->w[1], .bias = in->row[3], .from = m[0], .to = m[1]}, T));
    STEP(d->mix(d, &(mix_args){.batch = &b,
                               .C = C,
                               .at = C,
                               .x = m[5],
                               .w = in->row[0],
                               .b = in->row[1],
                               .eps = 1e-5f,
                               .n = 2,
                               .y = {m[6], m[7]},
                               .mu = {in->row[2], in->row[3]}}));
    const product q[] = {{.y = m[8], .x = m[6], .w = &f->w[2]},
                         {.y = m[9], .x = m[7], .w = &f->w[3]},
                         {.y = m[10], .x = m[5], .w = &f->w[4]},
                         {.y = m[11], .x = m[7], .w = &f->w[5], .map = MAP_SIGMOID}};
    STEP(d->linear(d, &(linear_args){q, 4, T}));
    STEP(d->copy(d, &(copy_args){1, TC, TC, TC, .from = m[9], .to = m[20]})); /* which the products write, too */
    STEP(d->unit(d, &(unit_args){T, C, H, .x = m[20], .y = m[12]}));
    STEP(d->mul(d, &(pair_args){T, C, T, .x = m[12], .y = m[11], .z = m[13]}));
    STEP(d->map(d, &(map_args){MAP_NEG, TC, .x = m[12], .y = m[14]}));
    wkv_args wkv = {.batch = &b,
                    .C = C,
                    .heads = H,
                    .at = STATE_HEADS,
                    .w_rows = T,
                    .r = m[8],
                    .w = in->decay,
                    .k = m[9],
                    .v = m[10],
                    .a = m[14],
                    .b = m[13],
                    .u = in->row[0],
                    .y = m[15]};
    STEP(d->wkv7(d, &wkv));
    wkv.y = m[16]; /* of the same states */
    STEP(d->wkv6(d, &wkv));
    STEP(d->norm(d, &(norm_args){T, C, H, 1e-3f, .x = m[15], .w = in->row[0], .b = in->row[1], .y = m[17]}));
    STEP(d->bonus(d, &(bonus_args){T, C, H, .r = m[8], .k = m[9], .u = in->row[2], .v = m[10], .y = m[18]}));
    STEP(d->add(d, &(pair_args){T, C, 1, .x = m[17], .y = in->row[1], .z = m[17]}));
    STEP(d->add(d, &(pair_args){T, C, T, .x = m[17], .y = m[18], .z = m[17]}));
    STEP(linear_one(d, (product){.y = m[18], .x = m[17], .w = &f->w[2], .times = m[16], .plus = m[5]}, T));
    const tensor table = {.rows = T, .cols = C, .type = F32, .data = m[18]};
    STEP(d->gather(d, &(gather_args){.w = &table, .ids = (const int32_t[]){2, 0, 1}, .T = T, .y = m[13]}));
    STEP(linear_one(d, (product){.y = m[0], .x = m[13], .w = &f->w[4]}, T));
    STEP(d->map(d, &(map_args){MAP_NEGEXP, C, .x = in->row[3], .y = m[4]}));
    wkv.at += C * FEW_N; /* the sums of version 4: C of them are beyond the matrices */
    wkv.at -= C;
    wkv.w = m[4], wkv.y = m[19];
    STEP(d->wkv4(d, &wkv));
    wkv.batch = &(batch){1, 1, &spans[1]}; /* other spans */
    STEP(d->shift(d, &(shift_args){.batch = wkv.batch, .C = C, .x = m[19], .y = m[14]}));
    STEP(d->mix(d, &(mix_args){.batch = &b,
                               .C = C,
                               .x = m[18],
                               .w = in->row[0],
                               .b = in->row[1],
                               .eps = 1e-5f,
                               .current = 1,
                               .n = 2,
                               .y = {m[6], m[7]},
                               .mu = {in->row[2], in->row[3]}}));
    STEP(linear_one(d, (product){.y = m[12], .x = m[6], .w = &f->w[3]}, T)); /* one of two mixtures */
    /* a mixture of the list that its product also adds */
    STEP(d->norm(d, &(norm_args){T, C, 1, 1e-5f, .x = m[12], .w = in->row[0], .b = in->row[1], .y = m[0]}));
    STEP(d->shift(d, &(shift_args){.batch = &b, .C = C, .x = m[0], .y = m[1]}));
    STEP(d->lerp(d, &(lerp_args){T, C, 1, .x = m[0], .y = m[1], .mu = in->row[2], .z = m[2]}));
    STEP(linear_one(d, (product){.y = m[3], .x = m[2], .w = &f->w[4], .plus = m[2]}, T));
    CHECK_EQ(done, d == opencl ? FEW_STEPS : 0);
    if (d == opencl) from_twin();
    float *all = room(OUTPUTS * TC + 2 * FEW_STATE);
    memcpy(all, y, OUTPUTS * TC * sizeof *y);
    memcpy(all + OUTPUTS * TC, state, 2 * FEW_STATE * sizeof *state);
    return all;
#undef STEP
}

static void waiting(void)
{
    enum { ALL = FEW_OUTPUTS * FEW_T * FEW_C + 2 * FEW_STATE };
    static const struct {
        dtype type;
        int in, out;
    } weights[] = {{F16, FEW_C, FEW_LOW}, {Q8_0, 32, FEW_C},    {F32, FEW_C, FEW_C},
                   {Q5_1, FEW_C, FEW_C},  {BF16, FEW_C, FEW_C}, {Q4_0, FEW_C, FEW_C}};
    block.used = 0;
    inputs in = inputs_new(FEW_T, FEW_C, FEW_HEADS);
    few f = {.in = &in};
    for (int i = 0; i < 6; i++) f.w[i] = stays(weights[i].type, weights[i].in, weights[i].out, LAYOUT_ROW_MAJOR);
    for (int i = 0; i < 2 * FEW_STATE; i++) in.state[i] = (float)fabs(in.state[i]) + 0.1f; /* version 4's sums */
    const size_t used = block.used;
    float *expected = malloc(ALL * sizeof *expected), *whole = malloc(ALL * sizeof *whole);
    reference->begin(reference);
    memcpy(expected, few_pass(reference, &f, -1), ALL * sizeof *expected);
    for (int cut = -1; cut < (small_only() ? 0 : FEW_STEPS); cut++) {
        block.used = used;
        const unsigned before = opencl->barriers(opencl);
        const float *found = few_pass(opencl, &f, cut);
        if (cut < 0) {
            memcpy(whole, found, ALL * sizeof *whole);
            printf("     %u launches of %d operations\n", opencl->barriers(opencl) - before, FEW_STEPS);
        }
        if (!same_bits(found, whole, ALL)) FAILED("cut after step %d: other bits", cut);
    }
    const double d = apart(whole, expected, ALL);
    if (!(d <= 1e-4)) FAILED("off by %g", d);
    free(expected);
    free(whole);
}

/* ---- failures ---------------------------------------------------------------------------------------------------- */

static void refusals(void)
{
    device *d;
    EXPECT_EQ(device_open(&d, "opencl:99", 1, NULL), WKV_EARG);
    EXPECT_HAS(wkv_error(), "no device opencl:99; there are ");
    EXPECT_EQ(device_open(&d, "opencl:x", 1, NULL), WKV_EARG);
    EXPECT_HAS(wkv_error(), "no device called");
    setenv("WKV_PLUGINS", "/nowhere", 1);
    EXPECT_EQ(device_open(&d, "opencl", 1, NULL), WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "libwkv-opencl.so is neither in /nowhere");
    unsetenv("WKV_PLUGINS");
}

/* More than the device has: a sentence with both numbers, and the device works afterwards. */
static void exhausted(void)
{
    arena a;
    float one = 1;
    tensor w = {.rows = 1 << 20, .cols = 1 << 24, .type = F32, .data = &one};
    block.used = 0;
    float *x = normal(4, 1), *z = copy(x, 4);
    to_twin();
    opencl->add(opencl, &(pair_args){1, 4, 1, .x = x, .y = x, .z = z}); /* it waits, and is dropped */
    EXPECT_EQ(opencl->arena_new(opencl, &a, (size_t)1 << 60), WKV_ENOMEM);
    EXPECT_EQ(opencl->keep_weight(opencl, &w), WKV_ENOMEM);
    EXPECT_HAS(wkv_error(), "no memory for 70368744.2 MB more");
    EXPECT_EQ(opencl->finish(opencl), 0);
    from_twin();
    if (!same_bits(x, z, 4)) FAILED("an operation of the failed pass ran");
    opencl->add(opencl, &(pair_args){1, 4, 1, .x = x, .y = x, .z = z});
    from_twin();
    if (z[0] != 2 * x[0]) FAILED("an operation after the failed pass did not run");
}

int main(void)
{
    char name[64];
    const char *which = getenv("WKV_OPENCL");
    snprintf(name, sizeof name, "opencl:%s", which ? which : "0");
    if (device_open(&opencl, name, 0, NULL)) {
        printf("skip opencl: %s\n", wkv_error());
        return DONE();
    }
    printf("-- %s\n", opencl->isa);
    reference = room_device("reference", 1, NULL);
    if (!block_use()) return 1;
    RUN(refusals);
    RUN(entries);
    RUN(moves);
    RUN(in_pieces);
    RUN(linear);
    RUN(linear_dw);
    RUN(waiting);
    RUN(exhausted);
    device_close(opencl);
    reference->begin(reference);
    device_close(reference);
    return DONE();
}
