/* overlay.h - adapters and tuned initial states, in the model's own file or in an overlay, a file of their own. */
#ifndef WKV_RWKV_OVERLAY_H
#define WKV_RWKV_OVERLAY_H

#include "rwkv/bind.h"

/* The adapter of weight w, if there is one. */
int bind_adapter(binder *b, tensor *w, const char *name, const slot *s, int layer);
/* The tuned initial state, if there is one. */
int bind_state(binder *b);

/* 0 if every tensor of `over` fits m: tensors of its names, adapters of its weights, initial states. */
int rwkv_fits(const rwkv *m, const tensors *over);

#endif
