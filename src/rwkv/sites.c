/* sites.c - the sites of a model, by name. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "rwkv/api.h"
#include "rwkv/sites.h"

static const char *const names[WKV_SITES] = {
    [WKV_SITE_EMBED] = "embed",
    [WKV_SITE_RESID_PRE] = "resid_pre",
    [WKV_SITE_RESID_MID] = "resid_mid",
    [WKV_SITE_RESID_POST] = "resid_post",
    [WKV_SITE_ATT_OUT] = "att_out",
    [WKV_SITE_FFN_OUT] = "ffn_out",
    [WKV_SITE_R] = "r",
    [WKV_SITE_W] = "w",
    [WKV_SITE_K] = "k",
    [WKV_SITE_V] = "v",
    [WKV_SITE_A] = "a",
    [WKV_SITE_G] = "g",
    [WKV_SITE_WKV] = "wkv",
    [WKV_SITE_STATE] = "state",
    [WKV_SITE_FFN_ACT] = "ffn_act",
};

/* Names of TransformerLens for the same values. */
static const struct {
    const char *name;
    wkv_site site;
} aliases[] = {
    {"hook_embed", WKV_SITE_EMBED},
    {"hook_resid_pre", WKV_SITE_RESID_PRE},
    {"hook_resid_mid", WKV_SITE_RESID_MID},
    {"hook_resid_post", WKV_SITE_RESID_POST},
    {"hook_attn_out", WKV_SITE_ATT_OUT},
    {"hook_mlp_out", WKV_SITE_FFN_OUT},
    {"attn.hook_q", WKV_SITE_R},
    {"attn.hook_k", WKV_SITE_K},
    {"attn.hook_v", WKV_SITE_V},
    {"mlp.hook_post", WKV_SITE_FFN_ACT},
};

const char *wkv_site_name(wkv_site site) { return site > WKV_SITE_NONE && site < WKV_SITES ? names[site] : NULL; }

static int equals(const char *text, size_t n, const char *name) { return strlen(name) == n && !memcmp(text, name, n); }

static wkv_site find(const char *text, size_t n)
{
    for (int i = 1; i < WKV_SITES; i++)
        if (equals(text, n, names[i])) return (wkv_site)i;
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (equals(text, n, aliases[i].name)) return aliases[i].site;
    return WKV_SITE_NONE;
}

uint32_t sites_of(const rwkv *m, int layer)
{
    const uint32_t embed = 1U << WKV_SITE_EMBED, all = (1U << WKV_SITES) - 2;
    return layer < 0 ? embed : all & ~embed & ~m->arch->lacks;
}

static int fail_name(const rwkv *m, const char *name, size_t n, wkv_site found)
{
    char known[256];
    size_t at = 0;
    for (int i = 1; i < WKV_SITES; i++)
        if ((sites_of(m, -1) | sites_of(m, 0)) >> i & 1)
            at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", at ? ", " : "", names[i]);
    if (found)
        return fail(WKV_EARG, "%.*s: version %s has no site %s; its sites are %s", (int)n, name, m->arch->version,
                    names[found], known);
    return fail(WKV_EARG,
                "%.*s is no site; write SITE, blocks.N.SITE, blocks.A-B.SITE or blocks.*.SITE, where SITE is one "
                "of %s",
                (int)n, name, known);
}

/* A layer's number at *at, which moves behind it; -1: none. */
static int number(const char **at, const char *end)
{
    int n = *at < end && isdigit((unsigned char)**at) ? 0 : -1;
    for (; *at < end && isdigit((unsigned char)**at); ++*at) n = n < 1000000 ? n * 10 + (**at - '0') : n;
    return n;
}

/* Add the sites that one name of n bytes selects. */
static int add_name(uint32_t *sites, const rwkv *m, const char *name, size_t n)
{
    static const char prefix[] = "blocks.";
    const size_t prefixed = sizeof prefix - 1;
    const char *at = name, *end = name + n;
    int first = 0, last = m->L - 1, named = n > prefixed && !memcmp(name, prefix, prefixed);
    if (named && name[prefixed] == '*')
        at += prefixed + 1;
    else if (named) {
        at += prefixed;
        first = last = number(&at, end);
        if (first >= 0 && at < end && *at == '-') at++, last = number(&at, end);
        if (first < 0 || last < first) return fail_name(m, name, n, WKV_SITE_NONE);
        if (last >= m->L)
            return fail(WKV_EARG, "%.*s: the model has no layer %d; its layers are 0 to %d", (int)n, name, last,
                        m->L - 1);
    }
    uint32_t chosen = sites_of(m, 0);
    if (!named || at < end) {
        if (named && *at++ != '.') return fail_name(m, name, n, WKV_SITE_NONE);
        const wkv_site site = find(at, (size_t)(end - at));
        if (site == WKV_SITE_EMBED && !named) {
            sites[0] |= 1U << site;
            return 0;
        }
        if (!site || site == WKV_SITE_EMBED) return fail_name(m, name, n, WKV_SITE_NONE);
        if (!(chosen & 1U << site)) return fail_name(m, name, n, site);
        chosen = 1U << site;
    }
    for (int l = first; l <= last; l++) sites[l + 1] |= chosen;
    return 0;
}

int sites_parse(uint32_t *sites, const rwkv *m, const char *list)
{
    static const char separators[] = ", \t\n";
    memset(sites, 0, sizeof *sites * ((size_t)m->L + 1));
    if (!list) {
        for (int l = -1; l < m->L; l++) sites[l + 1] = sites_of(m, l);
        return 0;
    }
    int count = 0, err = 0;
    for (const char *at = list; !err && *(at += strspn(at, separators)); count++) {
        const size_t n = strcspn(at, separators);
        err = add_name(sites, m, at, n);
        at += n;
    }
    if (!count) return fail(WKV_EARG, "a list of sites without a name");
    return err;
}

static wkv_site_info describe(const rwkv *m, wkv_site site, int layer)
{
    wkv_site_info about = {.site = site, .layer = layer, .dims = 1, .shape = {m->C}};
    if (site == WKV_SITE_FFN_ACT) about.shape[0] = m->F;
    if (site == WKV_SITE_W) about.one_row = m->arch->one_decay;
    if (site == WKV_SITE_STATE && m->H) {
        about.dims = 3;
        about.shape[0] = m->H;
        about.shape[1] = about.shape[2] = m->N;
    } else if (site == WKV_SITE_STATE) {
        about.dims = 2;
        about.shape[0] = 3; /* aa, bb, pp */
        about.shape[1] = m->C;
    }
    return about;
}

int wkv_sites(const wkv_model *model, const char *list, wkv_site_info *out, int cap)
{
    REQUIRE(model, "the model");
    if (cap < 0 || (cap && !out)) return fail(WKV_EARG, "wkv_sites: a list of %d sites", cap);
    const rwkv *m = &model->rwkv;
    uint32_t *sites = calloc((size_t)m->L + 1, sizeof *sites);
    if (!sites) return fail(WKV_ENOMEM, "no memory for the sites of %d layers", m->L);
    int n = 0, err = sites_parse(sites, m, list);
    for (int l = -1; l < m->L && !err; l++)
        for (int i = 1; i < WKV_SITES; i++) {
            if (!(sites[l + 1] >> i & 1)) continue;
            if (n < cap) out[n] = describe(m, (wkv_site)i, l);
            n++;
        }
    free(sites);
    return err ? err : n;
}
