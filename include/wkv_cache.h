/* wkv_cache.h - the exact prefix cache: a text that was read once is not read again.
 *
 *     wkv_cache *k;  wkv_session *s;
 *     wkv_cache_new(&k, context, tokenizer, &(wkv_cache_options){.folder = "/var/cache/wkv"});
 *     wkv_session_new(&s, model, tokenizer);                     // a request: the whole conversation, as segments
 *     wkv_session_append_text(s, system, ...);
 *     wkv_session_append_text(s, turn, ...);
 *     wkv_cache_append_answer(k, s, reply, ..., 1);              // an earlier answer, as the client sends it
 *     wkv_session_append_text(s, next_turn, ...);
 *     wkv_cache_resume(k, s);                                    // the longest part of it that was read before
 *     wkv_batcher_add(b, s, &generation);
 *     while (wkv_batcher_pending(b)) {
 *         wkv_batcher_step(b);
 *         wkv_cache_keep(k, s);                                  // states of its segments' ends, and of the answer
 *     }
 *     wkv_cache_save(k);                                         // long ones, to the folder
 *
 * Exact. A state is used only for a session that begins with all the ids that the state has read, and only if
 * lineage, weights and arithmetic are equal (wkv_identify): state and logits have the bits of reading the ids again
 * from the initial state. Sessions with another origin than their ids (a mix, a state file, a state that the caller
 * borrowed with wkv_session_state) are not kept.
 *
 * Answers. The ids that were sampled for a text are not those of encoding it. The cache knows the sampled ids of
 * answers, so that a request that contains an answer continues after it. It finds them by the exact bytes, and after
 * the same ids also as clients send it back: without reasoning, blanks or newlines changed, a tool call
 * as equal JSON.
 *
 * docs/cache.md has the rules in detail. A cache belongs to one thread at a time. Conventions are those of wkv.h. */
#ifndef WKV_CACHE_H
#define WKV_CACHE_H

#include "wkv_session.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wkv_cache wkv_cache;

typedef struct {
    size_t memory; /* bytes of states in memory at most; 0: a quarter of the memory available now */
    /* of states on disk, made with mode 700; several processes and models may share it; NULL:
     * none */
    const char *folder;
    int64_t disk;    /* bytes of the files in the folder at most; 0: 4 GB */
    int disk_tokens; /* between a state and the one before it on disk, for it to be written; 0: 1,024 */
} wkv_cache_options;

/* A cache for the context's model. Context and tokenizer must outlive it; nothing is computed with the context.
 * WKV_EARG: negative options; WKV_EIO: the folder cannot be made or read; WKV_ENOMEM. */
WKV_API int wkv_cache_new(wkv_cache **out, wkv_context *c, const wkv_tokenizer *t, const wkv_cache_options *options);
WKV_API void wkv_cache_free(wkv_cache *k); /* states that wkv_cache_save has not written are lost */

/* Append an answer as the client sends it: with the ids that were sampled for it, if the cache knows them, else as
 * wkv_session_append_text, and with its errors. whole 0: the last segment of a prompt, the beginning of an answer
 * that the model continues (" <think", " ```json"): it becomes a part of that answer, and is found by its exact
 * bytes only. */
WKV_API int wkv_cache_append_answer(wkv_cache *k, wkv_session *s, const char *text, size_t bytes, int whole);

/* Set the state to the longest known part of the session's ids, if that is more than it has read. Returns the number
 * of ids that it has read now. Also decides at which places the batcher pauses for wkv_cache_keep. A damaged or
 * foreign file in the folder is removed and not used. WKV_EARG: a session of another model or inside a batcher;
 * WKV_ENOMEM. Then the session is unchanged. */
WKV_API int wkv_cache_resume(wkv_cache *k, wkv_session *s);

/* Keep the state of the session if this is one of its places, and when it has left the batcher its answer: for after
 * every step. WKV_EARG: a session of another model; WKV_ENOMEM: nothing more is kept. The session is never changed. */
WKV_API int wkv_cache_keep(wkv_cache *k, wkv_session *s);

/* Write the states that belong on disk, and remove the least recently used ones beyond the limit. Without a folder: 0.
 * WKV_EIO: the last failure; that state stays in memory; WKV_ENOMEM. */
WKV_API int wkv_cache_save(wkv_cache *k);

typedef struct {
    int resumed, hits;    /* calls of wkv_cache_resume, and those that found something       */
    int64_t asked, found; /* ids that these sessions had not read, and those that were found */
    int states, files;    /* in memory, and known in the folder                              */
    size_t bytes;         /* of states and ids in memory                                     */
    int answers;          /* appended with the ids that were sampled                         */
} wkv_cache_info;

WKV_API wkv_cache_info wkv_cache_about(const wkv_cache *k);

#ifdef __cplusplus
}
#endif
#endif
