/* test_train_curve.c - the losses of 200 steps are those of the official model code under PyTorch's autograd and AdamW,
 * from the same weights, tokens and order (tests/golden/training, tools/make-training.py): the first within 1e-5, all
 * within 1e-3. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "format/tensors.h"
#include "wkv_train.h"
#include "test.h"

static void follow(const char *name)
{
    char model[256], curve[256];
    snprintf(model, sizeof model, TEST_DIR "/golden/training/%s.safetensors", name);
    snprintf(curve, sizeof curve, TEST_DIR "/golden/training/%s.curve.safetensors", name);
    wkv_train_options o = {
        .init = model, .steps = 200, .lr_init = 2e-3f, .lr_final = 2e-4f, .warmup = 10, .threads = 1};
    wkv_trainer *t = NULL;
    tensors *f = NULL;
    if (wkv_trainer_new(&t, &o) || tensors_open(&f, curve)) {
        FAILED("%s", wkv_error());
        return;
    }
    const file_tensor *tokens = tensors_find(f, "tokens"), *losses = tensors_find(f, "losses");
    int steps = (int)tokens->shape[0], batch = (int)tokens->shape[1], row = (int)tokens->shape[2];
    size_t bytes = (size_t)(batch * row) * sizeof(int32_t);
    int32_t *ids = malloc(bytes);
    double first = 0, worst = 0;
    EXPECT_EQ(steps, 200);
    for (int i = 0; i < steps; i++) {
        double loss = 0, expected;
        memcpy(ids, (const char *)tokens->data + (size_t)i * bytes, bytes);
        memcpy(&expected, (const char *)losses->data + (size_t)i * sizeof expected, sizeof expected);
        EXPECT_EQ(wkv_trainer_step(t, ids, batch, row - 1, &loss), 0);
        if (!i) first = fabs(loss - expected);
        worst = fmax(worst, fabs(loss - expected));
    }
    printf("     %s: first step within %.1e, all within %.1e\n", name, first, worst);
    EXPECT(first <= 1e-5 && worst <= 1e-3);
    free(ids);
    tensors_close(f);
    wkv_trainer_free(t);
}

static void version_4(void) { follow("v4"); }
static void version_7(void) { follow("v7"); }

int main(void)
{
    RUN(version_4);
    RUN(version_7);
    return DONE();
}
