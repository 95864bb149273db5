/* A conversation of three turns in the store, in a process that is killed before, within and after its k-th write,
 * fsync, rename and unlink (tests/kill/kill.c), or at a random moment, or finds the disk full, or another process in
 * its session: no saved turn is lost, nothing is damaged, and the conversation continues in the bits of
 * one that was not interrupted. A few k; all of them and 200 random kills with WKV_LONG. */
#define _GNU_SOURCE
#include "base/rng.h"
#include "conversation.h"
#include "folder.h"
#include "test.h"
#include "wkv_store.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <sqlite3.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { CAN_PRELOAD = 0 }; /* a sanitizer must be the first library */
#else
enum { CAN_PRELOAD = 1 };
#endif

enum { TURNS = 3 };
static uint64_t expected[TURNS + 1]; /* bits at the head after so many turns */

/* ---- the process that is killed ---------------------------------------------------------------------------------- */

enum { REPORT = 3 /* file descriptor */ };

static void report(const char *text) { syscall(SYS_write, REPORT, text, strlen(text)); }

/* The number of turns that the tree's head has. */
static int turns_of(const wkv_tree *tree)
{
    int n = 0;
    for (int i = wkv_tree_head(tree); i != WKV_NOWHERE; i = wkv_tree_node(tree, i)->parent)
        n += wkv_tree_node(tree, i)->role == WKV_ROLE_ASSISTANT;
    return n;
}

/* Open or create the session, and add turns until there are TURNS; report each that is saved. */
static int talk(const char *path)
{
    wkv_store *s;
    wkv_store_session x;
    wkv_tree *tree;
    int err = wkv_store_open(&s, path, NULL);
    if (err) return err;
    if (!(err = wkv_store_find(&x, s, "book"))) err = wkv_store_create(&x, s, "book", c, "plain");
    if (err >= 0) err = wkv_store_load(&tree, s, &x, c, t);
    if (err) return err;
    for (int i = turns_of(tree); i < TURNS && !err; i++) {
        char text[8];
        turn(tree, questions[i]);
        if ((err = wkv_store_save(s, &x, tree))) break;
        snprintf(text, sizeof text, "%d\n", i + 1);
        report(text);
    }
    wkv_tree_free(tree);
    wkv_store_close(s);
    return err;
}

static int run_talk(const char *path)
{
    open_model();
    if (!talk(path)) return 0;
    report(wkv_error());
    return 1;
}

/* ---- running it -------------------------------------------------------------------------------------------------- */

static const char *self;
static char library[512];

typedef struct {
    int saved;  /* the last turn that it reported */
    int turns;  /* the number of reports          */
    int killed; /* by SIGKILL                     */
    int failed; /* with this sentence             */
    char error[512];
} outcome;

typedef struct {
    pid_t id;
    int report;
} process;

/* how NULL: nothing happens to it. */
static process start(const char *how, long k)
{
    char number[24];
    int pipes[2];
    if (pipe(pipes)) exit(1);
    snprintf(number, sizeof number, "%ld", k);
    const process p = {fork(), pipes[0]};
    if (!p.id) {
        dup2(pipes[1], REPORT);
        if (how) {
            setenv("KILL_AT", number, 1);
            setenv("KILL_HOW", how, 1);
        }
        setenv("KILL_COUNT", in_folder("count"), 1);
        setenv("LD_PRELOAD", library, 1);
        execl(self, self, "talk", in_folder("store"), (char *)NULL);
        _exit(127);
    }
    close(pipes[1]);
    return p;
}

static void read_report(int fd, outcome *o)
{
    char text[1024];
    size_t n = 0;
    for (ssize_t got; (got = read(fd, text + n, sizeof text - 1 - n)) > 0;) n += (size_t)got;
    text[n] = 0;
    char *at = text;
    for (; *at >= '1' && *at <= '9' && at[1] == '\n'; at += 2, o->turns++) o->saved = *at - '0';
    snprintf(o->error, sizeof o->error, "%.500s", at);
}

static outcome wait_for(process p)
{
    outcome o = {0};
    int status;
    read_report(p.report, &o);
    close(p.report);
    while (waitpid(p.id, &status, 0) < 0 && errno == EINTR) continue;
    o.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    o.failed = WIFEXITED(status) && WEXITSTATUS(status) == 1;
    if (!o.killed && !(WIFEXITED(status) && WEXITSTATUS(status) <= 1))
        FAILED("the process ended with status %d", status);
    return o;
}

static outcome run(const char *how, long k) { return wait_for(start(how, k)); }

/* ---- after it ---------------------------------------------------------------------------------------------------- */

static void fresh(void)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", in_folder("store"));
    EXPECT_EQ(system(command), 0);
}

static void check_database(void)
{
    sqlite3 *db;
    sqlite3_stmt *q = NULL;
    EXPECT_EQ(sqlite3_open(in_folder("store/wkv.db"), &db), 0);
    EXPECT_EQ(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &q, NULL), 0);
    EXPECT_EQ(sqlite3_step(q), SQLITE_ROW);
    EXPECT_STR((const char *)sqlite3_column_text(q, 0), "ok");
    sqlite3_finalize(q);
    sqlite3_close(db);
}

/* The number of state files, each of them sound, and of other files below a folder. */
static int count_states(const char *top, int *others)
{
    int n = 0;
    DIR *d = opendir(top);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[512];
        wkv_state_file *f;
        if (*e->d_name == '.') continue;
        snprintf(path, sizeof path, "%s/%s", top, e->d_name);
        if (strlen(e->d_name) == 2)
            n += count_states(path, others);
        else if (strlen(e->d_name) != 64 + 12 || wkv_state_file_open(&f, path))
            ++*others;
        else
            wkv_state_file_close(f), n++;
    }
    if (d) closedir(d);
    return n;
}

/* Saved turns are there in the right bits, nothing is damaged, and the conversation continues. Returns the turns found.
 * With `ends`, to its end, which is checked, and the store is removed. */
static int check(const outcome *o, const char *what, long k, int ends)
{
    const int bad = test_bad;
    int others = 0, found = 0;
    wkv_store *s;
    wkv_store_session x;
    wkv_tree *tree;
    EXPECT_EQ(wkv_store_open(&s, in_folder("store"), NULL), 0);
    if (!s) {
        FAILED("after %s %ld: %s", what, k, wkv_error());
        return 0;
    }
    if (wkv_store_find(&x, s, "book") == 1) {
        must(wkv_store_load(&tree, s, &x, c, t));
        found = turns_of(tree);
        EXPECT_EQ(x.turns, found);
        EXPECT(bits_at(tree, wkv_tree_head(tree)) == expected[found]);
        for (int i = found; ends && i < TURNS; i++) {
            turn(tree, questions[i]);
            EXPECT_EQ(wkv_store_save(s, &x, tree), 0);
        }
        if (ends) EXPECT(bits_at(tree, wkv_tree_head(tree)) == expected[TURNS]);
        wkv_tree_free(tree);
    }
    EXPECT(found >= o->saved);
    if (ends) {
        EXPECT_EQ(wkv_store_gc(s, 0, NULL), 0);
        if (*x.id) {
            EXPECT_EQ(count_states(in_folder("store/states"), &others), TURNS);
            EXPECT_EQ(wkv_store_delete(s, &x), 0);
        }
        EXPECT_EQ(count_states(in_folder("store/states"), &others), 0);
        EXPECT_EQ(others, 0);
    }
    wkv_store_close(s);
    check_database();
    if (ends) fresh();
    if (test_bad != bad) FAILED("after %s %ld, with %d turns saved", what, k, o->saved);
    return found;
}

static long operations(void)
{
    long n = 0;
    FILE *f = fopen(in_folder("count"), "r");
    if (!f || fscanf(f, "%ld", &n) != 1) FAILED("the operations were not counted");
    if (f) fclose(f);
    return n;
}

/* ---- the tests --------------------------------------------------------------------------------------------------- */

static int is_long(void) { return getenv("WKV_LONG") != NULL; }
static long count;     /* of operations in an uninterrupted run */
static double seconds; /* of that run */

static void is_not_interrupted(void)
{
    struct timespec a, z;
    wkv_tree *straight;
    must(wkv_tree_new(&straight, c, t));
    expected[0] = bits_at(straight, WKV_NOWHERE);
    for (int i = 0; i < TURNS; i++) expected[i + 1] = bits_at(straight, turn(straight, questions[i]));
    wkv_tree_free(straight);
    clock_gettime(CLOCK_MONOTONIC, &a);
    const outcome o = run(NULL, 0);
    clock_gettime(CLOCK_MONOTONIC, &z);
    seconds = (double)(z.tv_sec - a.tv_sec) + 1e-9 * (double)(z.tv_nsec - a.tv_nsec);
    EXPECT(!o.killed && !o.failed);
    EXPECT_EQ(o.saved, TURNS);
    count = operations();
    EXPECT(count > 50);
    EXPECT_EQ(check(&o, "no kill", 0, 1), TURNS);
}

static void is_killed_at(const char *how)
{
    const long step = is_long() ? 1 : count / 5 + 1;
    for (long k = 1; k <= count; k += step) {
        const outcome o = run(how, k);
        if (!o.killed) FAILED("not killed %s operation %ld of %ld", how, k, count);
        check(&o, how, k, 1);
    }
    if (is_long()) printf("     killed %s each of %ld operations\n", how, count);
}
static void is_killed_before(void) { is_killed_at("before"); }
static void is_killed_within(void) { is_killed_at("half"); }
static void is_killed_after(void) { is_killed_at("after"); }

/* The same store for several processes, each killed somewhere in its run, until all turns are done. */
static void is_killed_at_random(void)
{
    const int kills = is_long() ? 200 : 6;
    rng r = {.seed = 11};
    int done = 0, saved = 0;
    for (int i = 0; i < kills; i++) {
        const long delay = (long)(rng_uniform(&r) * seconds * 1.1e9);
        const process p = start(NULL, 0);
        nanosleep(&(struct timespec){delay / 1000000000, delay % 1000000000}, NULL);
        kill(p.id, SIGKILL);
        const outcome o = wait_for(p);
        if (o.saved > saved) saved = o.saved;
        const outcome since = {.saved = saved};
        if (saved < TURNS) {
            saved = check(&since, "random kill", i, 0);
            continue;
        }
        check(&since, "random kill", i, 1);
        saved = 0;
        done++;
    }
    check(&(outcome){.saved = saved}, "random kill", kills, 1);
    if (is_long()) printf("     %d random kills, %d conversations to their ends\n", kills, done);
}

/* From the k-th operation on the disk is full: one sentence, and all saved turns stay. */
static void finds_the_disk_full(void)
{
    const long step = is_long() ? 1 : count / 8 + 1;
    for (long k = 1; k <= count; k += step) {
        const outcome o = run("full", k);
        EXPECT(!o.killed);
        if (o.failed && !strstr(o.error, "disk is full") && !strstr(o.error, "No space left"))
            FAILED("disk full at operation %ld: \"%s\"", k, o.error);
        if (!o.failed) EXPECT_EQ(o.saved, TURNS);
        check(&o, "a full disk at", k, 1);
    }
}

/* Two processes continue one session at once: each turn of both is there, at the head or on a branch. */
static void has_two_processes(void)
{
    const int races = is_long() ? 50 : 4;
    int conflicts = 0;
    for (int i = 0; i < races; i++) {
        wkv_store *s;
        wkv_store_session x;
        wkv_tree *tree;
        int answers = 0, lost = 0, turns = 0;
        must(wkv_store_open(&s, in_folder("store"), NULL));
        must(wkv_store_create(&x, s, "book", c, "plain"));
        const process p[2] = {start(NULL, 0), start(NULL, 0)};
        for (int k = 0; k < 2; k++) {
            const outcome o = wait_for(p[k]);
            turns += o.turns;
            lost += o.failed;
            if (o.failed && !strstr(o.error, "session book was continued by another process")) FAILED("%s", o.error);
        }
        EXPECT(lost < 2);
        must(wkv_store_load(&tree, s, &x, c, t));
        for (int k = 0; k < wkv_tree_count(tree); k++) answers += wkv_tree_node(tree, k)->role == WKV_ROLE_ASSISTANT;
        EXPECT_EQ(answers, turns + lost);
        EXPECT_EQ(turns_of(tree), TURNS);
        EXPECT(bits_at(tree, wkv_tree_head(tree)) == expected[TURNS]);
        wkv_tree_free(tree);
        wkv_store_close(s);
        check_database();
        fresh();
        conflicts += lost;
    }
    printf("     %d of %d pairs of processes met at one message\n", conflicts, races);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "talk")) return run_talk(argv[2]);
    if (!CAN_PRELOAD) {
        printf("skip killing: a sanitizer must be the first library\n");
        return DONE();
    }
    self = argv[0];
    snprintf(library, sizeof library, "%s", KILL_LIBRARY);
    folder_begin("kill");
    open_model();
    RUN(is_not_interrupted);
    RUN(is_killed_before);
    RUN(is_killed_within);
    RUN(is_killed_after);
    RUN(is_killed_at_random);
    RUN(finds_the_disk_full);
    RUN(has_two_processes);
    close_model();
    folder_end();
    return DONE();
}
