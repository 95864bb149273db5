/* checkpoint.c - writing, finding and reading the checkpoints of a run. */
#include "train/checkpoint.h"
#include "base/number.h"
#include "train/run.h"
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "checkpoint-%08" PRId64 ".safetensors"

/* ---- the folder ------------------------------------------------------------------------------------------------------ */

/* The step of a file of that name; -1: it is no checkpoint. */
static int64_t step_of(const char *name)
{
    int64_t step;
    char again[64];
    if (sscanf(name, "checkpoint-%" SCNd64, &step) != 1) return -1;
    snprintf(again, sizeof again, NAME, step);
    return strcmp(name, again) ? -1 : step;
}

static int is_checkpoint(const struct dirent *e) { return step_of(e->d_name) >= 0; }

static int by_step(const struct dirent **a, const struct dirent **b)
{
    int64_t x = step_of((*a)->d_name), y = step_of((*b)->d_name);
    return (x > y) - (x < y);
}

static void remove_in(const char *folder, const char *name)
{
    char *path = path_in(folder, name);
    if (path) unlink(path);
    free(path);
}

char *checkpoint_newest(const char *folder)
{
    struct dirent **found;
    int n = scandir(folder, &found, is_checkpoint, by_step);
    char *path = n > 0 ? path_in(folder, found[n - 1]->d_name) : NULL;
    for (int i = 0; i < n; i++) free(found[i]);
    if (n >= 0) free(found);
    return path;
}

static void remove_old(const char *folder, int keep)
{
    struct dirent **found;
    int n = scandir(folder, &found, is_checkpoint, by_step);
    for (int i = 0; i < n; i++) {
        if (i < n - keep) remove_in(folder, found[i]->d_name);
        free(found[i]);
    }
    if (n >= 0) free(found);
}

static int is_part(const struct dirent *e) { return strstr(e->d_name, ".part-") != NULL; }

void checkpoint_sweep(const char *folder)
{
    struct dirent **found;
    int n = scandir(folder, &found, is_part, alphasort);
    for (int i = 0; i < n; i++) {
        remove_in(folder, found[i]->d_name);
        free(found[i]);
    }
    if (n >= 0) free(found);
}

/* ---- the position ------------------------------------------------------------------------------------------------------ */

/* Everything is written as text that gives back the same bits. */
enum { FACTS = 12 };

static void list_facts(char text[FACTS][40], const wkv_trainer *t, const position *at)
{
    int i = 0;
    const int64_t whole[] = {t->step,        t->skipped,    t->in_row,       at->given,
                             at->loss_count, at->log_bytes, at->text_tokens, at->held_tokens};
    const double parts[] = {at->smooth, at->best, at->loss_sum};
    for (; i < 8; i++) snprintf(text[i], 40, "%" PRId64, whole[i]);
    for (; i < 11; i++) number_print(text[i], 40, "%a", parts[i - 8]);
    snprintf(text[i], 40, "%016" PRIx64, at->text_sum);
}

static const char *const fact_names[FACTS] = {"step",        "skipped",   "skipped_in_row", "given",
                                              "loss_count",  "log_bytes", "text_tokens",    "held_tokens",
                                              "smooth_loss", "best_loss", "loss_sum",       "text_sum"};

static int read_facts(const tensors *f, wkv_trainer *t, position *at)
{
    int64_t whole[8];
    double parts[3];
    for (int i = 0; i < FACTS; i++) {
        const char *text = checkpoint_setting(f, fact_names[i]);
        if (!text)
            return fail(WKV_EFORMAT, "%s: \"%s\" is missing; no run can go on from it", tensors_path(f), fact_names[i]);
        if (i < 8)
            whole[i] = strtoll(text, NULL, 10);
        else if (i < 11)
            parts[i - 8] = number_read(text, NULL);
        else
            at->text_sum = strtoull(text, NULL, 16);
    }
    at->data = checkpoint_setting(f, "data");
    t->step = whole[0];
    t->skipped = whole[1];
    t->in_row = (int)whole[2];
    at->given = whole[3];
    at->loss_count = whole[4];
    at->log_bytes = whole[5];
    at->text_tokens = whole[6];
    at->held_tokens = whole[7];
    at->smooth = parts[0];
    at->best = parts[1];
    at->loss_sum = parts[2];
    return 0;
}

/* ---- files ------------------------------------------------------------------------------------------------------------- */

int checkpoint_write(const char *folder, const wkv_trainer *t, const position *at, const wkv_train_options *o, int keep)
{
    settings set;
    char facts[FACTS][40], keys[SETTINGS_MOST + FACTS][40], name[64];
    const char *meta[2 * (SETTINGS_MOST + FACTS) + 7];
    int n = 0, k = 0;
    settings_list(&set, o);
    list_facts(facts, t, at);
    meta[n++] = "format", meta[n++] = "pt";
    meta[n++] = "rwkv.version", meta[n++] = t->p.model.arch->version;
    meta[n++] = "training.data", meta[n++] = at->data;
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
        params_send(&t->p); /* the others wait for it */
        return WKV_ENOMEM;
    }
    int err = params_save(&t->p, path, F32, 1, meta);
    free(path);
    if (!err) remove_old(folder, keep);
    return err;
}

const char *checkpoint_setting(const void *f, const char *name)
{
    char key[48];
    snprintf(key, sizeof key, "training.%s", name);
    return tensors_meta(f, key);
}

int checkpoint_read(const tensors *f, wkv_trainer *t, position *at)
{
    int err = read_facts(f, t, at);
    return err ? err : params_load_moments(&t->p, f);
}
