/* talk.h - the conversation of wkv chat: a tree of messages, and a session at its head.
 *
 * A place is a node at which a conversation can go on: an answer, a text at the beginning, a mix. Places are numbered
 * from 1 in the order of their nodes; users know them by number or by name. Functions return 0, or 1 after an error
 * message, or as said. */
#ifndef WKV_CLI_TALK_H
#define WKV_CLI_TALK_H

#include "engine.h"
#include "slash.h"
#include "wkv_store.h"

typedef struct {
    engine e;
    wkv_batcher *batcher;
    const wkv_sampler_options *sampler;
    const wkv_template *how;
    wkv_tree *tree;
    int beginning;        /* the node behind the texts of --state and --read            */
    wkv_session *session; /* at the head; NULL: it is made when needed                  */
    const char *system;   /* text before the first turn; NULL: the template's opening   */
    wkv_think think;
    int limit;              /* tokens of an answer; 0: none                               */
    int stats;              /* the speed after each answer                                */
    int seeded;             /* a seed was given since the last answer                     */
    wkv_store *store;       /* of --session; NULL: the conversation stays in memory     */
    wkv_store_session kept; /* its id is "": a new one, to be called `name`             */
    const char *name;
    int unkept; /* the last save has failed, which was said */
    int parted; /* another program went on with the session: this is a branch */
    int broken; /* no token can be sampled, so no turn will have an answer    */
} talk;

int talk_open(talk *c); /* after engine, batcher, template, sampler */
void talk_close(talk *c);

/* --session. talk_find: its row in the store, before talk_open; name NULL: none. talk_resume: its tree in place of the
 * empty one, or a new row. talk_keep: save all that is new, and say so if that fails. */
int talk_find(talk *c, const char *name);
int talk_resume(talk *c);
int talk_keep(talk *c);

/* Append a text at the head; a text that ends without the template's separator gets one. */
int talk_read(talk *c, const char *text, const char *shown);
/* Begin from the session of a state file. */
int talk_load(talk *c, const wkv_state_file *f);

/* Ask, and print the answer. 130: interrupted before it; then nothing has changed. */
int talk_ask(talk *c, const char *question);
int talk_regenerate(talk *c);                            /* another answer to the last question */
int talk_edit(talk *c, int place, const char *question); /* another question at that turn */

int talk_go(talk *c, int node); /* WKV_NOWHERE: before any text */
int talk_undo(talk *c);
int talk_mix(talk *c, const int *nodes, const float *weights, int n);
int talk_save(talk *c, const char *path);
/* Recompute the state at the head from its ids, and compare the bits. */
int talk_check(talk *c);

/* Make the session at the head and read it to its end. 130: interrupted. */
int talk_arrive(talk *c);

/* Obey a command. 130: interrupted; then nothing has changed. */
int talk_obey(talk *c, chat_command which, char *argument);
/* Change one of the options that a conversation may change; cmd_chat.c has them. */
int talk_set(talk *c, const char *name, const char *value);

/* ---- places ------------------------------------------------------------------------------------------------------ */

int is_place(const wkv_node *n);
int place_number(const wkv_tree *t, int node);       /* of a place; 0: it is none */
int place_find(const wkv_tree *t, const char *word); /* the node of a number or name; -2 after an error message */
/* The turn of an answer: the node of its question; -1: it has none. */
int place_question(const wkv_tree *t, int node);

void talk_draw(const talk *c); /* the tree, on standard output */

#endif
