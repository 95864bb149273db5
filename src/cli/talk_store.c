/* talk_store.c - a conversation that is kept in the store: wkv chat --session NAME. */
#include "columns.h"
#include "place.h"
#include "sampling.h"
#include "say.h"
#include "talk.h"
#include <stdio.h>
#include <string.h>

int talk_find(talk *c, const char *name)
{
    if (!name) return 0;
    if (wkv_store_open(&c->store, store_place(), NULL)) return complain_library();
    const int found = wkv_store_find(&c->kept, c->store, name);
    if (found < 0 && found != WKV_EARG) return complain_library();
    if (found != 1 || (strcmp(c->kept.name, name) && strcmp(c->kept.id, name)))
        c->kept = (wkv_store_session){0}; /* a name of which this is a beginning is another session */
    c->name = name;
    return 0;
}

/* The last question and answer, for somebody who comes back. */
static void recall(const talk *c)
{
    const int head = wkv_tree_head(c->tree), asked = place_question(c->tree, head);
    char question[160], answer[160], difference[512];
    note("session %s: %d turns", c->kept.name, c->kept.turns);
    if (!wkv_store_compare(c->store, &c->kept, c->e.context, difference, sizeof difference) && *difference)
        note("%s", difference);
    if (asked < 0) return;
    columns_cut(question, sizeof question, wkv_tree_node(c->tree, asked)->text, 70);
    columns_cut(answer, sizeof answer, wkv_tree_node(c->tree, head)->text, 70);
    note("%d  %s\n   %s", place_number(c->tree, head), question, answer);
}

/* The last of the texts with which the conversation at the head begins; WKV_NOWHERE: none. */
static int first_texts(const wkv_tree *t)
{
    int last = WKV_NOWHERE;
    const wkv_node *n;
    for (int i = wkv_tree_head(t); (n = wkv_tree_node(t, i)); i = n->parent)
        if (n->role == WKV_ROLE_TEXT && last == WKV_NOWHERE)
            last = i;
        else if (n->role != WKV_ROLE_TEXT)
            last = WKV_NOWHERE;
    return last;
}

/* The seed of the first answer; without an answer that of the options. */
static uint64_t first_seed(const wkv_tree *t)
{
    const wkv_node *n;
    for (int i = 0; (n = wkv_tree_node(t, i)); i++)
        if (n->role == WKV_ROLE_ASSISTANT && n->draws) return n->seed;
    return sampling_seed();
}

int talk_resume(talk *c)
{
    if (!c->store) return 0;
    if (!*c->kept.id)
        return wkv_store_create(&c->kept, c->store, c->name, c->e.context, c->how->name) ? complain_library() : 0;
    wkv_tree *kept;
    if (wkv_store_load(&kept, c->store, &c->kept, c->e.context, c->e.tokenizer)) return complain_library();
    wkv_tree_free(c->tree);
    c->tree = kept;
    c->beginning = first_texts(kept);
    if (!wkv_tree_count(kept)) return 0;
    c->seeded = sampling_resume(first_seed(kept));
    recall(c);
    return 0;
}

int talk_keep(talk *c)
{
    const int err = c->store ? wkv_store_save(c->store, &c->kept, c->tree) : 0;
    const int conflict = err == WKV_ECONFLICT; /* all is kept; said once: from here on it is a branch of its own */
    if (err && !(conflict ? c->parted : c->unkept)) complain_library();
    c->parted |= conflict;
    c->unkept = err && !conflict;
    return c->unkept;
}
