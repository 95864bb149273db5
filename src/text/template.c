/* template.c - how a conversation is written for each family of chat models (spec FORMATS 9.1, ARCHITECTURES 12.3). */
#include "text/template.h"
#include "base/error.h"
#include "base/path.h"
#include "rwkv/api.h"
#include "text/tokenizer.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

static const wkv_template plain = {"plain", "User", "Assistant", "", "System: ", "\n\n", {"\n\nUser:", "\n\nSystem:"}};

static const wkv_template g1 = {"g1", "User", "Assistant", "", "System: ", "\n\n", {"\n\nUser:", "\n\nSystem:"}};

#define WORLD_OPENING                                                                                                  \
    "User: hi\n\nAssistant: Hi. I am your assistant and I will provide expert full response in full details. "         \
    "Please feel free to ask any question and I will always answer it.\n\n"

static const wkv_template world = {
    "world", "User", "Assistant", WORLD_OPENING, "System: ", "\n\n", {"\n\nUser:", "\n\nSystem:", "\n\nAssistant:"}};

/* versions 4 and 5 learnt from answers without blank lines, and go on with anything after one */
static const wkv_template old_world = {"world", "User", "Assistant", WORLD_OPENING, "System: ", "\n\n", {"\n\n"}};

#define RAVEN_OPENING                                                                                                  \
    "\nThe following is a coherent verbose detailed conversation between a girl named Alice and her friend Bob. "      \
    "Alice is very intelligent, creative and friendly. Alice is unlikely to disagree with Bob, and Alice doesn't "     \
    "like to ask Bob questions. Alice likes to tell Bob a lot about herself and her opinions. Alice usually "          \
    "gives Bob kind, helpful and informative advices.\n\n"

static const wkv_template raven = {"raven", "Bob", "Alice", RAVEN_OPENING, "\n", "\n\n", {"\n\n"}};

static const wkv_template pile = {"pile", "Q", "A", "\n", "\n", "\n", {"\n\nQ:", "\nQ:", "\n\n"}};

static const wkv_template *const templates[] = {&world, &g1, &raven, &pile, &plain};
enum { TEMPLATES = sizeof templates / sizeof *templates };

/* ---- which one ------------------------------------------------------------------------------------------------------- */

/* The file's name mentions the family, not inside another word: "g1" is in "rwkv7-g1a-0.4b.pth", not in "big1.pth". */
static int mentions(const char *name, const char *family)
{
    size_t n = strlen(family);
    for (const char *p = name; *p; p++)
        if (!strncasecmp(p, family, n) && (p == name || !isalnum((unsigned char)p[-1])) &&
            !(isdigit((unsigned char)p[n - 1]) && isdigit((unsigned char)p[n])))
            return 1;
    return 0;
}

static int is_old(const wkv_model *m) { return m && (m->about.version[0] == '4' || m->about.version[0] == '5'); }

/* GGUF's tokenizer.chat_template: a name, or a Jinja text, where only models that think speak of it. */
static const wkv_template *by_metadata(const wkv_model *m)
{
    const char *text = m->file ? tensors_meta(m->file, "tokenizer.chat_template") : NULL;
    return text && strstr(text, "think") ? &g1 : text ? &world : NULL;
}

static const wkv_template *by_name(const char *name)
{
    if (mentions(name, "g1") || mentions(name, "g0"))
        return &g1; /* first: llama.cpp writes "rwkv-world" for these too */
    if (mentions(name, "raven")) return &raven;
    if (mentions(name, "world")) return &world;
    return mentions(name, "pile") ? &pile : NULL;
}

/* Every HF model has these names, so that its folder has the model's. */
static int is_any_model(const char *name)
{
    return !strncasecmp(name, "model.", 6) || !strncasecmp(name, "model-", 6) || !strncasecmp(name, "pytorch_model", 13);
}

static const wkv_template *by_path(const char *path)
{
    char name[256], folder[4096];
    path_name(name, sizeof name, path);
    const wkv_template *found = by_name(name);
    if (found || !is_any_model(name)) return found;
    path_folder(folder, sizeof folder, path);
    path_name(name, sizeof name, folder);
    return by_name(name);
}

static const wkv_template *by_model(const wkv_model *m, const wkv_tokenizer *t)
{
    const wkv_model_info *about = &m->about;
    const wkv_template *found;
    if ((found = by_path(about->path)) || (found = by_metadata(m))) return found;
    if (fits_world(about->vocab) || (t && !strcmp(t->name, "World"))) return &world;
    if (about->vocab == 50277 || about->vocab == 50304) return &pile;
    return &plain;
}

int wkv_template_find(const wkv_template **out, const char *name, const wkv_model *m, const wkv_tokenizer *t)
{
    REQUIRE(out, "the place for the template");
    *out = NULL;
    if (!name) *out = m ? by_model(m, t) : &plain;
    for (int i = 0; name && i < TEMPLATES; i++)
        if (!strcasecmp(name, templates[i]->name)) *out = templates[i];
    if (!*out)
        return fail(WKV_EARG, "no chat template is called \"%.40s\"; there are world, g1, raven, pile and plain", name);
    if (*out == &world && is_old(m)) *out = &old_world;
    return 0;
}

/* ---- one turn -------------------------------------------------------------------------------------------------------- */

typedef struct {
    char *out;
    size_t cap, n;
} page;

static void put(page *p, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++, p->n++)
        if (p->n + 1 < p->cap) p->out[p->n] = text[i];
}

static stretch string(const char *text) { return (stretch){text, text ? strlen(text) : 0}; }
static void put_string(page *p, const char *text) { put(p, text, strlen(text)); }

/* Bytes of the blank that the text begins (or, at its end, ends) with: ASCII's, and the ideographic space. 0: none. */
static size_t blank_at(const char *p, size_t n)
{
    if (n >= 3 && !memcmp(p, "\xe3\x80\x80", 3)) return 3;
    return n && strchr(" \t\n\v\f\r", *p) && *p ? 1 : 0;
}

static size_t blank_before(const char *p, size_t n)
{
    if (n >= 3 && blank_at(p + n - 3, 3) == 3) return 3;
    return n && blank_at(p + n - 1, 1) ? 1 : 0;
}

/* The text without blanks around it, "\r\n" as "\n", and of several line ends only the first. */
static void put_clean(page *p, stretch clean)
{
    const char *text = clean.at;
    size_t n = clean.n, blank, ends = 0;
    while ((blank = blank_at(text, n))) text += blank, n -= blank;
    while ((blank = blank_before(text, n))) n -= blank;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n') continue;
        ends = text[i] == '\n' ? ends + 1 : 0;
        if (ends < 2) put(p, text + i, 1);
    }
}

size_t template_turn(const wkv_template *t, int first, stretch system, stretch user, wkv_think think, char *out, size_t cap)
{
    static const char *const thoughts[] = {
        [WKV_THINK_OFF] = "", [WKV_THINK_ON] = " <think", [WKV_THINK_FAST] = " <think>\n</think"};
    page p = {out, cap, 0};
    if (first && system.n) {
        put_string(&p, t->system);
        put_clean(&p, system);
        put_string(&p, "\n\n");
    } else if (first)
        put_string(&p, t->opening);
    put_string(&p, t->user);
    put_string(&p, ": ");
    put_clean(&p, user);
    put_string(&p, t->join);
    put_string(&p, t->assistant);
    put_string(&p, ":");
    if (!strcmp(t->name, "g1") && think >= 0 && think <= WKV_THINK_FAST) put_string(&p, thoughts[think]);
    if (cap) out[p.n < cap ? p.n : cap - 1] = 0;
    return p.n;
}

size_t template_reply(const wkv_template *t, stretch text, char *out, size_t cap)
{
    page p = {out, cap, 0};
    put_string(&p, " ");
    put_clean(&p, text);
    put(&p, t->stops[0], strspn(t->stops[0], "\n"));
    if (cap) out[p.n < cap ? p.n : cap - 1] = 0;
    return p.n;
}

/* Room in out, where nothing is yet. */
static size_t room_in(char *out, size_t cap)
{
    if (!out || !cap) return 0;
    *out = 0;
    return cap;
}

size_t wkv_template_turn(const wkv_template *t, int first, const char *system, const char *user, wkv_think think, char *out, size_t cap)
{
    cap = room_in(out, cap);
    return t && user ? template_turn(t, first, string(system), string(user), think, out, cap) : 0;
}

size_t wkv_template_reply(const wkv_template *t, const char *text, char *out, size_t cap)
{
    cap = room_in(out, cap);
    return t && text ? template_reply(t, string(text), out, cap) : 0;
}
