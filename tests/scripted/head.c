/* head.c - logits that play a fixed text, in place of the model's: a program that is linked with --wrap=wkv_head says
 * what the file $WKV_SCRIPT has, token by token, and then ends the text. A new file begins a new answer.
 *
 * So every branch of tool calls, stops and limits is reached without a model that was trained for it. */
#include "base/error.h"
#include "base/file.h"
#include "base/platform/entry.h"
#include "rwkv/api.h"
#include "text/tokenizer.h"
#include <stdlib.h>
#include <string.h>

static struct {
    wkv_tokenizer *tokenizer;
    int32_t *ids;
    int n, at;
    uint64_t file; /* its inode */
} script;

static void load(const wkv_model *m, const char *path)
{
    char *text;
    size_t bytes;
    if (!script.tokenizer && wkv_tokenizer_open(&script.tokenizer, NULL, m)) abort();
    if (file_slurp(&text, &bytes, path)) abort();
    script.n = wkv_encode(script.tokenizer, text, bytes, NULL, 0);
    script.ids = realloc(script.ids, sizeof *script.ids * (size_t)(script.n + 1));
    if (!script.ids || wkv_encode(script.tokenizer, text, bytes, script.ids, script.n) != script.n) abort();
    script.at = 0;
    free(text);
}

static int32_t next(const wkv_model *m)
{
    const char *path = getenv("WKV_SCRIPT");
    entry_info e;
    if (!path || entry_read(&e, path)) return 0;
    if (e.id.inode != script.file) load(m, path);
    script.file = e.id.inode;
    return script.at < script.n ? script.ids[script.at++] : wkv_tokenizer_end(script.tokenizer);
}

int __wrap_wkv_head(wkv_context *c, const float *hidden, int n, float *logits);
int __wrap_wkv_head(wkv_context *c, const float *hidden, int n, float *logits)
{
    const wkv_model *m = context_model(c);
    const size_t vocab = (size_t)m->rwkv.V;
    (void)hidden;
    memset(logits, 0, sizeof *logits * vocab * (size_t)n);
    for (int i = 0; i < n; i++) logits[(size_t)i * vocab + (size_t)next(m)] = 50;
    return 0;
}
