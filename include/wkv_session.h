/* wkv_session.h - texts that are read and written: sessions, a batcher that runs many at once.
 *
 *     wkv_session *s;  wkv_batcher *b;  wkv_event e;
 *     wkv_session_new(&s, model, tokenizer);  wkv_batcher_new(&b, context, NULL);
 *     wkv_session_append_text(s, "User: hi\n\nAssistant:", 20);
 *     wkv_batcher_add(b, s, &(wkv_generation){.stops = (const char *[]){"\n\nUser:"}, .n_stops = 1, .ending = "\n\n"});
 *     while (wkv_batcher_pending(b)) {
 *         wkv_batcher_step(b);
 *         while (wkv_session_next_event(s, &e)) fwrite(e.text, 1, e.bytes, stdout);
 *     }
 *
 * The caller owns the loop: the library has no callback, starts no thread of its own for it, and never prints. A
 * session and its batcher belong to one thread at a time. examples/batch.c is a whole program.
 *
 * A session is a list of segments: texts that were appended, and answers. Each segment is tokenized by itself; an
 * answer keeps the ids that were sampled. So reading wkv_session_ids again from the initial state gives the same bits.
 * A session gives the same answer alone and among others.
 *
 * Conventions are those of wkv.h: 0 or a negative code with a sentence in wkv_error(); out parameters are NULL after a
 * failure; free functions accept NULL. */
#ifndef WKV_SESSION_H
#define WKV_SESSION_H

#include "wkv_grammar.h"
#include "wkv_state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

/* One sequence: a state, the ids that it has read and those that it is to read, and events for the caller. */
typedef struct wkv_session wkv_session;

/* An empty session, in the initial state of the model. Model and tokenizer must outlive it. */
WKV_API int wkv_session_new(wkv_session **out, const wkv_model *m, const wkv_tokenizer *t);
WKV_API void wkv_session_free(wkv_session *s); /* also leaves its batcher */

/* Append a segment; the batcher reads it. The text is encoded as a prompt (wkv_encode_prompt). WKV_EARG: an id outside
 * the vocabulary, or a session inside a batcher; WKV_ENOMEM. The session is then unchanged. */
WKV_API int wkv_session_append_text(wkv_session *s, const char *text, size_t bytes);
WKV_API int wkv_session_append_ids(wkv_session *s, const int32_t *ids, int n);

/* A copy of the conversation as it is now, outside any batcher and without events: a branch, or a point to return to.
 * It costs one state. */
WKV_API int wkv_session_fork(wkv_session **out, const wkv_session *s);

/* End the answer; the event DONE follows at once. Text already sampled stays. No effect outside a batcher. */
WKV_API void wkv_session_cancel(wkv_session *s);

typedef struct {
    const int32_t *ids; /* all ids, borrowed until the session changes */
    int n;              /* their number                                */
    int read;           /* the state has read so many of them          */
    int sampled;        /* tokens sampled by the latest answer         */
    int segments;       /* texts appended and answers                  */
    const char *origin; /* "": reading the ids gives the state; else the words of wkv_state_info.origin */
} wkv_session_info;

WKV_API wkv_session_info wkv_session_about(const wkv_session *s);

/* The number of segments with other ids than encoding the whole text at once gives in their place. Fails as
 * wkv_encode; WKV_ENOMEM. */
WKV_API int wkv_session_apart(const wkv_session *s);

/* The state after `read` ids, borrowed; the caller may copy it, and change it between steps, so that a cache
 * (wkv_cache.h) keeps no state of this session any more. */
WKV_API wkv_state *wkv_session_state(wkv_session *s);

/* The caller has read the next n ids into the state of wkv_session_state itself (wkv_score): they are not read again.
 * WKV_EARG: fewer than n + 1 ids are unread, or a session inside a batcher. */
WKV_API int wkv_session_advance(wkv_session *s, int n);

/* ---- events ------------------------------------------------------------------------------------------------------ */

typedef enum {
    WKV_EVENT_TEXT,
    WKV_EVENT_REASONING, /* text between <think> and </think>; both are left out             */
    WKV_EVENT_TOOL_CALL, /* JSON between the fences of a call; both are left out             */
    WKV_EVENT_DONE,      /* the session has left the batcher                                 */
    WKV_EVENT_TOKEN      /* with wkv_generation.scores: a token, after the last of its text  */
} wkv_event_kind;

typedef enum {
    WKV_FINISH_READ,      /* everything appended was read; no answer was requested            */
    WKV_FINISH_STOP,      /* a stop string, which is not part of the text                     */
    WKV_FINISH_LENGTH,    /* max_tokens                                                       */
    WKV_FINISH_END,       /* the model ended the text, or its grammar did                     */
    WKV_FINISH_CANCELLED, /* wkv_session_cancel                                               */
    WKV_FINISH_FAILED     /* no token could be sampled: `code` and `error` give the reason    */
} wkv_finish_reason;

/* The pointers are valid until the next call with the session or its batcher. */
typedef struct {
    wkv_event_kind kind;
    const char *text; /* complete characters, ended by a zero byte; "" for DONE and TOKEN */
    size_t bytes;
    const wkv_token_score *token; /* of TOKEN: the sampled one, and behind it the `top` most probable ones */
    int top;
    wkv_finish_reason finish_reason; /* of DONE          */
    int stop;                        /* of STOP: the number of the string in wkv_generation.stops; else -1 */
    int code;                        /* of FAILED: WKV_E... */
    const char *error;               /* of FAILED: a sentence; else "" */
} wkv_event;

/* The next event, in order. Returns 1, or 0 when there is none now. */
WKV_API int wkv_session_next_event(wkv_session *s, wkv_event *e);

/* ---- the batcher ------------------------------------------------------------------------------------------------- */

/* Reads and generates for many sessions at once: every step reads one token of each answer and a part of each prompt.
 * Tokens of answers come first; prompts get the rest of the step's time, in equal shares. */
typedef struct wkv_batcher wkv_batcher;

typedef struct {
    int slots;           /* sessions at work at once, the others wait in order; 0: 32                    */
    double step_seconds; /* of a step with prompts, at most, by the rates measured so far; 0: 0.25       */
} wkv_batcher_options;

/* The context must outlive the batcher, and nobody else may use it during a step. */
WKV_API int wkv_batcher_new(wkv_batcher **out, wkv_context *c, const wkv_batcher_options *options);
WKV_API void wkv_batcher_free(wkv_batcher *b); /* its sessions stay, without the rest of their answers */

typedef struct {
    /* NULL: greedy. The random numbers of a session continue from answer to answer while the seed stays; the counts of
     * the penalties begin anew */
    const wkv_sampler_options *sampler;
    int max_tokens; /* 0: no limit */
    /* strings that end the answer and are not part of it, found across tokens; not in a tool call */
    const char *const *stops;
    int n_stops;
    /* read after the answer, for any finish reason, in place of its trailing blanks: "\n\n"; NULL: nothing, and the ids
     * of the answer stay as sampled up to its end */
    const char *ending;
    /* not 0: divide the answer into TEXT, REASONING and TOOL_CALL, each without surrounding blanks. A prompt that ends
     * in "<think" or "</think" is inside one of the marks. 0: TEXT, as sampled */
    int sections;
    /* with sections: a tool call, which "```json" begins in the prompt or at a line of the answer, ends with this
     * string ("\n```"), and the answer with it; NULL: no tools */
    const char *tool_stop;
    /* not 0: a TOKEN event for each token of the text, with its probability in the model's distribution (before the
     * sampler), and the `top` most probable tokens there, and for the id that ends the text. A token of which a stop
     * string cuts text has none */
    int scores, top;
    /* the answer is an output of this grammar, or, up to a stop string, the beginning of one: each token is sampled
     * from those that may come, and the answer ends with END when it is complete and nothing else may come, or at
     * max_tokens, where it is complete too. A max_tokens below wkv_grammar_shortest is refused. The grammar is for the
     * session's tokenizer, and borrowed until the answer has ended; NULL: any text */
    wkv_grammar *grammar;
} wkv_generation;

/* The stops, ending and sections of a chat template, and with `tools` its tool_stop; the strings are borrowed from
 * it. */
WKV_API void wkv_generation_chat(wkv_generation *g, const wkv_template *t, int tools);

/* Read the ids appended to s, and then, with g, generate an answer; g is copied. WKV_EARG: a session of another model
 * or already in a batcher, nothing to read or to continue, options out of range; WKV_ENOMEM. Then neither has
 * changed. */
WKV_API int wkv_batcher_add(wkv_batcher *b, wkv_session *s, const wkv_generation *g);

/* One step. A session that fails gets DONE with FAILED; the others go on. WKV_ENOMEM: nothing was done. */
WKV_API int wkv_batcher_step(wkv_batcher *b);

WKV_API int wkv_batcher_pending(const wkv_batcher *b); /* sessions added that are not done */

typedef struct {
    int active, waiting; /* sessions in slots and in the queue            */
    int decoded, prompt; /* tokens of answers and of prompts read by the latest step */
    double seconds;      /* of the latest step                            */
    double prompt_rate;  /* tokens of prompts per second, measured; 0: not yet */
} wkv_batcher_info;

WKV_API wkv_batcher_info wkv_batcher_about(const wkv_batcher *b);

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* Save a session as a state file (wkv_state.h): its state with the identity that the context gives, ids, text, the
 * template's name (NULL: none) and the position of its random numbers. Ids not yet read are saved too, and read after
 * loading. Fails as wkv_state_file_write. */
WKV_API int wkv_session_save(const wkv_session *s, const wkv_context *c, const char *template_name, const char *path);
/* The same file in memory, which the caller frees: for a database, or a client that holds its state. */
WKV_API int wkv_session_save_memory(char **out, size_t *bytes, const wkv_session *s, const wkv_context *c,
                                    const char *template_name);

/* The session of a file. Its next answer has the bits that it would have had without file, if the context's identity is
 * the file's (wkv_state_file_compare). A tuned initial state gives an empty session that starts from it. Fails as
 * wkv_state_file_read. */
WKV_API int wkv_session_load(wkv_session **out, const wkv_state_file *f, const wkv_context *c, const wkv_tokenizer *t);

#ifdef __cplusplus
}
#endif
#endif
