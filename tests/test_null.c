/* test_null.c - a device without memory: its addresses are inaccessible, and its entries only count calls. A step, a
 * prompt and a backward of every version run on it, which shows that the operations leave every value to the device. */
#define _GNU_SOURCE
#include <stdlib.h>
#include "rwkv/api.h"
#include "rwkv/forward.h"
#include "ops/device.h"
#include "test.h"
#include "base/platform/pages.h"

/* ---- the device -------------------------------------------------------------------------------------------------- */

enum {
#define ENTRY(entry, args) CALL_##entry,
    DEVICE_ENTRIES(ENTRY)
#undef ENTRY
        CALLS
};

static const char *const names[] = {
#define ENTRY(entry, args) #entry,
    DEVICE_ENTRIES(ENTRY)
#undef ENTRY
};

static int calls[CALLS], ever[CALLS]; /* since the last reset; at all */

static void called(int i)
{
    calls[i]++;
    ever[i] = 1;
}

#define ENTRY(entry, args)                                                                                             \
    static void null_##entry(device *d, const args *a)                                                                 \
    {                                                                                                                  \
        (void)d, (void)a;                                                                                              \
        called(CALL_##entry);                                                                                          \
    }
DEVICE_ENTRIES(ENTRY)
#undef ENTRY

/* The host gets zeros. */
static void zeros_to_host(device *d, const transfer_args *a)
{
    (void)d;
    called(CALL_to_host);
    memset(a->to, 0, a->n * sizeof *a->to);
}

/* Addresses with nothing behind them. */
static char *nowhere(size_t bytes)
{
    void *p = pages_reserve(bytes);
    CHECK(p);
    pages_forbid(p, bytes);
    return p;
}

static int arena_nowhere(device *d, arena *a, size_t bytes)
{
    (void)d;
    if (bytes > (size_t)1 << (sizeof bytes > 4 ? 34 : 28)) return fail(WKV_ENOMEM, "less is enough");
    char *p = nowhere(bytes);
    *a = (arena){.base = p, .at = p, .end = p + bytes, .granted = bytes};
    return 0;
}

static void arena_gone(device *d, arena *a)
{
    (void)d;
    if (a->base) pages_release(a->base, (size_t)(a->end - a->base));
    *a = (arena){0};
}

static int enough(device *d, const pass_size *s)
{
    (void)d, (void)s;
    return 0;
}

static void nothing(device *d) { (void)d; }

static size_t no_tiles(device *d, const heads_args *a)
{
    (void)d, (void)a;
    return 0;
}

static device null_device = {.name = "null",
                             .isa = "none",
                             .threads = 1,
                             .separate = 1,
                             .arena_new = arena_nowhere,
                             .arena_free = arena_gone,
                             .reserve = enough,
                             .begin = nothing,
                             .close = nothing,
                             .heads_kept = no_tiles,
#define ENTRY(entry, args) .entry = null_##entry,
                             DEVICE_ENTRIES(ENTRY)
#undef ENTRY
};

/* ---- models ------------------------------------------------------------------------------------------------------ */

enum { TOKENS = 37, SPANS = 2, LARGE = 1 << 28 };
static char *weights, *grads, *states; /* LARGE bytes of nothing each */

/* Every tensor somewhere else in nothing, where its values would fit. */
static int move_away(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name, (void)s, (void)layer;
    size_t *at = user, bytes = 8 * (size_t)t->rows * (size_t)t->cols;
    CHECK(*at + bytes <= LARGE);
    t->data = weights + *at;
    t->grad = (real *)(grads + *at);
    *at += (bytes + 63) / 64 * 64;
    return 0;
}

static int want(void *user, const char *name, tensor *t, const slot *s, int layer)
{
    (void)name, (void)s, (void)layer;
    t->requires_grad = *(const int *)user;
    return 0;
}

/* Two spans; with gradients of their states, too. */
static batch batch_of(const rwkv *m, span *s, int rows, int backward)
{
    size_t n = (size_t)rwkv_state_len(m) * sizeof(real);
    int first = rows > 1 ? rows / 3 : 1, spans = rows > 1 ? SPANS : 1;
    for (int i = 0; i < spans; i++)
        s[i] = (span){.row = i ? first : 0,
                      .len = i ? rows - first : first,
                      .state = (real *)(states + (size_t)i * n),
                      .dstate = backward ? (real *)(states + (size_t)(SPANS + i) * n) : NULL};
    return (batch){.rows = rows, .n_spans = spans, .spans = s};
}

static void run(cx *c, const rwkv *m, int rows)
{
    static const int32_t ids[TOKENS] = {1, 2, 3};
    const int last[] = {rows - 1};
    span s[SPANS];
    batch b = batch_of(m, s, rows, 0);
    cx_reset(c);
    c->b = &b;
    memset(calls, 0, sizeof calls);
    tensor *logits = rwkv_forward(c, m, ids, last, 1);
    EXPECT(logits->rows == 1 && logits->cols == m->V);
    EXPECT(calls[CALL_linear] >= 2 * m->L && calls[CALL_gather] >= 2);
    EXPECT_EQ(calls[CALL_wkv4] + calls[CALL_wkv6] + calls[CALL_wkv7], m->L);
}

/* Layers recorded at once, or recomputed for their gradients. */
static void learn(cx *c, const rwkv *m, int keep)
{
    static const int32_t ids[TOKENS] = {1, 2, 3}, targets[TOKENS] = {2, 3, -1};
    span s[SPANS];
    batch b = batch_of(m, s, TOKENS, 1);
    cx_reset(c);
    c->b = &b;
    c->recording = 1;
    c->keep_activations = keep;
    c->drop_rate = (real)0.1;
    memset(calls, 0, sizeof calls);
    tensor *l = op_head_loss(c, rwkv_features(c, m, ids, NULL, 0), (tensor *)&m->head, targets, 1, 1);
    EXPECT(scalar_read(c, l) == 0);
    tape_backward(c, l, 1);
    c->recording = 0;
    c->drop_rate = 0;
    EXPECT_EQ(calls[CALL_wkv4] + calls[CALL_wkv6] + calls[CALL_wkv7], keep ? m->L : 2 * m->L);
    EXPECT_EQ(calls[CALL_wkv4_back] + calls[CALL_wkv6_back] + calls[CALL_wkv7_back], m->L);
    EXPECT_EQ(calls[CALL_drop], (keep ? 4 : 6) * m->L);
    EXPECT_EQ(calls[CALL_states_restore], keep ? 0 : m->L);
}

static void every_version(void)
{
    static const char *const files[] = {"v4-c32-f32",  "v5.0-n16-bf16", "v5.1-n16-f16", "v5.2-n32-bf16",
                                        "v6-n16-bf16", "v7-n32-f16",    "v7a-n16-bf16"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[400];
        wkv_model *m;
        cx c;
        size_t at = 0;
        snprintf(path, sizeof path, TEST_DIR "/golden/models/%s.pth", files[i]);
        EXPECT_EQ(wkv_model_open(&m, path, NULL), 0);
        EXPECT_EQ(cx_init(&c, &null_device), 0);
        rwkv_each(&m->rwkv, move_away, &at);
        run(&c, &m->rwkv, 1);
        run(&c, &m->rwkv, TOKENS);
        for (int keep = 0; keep < 2 && !m->rwkv.arch->extra; keep++) {
            rwkv_each(&m->rwkv, want, &(int){1});
            learn(&c, &m->rwkv, keep);
            rwkv_each(&m->rwkv, want, &(int){0});
        }
        cx_release(&c);
        wkv_model_close(m);
    }
}

/* ---- transfers --------------------------------------------------------------------------------------------------- */

static int transferred[2]; /* to the host, from the host */

static void count_to_host(device *d, const transfer_args *a)
{
    (void)d;
    transferred[0]++;
    memcpy(a->to, a->from, a->n * sizeof *a->to);
}

static void count_from_host(device *d, const transfer_args *a)
{
    (void)d;
    transferred[1]++;
    memcpy(a->to, a->from, a->n * sizeof *a->to);
}

/* A context on a device with memory of its own, which the reference plays here, gives the same logits and states; each
 * state goes there and back in every pass. */
static void states_are_transferred(void)
{
    static const int32_t ids[] = {1, 2, 3, 4, 5};
    enum { N = sizeof ids / sizeof *ids };
    wkv_model *m;
    EXPECT_EQ(wkv_model_open(&m, TEST_DIR "/golden/models/v7-n32-f16.pth", NULL), 0);
    const size_t V = (size_t)wkv_model_about(m)->vocab, bytes = wkv_model_about(m)->state_bytes;
    float *logits[2][2];
    wkv_state *s[2][2];
    for (int k = 0; k < 2; k++) {
        wkv_context *c;
        EXPECT_EQ(wkv_context_new(&c, m, &(wkv_context_options){.device = "reference"}), 0);
        device *d = context_device(c);
        d->separate = k;
        d->to_host = count_to_host;
        d->from_host = count_from_host;
        memset(transferred, 0, sizeof transferred);
        wkv_sequence q[2];
        for (int i = 0; i < 2; i++) {
            logits[k][i] = malloc(V * sizeof(float));
            EXPECT_EQ(wkv_state_new(&s[k][i], m), 0);
            q[i] = (wkv_sequence){.state = s[k][i], .tokens = ids + i, .n = N - i, .logits = logits[k][i]};
        }
        EXPECT_EQ(wkv_eval_batch(c, q, 2), 0);
        EXPECT_EQ(wkv_eval_batch(c, q, 2), 0);
        EXPECT_EQ(transferred[0], k ? 8 : 4); /* two texts, two passes: logits, and states */
        EXPECT_EQ(transferred[1], k ? 4 : 0);
        wkv_context_free(c);
    }
    for (int i = 0; i < 2; i++) {
        EXPECT(!memcmp(logits[0][i], logits[1][i], V * sizeof(float)));
        EXPECT(!memcmp(wkv_state_data(s[0][i]), wkv_state_data(s[1][i]), bytes));
        for (int k = 0; k < 2; k++) free(logits[k][i]), wkv_state_free(s[k][i]);
    }
    wkv_model_close(m);
}

/* Entries that no version above uses: the optimizer's, tiles, the scan, and transfers from the host. */
static void every_entry(void)
{
    static const int others[] = {CALL_square_sums, CALL_adamw,          CALL_heads,    CALL_heads_back,
                                 CALL_wkv4_scan,   CALL_wkv4_scan_back, CALL_from_host};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) ever[others[i]] = 1;
    for (int i = 0; i < CALLS; i++)
        if (!ever[i]) FAILED("%s is never asked for", names[i]);
}

int main(void)
{
    null_device.to_host = zeros_to_host;
    weights = nowhere(LARGE);
    grads = nowhere(LARGE);
    states = nowhere(LARGE);
    RUN(every_version);
    RUN(every_entry);
    RUN(states_are_transferred);
    return DONE();
}
