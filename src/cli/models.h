/* models.h - names in place of paths. */
#ifndef WKV_CLI_MODELS_H
#define WKV_CLI_MODELS_H

#include "wkv.h"

enum { MODEL_ROOM = 4096 };

/* The path for a name given with -m: "built-in" and an existing path themselves; else a short name of the catalog, a
 * file name with or without extension, or OWNER/NAME, found in one of the folders (wkv_model_folder). NULL stays NULL
 * (the built-in model). An unknown name is returned unchanged, unless `wkv pull` could fetch it or it is not a path:
 * then NULL after an error message, with *status 1. */
const char *model_path(const char *name, char out[MODEL_ROOM], int *status);

/* .pth, .safetensors and so on, in capitals too. */
int has_model_extension(const char *name);

/* A file with a checkpoint's extension, or a folder with such a file in it. */
int model_exists(const char *path);

/* wkv_model_open of a name. Returns the exit status: 0, or 1 after an error message. */
int model_open(wkv_model **out, const char *name, const wkv_model_options *options);

/* "owner/name" as on huggingface.co: exactly one slash, no checkpoint's extension, no path prefix. */
int is_repository(const char *name);
int is_url(const char *name);

#endif
