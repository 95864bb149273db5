/* test_serve_store.c - wkv serve and sessions: a store that is locked delays no other stream, and is waited for at the
 * end; two turns of a session at once, and turns whose client or server leaves. */
#define _DEFAULT_SOURCE
#include "folder.h"
#include "server.h"
#include <sqlite3.h>

#define ASK "\"messages\": [{\"role\": \"user\", \"content\": \"Hello.\"}]"
#define ENDLESS "\"max_tokens\": 100000, \"logit_bias\": {\"0\": -100}, \"stream\": true, \"prompt\": \"Once\""

static const char *const options[] = {"--slots", "4", "--tokens", "1000000", "--grace", "1", NULL};
static sqlite3 *db;

static void execute(const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) FAILED("%s: %s", sql, sqlite3_errmsg(db));
}

/* Another process with the database of the store. */
static void lock(const char *how)
{
    if (sqlite3_open(in_folder("wkv/store/wkv.db"), &db)) FAILED("no database");
    sqlite3_busy_timeout(db, 5000);
    execute(how);
}

static void unlock(void)
{
    execute("ROLLBACK");
    sqlite3_close(db);
}

/* A request without a body. */
static int ask_plainly(const char *method, const char *path)
{
    char text[256];
    const int fd = connect_to_server();
    const int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n", method, path);
    send_all(fd, text, (size_t)n);
    return fd;
}

/* The response to a request has these words. */
static void answers_with(int fd, int status, const char *words)
{
    const char *text = receive(fd, words, 20);
    EXPECT_EQ(status_of(text), status);
    EXPECT_HAS(text, words);
    socket_close(fd);
}

/* The longest time without a byte of a stream, within some seconds; *others: bytes that came from another connection. */
static double longest_gap(int fd, double seconds, int other, int *others)
{
    const double until = now() + seconds;
    double last = now(), longest = 0;
    char bytes[4096];
    *others = 0;
    while (now() < until) {
        struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = other, .events = POLLIN}};
        if (poll(p, 2, 20) > 0 && p[0].revents && recv(fd, bytes, sizeof bytes, 0) > 0) last = now();
        if (p[1].revents) {
            *others = 1;
            usleep(1000);
        }
        if (now() - last > longest) longest = now() - last;
    }
    return longest;
}

enum { LOCKED = 4, GAP = 3 }; /* seconds; a gap of one or two comes from a busy machine */

static void a_locked_store_delays_no_stream(void)
{
    int came;
    answers_with(ask("/v1/sessions", "{\"name\": \"s\"}"), 200, "\"name\": \"s\"");
    answers_with(ask("/v1/chat/completions", "{\"session\": \"s\", \"max_tokens\": 3, " ASK "}"), 200, "\"message\"");
    const int stream = ask("/v1/completions", "{" ENDLESS "}");
    EXPECT_HAS(receive(stream, "data: ", 10), "data: ");
    lock("BEGIN IMMEDIATE"); /* a writer waits, a reader does not */
    int turn = ask("/v1/chat/completions", "{\"session\": \"s\", \"max_tokens\": 3, " ASK "}");
    EXPECT(longest_gap(stream, LOCKED, turn, &came) < GAP);
    EXPECT_EQ(came, 0); /* the turn is not on the disk */
    unlock();
    answers_with(turn, 200, "\"message\"");
    lock("BEGIN EXCLUSIVE"); /* a reader waits too */
    turn = ask("/v1/chat/completions", "{\"session\": \"s\", \"max_tokens\": 3, " ASK "}");
    const int list = ask_plainly("GET", "/v1/sessions");
    EXPECT(longest_gap(stream, LOCKED, list, &came) < GAP);
    EXPECT_EQ(came, 0);
    answers_with(ask_plainly("GET", "/health"), 200, "ok");
    EXPECT(metric("store_jobs") >= 1);
    unlock();
    answers_with(turn, 200, "\"message\"");
    answers_with(list, 200, "\"turns\": ");
    socket_close(stream);
    EXPECT_EQ(jobs_become(0, 5), 0);
}

#define LONG "\"max_tokens\": 100000, \"logit_bias\": {\"0\": -100, \"66\": 100}, " ASK
#define STREAM "\"stream\": true, "

/* Where "field": "VALUE" stands last in a text, its value. */
static const char *value_of(const char *text, const char *field)
{
    static char value[4][64];
    static int turn;
    char key[64];
    const char *found = NULL;
    snprintf(key, sizeof key, "\"%s\": \"", field);
    for (const char *at = text; (at = strstr(at, key)); at += strlen(key)) found = at + strlen(key);
    char *to = value[turn = (turn + 1) % 4];
    snprintf(to, sizeof value[0], "%.*s", found ? (int)strcspn(found, "\"") : 0, found ? found : "");
    return to;
}

static const char *head_of(const char *session)
{
    char path[64];
    snprintf(path, sizeof path, "/v1/sessions/%s", session);
    const int fd = ask_plainly("GET", path);
    const char *text = receive(fd, "\"branches\"", 10), *head = value_of(text, "head");
    socket_close(fd);
    return head;
}

/* A second turn would move the same head: it is refused before it generates. */
static void a_second_turn_is_refused(void)
{
    answers_with(ask("/v1/sessions", "{\"name\": \"r\"}"), 200, "\"name\": \"r\"");
    int fd = ask("/v1/chat/completions", "{\"session\": \"r\", \"max_tokens\": 2, " ASK "}");
    const char *first = value_of(receive(fd, "\"message\": \"msg", 20), "message");
    socket_close(fd);
    const int turn = ask("/v1/chat/completions", "{\"session\": \"r\", " STREAM LONG "}");
    EXPECT_HAS(receive(turn, "\"content\": \"A", 20), "data: ");
    fd = ask("/v1/chat/completions", "{\"session\": \"r\", " STREAM LONG "}");
    const char *text = receive(fd, "turn_running", 5);
    EXPECT_EQ(status_of(text), 409);
    EXPECT_HAS(text, first);
    EXPECT_HAS(text, "the answer chatcmpl-");
    socket_close(fd);
    answers_with(ask_plainly("POST", "/v1/sessions/r/undo"), 409, "turn_running");
    answers_with(ask("/v1/chat/completions", "{\"session\": \"r\", \"branch\": true, \"max_tokens\": 2, " ASK "}"), 200,
                 "\"message\": \"msg_");
    EXPECT_STR(head_of("r"), first);
    socket_close(turn);
    EXPECT_EQ(jobs_become(0, 5), 0);
    answers_with(ask("/v1/chat/completions", "{\"session\": \"r\", \"max_tokens\": 2, " ASK "}"), 200, "\"message\"");
}

/* The session after a turn that was cut continues: the part of the answer that was written is its first turn. */
static void continues_from_a_part(const char *session)
{
    char path[64], body[256];
    snprintf(body, sizeof body, "{\"session\": \"%s\", \"max_tokens\": 2, " ASK "}", session);
    answers_with(ask("/v1/chat/completions", body), 200, "\"message\"");
    snprintf(path, sizeof path, "/v1/sessions/%s", session);
    const int fd = ask_plainly("GET", path);
    const char *text = receive(fd, "\"branches\"", 10);
    EXPECT_HAS(text, "\"turns\": 2");
    EXPECT_HAS(text, "\"role\": \"assistant\", \"content\": \"A");
    socket_close(fd);
}

/* Stop, and ask anew at once: the second turn waits until the part of the first answer is kept. */
static void a_client_that_leaves_keeps_its_part(void)
{
    for (int streams = 0; streams < 2; streams++) {
        char body[256];
        const char *const name = streams ? "stop" : "plain";
        snprintf(body, sizeof body, "{\"name\": \"%s\"}", name);
        answers_with(ask("/v1/sessions", body), 200, name);
        snprintf(body, sizeof body, "{\"session\": \"%s\", %s" LONG "}", name, streams ? STREAM : "");
        const int fd = ask("/v1/chat/completions", body);
        const char *text = receive(fd, "content\": \"A", streams ? 20 : 1.5);
        EXPECT_EQ(status_of(text), streams ? 200 : 0);
        socket_close(fd);
        continues_from_a_part(name);
    }
}

/* The same at the end of the server, after --grace. */
static void the_end_keeps_the_part_of_an_answer(void)
{
    answers_with(ask("/v1/sessions", "{\"name\": \"cut\"}"), 200, "cut");
    const int fd = ask("/v1/chat/completions", "{\"session\": \"cut\", " STREAM LONG "}");
    EXPECT_HAS(receive(fd, "content\": \"A", 20), "data: ");
    server_ask_to_end();
    const char *text = receive(fd, "[DONE]", 20);
    EXPECT_HAS(text, "\"message\": \"msg_");
    socket_close(fd);
    EXPECT_EQ(server_ended(), 0);
    EXPECT(server_begin(options));
    continues_from_a_part("cut");
}

/* A server that is asked to end waits for the store. */
static void the_end_waits_for_the_store(void)
{
    lock("BEGIN IMMEDIATE");
    const int turn = ask("/v1/chat/completions", "{\"session\": \"s\", \"max_tokens\": 5, " ASK "}");
    EXPECT_EQ(jobs_become(1, 5), 1);
    usleep(300000);
    server_ask_to_end();
    usleep(1500000);
    unlock();
    answers_with(turn, 200, "\"message\"");
    EXPECT_EQ(server_ended(), 0);
}

int main(void)
{
    folder_begin("serve-store");
    setenv("XDG_DATA_HOME", folder, 1);
    if (!server_begin(options)) {
        printf("skip a build without libmicrohttpd\n0 passed, 0 failed, 1 skipped\n");
        return 0;
    }
    RUN(a_locked_store_delays_no_stream);
    RUN(a_second_turn_is_refused);
    RUN(a_client_that_leaves_keeps_its_part);
    RUN(the_end_keeps_the_part_of_an_answer);
    RUN(the_end_waits_for_the_store);
    folder_end();
    return DONE();
}
