/* fuzz_model.c - any bytes as a model: opened, bound, and, when it is small, run for three tokens. */
#include <stdlib.h>
#include "rwkv/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wkv_model *m;
    if (model_open_memory(&m, data, size, "input")) return 0;
    const wkv_model_info *about = wkv_model_about(m);
    wkv_context *c = NULL;
    wkv_state *s = NULL;
    float *logits = NULL;
    if (about->parameters < 1 << 20 && about->state_bytes < 1 << 24 &&
        !wkv_context_new(&c, m, &(wkv_context_options){.threads = 1}) && !wkv_state_new(&s, m) &&
        (logits = malloc((size_t)about->vocab * sizeof *logits))) {
        const int32_t ids[3] = {0, about->vocab - 1, about->vocab / 2};
        wkv_eval(c, s, ids, 3, logits);
    }
    free(logits);
    wkv_state_free(s);
    wkv_context_free(c);
    wkv_model_close(m);
    return 0;
}
