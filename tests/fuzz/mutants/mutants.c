/* mutants.c - many damaged files, each opened and used: a fuzzer that knows the formats, repeatable from a seed.
 *
 *     mutants [-n MUTANTS] [-s SEED] [-j PROCESSES] [-o FOLDER]     (docs: CONTRIBUTING.md)
 *     mutants -s SEED -k NUMBER                                     one mutant, to look at
 *     mutants -f NAME                                               only of sound files with this in their names
 *     mutants FILE                                                  a checkpoint, used with many options
 *     mutants -v                                                    then the counts for each sound file
 *
 * Mutant NUMBER of a SEED is always the same file, used in the same way. Processes work on batches; when one dies or
 * leaks, the parent says which mutant it was, writes it to FOLDER, and continues behind it. */
#define _GNU_SOURCE
#include "mutation.h"
#include "seeds.h"
#include "use.h"
#include "wkv.h"
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#elif __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif

#ifdef ASAN
int __lsan_do_recoverable_leak_check(void);
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=64:hard_rss_limit_mb=3000:quarantine_size_mb=8:handle_"
           "abort=0:detect_stack_use_after_return=0";
}
static int leaks(void) { return __lsan_do_recoverable_leak_check(); }
#else
static int leaks(void) { return 0; }
#endif

enum { BATCH = 500, SECONDS = 60, MOST_PROCESSES = 64, MOST_SEEDS = 200, LEAKED = 23 };

/* Shared with the parent: the number a process is at, and its counts. */
typedef struct {
    volatile int64_t at;
    volatile int64_t opened, refused;
    volatile int64_t of[MOST_SEEDS][2]; /* refused and opened, of each sound file */
} progress;

static seeds all;
static uint64_t seed = 1;
static const char *name_part; /* of sound files, when only some are mutated */
static char folder[64];

static const sound *make_mutant(buffer *b, int64_t number, rng *r)
{
    *r = (rng){.seed = seed * 0x9e3779b97f4a7c15u + (uint64_t)number};
    const sound *s = seeds_choose(&all, r);
    for (int tries = 0; name_part && !strstr(s->name, name_part) && tries < 100000; tries++) s = seeds_choose(&all, r);
    mutate(b, s, r);
    return s;
}

static void write_bytes(const char *path, const buffer *b)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(b->data, 1, b->size, f) != b->size) perror(path);
    if (f) fclose(f);
}

/* Where a mutant of this file is put: an index in the place of the folder's own, a checkpoint in a folder of a run. */
static void mutant_path(char *path, size_t room, const sound *s, const char *scratch)
{
    if (s->use == USE_INDEX)
        snprintf(path, room, "%s/%s", s->base, s->extension);
    else if (s->use == USE_RUN)
        snprintf(path, room, "%s/run/%s", scratch, s->extension);
    else
        snprintf(path, room, "%s/mutant%s", scratch, s->extension);
}

static int use_number(int64_t number, buffer *b, const char *scratch, const sound **of)
{
    rng r;
    char path[300];
    const sound *s = *of = make_mutant(b, number, &r);
    mutant_path(path, sizeof path, s, scratch);
    write_bytes(path, b);
    if (s->use == USE_TOKENS) seeds_write_bin(scratch);
    return use_mutant(s, path, scratch, &r);
}

/* ---- a process --------------------------------------------------------------------------------------------------- */

static void limit(void)
{
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
#if !defined(ASAN) && !defined(TSAN) /* which take terabytes of addresses */
    struct rlimit space = {(rlim_t)3 << 30, (rlim_t)3 << 30};
    setrlimit(RLIMIT_AS, &space);
#endif
}

static _Noreturn void work(int64_t from, int64_t to, int each_leak, int process, progress *p)
{
    cpu_set_t one;
    char scratch[96];
    buffer b = {0};
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    CPU_ZERO(&one);
    CPU_SET((size_t)process % (size_t)sysconf(_SC_NPROCESSORS_ONLN), &one);
    sched_setaffinity(0, sizeof one, &one); /* one core, so that opening a model starts no threads */
    limit();
    snprintf(scratch, sizeof scratch, "%s/%d", folder, process);
    seeds_enter(&all, scratch);
    for (int64_t i = from; i < to; i++) {
        p->at = i;
        alarm(SECONDS);
        const sound *s;
        int opened = use_number(i, &b, scratch, &s);
        if (opened)
            p->opened++;
        else
            p->refused++;
        p->of[s - all.list][opened]++;
        if (each_leak && leaks()) _exit(LEAKED);
    }
    alarm(0);
    buffer_free(&b);
    p->at = to;
    fflush(NULL);
    _exit(leaks() ? LEAKED : 0);
}

/* ---- the parent -------------------------------------------------------------------------------------------------- */

typedef struct {
    pid_t pid;
    int64_t from, to;
    int each_leak;
    progress *p;
} process;

static const char *out_folder = ".";
static int findings, verbose;
static volatile sig_atomic_t stopped; /* by Ctrl-C or SIGTERM: running batches end, then the counts are printed */

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

/* In a process of its own: a fault of the mutation itself then does not end the run. */
static void report(int64_t number, const char *why)
{
    findings++;
    fflush(NULL);
    pid_t pid = fork();
    if (pid) {
        waitpid(pid, NULL, 0);
        return;
    }
    buffer b = {0};
    rng r;
    char path[400];
    const sound *s = make_mutant(&b, number, &r);
    snprintf(path, sizeof path, "%s/mutant-%llu-%lld%s", out_folder, (unsigned long long)seed, (long long)number,
             s->use == USE_INDEX ? ".json"
             : s->use == USE_RUN ? ".safetensors"
                                 : s->extension);
    write_bytes(path, &b);
    fprintf(stderr, "FINDING seed %llu mutant %lld (%s): %s; the file is %s\n", (unsigned long long)seed,
            (long long)number, s->name, why, path);
    _exit(0);
}

static void start(process *w, int index, int64_t from, int64_t to, int each_leak)
{
    w->from = from;
    w->to = to;
    w->each_leak = each_leak;
    fflush(NULL);
    w->pid = fork();
    if (w->pid == 0) work(from, to, each_leak, index, w->p);
    if (w->pid < 0) perror("fork"), exit(2);
}

/* A process ended; returns 1 when the rest of its batch is under way again. */
static int ended(process *w, int index, int status)
{
    char why[96];
    int64_t at = w->p->at;
    if (WIFEXITED(status) && !WEXITSTATUS(status)) return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == LEAKED && !w->each_leak) { /* which of them leaks? */
        w->p->opened = w->p->refused = 0;
        start(w, index, w->from, w->to, 1);
        return 1;
    }
    if (WIFSIGNALED(status))
        snprintf(why, sizeof why, "signal %d, %s", WTERMSIG(status),
                 WTERMSIG(status) == SIGALRM ? "no end" : strsignal(WTERMSIG(status)));
    else
        snprintf(why, sizeof why, "exit status %d", WEXITSTATUS(status));
    report(at, WIFEXITED(status) && WEXITSTATUS(status) == LEAKED ? "memory is leaked" : why);
    if (at + 1 >= w->to) return 0;
    start(w, index, at + 1, w->to, w->each_leak);
    return 1;
}

static double seconds_since(const struct timespec *begun)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begun->tv_sec) + 1e-9 * (double)(now.tv_nsec - begun->tv_nsec);
}

/* Memory of all processes, between guard pages: a mutant that writes there by mistake dies, and is
 * found. */
static void *map_shared(size_t bytes)
{
    const size_t guard = 1 << 20, whole = (bytes + guard - 1) / guard * guard;
    char *p = mmap(NULL, whole + 2 * guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED
               ? p
               : mmap(p + guard, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void run_all(int64_t n, int processes)
{
    process list[MOST_PROCESSES] = {0};
    progress *shared = map_shared(sizeof(progress) * MOST_PROCESSES);
    struct timespec begun;
    int64_t next = 0, opened = 0, refused = 0, of[MOST_SEEDS][2] = {{0}};
    int running = 0;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    sigaction(SIGINT, &(struct sigaction){.sa_handler = stop}, NULL);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop}, NULL);
    while ((next < n && !stopped) || running) {
        for (int i = 0; i < processes && next < n && !stopped; i++) {
            if (list[i].pid) continue;
            list[i].p = &shared[i];
            int64_t to = next + BATCH < n ? next + BATCH : n;
            start(&list[i], i, next, to, 0);
            next = to;
            running++;
        }
        int status;
        pid_t pid = wait(&status);
        for (int i = 0; i < processes; i++) {
            if (list[i].pid != pid || ended(&list[i], i, status)) continue;
            opened += shared[i].opened;
            refused += shared[i].refused;
            for (int j = 0; j < all.n; j++) of[j][0] += shared[i].of[j][0], of[j][1] += shared[i].of[j][1];
            shared[i] = (progress){0};
            list[i].pid = 0;
            running--;
        }
        if (isatty(2))
            fprintf(stderr, "\r%lld of %lld mutants, %lld opened, %.0f/s, %d findings ", (long long)(opened + refused),
                    (long long)n, (long long)opened, (double)(opened + refused) / seconds_since(&begun), findings);
    }
    if (isatty(2)) fprintf(stderr, "\n");
    for (int j = 0; verbose && j < all.n; j++)
        printf("%-32s %8lld opened %8lld refused\n", all.list[j].name, (long long)of[j][1], (long long)of[j][0]);
    printf("mutants %lld, seed %llu, opened %lld, refused %lld, seconds %.0f, findings %d\n", (long long)next,
           (unsigned long long)seed, (long long)opened, (long long)refused, seconds_since(&begun), findings);
}

static int run_one(int64_t number)
{
    buffer b = {0};
    rng r;
    const sound *s = make_mutant(&b, number, &r);
    char scratch[96], path[300];
    snprintf(scratch, sizeof scratch, "%s/0", folder);
    limit();
    seeds_enter(&all, scratch);
    mutant_path(path, sizeof path, s, out_folder);
    if (s->use != USE_INDEX && s->use != USE_RUN) write_bytes(path, &b), printf("%s, mutated: %s\n", s->name, path);
    fflush(NULL);
    int opened = use_number(number, &b, scratch, &s);
    printf("%s%s\n", opened ? "opened" : "refused: ", opened ? "" : wkv_error());
    buffer_free(&b);
    return leaks();
}

static int run_file(const char *path)
{
    enum { TIMES = 20 };
    char scratch[96];
    snprintf(scratch, sizeof scratch, "%s/0", folder);
    limit();
    sound s = {.use = USE_MODEL};
    for (uint64_t i = 0; i < TIMES; i++) {
        rng r = {.seed = seed + i};
        printf("%s\n", use_mutant(&s, path, scratch, &r) ? "opened" : wkv_error());
        fflush(stdout);
    }
    return leaks();
}

/* A process dies in place of this one, which has a folder to remove. */
static int run_alone(int64_t number, const char *file)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) exit(file ? run_file(file) : run_one(number));
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) fprintf(stderr, "signal %d, %s\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    return !WIFEXITED(status) || WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    int64_t n = 10000, only = -1;
    int processes = (int)sysconf(_SC_NPROCESSORS_ONLN), option;
    while ((option = getopt(argc, argv, "n:s:j:o:k:f:v")) > 0) {
        if (option == 'n')
            n = atoll(optarg);
        else if (option == 's')
            seed = strtoull(optarg, NULL, 10);
        else if (option == 'j')
            processes = atoi(optarg);
        else if (option == 'o')
            out_folder = optarg;
        else if (option == 'f')
            name_part = optarg;
        else if (option == 'v')
            verbose = 1;
        else if (option == 'k')
            only = atoll(optarg);
        else
            return 2;
    }
    if (processes < 1 || processes > MOST_PROCESSES) return 2;
    unsetenv("WKV_DATA");
    setenv("HOME", "/nonexistent", 1);
    static const char *const places[] = {"/dev/shm", "/tmp"}; /* memory, where there is a place in it */
    for (int i = 0; i < 2; i++) {
        snprintf(folder, sizeof folder, "%s/wkv-mutants-%010d", places[i], (int)getpid());
        if (!mkdir(folder, 0700)) break;
    }
    int status = 2;
    if (!seeds_load(&all, folder, processes) && all.n <= MOST_SEEDS) {
        if (optind < argc || only >= 0)
            status = run_alone(only, argv[optind]);
        else
            run_all(n, processes), status = findings > 0;
    }
    seeds_free(&all);
    char clean[96];
    snprintf(clean, sizeof clean, "rm -r %s", folder);
    if (system(clean)) perror(folder);
    return status;
}
