/* identity.h - the lineage of a model's states. */
#ifndef WKV_SESSION_IDENTITY_H
#define WKV_SESSION_IDENTITY_H

#include "session/digest.h"
#include "wkv.h"

enum { SIZES_TEXT = 192 };

/* Version and sizes of a model, "RWKV-7, 12 layers, 768 channels, 12 heads of 64, ..."; and their digest. */
void model_sizes(char out[SIZES_TEXT], const wkv_model *m);
void model_lineage(char out[DIGEST_TEXT], const wkv_model *m);

#endif
