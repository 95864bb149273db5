/* settings.h - the options of a run: their defaults, and what a checkpoint remembers of them so that a resumed run is
 * the same. */
#ifndef WKV_TRAIN_SETTINGS_H
#define WKV_TRAIN_SETTINGS_H

#include "wkv_train.h"

/* WKV_EARG names an option that is NaN or infinite. */
int settings_finite(const wkv_train_options *o);

/* Sizes, context, batch, learning rate and steps of a new model that are left at zero are chosen for a text of so many
 * tokens (docs/training.md, "Sizes by the amount of text"). Returns 1 when one was. A context that is left at zero is
 * never longer than the text, with `init` too. */
int settings_suit(wkv_train_options *o, int64_t tokens);

/* Of a run over so many samples: a batch has no more of them; steps and warm-up that are left at zero follow from their
 * number. WKV_EARG: epochs that are other steps than those of a run that is resumed. */
int settings_suit_samples(wkv_train_options *o, int samples);

/* Options left at zero get their defaults; those whose default another part knows (of the model, of the data) stay
 * zero. */
void settings_default(wkv_train_options *o);
/* The method alone, which other defaults follow from. */
void settings_default_method(wkv_train_options *o);

enum { SETTINGS_MOST = 64 }; /* more than there are */

/* The settings as texts, name and value by turns, and what the texts lie in. */
typedef struct {
    const char *at[2 * SETTINGS_MOST + 1]; /* NULL behind the last */
    char text[SETTINGS_MOST][32];
    int n;
} settings;

/* Those that change the result, and those that are only remembered (NULL texts left out). `o` must outlive `s`. */
void settings_list(settings *s, const wkv_train_options *o);

/* Options left at zero are filled in from a checkpoint's settings; `find` gives the text of a name, which the options
 * then point into, or NULL. WKV_EARG with the name and both values when one that changes the result is set and
 * differs. */
int settings_resume(wkv_train_options *o, const char *(*find)(const void *where, const char *name), const void *where);

#endif
