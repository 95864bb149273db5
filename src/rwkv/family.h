/* family.h - the family of chat models of a checkpoint, and the length of its training texts, from its names and
 * metadata. */
#ifndef WKV_RWKV_FAMILY_H
#define WKV_RWKV_FAMILY_H

#include "wkv.h"

/* World's last id is 65529; models have 65,529 logits or more, padded to at most 65,544. */
static inline int fits_world(int vocab) { return vocab >= 65529 && vocab <= 65544; }

/* Whether the file's name is one that Hugging Face folders of any model use ("model.safetensors"). Then the folder has
 * the model's name, and all its files belong to the model. */
int is_general_name(const char *path);

/* The name of the family's chat template. */
const char *family_template(const wkv_model *m);

/* Tokens of the longest training texts, 0: unknown. */
int family_context(const wkv_model *m);

/* The metadata general.name for a copy of the model: the original's name, followed by template and context if they are
 * known from elsewhere, as in published names ("RWKV7-1.5B-g1-ctx16384"), so that the family of the copy does not
 * depend on its file's name. Returns 0 if the name has neither template nor context. */
int family_name(char out[256], const wkv_model *m);

#endif
