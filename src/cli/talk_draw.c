/* talk_draw.c - places of a conversation by number and name, and a picture of the tree.
 *
 *       1  Hello, my name is Tom. → Hello, Tom!
 *     ├─  2  What is my name? → Your name is Tom.  (tom)
 *     └─  3  Tell me a story. → Once there was …   ← here */
#include "columns.h"
#include "talk.h"
#include "say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int is_place(const wkv_node *n) { return n->role != WKV_ROLE_USER; }

int place_number(const wkv_tree *t, int node)
{
    const wkv_node *n = wkv_tree_node(t, node);
    int number = 0;
    for (int i = 0; i <= node && n; i++) number += is_place(wkv_tree_node(t, i));
    return n && is_place(n) ? number : 0;
}

int place_find(const wkv_tree *t, const char *word)
{
    char *end;
    const long number = strtol(word, &end, 10);
    if (end == word || *end) {
        const int node = wkv_tree_find(t, word);
        if (node == -2) complain("no place is called '%.60s'; /tree shows them", word);
        return node;
    }
    for (int i = 0; i < wkv_tree_count(t); i++)
        if (place_number(t, i) == number && number > 0) return i;
    complain("there is no place %ld; /tree shows them", number);
    return -2;
}

/* ---- the picture ------------------------------------------------------------------------------------------------- */

/* The place above a node; WKV_NOWHERE: none. */
static int place_above(const wkv_tree *t, int node)
{
    for (const wkv_node *n; node != WKV_NOWHERE;) {
        n = wkv_tree_node(t, node);
        node = n->parent;
        if (node != WKV_NOWHERE && is_place(wkv_tree_node(t, node))) break;
    }
    return node;
}

static int next_below(const wkv_tree *t, int above, int after)
{
    for (int i = after + 1; i < wkv_tree_count(t); i++)
        if (is_place(wkv_tree_node(t, i)) && place_above(t, i) == above) return i;
    return -1;
}

static void describe(const wkv_tree *t, int node, char *out, size_t room)
{
    const wkv_node *n = wkv_tree_node(t, node);
    const int asked = place_question(t, node);
    size_t used = 0;
    *out = 0;
    if (n->role == WKV_ROLE_MIX) {
        used = (size_t)snprintf(out, room, "mix of");
        for (int i = 0; i < n->n_parts && used < room; i++)
            used += (size_t)snprintf(out + used, room - used, "%s %d x %.3g", i ? "," : "",
                                     place_number(t, n->parts[i]), (double)n->weights[i]);
    } else if (asked >= 0)
        snprintf(out, room, "%s \xe2\x86\x92 %s", wkv_tree_node(t, asked)->text, n->text);
    else
        snprintf(out, room, "%s", *n->text ? n->text : "(the template's opening)");
}

static void put_names(const wkv_tree *t, int node)
{
    const char *name;
    int at;
    for (int i = 0; (name = wkv_tree_name(t, i, &at, NULL)); i++)
        if (at == node) put_text("  (%s)", name);
    if (node == wkv_tree_head(t)) put_text("  \xe2\x86\x90 here");
}

enum { TEXT_ROOM = 4096, DEEPEST = 200 };

/* One place, indented by `indent`, behind its branch. */
static void put_place(const wkv_tree *t, int node, const char *indent, const char *branch)
{
    char text[TEXT_ROOM], cut[TEXT_ROOM + 4];
    const int width = terminal_width() - columns_of(indent) - columns_of(branch) - 20;
    describe(t, node, text, sizeof text);
    columns_cut(cut, sizeof cut, text, width < 20 ? 20 : width);
    put_text("%s%s%3d  %s", indent, branch, place_number(t, node), cut);
    put_names(t, node);
    put_text("\n");
}

/* The places below `above`. A single one continues straight down, several are branches. */
static void put_below(const wkv_tree *t, int above, char *indent)
{
    int first = next_below(t, above, -1);
    while (first >= 0 && next_below(t, above, first) < 0) {
        put_place(t, first, indent, "");
        above = first;
        first = next_below(t, above, -1);
    }
    const size_t n = strlen(indent);
    for (int i = first, next; i >= 0; i = next) {
        next = next_below(t, above, i);
        put_place(t, i, indent, next >= 0 ? "\xe2\x94\x9c\xe2\x94\x80" : "\xe2\x94\x94\xe2\x94\x80");
        if (n < DEEPEST) strcat(indent, next >= 0 ? "\xe2\x94\x82 " : "  "); /* deeper ones are drawn on one level */
        put_below(t, i, indent);
        indent[n] = 0;
    }
}

void talk_draw(const talk *c)
{
    char indent[DEEPEST + 16] = "";
    if (!wkv_tree_count(c->tree)) note("(no turn yet)");
    put_below(c->tree, WKV_NOWHERE, indent);
    if (wkv_tree_count(c->tree) && wkv_tree_head(c->tree) == WKV_NOWHERE)
        put_text("(a new conversation)  \xe2\x86\x90 here\n");
    put_flush();
}
