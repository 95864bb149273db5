/* folder.c - which files a path stands for: itself, the shards an index lists, or what a directory holds. Spec FORMATS 3.1. */
#include "format/reader.h"
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const indices[] = {"model.safetensors.index.json", "pytorch_model.bin.index.json"};

static char *join(const char *folder, size_t folder_len, const char *name)
{
    char *path = malloc(folder_len + strlen(name) + 1);
    if (!path) {
        fail(WKV_ENOMEM, "no memory for a path");
        return NULL;
    }
    memcpy(path, folder, folder_len);
    strcpy(path + folder_len, name);
    return path;
}

enum { MAX_SHARDS = 4096 }; /* the largest models have some hundred */

/* Takes `path`; a file already there is not taken twice. */
static int add_file(checkpoint *c, char *path)
{
    for (int i = 0; path && i < c->n; i++) {
        if (!strcmp(c->file[i], path)) {
            free(path);
            return WKV_OK;
        }
    }
    if (path && c->n == MAX_SHARDS) {
        free(path);
        return fail(WKV_EFORMAT, "names over %d files, more than any checkpoint has", MAX_SHARDS);
    }
    char **more = path ? realloc(c->file, sizeof *more * ((size_t)c->n + 1)) : NULL;
    if (!more) {
        free(path);
        return fail(WKV_ENOMEM, "no memory for a list of files");
    }
    c->file = more;
    c->file[c->n++] = path;
    return WKV_OK;
}

/* {"weight_map": {tensor: file in the index's own folder}} */
static int read_index(checkpoint *c, const char *path)
{
    char *text;
    size_t size;
    int e = file_slurp(&text, &size, path);
    if (e) return e;
    json_error_t why;
    c->index = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    free(text);
    if (!c->index) return fail(WKV_EFORMAT, "%s: is no JSON: %s", path, why.text);
    const char *slash = strrchr(path, '/'), *name;
    json_t *map = json_object_get(c->index, "weight_map"), *file;
    if (!json_is_object(map)) return fail(WKV_EFORMAT, "%s: has no weight_map", path);
    json_object_foreach(map, name, file)
    {
        const char *shard = json_string_value(file);
        if (!shard || strchr(shard, '/'))
            return fail(WKV_EFORMAT, "%s: tensor %s is in no file of its folder", path, name);
        if ((e = add_file(c, join(path, slash ? (size_t)(slash - path) + 1 : 0, shard))))
            return e == WKV_EFORMAT ? fail_prefix(e, "%s", path) : e;
    }
    return c->n ? WKV_OK : fail(WKV_EFORMAT, "%s: its weight_map is empty", path);
}

int checkpoint_complete(const checkpoint *c, const tensors *t)
{
    const char *name;
    json_t *file, *map = json_object_get(c->index, "weight_map");
    json_t *there = json_object(), *yes = json_true();
    int e = there ? WKV_OK : fail(WKV_ENOMEM, "no memory for a list of names");
    for (int i = 0; !e && i < t->count; i++) json_object_set_nocheck(there, t->list[i].name, yes);
    json_object_foreach(map, name, file)
    {
        if (!e && !json_object_get(there, name))
            e = fail(WKV_EFORMAT, "tensor %s is not in %s where the index says", name, json_string_value(file));
    }
    json_decref(there);
    return e;
}

static int ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

static int is_model_name(const char *name)
{
    static const char *const ends[] = {".pth", ".pt", ".safetensors", ".st", ".gguf", ".bin"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (ends_with(name, ends[i]) && strcmp(name, "training_args.bin")) return 1;
    }
    return 0;
}

/* The only model in a directory. */
static int find_model(checkpoint *c, const char *path, const char *folder, size_t folder_len)
{
    char first[256] = "";
    DIR *d = opendir(path);
    if (!d) return fail(WKV_EIO, "%s: %s", path, strerror(errno));
    int e = WKV_OK;
    for (struct dirent *entry; !e && (entry = readdir(d));) {
        if (!is_model_name(entry->d_name)) continue;
        if (*first)
            e = fail(WKV_EARG, "%s: a directory with several models (%s, %s); name one of them", path, first,
                     entry->d_name);
        else
            snprintf(first, sizeof first, "%s", entry->d_name);
    }
    closedir(d);
    if (e) return e;
    if (!*first)
        return fail(WKV_EIO,
                    "%s: a directory without a model: no %s, no model.safetensors, no .pth, .st, .gguf or .bin", path,
                    indices[0]);
    return add_file(c, join(folder, folder_len, first));
}

static int find_in_folder(checkpoint *c, const char *path)
{
    static const char *const single[] = {"model.safetensors", "pytorch_model.bin"};
    size_t n = strlen(path);
    char *folder = join(path, n, n && path[n - 1] == '/' ? "" : "/");
    if (!folder) return WKV_ENOMEM;
    n = strlen(folder);
    int e = WKV_OK, found = 0;
    for (int i = 0; !e && !found && i < 4; i++) {
        char *file = join(folder, n, i < 2 ? indices[i] : single[i - 2]);
        if (!file)
            e = WKV_ENOMEM;
        else if (access(file, F_OK))
            free(file);
        else {
            found = 1;
            if (i >= 2)
                e = add_file(c, file);
            else {
                e = read_index(c, file);
                free(file);
            }
        }
    }
    if (!e && !found) e = find_model(c, path, folder, n);
    free(folder);
    return e;
}

/* The index beside a shard ("model-00001-of-00003.safetensors"), NULL when it is none or there is no index. */
static char *index_of_shard(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *of = strstr(name, "-of-");
    if (!of || of - name < 6) return NULL;
    char *file = join(path, (size_t)(name - path), indices[ends_with(name, ".safetensors") ? 0 : 1]);
    if (file && access(file, F_OK)) {
        free(file);
        file = NULL;
    }
    return file;
}

int checkpoint_find(checkpoint *out, const char *path)
{
    struct stat about;
    *out = (checkpoint){0};
    if (stat(path, &about)) return fail(WKV_EIO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(about.st_mode)) return find_in_folder(out, path);
    if (ends_with(path, ".index.json")) return read_index(out, path);
    char *index = index_of_shard(path);
    int e = index ? read_index(out, index) : add_file(out, join(path, strlen(path), ""));
    free(index);
    return e;
}

void checkpoint_free(checkpoint *c)
{
    for (int i = 0; i < c->n; i++) free(c->file[i]);
    free(c->file);
    json_decref(c->index);
    *c = (checkpoint){0};
}
