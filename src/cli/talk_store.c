/* talk_store.c - a conversation that is kept in the store: wkv chat --session NAME. */
#include "columns.h"
#include "say.h"
#include "talk.h"
#include <stdio.h>
#include <string.h>

int talk_find(talk *c, const char *name)
{
    if (!name) return 0;
    if (wkv_store_open(&c->store, NULL)) return complain_library();
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

int talk_resume(talk *c)
{
    if (!c->store) return 0;
    if (!*c->kept.id)
        return wkv_store_create(&c->kept, c->store, c->name, c->e.context, c->how->name) ? complain_library() : 0;
    wkv_tree *kept;
    if (wkv_store_load(&kept, c->store, &c->kept, c->e.context, c->e.tokenizer)) return complain_library();
    wkv_tree_free(c->tree);
    c->tree = kept;
    if (wkv_tree_count(kept)) recall(c);
    return 0;
}

void talk_keep(talk *c)
{
    const int err = c->store ? wkv_store_save(c->store, &c->kept, c->tree) : 0;
    if (err && !(err == WKV_ECONFLICT && c->parted)) complain_library();
    c->parted |= err == WKV_ECONFLICT; /* said once: from here on it is a branch of its own */
}
