/* cmd_serve.c - wkv serve: models behind HTTP. */
#include "cache.h"
#include "commands.h"
#include "engine.h"
#include "models.h"
#include "place.h"
#include "say.h"
#include "wkv_file.h"
#include "base/platform/entry.h"
#include "base/platform/system.h"
#ifdef HAVE_MICROHTTPD
#include "serve/guard.h"
#include "serve/serve.h"
#endif
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static texts model_names, aliases, keys, origins, hosts;
static const char *folder, *host = "127.0.0.1", *key_file, *template_name, *device, *secret_file;
static int port = 8080, no_key, resident = 1, idle, slots, queue = 256, max_tokens = 4096, max_body, keep_alive = 10,
           client_timeout = 30, body_timeout = 300, grace = 10, no_mmap, store_expire, gpu_layers = -1;
static int64_t cache_memory;

static const option model_options[] = {
    {'m', "model", OPT_TEXTS, "MODEL", &model_names, 0, 0, "the built-in model",
     "model file, or a name downloaded by wkv pull; repeatable: the first one answers requests without a model"},
    {0, "models-dir", OPT_TEXT, "DIR", &folder, 0, 0, "", "also serve every checkpoint in this folder, by its name"},
    {0, "alias", OPT_TEXTS, "NAME=MODEL", &aliases, 0, 0, "",
     "another name of a model for clients; repeatable; *=MODEL answers all unknown names"},
    {0, "resident", OPT_COUNT, "N", &resident, 1, 1000, NULL, "models in memory at once"},
    {0, "idle", OPT_COUNT, "SECONDS", &idle, 0, INT_MAX, NULL, "close a model without requests after it; 0: never"},
    {0, "template", OPT_TEXT, "NAME", &template_name, 0, 0, "chosen from the model",
     "chat template: world, g1, raven, pile or plain"},
    NO_MMAP_OPTION(&no_mmap),
    {'t', "threads", OPT_COUNT, "N", &engine_threads, 1, 4096, "one per core", "number of threads"},
    DEVICE_OPTION(&device),
    LAYERS_OPTION(&gpu_layers),
};
static const option network_options[] = {
    {0, "host", OPT_TEXT, "HOST", &host, 0, 0, NULL,
     "address to listen at; 0.0.0.0 is every interface, and needs --api-key or --no-key"},
    {'p', "port", OPT_COUNT, "PORT", &port, 0, 65535, NULL, "port; 0: a free one, which the first line names"},
    {0, "api-key", OPT_TEXTS, "KEY", &keys, 0, 0, "", "accept only requests with this key; repeatable"},
    {0, "key-file", OPT_TEXT, "FILE", &key_file, 0, 0, "", "read keys from a file, one a line"},
    {0, "no-key", OPT_SWITCH, NULL, &no_key, 0, 0, "", "let everyone in who reaches HOST"},
    {0, "cors", OPT_TEXTS, "ORIGIN", &origins, 0, 0, "",
     "let web pages of this origin use the server, such as https://example.org; repeatable; *: all pages"},
    {0, "allow-host", OPT_TEXTS, "NAME", &hosts, 0, 0, "",
     "accept this name in the Host header, beside localhost and numbers; repeatable; *: all names"},
};
static const option limit_options[] = {
    {0, "slots", OPT_COUNT, "N", &slots, 0, 1 << 16, "by the memory, at most 64", "answers generated at once"},
    {0, "queue", OPT_COUNT, "N", &queue, 0, 1 << 20, NULL, "requests that wait for a slot; others get status 429"},
    {'n', "tokens", OPT_COUNT, "N", &max_tokens, 1, INT_MAX, NULL, "maximum tokens of an answer"},
    {0, "max-body", OPT_COUNT, "MB", &max_body, 0, 2000, "8, and two states", "size of a request at most"},
    {0, "keep-alive", OPT_COUNT, "SECONDS", &keep_alive, 1, 3600, NULL,
     "send a comment on a stream that is silent for so long"},
    {0, "client-timeout", OPT_COUNT, "SECONDS", &client_timeout, 1, 86400, NULL,
     "give up a client that takes nothing of its response for so long"},
    {0, "body-timeout", OPT_COUNT, "SECONDS", &body_timeout, 1, 86400, NULL,
     "give up a request whose body takes longer to arrive"},
    {0, "grace", OPT_COUNT, "SECONDS", &grace, 0, 3600, NULL, "let streams finish for so long at the end"},
    {0, "cache-memory", OPT_BYTES, "SIZE", &cache_memory, 0, 1e15, "a quarter of what is left",
     "keep states of prompts in memory, in SIZE bytes"},
};
static const option kept_options[] = {
    {0, "store-expire", OPT_COUNT, "SECONDS", &store_expire, 0, INT_MAX, NULL,
     "Redis: remove sessions that are not continued for so long; 0: never"},
    {0, "secret-file", OPT_TEXT, "FILE", &secret_file, 0, 0, "made in the store's folder",
     "sign states that clients hold with the first of one or two lines of 64 hexadecimal digits, and accept both; servers "
     "with the same file accept each other's states"},
};
static const group models_of = GROUP("Models", model_options), network = GROUP("Network", network_options),
                   limits = GROUP("Limits", limit_options), kept = GROUP("Kept conversations", kept_options);
static const group *const groups[] = {&models_of,   &network,       &store_group,     &kept,          &limits,
                                      &cache_group, &weights_group, &tokenizer_group, &general_group, NULL};

#ifdef HAVE_MICROHTTPD

enum { MODELS = 1000, KEYS = 65 /* one more than the server takes, which it refuses */ };
static serve_model served[MODELS];
static int n_models;

/* The name that clients use: that of the file without its folder and extension. */
static int add_model(const char *name, const char *path)
{
    const char *slash = name ? path_last_slash(name) : NULL;
    if (n_models == MODELS) return complain("more than %d models", MODELS);
    char *own = strdup(slash ? slash + 1 : name && *name ? name : "built-in"), *dot = own ? strrchr(own, '.') : NULL;
    char *copy = path ? strdup(path) : NULL;
    if (!own || (path && !copy)) return complain("out of memory");
    if (dot && has_model_extension(own)) *dot = 0;
    for (int i = 0; i < n_models; i++)
        if (!strcmp(served[i].name, own))
            return complain("two models are called %s; rename a file or serve one of them", own);
    served[n_models++] = (serve_model){own, copy};
    return 0;
}

static int is_visible(const char *name) { return *name != '.'; }

static int find_models(void)
{
    char path[MODEL_ROOM];
    int status = 0;
    for (int i = 0; i < model_names.n && !status; i++) {
        const char *found = model_path(model_names.at[i], path, &status);
        if (!status) status = add_model(model_names.at[i], found && strcmp(found, "built-in") ? found : NULL);
    }
    char **names = NULL; /* in order: the first model is the same each time */
    const int n = folder && !status ? listing_sorted(&names, folder, is_visible) : 0;
    const int named = n_models;
    if (n < 0) return complain("%s: no folder that can be read", folder);
    for (int i = 0; i < n; i++) {
        const char *name = names[i];
        if (!status && snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && model_exists(path))
            status = add_model(name, path);
        free(names[i]);
    }
    free(names);
    if (!status && folder && n_models == named) return complain("%s: has no checkpoint", folder);
    if (!status && !n_models) status = add_model(NULL, NULL);
    return status;
}

static int find_aliases(serve_alias *to)
{
    if (aliases.n > MODELS) return complain("more than %d aliases", MODELS);
    for (int i = 0; i < aliases.n; i++) {
        const char *equals = strchr(aliases.at[i], '=');
        if (!equals || equals == aliases.at[i] || !equals[1])
            return usage(&cmd_serve, "--alias: '%s' is not a name, = and a model", aliases.at[i]);
        to[i] = (serve_alias){text_copy(aliases.at[i], (size_t)(equals - aliases.at[i])), equals + 1};
        if (!to[i].name) return complain("out of memory");
        int known = 0;
        for (int k = 0; k < n_models; k++) known |= !strcmp(served[k].name, equals + 1);
        if (!known) return usage(&cmd_serve, "--alias: there is no model called '%s' here", equals + 1);
    }
    return 0;
}

/* Keys of options, of the file, and of $WKV_API_KEY, which no list of processes shows. */
static int find_keys(const char **to, int *n)
{
    char *text = NULL;
    size_t bytes;
    const char *own = getenv("WKV_API_KEY");
    *n = 0;
    if (own && *own) to[(*n)++] = own;
    for (int i = 0; i < keys.n && *n < KEYS; i++) to[(*n)++] = keys.at[i];
    if (key_file && wkv_file_read(&text, &bytes, key_file)) return complain_library();
    for (char *line = text, *next; line && *line && *n < KEYS; line = next) {
        next = line + strcspn(line, "\r\n");
        if (*next) *next++ = 0;
        if (*line) to[(*n)++] = line;
    }
    for (int i = 0; i < *n; i++)
        if (!*to[i]) return usage(&cmd_serve, "a key is empty");
    if (key_file && !*n) return complain("%s: has no key", key_file);
    return 0;
}

static void tell(const char *at, int at_port)
{
    const int six = strchr(at, ':') != NULL;
    put_text("http://%s%s%s:%d/v1\n", six ? "[" : "", at, six ? "]" : "", at_port);
    put_flush();
}

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    static const char *all_keys[KEYS];
    int n_keys, status = find_models();
    static serve_alias names[MODELS];
    if (!status) status = find_aliases(names);
    if (!status) status = find_keys(all_keys, &n_keys);
    if (status) return status;
    if (!guard_is_loopback(host) && !n_keys && !no_key)
        return usage(&cmd_serve, "--host %s can be reached by others; give a key with --api-key, or --no-key", host);
    char path[CACHE_PATH];
    const int64_t disk = cache_place(path);
    serve_options o = {
        .models = served,
        .n_models = n_models,
        .aliases = names,
        .n_aliases = aliases.n,
        .with = {.type = engine_with.type, .no_mmap = no_mmap},
        .context = {.threads = engine_threads, .device = device, .device_layers = device_layers(gpu_layers)},
        .vocab = engine_vocab,
        .template_name = template_name,
        .host = host,
        .port = port,
        .keys = all_keys,
        .n_keys = n_keys,
        .origins = origins.at,
        .n_origins = origins.n,
        .hosts = hosts.at,
        .n_hosts = hosts.n,
        .resident = resident,
        .idle_seconds = idle,
        .slots = slots,
        .queue = queue,
        .max_tokens = max_tokens,
        .max_body = max_body,
        .keep_alive = keep_alive,
        .client_timeout = client_timeout,
        .body_timeout = body_timeout,
        .grace = grace,
        .cache_memory = cache_memory,
        .cache_disk = disk,
        .cache_folder = disk ? path : NULL,
        .store = store_place(),
        .store_expire = store_expire,
        .secret_file = secret_file,
        .quiet = say_quiet,
        .ready = tell,
    };
    catch_interrupts();
    return serve_run(&o, &interrupted);
}

#else

static int run(int n, char **operands)
{
    (void)n, (void)operands;
    return complain("this build has no server: libmicrohttpd was missing; Debian and Ubuntu have it in "
                    "libmicrohttpd-dev");
}

#endif

const command cmd_serve = {
    .name = "serve",
    .operands = "",
    .most = 0,
    .summary = "serve models over HTTP, as OpenAI's API",
    .about = "Serve models over HTTP: chat, completions, embeddings, as OpenAI's API. The address is the first line of "
             "standard output; each request is a line of JSON on standard error. Answers of all clients are generated "
             "together, and a conversation that continues is not read again. In a browser the address is a page for "
             "chat.\n\n"
             "Without other options only programs of this machine reach the server. Ctrl-C lets streams finish and "
             "leaves. docs/server.md describes the endpoints.",
    .examples = "wkv serve -m MODEL.pth  # http://127.0.0.1:8080/v1\n"
                "wkv serve --models-dir DIR --resident 2  # several models, two in memory\n"
                "wkv serve -m MODEL.pth --host 0.0.0.0 --api-key KEY  # for others too\n"
                "wkv serve -m MODEL.pth --store redis://localhost  # one of several servers with the same sessions",
    .groups = groups,
    .run = run,
};
