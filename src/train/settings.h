/* settings.h - the options of a run: their defaults, and the settings that a checkpoint stores for a resumed run. */
#ifndef WKV_TRAIN_SETTINGS_H
#define WKV_TRAIN_SETTINGS_H

#include "wkv_train.h"

/* WKV_EARG names an option that is NaN or infinite. */
int settings_finite(const wkv_train_options *o);

/* Choose sizes, context, batch, learning rate and steps of a new model that are zero for a text of so many tokens
 * (docs/training.md 5). Returns 1 if it chose any. A context of zero becomes at most the length of the text, with
 * `init` too. */
int settings_suit(wkv_train_options *o, int64_t tokens);

/* For a run over so many samples: limit the batch to their number; choose steps and warmup that are zero from it.
 * WKV_EARG: the epochs give other steps than the resumed run has. */
int settings_suit_samples(wkv_train_options *o, int samples);

/* Fill in defaults for options that are zero, except those with defaults from the model or the data. */
void settings_default(wkv_train_options *o);
/* The method alone, which other defaults follow from. */
void settings_default_method(wkv_train_options *o);

enum { SETTINGS_MOST = 64 }; /* upper bound */

/* The settings as texts, alternating name and value, and their buffer. */
typedef struct {
    const char *at[2 * SETTINGS_MOST + 1]; /* NULL-terminated */
    char text[SETTINGS_MOST][32];
    int n;
} settings;

/* Write the settings that change the result and those that are only stored, without NULL texts. `o` must outlive
 * `s`. */
void settings_list(settings *s, const wkv_train_options *o);

/* Fill in options that are zero from the settings of a checkpoint; `find` returns the text of a name, which the options
 * then point to, or NULL. WKV_EARG, with name and both values: an option that changes the result is set and differs. */
int settings_resume(wkv_train_options *o, const char *(*find)(const void *where, const char *name), const void *where);

#endif
