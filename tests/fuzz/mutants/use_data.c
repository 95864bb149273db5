/* use_data.c - the inputs of train and tune: files of tokens, lines of JSON, and the checkpoint that a run is resumed
 * from. */
#include "train/data.h"
#include "train/samples.h"
#include "use.h"
#include "wkv_train.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int use_tokens(const char *path, const void *form)
{
    const text_form none = {0};
    tokens d = {0};
    int32_t ids[8];
    int e = tokens_add(&d, path, form ? form : &none);
    if (!e) {
        tokens_sum(&d);
        int64_t n = d.n < 8 ? d.n : 8;
        tokens_copy(&d, 0, n, ids);
        tokens_copy(&d, d.n - n, n, ids);
    }
    tokens_release(&d);
    return e ? refused() : 1;
}

int use_lines(const char *path, rng *r)
{
    wkv_tokenizer *t;
    const wkv_template *chat;
    samples s = {0};
    if (wkv_tokenizer_open(&t, "bytes", NULL) || wkv_template_find(&chat, below(r, 2) ? "g1" : "world", NULL, NULL))
        abort();
    const text_form form = {.vocab = t, .documents = {.chat = chat}};
    int opened = !samples_add(&s, path, t, &form.documents, below(r, 2) ? 0 : 1 + (int)below(r, 20));
    if (opened)
        samples_release(&s);
    else
        refused();
    opened |= use_tokens(path, &form);
    wkv_tokenizer_close(t);
    return opened;
}

/* ---- a run ------------------------------------------------------------------------------------------------------- */

static int is_large(void *user, const wkv_train_plan *p)
{
    (void)user;
    return p->step_tokens > 1 << 10 || p->parameters > 1 << 18;
}

static int stop(void *user, const wkv_train_report *r)
{
    (void)user;
    return r->step >= 3;
}

static void empty(const char *folder)
{
    DIR *d = opendir(folder);
    char path[600];
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        unlink(path);
    }
    if (d) closedir(d);
}

int make_run(const char *folder, const char *text)
{
    const char *data[] = {text, NULL};
    const wkv_train_options o = {.out = folder,
                                 .data = data,
                                 .vocab = "bytes",
                                 .layers = 1,
                                 .width = 8,
                                 .head_size = 8,
                                 .ffn = 8,
                                 .steps = 8,
                                 .context = 4,
                                 .batch = 2,
                                 .valid_share = -1,
                                 .sample_every = -1,
                                 .threads = 1,
                                 .report = stop};
    return wkv_train(&o) == WKV_ESTOPPED ? 0 : 1;
}

/* The next steps of a run with the mutant as its newest checkpoint. */
int use_run(const char *scratch)
{
    char folder[200];
    snprintf(folder, sizeof folder, "%s/run", scratch);
    const wkv_train_options o = {.out = folder, .resume = 1, .threads = 1, .plan = is_large, .report = stop};
    int e = wkv_train(&o);
    if (e && e != WKV_ESTOPPED) refused();
    empty(folder);
    return !e || e == WKV_ESTOPPED;
}
