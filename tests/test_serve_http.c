/* test_serve_http.c - wkv serve and clients that behave badly: that leave, read or write slowly, close one half, send
 * two requests at once, large ones, broken ones. Each gets its status, and the others their answers. */
#define _DEFAULT_SOURCE
#include "server.h"

#ifndef MSG_MORE /* of Linux */
#define MSG_MORE 0
#endif

#define HELLO "\"messages\": [{\"role\": \"user\", \"content\": \"Tell me a long story.\"}]"
#define ENDLESS "\"max_tokens\": 100000, \"logit_bias\": {\"0\": -100}, \"prompt\": \"Once upon a time\""

#define SHORT "{\"prompt\": \"a\", \"max_tokens\": 1}"

/* A short answer comes, within some seconds. Its time. */
static double short_answer(void)
{
    const double begun = now();
    const int fd = ask("/v1/chat/completions", "{" HELLO ", \"max_tokens\": 2}");
    const char *text = receive(fd, "total_tokens", 20);
    if (status_of(text) != 200) FAILED("a short answer: %s", text);
    socket_close(fd);
    return now() - begun;
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void a_client_that_leaves_frees_its_slot(void)
{
    for (int streams = 0; streams < 2; streams++) {
        const int fd = ask("/v1/completions", streams ? "{" ENDLESS ", \"stream\": true}" : "{" ENDLESS "}");
        if (streams)
            EXPECT_HAS(receive(fd, "data: ", 10), "data: ");
        else
            EXPECT_EQ(jobs_become(1, 10), 1);
        EXPECT_EQ(metric("jobs"), 1);
        socket_close(fd);
        EXPECT_EQ(jobs_become(0, 2), 0);
        EXPECT(short_answer() < within(10)); /* there is one slot */
    }
}

static void half_closed(void)
{
#ifdef HALF_CLOSED_IS_LEFT
    SKIP("a client that closes its direction has left");
#endif
    int fd = ask("/v1/completions", "{\"prompt\": \"Once upon a time\", \"max_tokens\": 300, \"stream\": true}");
    shutdown(fd, SHUT_WR);
    EXPECT_HAS(receive(fd, "[DONE]", 20), "data: [DONE]");
    socket_close(fd);
    fd = ask("/v1/completions",
             "{\"prompt\": \"Once upon a time\", \"max_tokens\": 300, \"logit_bias\": {\"0\": -100}}");
    shutdown(fd, SHUT_WR);
    const char *text = receive(fd, "total_tokens", 20);
    EXPECT_EQ(status_of(text), 200);
    EXPECT_HAS(text, "\"completion_tokens\": 300");
    socket_close(fd);
}

/* The same beside a connection that waits: libmicrohttpd reads from a resumed connection first, and finds its end. */
static void half_closed_beside_another(void)
{
#ifdef HALF_CLOSED_IS_LEFT
    SKIP("a client that closes its direction has left");
#endif
    const int other = connect_to_server();
    send_all(other, "GET /health HTTP/1.1\r\nHost: loc", 31);
    for (int i = 0; i < 5; i++) {
        int fd = ask("/v1/completions", "{\"prompt\": \"a\", \"max_tokens\": 30, \"logit_bias\": {\"0\": -100}}");
        shutdown(fd, SHUT_WR);
        EXPECT_HAS(receive(fd, "total_tokens", 20), "\"completion_tokens\": 30");
        socket_close(fd);
        fd = ask("/v1/completions", "{\"prompt\": \"a\", \"max_tokens\": 30, \"stream\": true}");
        shutdown(fd, SHUT_WR);
        EXPECT_HAS(receive(fd, "[DONE]", 20), "data: [DONE]");
        socket_close(fd);
        fd = connect_to_server();
        send_all(fd, "GET /v1/sessions HTTP/1.1\r\nHost: localhost\r\n\r\n", 46);
        shutdown(fd, SHUT_WR);
        EXPECT(status_of(receive(fd, "\r\n\r\n", 20)) > 0);
        socket_close(fd);
    }
    socket_close(other);
}

/* A client that closes its half in the middle of a body is not waited for. */
static void half_closed_in_a_body(void)
{
    for (int i = 0; i < 3; i++) {
        static const char begins[] = "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{}";
        const int fd = connect_to_server();
        const double begun = now();
        send(fd, begins, sizeof begins - 1, MSG_NOSIGNAL | MSG_MORE); /* with the end in one packet, on Linux */
        shutdown(fd, SHUT_WR);
        EXPECT_EQ(status_of(receive(fd, NULL, 10)), 0);
        EXPECT(now() - begun < 5);
        socket_close(fd);
    }
}

static void two_at_once(void)
{
    const int fd = connect_to_server();
    static char both[8192];
    size_t n = make("/v1/completions", SHORT, sizeof SHORT - 1);
    memcpy(both, request_text, n);
    n += (size_t)snprintf(both + n, sizeof both - n, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    send_all(fd, both, n);
    const char *text = receive(fd, "\"status\": \"ok\"", 10);
    EXPECT_HAS(text, "text_completion");
    EXPECT_HAS(text, "\"status\": \"ok\"");
    socket_close(fd);
}

static void a_slow_writer(void)
{
    const int fd = connect_to_server();
    const size_t n = make("/v1/completions", SHORT, sizeof SHORT - 1);
    for (size_t i = 0; i < n; i++) {
        send_all(fd, request_text + i, 1);
        usleep(500);
        if (i == n / 2) short_answer();
        if (i == n / 2) make("/v1/completions", SHORT, sizeof SHORT - 1);
    }
    EXPECT_EQ(status_of(receive(fd, "total_tokens", 10)), 200);
    socket_close(fd);
}

/* One that takes nothing for a while does not delay others, and gets everything in the end. */
static void a_slow_reader(void)
{
    const int fd = (int)socket(AF_INET, SOCK_STREAM, 0), bytes = 4096;
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const char body[] =
        "{\"prompt\": \"Once\", \"max_tokens\": 600, \"logit_bias\": {\"0\": -100}, \"stream\": true,"
        "\"logprobs\": 20}";
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, (const void *)&bytes, sizeof bytes);
    EXPECT_EQ(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    send_all(fd, request_text, make("/v1/completions", body, sizeof body - 1));
    usleep(300000);
    EXPECT(short_answer() < within(10));
    const char *text = receive(fd, "[DONE]", 30);
    EXPECT_HAS(text, "\"finish_reason\": \"length\"");
    EXPECT_HAS(text, "[DONE]");
    socket_close(fd);
}

static void a_large_prompt(void)
{
    static char body[1 << 21];
    static const char begins[] = "{\"max_tokens\": 1, \"stream\": true, \"prompt\": \"",
                      line[] = "The king had a daughter. ";
    const size_t size = getenv("WKV_EMULATOR") ? 20000 : 400000; /* seconds of reading */
    size_t n = sizeof begins - 1;
    memcpy(body, begins, n);
    for (; n < size; n += sizeof line - 1) memcpy(body + n, line, sizeof line - 1);
    n += (size_t)snprintf(body + n, 16, "\"}");
    const int fd = connect_to_server();
    send_all(fd, request_text, make("/v1/completions", body, n));
    usleep(100000);
    EXPECT(short_answer() < within(15));
    const char *text = receive(fd, "data: ", 120);
    EXPECT_HAS(text, "HTTP/1.1 200");
    EXPECT_HAS(text, "\r\n: \n\n"); /* a comment, by the clock */
    EXPECT_HAS(text, "data: ");
    socket_close(fd);
}

static void broken_requests(void)
{
    static const char *const texts[] = {
        "\r\n\r\n",
        "GARBAGE\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /health HTTP/1.1\r\n\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n",
        "GET /v1/models%00 HTTP/1.1\r\nHost: localhost\r\n\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const int fd = connect_to_server();
        send_all(fd, texts[i], strlen(texts[i]));
        shutdown(fd, SHUT_WR);
        const int status = status_of(receive(fd, NULL, 5));
        EXPECT(status == 0 || (status >= 400 && status <= 431) || status == 505);
        socket_close(fd);
    }
    const int fd = connect_to_server();
    static char header[1 << 17];
    memset(header, 'a', sizeof header);
    static const char begins[] = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
    send_all(fd, begins, strlen(begins));
    send_all(fd, header, sizeof header);
    EXPECT_EQ(status_of(receive(fd, NULL, 5)), 431);
    socket_close(fd);
    short_answer();
}

/* Sound bodies with damaged bytes: 200 or 4xx or 501, and never a failure of the server. */
static void mutated_bodies(void)
{
    static const char *const bodies[] = {
        "{" HELLO ", \"max_tokens\": 1, \"temperature\": 0.5, \"stop\": [\"a\"], \"n\": 1, \"stream\": false}",
        "{\"prompt\": [1, 2, 3], \"max_tokens\": 1, \"logprobs\": 2, \"echo\": true, \"logit_bias\": {\"5\": 3}}",
        "{\"input\": [\"a\", \"b\"], \"encoding_format\": \"base64\"}",
    };
    static const char *const paths[] = {"/v1/chat/completions", "/v1/completions", "/v1/embeddings"};
    static const char pieces[] = "\"{}[]:,0123456789-.eE\\ntrufalsx\xff\x80";
    uint32_t seed = 1;
    int bad = 0, fine = 0;
    for (int i = 0; i < 600; i++) {
        char body[512];
        const int which = i % 3;
        size_t n = (size_t)snprintf(body, sizeof body, "%s", bodies[which]);
        for (int k = 0; k < 1 + i % 4; k++) {
            seed = seed * 1664525u + 1013904223u;
            body[(seed >> 8) % n] = pieces[(seed >> 4) % (sizeof pieces - 1)];
        }
        const int fd = connect_to_server();
        closes = 1;
        send_all(fd, request_text, make(paths[which], body, n));
        closes = 0;
        const int status = status_of(receive(fd, NULL, 20));
        fine += status == 200;
        if (status != 200 && status != 400 && status != 404 && status != 501 && !bad++)
            FAILED("%d for %s", status, body);
        socket_close(fd);
    }
    EXPECT(fine > 20);
}

static void many_connections(void)
{
    enum { MANY = 200 };
    int fd[MANY];
    for (int i = 0; i < MANY; i++) fd[i] = connect_to_server();
    short_answer();
    for (int i = 0; i < MANY; i++) send_all(fd[i], "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 41);
    int answered = 0;
    for (int i = 0; i < MANY; i++) {
        answered += status_of(receive(fd[i], "ok", 10)) == 200;
        socket_close(fd[i]);
    }
    EXPECT_EQ(answered, MANY);
}

static void a_full_queue(void)
{
    const int one = ask("/v1/completions", "{" ENDLESS ", \"stream\": true}");
    EXPECT_HAS(receive(one, "data: ", 10), "data: ");
    const int two = ask("/v1/completions", "{" ENDLESS ", \"stream\": true}");
    EXPECT_EQ(jobs_become(2, 10), 2);
    const int three = ask("/v1/completions", "{" ENDLESS ", \"stream\": true}");
    const char *text = receive(three, "queue_full", 10);
    EXPECT_EQ(status_of(text), 429);
    EXPECT_HAS(text, "Retry-After: ");
    socket_close(one);
    EXPECT_HAS(receive(two, "data: ", 10), "data: "); /* the second has the slot now */
    socket_close(two);
    socket_close(three);
    EXPECT_EQ(jobs_become(0, 5), 0);
}

/* A client with a small buffer that asks for a long response, and reads nothing of it. */
static int stall(int streams)
{
    const int fd = (int)socket(AF_INET, SOCK_STREAM, 0), bytes = 4096;
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char body[256];
    const size_t n = (size_t)snprintf(body, sizeof body,
                                      "{\"prompt\": \"Once\", \"max_tokens\": %d, \"logit_bias\": {\"0\": -100}, "
                                      "\"logprobs\": 20, \"stream\": %s}",
                                      streams ? 100000 : 1500, streams ? "true" : "false");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, (const void *)&bytes, sizeof bytes);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to)) FAILED("no connection");
    send_all(fd, request_text, make("/v1/completions", body, n));
    return fd;
}

/* Requests whose responses are not finished, beside that of the metrics, become `n`. */
static int connections_become(int n, double seconds)
{
    const double give_up = now() + within(seconds);
    int found;
    while ((found = metric("connections") - 1) != n && now() < give_up) usleep(50000);
    return found;
}

static void gives_up_a_client_that_takes_nothing(void)
{
    for (int streams = 0; streams < 2; streams++) {
        const int fd = stall(streams);
        EXPECT_EQ(connections_become(1, 5), 1);
        EXPECT_EQ(jobs_become(0, 60), 0);
        EXPECT_EQ(connections_become(0, 5), 0);
        socket_close(fd);
    }
}

static void gives_up_a_body_that_takes_too_long(void)
{
    const int fd = connect_to_server();
    const size_t n = make("/v1/completions", SHORT, sizeof SHORT - 1);
    const double begun = now();
    char byte;
    for (size_t i = 0; i < n - 1; i++) { /* it arrives, byte by byte */
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (i > n - 20) usleep(200000);
        send_all(fd, request_text + i, 1);
        if (poll(&p, 1, 0) > 0) break;
    }
    EXPECT(recv(fd, &byte, 1, 0) <= 0);
    EXPECT(now() - begun < 3.5);
    socket_close(fd);
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { END_SECONDS = 20 };
#else
enum { END_SECONDS = 5 }; /* --grace, a second for the last bytes, and a step on a busy machine */
#endif

/* A server whose clients read nothing ends soon after --grace. */
static void ends_beside_stalled_clients(void)
{
    int fd[6];
    for (int i = 0; i < 6; i++) fd[i] = stall(i % 3 != 0);
    EXPECT_EQ(connections_become(6, 10), 6);
    usleep(2000000); /* their buffers are full */
    const double begun = now();
    EXPECT_EQ(server_end(), 0);
    EXPECT(now() - begun < END_SECONDS);
    for (int i = 0; i < 6; i++) socket_close(fd[i]);
}

/* A stream under way when the server is asked to end gets its end. */
static void shuts_down(void)
{
    const int fd = ask("/v1/completions", "{" ENDLESS ", \"stream\": true}");
    EXPECT_HAS(receive(fd, "data: ", 10), "data: ");
    server_ask_to_end();
    EXPECT_HAS(receive(fd, "[DONE]", 10), "[DONE]");
    socket_close(fd);
    EXPECT_EQ(server_end(), 0);
}

int main(void)
{
    if (!server_begin((const char *[]){"--slots", "1", "--queue", "1", "--tokens", "1000000", "--keep-alive", "1",
                                       "--grace", "1", NULL})) {
        printf("skip a build without libmicrohttpd\n0 passed, 0 failed, 1 skipped\n");
        return 0;
    }
    RUN(a_client_that_leaves_frees_its_slot);
    RUN(half_closed);
    RUN(half_closed_beside_another);
    RUN(half_closed_in_a_body);
    RUN(two_at_once);
    RUN(a_slow_writer);
    RUN(a_slow_reader);
    RUN(broken_requests);
    RUN(many_connections);
    RUN(a_full_queue);
    RUN(shuts_down);
    if (server_begin((const char *[]){"--slots", "2", "--keep-alive", "1", "--tokens", "20", NULL})) {
        RUN(mutated_bodies);
        RUN(a_large_prompt);
        EXPECT_EQ(server_end(), 0);
    }
    if (server_begin((const char *[]){"--client-timeout", "1", "--body-timeout", "1", "--tokens", "1000000", NULL})) {
        RUN(gives_up_a_client_that_takes_nothing);
        RUN(gives_up_a_body_that_takes_too_long);
        EXPECT_EQ(server_end(), 0);
    }
    if (server_begin((const char *[]){"--grace", "1", "--tokens", "1000000", NULL})) RUN(ends_beside_stalled_clients);
    return DONE();
}
