/* test_pull.c - wkv pull against a server on the loopback, and names in place of paths. The server is a thread of this
 * test; $WKV (./wkv) is the program. The file served is tests/golden/models/v7-n32-f16.pth; its name gives the
 * fault. */
#include "folder.h"
#include "test.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char digest[] = "0cf5cd692561b43a8bf6be62de82f4aaa87ec4d9d08f3ac94ce5596bb8a19e21";
static char data[1 << 20], base[64];
static int bytes, listener, requests;

/* ---- the server -------------------------------------------------------------------------------------------------- */

static void reply(int to, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (write(to, text, (size_t)n) < 0) return;
}

static void body(int to, const char *at, int n)
{
    for (ssize_t sent; n > 0; at += sent, n -= (int)sent)
        if ((sent = send(to, at, (size_t)n, MSG_NOSIGNAL)) <= 0) return;
}

/* cut: half of the rest arrives. slow: when asked from the start, half, then nothing. stuck: half, and no answer to a
 * range. plain: ranges are ignored. long: more is announced; huge: much more. linked, bad: a digest is sent, the right
 * one or not. moved: a redirection. */
static void serve(int to, const char *path, int head, int from)
{
    const char *list = NULL;
    if (strstr(path, "/api/models/own/many/"))
        list = "{\"siblings\":[{\"rfilename\":\"a.pth\"},{\"rfilename\":\"b.pth\"},{\"rfilename\":\"README.md\"}]}";
    if (strstr(path, "/api/models/own/single/"))
        list = "{\"siblings\":[{\"rfilename\":\"one.pth\"},{\"rfilename\":\"../evil.pth\"}]}";
    if (strstr(path, "/api/models/own/folder/"))
        list = "{\"siblings\":[{\"rfilename\":\"model.safetensors\"},{\"rfilename\":\"config.json\"},{\"rfilename\":"
               "\"x/y.json\"}]}";
    if (strstr(path, "/api/models/own/page/")) list = "<html>";
    if (list) {
        reply(to, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen(list), list);
        return;
    }
    if (strstr(path, "missing") || strstr(path, "/api/")) {
        reply(to, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    }
    char linked[200] = "";
    if (strstr(path, "linked"))
        snprintf(linked, sizeof linked, "X-Linked-ETag: \"%s\"\r\nX-Linked-Size: %d\r\n", digest, bytes);
    if (strstr(path, "bad")) snprintf(linked, sizeof linked, "x-linked-etag: \"%064d\"\r\n", 0);
    if (strstr(path, "long")) snprintf(linked, sizeof linked, "X-Linked-Size: %d\r\n", bytes + 5);
    if (strstr(path, "huge")) snprintf(linked, sizeof linked, "X-Linked-Size: 4000000000000000000\r\n");
    if (strstr(path, "moved")) {
        reply(to, "HTTP/1.1 302 Found\r\n%sLocation: %s/store\r\nContent-Length: 9\r\nConnection: close\r\n\r\n%s",
              linked, base, head ? "" : "elsewhere");
        return;
    }
    if (strstr(path, "plain")) from = 0;
    if (strstr(path, "stuck") && from) return;
    if (from >= bytes) {
        reply(to, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    }
    int rest = bytes - from;
    if (from)
        reply(to,
              "HTTP/1.1 206 Partial Content\r\n%sContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\nConnection: "
              "close\r\n\r\n",
              linked, from, bytes - 1, bytes, rest);
    else
        reply(to, "HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n", linked, rest);
    if (head) return;
    int slow = strstr(path, "slow") && !from;
    body(to, data + from, slow || strstr(path, "stuck") || (strstr(path, "cut") && rest > bytes / 6) ? rest / 2 : rest);
    struct pollfd left = {.fd = to, .events = POLLIN};
    if (slow) poll(&left, 1, 5000);
}

static void *server(void *unused)
{
    (void)unused;
    for (int to; (to = accept(listener, NULL, NULL)) >= 0; close(to)) {
        char request[4096];
        int n = 0;
        for (ssize_t got; n < 4095 && (got = read(to, request + n, (size_t)(4095 - n))) > 0;) {
            request[n += (int)got] = 0;
            if (strstr(request, "\r\n\r\n")) break;
        }
        request[n] = 0;
        char method[8] = "", path[512] = "";
        if (sscanf(request, "%7s %511s", method, path) != 2) continue;
        const char *range = strstr(request, "Range: bytes=");
        __atomic_add_fetch(&requests, 1, __ATOMIC_RELAXED);
        serve(to, path, !strcmp(method, "HEAD"), range ? atoi(range + 13) : 0);
        shutdown(to, SHUT_WR);
        while (read(to, request, sizeof request) > 0) {} /* a close with unread bytes would reset bytes on their way */
    }
    return NULL;
}

static int start(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    pthread_t thread;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || fcntl(listener, F_SETFD, FD_CLOEXEC) || bind(listener, (void *)&a, sizeof a) ||
        listen(listener, 16) || getsockname(listener, (void *)&a, &n))
        return -1;
    snprintf(base, sizeof base, "http://127.0.0.1:%d", ntohs(a.sin_port));
    return pthread_create(&thread, NULL, server, NULL);
}

/* ---- the program ------------------------------------------------------------------------------------------------- */

static char out[1 << 15], err[1 << 15];

static void slurp(char to[1 << 15], const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(to, 1, (1 << 15) - 1, f) : 0;
    to[n] = 0;
    if (f) fclose(f);
}

static pid_t launch(const char *const *argv)
{
    pid_t child = fork();
    if (child) return child;
    char path[128];
    snprintf(path, sizeof path, "%s/out", folder);
    dup2(open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600), 1);
    snprintf(path, sizeof path, "%s/err", folder);
    dup2(open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600), 2);
    execv(argv[0], (char *const *)argv);
    _exit(99);
}

static int finish(pid_t child)
{
    int how;
    waitpid(child, &how, 0);
    slurp(out, "out");
    slurp(err, "err");
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static int wkv(const char *command, const char *a, const char *b, const char *c)
{
    const char *program = getenv("WKV");
    const char *const argv[] = {program ? program : "./wkv", command, a, b, c, NULL};
    return finish(launch(argv));
}

static int pull(const char *name)
{
    char url[512];
    snprintf(url, sizeof url, "%s/%s", base, name);
    return wkv("pull", url, NULL, NULL);
}

/* Size of a file among the models, -1: none. */
static long size(const char *name)
{
    char path[256];
    struct stat s;
    snprintf(path, sizeof path, "%s/models/%s", folder, name);
    return stat(path, &s) ? -1 : (long)s.st_size;
}

static int is_whole(const char *name)
{
    char path[256];
    static char got[1 << 20];
    snprintf(path, sizeof path, "%s/models/%s", folder, name);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(got, 1, sizeof got, f) : 0;
    if (f) fclose(f);
    return n == (size_t)bytes && !memcmp(got, data, n);
}

static void put_part(const char *name, int n)
{
    char path[256];
    snprintf(path, sizeof path, "%s/models/%s.part", folder, name);
    FILE *f = fopen(path, "w");
    if (!f) return;
    fwrite(data, 1, (size_t)n, f);
    fclose(f);
}

static int has(const char *program) /* in PATH */
{
    char line[64];
    snprintf(line, sizeof line, "command -v %s >/dev/null 2>&1", program);
    return !system(line);
}

#define NEEDS(program)                                                                                                 \
    do {                                                                                                               \
        if (!has(program)) SKIP("test_pull: %s is not installed", program);                                            \
    } while (0)

/* ---- downloads --------------------------------------------------------------------------------------------------- */

static void a_file(void)
{
    NEEDS("curl");
    EXPECT_EQ(pull("v7%2Dsmall.pth?download=true"), 0);
    EXPECT_HAS(out, "/models/v7-small.pth\n");
    EXPECT(is_whole("v7-small.pth"));
    EXPECT_EQ(size("v7-small.pth.part"), -1);
    EXPECT_EQ(pull("v7-small.pth"), 0);
    EXPECT_HAS(err, "exists already");
}

static void a_cut_connection(void)
{
    NEEDS("curl");
    int before = requests;
    EXPECT_EQ(pull("cut.pth"), 0);
    EXPECT(is_whole("cut.pth"));
    EXPECT(requests - before > 3);
    EXPECT_EQ(pull("stuck.pth"), 1); /* the rest never comes */
    EXPECT_HAS(err, "; the same command resumes");
    EXPECT_EQ(size("stuck.pth.part"), bytes / 2);
}

static void a_download_in_part(void)
{
    NEEDS("curl");
    put_part("part.pth", 1234);
    EXPECT_EQ(pull("part.pth"), 0);
    EXPECT(is_whole("part.pth"));
    put_part("full.pth", bytes); /* complete, but for the new name */
    EXPECT_EQ(pull("full.pth"), 0);
    EXPECT(is_whole("full.pth"));
    put_part("plain.pth", 77); /* a server that cannot resume */
    EXPECT_EQ(pull("plain.pth"), 0);
    EXPECT(is_whole("plain.pth"));
}

static void an_interrupt(void)
{
    NEEDS("curl");
    char url[128];
    snprintf(url, sizeof url, "%s/slow.pth", base);
    const char *program = getenv("WKV");
    pid_t child = launch((const char *const[]){program ? program : "./wkv", "pull", url, NULL});
    for (int i = 0; i < 500 && size("slow.pth.part") < 1000; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    kill(child, SIGINT);
    EXPECT_EQ(finish(child), 130);
    EXPECT_HAS(err, "is kept");
    EXPECT(size("slow.pth.part") >= 1000 && size("slow.pth.part") < bytes);
    EXPECT_EQ(pull("slow.pth"), 0);
    EXPECT(is_whole("slow.pth"));
}

static void a_wrong_length(void)
{
    NEEDS("curl");
    EXPECT_EQ(pull("long.pth"), 1);
    EXPECT_HAS(err, "the server announced");
    EXPECT_EQ(size("long.pth"), -1);
    EXPECT_EQ(size("long.pth.part"), -1);
}

static void checksums(void)
{
    NEEDS("curl");
    NEEDS("sha256sum");
    char url[128], zeros[65];
    snprintf(zeros, sizeof zeros, "%064d", 0);
    EXPECT_EQ(pull("linked-moved.pth"), 0); /* as huggingface.co: digest and size in a redirection */
    EXPECT_HAS(err, "checking the SHA-256");
    EXPECT(is_whole("linked-moved.pth"));
    EXPECT_EQ(pull("bad.pth"), 1);
    EXPECT_HAS(err, "SHA-256 is");
    EXPECT_EQ(size("bad.pth"), -1);
    EXPECT_EQ(size("bad.pth.part"), -1);
    snprintf(url, sizeof url, "%s/mine.pth", base);
    EXPECT_EQ(wkv("pull", url, "--sha256", zeros), 1);
    EXPECT_EQ(size("mine.pth"), -1);
    EXPECT_EQ(wkv("pull", url, "--sha256", digest), 0);
    EXPECT_EQ(wkv("pull", url, "--sha256", zeros), 1); /* one that is there already */
    EXPECT(is_whole("mine.pth"));
}

static void refusals(void)
{
    NEEDS("curl");
    EXPECT_EQ(pull("missing.pth"), 1);
    EXPECT_HAS(err, "404");
    EXPECT_EQ(size("missing.pth.part"), -1);
    EXPECT_EQ(pull("..%2f..%2fescape.pth"), 1);
    EXPECT_HAS(err, "file name");
    EXPECT_EQ(pull(""), 1);
    EXPECT_EQ(pull("huge.pth"), 1);
    EXPECT_HAS(err, "the disk has");
    EXPECT_EQ(size("huge.pth.part"), -1);
    char path[128];
    snprintf(path, sizeof path, "%s/models/twice.pth.part", folder);
    int busy = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    EXPECT(!flock(busy, LOCK_EX));
    EXPECT_EQ(pull("twice.pth"), 1);
    EXPECT_HAS(err, "another wkv pull");
    close(busy);
    EXPECT_EQ(wkv("pull", "http://127.0.0.1:1/x.pth", NULL, NULL), 1);
    EXPECT_HAS(err, "cannot connect");
    EXPECT_HAS(err, "Try: curl -L --fail -C - -o");
    EXPECT_EQ(wkv("pull", "g1-1.4b", NULL, NULL), 1);
    EXPECT_HAS(err, "did you mean g1-");
    EXPECT_EQ(wkv("pull", "x", "--sha256", "12"), 2);
    EXPECT_EQ(wkv("pull", "--json", "x", NULL), 2);
}

static void repositories(void)
{
    NEEDS("curl");
    EXPECT_EQ(wkv("pull", "own/single", NULL, NULL), 0);
    EXPECT(is_whole("one.pth"));
    EXPECT_EQ(wkv("pull", "own/many", NULL, NULL), 1);
    EXPECT_HAS(out, "wkv pull 'own/many/a.pth'\nwkv pull 'own/many/b.pth'\n");
    EXPECT_EQ(wkv("pull", "own/many/b.pth", NULL, NULL), 0);
    EXPECT(is_whole("b.pth"));
    EXPECT_EQ(wkv("pull", "own/folder", NULL, NULL), 0);
    EXPECT_HAS(out, "/models/folder\n");
    EXPECT(is_whole("folder/model.safetensors"));
    EXPECT(is_whole("folder/config.json"));
    EXPECT_EQ(size("folder/y.json"), -1);
    EXPECT_EQ(wkv("pull", "own/nothing", NULL, NULL), 1);
    EXPECT_HAS(err, "no such repository");
    EXPECT_EQ(wkv("pull", "own/page", NULL, NULL), 1);
    EXPECT_HAS(err, "not a list of files");
}

static void without_curl(void)
{
    char kept[4096];
    snprintf(kept, sizeof kept, "%s", getenv("PATH") ? getenv("PATH") : "");
    setenv("PATH", folder, 1);
    EXPECT_EQ(pull("nocurl.pth"), 1);
    setenv("PATH", kept, 1);
    EXPECT_HAS(err, "curl is not installed");
    EXPECT_HAS(err, "Try: curl -L --fail -C - -o");
    EXPECT_HAS(err, "/nocurl.pth'");
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static void names(void)
{
    char model[256];
    folder_create("models", 0700);
    EXPECT(!symlink(TEST_DIR "/golden/models/v7-n32-f16.pth", "models/tiny.pth"));
    EXPECT(!symlink("tiny.pth", "models/rwkv7-g1d-0.1b-20260129-ctx8192.pth"));
    EXPECT(!folder_create("models/shards", 0700) && !symlink("../tiny.pth", "models/shards/a.pth"));
    EXPECT_EQ(wkv("info", "tiny", NULL, NULL), 0);
    EXPECT_EQ(wkv("info", "-m", "tiny.pth", NULL), 0);
    EXPECT_HAS(out, "/models/tiny.pth");
    EXPECT_EQ(wkv("info", "g1-0.1b", NULL, NULL), 0);
    EXPECT_HAS(out, "RWKV-7");
    EXPECT_EQ(wkv("info", "RWKV7-G1d-0.1b", NULL, NULL), 0); /* the only published file that begins so */
    EXPECT_EQ(wkv("info", "own/shards", NULL, NULL), 0);
    EXPECT_EQ(wkv("generate", "-m", "g1-1.5b", NULL), 1);
    EXPECT_HAS(err, "wkv pull g1-1.5b\n");
    EXPECT_EQ(wkv("info", "BlinkDL/rwkv7-g1", NULL, NULL), 1);
    EXPECT_HAS(err, "wkv pull BlinkDL/rwkv7-g1\n");
    EXPECT_EQ(wkv("convert", "https://a.b/c.pth", "x.gguf", NULL), 1);
    EXPECT_HAS(err, "wkv pull https://a.b/c.pth\n");
    EXPECT_EQ(wkv("info", "models/none", NULL, NULL), 1); /* a path in a folder that is there */
    EXPECT_HAS(err, "No such file");
    EXPECT_EQ(wkv("info", "none.pth", NULL, NULL), 1);
    EXPECT_HAS(err, "No such file");
    /* the folders in their order */
    unsetenv("WKV_MODELS");
    EXPECT_EQ(wkv("info", "tiny", NULL, NULL), 1);
    snprintf(model, sizeof model, "%s/data", folder);
    setenv("XDG_DATA_HOME", model, 1);
    EXPECT(!folder_create("data", 0700) && !symlink("../models", "data/wkv"));
    EXPECT_EQ(wkv("info", "tiny", NULL, NULL), 0);
    unsetenv("XDG_DATA_HOME");
    EXPECT(!folder_create(".local", 0700) && !symlink("../data", ".local/share"));
    EXPECT_EQ(wkv("info", "tiny", NULL, NULL), 0);
}

/* Every row of the list: a name of its own, sizes that agree, a prediction that is bandwidth over bytes. */
static void the_rows(void)
{
    EXPECT_EQ(wkv("pull", "--json", NULL, NULL), 0);
    json_t *list = json_loads(out, 0, NULL), *rows = json_object_get(list, "checkpoints"), *seen = json_object(), *row;
    double bandwidth = json_number_value(json_object_get(list, "bandwidth_gbs")) * 1e9;
    size_t i;
    EXPECT(json_array_size(rows) > 30);
    json_array_foreach(rows, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "name")),
                   *type = json_string_value(json_object_get(row, "type")),
                   *sum = json_string_value(json_object_get(row, "sha256"));
        double parameters = json_number_value(json_object_get(row, "parameters")),
               length = json_number_value(json_object_get(row, "bytes")),
               embedding =
                   json_number_value(json_object_get(row, "vocab")) * json_number_value(json_object_get(row, "width")),
               memory = json_number_value(json_object_get(row, "memory_bytes")),
               speed = json_number_value(json_object_get(row, "predicted_tokens_per_s"));
        if (!name || !type || json_object_get(seen, name)) FAILED("row %zu: no name, or one that is there already", i);
        json_object_set_new(seen, name ? name : "", json_true());
        if (type && !strcmp(type, "bf16") && fabs(length / parameters / 2 - 1) > 0.01)
            FAILED("%s: sizes disagree", name);
        if (sum && (strlen(sum) != 64 || strspn(sum, "0123456789abcdef") != 64)) FAILED("%s: no SHA-256", name);
        if (speed > 0) EXPECT_NEAR(speed * memory * (1 - embedding / parameters) / bandwidth, 1, 1e-3);
    }
    json_decref(seen);
    json_decref(list);
}

static void the_list(void)
{
    EXPECT_EQ(wkv("pull", NULL, NULL, NULL), 0);
    EXPECT_HAS(out, "\ng1-1.5b ");
    EXPECT_HAS(out, "\npile-14b ");
    EXPECT_HAS(out, "prediction");
}

int main(void)
{
    FILE *f = fopen(TEST_DIR "/golden/models/v7-n32-f16.pth", "r");
    bytes = f ? (int)fread(data, 1, sizeof data, f) : 0;
    if (f) fclose(f);
    char program[4096], models[128];
    folder_begin("pull");
    const char *given = getenv("WKV");
    if (!realpath(given ? given : "./wkv", program) || chdir(folder) || start()) {
        printf("0 passed, 1 failed, 0 skipped\n");
        return 1;
    }
    snprintf(models, sizeof models, "%s/models", folder);
    setenv("WKV", program, 1);
    setenv("HOME", folder, 1); /* no .curlrc */
    setenv("WKV_MODELS", models, 1);
    setenv("HF_ENDPOINT", base, 1);
    setenv("no_proxy", "*", 1);
    setenv("NO_COLOR", "1", 1);
    unsetenv("XDG_DATA_HOME");
    RUN(a_file);
    RUN(a_cut_connection);
    RUN(a_download_in_part);
    RUN(an_interrupt);
    RUN(a_wrong_length);
    RUN(checksums);
    RUN(refusals);
    RUN(repositories);
    RUN(without_curl);
    RUN(names);
    RUN(the_rows);
    if (getenv("WKV_LONG")) RUN(the_list); /* measures the machine once more */
    folder_end();
    return DONE();
}
