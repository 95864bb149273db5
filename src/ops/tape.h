/* tape.h - recording, for the operations themselves. Models and callers include ops.h. */
#ifndef WKV_OPS_TAPE_H
#define WKV_OPS_TAPE_H

#include "ops/device.h"
#include "ops/ops.h"

/* tape_record with the inputs listed: REC(c, back, y, x, w) */
#define REC(c, back, out, ...)                                                                                         \
    tape_record(c, back, out, (int)(sizeof((tensor *[]){__VA_ARGS__}) / sizeof(tensor *)),                             \
                (tensor *const[]){__VA_ARGS__})

/* x's gradient, to add to, or NULL when x requires none */
static inline real *grad_or_null(cx *c, tensor *x) { return x && x->requires_grad ? tensor_grad(c, x) : NULL; }

/* allocate the gradient of x, which has none yet, uninitialized: the caller writes it, and does not add */
real *tensor_grad_unset(cx *c, tensor *x);

/* add `grad`, which has no other reader left, to x's gradient, or make it x's gradient */
void move_grad(cx *c, tensor *x, real *grad);

/* Call the recorded operations' backward, newest first, down to `to` (NULL: all). An operation whose output has no
 * gradient is skipped, unless it may pass on the gradient of a state. */
void tape_unwind(cx *c, const record *to);

/* Whether the running layer has a probe at the site; and its call with values in the device's memory, in place. */
static inline int is_probed(const cx *c, wkv_site site) { return (int)(c->probed >> site & 1); }
void probe_give(cx *c, wkv_site site, int row, int rows, int cols, real *x);

/* n reals that stay until backward */
static inline real *tape_keep(cx *c, size_t n) { return arena_alloc(&c->mem, n * sizeof(real)); }

/* A mark in both arenas, and the release of everything allocated since. */
typedef struct {
    char *mem, *host;
} cx_place;
static inline cx_place cx_mark(const cx *c) { return (cx_place){arena_mark(&c->mem), arena_mark(&c->host)}; }
static inline void cx_forget(cx *c, cx_place to)
{
    arena_reset(&c->mem, to.mem);
    arena_reset(&c->host, to.host);
}

/* a copy of n bytes that stays until backward */
const void *tape_copy(cx *c, const void *from, size_t n);
/* to = from, n values */
void copy_values(cx *c, real *to, const real *from, size_t n);
/* A copy of every span's state at [at, at + len), one after another, that stays until backward. */
real *states_keep(cx *c, int at, int len);

#endif
