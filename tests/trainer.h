/* trainer.h - a small trainer of each version, for tests. */
#ifndef WKV_TESTS_TRAINER_H
#define WKV_TESTS_TRAINER_H

#include <stdlib.h>
#include <string.h>
#include "train/trainer.h"
#include "test.h"

static const char *const versions[] = {"4", "5.2", "6", "7"};
enum { VERSIONS = 4 };

static wkv_train_options tiny(const char *version)
{
    return (wkv_train_options){
        .version = version, .layers = 2, .width = 32, .head_size = 16, .vocab_size = 64, .threads = 1, .seed = 1};
}

static wkv_trainer *make(const wkv_train_options *o)
{
    wkv_trainer *t;
    if (wkv_trainer_new(&t, o)) {
        FAILED("%s", wkv_error());
        exit(1);
    }
    return t;
}

static const param *find_param(const wkv_trainer *t, const char *name)
{
    for (int i = 0; i < t->p.count; i++)
        if (!strcmp(t->p.list[i].name, name)) return &t->p.list[i];
    FAILED("no tensor %s", name);
    exit(1);
}

#endif
