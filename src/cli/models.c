/* models.c - find a model by name in the folders of downloaded models. */
#include "models.h"
#include "catalog.h"
#include "say.h"
#include "base/platform/entry.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const extensions[] = {"", ".pth", ".safetensors", ".st", ".gguf", ".bin", ".pt"};
enum { EXTENSIONS = sizeof extensions / sizeof *extensions };

int is_url(const char *name) { return !strncmp(name, "http://", 7) || !strncmp(name, "https://", 8); }

int has_model_extension(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (int i = 1; dot && i < EXTENSIONS; i++)
        if (!strcasecmp(dot, extensions[i])) return 1;
    return 0;
}

int is_repository(const char *name)
{
    const char *slash = strchr(name, '/');
    if (!slash || slash == name || !slash[1] || strchr(slash + 1, '/') || *name == '.' || *name == '~') return 0;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_./", *c)) return 0;
    return !has_model_extension(name);
}

int model_exists(const char *path)
{
    if (!entry_is_folder(path)) return entry_is_file(path) && has_model_extension(path);
    name_list *l = listing_open(path);
    int found = 0;
    for (const char *name; l && !found && (name = listing_next(l));) found = has_model_extension(name);
    listing_close(l);
    return found;
}

/* The file or folder `base`, with or without an extension, in one of the folders. */
static int found(char out[MODEL_ROOM], const char *base)
{
    char folder[MODEL_ROOM];
    for (int i = 0; wkv_model_folder(folder, sizeof folder, i); i++)
        for (int err = 0; err < EXTENSIONS; err++)
            if (snprintf(out, MODEL_ROOM, "%s/%s%s", folder, base, extensions[err]) < MODEL_ROOM &&
                entry_is_readable(out))
                return 1;
    return 0;
}

/* The folder before the slash exists: a mistyped path, not a repository. */
static int folder_exists(const char *name)
{
    char owner[MODEL_ROOM];
    return snprintf(owner, sizeof owner, "%.*s", (int)strcspn(name, "/"), name) < MODEL_ROOM && entry_exists(owner);
}

const char *model_path(const char *name, char out[MODEL_ROOM], int *status)
{
    *status = 0;
    if (!name || !*name || !strcmp(name, "built-in") || entry_exists(name)) return name;
    const published *p = catalog_find(name);
    const char *slash = path_last_slash(name);
    if (p && found(out, catalog_file(p))) return out;
    if (!slash && found(out, name)) return out;
    int repository = is_repository(name) && !folder_exists(name);
    if (repository && found(out, slash + 1)) return out;
    if (!p && !slash && !has_model_extension(name)) {
        *status = complain("%s: no such file and no such model; wkv pull lists the published models", name);
        return NULL;
    }
    if (!p && !repository && !is_url(name)) return name;
    *status = complain("%s: not downloaded; get it with: wkv pull %s", name, name);
    return NULL;
}

int model_open(wkv_model **out, const char *name, const wkv_model_options *options)
{
    char path[MODEL_ROOM];
    int status;
    *out = NULL;
    const char *found_path = model_path(name, path, &status);
    if (status) return status;
    return wkv_model_open(out, found_path, options) ? complain_library() : 0;
}
