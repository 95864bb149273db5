/* training.h - the part that wkv train and wkv tune share: options, notes about plan and steps, the processes of a
 * run. */
#ifndef WKV_CLI_TRAINING_H
#define WKV_CLI_TRAINING_H

#include "engine.h"
#include "losses.h"
#include "say.h"
#include "wkv_train.h"
#include <limits.h>

/* Values of the options; numbers that are not given are NAN, choices -1. */
typedef struct {
    wkv_train_options set;
    texts data, add;
    int steps, hold, schedule, checkpointing, save_type, only_plan;
    float epochs, lr, lr_final, weight_decay, clip;
} training_options;
extern training_options training;
void training_defaults(void);

/* Rows of the options of either. */
#define TRAINING_SCHEDULE                                                                                              \
    {0, "schedule", OPT_CHOICE, "cosine|linear|exponential|constant|wsd", &training.schedule, 0, 0, "cosine",          \
     "how the learning rate falls"},                                                                                   \
    {                                                                                                                  \
        0, "hold", OPT_COUNT, "N", &training.hold, 1, INT_MAX, "wsd: 80 % of all",                                     \
            "steps at --lr before it falls (exponential, wsd)"                                                         \
    }

#define TRAINING_ADD_TOKEN                                                                                             \
    {                                                                                                                  \
        0, "add-token", OPT_TEXTS, "TEXT", &training.add, 0, 0, "",                                                    \
            "make this text a token of its own behind the vocabulary's last id, again for more; all weights are "      \
            "trained, and embedding and head enlarged where they have no row for it"                                   \
    }

/* "Figures and files": plan, types, intervals. */
extern const group training_keeping;

typedef struct {
    progress bar;
    losses losses;
    int shown;  /* samples                                        */
    int masked; /* some of their tokens are not in the loss: turns */
    int questions; /* of --eval                                    */
    int ids;    /* tokens have no text: there is no vocabulary     */
    int result;
} training_watch;

/* Take over the options, and train. Returns an exit status: 130, it was stopped and all of it saved. w->result: there
 * is one, and this process tells of it. */
int training_run(training_watch *w, const char *doing);

/* Notes: the memory that each method takes with the model in bf16, q8 and q4. */
void training_put_memory(void);

/* The suffix of a saved model: "safetensors" or "pth". */
const char *training_suffix(void);

#endif
