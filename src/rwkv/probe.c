/* probe.c - the probes of a context, and rows in the place of embeddings. */
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "rwkv/api.h"
#include "rwkv/sites.h"

/* Called by the operations: given rows first, then the probes in their order. */
static void at_site(void *user, wkv_site site, int layer, int row, int rows, int cols, real *values)
{
    const probes *p = user;
    for (int t = 0; site == WKV_SITE_EMBED && p->given && t < rows; t++)
        if (p->given[t]) memcpy(values + (size_t)t * (size_t)cols, p->given[t], (size_t)cols * sizeof *values);
    const int of_weights = site == WKV_SITE_W && p->m->arch->one_decay;
    const wkv_probed probed = {.site = site,
                               .layer = layer,
                               .rows = rows,
                               .cols = cols,
                               .values = values,
                               .of = of_weights ? NULL : p->of + row};
    for (int i = 0; i < p->n; i++)
        if (p->list[i].sites[layer + 1] >> site & 1) p->list[i].fn(p->list[i].user, &probed);
}

int probes_init(probes *p, const rwkv *m)
{
    *p = (probes){.m = m, .sites = calloc((size_t)m->L + 1, sizeof *p->sites)};
    p->table = (probe){.sites = p->sites, .fn = at_site, .user = p};
    return p->sites ? 0 : fail(WKV_ENOMEM, "no memory for the sites of %d layers", m->L);
}

/* The sites of all subscriptions together; l 0: of the model. */
static uint32_t union_of(const probes *p, int l)
{
    uint32_t all = 0;
    for (int i = 0; i < p->n; i++) all |= p->list[i].sites[l];
    return all;
}

static void remove_at(probes *p, int i)
{
    free(p->list[i].sites);
    p->n--;
    memmove(&p->list[i], &p->list[i + 1], (size_t)(p->n - i) * sizeof *p->list);
    for (int l = 0; l <= p->m->L; l++) p->sites[l] = union_of(p, l);
}

void probes_release(probes *p)
{
    while (p->n) remove_at(p, p->n - 1);
    free(p->list);
    free(p->sites);
    *p = (probes){0};
}

const probe *probes_begin(probes *p, const wkv_row *of, const float *const *given)
{
    p->of = of;
    p->given = given;
    p->sites[0] = union_of(p, 0) | (given ? 1U << WKV_SITE_EMBED : 0);
    return p->n || given ? &p->table : NULL;
}

void probes_end(probes *p)
{
    p->of = NULL;
    p->given = NULL;
}

int wkv_probe_add(wkv_context *c, const char *names, wkv_probe_fn *fn, void *user)
{
    REQUIRE(c, "the context");
    REQUIRE(fn, "the function");
    probes *p = context_probes(c);
    if (p->of) return fail(WKV_EARG, "wkv_probe_add: the context is evaluating");
    const size_t sets = (size_t)p->m->L + 1;
    subscription s = {.sites = calloc(sets, sizeof *s.sites), .fn = fn, .user = user};
    subscription *list = realloc(p->list, sizeof *list * ((size_t)p->n + 1));
    if (list) p->list = list;
    int err = s.sites && list ? sites_parse(s.sites, p->m, names)
                              : fail(WKV_ENOMEM, "no memory for a probe of %d layers", p->m->L);
    if (err) {
        free(s.sites);
        return err;
    }
    list[p->n++] = s;
    for (size_t l = 0; l < sets; l++) p->sites[l] |= s.sites[l];
    return 0;
}

void wkv_probe_remove(wkv_context *c, wkv_probe_fn *fn, void *user)
{
    if (!c || context_probes(c)->of) return;
    probes *p = context_probes(c);
    for (int i = p->n - 1; i >= 0; i--)
        if (p->list[i].fn == fn && p->list[i].user == user) remove_at(p, i);
}

void wkv_probe_clear(wkv_context *c)
{
    if (!c || context_probes(c)->of) return;
    while (context_probes(c)->n) remove_at(context_probes(c), context_probes(c)->n - 1);
}
