/* family.h - the family of chat models that a checkpoint is of, and the length of its training texts, from its names
 * and metadata. */
#ifndef WKV_RWKV_FAMILY_H
#define WKV_RWKV_FAMILY_H

#include "wkv.h"

/* World's ids end at 65529; models have as many logits, or one less, or are padded up to 65,544. */
static inline int fits_world(int vocab) { return vocab >= 65529 && vocab <= 65544; }

/* Does the path name a checkpoint that Hugging Face folders of any model hold ("model.safetensors")? Then its folder
 * has the model's name, and everything in it belongs to the model. */
int is_general_name(const char *path);

/* The name of the template that fits. */
const char *family_template(const wkv_model *m);

/* Tokens of the longest texts it was trained on, 0: unknown. */
int family_context(const wkv_model *m);

/* The name for the metadata of a copy of the model, general.name: that of the original, with template and context
 * behind it where they are known from elsewhere, in the form of published names ("RWKV7-1.5B-g1-ctx16384"), so that the
 * copy is of the same family whatever its file is called. Returns 0 where neither template nor context is in it. */
int family_name(char out[256], const wkv_model *m);

#endif
