/* lookup.c - find the vocabulary of a model: inside it, beside it, in $WKV_DATA, in the folders of models, in the
 * library. */
#include "base/error.h"
#include "rwkv/api.h"
#include "rwkv/family.h"
#include "text/builtin.h"
#include "base/platform/entry.h"
#include "base/platform/system.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_ROOM = 4096, DIRECTORIES = 5 };

/* The files of a vocabulary. Generic names apply only in a folder that is itself the model. */
typedef struct {
    const char *builtin; /* name of the copy in the library, used without a file; NULL: none */
    const char *const *files, *const *in_folder;
} official;

static const char *const world_files[] = {"rwkv_vocab_v20230424.txt", "rwkv_vocab_v20230424.json", NULL};
static const char *const neox_files[] = {"20B_tokenizer.json", NULL};
static const char *const other_files[] = {"vocab.txt", "vocab.json", NULL};
static const char *const general_files[] = {"tokenizer.json", "vocab.json", NULL};
static const official world = {"world", world_files, general_files}, neox = {"20B", neox_files, general_files},
                      other = {NULL, other_files, general_files};

/* The official vocabularies by the logits of a model, which may be padded: World has 65,530 ids, 20B 50,277. */
static const official *official_of(int vocab)
{
    if (fits_world(vocab)) return &world;
    return vocab == 50277 || vocab == 50304 ? &neox : &other;
}

static int is_file(const char *path) { return entry_is_file(path) && entry_is_readable(path); }

int wkv_model_folder(char *out, size_t cap, int i)
{
    static const struct {
        const char *variable, *below;
    } folders[] = {{"WKV_MODELS", ""}, {"XDG_DATA_HOME", "/wkv"}, {"HOME", "/.local/share/wkv"}};
    if (!out || !cap || i < 0) return 0;
    for (size_t k = 0; k < sizeof folders / sizeof *folders; k++) {
        const char *value = getenv(folders[k].variable);
        if (!value || !*value || strlen(value) + strlen(folders[k].below) >= cap || i--) continue;
        snprintf(out, cap, "%s%s", value, folders[k].below);
        return 1;
    }
    return 0;
}

/* The folders to search, in order: the model's own (for a folder of shards, that folder), $WKV_DATA, and the folders of
 * downloaded models. */
static int directories(char dir[DIRECTORIES][PATH_ROOM], const char *model)
{
    const char *slash = path_last_slash(model), *data = system_variable("WKV_DATA");
    int n = 0;
    if (entry_is_folder(model))
        snprintf(dir[n++], PATH_ROOM, "%s", model);
    else if (slash)
        snprintf(dir[n++], PATH_ROOM, "%.*s", slash == model ? 1 : (int)(slash - model), model);
    else
        snprintf(dir[n++], PATH_ROOM, ".");
    if (data && *data) snprintf(dir[n++], PATH_ROOM, "%s", data);
    for (int i = 0; n < DIRECTORIES && wkv_model_folder(dir[n], PATH_ROOM, i); i++) n++;
    return n;
}

void tokenizer_own_path(char *path, size_t capacity, const char *model, const char *extension)
{
    size_t end = strlen(model), name, dot;
    while (end > 1 && path_is_slash(model[end - 1])) end--; /* of a folder */
    for (name = end; name && !path_is_slash(model[name - 1]);) name--;
    for (dot = end; dot > name && model[dot] != '.';) dot--;
    snprintf(path, capacity, "%.*s%s", (int)(dot > name ? dot : end), model, extension);
}

/* 1 if the whole folder belongs to the model, as with Hugging Face's folders. */
static int is_folder(const char *model) { return entry_is_folder(model) || is_general_name(model); }

static int find_in(char *path, size_t capacity, const char *dir, const char *const *names)
{
    for (; *names; names++)
        if (snprintf(path, capacity, "%s/%s", dir, *names) < (int)capacity && is_file(path)) return 1;
    return 0;
}

/* Report that no vocabulary was found. */
static int not_found(const wkv_model_info *about, char dir[DIRECTORIES][PATH_ROOM], int n)
{
    char where[1024] = "";
    size_t used = 0;
    for (int i = 0; i < n && used < sizeof where; i++)
        used += (size_t)snprintf(where + used, sizeof where - used, "%s%.300s", i ? ", " : "", dir[i]);
    return fail(WKV_EIO,
                "%.300s: has its own vocabulary (%d ids), but MODEL.vocab.txt, vocab.txt and vocab.json are missing in "
                "%.400s; give its file with --vocab FILE",
                about->path, about->vocab, where);
}

/* 1 if the file has a vocabulary that wkv reads (llama.cpp's kinds for other models are "gpt2", "llama"...). */
static int has_vocabulary(const tensors *file)
{
    const char *kind = tensors_meta(file, "tokenizer.ggml.model");
    return tensors_token_count(file) > 0 && (!kind || !strcmp(kind, "rwkv"));
}

int tokenizer_of_model(wkv_tokenizer **out, const wkv_model *m)
{
    const wkv_model_info *about = wkv_model_about(m);
    char dir[DIRECTORIES][PATH_ROOM], path[2 * PATH_ROOM];
    *out = NULL;
    if (m->file && has_vocabulary(m->file)) return tokenizer_from_gguf(out, m->file);
    const char *file = m->file && tensors_file(m->file) ? tensors_file(m->file) : about->path;
    tokenizer_own_path(path, sizeof path, file, ".vocab.txt");
    if (!is_file(path)) tokenizer_own_path(path, sizeof path, file, ".vocab.json");
    if (is_file(path)) return tokenizer_open_file(out, path);
    if (about->vocab == 256) return tokenizer_open_file(out, "bytes");
    const official *k = official_of(about->vocab);
    int n = directories(dir, about->path), found = 0;
    for (int i = 0; i < n && !found; i++) {
        found = find_in(path, sizeof path, dir[i], k->files);
        if (!found && i == 0 && is_folder(about->path)) found = find_in(path, sizeof path, dir[0], k->in_folder);
    }
    if (found) return tokenizer_open_file(out, path);
    return k->builtin ? tokenizer_open_builtin(out, k->builtin) : not_found(about, dir, n);
}
