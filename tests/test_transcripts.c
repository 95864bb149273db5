/* Requests of clients that are not run here, from their sources (tests/transcripts): the status, and the fields that the
 * clients read. */
#include "server.h"
#include <jansson.h>

static char path_text[256];

/* ---- fields ------------------------------------------------------------------------------------------------------ */

/* The end of a step of a path: a name, [number] or ["name"]. */
static const char *step(const json_t **v, const char *path)
{
    char name[64];
    size_t n;
    if (*path == '[' && path[1] == '"') {
        n = strcspn(path + 2, "\"");
        snprintf(name, sizeof name, "%.*s", (int)n, path + 2);
        path += 2 + n + 2;
    } else if (*path == '[') {
        *v = json_array_get(*v, (size_t)atoi(path + 1));
        return path + strcspn(path, "]") + 1;
    } else {
        n = strcspn(path, ".[=");
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        path += n;
    }
    *v = json_object_get(*v, name);
    return path;
}

static int has(const json_t *v, const char *path)
{
    while (*path && *path != '=') {
        if (*path == '.') path++;
        path = step(&v, path);
    }
    if (*path) return json_is_string(v) && !strcmp(json_string_value(v), path + 1);
    return v && !json_is_null(v);
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

/* The JSON of a response: itself, or the lines of its stream. */
static json_t *events_of(char *body)
{
    json_t *all = json_array(), *whole = json_loads(body, 0, NULL);
    if (whole) {
        json_array_append_new(all, whole);
        return all;
    }
    for (char *line = strtok(body, "\n"); line; line = strtok(NULL, "\n")) {
        if (!strncmp(line, "data: ", 6)) line += 6;
        json_t *v = json_loads(line, 0, NULL);
        if (v) json_array_append_new(all, v);
    }
    return all;
}

static int reads(const json_t *events, const char *field)
{
    const size_t n = json_array_size(events);
    size_t found = 0;
    if (!strncmp(field, "first ", 6)) return n && has(json_array_get(events, 0), field + 6);
    if (!strncmp(field, "last ", 5)) return n && has(json_array_get(events, n - 1), field + 5);
    const int all = !strncmp(field, "all ", 4), any = !strncmp(field, "any ", 4);
    for (size_t i = 0; i < n; i++) found += (size_t)has(json_array_get(events, i), all || any ? field + 4 : field);
    return all ? n && found == n : found > 0;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

/* The request asks for the most probable tokens, because a sampled answer may be empty; Ollama has the temperature among
 * its options. */
static void make_greedy(json_t *body, const char *request)
{
    json_t *to = body;
    if (strstr(request, " /api/")) {
        if (!json_object_get(body, "options")) json_object_set_new(body, "options", json_object());
        to = json_object_get(body, "options");
    }
    json_object_set_new(to, "temperature", json_integer(0));
}

/* HTTP/1.0: the response is not divided into chunks. */
static char *send_request(const json_t *line)
{
    const char *request = json_string_value(json_object_get(line, "request")), *key;
    if (json_object_get(line, "body")) make_greedy(json_object_get(line, "body"), request);
    char *body = json_object_get(line, "body") ? json_dumps(json_object_get(line, "body"), 0) : strdup("");
    json_t *value;
    int n = snprintf(request_text, sizeof request_text, "%s HTTP/1.0\r\nHost: localhost\r\nContent-Length: %zu\r\n",
                     request, strlen(body));
    json_object_foreach(json_object_get(line, "headers"), key, value) n +=
        snprintf(request_text + n, sizeof request_text - (size_t)n, "%s: %s\r\n", key, json_string_value(value));
    n += snprintf(request_text + n, sizeof request_text - (size_t)n, "\r\n%s", body);
    free(body);
    const int fd = connect_to_server();
    send_all(fd, request_text, (size_t)n);
    char *text = receive(fd, NULL, 60);
    socket_close(fd);
    return text;
}

static void replay(const json_t *line, const char *where)
{
    char *text = send_request(line), *body = strstr(text, "\r\n\r\n");
    const char *request = json_string_value(json_object_get(line, "request"));
    const json_t *fields = json_object_get(line, "reads");
    const int expected = (int)json_integer_value(json_object_get(line, "status"));
    const char *status = strchr(text, ' ');
    if (!status || atoi(status) != expected) {
        FAILED("%s: %s: %.300s, expected %d", where, request, text, expected);
        return;
    }
    json_t *events = events_of(body ? body + 4 : text);
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const char *field = json_string_value(json_array_get(fields, i));
        if (reads(events, field)) continue;
        char *got = json_dumps(events, 0);
        FAILED("%s: %s: no %s in %.600s", where, request, field, got);
        free(got);
    }
    json_decref(events);
}

static void replay_file(const char *name)
{
    static char line[1 << 16];
    int n = 0;
    snprintf(path_text, sizeof path_text, "%s/transcripts/%s.jsonl", TEST_DIR, name);
    FILE *f = fopen(path_text, "r");
    while (f && fgets(line, sizeof line, f)) {
        char where[128];
        json_t *v = json_loads(line, 0, NULL);
        snprintf(where, sizeof where, "%s.jsonl:%d", name, ++n);
        EXPECT(json_is_string(json_object_get(v, "source")));
        replay(v, where);
        json_decref(v);
    }
    EXPECT(n > 0);
    if (f) fclose(f);
}

static void claude_code(void) { replay_file("claude_code"); }
static void codex(void) { replay_file("codex"); }
static void continues(void) { replay_file("continue"); }
static void home_assistant(void) { replay_file("home_assistant"); }
static void jan(void) { replay_file("jan"); }
static void open_webui(void) { replay_file("open_webui"); }
static void sillytavern(void) { replay_file("sillytavern"); }
static void vscode(void) { replay_file("vscode"); }
static void zed(void) { replay_file("zed"); }

int main(void)
{
    if (!server_begin((const char *[]){"--tokens", "8", NULL})) {
        printf("skip a build without libmicrohttpd\n0 passed, 0 failed, 1 skipped\n");
        return 0;
    }
    RUN(claude_code);
    RUN(codex);
    RUN(continues);
    RUN(home_assistant);
    RUN(jan);
    RUN(open_webui);
    RUN(sillytavern);
    RUN(vscode);
    RUN(zed);
    EXPECT_EQ(server_end(), 0);
    return DONE();
}
