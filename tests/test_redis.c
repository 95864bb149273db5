/* The store in Redis: URLs and passwords, a server without memory, gone and back, and a connection that is lost before
 * the reply of a transaction came; sessions that expire, unused states, damaged keys. test_store.c has what is the same
 * in a folder. */
#include "session/tree.h"
#include "stored.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static void refuses_urls(void)
{
    static const char *const bad[] = {
        "redis://host:x",   "redis://host:70000", "redis://host:0",      "redis://host/x",       "redis://name@host",
        "redis://:%4@host", "redis://[::1",       "unix://path",         "unix:///path?db=x",    "unix:///path?user=x",
        "redis://[::1]x",   "redis://:%zz@host",  "redis://host/999999", "unix://:a@path?db=-1", "redis://h:1234567"};
    wkv_store *s;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT_EQ(wkv_store_open(&s, bad[i], NULL), WKV_EARG);
        EXPECT_HAS(wkv_error(), "the URL of the store is not redis://");
    }
    EXPECT_EQ(wkv_store_open(&s, "rediss://host", NULL), WKV_EUNSUPPORTED);
    EXPECT_EQ(wkv_store_open(&s, "redis://:secret@127.0.0.1:1", NULL), WKV_EIO);
    EXPECT_HAS(wkv_error(), "redis://127.0.0.1:1: cannot be reached: Connection refused");
    EXPECT_EQ(wkv_store_open(&s, "redis://user:secret@[::1]:1/3", NULL), WKV_EIO);
    EXPECT_HAS(wkv_error(), "redis://[::1]:1/3: cannot be reached");
    EXPECT(!strstr(wkv_error(), "secret"));
    EXPECT_EQ(wkv_store_open(&s, "unix:///none", NULL), WKV_EIO);
    EXPECT_EQ(wkv_store_open(&s, redis_url(0), &(wkv_store_options){.expire_seconds = -1}), WKV_EARG);
}

static void refuses_a_newer_schema(void)
{
    wkv_store *s;
    fresh();
    wkv_store_close(opened());
    redis_do("SET wkv:schema 2");
    EXPECT_EQ(wkv_store_open(&s, redis_url(0), NULL), WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "has schema 2, expected 1; a newer wkv wrote it");
    EXPECT_EQ(wkv_store_open(&s, redis_url(5), NULL), 0);
    wkv_store_close(s);
}

static void needs_the_password(void)
{
    char url[200];
    wkv_store *s;
    fresh();
    redis_do("CONFIG SET requirepass p:w@1%%");
    snprintf(url, sizeof url, "unix://:p%%3aw%%401%%25@%s", in_folder("redis.sock"));
    EXPECT_EQ(wkv_store_open(&s, url, NULL), 0);
    wkv_store_close(s);
    snprintf(url, sizeof url, "unix://default:p%%3aw%%401%%25@%s", in_folder("redis.sock"));
    EXPECT_EQ(wkv_store_open(&s, url, NULL), 0);
    wkv_store_close(s);
    EXPECT_EQ(wkv_store_open(&s, redis_url(0), NULL), WKV_EIO);
    EXPECT_HAS(wkv_error(), "needs a password");
    snprintf(url, sizeof url, "unix://:wrong@%s", in_folder("redis.sock"));
    EXPECT_EQ(wkv_store_open(&s, url, NULL), WKV_EIO);
    EXPECT_HAS(wkv_error(), "does not accept the password");
    EXPECT(!strstr(wkv_error(), "wrong@"));
    freeReplyObject(redisCommand(redis_client, "CONFIG SET requirepass %s", ""));
}

/* ---- a server in trouble ----------------------------------------------------------------------------------------- */

/* Nothing of a turn is there that was not there before, and it is saved when there is memory again. */
static void survives_a_full_server(void)
{
    uint64_t expected[3];
    wkv_store_session x;
    fresh();
    make("book", expected);
    wkv_store *s = opened();
    wkv_tree *tree = loaded(s, &x, "book");
    const int node = turn(tree, "Why?");
    const uint64_t bits = bits_at(tree, node);
    const long long keys = redis_do("KEYS *");
    redis_do("CONFIG SET maxmemory 1");
    EXPECT_EQ(wkv_store_save(s, &x, tree), WKV_EIO);
    EXPECT_HAS(wkv_error(), "has no memory left (maxmemory); the store is unchanged");
    EXPECT_EQ(wkv_store_create(&(wkv_store_session){0}, s, "other", c, NULL), WKV_EIO);
    EXPECT_EQ(redis_do("KEYS *"), keys);
    redis_do("CONFIG SET maxmemory 0");
    EXPECT_EQ(wkv_store_save(s, &x, tree), 0);
    wkv_tree_free(tree);
    tree = loaded(s, &x, "book");
    EXPECT_EQ(bits_at(tree, node), bits);
    wkv_tree_free(tree);
    wkv_store_close(s);
}

/* In the second place, the server itself ends with its data, and is there again after a second. */
static void survives_a_lost_connection(void)
{
    uint64_t expected[3];
    wkv_store_session x;
    fresh();
    make("plain", expected);
    wkv_store *s = opened();
    must(wkv_store_create(&x, s, "book", c, "plain"));
    wkv_tree *tree = loaded(s, &x, "book");
    for (int i = 0; i < 3; i++) {
        turn(tree, questions[i]);
        if (i < 2) redis_do("CLIENT KILL TYPE normal SKIPME yes");
        if (i == 2) redis_restart();
        EXPECT_EQ(wkv_store_save(s, &x, tree), 0);
        if (i < 2) redis_do("CLIENT KILL TYPE normal SKIPME yes");
        wkv_tree_free(tree);
        tree = loaded(s, &x, "book");
        EXPECT_EQ(wkv_tree_count(tree), 2 * i + 2);
        for (int k = 0; k <= i; k++) EXPECT_EQ(bits_at(tree, 2 * k + 1), expected[k]);
    }
    wkv_tree_free(tree);
    wkv_store_close(s);
}

/* The store may be closed before its trees, which still read their states. */
static void trees_outlive_a_store(void)
{
    uint64_t expected[3];
    wkv_store_session x;
    fresh();
    make("book", expected);
    wkv_store *s = opened();
    wkv_tree *tree = loaded(s, &x, "book");
    wkv_store_close(s);
    EXPECT_EQ(bits_at(tree, 5), expected[2]);
    redis_do("CLIENT KILL TYPE normal SKIPME yes");
    EXPECT_EQ(bits_at(tree, 3), expected[1]);
    EXPECT(tree_at(tree, 3)->state && tree_at(tree, 3)->place.path);
    wkv_tree_free(tree);
}

/* ---- a reply that is lost ---------------------------------------------------------------------------------------- */

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(fd, (const struct sockaddr *)&to, sizeof to) ? -1 : fd;
}

/* Pass bytes on, until the client asks for EXEC: when the server has done it, both connections are closed. Returns 1
 * then, and 0 when the client has left. */
static int pass_on(int client, int server, int loses)
{
    static char bytes[1 << 20];
    int executes = 0;
    for (;;) {
        struct pollfd p[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        poll(p, 2, -1);
        for (int i = 0; i < 2; i++) {
            if (!p[i].revents) continue;
            const ssize_t n = read(p[i].fd, bytes, sizeof bytes - 1);
            if (n <= 0) return 0;
            bytes[n] = 0;
            if (!i && n >= 6 && loses) executes |= !strcmp(bytes + n - 6, "EXEC\r\n");
            if (i && executes) return 1;
            for (ssize_t at = 0, some; at < n; at += some)
                if ((some = write(p[1 - i].fd, bytes + at, (size_t)(n - at))) <= 0) return 0;
        }
    }
}

/* A process between the store and its server: the reply of every second transaction is lost. */
static pid_t begin_relay(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", in_folder("relay.sock"));
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(!bind(fd, (const struct sockaddr *)&at, sizeof at) && !listen(fd, 8));
    fflush(stdout);
    const pid_t relay = fork();
    int loses = 1;
    while (!relay) {
        const int client = accept(fd, NULL, NULL), server = connect_to(redis_socket());
        loses = !pass_on(client, server, loses); /* the repetition is let through */
        close(client);
        close(server);
    }
    close(fd);
    return relay;
}

static void repeats_what_was_done(void)
{
    char url[200];
    wkv_store *s;
    wkv_store_session x, *all;
    wkv_store_messages *kept;
    int n;
    fresh();
    wkv_store_close(opened());
    const pid_t relay = begin_relay();
    snprintf(url, sizeof url, "unix://%s", in_folder("relay.sock"));
    must(wkv_store_open(&s, url, NULL));
    EXPECT_EQ(wkv_store_create(&x, s, "book", c, "plain"), 0);
    must(wkv_store_list(&all, &n, s));
    EXPECT_EQ(n, 1);
    wkv_store_list_free(all);
    wkv_store_close(s);

    must(wkv_store_open(&s, url, NULL)); /* a connection that loses again */
    wkv_tree *tree;
    must(wkv_tree_new(&tree, c, t));
    turn(tree, questions[0]);
    must(wkv_tree_mark(tree, "here", 1));
    EXPECT_EQ(wkv_store_save(s, &x, tree), 0);
    turn(tree, questions[1]);
    EXPECT_EQ(wkv_store_save(s, &x, tree), 0);
    wkv_tree_free(tree);
    must(wkv_store_find(&x, s, "book"));
    EXPECT_EQ(x.messages, 4);
    EXPECT_EQ(x.turns, 2);
    must(wkv_store_read(&kept, s, &x));
    EXPECT_EQ(kept->n, 4);
    EXPECT_EQ(kept->head, 3);
    EXPECT_EQ(kept->n_names, 1);
    wkv_store_messages_free(kept);
    wkv_store_close(s);

    must(wkv_store_open(&s, url, NULL));
    EXPECT_EQ(wkv_store_delete(s, &x), 0);
    EXPECT_EQ(wkv_store_find(&x, s, "book"), 0);
    wkv_store_close(s);
    kill(relay, SIGKILL);
    waitpid(relay, NULL, 0);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static void leaves_nothing(void)
{
    wkv_store_session x;
    fresh();
    make("book", NULL);
    make("other", NULL);
    EXPECT(redis_do("KEYS wkv:*") > 10);
    wkv_store *s = opened();
    must(wkv_store_find(&x, s, "book"));
    must(wkv_store_delete(s, &x));
    must(wkv_store_find(&x, s, "other"));
    must(wkv_store_delete(s, &x));
    EXPECT_EQ(redis_do("KEYS wkv::*"), 0);
    wkv_store_close(s);
}

static void collects_unused_states(void)
{
    char command[160], sha[65];
    int64_t freed;
    wkv_store_session x;
    fresh();
    make("book", NULL);
    memset(sha, 'a', 64), sha[64] = 0;
    snprintf(command, sizeof command, "SET wkv::state:%s 12345", sha);
    redis_do(command);
    snprintf(command, sizeof command, "ZADD wkv::unused:all 1000000000 %s", sha);
    redis_do(command);
    wkv_store *s = opened();
    wkv_tree *tree = loaded(s, &x, "book");
    snprintf(command, sizeof command, "ZADD wkv::unused:all 1000000000 %s", tree_at(tree, 5)->place.path); /* in use */
    redis_do(command);
    EXPECT_EQ(wkv_store_gc(s, (int64_t)2 << 32, &freed), 0);
    EXPECT_EQ(freed, 0);
    EXPECT_EQ(states(), 4);
    EXPECT_EQ(wkv_store_gc(s, 3600, &freed), 0);
    EXPECT_EQ(freed, 5);
    EXPECT_EQ(states(), 3);
    wkv_tree_free(tree);
    wkv_store_close(s);
}

/* All keys of a session expire together, later after each save; its name is then free. */
static void sessions_expire(void)
{
    wkv_store *s;
    wkv_store_session x, *all;
    wkv_tree *tree;
    int n;
    const useconds_t longer = getenv("WKV_EMULATOR") ? 10 : 1; /* a turn may take seconds there */
    fresh();
    must(wkv_store_open(&s, redis_url(0), &(wkv_store_options){.expire_seconds = 2 * longer}));
    must(wkv_store_create(&x, s, "book", c, "plain"));
    must(wkv_tree_new(&tree, c, t));
    for (int i = 0; i < 2; i++) {
        turn(tree, questions[i]);
        must(wkv_tree_mark(tree, "here", 1));
        must(wkv_store_save(s, &x, tree));
        EXPECT_EQ(redis_without_date("wkv::*"), 1); /* the list of all sessions */
        usleep(1300000 * longer);
    }
    EXPECT_EQ(wkv_store_find(&x, s, "book"), 1); /* 2.6 s after the first save */
    wkv_tree_free(tree);
    tree = loaded(s, &x, "book");
    wkv_session *p;
    must(wkv_tree_session(&p, tree, 1));
    EXPECT(tree_at(tree, 1)->state != NULL);
    wkv_session_free(p);
    wkv_tree_free(tree);
    usleep(1200000 * longer);
    EXPECT_EQ(wkv_store_find(&x, s, "book"), 0);
    must(wkv_store_list(&all, &n, s));
    EXPECT_EQ(n, 0);
    wkv_store_list_free(all);
    EXPECT_EQ(states(), 0);
    EXPECT_EQ(wkv_store_create(&x, s, "book", c, "plain"), 0);
    wkv_store_close(s);
}

/* Another program's commands on the keys of a session: a sentence each. */
static void refuses_damage(void)
{
    static const struct {
        const char *command, *says;
    } cases[] = {
        {"HSET wkv::message:%s:%s parent msg_none", "has a parent that is not there"},
        {"HSET wkv::message:%s:%s role 9", "has no known role"},
        {"DEL wkv::message:%s:%s", "has no known role"},
        {"HSET wkv::message:%s:%s ids 123", "has a part of an id"},
        {"HSET wkv::message:%s:%s read 100000", "has read more ids than there are"},
        {"HSET wkv::message:%s:%s part.0 msg_none", "is a mix of messages that are not there"},
        {"HSET wkv::session:%s head msg_none", "is the head of its session and is not there"},
        {"HSET wkv::names:%s name msg_none", "has a name and is not there"},
        {"SET wkv::messages:%s text", "a key of the store has another type"},
        {"SET wkv::session:%s text", "a key of the store has another type"},
        {"HSET wkv::session:%s lineage x sizes RWKV-4", "session book is of RWKV-4 (built-in); the model"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char command[200];
        wkv_store_session x;
        wkv_tree *tree;
        fresh();
        make("book", NULL);
        wkv_store *s = opened();
        tree = loaded(s, &x, "book");
        snprintf(command, sizeof command, cases[i].command, x.id, tree_at(tree, 2)->about.id);
        wkv_tree_free(tree);
        redis_do(command);
        const int err = wkv_store_load(&tree, s, &x, c, t);
        EXPECT(err == WKV_EFORMAT || err == WKV_EARG);
        EXPECT_HAS(wkv_error(), cases[i].says);
        wkv_store_close(s);
    }
}

int main(void)
{
    folder_begin("redis");
    if (!(in_redis = redis_start(NULL, NULL))) {
        printf("skip the store in Redis: %s\n0 passed, 0 failed, 1 skipped\n", redis_refusal);
        folder_end();
        return 0;
    }
    open_model();
    RUN(refuses_urls);
    RUN(refuses_a_newer_schema);
    RUN(needs_the_password);
    RUN(survives_a_full_server);
    RUN(survives_a_lost_connection);
    RUN(trees_outlive_a_store);
    RUN(repeats_what_was_done);
    RUN(leaves_nothing);
    RUN(collects_unused_states);
    RUN(sessions_expire);
    RUN(refuses_damage);
    redis_stop();
    close_model();
    folder_end();
    return DONE();
}
