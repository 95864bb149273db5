/* redis.h - a Redis of the test's own: it listens at a socket in the test's folder, and keeps nothing on the disk. */
#ifndef WKV_TESTS_REDIS_H
#define WKV_TESTS_REDIS_H

#include "folder.h"
#include "test.h"
#include <string.h>
#ifdef HAVE_HIREDIS
#include <fcntl.h>
#include <signal.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/wait.h>
#include <unistd.h>
#include <hiredis/hiredis.h>
#endif

static const char *redis_refusal = "this build has no hiredis"; /* the reason why there is none */

#ifdef HAVE_HIREDIS

static pid_t redis_process;
static redisContext *redis_client;

static inline const char *redis_socket(void) { return in_folder("redis.sock"); }

/* The URL of its database with a number. */
static inline const char *redis_url(int number)
{
    static char url[4][200];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(url[turn], sizeof url[turn], "unix://%s?db=%d", redis_socket(), number);
    return url[turn];
}

/* A test that breaks off leaves nothing, on Linux. */
static inline void redis_end_with_us(void)
{
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
}

/* Start it, with one more option and its value, or NULL. Returns 0 where there is no redis-server. */
static inline int redis_start(const char *option, const char *value)
{
    fflush(stdout);
    unlink(redis_socket());
    if (!(redis_process = fork())) {
        redis_end_with_us();
        dup2(open("/dev/null", O_WRONLY), 1);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", redis_socket(), "--save", "",
               "--appendonly", "no", "--dir", folder, option, value, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 200; i++) {
        redis_client = redisConnectUnix(redis_socket());
        if (redis_client && !redis_client->err) return 1;
        redisFree(redis_client);
        redis_client = NULL;
        if (waitpid(redis_process, NULL, WNOHANG)) break;
        usleep(20000);
    }
    redis_refusal = "there is no redis-server here";
    redis_process = 0;
    return 0;
}

static inline void redis_stop(void)
{
    if (!redis_process) return;
    redisFree(redis_client);
    redis_client = NULL;
    kill(redis_process, SIGKILL);
    waitpid(redis_process, NULL, 0);
    redis_process = 0;
}

/* End it with its data on the disk, and let it come back after a second. */
static inline void redis_restart(void)
{
    freeReplyObject(redisCommand(redis_client, "SHUTDOWN SAVE"));
    waitpid(redis_process, NULL, 0);
    redisFree(redis_client);
    redis_client = NULL;
    if ((redis_process = fork())) return;
    redis_end_with_us();
    sleep(1);
    dup2(open("/dev/null", O_WRONLY), 1);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", redis_socket(), "--dir", folder,
           (char *)NULL);
    _exit(127);
}

/* Another client's command, in words without blanks; its number, or the number of elements. */
static inline long long redis_do(const char *command)
{
    if (!redis_client) redis_client = redisConnectUnix(redis_socket());
    redisReply *r = redisCommand(redis_client, command);
    if (!r || r->type == REDIS_REPLY_ERROR) FAILED("%s: %s", command, r ? r->str : redis_client->errstr);
    const long long n = !r ? -1 : r->type == REDIS_REPLY_INTEGER ? r->integer : (long long)r->elements;
    freeReplyObject(r);
    return n;
}

/* The number of keys that do not expire. */
static inline int redis_without_date(const char *pattern)
{
    redisReply *keys = redisCommand(redis_client, "KEYS %s", pattern);
    int n = 0;
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *r = redisCommand(redis_client, "TTL %s", keys->element[i]->str);
        n += r->integer < 0;
        freeReplyObject(r);
    }
    freeReplyObject(keys);
    return n;
}

#else
static inline int redis_start(const char *option, const char *value) { return (void)option, (void)value, 0; }
static inline void redis_stop(void) {}
static inline const char *redis_url(int number) { return (void)number, ""; }
static inline long long redis_do(const char *command) { return (void)command, 0; }
#endif
#endif
