/* sites.h - sets of sites: a bit 1 << site for each, of the model, then of each layer. */
#ifndef WKV_RWKV_SITES_H
#define WKV_RWKV_SITES_H

#include "rwkv/model.h"

/* All sites of a layer; -1: of the model. */
uint32_t sites_of(const rwkv *m, int layer);
/* The sites that a list of names selects (wkv_sites), m->L + 1 sets. WKV_EARG. */
int sites_parse(uint32_t *sites, const rwkv *m, const char *list);

#endif
