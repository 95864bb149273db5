/* syntax.c - build a syntax tree. */
#include "text/grammar/syntax.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 21 /* nodes, parts, ranges and bytes */ };

/* Room for n more elements of `size` bytes in the array at *at. */
static int reserve(syntax *s, void *at, int *cap, int used, int n, size_t size)
{
    void *old, *grown;
    if (s->err) return 0;
    if (n > MOST - used) {
        s->err = fail(WKV_EUNSUPPORTED, "the grammar has more than %d parts; shorten it", MOST);
        return 0;
    }
    if (used + n <= *cap) return 1;
    const int more = 2 * *cap + n + 64;
    memcpy(&old, at, sizeof old);
    if (!(grown = realloc(old, (size_t)more * size))) {
        s->err = fail(WKV_ENOMEM, "no memory for a grammar");
        return 0;
    }
    memcpy(at, &grown, sizeof grown);
    *cap = more;
    return 1;
}

static int add(syntax *s, syntax_node node)
{
    if (!reserve(s, &s->nodes, &s->cap_nodes, s->n_nodes, 1, sizeof *s->nodes)) return EMPTY;
    s->nodes[s->n_nodes] = node;
    return s->n_nodes++;
}

int syntax_init(syntax *s)
{
    *s = (syntax){0};
    add(s, (syntax_node){.kind = SYNTAX_BYTES});
    add(s, (syntax_node){.kind = SYNTAX_CHOICE});
    syntax_new_rule(s);
    return s->err;
}

void syntax_release(syntax *s)
{
    free(s->nodes);
    free(s->parts);
    free(s->rules);
    free(s->bytes);
    free(s->ranges);
    *s = (syntax){0};
}

int syntax_bytes(syntax *s, const char *bytes, size_t n)
{
    if (!n) return EMPTY;
    if (n > MOST) n = (size_t)MOST + 1;
    if (!reserve(s, &s->bytes, &s->cap_bytes, s->n_bytes, (int)n, 1)) return EMPTY;
    memcpy(s->bytes + s->n_bytes, bytes, n);
    s->n_bytes += (int)n;
    return add(s, (syntax_node){.kind = SYNTAX_BYTES, .from = s->n_bytes - (int)n, .n = (int)n});
}

int syntax_text(syntax *s, const char *text) { return syntax_bytes(s, text, strlen(text)); }

static int by_start(const void *a, const void *b)
{
    const code_range *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

int ranges_sort(code_range *r, int n)
{
    int kept = 0;
    qsort(r, (size_t)n, sizeof *r, by_start);
    for (int i = 0; i < n; i++) {
        if (r[i].from > r[i].to) continue;
        if (kept && r[i].from <= r[kept - 1].to + 1) {
            if (r[i].to > r[kept - 1].to) r[kept - 1].to = r[i].to;
        } else
            r[kept++] = r[i];
    }
    return kept;
}

int ranges_complement(code_range *out, code_range *ranges, int n)
{
    uint32_t from = 0;
    int m = 0;
    n = ranges_sort(ranges, n);
    for (int i = 0; i < n; i++) {
        if (ranges[i].from > from) out[m++] = (code_range){from, ranges[i].from - 1};
        from = ranges[i].to + 1;
    }
    if (from <= 0x10ffff) out[m++] = (code_range){from, 0x10ffff};
    return m;
}

static int same_class(const syntax *s, const syntax_node *c, const code_range *r, int n)
{
    return c->kind == SYNTAX_CLASS && c->n == n && !memcmp(s->ranges + c->from, r, (size_t)n * sizeof *r);
}

/* Equal classes are one node, so that the automaton keeps one table for all loops over it. */
int syntax_class(syntax *s, const code_range *ranges, int n)
{
    enum { LATEST = 64 };
    if (n <= 0) return NOTHING;
    if (!reserve(s, &s->ranges, &s->cap_ranges, s->n_ranges, n + 1, sizeof *s->ranges)) return EMPTY;
    code_range *own = s->ranges + s->n_ranges;
    memcpy(own, ranges, (size_t)n * sizeof *own);
    n = ranges_sort(own, n);
    for (int i = 0; i < n; i++) {
        if (own[i].from > 0xdfff || own[i].to < 0xd800) continue;
        const code_range behind = {0xe000, own[i].to};
        own[i].to = 0xd7ff; /* an empty range if it began inside */
        if (behind.to >= 0xe000) {
            if (own[i].from > 0xd7ff)
                own[i] = behind;
            else {
                memmove(own + i + 2, own + i + 1, (size_t)(n - i - 1) * sizeof *own);
                own[i + 1] = behind;
                n++;
            }
            break;
        }
    }
    int kept = 0;
    for (int i = 0; i < n; i++)
        if (own[i].from <= own[i].to) own[kept++] = own[i];
    if (!kept) return NOTHING;
    for (int i = s->n_nodes - 1; i > 1 && i > s->n_nodes - LATEST; i--)
        if (same_class(s, s->nodes + i, own, kept)) return i;
    s->n_ranges += kept;
    return add(s, (syntax_node){.kind = SYNTAX_CLASS, .from = s->n_ranges - kept, .n = kept});
}

int syntax_list(syntax *s, syntax_kind kind, const int *parts, int n)
{
    if (n == 1) return parts[0];
    if (!n) return kind == SYNTAX_CHOICE ? NOTHING : EMPTY;
    if (!reserve(s, &s->parts, &s->cap_parts, s->n_parts, n, sizeof *s->parts)) return EMPTY;
    memcpy(s->parts + s->n_parts, parts, (size_t)n * sizeof *parts);
    s->n_parts += n;
    return add(s, (syntax_node){.kind = kind, .from = s->n_parts - n, .n = n});
}

int syntax_repeat(syntax *s, int node, int min, int max)
{
    if (max < min) return NOTHING;
    if (max == 0) return EMPTY;
    if (min == 1 && max == 1) return node;
    return add(s, (syntax_node){.kind = SYNTAX_REPEAT, .from = node, .min = min, .max = max});
}

int syntax_rule(syntax *s, int rule) { return add(s, (syntax_node){.kind = SYNTAX_RULE, .from = rule}); }

int syntax_new_rule(syntax *s)
{
    if (!reserve(s, &s->rules, &s->cap_rules, s->n_rules, 1, sizeof *s->rules)) return 0;
    s->rules[s->n_rules] = NOTHING;
    return s->n_rules++;
}

void syntax_set_rule(syntax *s, int rule, int node)
{
    if (rule < s->n_rules) s->rules[rule] = node;
}
