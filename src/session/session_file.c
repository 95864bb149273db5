/* session_file.c - a session to a state file and back. */
#include "base/error.h"
#include "base/utf8.h"
#include "session/session.h"
#include "session/state_file.h"
#include "text/tokenizer.h"
#include <stdlib.h>
#include <string.h>

/* The text of all ids; NULL, without an error, if it is not UTF-8 or contains a zero byte. The caller frees it. */
static int text_of(char **out, const wkv_session *s)
{
    size_t n;
    const int err = tokenizer_spell(out, &n, s->tokenizer, s->ids, s->n);
    if (err || (strlen(*out) == n && utf8_check(*out, n) == n)) return err;
    free(*out);
    *out = NULL;
    return 0;
}

static int save(const state_target *to, const wkv_session *s, const wkv_context *c, const char *template_name)
{
    char *text;
    wkv_state_info about = {.ids = s->ids,
                            .n_ids = s->n,
                            .read = s->read,
                            .template_name = template_name,
                            .origin = s->origin,
                            .seed = s->random.seed,
                            .draws = s->random.n};
    if (context_model(c) != s->model) return fail(WKV_EARG, "the session is of another model than the context");
    char *parts = NULL;
    int err = wkv_identify(&about.identity, c);
    if (!err) err = segments_print(&parts, &s->segments, s->n);
    if (!err) err = text_of(&text, s);
    about.segments = parts;
    if (!err) {
        about.text = text;
        err = state_write_model(to, &about, s->state, s->has_hidden ? s->hidden : NULL);
        free(text);
    }
    free(parts);
    return err;
}

int wkv_session_save(const wkv_session *s, const wkv_context *c, const char *template_name, const char *path)
{
    REQUIRE(s, "the session");
    REQUIRE(c, "the context");
    REQUIRE(path, "the path");
    return save(&(state_target){.path = path}, s, c, template_name);
}

int wkv_session_save_memory(char **out, size_t *bytes, const wkv_session *s, const wkv_context *c,
                            const char *template_name)
{
    REQUIRE(out, "out");
    *out = NULL;
    REQUIRE(bytes, "the size");
    *bytes = 0;
    REQUIRE(s, "the session");
    REQUIRE(c, "the context");
    return save(&(state_target){"a state in memory", out, bytes}, s, c, template_name);
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
    if (!err) err = segments_parse(&s->segments, about->segments, about->n_ids);
    if (err) {
        wkv_session_free(s);
        return err;
    }
    s->read = about->read;
    s->untrusted = 1; /* a checksum does not show that the ids give the state */
    s->random = (rng){.seed = about->seed, .n = about->draws};
    s->has_hidden = hidden != NULL;
    if (hidden) memcpy(s->hidden, hidden, (size_t)s->model->rwkv.C * sizeof *hidden);
    *out = s;
    return 0;
}
