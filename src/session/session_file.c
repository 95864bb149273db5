/* session_file.c - a session to a state file and back. */
#include "base/error.h"
#include "base/utf8.h"
#include "session/session.h"
#include "wkv_state.h"
#include <stdlib.h>
#include <string.h>

/* The text of all ids; NULL, without an error, if it is not UTF-8 or contains a zero byte. The caller frees it. */
static int text_of(char **out, const wkv_session *s)
{
    size_t n = 0, bytes;
    for (int i = 0; i < s->n; i++) {
        wkv_token_bytes(s->tokenizer, s->ids[i], &bytes);
        n += bytes;
    }
    char *text = *out = malloc(n + 1);
    if (!text) return fail(WKV_ENOMEM, "no memory for a text of %zu bytes", n);
    for (int i = 0; i < s->n; i++) {
        const char *p = wkv_token_bytes(s->tokenizer, s->ids[i], &bytes);
        memcpy(text, p, bytes);
        text += bytes;
    }
    *text = 0;
    if (strlen(*out) == n && utf8_check(*out, n) == n) return 0;
    free(*out);
    *out = NULL;
    return 0;
}

int wkv_session_save(const wkv_session *s, const wkv_context *c, const char *template_name, const char *path)
{
    REQUIRE(s, "the session");
    REQUIRE(c, "the context");
    REQUIRE(path, "the path");
    char *text;
    wkv_state_info about = {.ids = s->ids,
                            .n_ids = s->n,
                            .read = s->read,
                            .template_name = template_name,
                            .origin = s->origin,
                            .seed = s->random.seed,
                            .draws = s->random.n};
    if (context_model(c) != s->model) return fail(WKV_EARG, "the session is of another model than the context");
    int err = wkv_identify(&about.identity, c);
    if (!err) err = text_of(&text, s);
    if (err) return err;
    about.text = text;
    err = wkv_state_file_write(path, &about, s->state, s->has_hidden ? s->hidden : NULL);
    free(text);
    return err;
}

/* The session's origin: the file's, or the reason why its ids do not give its state with this context. */
static int find_origin(wkv_session *s, const wkv_state_file *f, const wkv_context *c)
{
    const wkv_state_info *about = wkv_state_file_about(f);
    char difference[512];
    int err = wkv_state_file_compare(f, c, difference, sizeof difference);
    if (err) return err;
    const char *origin = about->tuned ? "a tuned initial state" : *about->origin ? about->origin : difference;
    if (*origin && !(s->origin = strdup(origin))) return fail(WKV_ENOMEM, "no memory for a session");
    return 0;
}

int wkv_session_load(wkv_session **out, const wkv_state_file *f, const wkv_context *c, const wkv_tokenizer *t)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(f, "the state file");
    REQUIRE(c, "the context");
    wkv_session *s;
    int err = wkv_session_new(&s, context_model(c), t);
    if (err) return err;
    const wkv_state_info *about = wkv_state_file_about(f);
    const float *hidden = wkv_state_file_hidden(f);
    err = wkv_state_file_read(f, s->state);
    if (!err) err = find_origin(s, f, c);
    if (!err && about->n_ids) err = wkv_session_append_ids(s, about->ids, about->n_ids);
    if (err) {
        wkv_session_free(s);
        return err;
    }
    s->read = about->read;
    s->random = (rng){.seed = about->seed, .n = about->draws};
    s->has_hidden = hidden != NULL;
    if (hidden) memcpy(s->hidden, hidden, (size_t)s->model->rwkv.C * sizeof *hidden);
    *out = s;
    return 0;
}
