/* family.h - the family of chat models that a checkpoint is of, and the length of its training texts, from its names
 * and metadata. */
#ifndef WKV_RWKV_FAMILY_H
#define WKV_RWKV_FAMILY_H

#include "wkv.h"

/* World's ids end at 65529; models have as many logits, or one less, or are padded up to 65,544. */
static inline int fits_world(int vocab) { return vocab >= 65529 && vocab <= 65544; }

/* Does the path name a checkpoint that Hugging Face folders of any model hold ("model.safetensors")? Then its folder has the
 * model's name, and everything in it belongs to the model. */
int is_general_name(const char *path);

/* The name of the template that fits. */
const char *family_template(const wkv_model *m);

/* Tokens of the longest texts it was trained on, 0: unknown. */
int family_context(const wkv_model *m);

#endif
