/* api.h - for the tests of wrong use: two models of different versions, and calls that must be refused. */
#ifndef WKV_TESTS_API_H
#define WKV_TESTS_API_H

#include <stdlib.h>
#include "test.h"
#include "wkv.h"

enum { IDS = 4 };
static wkv_model *m, *other;
static wkv_context *c, *c2;
static wkv_state *s, *s2;
static wkv_tokenizer *t;
static float *logits;
static int V;
static const int32_t ids[IDS + 1] = {1, 2, 3, 4, 5};
static const float nan_ = NAN, infinite = INFINITY;

/* A call that is refused with WKV_EARG and a sentence of its own. */
static inline int refused(int code)
{
    int right = code == WKV_EARG && *wkv_error();
    if (!right) printf("    code %d, \"%s\"\n", code, wkv_error());
    wkv_state_copy(s, s2); /* leaves another sentence */
    return right;
}
#define REFUSED(call) EXPECT(refused(call))
/* The same, and `out` is NULL. */
#define NOTHING(type, call)                                                                                            \
    do {                                                                                                               \
        type *out = (void *)1;                                                                                         \
        REFUSED(call);                                                                                                 \
        EXPECT(!out);                                                                                                  \
    } while (0)

static inline int api_begin(void)
{
    if (wkv_model_open(&m, NULL, NULL) || wkv_model_open(&other, TEST_DIR "/golden/models/v4-c32-f32.pth", NULL) ||
        wkv_context_new(&c, m, &(wkv_context_options){.threads = 2}) || wkv_context_new(&c2, other, NULL) ||
        wkv_state_new(&s, m) || wkv_state_new(&s2, other) || wkv_tokenizer_open(&t, NULL, m)) {
        puts(wkv_error());
        return 1;
    }
    V = wkv_model_about(m)->vocab;
    logits = malloc(sizeof *logits * (size_t)V);
    return 0;
}

static inline void api_end(void)
{
    free(logits);
    wkv_tokenizer_close(t);
    wkv_state_free(s), wkv_state_free(s2);
    wkv_context_free(c), wkv_context_free(c2);
    wkv_model_close(m), wkv_model_close(other);
}

#endif
