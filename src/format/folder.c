/* folder.c - the files of a path: the file itself, the shards of an index, or the model in a directory
 * (docs/formats.md 3.1, 3.2). */
#include "base/path.h"
#include "format/reader.h"
#include <errno.h>
#include "base/json.h"
#include <stdlib.h>
#include <string.h>

static const char *const indices[] = {"model.safetensors.index.json", "pytorch_model.bin.index.json"};
static const char *const single[] = {"model.safetensors", "pytorch_model.bin"};

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

/* Add and own `path`, unless it is in the list. */
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
        return fail(WKV_EFORMAT, "names over %d files, more than any checkpoint", MAX_SHARDS);
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
    entry_info about;
    int err = file_slurp(&text, &size, path);
    if (err) return err;
    if (!entry_read(&about, path)) c->index_id = about.id;
    err = json_read(&c->index, text, size, JSON_REJECT_DUPLICATES);
    free(text);
    if (err) return fail_prefix(err, err == WKV_EFORMAT ? "%s: is not JSON" : "%s", path);
    const char *slash = path_last_slash(path), *name;
    json_t *map = json_object_get(c->index, "weight_map"), *file;
    if (!json_is_object(map)) return fail(WKV_EFORMAT, "%s: has no weight_map", path);
    json_object_foreach(map, name, file)
    {
        const char *shard = json_string_value(file);
        if (!shard || path_last_slash(shard))
            return fail(WKV_EFORMAT, "%s: tensor %s is assigned to no file of the folder", path, name);
        if ((err = add_file(c, join(path, slash ? (size_t)(slash - path) + 1 : 0, shard))))
            return err == WKV_EFORMAT ? fail_prefix(err, "%s", path) : err;
    }
    return c->n ? WKV_OK : fail(WKV_EFORMAT, "%s: its weight_map is empty", path);
}

int checkpoint_complete(const checkpoint *c, const tensors *t)
{
    const char *name;
    json_t *file, *map = json_object_get(c->index, "weight_map");
    json_t *there = json_object(), *yes = json_true();
    int err = there ? WKV_OK : fail(WKV_ENOMEM, "no memory for a list of names");
    for (int i = 0; !err && i < t->count; i++)
        if (json_object_set_nocheck(there, t->list[i].name, yes))
            err = fail(WKV_ENOMEM, "no memory for a list of names");
    json_object_foreach(map, name, file)
    {
        if (!err && !json_object_get(there, name))
            err = fail(WKV_EFORMAT, "tensor %s is not in %s where the index says", name, json_string_value(file));
    }
    json_decref(there);
    return err;
}

/* "model.safetensors.index.json", or HF's index of a variant: "model.safetensors.index.fp16.json". */
static int is_index(const char *name) { return strstr(name, ".index.") && path_has_extension(name, ".json"); }

/* The shard's number and their count in a name: 2 and 3 of "model-00002-of-00003.safetensors". */
static int shard_of(const char *name, int *of)
{
    const char *at = strstr(name, "-of-");
    int part = 0, n = 0;
    if (!at || at - name < 6 || path_has_extension(name, ".gguf")) return 0;
    return sscanf(at - 6, "-%5d-of-%5d%n", &part, of, &n) == 2 && at[n - 6] == '.' && part > 0 ? part : 0;
}

/* Refuse a shard alone. */
static int refuse_shard(const char *path)
{
    const char *slash = path_last_slash(path);
    int of = 0, part = shard_of(slash ? slash + 1 : path, &of);
    if (!part || of < 2) return WKV_OK;
    return fail(WKV_EFORMAT, "%s: is part %d of %d, and the index that names all parts (%s) is missing in its folder",
                path, part, of, indices[!path_has_extension(path, ".safetensors")]);
}

static int is_model_name(const char *name)
{
    static const char *const ends[] = {".pth", ".pt", ".safetensors", ".st", ".gguf", ".bin"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (path_has_extension(name, ends[i]) && strcmp(name, "training_args.bin")) return 1;
    }
    return 0;
}

/* The only model in a directory. */
static int find_model(checkpoint *c, const char *path, const char *folder, size_t folder_len)
{
    enum { SHOWN = 4 };
    char first[256] = "", all[SHOWN * 260] = ""; /* the first models, with commas */
    size_t used = 0;
    int models = 0;
    name_list *l = listing_open(path);
    if (!l) return fail(WKV_EIO, "%s: %s", path, strerror(errno));
    int err = WKV_OK;
    for (const char *name; !err && (name = listing_next(l));) {
        int of = 0;
        if (!is_model_name(name)) continue;
        if (shard_of(name, &of) && of > 1) {
            char *shard = join(folder, folder_len, name);
            err = shard ? refuse_shard(shard) : WKV_ENOMEM;
            free(shard);
            break;
        }
        if (!models) snprintf(first, sizeof first, "%s", name);
        if (models < SHOWN) used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", models ? ", " : "", name);
        models++;
    }
    listing_close(l);
    if (err) return err;
    if (models > 1)
        return fail(WKV_EARG, "%s: a directory with several models (%s%s); name one of them", path, all,
                    models > SHOWN ? ", ..." : "");
    if (!*first)
        return fail(WKV_EIO,
                    "%s: a directory without a model: no %s, no model.safetensors, no .pth, .st, .gguf or .bin", path,
                    indices[0]);
    return add_file(c, join(folder, folder_len, first));
}

/* Add the files of the folder's index that lists `shard` (NULL: its only index). Without one c stays empty, and 0 is
 * returned. */
static int find_index(checkpoint *c, const char *path, const char *folder, size_t folder_len, const char *shard)
{
    char **found;
    int n = listing_sorted(&found, path, is_index), err = WKV_OK;
    if (n < 0) return fail(WKV_EIO, "%s: %s", path, strerror(errno));
    if (n > 1 && !shard)
        err =
            fail(WKV_EARG, "%s: a directory with several indices (%s, %s); name one of them", path, found[0], found[1]);
    for (int i = 0; i < n; i++) {
        char *index = err || c->n ? NULL : join(folder, folder_len, found[i]);
        if (index) err = read_index(c, index);
        int listed = !shard;
        for (int k = 0; index && !listed && k < c->n; k++) listed = !strcmp(c->file[k], shard);
        if (index && !err && !listed) checkpoint_free(c);
        free(index);
        free(found[i]);
    }
    free(found);
    return err;
}

static int find_in_folder(checkpoint *c, const char *path)
{
    size_t n = strlen(path);
    char *folder = join(path, n, n && path_is_slash(path[n - 1]) ? "" : "/");
    if (!folder) return WKV_ENOMEM;
    n = strlen(folder);
    int err = WKV_OK, found = 0;
    for (int i = 0; !err && !found && i < 4; i++) {
        char *file = join(folder, n, i < 2 ? indices[i] : single[i - 2]);
        if (!file)
            err = WKV_ENOMEM;
        else if (!entry_exists(file))
            free(file);
        else {
            found = 1;
            if (i >= 2)
                err = add_file(c, file);
            else {
                err = read_index(c, file);
                free(file);
            }
        }
    }
    if (!err && !found) err = find_index(c, path, folder, n, NULL);
    if (!err && !found && !c->n) err = find_model(c, path, folder, n);
    free(folder);
    return err;
}

/* Add the shards of the index beside a shard ("model-00001-of-00003.safetensors") that lists it, if there is one. */
static int find_shards(checkpoint *c, const char *path)
{
    const char *slash = path_last_slash(path);
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    char *folder = join(path, n, "");
    if (!folder) return WKV_ENOMEM;
    int err = find_index(c, n ? folder : ".", folder, n, path);
    free(folder);
    return err;
}

enum { MOST_BESIDE = 1 << 20 }; /* bytes */

static const char *const beside[BESIDE] = {"config", "tokenizer_config", "generation_config",
                                           "fake_think_generation_config"};

/* Read a file beside the weights, in the `n` bytes of folder. *text is NULL if it is not regular or too long. */
static int read_beside(char **text, size_t *size, const char *folder, size_t n, const char *name)
{
    char *path = join(folder, n, name);
    entry_info about;
    *text = NULL;
    if (!path) return WKV_ENOMEM;
    int usable = !entry_read(&about, path) && about.kind == ENTRY_FILE && about.bytes <= MOST_BESIDE;
    int err = usable ? file_slurp(text, size, path) : WKV_EIO;
    free(path);
    return err == WKV_ENOMEM ? err : WKV_OK;
}

/* The files beside a checkpoint with names of a Hugging Face folder. A file that is not JSON is ignored. Numbers that C
 * cannot represent are 0: model_max_length is 10^30 if there is none. */
static int find_beside(checkpoint *c)
{
    const char *file = c->file[0], *slash = path_last_slash(file), *name = slash ? slash + 1 : file;
    size_t n = (size_t)(name - file), size;
    if (!c->index && strcmp(name, single[0]) && strcmp(name, single[1])) return WKV_OK;
    for (int i = 0; i < BESIDE; i++) {
        char json[64], *text;
        snprintf(json, sizeof json, "%s.json", beside[i]);
        int err = read_beside(&text, &size, file, n, json);
        if (text) err = json_read(&c->beside[i], text, size, JSON_ANY_NUMBER);
        free(text);
        if (err && err != WKV_EFORMAT) return err;
    }
    return read_beside(&c->chat, &c->chat_bytes, file, n, "chat_template.jinja");
}

/* The template in tokenizer_config.json is a text, or a list of {"name", "template"}. */
static const json_t *template_inside(const json_t *tokenizer)
{
    const json_t *chat = json_object_get(tokenizer, "chat_template"), *found = json_array_get(chat, 0);
    for (size_t i = 0; i < json_array_size(chat); i++) {
        const json_t *one = json_array_get(chat, i);
        const char *name = json_string_value(json_object_get(one, "name"));
        if (name && !strcmp(name, "default")) found = one;
    }
    return found ? json_object_get(found, "template") : chat;
}

static int add_template(const checkpoint *c, tensors *t)
{
    static const char key[] = "tokenizer.chat_template";
    const json_t *inside = template_inside(c->beside[1]);
    if (c->chat) return tensors_add_text(t, key, sizeof key - 1, c->chat, c->chat_bytes);
    if (!json_is_string(inside)) return WKV_OK;
    return tensors_add_text(t, key, sizeof key - 1, json_string_value(inside), json_string_length(inside));
}

static int add_numbers(tensors *t, const char *file, json_t *from)
{
    const char *name;
    json_t *value;
    int err = WKV_OK;
    json_object_foreach(from, name, value)
    {
        char key[128];
        if (err || !json_is_number(value)) continue;
        int n = snprintf(key, sizeof key, "%s.%s", file, name);
        if (n < (int)sizeof key) err = tensors_add_number(t, key, (size_t)n, json_number_value(value));
    }
    return err;
}

int checkpoint_beside(const checkpoint *c, tensors *t)
{
    int err = WKV_OK;
    for (int i = 0; i < BESIDE && !err; i++) err = add_numbers(t, beside[i], c->beside[i]);
    return err ? err : add_template(c, t);
}

static int find_files(checkpoint *out, const char *path)
{
    entry_info about;
    if (entry_read(&about, path)) return fail(WKV_EIO, "%s: %s", path, strerror(errno));
    if (about.kind == ENTRY_FOLDER) return find_in_folder(out, path);
    const char *slash = path_last_slash(path), *name = slash ? slash + 1 : path;
    int of = 0, err = WKV_OK;
    if (is_index(name)) return read_index(out, path);
    if (shard_of(name, &of) && of > 1 && (err = find_shards(out, path))) return err;
    if (out->n) return WKV_OK;
    return (err = refuse_shard(path)) ? err : add_file(out, join(path, strlen(path), ""));
}

int checkpoint_find(checkpoint *out, const char *path)
{
    *out = (checkpoint){0};
    int err = find_files(out, path);
    return err ? err : find_beside(out);
}

void checkpoint_free(checkpoint *c)
{
    for (int i = 0; i < c->n; i++) free(c->file[i]);
    free(c->file);
    json_decref(c->index);
    for (int i = 0; i < BESIDE; i++) json_decref(c->beside[i]);
    free(c->chat);
    *c = (checkpoint){0};
}
