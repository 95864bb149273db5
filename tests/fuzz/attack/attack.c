/* attack.c - hostile clients of a running wkv serve: requests of the documents, damaged in their JSON, bytes, paths,
 * headers, lengths and chunks, sent slowly, in parts, several at once, and left at any point.
 *
 *     attack [-n REQUESTS] [-c SECONDS] [-s SEED] [-g KB]      (docs: CONTRIBUTING.md)
 *     attack -s SEED -k NUMBER                                 this request alone, as text; nothing is sent
 *
 * -c ends it when the server has used so much processor time. Every response must be HTTP, have a documented status,
 * and be JSON, of OpenAI's error shape from 400 on. Between requests a client with a fixed seed must get the same text.
 * At the end the server must have no more open files than at the beginning, and with -g not have grown by more. The
 * program is $WKV or ./wkv; its sanitizers write to standard error. */
#define _DEFAULT_SOURCE
#include "attack.h"
#include "../../folder.h"
#include "../../server.h"
#include <dirent.h>
#include <getopt.h>
#include <sys/wait.h>

enum {
    PENDING = 16,
    CONTROL = 50,
    PATIENCE = 60,
    LARGE = 20000,
    MANY = 1000, /* requests of a run that looks for open files at its end */
    IDLE = 65    /* seconds: the server's limit for a connection without a request, and some more */
};

static uint64_t seed = 1;
static int64_t requests = 300;
static double seconds; /* of the server's processor time; 0: no limit */
static long growth;    /* KB of resident memory; 0: no limit          */
static int statuses[600], findings;
static int64_t number, unanswered;

static void finding(const attack *a, const char *why)
{
    char path[96];
    snprintf(path, sizeof path, "attack-%llu-%lld.request", (unsigned long long)seed, (long long)number);
    FILE *f = a ? fopen(path, "wb") : NULL;
    if (f) {
        fwrite(a->text.at, 1, a->text.n, f);
        fclose(f);
    }
    findings++;
    FAILED("FINDING seed %llu request %lld: %s%s%s", (unsigned long long)seed, (long long)number, why,
           f ? "; it is in " : "", f ? path : "");
    fflush(stdout);
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

/* Connections that are half done: each gets some bytes now and then, and is closed at last. */
static struct {
    int fd;
    bytes text;
    size_t sent;
} pending[PENDING];

static void let_pending(rng *r)
{
    const size_t i = below(r, PENDING);
    if (!pending[i].text.at) return;
    const size_t left = pending[i].text.n - pending[i].sent, n = left < 9 ? left : 1 + below(r, 9);
    send(pending[i].fd, pending[i].text.at + pending[i].sent, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    pending[i].sent += n;
    if (n && below(r, 20)) return;
    close(pending[i].fd);
    free(pending[i].text.at);
    pending[i].text = (bytes){0};
}

static void put_pending(int fd, attack *a, rng *r)
{
    const size_t i = below(r, PENDING);
    if (pending[i].text.at) {
        close(pending[i].fd);
        free(pending[i].text.at);
    }
    pending[i].fd = fd;
    pending[i].text = a->text;
    pending[i].sent = 0;
    a->text = (bytes){0};
}

static void end_pending(void)
{
    for (int i = 0; i < PENDING; i++) {
        if (!pending[i].text.at) continue;
        close(pending[i].fd);
        free(pending[i].text.at);
        pending[i].text = (bytes){0};
    }
}

/* Returns 1 when the server has closed the connection. */
static int take(int fd, bytes *to, double patience)
{
    static char some[1 << 16];
    const double give_up = now() + patience;
    bytes_clear(to);
    while (now() < give_up) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 50) <= 0) continue;
        const ssize_t n = recv(fd, some, sizeof some, 0);
        if (n <= 0) return 1;
        bytes_splice(to, to->n, 0, some, (size_t)n);
    }
    return 0;
}

static void send_parts(int fd, const attack *a, rng *r)
{
    size_t at = 0;
    for (size_t i = 1; i < a->parts; i++) {
        const size_t n = below(r, a->text.n - at + 1);
        send_all(fd, a->text.at + at, n);
        at += n;
        usleep((unsigned)below(r, 3000));
    }
    send_all(fd, a->text.at + at, a->text.n - at);
}

/* The responses are of their form, and one that must come has come, whole. */
static void judge(const attack *a, const bytes *got, int closed)
{
    char wrong[256];
    const int whole = a->answers && a->text.n < LARGE && closed;
    const int n = answers_check(got, a->head, whole, statuses, wrong);
    if (n < 0)
        finding(a, wrong);
    else if (!closed && a->answers && a->text.n < LARGE)
        finding(a, "the connection is not closed after the answer");
    else if (whole && n < a->answers)
        finding(a, "no answer");
    else
        unanswered += !n;
    corpus_learn(got->at);
}

static void deliver(attack *a, rng *r)
{
    static bytes got;
    const int fd = connect_to_server();
    if (a->end == LINGER) {
        put_pending(fd, a, r);
        return;
    }
    send_parts(fd, a, r);
    if (a->end == HALF_CLOSE) shutdown(fd, SHUT_WR);
    if (a->end == RESET) setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    if (a->end == LEAVE || a->end == RESET)
        usleep((unsigned)below(r, 20000));
    else
        judge(a, &got, take(fd, &got, !a->answers ? 0.3 : a->text.n < LARGE ? PATIENCE : 1));
    close(fd);
}

/* ---- the server, seen from outside ------------------------------------------------------------------------------- */

/* A number of a line of /proc/PID/status. */
static long kilobytes(const char *name)
{
    char line[256];
    long kb = -1;
    snprintf(line, sizeof line, "/proc/%d/status", (int)server_process.process);
    FILE *f = fopen(line, "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name))) kb = atol(line + strlen(name) + 1);
    if (f) fclose(f);
    return kb;
}

static int open_files(void)
{
    char path[64];
    int n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)server_process.process);
    DIR *d = opendir(path);
    for (const struct dirent *e; d && (e = readdir(d));) n += *e->d_name != '.';
    if (d) closedir(d);
    return n;
}

static double processor_seconds(void)
{
    char path[64];
    long user = 0, system_time = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)server_process.process);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system_time) != 2)
        user = 0;
    if (f) fclose(f);
    return (double)(user + system_time) / (double)sysconf(_SC_CLK_TCK);
}

static void ask_control(bytes *to, const char *path, const char *body)
{
    bytes request = {0};
    attack_write(&request, path, body);
    const int fd = connect_to_server();
    send_all(fd, request.at, request.n);
    if (!take(fd, to, PATIENCE)) finding(NULL, "the control client gets no answer");
    close(fd);
    free(request.at);
}

/* The same request with the same seed gives the same text, and the server is well. */
static void control(void)
{
    static char expected[1024];
    static bytes got;
    ask_control(
        &got, "/v1/completions",
        "{\"prompt\": \"Once upon a time\", \"max_tokens\": 8, \"temperature\": 1, \"top_p\": 1, \"seed\": 11}");
    const char *text = strstr(got.n ? got.at : "", "\"text\": ");
    char found[1024];
    snprintf(found, sizeof found, "%.*s", text ? (int)strcspn(text, "}") : 0, text ? text : "");
    if (!*expected) snprintf(expected, sizeof expected, "%s", found);
    if (!*found || strcmp(found, expected)) finding(NULL, "the control client gets another text");
    ask_control(&got, "/health", NULL);
    if (status_of(got.n ? got.at : "") != 200) finding(NULL, "the server is not well");
}

static int is_alive(void) { return waitpid((pid_t)server_process.process, NULL, WNOHANG) == 0; }

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static void report(double used, const char *resident)
{
    printf("attack %lld requests, seed %llu, statuses", (long long)number, (unsigned long long)seed);
    for (int i = 0; i < 600; i++)
        if (statuses[i]) printf(" %d: %d,", i, statuses[i]);
    printf(" none: %lld; processor seconds of the server %.1f, %s, findings %d\n", (long long)unanswered, used,
           resident, findings);
}

static void make_number(attack *a, rng *r, int64_t i)
{
    *r = (rng){.seed = seed * 0x9e3779b97f4a7c15u + (uint64_t)i};
    attack_make(a, r);
}

/* Resident memory is compared with that after a fifth of the requests, when caches are full. */
static void stands_hostile_clients(void)
{
    char resident[128];
    attack a;
    rng r;
    if (!server_begin((const char *[]){"--api-key", KEY, "--tokens", "8", "--slots", "4", "--queue", "40",
                                       "--cache-memory", "16M", "--grace", "1", NULL}))
        SKIP("a build without libmicrohttpd");
    control();
    const int files = open_files();
    long kb = kilobytes("VmRSS");
    for (number = 0; number < requests && is_alive() && findings < 20; number++) {
        make_number(&a, &r, number);
        deliver(&a, &r);
        free(a.text.at);
        let_pending(&r);
        if (number % CONTROL == CONTROL - 1) control();
        if (number == requests / 5) kb = kilobytes("VmRSS");
        if (seconds > 0 && processor_seconds() > seconds) break;
    }
    end_pending();
    const double until = now() + (number < MANY ? 0 : IDLE);
    while (is_alive() && open_files() > files && now() < until) usleep(100000);
    const long more = kilobytes("VmRSS") - kb;
    snprintf(resident, sizeof resident, "resident %ld KB, later %+ld KB, open files %d, later %+d", kb, more, files,
             open_files() - files);
    const double used = processor_seconds();
    if (!is_alive()) {
        finding(&a, "the server has gone");
    } else {
        control();
        if (number >= MANY && open_files() > files) finding(NULL, "files stay open");
        if (growth && more > growth) finding(NULL, "the memory has grown");
        if (server_end()) finding(NULL, "the server ends with an error");
    }
    report(used, resident);
}

int main(int argc, char **argv)
{
    int64_t only = -1;
    for (int option; (option = getopt(argc, argv, "n:c:s:g:k:")) > 0;) {
        if (option == 'n')
            requests = atoll(optarg);
        else if (option == 'c')
            seconds = atof(optarg), requests = INT64_MAX;
        else if (option == 's')
            seed = strtoull(optarg, NULL, 10);
        else if (option == 'g')
            growth = atol(optarg);
        else if (option == 'k')
            only = atoll(optarg);
        else
            return 2;
    }
    if (!corpus_open(TEST_DIR "/../docs/server.md")) {
        fprintf(stderr, "docs/server.md has no lines with curl\n");
        return 2;
    }
    if (only >= 0) {
        attack a;
        rng r;
        make_number(&a, &r, only);
        fwrite(a.text.at, 1, a.text.n, stdout);
        return 0;
    }
    signal(SIGPIPE, SIG_IGN);
    folder_begin("attack");
    setenv("XDG_DATA_HOME", folder, 1);
    setenv("WKV_TEST_LOG", "1", 1);
    RUN(stands_hostile_clients);
    folder_end();
    return DONE();
}
