/* An agent and its client in 40 requests (tests/text/agent-40.json): every request sends the whole conversation,
 * with calls rendered again, thinking stripped, two edits, a retry and a date in the first line. Each request reads
 * at most its new text and 64 tokens, by the batcher's count, and has the bits of a replay; so does it after a
 * restart. */
#include "cached.h"
#include "folder.h"
#include <jansson.h>

enum { TURNS = 40, MOST_MORE = 64, SPELLED = 5 /* bytes of a sampled id: other ids than those of encoding */ };

static const wkv_template *how;
static json_t *transcript;

/* ---- the client -------------------------------------------------------------------------------------------------- */

/* A turn as the client keeps it: both texts as the server renders them, up to and behind "Assistant:". */
typedef struct {
    char *question, *reply;
} turn;

typedef struct {
    turn turns[TURNS];
    int n;
    const char *date;
} client;

/* A request or, with the answer in place of its beginning, a conversation: texts of its segments. */
typedef struct {
    char *text[2 * TURNS + 2];
    int n;
} texts;

static const char *get(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static char *copy(const char *text, size_t n)
{
    char *to = malloc(n + 1);
    memcpy(to, text, n);
    to[n] = 0;
    return to;
}

/* A turn, without the beginning of the answer that the template gives. */
static char *render(const json_t *what, const char *opening_of)
{
    const char *user = get(what, "user"), *tool = get(what, "tool");
    static char text[1 << 16];
    char output[1 << 15];
    if (tool) snprintf(output, sizeof output, "Function output:\n%s", tool), user = output;
    wkv_template_tools_turn(how, opening_of != NULL, opening_of, opening_of ? get(transcript, "tools") : NULL, user,
                            WKV_THINK_SHORT, 1, text, sizeof text);
    char *end = text + strlen(text) - strlen(" <think");
    EXPECT_STR(end, " <think");
    return copy(text, (size_t)(end - text));
}

/* The opening, with the date in its first line: the system text and the tools. */
static char *opening(const client *k)
{
    char system[8192];
    const char *text = get(transcript, "system"), *at = strstr(text, "{date}");
    snprintf(system, sizeof system, "%.*s%s%s", (int)(at - text), text, k->date, at + strlen("{date}"));
    json_t *nothing = json_pack("{s:s}", "user", "x");
    char *all = render(nothing, system), *turn_at = strstr(all, "\n\nUser: x");
    turn_at[2] = 0;
    json_decref(nothing);
    return all;
}

static char *render_reply(const json_t *what)
{
    const json_t *sent = json_object_get(what, "sent");
    const char *call = get(sent, "call"), *text = get(sent, "text");
    char out[1 << 14];
    if (call) {
        const size_t n = (size_t)snprintf(out, sizeof out, " ```json");
        wkv_template_tools_reply(how, call, out + n, sizeof out - n);
    } else if (text)
        wkv_template_reply(how, text, out, sizeof out);
    else
        snprintf(out, sizeof out, " <think%s\n\n", get(what, "sampled"));
    return copy(out, strlen(out));
}

static void forget_from(client *k, int n)
{
    while (k->n > n) {
        k->n--;
        free(k->turns[k->n].question);
        free(k->turns[k->n].reply);
    }
}

/* The client changes its conversation before it sends the next request. */
static void edit(client *k, const json_t *what)
{
    const json_t *keeps = json_object_get(what, "edit"), *rewrite = json_object_get(what, "rewrite");
    if (get(what, "date")) k->date = get(what, "date");
    if (keeps) forget_from(k, (int)json_integer_value(keeps));
    if (rewrite) {
        turn *old = &k->turns[json_integer_value(json_object_get(rewrite, "turn")) - 1];
        char text[4096];
        wkv_template_reply(how, get(rewrite, "text"), text, sizeof text);
        free(old->reply);
        old->reply = copy(text, strlen(text));
    }
    k->turns[k->n++] = (turn){render(what, NULL), render_reply(what)};
}

/* The segments of the client's conversation; the last reply is still to come. */
static texts request_of(const client *k)
{
    texts r = {.text = {opening(k)}, .n = 1};
    for (int i = 0; i < k->n; i++) {
        r.text[r.n++] = copy(k->turns[i].question, strlen(k->turns[i].question));
        r.text[r.n++] = i + 1 < k->n ? copy(k->turns[i].reply, strlen(k->turns[i].reply)) : copy(" <think", 7);
    }
    return r;
}

static void release(texts *r)
{
    while (r->n) free(r->text[--r->n]);
}

/* ---- counting ---------------------------------------------------------------------------------------------------- */

static int tokens_of(const texts *r, int from)
{
    int n = 0;
    for (int i = from; i < r->n; i++) n += wkv_encode_prompt(t, r->text[i], strlen(r->text[i]), NULL, 0);
    return n;
}

/* Tokens of the texts that no earlier request, with its answer, began with: by the texts alone. */
static int new_tokens(const texts *r, const texts *earlier, int n)
{
    int most = 0;
    for (int i = 0; i < n; i++) {
        int same = 0;
        while (same < r->n && same < earlier[i].n && !strcmp(r->text[same], earlier[i].text[same])) same++;
        if (same > most) most = same;
    }
    return tokens_of(r, most);
}

/* ---- the server -------------------------------------------------------------------------------------------------- */

static wkv_session *session_of_request(wkv_cache *k, const texts *r)
{
    wkv_session *s;
    EXPECT_EQ(wkv_session_new(&s, m, t), 0);
    for (int i = 0; i < r->n; i++) {
        const char *text = r->text[i];
        const int is_answer = i && i % 2 == 0;
        if (is_answer ? wkv_cache_append_answer(k, s, text, strlen(text), i + 1 < r->n)
                      : wkv_session_append_text(s, text, strlen(text)))
            FAILED("%s", wkv_error());
    }
    return s;
}

/* Ids that the model samples for a text: other ones than wkv_encode gives. */
static int sampled_ids(int32_t *ids, const char *text)
{
    int n = 0;
    for (size_t at = 0, left = strlen(text); left; at += SPELLED) {
        const size_t bytes = left < SPELLED ? left : SPELLED;
        n += wkv_encode(t, text + at, bytes, ids + n, 64);
        left -= bytes;
    }
    return n;
}

/* Answer a request as the transcript does. Returns the tokens of the prompt that were read. */
static int serve(wkv_cache *k, const json_t *what, const texts *r, int compare)
{
    static int32_t ids[1 << 14];
    const int n = sampled_ids(ids, get(what, "sampled"));
    wkv_session *s = session_of_request(k, r);
    wkv_generation g = {0};
    wkv_generation_chat(&g, how, 1);
    const int read = read_on(c, k, s, &g, ids, n);
    EXPECT(s->segments.at[s->segments.n - 1].kind == SEGMENT_SAMPLED);
    if (compare) EXPECT(is_exact(s));
    wkv_session_free(s);
    return read;
}

typedef struct {
    int64_t read, fresh, text; /* tokens read; new; of all requests */
    int most_more;             /* read beyond the new ones, at most */
} sums;

/* The whole transcript; `restart` begins with a new cache of the same folder before this turn. */
static sums replay(const wkv_cache_options *o, int restart, int more_after)
{
    wkv_cache *k = cache_of(c, o);
    client user = {.date = get(transcript, "date")};
    static texts earlier[TURNS];
    sums all = {0};
    for (int i = 0; i < TURNS; i++) {
        const json_t *what = json_array_get(json_object_get(transcript, "turns"), (size_t)i);
        if (i == restart) {
            wkv_cache_free(k);
            k = cache_of(c, o);
        }
        edit(&user, what);
        texts r = request_of(&user);
        const int fresh = new_tokens(&r, earlier, i), special = get(what, "date") || json_object_get(what, "edit"),
                  read = serve(k, what, &r, restart < 0 ? i % 8 == 7 || special : i == restart),
                  bound = fresh + MOST_MORE + (i == restart ? more_after : 0);
        if (read > bound) FAILED("request %d read %d tokens, expected at most %d", i + 1, read, bound);
        all.read += read, all.fresh += fresh, all.text += tokens_of(&r, 0);
        if (read - fresh > all.most_more) all.most_more = read - fresh;
        EXPECT_EQ(wkv_cache_save(k), 0);
        free(r.text[r.n - 1]);
        r.text[r.n - 1] = copy(user.turns[user.n - 1].reply, strlen(user.turns[user.n - 1].reply));
        earlier[i] = r;
    }
    EXPECT(wkv_cache_about(k).answers > 0);
    forget_from(&user, 0);
    for (int i = 0; i < TURNS; i++) release(&earlier[i]);
    wkv_cache_free(k);
    return all;
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void the_transcript_has_its_difficulties(void)
{
    const json_t *turns = json_object_get(transcript, "turns");
    int calls = 0, edits = 0, dates = 0, thoughts = 0;
    EXPECT_EQ(json_array_size(turns), TURNS);
    for (size_t i = 0; i < TURNS; i++) {
        const json_t *what = json_array_get(turns, i), *sent = json_object_get(what, "sent");
        calls += get(sent, "call") && !strstr(get(what, "sampled"), get(sent, "call"));
        edits += json_object_get(what, "edit") || json_object_get(what, "rewrite");
        dates += get(what, "date") != NULL;
        thoughts += strstr(get(what, "sampled"), "</think>") && !json_object_get(sent, "raw");
    }
    EXPECT(calls >= 5 && edits >= 2 && dates >= 2 && thoughts >= 30);
    EXPECT(strstr(get(transcript, "system"), "{date}") < strchr(get(transcript, "system"), '\n'));
}

static void each_request_reads_its_new_text(void)
{
    const sums all = replay(NULL, -1, 0);
    printf("     %lld tokens in %d requests, %lld new, %lld read, at most %d more than the new ones\n",
           (long long)all.text, TURNS, (long long)all.fresh, (long long)all.read, all.most_more);
    EXPECT(all.read < all.fresh + TURNS * MOST_MORE);
}

/* The states of each turn on disk: a restart changes nothing. With the default, those that save 1,024 tokens. */
static void a_restart_forgets_little(void)
{
    SKIP_EMULATED();
    folder_begin("agent");
    replay(&(wkv_cache_options){.folder = in_folder("each"), .disk_tokens = 1}, 15, 0);
    replay(&(wkv_cache_options){.folder = in_folder("some")}, 27, 1024);
    folder_end();
}

int main(void)
{
    json_error_t where;
    if (engine_begin()) return 1;
    transcript = json_load_file(TEST_DIR "/text/agent-40.json", JSON_REJECT_DUPLICATES, &where);
    if (!transcript || wkv_template_find(&how, "g1", NULL, NULL)) {
        printf("agent-40.json:%d: %s\n", where.line, where.text);
        return 1;
    }
    RUN(the_transcript_has_its_difficulties);
    RUN(each_request_reads_its_new_text);
    RUN(a_restart_forgets_little);
    json_decref(transcript);
    engine_end();
    return DONE();
}
