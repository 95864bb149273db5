/* family.c - the family of chat models of a checkpoint, and the length of its training texts. Read in this order: the
 * file's name, or the folder's if the file has a general name, the name inside a GGUF, the chat template beside the
 * model, its vocabulary. Published names are "rwkv7-g1i-1.5b-20260805-ctx16384" and
 * "RWKV-x070-World-0.1B-v2.8-20241210-ctx4096". */
#include "rwkv/family.h"
#include "base/path.h"
#include "rwkv/api.h"
#include "base/platform/entry.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* The rest of the name after a word that is not inside another word; NULL: not found. "g1" is in "rwkv7-g1a-0.4b.pth",
 * not in "big1.pth" and not in "g10". */
static const char *mentions(const char *name, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = name; *p; p++)
        if (!strncasecmp(p, word, n) && (p == name || !isalnum((unsigned char)p[-1])) &&
            !(isdigit((unsigned char)p[n - 1]) && isdigit((unsigned char)p[n])))
            return p + n;
    return NULL;
}

static const char *template_of_name(const char *name)
{
    if (mentions(name, "g1") || mentions(name, "g0"))
        return "g1"; /* first: llama.cpp writes "rwkv-world" for these too */
    if (mentions(name, "raven")) return "raven";
    if (mentions(name, "world")) return "world";
    return mentions(name, "pile") ? "pile" : NULL;
}

static int context_of_name(const char *name)
{
    int n = 0;
    for (const char *p = name; !n && (p = mentions(p, "ctx"));)
        for (; isdigit((unsigned char)*p) && n < 100000000; p++) n = 10 * n + (*p - '0');
    return n;
}

int is_general_name(const char *path)
{
    const char *slash = path_last_slash(path), *name = slash ? slash + 1 : path;
    return !strncasecmp(name, "model.", 6) || !strncasecmp(name, "model-", 6) ||
           !strncasecmp(name, "pytorch_model", 13);
}

enum { NAMES = 3 };

/* The names of a checkpoint; "" for a missing one. */
static void find_names(char name[NAMES][256], const wkv_model *m)
{
    char folder[4096];
    const char *inside = m->file ? tensors_meta(m->file, "general.name") : NULL;
    const char *path = m->file && tensors_file(m->file) ? tensors_file(m->file) : m->about.path;
    memset(name, 0, NAMES * sizeof name[0]);
    path_name(name[0], sizeof name[0], path);
    if (is_general_name(name[0])) {
        path_folder(folder, sizeof folder, path);
        path_name(name[1], sizeof name[1], folder);
    }
    if (inside) strncpy(name[2], inside, sizeof name[2] - 1);
}

/* ---- the template ------------------------------------------------------------------------------------------------ */

/* tokenizer.chat_template of a GGUF, chat_template.jinja of a folder: a name, or a program in Jinja, which is never
 * run. Only the templates of reasoning models contain "<think". rwkv-rs's template, also for G1 models, contains
 * "User:" turns beside those of a bot (separated by flowers) and of functions (under headings). Templates of other
 * families contain neither. */
static const char *template_of_program(const char *text)
{
    static const char flower[] = "\xe2\x9c\xbf";
    if (strstr(text, "<think") || strstr(text, flower) || strstr(text, "### User")) return "g1";
    return strstr(text, "User:") || strstr(text, "rwkv-world") ? "world" : NULL;
}

static const char *template_of_vocabulary(int vocab)
{
    return fits_world(vocab) ? "world" : vocab == 50277 || vocab == 50304 ? "pile" : "plain";
}

const char *family_template(const wkv_model *m)
{
    const char *program = m->file ? tensors_meta(m->file, "tokenizer.chat_template") : NULL, *found;
    char name[NAMES][256];
    find_names(name, m);
    for (int i = 0; i < NAMES; i++)
        if ((found = template_of_name(name[i]))) return found;
    if (program && (found = template_of_program(program))) return found;
    return template_of_vocabulary(m->about.vocab);
}

/* ---- the context ------------------------------------------------------------------------------------------------- */

enum { NO_LIMIT = 1048576 }; /* llama.cpp's converters write it for any RWKV, because a state has none */

int family_context(const wkv_model *m)
{
    static const char *const keys[] = {"config.context_length", "config.max_position_embeddings",
                                       "config.model_max_length", "config.ctx_len",
                                       "tokenizer_config.model_max_length"};
    char name[NAMES][256], key[64];
    double n = 0;
    find_names(name, m);
    for (int i = 0; i < NAMES && n < 1; i++) n = context_of_name(name[i]);
    for (size_t i = 0; m->file && i < sizeof keys / sizeof *keys && !(n >= 1); i++) {
        n = tensors_number(m->file, keys[i], 0);
        if (n > NO_LIMIT) n = 0;
    }
    const char *family = m->file ? tensors_meta(m->file, "general.architecture") : NULL;
    if (family && !(n >= 1)) {
        snprintf(key, sizeof key, "%s.context_length", family);
        n = tensors_number(m->file, key, 0);
        if (n >= NO_LIMIT) n = 0;
    }
    return n >= 1 ? (int)n : 0;
}

/* ---- the name of a copy ------------------------------------------------------------------------------------------ */

/* "model" of "model.pth"; a folder's name may have a dot too: "rwkv7-0.1b" */
static void cut_extension(char *name)
{
    static const char *const extensions[] = {".pth", ".pt", ".safetensors", ".st", ".gguf", ".bin"};
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (path_has_extension(name, extensions[i])) name[strlen(name) - strlen(extensions[i])] = 0;
}

int family_name(char out[256], const wkv_model *m)
{
    char name[NAMES][256];
    const char *template = family_template(m), *found;
    const int context = family_context(m);
    find_names(name, m);
    int best = name[1][0] ? 1 : 0;
    for (int i = NAMES - 1; i >= 0; i--)
        if (template_of_name(name[i]) || context_of_name(name[i])) best = i;
    cut_extension(name[best]);
    found = template_of_name(name[best]);
    if (!found) found = template_of_vocabulary(m->about.vocab);
    size_t n = (size_t)snprintf(out, 256, "%.200s", name[best]);
    if (strcmp(found, template)) n += (size_t)snprintf(out + n, 256 - n, "-%s", template);
    if (context && !context_of_name(name[best])) snprintf(out + n, 256 - n, "-ctx%d", context);
    return template_of_name(out) || context_of_name(out);
}
