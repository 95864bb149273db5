/* test_serve_beside.c - a stream beside a thousand connections, wrong keys, odd paths, clients that read or write slowly or
 * close their half, and a prompt of 1 MB: each gets its status, and the stream its text, without a gap. The program is
 * $WKV or ./wkv. */
#define _DEFAULT_SOURCE
#include "server.h"
#include <pthread.h>
#ifndef _WIN32
#include <sys/resource.h>
#endif

enum { GAP = 5 /* seconds without a byte of the stream, where sanitizers and other programs run */ };

#define HEAD_OF(line, key) line " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " key "\r\n"
#define STREAM                                                                                                         \
    "{\"prompt\": \"Once upon a time\", \"seed\": 5, \"max_tokens\": 1000000, \"logit_bias\": {\"0\": -100}, \"stream\": true}"

/* ---- the stream -------------------------------------------------------------------------------------------------- */

static struct {
    pthread_t thread;
    int fd;
    _Atomic int stops;
    double gap; /* the longest time between two reads, in seconds */
    char *all;
    size_t n, capacity;
} stream;

static void *read_stream(void *unused)
{
    double last = now();
    (void)unused;
    while (!stream.stops) {
        struct pollfd p = {.fd = stream.fd, .events = POLLIN};
        const int ready = poll(&p, 1, 50);
        if (now() - last > stream.gap) stream.gap = now() - last;
        if (ready <= 0) continue;
        if (stream.capacity - stream.n < 1 << 16) stream.all = realloc(stream.all, stream.capacity += 1 << 20);
        const ssize_t n = recv(stream.fd, stream.all + stream.n, (1 << 16) - 1, 0);
        if (n <= 0) break;
        stream.n += (size_t)n;
        last = now();
    }
    return NULL;
}

static void begin_stream(void)
{
    stream.fd = ask("/v1/completions", STREAM);
    stream.stops = 0;
    stream.gap = 0;
    pthread_create(&stream.thread, NULL, read_stream, NULL);
}

/* The body of a chunked response in place of it: a chunk may end within an event. */
static void remove_chunks(char *all)
{
    char *to = all, *at = strstr(all, "\r\n\r\n"), *end = all + strlen(all);
    for (at = at ? at + 4 : end; at < end;) {
        char *behind;
        const size_t n = strtoul(at, &behind, 16), left = (size_t)(end - behind);
        if (behind == at || left < 2) break;
        const size_t there = n < left - 2 ? n : left - 2;
        memmove(to, behind + 2, there);
        to += there;
        at = behind + 2 + there;
        at += at + 2 <= end ? 2 : 0;
    }
    *to = 0;
}

/* The text of all events that came whole, in JSON's spelling, in place of them. */
static void end_stream(void)
{
    static const char before[] = "\"text\": \"", after[] = "\", \"logprobs\"";
    stream.stops = 1;
    pthread_join(stream.thread, NULL);
    socket_close(stream.fd);
    if (!stream.n) return;
    stream.all[stream.n] = 0;
    remove_chunks(stream.all);
    stream.n = 0;
    for (char *at = stream.all, *end; (at = strstr(at, before)) && (end = strstr(at, after)); at = end) {
        at += sizeof before - 1;
        memmove(stream.all + stream.n, at, (size_t)(end - at));
        stream.n += (size_t)(end - at);
    }
    stream.all[stream.n] = 0;
}

/* ---- clients beside it ------------------------------------------------------------------------------------------- */

enum { IDLE, WRONG_KEY, ODD_PATH, HALF_CLOSED, SLOW, KINDS };

static const struct {
    const char *first, *second; /* parts of a request */
    int status;
} kinds[KINDS] = {
    [IDLE] = {"", "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
    [WRONG_KEY] = {HEAD_OF("GET /v1/models", "wrong"), "\r\n", 401},
    [ODD_PATH] = {HEAD_OF("GET /v1/%2e%2e/%2e%2e/etc/passwd", "right"), "\r\n", 404},
    [HALF_CLOSED] = {HEAD_OF("POST /v1/completions", "right"),
                     "Content-Length: 31\r\n\r\n{\"prompt\": \"a\", \"max_tokens\":1}", 200},
    [SLOW] = {HEAD_OF("POST /tokenize", "right") "Content-Length: 16\r\n\r\n{\"conte", "nt\": \"a\"}", 200},
};

enum { MANY = 1000 };

/* Raise the limit of open files to the highest; 0: it is too low. Windows has none for sockets. */
static int may_have_many(void)
{
#ifndef _WIN32
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_max < MANY + 100) return 0;
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
#endif
    return 1;
}

static void a_thousand_connections(void)
{
    static int fd[MANY];
    if (!may_have_many()) SKIP("a limit of fewer than %d open files", MANY + 100);
    for (int i = 0; i < MANY; i++) {
        fd[i] = connect_to_server();
        send_all(fd[i], kinds[i % KINDS].first, strlen(kinds[i % KINDS].first));
    }
    for (int i = 0; i < MANY; i++) {
        send_all(fd[i], kinds[i % KINDS].second, strlen(kinds[i % KINDS].second));
#ifndef HALF_CLOSED_IS_LEFT
        if (i % KINDS == HALF_CLOSED) shutdown(fd[i], SHUT_WR);
#endif
    }
    int right = 0;
    for (int i = 0; i < MANY; i++) {
        const int status = status_of(receive(fd[i], "\r\n\r\n{", 60));
        if (status != kinds[i % KINDS].status && right == i) FAILED("connection %d: status %d", i, status);
        right += status == kinds[i % KINDS].status;
        socket_close(fd[i]);
    }
    EXPECT_EQ(right, MANY);
}

static void slow_readers(void)
{
    enum { READERS = 3 };
    int fd[READERS];
    const int bytes = 16384;
    static const char body[] = "{\"prompt\": \"Once\", \"max_tokens\": 600, \"logprobs\": 20, \"stream\": true,"
                               "\"logit_bias\": {\"0\": -100}}";
    for (int i = 0; i < READERS; i++) {
        fd[i] = connect_to_server();
        setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, (const void *)&bytes, sizeof bytes);
        send_all(fd[i], request_text, make("/v1/completions", body, strlen(body)));
    }
    usleep(500000);
    for (int i = 0; i < READERS; i++) {
        const char *text = receive(fd[i], "[DONE]", 60);
        EXPECT(strstr(text, "\"finish_reason\": \"length\"") && strstr(text, "[DONE]"));
        socket_close(fd[i]);
    }
}

static void paths(void)
{
    static const struct {
        const char *path;
        int status;
    } list[] = {{"/v1/../../etc/passwd", 404},
                {"/%2e%2e/%2e%2e/etc/passwd", 404},
                {"//etc/passwd", 404},
                {"/v1//models", 404},
                {"/v1/models/", 404},
                {"/v1/models%00", 404},
                {"/v1/models%00.html", 404},
                {"/v1/models/built-in%00", 404},
                {"/v1/models/%2e%2e%2fbuilt-in", 404},
                {"/v1/sessions/%2e%2e%2fsecret", 404},
                {"/v1/sessions/..", 404},
                {"/v1/sessions/%ff", 404},
                {"/v1/models?model=a%00b", 200},
                {"/V1/MODELS", 404}};
    static char request[1 << 16];
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const int fd = connect_to_server();
        const int n = snprintf(request, sizeof request, HEAD_OF("GET %s", "right") "\r\n", list[i].path);
        send_all(fd, request, (size_t)n);
        const int status = status_of(receive(fd, "\r\n\r\n", 20));
        if (status != list[i].status) FAILED("%s: status %d", list[i].path, status);
        socket_close(fd);
    }
    for (size_t length = 300; length < 60000; length += 59000) { /* the second is longer than the room for a head */
        const int fd = connect_to_server();
        memset(request, 'a', length);
        memcpy(request, "GET /", 5);
        send_all(fd, request, length);
        send_all(fd, HEAD_OF("", "right") "\r\n", sizeof HEAD_OF("", "right") + 1);
        EXPECT_EQ(status_of(receive(fd, "\r\n\r\n", 20)), length < 1000 ? 404 : 414);
        socket_close(fd);
    }
}

/* It is read in steps; the client that leaves gives its place back. */
static void a_prompt_of_1_MB(void)
{
    static char body[(1 << 20) + 200];
    static const char line[] = "The king had a daughter. ";
    size_t n = (size_t)sprintf(body, "{\"max_tokens\": 1, \"stream\": true, \"prompt\": \"");
    for (; n < 1 << 20; n += sizeof line - 1) memcpy(body + n, line, sizeof line - 1);
    sprintf(body + n, "\"}");
    const int fd = ask("/v1/completions", body);
    EXPECT(
        strstr(receive(fd, "\r\n: \n\n", 60), "\r\n: \n\n")); /* a comment, by the clock: the prompt is not read yet */
    socket_close(fd);
}

/* The last of the tests with the stream: its text is the one that it has alone. */
static void has_its_text(void)
{
    enum { EVENT = 200 /* bytes around a token's text */, ENOUGH = 20000 };
    end_stream();
    char *beside = stream.all;
    const size_t n = stream.n < ENOUGH ? stream.n : ENOUGH;
    printf("     the longest gap of the stream: %.2f s, %zu bytes of text\n", stream.gap, stream.n);
    EXPECT(stream.gap < GAP);
    stream.all = NULL;
    stream.n = stream.capacity = 0;
    begin_stream();
    for (const double give_up = now() + 60; now() < give_up && stream.n < n * EVENT / 2;) usleep(100000);
    end_stream();
    const size_t common = stream.n < n ? stream.n : n;
    EXPECT(common > 1000);
    size_t same = 0;
    while (same < common && beside[same] == stream.all[same]) same++;
    if (same < common)
        FAILED("byte %zu of the text differs: \"%.80s\" beside others, \"%.80s\" alone", same, beside + same,
               stream.all + same);
    free(beside);
    free(stream.all);
}

/* The model is loaded; until then /health answers 503. */
static void wait_for_the_model(void)
{
    for (const double until = now() + within(60); now() < until; usleep(10000)) {
        const int fd = connect_to_server();
        send_all(fd, kinds[IDLE].second, strlen(kinds[IDLE].second));
        const int status = status_of(receive(fd, "\r\n\r\n{", 60));
        socket_close(fd);
        if (status == kinds[IDLE].status) return;
    }
}

int main(void)
{
    api_key = "right", closes = 1;
    if (!server_begin((const char *[]){"--api-key", "right", "--slots", "32", "--queue", "2000", "--tokens", "1000000",
                                       "--keep-alive", "1", "--grace", "1", NULL})) {
        printf("skip a build without libmicrohttpd\n0 passed, 0 failed, 1 skipped\n");
        return 0;
    }
    wait_for_the_model();
    begin_stream();
    RUN(a_thousand_connections);
    RUN(slow_readers);
    RUN(paths);
    RUN(a_prompt_of_1_MB);
    RUN(has_its_text);
    EXPECT_EQ(server_end(), 0);
    return DONE();
}
