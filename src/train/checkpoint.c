/* checkpoint.c - writing, finding and reading the checkpoints of a run. */
#include "train/checkpoint.h"
#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "train/folder.h"
#include "base/platform/entry.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "checkpoint-%08" PRId64 ".safetensors"

/* ---- the folder -------------------------------------------------------------------------------------------------- */

/* Step of a checkpoint by its file name; -1: not a checkpoint. */
static int64_t step_of(const char *name)
{
    int64_t step;
    char again[64];
    if (sscanf(name, "checkpoint-%" SCNd64, &step) != 1) return -1;
    snprintf(again, sizeof again, NAME, step);
    return strcmp(name, again) ? -1 : step;
}

static int is_checkpoint(const char *name) { return step_of(name) >= 0; }

static int by_step(const void *a, const void *b)
{
    int64_t x = step_of(*(char *const *)a), y = step_of(*(char *const *)b);
    return (x > y) - (x < y);
}

static void remove_in(const char *folder, const char *name)
{
    char *path = path_in(folder, name);
    if (path) entry_remove(path);
    free(path);
}

/* The checkpoints of a folder, oldest first; none if the folder is missing. Free with forget. */
static int find_all(char ***found, int *n, const char *folder)
{
    *n = listing_sorted(found, folder, is_checkpoint);
    if (*n > 0) qsort(*found, (size_t)*n, sizeof **found, by_step);
    if (*n >= 0) return 0;
    *n = 0;
    *found = NULL;
    if (errno == ENOENT) return 0;
    return fail(errno == ENOMEM ? WKV_ENOMEM : WKV_EIO, "%s: %s", folder, strerror(errno));
}

static void forget(char **found, int n)
{
    for (int i = 0; i < n; i++) free(found[i]);
    free(found);
}

int checkpoint_newest(char **out, const char *folder)
{
    char **found;
    int n, err = find_all(&found, &n, folder);
    *out = NULL;
    if (!err && n && !(*out = path_in(folder, found[n - 1]))) err = WKV_ENOMEM;
    forget(found, n);
    return err;
}

/* Remove all but the last `keep` up to `step`; a later one is damaged and was skipped on resume. */
static void remove_old(const char *folder, int64_t step, int keep)
{
    char **found;
    int n;
    find_all(&found, &n, folder); /* a folder that cannot be listed keeps all */
    int last = n;
    while (last > 0 && step_of(found[last - 1]) > step) last--;
    for (int i = 0; i < last - keep; i++) remove_in(folder, found[i]);
    forget(found, n);
}

/* "checkpoint-00000010.safetensors" from the name of its temporary file; 0: another name. */
static int final_name(char out[64], const char *name)
{
    const char *end = strstr(name, ".part-");
    if (!end || end - name >= 64) return 0;
    snprintf(out, 64, "%.*s", (int)(end - name), name);
    return step_of(out) >= 0;
}

static int is_part(const char *name)
{
    char final[64];
    return final_name(final, name);
}

/* A resumed run may save at other steps than the killed one, so its temporary files are removed. */
static void remove_parts(const char *folder)
{
    char **found;
    int n = listing_sorted(&found, folder, is_part);
    for (int i = 0; i < n; i++) {
        char final[64], *path = final_name(final, found[i]) ? path_in(folder, final) : NULL;
        if (path) file_clean(path);
        free(path);
        free(found[i]);
    }
    if (n >= 0) free(found);
}

/* ---- the position ------------------------------------------------------------------------------------------------ */

/* All numbers are text that reads back to the same bits. */
enum { INTEGERS = 11, REALS = 3, FACTS = INTEGERS + REALS + 1 };

static void list_facts(char text[FACTS][40], const wkv_trainer *t, const position *at)
{
    int i = 0;
    const int64_t integers[INTEGERS] = {t->step,        t->skipped,    t->in_row,       at->given,
                                        at->loss_count, at->log_bytes, at->text_tokens, at->held_tokens,
                                        at->tokens,     at->finished,  at->since_best};
    const double reals[REALS] = {at->smooth, at->best, at->loss_sum};
    for (; i < INTEGERS; i++) snprintf(text[i], 40, "%" PRId64, integers[i]);
    for (; i < INTEGERS + REALS; i++) number_print(text[i], 40, "%a", reals[i - INTEGERS]);
    snprintf(text[i], 40, "%016" PRIx64, at->text_sum);
}

static const char *const fact_names[FACTS] = {"step",       "skipped",     "skipped_in_row", "given",    "loss_count",
                                              "log_bytes",  "text_tokens", "held_tokens",    "tokens",   "finished",
                                              "since_best", "smooth_loss", "best_loss",      "loss_sum", "text_sum"};

static int check_fact(const tensors *f, const char *name)
{
    if (checkpoint_setting(f, name)) return 0;
    return fail(WKV_EFORMAT, "%s: \"%s\" is missing; a run cannot resume from it", tensors_path(f), name);
}

static int read_facts(const tensors *f, wkv_trainer *t, position *at)
{
    int64_t integers[INTEGERS];
    double reals[REALS];
    for (int i = 0; i < FACTS; i++) {
        const char *text = checkpoint_setting(f, fact_names[i]);
        if (!text) return check_fact(f, fact_names[i]);
        if (i < INTEGERS)
            integers[i] = strtoll(text, NULL, 10);
        else if (i < INTEGERS + REALS)
            reals[i - INTEGERS] = number_read(text, NULL);
        else
            at->text_sum = strtoull(text, NULL, 16);
    }
    at->data = checkpoint_setting(f, "data");
    t->step = integers[0];
    t->skipped = integers[1];
    t->in_row = (int)integers[2];
    at->given = integers[3];
    at->loss_count = integers[4];
    at->log_bytes = integers[5];
    at->text_tokens = integers[6];
    at->held_tokens = integers[7];
    at->tokens = integers[8];
    at->finished = integers[9];
    at->since_best = integers[10];
    at->smooth = reals[0];
    at->best = reals[1];
    at->loss_sum = reals[2];
    return 0;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

int checkpoint_write(const char *folder, const wkv_trainer *t, const position *at, const wkv_train_options *o, int keep)
{
    settings set;
    char facts[FACTS][40], keys[SETTINGS_MOST + FACTS][40], name[64];
    const char *meta[2 * (SETTINGS_MOST + FACTS) + 9];
    int n = 0, k = 0;
    settings_list(&set, o);
    list_facts(facts, t, at);
    meta[n++] = "format", meta[n++] = "pt";
    meta[n++] = "rwkv.version", meta[n++] = t->m->arch->version;
    meta[n++] = "training.data", meta[n++] = at->data;
    if (*t->p.family) meta[n++] = "general.name", meta[n++] = t->p.family;
    for (int i = 0; i < set.n; i += 2, k++) {
        snprintf(keys[k], sizeof keys[k], "training.%s", set.at[i]);
        meta[n++] = keys[k], meta[n++] = set.at[i + 1];
    }
    for (int i = 0; i < FACTS; i++, k++) {
        snprintf(keys[k], sizeof keys[k], "training.%s", fact_names[i]);
        meta[n++] = keys[k], meta[n++] = facts[i];
    }
    meta[n] = NULL;
    snprintf(name, sizeof name, NAME, t->step);
    char *path = path_in(folder, name);
    if (!path) {
        params_send(&t->p); /* other processes wait for this one */
        return WKV_ENOMEM;
    }
    int err = params_save(&t->p, path, F32, 1, meta);
    free(path);
    if (err) return err;
    remove_old(folder, t->step, keep);
    remove_parts(folder);
    return 0;
}

const char *checkpoint_setting(const void *f, const char *name)
{
    char key[48];
    snprintf(key, sizeof key, "training.%s", name);
    return tensors_meta(f, key);
}

/* Open a checkpoint and check that it has everything a run needs. */
static int open_intact(tensors **out, const char *path)
{
    int err = tensors_open(out, path);
    for (int i = 0; !err && i < FACTS; i++) err = check_fact(*out, fact_names[i]);
    if (err) {
        tensors_close(*out);
        *out = NULL;
    }
    return err;
}

int checkpoint_open(tensors **out, char **damaged, const char *folder)
{
    char **found;
    int n, err = find_all(&found, &n, folder);
    *out = NULL;
    *damaged = NULL;
    for (int i = n; !*out && i-- > 0;) {
        char *path = path_in(folder, found[i]);
        err = path ? open_intact(out, path) : WKV_ENOMEM;
        free(path);
        if (err && err != WKV_EFORMAT) break;
        if (err && !*damaged && !(*damaged = strdup(wkv_error()))) err = fail(WKV_ENOMEM, "no memory for a message");
        if (err == WKV_ENOMEM) break;
    }
    if (err == WKV_EFORMAT)
        err = fail(WKV_EFORMAT, "%s; %s", *damaged,
                   n > 1 ? "no older checkpoint in this folder is intact" : "the folder has no older checkpoint");
    forget(found, n);
    return err;
}

int checkpoint_read(const tensors *f, wkv_trainer *t, position *at)
{
    int err = read_facts(f, t, at);
    if (!err && t->base) err = params_load_values(&t->p, f);
    return err ? err : params_load_moments(&t->p, f);
}
