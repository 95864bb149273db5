/* cache.h - the struct behind wkv_cache, and its parts. */
#ifndef WKV_SESSION_CACHE_H
#define WKV_SESSION_CACHE_H

#include "session/cache_folder.h"
#include "wkv_cache.h"

/* The ids that were sampled for a text, whatever came before it. */
typedef struct {
    char text[DIGEST_TEXT]; /* SHA-256 of its bytes */
    int32_t *ids;
    int n;
    uint64_t used;
} known_answer;

struct wkv_cache {
    const wkv_model *model;
    const wkv_tokenizer *tokenizer;
    checkpoint root;
    cache_folder folder;
    size_t memory;   /* bytes at most */
    int disk_tokens; /* as in the options */
    uint64_t clock;  /* counts uses */
    known_answer *answers;
    int n_answers, cap_answers;
    wkv_cache_info about;
};

/* Keep the sampled answers of a session, after a state of it was kept. WKV_ENOMEM */
int cache_keep_answers(wkv_cache *k, const wkv_session *s);
void cache_release_answers(wkv_cache *k);

/* The places behind the first `from` ids at which a cache keeps the state of the session. WKV_ENOMEM: they are
 * unchanged. */
typedef struct {
    int from;
    int junction; /* so many ids are the beginning of another known text */
    int on_disk;  /* ids of the longest known prefix in the folder       */
    int tokens;   /* between two states on disk; 0: no folder            */
} cache_plan;
int cache_choose_places(wkv_session *s, const cache_plan *plan);

#endif
