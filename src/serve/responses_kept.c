/* responses_kept.c - the table of responses, in the order in which they came. */
#include "responses_kept.h"
#include "server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1000, BYTES = 64 << 20 };

struct kept_response {
    kept_response *next;
    char id[48], tenant[40];
    out parts[2];
};

static size_t bytes_of(const kept_response *k) { return k->parts[0].cap + k->parts[1].cap; }

/* Under the lock, as the others. */
static void drop(server *s, kept_response **at)
{
    kept_response *k = *at;
    *at = k->next;
    s->kept_bytes -= bytes_of(k);
    s->n_kept--;
    out_release(&k->parts[0]);
    out_release(&k->parts[1]);
    free(k);
}

static kept_response **find(server *s, const char *tenant, const char *id)
{
    kept_response **at = &s->kept;
    while (*at && (strcmp((*at)->id, id) || strcmp((*at)->tenant, tenant))) at = &(*at)->next;
    return at;
}

void responses_keep(server *s, const char *tenant, const char *id, out *items, out *response)
{
    const int fits = !items->failed && !response->failed && items->n <= s->max_body;
    kept_response *k = fits ? calloc(1, sizeof *k) : NULL;
    if (!k) {
        out_release(items);
        out_release(response);
        return;
    }
    snprintf(k->id, sizeof k->id, "%s", id);
    snprintf(k->tenant, sizeof k->tenant, "%s", tenant);
    k->parts[KEPT_ITEMS] = *items, k->parts[KEPT_RESPONSE] = *response;
    *items = *response = (out){0};
    pthread_mutex_lock(&s->kept_lock);
    kept_response **end = &s->kept;
    while (*end) end = &(*end)->next;
    *end = k;
    s->kept_bytes += bytes_of(k);
    s->n_kept++;
    while (s->kept && (s->n_kept > MOST || s->kept_bytes > BYTES)) drop(s, &s->kept);
    pthread_mutex_unlock(&s->kept_lock);
}

int responses_find(server *s, const char *tenant, const char *id, kept_part part, out *to)
{
    pthread_mutex_lock(&s->kept_lock);
    const kept_response *k = *find(s, tenant, id);
    if (k) out_put(to, k->parts[part].at, k->parts[part].n);
    pthread_mutex_unlock(&s->kept_lock);
    return k != NULL;
}

int responses_forget(server *s, const char *tenant, const char *id)
{
    pthread_mutex_lock(&s->kept_lock);
    kept_response **at = find(s, tenant, id);
    const int found = *at != NULL;
    if (found) drop(s, at);
    pthread_mutex_unlock(&s->kept_lock);
    return found;
}

void responses_free(server *s)
{
    while (s->kept) drop(s, &s->kept);
}
