/* probe.h - the probes of a context (wkv_probe.h), and rows in the place of embeddings. */
#ifndef WKV_RWKV_PROBE_H
#define WKV_RWKV_PROBE_H

#include "rwkv/model.h"

typedef struct {
    uint32_t *sites; /* a bit 1 << site for each: of the model, then of each layer */
    wkv_probe_fn *fn;
    void *user;
} subscription;

typedef struct {
    const rwkv *m;
    probe table; /* read by passes: the sites of all subscriptions                                */
    uint32_t *sites;
    subscription *list;
    int n;
    const wkv_row *of;         /* of the running pass: the origin of each row; NULL: none is running            */
    const float *const *given; /* of the running pass: a row in the place of each embedding or NULL; NULL: none */
} probes;

int probes_init(probes *p, const rwkv *m); /* WKV_ENOMEM */
void probes_release(probes *p);
/* Begin a pass with these rows; the lists stay until probes_end. The probe of its contexts (ops.h); NULL: none. */
const probe *probes_begin(probes *p, const wkv_row *of, const float *const *given);
void probes_end(probes *p);

#endif
