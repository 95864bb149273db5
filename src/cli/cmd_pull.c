/* cmd_pull.c - published checkpoints: the list, and downloads by name, repository or URL. */
#include "bench.h"
#include "catalog.h"
#include "commands.h"
#include "fetch.h"
#include "models.h"
#include "wkv_file.h"
#include <stdlib.h>
#include <string.h>

enum { URL_ROOM = 2048 };

static const char *sha256;
static int as_json;

static const option options[] = {
    {0, "sha256", OPT_TEXT, "HEX", &sha256, 0, 0, "the server's, if it sends one", "require this SHA-256 checksum"},
    {0, "json", OPT_SWITCH, NULL, &as_json, 0, 0, "", "write the list as JSON"},
};
static const group own = GROUP("Download", options);
static const group *const groups[] = {&own, &general_group, NULL};

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static int is_bf16(const published *p) { return !strcmp(p->type, "bf16"); }

/* Bytes of weights in memory: as stored, or with --type q8 (34 bytes for 32 weights). */
static double memory(const published *p, int q8)
{
    return q8 ? (double)p->parameters * 34 / 32 : is_bf16(p) ? 2.0 * (double)p->parameters : (double)p->bytes;
}

/* Maximum tokens per second: the read bandwidth over the bytes of a token, all weights but the embedding. 0: the
 * weights do not fit into memory. The prediction ignores skipped inputs of ffn.value. */
static double speed(const published *p, int q8, double bandwidth, double available)
{
    double bytes = memory(p, q8), dense = 1 - (double)p->vocab * p->width / (double)p->parameters;
    return bytes > available ? 0 : bandwidth / (bytes * dense);
}

static const char *count_text(char out[16], const published *p)
{
    double n = (double)p->parameters;
    snprintf(out, 16, n < 0.95e9 ? "%.0fM" : "%.1fB", n < 0.95e9 ? n * 1e-6 : n * 1e-9);
    return out;
}

static const char *speed_text(char out[16], double tokens)
{
    if (tokens <= 0)
        snprintf(out, 16, "-");
    else
        snprintf(out, 16, "%.*f", tokens < 10 ? 1 : 0, tokens);
    return out;
}

static void print_list(const wkv_roof *roof, double available)
{
    char a[16], b[16], c[16], d[16], e[16], f[16];
    put_text("%s%-12s %-4s %10s %9s %9s %8s %9s %7s  %s%s\n", bold(1), "name", "RWKV", "parameters", "download",
             "memory", "as q8", "tokens/s", "as q8", "for", plain(1));
    for (const published *p = catalog; p->name; p++) {
        int q8 = is_bf16(p);
        put_text("%-12s %-4s %10s %9s %9s %8s %9s %7s  %s\n", p->name, p->version, count_text(a, p),
                 as_bytes(b, (double)p->bytes), as_bytes(c, memory(p, 0)), q8 ? as_bytes(d, memory(p, 1)) : "",
                 speed_text(e, speed(p, 0, roof->read, available)),
                 q8 ? speed_text(f, speed(p, 1, roof->read, available)) : "", p->purpose);
    }
    put_text("\n"
             "Tokens/s are predicted for this machine: its read bandwidth, measured now as %.1f GB/s, over the bytes\n"
             "that one token reads; -: more than the %s of free memory. as q8: with --type q8.\n"
             "wkv pull NAME downloads a model, wkv chat -m NAME chats with it.\n",
             roof->read * 1e-9, as_bytes(a, available));
}

static int print_json(const wkv_roof *roof, double available)
{
    json_t *list = json_array();
    for (const published *p = catalog; p->name; p++) {
        json_t *row = json_pack("{s:s s:s s:s s:s? s:s s:s s:i s:i s:i s:I s:I s:s? s:s s:f s:f}", "name", p->name,
                                "repository", p->repository, "revision", p->revision, "file", p->file, "type", p->type,
                                "version", p->version, "layers", p->layers, "width", p->width, "vocab", p->vocab,
                                "parameters", (json_int_t)p->parameters, "bytes", (json_int_t)p->bytes, "sha256",
                                p->sha256, "purpose", p->purpose, "memory_bytes", memory(p, 0),
                                "predicted_tokens_per_s", speed(p, 0, roof->read, available));
        if (is_bf16(p)) {
            json_object_set_new(row, "q8_memory_bytes", json_real(memory(p, 1)));
            json_object_set_new(row, "q8_predicted_tokens_per_s", json_real(speed(p, 1, roof->read, available)));
        }
        json_array_append_new(list, row);
    }
    return bench_put_json(json_pack("{s:f s:f s:o}", "bandwidth_gbs", roof->read * 1e-9, "memory_available_bytes",
                                    available, "checkpoints", list));
}

static int list(void)
{
    wkv_meter *meter;
    wkv_roof roof;
    double available = (double)wkv_memory_available(); /* before the meter allocates its buffer */
    if (wkv_meter_new(&meter, 0)) return complain_library();
    wkv_meter_search(meter, 0.3, &roof);
    wkv_meter_free(meter);
    if (as_json) return print_json(&roof, available);
    print_list(&roof, available);
    return 0;
}

/* ---- addresses --------------------------------------------------------------------------------------------------- */

/* https://huggingface.co, or a mirror named by HF_ENDPOINT, as in the Hugging Face programs. */
static const char *hub(void)
{
    const char *mirror = getenv("HF_ENDPOINT");
    return mirror && is_url(mirror) ? mirror : "https://huggingface.co";
}

/* HUB/REPOSITORY/resolve/REVISION/FILE, with the file name percent-encoded. */
static int file_url(char out[URL_ROOM], const char *repository, const char *revision, const char *file)
{
    static const char plain_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    int n = snprintf(out, URL_ROOM, "%s/%s/resolve/%s/", hub(), repository, revision);
    for (; n < URL_ROOM - 4 && *file; file++)
        n += snprintf(out + n, 4, strchr(plain_characters, *file) ? "%c" : "%%%02X", (unsigned char)*file);
    return *file || n >= URL_ROOM - 4 ? complain("%s: the name is too long", repository) : 0;
}

static int hex(char c) { return (int)strtol((char[]){c, 0}, NULL, 16); }

/* The last segment of a URL's path, percent-decoded: a file name without a folder. Returns 0 when there is none. */
static int name_of_url(char out[256], const char *url)
{
    const char *path = strchr(strstr(url, "://") + 3, '/');
    if (!path) return 0;
    size_t n = 0;
    const char *end = path + strcspn(path, "?#"), *start = end;
    while (start[-1] != '/') start--;
    for (const char *c = start; c < end; c++) {
        char one = *c;
        if (one == '%' && end - c > 2 && strspn(c + 1, "0123456789abcdefABCDEF") >= 2) {
            one = (char)(16 * hex(c[1]) + hex(c[2]));
            c += 2;
        }
        if (one == '/' || (unsigned char)one < 32 || n >= 255) return 0;
        out[n++] = one;
    }
    out[n] = 0;
    return n > 0 && *out != '.' && *out != '-';
}

/* ---- downloads --------------------------------------------------------------------------------------------------- */

/* The folder for downloads, created if missing, with `below` appended. */
static int target_folder(char out[MODEL_ROOM], const char *below)
{
    char folder[MODEL_ROOM];
    if (!wkv_model_folder(folder, sizeof folder, 0)) return complain("no folder for models: set WKV_MODELS or HOME");
    if (snprintf(out, MODEL_ROOM, "%s%s%s", folder, *below ? "/" : "", below) >= MODEL_ROOM)
        return complain("%s: the path is too long", folder);
    return wkv_file_make_folders(out, 0755) ? complain_library() : 0;
}

static int fetch_into(const char *below, const char *url, const char *name, const char *expected)
{
    char folder[MODEL_ROOM], path[MODEL_ROOM + 257];
    int status = target_folder(folder, below);
    if (status) return status;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    note("%s\n-> %s", url, path);
    status = fetch_file(url, path, expected);
    if (!status && !*below) put_text("%s\n", path);
    return status;
}

static int ends_with(const char *name, const char *extension)
{
    size_t n = strlen(name), e = strlen(extension);
    return n > e && !strcmp(name + n - e, extension);
}

static int is_checkpoint(const char *name)
{
    return ends_with(name, ".pth") || ends_with(name, ".gguf") || ends_with(name, ".st") ||
           ends_with(name, ".safetensors");
}

/* Description files of a Hugging Face folder. Weights come after them, so that a partial download has none. */
static int describes(const char *name)
{
    return ends_with(name, ".json") || ends_with(name, ".txt") || ends_with(name, ".jinja");
}

/* The i-th file in the repository's own folder. */
static const char *file_at(const json_t *files, size_t i)
{
    const char *name = json_string_value(json_object_get(json_array_get(files, i), "rfilename"));
    return name && *name && *name != '.' && *name != '-' && !strchr(name, '/') ? name : "";
}

static int pull_folder(const char *repository, const char *revision, const json_t *files)
{
    const char *below = strrchr(repository, '/') + 1;
    char url[URL_ROOM], folder[MODEL_ROOM];
    int status = 0;
    for (int weights = 0; weights < 2; weights++)
        for (size_t i = 0; i < json_array_size(files) && !status; i++) {
            const char *name = file_at(files, i);
            if (!(weights ? ends_with(name, ".safetensors") : describes(name))) continue;
            status = file_url(url, repository, revision, name);
            if (!status) status = fetch_into(below, url, name, NULL);
        }
    if (!status) status = target_folder(folder, below);
    if (!status) put_text("%s\n", folder);
    return status;
}

/* A repository is one model (config.json and .safetensors), or contains one checkpoint, or several; then the user must
 * name one. */
static int pull_files(const char *repository, const char *revision, const json_t *files)
{
    const char *last = NULL;
    int checkpoints = 0, tensors = 0, config = 0;
    for (size_t i = 0; i < json_array_size(files); i++) {
        const char *name = file_at(files, i);
        config |= !strcmp(name, "config.json");
        tensors += ends_with(name, ".safetensors");
        if (is_checkpoint(name)) last = name, checkpoints++;
    }
    if (config && tensors) {
        if (sha256) return usage(&cmd_pull, "--sha256 needs a single file; %s is a folder", repository);
        return pull_folder(repository, revision, files);
    }
    if (!checkpoints) return complain("%s: contains no .pth, .gguf, .st or .safetensors file", repository);
    if (checkpoints == 1) {
        char url[URL_ROOM];
        int status = file_url(url, repository, revision, last);
        return status ? status : fetch_into("", url, last, sha256);
    }
    for (size_t i = 0; i < json_array_size(files); i++)
        if (is_checkpoint(file_at(files, i))) put_text("wkv pull '%s/%s'\n", repository, file_at(files, i));
    return complain("%s: contains %d checkpoints; name one of them", repository, checkpoints);
}

static int pull_repository(const char *repository, const char *revision)
{
    char url[URL_ROOM];
    if (snprintf(url, sizeof url, "%s/api/models/%s/revision/%s", hub(), repository, revision) >= URL_ROOM)
        return complain("%s: the name is too long", repository);
    char *text;
    int status = fetch_text(&text, url);
    if (status) return status;
    json_error_t error;
    json_t *answer = json_loads(text, 0, &error);
    free(text);
    json_t *files = json_object_get(answer, "siblings");
    if (!json_is_array(files))
        status = complain("%s: the answer is not a list of files; is this the address of a hub?", url);
    else
        status = pull_files(repository, revision, files);
    json_decref(answer);
    return status;
}

/* A page of the hub is replaced by its file or repository; any other URL is the file itself. */
static int pull_url(const char *given)
{
    char url[URL_ROOM], name[256];
    size_t n = strlen(hub());
    if (snprintf(url, sizeof url, "%s", given) >= URL_ROOM) return complain("the URL is too long");
    if (!strncmp(url, hub(), n) && url[n] == '/') {
        char *blob = strstr(url, "/blob/"), *tree = strstr(url, "/tree/main");
        if (tree) *tree = 0;
        if (blob) {
            char rest[URL_ROOM];
            snprintf(rest, sizeof rest, "%s", blob + 6);
            snprintf(blob, (size_t)(url + URL_ROOM - blob), "/resolve/%s", rest);
        }
        if (is_repository(url + n + 1)) return pull_repository(url + n + 1, "main");
    }
    if (!name_of_url(name, url)) return complain("%s: the URL contains no file name", url);
    return fetch_into("", url, name, sha256);
}

/* OWNER/NAME/FILE on the hub. */
static int pull_path(const char *path)
{
    char repository[URL_ROOM], url[URL_ROOM], name[256];
    const char *file = strchr(strchr(path, '/') + 1, '/');
    if (snprintf(repository, sizeof repository, "%.*s", (int)(file - path), path) >= URL_ROOM ||
        !is_repository(repository))
        return complain("%s: expected OWNER/NAME/FILE", path);
    int status = file_url(url, repository, "main", file + 1);
    if (status) return status;
    if (!name_of_url(name, url)) return complain("%s: the file name is missing; expected OWNER/NAME/FILE", path);
    return fetch_into("", url, name, sha256);
}

static int pull_published(const published *p)
{
    if (!p->file) return pull_repository(p->repository, p->revision);
    char url[URL_ROOM];
    int status = file_url(url, p->repository, p->revision, p->file);
    if (!status) status = fetch_into("", url, p->file, sha256 ? sha256 : p->sha256);
    if (!status) note("chat with it: wkv chat -m %s", p->name);
    return status;
}

/* Print the published files with this prefix, as commands. Returns their number. */
static int list_beginning(const char *name)
{
    int n = 0;
    for (const published *p = catalog; p->name; p++)
        if (catalog_begins(p, name)) put_text("wkv pull %-12s # %s\n", p->name, catalog_file(p)), n++;
    return n;
}

static int run(int n, char **operands)
{
    if (sha256 && !is_sha256(sha256)) return usage(&cmd_pull, "--sha256: '%s' is not 64 hexadecimal digits", sha256);
    if (!n && sha256) return usage(&cmd_pull, "--sha256 needs a download; name a model");
    if (!n) return list();
    if (as_json) return usage(&cmd_pull, "--json applies to the list; omit the model");
    const char *name = operands[0];
    catch_interrupts();
    const published *p = catalog_find(name), *near = p ? NULL : catalog_nearest(name);
    if (p) return pull_published(p);
    if (is_url(name)) return pull_url(name);
    if (is_repository(name)) return pull_repository(name, "main");
    const char *slash = strchr(name, '/');
    if (slash && slash > name && strchr(slash + 1, '/') && strstr(name, "://") == NULL) return pull_path(name);
    const int candidates = list_beginning(name);
    if (candidates) return complain("%s: the name matches %d published files; choose one", name, candidates);
    if (near) return complain("%s: not a published checkpoint; did you mean %s?", name, near->name);
    return complain("%s: expected a published checkpoint, OWNER/NAME or a http URL; wkv pull lists the names", name);
}

const command cmd_pull = {
    .name = "pull",
    .operands = "[NAME|URL]",
    .most = 1,
    .summary = "download a published checkpoint",
    .about = "Without an argument: list the published checkpoints that have a short name, with size, memory, and "
             "predicted decoding speed on this machine.\n\n"
             "With an argument: download that model. NAME is a short name, the prefix of a published file's name, "
             "OWNER/NAME of a Hugging Face repository, or OWNER/NAME/FILE of a file in it. Files go into $WKV_MODELS, "
             "else $XDG_DATA_HOME/wkv, else ~/.local/share/wkv, and -m finds them by short name or file name: wkv chat "
             "-m NAME. The path is printed.\n\n"
             "The program curl transfers the data into FILE.part; the same command resumes an interrupted download. "
             "Length and SHA-256 are compared with the server's. HF_ENDPOINT names a mirror of huggingface.co.",
    .examples = "wkv pull  # the list\n"
                "wkv pull g1-1.5b  # a chat model, 3 GB\n"
                "wkv pull BlinkDL/rwkv7-g1  # the files of a repository\n"
                "wkv pull https://HOST/MODEL.pth --sha256 HEX  # any URL, with its checksum",
    .groups = groups,
    .run = run,
};
