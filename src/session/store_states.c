/* store_states.c - the checksums of states. Those to which no message refers are removed in a transaction that no save can
 * pass, as a save looks for its states inside its own. */
#include "base/error.h"
#include "session/store.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

int sha_is_one(const char *text)
{
    return strlen(text) == DIGEST_TEXT - 1 && strspn(text, "0123456789abcdef") == DIGEST_TEXT - 1;
}

int sha_read(char sha[DIGEST_TEXT], const tensors *t)
{
    const char *text = tensors_meta(t, "sha256");
    if (!text || !sha_is_one(text)) return fail(WKV_EFORMAT, "%s: has no checksum in its metadata", tensors_path(t));
    memcpy(sha, text, DIGEST_TEXT);
    return 0;
}

int sha_append(sha_list *l, const char *sha)
{
    if (!sha_is_one(sha)) return 0; /* of a damaged store: no state has such a name */
    if (l->n == l->cap) {
        const int cap = 2 * l->cap + 16;
        void *more = realloc(l->sha, (size_t)cap * sizeof *l->sha);
        if (!more) return fail(WKV_ENOMEM, "no memory for a list of %d states", cap);
        l->sha = more, l->cap = cap;
    }
    memcpy(l->sha[l->n++], sha, DIGEST_TEXT);
    return 0;
}

typedef struct {
    const sha_list *l;
    int from, to;
    int64_t freed;
} removal;

static int remove_some(wkv_store *s, void *of)
{
    removal *r = of;
    char *used = calloc((size_t)(r->to - r->from) + 1, 1);
    int err = used ? 0 : fail(WKV_ENOMEM, "no memory for a list of %d states", r->to - r->from);
    r->freed = 0;
    for (int i = r->from; i < r->to && !err; i++) {
        const int found = s->kind->is_used(s, r->l->sha[i]);
        if (found < 0) err = found;
        used[i - r->from] = (char)found;
    }
    for (int i = r->from; i < r->to && !err; i++)
        if (!used[i - r->from]) err = s->kind->remove_state(s, r->l->sha[i], &r->freed);
    free(used);
    return err;
}

int store_remove_unused(wkv_store *s, const sha_list *l, int64_t *freed)
{
    enum { AT_ONCE = 256 }; /* others wait, or come in between */
    for (int i = 0; i < l->n; i += AT_ONCE) {
        removal r = {l, i, l->n - i < AT_ONCE ? l->n : i + AT_ONCE, 0};
        const int err = store_transact(s, 1, remove_some, &r);
        if (err) return err;
        *freed += r.freed;
    }
    return 0;
}

int wkv_store_gc(wkv_store *s, int64_t seconds, int64_t *freed)
{
    REQUIRE(s, "the store");
    if (freed) *freed = 0;
    if (seconds < 0) return fail(WKV_EARG, "files of the last %lld seconds, expected 0 or more", (long long)seconds);
    sha_list unused = {0};
    int64_t sum = 0;
    int err = s->kind->list_unused(&unused, s, time(NULL) - seconds, &sum);
    if (!err) err = store_remove_unused(s, &unused, &sum);
    free(unused.sha);
    if (freed) *freed = sum;
    return err;
}
