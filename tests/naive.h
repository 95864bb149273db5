/* naive.h - which byte may come next in a text of a grammar, from its syntax tree alone: every way to read the text is
 * a list of what is still to come. No states, no tables, no counters: what the automaton is compared with. */
#ifndef WKV_TESTS_NAIVE_H
#define WKV_TESTS_NAIVE_H

#include "text/grammar/syntax.h"
#include <stdlib.h>
#include <string.h>

/* The part that is still to come: the rest of a node, and then `next`. */
typedef struct cell {
    int node, at;            /* bytes of the node that are read; iterations of a repetition that are done */
    unsigned char begun[4];  /* bytes of a character */
    int loop;                /* between two iterations */
    int fresh;               /* the iteration before has not read a byte yet */
    const struct cell *next; /* NULL: the output ends */
} cell;

typedef struct {
    const cell *at[4096];
    int n;
} ways;

enum { CELLS = 1 << 20 };
typedef struct {
    const syntax *s;
    char *empty, *possible; /* of each node: it has the empty text, any text */
    cell *cells;
    int n_cells;
    int overflow;
} naive;

static int naive_list(const naive *m, const syntax_node *n, const char *is, int all)
{
    for (int i = 0; i < n->n; i++)
        if (is[m->s->parts[n->from + i]] != all) return !all;
    return all;
}

static void naive_init(naive *m, const syntax *s)
{
    *m = (naive){s, calloc((size_t)s->n_nodes, 1), calloc((size_t)s->n_nodes, 1), malloc(CELLS * sizeof(cell)), 0, 0};
    for (int changed = 1; changed;) {
        changed = 0;
        for (int i = 0; i < s->n_nodes; i++) {
            const syntax_node *n = s->nodes + i;
            int empty = 0, possible = 1;
            switch (n->kind) {
            case SYNTAX_BYTES: empty = !n->n; break;
            case SYNTAX_CLASS: break;
            case SYNTAX_SEQUENCE:
                empty = naive_list(m, n, m->empty, 1), possible = naive_list(m, n, m->possible, 1);
                break;
            case SYNTAX_CHOICE:
                empty = naive_list(m, n, m->empty, 0), possible = naive_list(m, n, m->possible, 0);
                break;
            case SYNTAX_REPEAT:
                empty = !n->min || m->empty[n->from];
                possible = !n->min || m->possible[n->from];
                break;
            case SYNTAX_RULE: empty = m->empty[s->rules[n->from]], possible = m->possible[s->rules[n->from]]; break;
            }
            changed |= empty != m->empty[i] || possible != m->possible[i];
            m->empty[i] = (char)empty, m->possible[i] = (char)possible;
        }
    }
}

static void naive_release(naive *m) { free(m->empty), free(m->possible), free(m->cells); }

static const cell *naive_cell(naive *m, cell c)
{
    if (m->n_cells == CELLS) {
        m->overflow = 1;
        return m->cells;
    }
    m->cells[m->n_cells] = c;
    return m->cells + m->n_cells++;
}

static int same_ways(const cell *a, const cell *b)
{
    for (; a && b && a != b; a = a->next, b = b->next)
        if (a->node != b->node || a->at != b->at || a->loop != b->loop || a->fresh != b->fresh ||
            memcmp(a->begun, b->begun, 4))
            return 0;
    return a == b;
}

static void naive_add(naive *m, ways *to, const cell *c)
{
    for (int i = 0; i < to->n; i++)
        if (same_ways(to->at[i], c)) return;
    if (to->n == 4096)
        m->overflow = 1;
    else
        to->at[to->n++] = c;
}

/* May a character of the class have these bytes at its front? *whole: they are all of it. */
static int class_begins(const syntax *s, const syntax_node *n, const unsigned char *p, int bytes, int *whole)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const int length = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf8 ? 4 : 0;
    if (!length) return 0;
    uint32_t from = length == 1 ? p[0] : p[0] & (0x7fu >> length), to;
    for (int i = 1; i < bytes; i++) {
        if (p[i] >> 6 != 2) return 0;
        from = from << 6 | (p[i] & 63);
    }
    to = from;
    for (int i = bytes; i < length; i++) from <<= 6, to = to << 6 | 63;
    if (from < least[length]) from = least[length];
    *whole = bytes == length;
    for (int i = 0; i < n->n; i++)
        if (s->ranges[n->from + i].from <= to && s->ranges[n->from + i].to >= from && from <= to) return 1;
    return 0;
}

static void naive_close(naive *m, ways *to, const cell *c);

/* Continue with `next` after a byte was read: iterations around are not empty any more. */
static const cell *naive_read(naive *m, const cell *c)
{
    if (!c) return NULL;
    const cell *next = naive_read(m, c->next);
    if (!c->fresh && next == c->next) return c;
    cell copy = *c;
    copy.fresh = 0, copy.next = next;
    return naive_cell(m, copy);
}

/* Follow c to what reads a byte, or is the end. */
static void naive_close(naive *m, ways *to, const cell *c)
{
    if (!c) {
        naive_add(m, to, NULL);
        return;
    }
    const syntax_node *n = m->s->nodes + c->node;
    if (m->overflow || !m->possible[c->node]) return;
    switch (n->kind) {
    case SYNTAX_BYTES:
        if (n->n)
            naive_add(m, to, c);
        else
            naive_close(m, to, c->next);
        break;
    case SYNTAX_CLASS: naive_add(m, to, c); break;
    case SYNTAX_SEQUENCE: {
        const cell *next = c->next;
        for (int i = n->n - 1; i >= 0; i--) {
            if (!m->possible[m->s->parts[n->from + i]]) return;
            next = naive_cell(m, (cell){.node = m->s->parts[n->from + i], .next = next});
        }
        naive_close(m, to, next);
        break;
    }
    case SYNTAX_CHOICE:
        for (int i = 0; i < n->n; i++)
            naive_close(m, to, naive_cell(m, (cell){.node = m->s->parts[n->from + i], .next = c->next}));
        break;
    case SYNTAX_RULE: naive_close(m, to, naive_cell(m, (cell){.node = m->s->rules[n->from], .next = c->next})); break;
    case SYNTAX_REPEAT: {
        if (c->loop && c->fresh) return; /* an empty iteration */
        if (c->at >= n->min || m->empty[n->from]) naive_close(m, to, c->next);
        if (c->at >= n->max || !m->possible[n->from]) return;
        const int done = n->max == NO_LIMIT && c->at >= n->min ? c->at : c->at + 1;
        const cell *loop = naive_cell(m, (cell){.node = c->node, .at = done, .loop = 1, .fresh = 1, .next = c->next});
        naive_close(m, to, naive_cell(m, (cell){.node = n->from, .next = loop}));
        break;
    }
    }
}

static void naive_start(naive *m, ways *to)
{
    m->n_cells = to->n = 0;
    naive_close(m, to, naive_cell(m, (cell){.node = m->s->rules[0]}));
}

/* The ways after one more byte. */
static void naive_next(naive *m, ways *to, const ways *from, unsigned char byte)
{
    to->n = 0;
    for (int i = 0; i < from->n; i++) {
        const cell *c = from->at[i];
        if (!c) continue;
        const syntax_node *n = m->s->nodes + c->node;
        cell rest = *c;
        int whole = 0;
        if (n->kind == SYNTAX_BYTES) {
            if ((unsigned char)m->s->bytes[n->from + c->at] != byte) continue;
            whole = ++rest.at == n->n;
        } else {
            rest.begun[rest.at++] = byte;
            if (!class_begins(m->s, n, rest.begun, rest.at, &whole)) continue;
        }
        rest.next = naive_read(m, rest.next);
        if (whole)
            naive_close(m, to, rest.next);
        else
            naive_add(m, to, naive_cell(m, rest));
    }
}

static int naive_complete(const ways *w)
{
    for (int i = 0; i < w->n; i++)
        if (!w->at[i]) return 1;
    return 0;
}

#endif
