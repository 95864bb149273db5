/* use_state.c - state files: mutants with a corrected checksum, so that they reach the checks behind it, and their
 * use. */
#define _GNU_SOURCE
#include "format/reader.h"
#include "session/state_file.h"
#include "use.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Write the checksum of the mutant's contents in the place of its own. */
static void seal(const sound *s, buffer *b)
{
    static const char key[] = "\"sha256\":\"";
    char sum[DIGEST_TEXT];
    tensors *t;
    if (tensors_open_memory(&t, b->data, b->size, s->name)) return;
    uint8_t *at = memmem(b->data, b->size, key, sizeof key - 1);
    if (at && at + sizeof key - 1 + DIGEST_TEXT < b->data + b->size && !strcmp(t->format, "safetensors") &&
        !state_file_checksum(sum, t))
        memcpy(at + sizeof key - 1, sum, DIGEST_TEXT - 1);
    tensors_close(t);
}

int scan_state(sound *s)
{
    s->seal = seal;
    return scan_safetensors(s);
}

/* A file that was opened is mixed with itself and converted, and its state is one of its model or of none. */
static void use_opened(const wkv_state_file *f, const sound *s, const char *scratch, rng *r)
{
    const wkv_state_info *a = wkv_state_file_about(f);
    wkv_model *m;
    wkv_context *c = NULL;
    wkv_state *state = NULL;
    char out[300], text[100];
    snprintf(out, sizeof out, "%s/out%s", scratch, a->tuned && below(r, 2) ? ".st" : ".safetensors");
    if (a->read < 0 || a->read > a->n_ids || a->layers < 1 || a->width < 1 || !a->text || !a->origin) abort();
    const wkv_state_file *both[2] = {f, f};
    if (below(r, 4) == 0 && wkv_state_file_mix(out, both, NULL, 2)) refused();
    if (below(r, 4) == 0 && wkv_state_file_write_tuned(out, f)) refused();
    unlink(out);
    if (wkv_model_open(&m, s->base, NULL)) return;
    if (!wkv_context_new(&c, m, &(wkv_context_options){.threads = 1}) && !wkv_state_new(&state, m) &&
        !wkv_state_file_read(f, state) && !wkv_state_file_compare(f, c, text, sizeof text)) {
        const int32_t ids[2] = {0, 1};
        wkv_eval(c, state, ids, 2, NULL);
    }
    wkv_state_free(state);
    wkv_context_free(c);
    wkv_model_close(m);
}

int use_state_file(const sound *s, const char *path, const char *scratch, rng *r)
{
    wkv_state_file *f;
    if (wkv_state_file_open(&f, path)) return refused();
    use_opened(f, s, scratch, r);
    wkv_state_file_close(f);
    return 1;
}
