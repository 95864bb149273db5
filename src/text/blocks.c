/* blocks.c - the next block of logits, with their adjustments. */
#include "text/blocks.h"
#include <math.h>
#include <string.h>

void block_start(block *b, const candidates *c, logit_range r)
{
    b->c = c;
    b->at = b->n = b->adjustment = 0;
    b->range = r;
}

/* The ties end between two blocks. */
int block_next(block *b)
{
    const candidates *c = b->c;
    const adjustments *a = c->adjust;
    b->at += b->n;
    b->n = c->n - b->at < LOGITS_BLOCK ? c->n - b->at : LOGITS_BLOCK;
    if (b->n <= 0) return 0;
    if (b->at < c->ties && b->at + b->n > c->ties) b->n = c->ties - b->at;
    if (b->at >= c->ties && b->range.from <= c->from) b->range.from = nextafterf(c->from, INFINITY);
    b->x = c->x + b->at;
    if (!a || b->adjustment == a->n || a->list[b->adjustment].id >= b->at + b->n) return 1;
    memcpy(b->copy, b->x, (size_t)b->n * sizeof *b->x);
    for (; b->adjustment < a->n && a->list[b->adjustment].id < b->at + b->n; b->adjustment++) {
        const adjustment *one = a->list + b->adjustment;
        b->copy[one->id - b->at] = adjust_logit(a, one, b->copy[one->id - b->at]);
    }
    b->x = b->copy;
    return 1;
}

logit_range candidates_range(const candidates *c) { return (logit_range){c->from, c->to, NAN, NAN}; }
