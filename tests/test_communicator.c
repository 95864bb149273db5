/* test_communicator.c - processes that train together, here threads: several give the results of one, for every
 * division of work; all learn of a failure in one. tests/test_mpi.sh does the same with real processes. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "train/trainer.h"
#include "barrier.h"
#include "folder.h"
#include "test.h"

/* ---- wkv_communicator over threads
 * -------------------------------------------------------------------------------------- */

enum { MOST = 4, BEGUN = 256 };

typedef struct {
    void *x;
    size_t n;
    int sum, root;
} begun;

typedef struct group group;
typedef struct {
    group *all;
    wkv_communicator communicator;
    begun queue[BEGUN];
    int n, advanced, with[BEGUN + 1]; /* calls, and of those with so many begun */
    double *added;
    const wkv_train_options *o;
    int err;
    char sentence[256];
    double loss[8];
    wkv_trainer *t;
} member;

struct group {
    barrier meet;
    int count;
    member m[MOST];
    void (*work)(member *m);
};

static void allreduce(void *user, double *x, int n)
{
    member *m = user;
    double *sum = calloc((size_t)n, sizeof *sum);
    if (m->n) FAILED("added while %d operations are under way", m->n);
    m->added = x;
    barrier_wait(&m->all->meet);
    for (int k = 0; k < m->all->count; k++)
        for (int i = 0; i < n; i++) sum[i] += m->all->m[k].added[i];
    barrier_wait(&m->all->meet);
    memcpy(x, sum, (size_t)n * sizeof *x);
    free(sum);
}

static void put(member *m, void *x, size_t n, int sum, int root)
{
    if (m->n == BEGUN) {
        FAILED("more than %d operations begun", BEGUN);
        exit(1);
    }
    m->queue[m->n++] = (begun){.x = x, .n = n, .sum = sum, .root = root};
}

static void reduce(void *user, float *x, size_t n, int to) { put(user, x, n, 1, to); }
static void broadcast(void *user, void *x, size_t bytes, int from) { put(user, x, bytes, 0, from); }

static void progress(void *user)
{
    member *m = user;
    m->advanced++;
    m->with[m->n]++;
}

/* Sums use a separate buffer and the order of the communicator; where they were not requested nothing useful is
 * left. */
static void sum_up(member *m, int i)
{
    const begun *b = &m->queue[i];
    float *sum = calloc(b->n, sizeof *sum);
    for (int k = 0; k < m->all->count; k++)
        for (size_t j = 0; j < b->n; j++) sum[j] += ((const float *)m->all->m[k].queue[i].x)[j];
    barrier_wait(&m->all->meet);
    int mine = b->root < 0 || b->root == m->communicator.rank;
    for (size_t j = 0; j < b->n; j++) ((float *)b->x)[j] = mine ? sum[j] : NAN;
    free(sum);
}

/* Everything happens at the last moment: data used earlier were not waited for. */
static void wait_all(void *user)
{
    member *m = user;
    group *g = m->all;
    barrier_wait(&g->meet);
    for (int i = 0; i < m->n; i++) {
        const begun *b = &m->queue[i], *first = &g->m[0].queue[i];
        if (g->m[0].n != m->n || b->n != first->n || b->sum != first->sum || b->root != first->root) {
            FAILED("operation %d of %d is another than in the first process", i, m->n);
            exit(1);
        }
        if (b->sum)
            sum_up(m, i);
        else {
            if (b->root != m->communicator.rank) memcpy(b->x, g->m[b->root].queue[i].x, b->n);
            barrier_wait(&g->meet);
        }
        barrier_wait(&g->meet);
    }
    m->n = 0;
}

static void *run_member(void *arg)
{
    member *m = arg;
    m->all->work(m);
    snprintf(m->sentence, sizeof m->sentence, "%s", m->err ? wkv_error() : "");
    return NULL;
}

/* Do the work in so many threads with these options, and `communicator` of their own. Trainers they leave are freed by
 * end(). */
static void together(group *g, int count, void (*work)(member *m), const wkv_train_options *o)
{
    pthread_t thread[MOST];
    *g = (group){.count = count, .work = work};
    barrier_begin(&g->meet, count);
    for (int k = 0; k < count; k++) {
        member *m = &g->m[k];
        *m = (member){.all = g, .o = o};
        m->communicator = (wkv_communicator){.rank = k,
                                             .count = count,
                                             .local_count = count,
                                             .user = m,
                                             .allreduce = allreduce,
                                             .reduce = reduce,
                                             .broadcast = broadcast,
                                             .progress = progress,
                                             .wait_all = wait_all};
        pthread_create(&thread[k], NULL, run_member, m);
    }
    for (int k = 0; k < count; k++) pthread_join(thread[k], NULL);
}

static void end(group *g)
{
    for (int k = 0; k < g->count; k++) wkv_trainer_free(g->m[k].t);
    barrier_end(&g->meet);
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

enum { BATCH = 8, LENGTH = 12, STEPS = 4 };

static wkv_train_options tiny(const char *version)
{
    return (wkv_train_options){.version = version,
                               .layers = 3,
                               .width = 64,
                               .head_size = 16,
                               .vocab_size = 64,
                               .batch = BATCH,
                               .context = LENGTH,
                               .micro_batch = 2,
                               .dropout = 0.1f,
                               .lr_init = 3e-3f,
                               .threads = 1,
                               .seed = 1};
}

static void fill(int32_t *ids, int n, int step)
{
    for (int i = 0; i < n; i++) ids[i] = (i * 7 + step * i) % 11 + (i % 5 == step) * 20;
}

/* this process's share of every step */
static void take_steps(member *m)
{
    wkv_train_options o = *m->o;
    o.communicator = &m->communicator;
    int32_t ids[BATCH * (LENGTH + 1)];
    int own = BATCH / m->all->count;
    m->err = wkv_trainer_new(&m->t, &o);
    for (int s = 0; s < STEPS && !m->err; s++) {
        fill(ids, BATCH * (LENGTH + 1), s);
        m->err = wkv_trainer_step(m->t, ids + m->communicator.rank * own * (LENGTH + 1), own, LENGTH, &m->loss[s]);
    }
}

/* distance of two vectors, relative to the norm of the first */
static double apart(const real *a, const real *b, size_t n)
{
    double d = 0, s = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        s += (double)a[i] * (double)a[i];
    }
    return sqrt(d / s);
}

static void expect_alike(const group *one, const group *g)
{
    const params *p = &one->m[0].t->p;
    size_t next = 0;
    for (int k = 0; k < g->count; k++) {
        const member *m = &g->m[k];
        const params *q = &m->t->p;
        if (m->err) {
            FAILED("%s", m->sentence);
            continue;
        }
        for (int s = 0; s < STEPS; s++) EXPECT_NEAR(m->loss[s], one->m[0].loss[s], 1e-5);
        EXPECT(apart(p->values, q->values, p->n) < 1e-5);
        EXPECT(!memcmp(g->m[0].t->p.values, q->values, p->n * sizeof(real)));
        EXPECT(apart(p->mean + q->from, q->mean, q->to - q->from) < 1e-4);
        EXPECT(apart(p->square + q->from, q->square, q->to - q->from) < 1e-4);
        for (size_t i = 0; i < q->n; i++)
            if (q->grads[i] != 0) {
                FAILED("a gradient is left in process %d at %zu", k, i);
                break;
            }
        if (q->communicator) {
            EXPECT_EQ(q->from, next);
            next = q->to;
        }
    }
    if (g->m[0].t->p.communicator) EXPECT_EQ(next, p->n);
}

static void several_are_as_one(void)
{
    static const char *const versions[] = {"4", "5.2", "6", "7"};
    static group one, whole, shared;
    for (int v = 0; v < 4; v++) {
        wkv_train_options o = tiny(versions[v]);
        together(&one, 1, take_steps, &o);
        EXPECT_EQ(one.m[0].advanced, 0);
        for (int count = 2; count <= 4; count += 2) {
            o.checkpointing = count == 2 ? 1 : -1;
            o.shard_optimizer = 0;
            together(&whole, count, take_steps, &o);
            expect_alike(&one, &whole);
            o.shard_optimizer = 1;
            together(&shared, count, take_steps, &o);
            expect_alike(&one, &shared);
            EXPECT(!memcmp(whole.m[0].t->p.values, shared.m[0].t->p.values, one.m[0].t->p.n * sizeof(real)));
            end(&whole);
            end(&shared);
        }
        end(&one);
    }
}

/* A layer is on its way before the ones below it have their gradients: in the last of a step's parts, not before. */
static void layers_leave_early(void)
{
    static group g;
    wkv_train_options o = tiny("7");
    o.checkpointing = -1;
    together(&g, 2, take_steps, &o);
    for (int n = 1; n < o.layers; n++) EXPECT(g.m[0].with[n] > 10 * STEPS); /* operations of the next layer */
    int whole = g.m[0].advanced;
    end(&g);
    o.micro_batch = 4;
    together(&g, 2, take_steps, &o);
    EXPECT(g.m[0].advanced > 50 * STEPS);
    EXPECT_EQ(g.m[0].advanced, whole);
    end(&g);
}

/* ---- failures --------------------------------------------------------------------------------------------------- */

/* The third process is given an invalid token. */
static void take_a_bad_step(member *m)
{
    wkv_train_options o = *m->o;
    o.communicator = &m->communicator;
    int32_t ids[2 * (LENGTH + 1)];
    fill(ids, 2 * (LENGTH + 1), 1);
    if (m->communicator.rank == 2) ids[3] = 1000;
    m->err = wkv_trainer_new(&m->t, &o);
    if (!m->err) m->err = wkv_trainer_step(m->t, ids, 2, LENGTH, NULL);
}

static void a_failure_of_one_is_all_known(void)
{
    static group g;
    wkv_train_options o = tiny("6");
    for (o.shard_optimizer = 0; o.shard_optimizer < 2; o.shard_optimizer++) {
        together(&g, 4, take_a_bad_step, &o);
        for (int k = 0; k < 4; k++) {
            EXPECT_EQ(g.m[k].err, WKV_EARG);
            EXPECT_STR(g.m[k].sentence, "process 2: token 3 of sequence 0 is 1000; the vocabulary has 64 ids");
        }
        end(&g);
    }
}

/* The second process has a token with weights that are NaN. */
static void take_a_step_of_no_number(member *m)
{
    wkv_train_options o = *m->o;
    o.communicator = &m->communicator;
    int32_t ids[2 * (LENGTH + 1)];
    fill(ids, 2 * (LENGTH + 1), 1);
    if ((m->err = wkv_trainer_new(&m->t, &o))) return;
    m->t->p.values[63 * 64] = NAN; /* of the embedding, which is the first */
    for (int s = 0; s < 3 && !m->err; s++) {
        ids[3] = s == 1 && m->communicator.rank == 1 ? 63 : 5;
        m->err = wkv_trainer_step(m->t, ids, 2, LENGTH, &m->loss[s]);
    }
}

static void all_skip_a_step_that_is_no_number(void)
{
    static group g;
    wkv_train_options o = tiny("7");
    for (o.shard_optimizer = 0; o.shard_optimizer < 2; o.shard_optimizer++) {
        together(&g, 2, take_a_step_of_no_number, &o);
        for (int k = 0; k < 2; k++) {
            int64_t skipped;
            EXPECT_EQ(g.m[k].err, 0);
            EXPECT_EQ(wkv_trainer_steps(g.m[k].t, NULL, NULL, &skipped), 3);
            EXPECT_EQ(skipped, 1);
            EXPECT(isfinite(g.m[k].loss[0]) && !isfinite(g.m[k].loss[1]) && isfinite(g.m[k].loss[2]));
        }
        end(&g);
    }
}

/* ---- whole runs -------------------------------------------------------------------------------------------------- */

static void train(member *m)
{
    wkv_train_options o = *m->o;
    o.communicator = &m->communicator;
    m->err = wkv_train(&o);
}

static int stop_after_three(void *user, const wkv_train_report *r)
{
    (void)user;
    return r->step == 3;
}

static int refuse(void *user, const wkv_train_plan *p)
{
    (void)user;
    EXPECT_EQ(p->processes, 2);
    return 1;
}

static wkv_train_options whole_run(const char *out, const char *const *data)
{
    wkv_train_options o = tiny("7");
    o.vocab_size = 0;
    o.steps = 6;
    o.data = data;
    o.vocab = "bytes";
    o.out = out;
    o.save_type = "f32";
    o.valid_every = 2;
    return o;
}

/* Stopped in four processes that share the moments out, and ended in one: the numbers of one process from beginning to
 * end. */
static void runs_go_on_in_other_numbers(void)
{
    static group g;
    char one[160], four[160], text[160];
    const char *data[] = {text, NULL};
    snprintf(one, sizeof one, "%s", in_folder("one"));
    snprintf(four, sizeof four, "%s", in_folder("four"));
    snprintf(text, sizeof text, "%s", in_folder("t.txt"));
    FILE *f = fopen(text, "w");
    for (int i = 0; i < 2000; i++) fprintf(f, "%d%c", i * i % 71, i % 9 ? ' ' : '\n');
    fclose(f);

    wkv_train_options o = whole_run(one, data);
    EXPECT_EQ(wkv_train(&o), 0);
    o = whole_run(four, data);
    o.shard_optimizer = 1;
    o.report = stop_after_three;
    together(&g, 4, train, &o);
    for (int k = 0; k < 4; k++) {
        EXPECT_EQ(g.m[k].err, WKV_ESTOPPED);
        EXPECT_HAS(g.m[k].sentence, "stopped after step 3 of 6");
    }
    end(&g);
    wkv_train_options rest = {.out = four, .resume = 1, .threads = 1};
    if (wkv_train(&rest)) FAILED("%s", wkv_error());

    wkv_trainer *a, *b;
    wkv_train_options from = {.threads = 1, .init = in_folder("one/final.safetensors")};
    EXPECT_EQ(wkv_trainer_new(&a, &from), 0);
    from.init = in_folder("four/final.safetensors");
    EXPECT_EQ(wkv_trainer_new(&b, &from), 0);
    if (a && b) EXPECT(apart(a->p.values, b->p.values, a->p.n) < 1e-5);
    wkv_trainer_free(a);
    wkv_trainer_free(b);
}

/* A folder takes the name of a file to come. */
static int block(void *user, const wkv_train_report *r)
{
    (void)r;
    folder_create(user, 0777);
    return 0;
}

/* The first process cannot write, as a folder has the file's name; the others hear of it and end. */
static void all_end_when_the_first_cannot_write(void)
{
    static group g;
    char text[160], out[160], best[160];
    const char *data[] = {text, NULL};
    snprintf(text, sizeof text, "%s", in_folder("t.txt"));
    snprintf(out, sizeof out, "%s", in_folder("blocked"));
    snprintf(best, sizeof best, "%s", in_folder("blocked/best.safetensors"));
    wkv_train_options o = whole_run(out, data);
    o.report = block;
    o.user = best;
    together(&g, 2, train, &o);
    for (int k = 0; k < 2; k++) {
        EXPECT_EQ(g.m[k].err, WKV_EIO);
        EXPECT_HAS(g.m[k].sentence, "best.safetensors");
    }
    end(&g);
}

static void what_does_not_fit_is_said(void)
{
    static group g;
    char text[160], out[160];
    const char *data[] = {text, NULL};
    snprintf(text, sizeof text, "%s", in_folder("t.txt"));
    snprintf(out, sizeof out, "%s", in_folder("none"));
    wkv_train_options o = whole_run(out, data);
    together(&g, 3, train, &o);
    for (int k = 0; k < 3; k++) EXPECT_HAS(g.m[k].sentence, "a batch of 8 sequences for 3 processes");
    end(&g);
    o.plan = refuse;
    together(&g, 2, train, &o);
    for (int k = 0; k < 2; k++) EXPECT_EQ(g.m[k].err, WKV_ESTOPPED);
    end(&g);
    o.shard_optimizer = 1;
    EXPECT_EQ(wkv_train(&o), WKV_EARG);
    EXPECT_HAS(wkv_error(), "--shard-optimizer needs several processes");
}

int main(void)
{
    folder_begin("communicator");
    RUN(several_are_as_one);
    RUN(layers_leave_early);
    RUN(a_failure_of_one_is_all_known);
    RUN(all_skip_a_step_that_is_no_number);
    RUN(runs_go_on_in_other_numbers);
    RUN(all_end_when_the_first_cannot_write);
    RUN(what_does_not_fit_is_said);
    folder_end();
    return DONE();
}
