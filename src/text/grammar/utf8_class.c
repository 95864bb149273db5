/* utf8_class.c - one character of a class as states over the bytes of its UTF-8. */
#include "text/grammar/builder.h"
#include "base/utf8.h"

/* Code points with UTF-8 of equal length whose bytes are independent ranges. */
static int chain(builder *b, uint32_t from, uint32_t to, int next)
{
    char low[4], high[4];
    const int n = utf8_put(low, from);
    utf8_put(high, to);
    for (int i = n - 1; i >= 0; i--)
        next = builder_bytes(b, &(edge){(unsigned char)low[i], (unsigned char)high[i], next}, 1);
    return next;
}

enum { MOST_CHAINS = 32 }; /* of one range */

typedef struct {
    builder *b;
    int next, n;
    int starts[MOST_CHAINS];
} chains;

/* Cut [from, to] where the number of bytes changes and where a suffix of bytes is not complete. */
static void cut(chains *c, uint32_t from, uint32_t to)
{
    static const uint32_t lengths[] = {0x7f, 0x7ff, 0xffff};
    for (int i = 0; i < 3; i++) {
        if (from <= lengths[i] && to > lengths[i]) {
            cut(c, from, lengths[i]);
            cut(c, lengths[i] + 1, to);
            return;
        }
    }
    for (int i = 1; i < 4 && to > 0x7f; i++) {
        const uint32_t rest = (1u << 6 * i) - 1;
        if ((from & ~rest) == (to & ~rest)) break;
        if (from & rest) {
            cut(c, from, from | rest);
            cut(c, (from | rest) + 1, to);
            return;
        }
        if ((to & rest) != rest) {
            cut(c, from, (to & ~rest) - 1);
            cut(c, to & ~rest, to);
            return;
        }
    }
    c->starts[c->n++] = chain(c->b, from, to, c->next);
}

int builder_class(builder *b, const code_range *ranges, int n, int next)
{
    int all = builder_split(b, NULL, 0);
    for (int i = 0; i < n && !b->err; i++) {
        chains c = {.b = b, .next = next};
        cut(&c, ranges[i].from, ranges[i].to);
        for (int k = 0; k < c.n; k++) all = builder_merge(b, (const int[]){all, c.starts[k]}, 2, 0);
    }
    return all;
}
