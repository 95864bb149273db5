/* wkv_store.h - conversations kept in a folder: sessions, their messages, and the states after them.
 *
 *     wkv_store *store;  wkv_store_session book;  wkv_tree *tree;
 *     wkv_store_open(&store, NULL);
 *     if (!wkv_store_find(&book, store, "book")) wkv_store_create(&book, store, "book", context, "world");
 *     wkv_store_load(&tree, store, &book, context, tokenizer);
 *     ...                                                       // a turn: wkv_tree_session, wkv_tree_add
 *     wkv_store_save(store, &book, tree);                       // when it returns 0, the turn is on the disk
 *
 * The folder has an SQLite database, wkv.db, and a state file (wkv_state.h) for each answer under the checksum of its
 * contents, states/ab/SHA256.safetensors. docs/states.md describes both. A turn is written as files first, and then as
 * one transaction of the database: a process that is killed, or a disk that is full, loses the turn being written at
 * most. A state file that is missing or damaged costs time only, since its ids are read again.
 *
 * Several processes may use a store, and one session too. A head moves by compare-and-swap: the second of two processes
 * that continue the same message keeps its messages as a branch, and gets WKV_ECONFLICT.
 *
 * Conventions are those of wkv.h. A store belongs to one thread at a time. Built without SQLite, all functions that
 * return a code give WKV_EUNSUPPORTED. Each function may fail with WKV_EIO: disk full, no permission, a database that
 * another process keeps locked for more than 10 seconds; WKV_EFORMAT: the database is damaged; WKV_ENOMEM. */
#ifndef WKV_STORE_H
#define WKV_STORE_H

#include "wkv_tree.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wkv_store wkv_store;

/* The folder of the store that a NULL folder means: $XDG_DATA_HOME/wkv/store, else ~/.local/share/wkv/store. Returns 1,
 * or 0 if neither variable is set or the path is longer than cap - 1 bytes. */
WKV_API int wkv_store_folder(char *out, size_t cap);

/* WKV_EARG when `path`, which is about to be written, lies in the folder of wkv_store_folder. */
WKV_API int wkv_store_refuse_output(const char *path);

typedef struct {
    const char
        *tenant; /* hexadecimal digits: a store of its own at the same place; NULL: that of nobody in particular */
    int64_t expire_seconds; /* Redis: a session that is not saved for so long is removed; 0: never */
} wkv_store_options;

/* Open the store at a place (options NULL: all 0):
 *   - a folder, which is created with mode 0700 if it is missing; NULL: wkv_store_folder. One that is read-only can be
 *     read;
 *   - Redis, which several machines can share: redis://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER], or
 *     unix://[[USER]:PASSWORD@]/PATH[?db=NUMBER] for a socket.
 * WKV_EUNSUPPORTED: a newer schema, the database of another program, a build without SQLite or hiredis; WKV_EIO;
 * WKV_EARG: no such URL. */
WKV_API int wkv_store_open(wkv_store **out, const char *place, const wkv_store_options *options);
/* Whether a place is the URL of a server, not a folder. */
WKV_API int wkv_store_is_shared(const char *place);
WKV_API void wkv_store_close(wkv_store *s);

/* A session as it was when it was found or listed. `head` and `revision` are those that wkv_store_load and
 * wkv_store_save have seen last; the caller passes them on unchanged. */
typedef struct {
    char id[32];              /* "ses_" and 26 characters of 130 random bits          */
    char name[65];            /* "": none                                             */
    char model[128];          /* name of the model's file                             */
    char template_name[32];   /* chat template, "": none                              */
    int64_t created, changed; /* seconds since 1970                                  */
    int messages;             /* of all branches                                      */
    int turns;                /* answers from the beginning to the head               */
    int64_t bytes;            /* of its state files                                   */
    char head[32];            /* id of the message where it continues; "": the beginning */
    char preview[96];         /* beginning of the head's text, in one line            */
    int64_t revision;         /* number of times that it was saved                    */
} wkv_store_session;

/* All sessions, the one changed last first; n of them, freed by wkv_store_list_free. */
WKV_API int wkv_store_list(wkv_store_session **out, int *n, wkv_store *s);
WKV_API void wkv_store_list_free(wkv_store_session *list);

/* The session of this name or id; without one, the only session with such a beginning of its name or id. Returns 1; 0
 * and a cleared *out if there is none; WKV_EARG: several begin with it, and the sentence has two of them. */
WKV_API int wkv_store_find(wkv_store_session *out, wkv_store *s, const char *name);

/* A new session without messages. name: 1 to 64 bytes of UTF-8 without control characters, not beginning with a blank,
 * "-" or "ses_"; NULL: none. The context gives the model. template_name may be NULL. WKV_ECONFLICT: another session has
 * the name; WKV_EARG. */
WKV_API int wkv_store_create(wkv_store_session *out, wkv_store *s, const char *name, const wkv_context *c,
                             const char *template_name);

/* Remove a session, its messages, and the state files that no other session has. WKV_EARG: it does not exist. */
WKV_API int wkv_store_delete(wkv_store *s, const wkv_store_session *session);

/* ---- messages ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    int node, branch; /* branch: wkv_tree_branch */
} wkv_store_name;

/* Messages of a session, in the order in which they were saved; a parent is before its children. */
typedef struct {
    const wkv_node *nodes; /* `stored`: has a state file   */
    int n, head;           /* head: a node, or WKV_NOWHERE */
    const int *path;       /* from the beginning to the head: those that have a text or parts */
    int n_path;
    const wkv_store_name *names;
    int n_names;
} wkv_store_messages;

/* Read the messages without a model. WKV_EARG: the session does not exist. */
WKV_API int wkv_store_read(wkv_store_messages **out, wkv_store *s, const wkv_store_session *session);
WKV_API void wkv_store_messages_free(wkv_store_messages *m);

/* ---- texts for people and programs; the caller frees *out -------------------------------------------------------- */

typedef enum {
    WKV_EXPORT_MARKDOWN, /* the messages from the beginning to the head */
    WKV_EXPORT_JSON      /* all of them, in UTF-8                       */
} wkv_export_format;

/* A session as a text. Fails as wkv_store_read. */
WKV_API int wkv_store_export(char **out, wkv_store *s, const wkv_store_session *session, wkv_export_format format);
/* Descriptions of sessions as a JSON array. */
WKV_API int wkv_store_list_json(char **out, const wkv_store_session *list, int n);
/* The text of a message, with '?' in place of control characters, or the parts of a mix. */
WKV_API int wkv_store_text(char **out, const wkv_store_messages *m, int node);
/* "User", "Assistant"; the name of a session, or the beginning of its id; "2026-08-05 09:30" in the zone of the host. */
WKV_API const char *wkv_store_role(wkv_role role);
WKV_API const char *wkv_store_title(char out[68], const wkv_store_session *session);
WKV_API const char *wkv_store_time(char out[24], int64_t seconds);

/* ---- trees ------------------------------------------------------------------------------------------------------- */

/* The tree of a session as it is now. State files are read when a session of their node is asked for. WKV_EARG: a
 * context of a model with another version, other sizes or another vocabulary; no such session. c and t NULL: a tree
 * without a model, of which head and names change and are saved; its other functions give WKV_EARG. */
WKV_API int wkv_store_load(wkv_tree **out, wkv_store *s, wkv_store_session *session, wkv_context *c,
                           const wkv_tokenizer *t);

/* The differences between the weights and arithmetic of the head's state and those of the context, as a sentence of
 * wkv_state_file_compare; "" without any, or without a state file. */
WKV_API int wkv_store_compare(wkv_store *s, const wkv_store_session *session, const wkv_context *c, char *out,
                              size_t capacity);

/* Save the nodes of a tree that are not in the store yet, its names and its head. The tree is one that
 * wkv_store_load gave for this session, or a new one for a new session. Answers, texts and mixes get state files.
 * A tree that has not changed since it was loaded or saved is not written again.
 *
 * WKV_ECONFLICT: another process has moved the head since `session` was loaded or saved, and this tree's head is not
 * that one either: the nodes and names are saved, the head of the other process stays, and the sentence has both. Every
 * further save of this branch keeps its nodes and gives WKV_ECONFLICT again. WKV_EARG: no such session. After another
 * failure nothing of the tree is in the store that was not there before, and the call can be repeated. */
WKV_API int wkv_store_save(wkv_store *s, wkv_store_session *session, wkv_tree *t);

/* Remove state files that no message refers to, and unfinished files, if they were written more than `seconds` ago:
 * those of saves that were interrupted. *freed (may be NULL): their bytes. */
WKV_API int wkv_store_gc(wkv_store *s, int64_t seconds, int64_t *freed);

#ifdef __cplusplus
}
#endif
#endif
