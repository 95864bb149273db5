/* tape.h - inside the operations: what a record needs. Models and callers include ops.h. */
#ifndef WKV_OPS_TAPE_H
#define WKV_OPS_TAPE_H

#include "ops/device.h"
#include "ops/ops.h"

/* tape_record with the inputs listed: REC(c, back, y, x, w) */
#define REC(c, back, out, ...)                                                                                         \
    tape_record(c, back, out, (int)(sizeof((tensor *[]){__VA_ARGS__}) / sizeof(tensor *)),                             \
                (tensor *const[]){__VA_ARGS__})

/* where x's gradient is to be added, or NULL when nobody wants it */
static inline real *grad_or_null(cx *c, tensor *x) { return x && x->requires_grad ? tensor_grad(c, x) : NULL; }

/* x has no gradient yet: room for the first, which is to be written, not added */
real *tensor_grad_unset(cx *c, tensor *x);

/* `grad`, which nobody else reads any more, is added to x's gradient, or becomes it */
void move_grad(cx *c, tensor *x, real *grad);

/* Call the recorded operations' backward, newest first, down to `to`, NULL: all. An operation that no gradient reached
 * is skipped, unless a state's gradient may come in through it. */
void tape_unwind(cx *c, const record *to);

/* keep n reals for backward */
static inline real *tape_keep(cx *c, size_t n) { return arena_alloc(&c->mem, n * sizeof(real)); }

/* A place in both arenas, and forgetting what was made since. */
typedef struct {
    char *mem, *host;
} cx_place;
static inline cx_place cx_mark(const cx *c) { return (cx_place){arena_mark(&c->mem), arena_mark(&c->host)}; }
static inline void cx_forget(cx *c, cx_place to)
{
    arena_reset(&c->mem, to.mem);
    arena_reset(&c->host, to.host);
}

/* keep a copy of n bytes for backward */
const void *tape_copy(cx *c, const void *from, size_t n);
/* to = from, n values */
void copy_values(cx *c, real *to, const real *from, size_t n);
/* Every span's state at [at, at + len), one after another, kept for backward. */
real *states_keep(cx *c, int at, int len);

#endif
